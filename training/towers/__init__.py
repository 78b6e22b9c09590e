"""Towers in training: what is frozen, what trains, and how texts are encoded on the way."""
