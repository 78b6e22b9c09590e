"""Compiled loops and matrix products in blocks: arrays in, arrays out."""
