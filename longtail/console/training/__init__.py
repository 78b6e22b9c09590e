"""What a training and a learning say when they end."""
