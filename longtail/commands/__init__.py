"""One command a file; `longtail.cli` puts them together."""
