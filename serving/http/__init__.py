"""HTTP around the engine: what requests must be, what answers look like, what is refused."""
