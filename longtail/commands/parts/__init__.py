"""Commands that write a part of the data, or the parts it is split into."""
