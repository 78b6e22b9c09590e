"""What single columns of a log say of its rows."""
