"""Item-to-item baselines: neighbours, walks, and linear weights in closed form."""
