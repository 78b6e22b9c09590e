"""The stages of contrastive training in their order."""
