"""The run folder: what was trained, and what has changed in the catalog since."""
