"""The settings files that ship with longtail; `--config cpu` finds them by name."""
