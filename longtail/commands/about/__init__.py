"""Commands that say what there is: machine, settings."""
