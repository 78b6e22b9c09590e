"""The engine behind the service: its versions, its batches, and the way to the next version."""
