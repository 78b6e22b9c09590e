"""Parts of the data, written to files."""
