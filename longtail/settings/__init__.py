"""Training settings: what there is, from which file, in which range."""
