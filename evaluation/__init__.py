"""Honest numbers: splits, metrics, baselines, and the report."""
