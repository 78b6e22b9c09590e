"""Times whose day stands in one column and whose time of day in another."""
