"""What is known of users beside what they took: columns of a users file, as values with numbers."""
