"""Frames of any library on their way in, and recommendations on their way out."""
