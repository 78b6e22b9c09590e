"""The least that is asked of a file before it is read."""
