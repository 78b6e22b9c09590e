"""One search: what it asks of each segment, what is excluded, and how answers are merged."""
