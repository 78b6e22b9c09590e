"""Public layouts of catalogs and logs, turned into our own columns: `longtail data convert`."""
