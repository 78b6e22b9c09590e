"""The vectors of a segment: stored, scored exactly, and the best of them kept."""
