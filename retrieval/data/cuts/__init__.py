"""Where a log is cut into train, valid and test: what was asked for, and the moments."""
