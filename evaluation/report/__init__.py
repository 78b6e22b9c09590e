"""The evaluation for people: the table on the screen, and report.html."""
