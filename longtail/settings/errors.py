"""What goes wrong with settings."""

from __future__ import annotations

from longtail.index.errors import LongtailError


class SettingsError(LongtailError):
    """A settings file or `--set` option can't be used; the message names the key."""
