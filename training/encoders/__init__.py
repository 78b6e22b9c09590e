"""Text encoders tried on a catalog before a training: what each costs, and what it gives."""
