"""longtail: find the items a popularity-driven recommender never shows."""
