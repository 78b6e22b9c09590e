"""Reading a catalog and a log from files: formats, column names, and rows that are set aside."""
