"""Fitting evidence from the log: item-to-item weights and sequence towers."""
