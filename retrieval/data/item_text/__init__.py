"""What of an item's cells is words for people."""
