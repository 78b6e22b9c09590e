"""Layers of the towers over histories, as they run on a processor."""
