"""What a training and its evaluations report to MLflow, TensorBoard or Weights & Biases."""
