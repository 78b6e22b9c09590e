"""What a row of a log means: taken, seen, rejected or only shown."""
