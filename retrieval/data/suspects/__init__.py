"""Texts and events that look made to game the engine: what is suspected, and why."""
