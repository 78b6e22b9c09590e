"""What the bytes of a text are in."""
