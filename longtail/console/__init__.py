"""What a person sees on the screen: tables, summaries, progress."""
