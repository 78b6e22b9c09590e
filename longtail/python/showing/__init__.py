"""What a notebook or a terminal shows: screens, tables and progress."""
