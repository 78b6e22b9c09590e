"""Vectors in, neighbours out: build, search, filter and store. NumPy and FAISS only."""
