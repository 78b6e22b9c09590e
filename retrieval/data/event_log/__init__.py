"""The folder of events: segments of lines, what is read from them and what is written."""
