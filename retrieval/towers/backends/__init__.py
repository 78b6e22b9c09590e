"""Ways of running a text encoder."""
