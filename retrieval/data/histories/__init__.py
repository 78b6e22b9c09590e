"""What users did, user by user."""
