"""What is checked of a run folder whose sums are right."""
