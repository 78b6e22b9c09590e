"""A pretrained text encoder out of its files: what it must be, and how much of it a tower takes."""
