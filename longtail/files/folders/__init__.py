"""Folders of inputs: which of their files is what."""
