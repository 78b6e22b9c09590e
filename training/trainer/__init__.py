"""The training loop: examples, batches, checkpoints, model selection."""
