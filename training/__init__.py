"""Fitting the towers and the relevance head: batches, losses, trainer."""
