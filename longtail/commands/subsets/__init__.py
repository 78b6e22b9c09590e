"""Commands that write a part of the data."""
