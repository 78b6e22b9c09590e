"""The relevance head of unknown items: what it learns from, and how often they are taken."""
