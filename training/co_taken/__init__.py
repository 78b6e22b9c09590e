"""Training the item tower on who takes what together, one text against the whole catalog."""
