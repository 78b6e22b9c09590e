"""Whole jobs on a run folder, the same for a command and for Python: each from inputs to a run."""
