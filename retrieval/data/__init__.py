"""The catalog and the log: read from files, checked, counted, split and filtered."""
