"""The model card of a run, and its way to a model hub."""
