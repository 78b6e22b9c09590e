"""The two towers: item texts to vectors, and user histories to vectors in the same space."""
