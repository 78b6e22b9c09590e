"""Layouts of the data sets that papers are measured on; one family a file."""
