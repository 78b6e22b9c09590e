"""How much of a file may be set aside, and why ids of two files don't meet."""
