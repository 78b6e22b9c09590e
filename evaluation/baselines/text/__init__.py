"""Baselines that read texts alone."""
