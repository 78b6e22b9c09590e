"""The contrastive loss, one idea a file: softmax over a sample, logQ, masking."""
