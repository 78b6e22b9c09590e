"""What clients write: events and items, on the disk before they are acknowledged."""
