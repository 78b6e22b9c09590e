"""Tables of what there is."""
