"""What users did with items beside taking them, as evidence."""
