"""`longtail index`: one file for each group of its commands."""
