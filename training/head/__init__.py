"""Fitting the relevance head: pairs with answers, scorers, and the choice among them."""
