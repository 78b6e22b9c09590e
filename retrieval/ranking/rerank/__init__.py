"""From candidates to lists: the popularity dial by user and by profile, and diversity."""
