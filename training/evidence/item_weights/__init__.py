"""Item-to-item weights: the closed form, its first-order term, and what validation chooses."""
