"""What is known of a user and of a (user, candidate) pair, and the head that judges it."""
