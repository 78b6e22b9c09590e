"""What each kind of column says of the rows of a log."""
