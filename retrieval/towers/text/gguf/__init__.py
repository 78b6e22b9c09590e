"""Decoders that lie in one GGUF file, as folders that sentence-transformers reads."""
