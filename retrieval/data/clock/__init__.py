"""What the times of a log can be trusted with."""
