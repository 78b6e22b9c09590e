"""The HTTP service over one run folder: recommendations, events, and a catalog that changes."""
