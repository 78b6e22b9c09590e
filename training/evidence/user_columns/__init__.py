"""What the columns of users say of items, and how much it counts."""
