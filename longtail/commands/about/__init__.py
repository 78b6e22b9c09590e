"""Commands that say what there is: machine, encoders, settings."""
