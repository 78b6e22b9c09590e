"""Baselines that look at nobody: popularity, recent popularity, chance."""
