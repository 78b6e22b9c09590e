"""Times of a log: how they are spelt, and whether they are a clock."""
