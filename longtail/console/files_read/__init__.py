"""What was read of a job's files, for a person to check."""
