"""Texts on their way through an encoder: tokens, batches, pieces, pooled vectors."""
