"""Who may ask: the API key, and where the service may be bound without one."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
from pathlib import Path

from longtail.index.errors import LongtailError

KEY_VARIABLE = "LONGTAIL_API_KEY"
SHORTEST_KEY = 16
# The page and its scripts hold no data: the page asks for the key, then sends it.
_OPEN = frozenset({"/", "/healthz", "/readyz", "/favicon.ico"})
_OPEN_BELOW = "/explorer/"


class AccessError(LongtailError):
    """The service would be open to others without a key, or the key can't be used."""


class ApiKey:
    """A key that is compared in constant time."""

    def __init__(self, key: str) -> None:
        # Sums of equal length: not even the length of the key shows in the time.
        self._sum = hashlib.sha256(key.encode()).digest()

    def opens(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Return whether a request has it, as ``X-API-Key`` or ``Authorization: Bearer``."""
        given = b""
        for name, value in headers:
            if name == b"x-api-key":
                given = value
            elif name == b"authorization" and value[:7].lower() == b"bearer ":
                given = value[7:]
        return hmac.compare_digest(hashlib.sha256(given.strip()).digest(), self._sum)


def is_open(path: str) -> bool:
    """Return whether a path is answered without the key.

    >>> is_open("/healthz"), is_open("/explorer/page.js"), is_open("/v1/recommend")
    (True, True, False)
    """
    return path in _OPEN or path.startswith(_OPEN_BELOW)


def read_key(file: Path | None) -> ApiKey | None:
    """Return the key from a file, else from the environment; None where there is neither.

    Raises:
        AccessError: the file can't be read, or the key is too short to be one.
    """
    if file is not None:
        try:
            key = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8"
            raise AccessError(f"{file}: {reason}; it should hold the API key") from error
        source = str(file)
    else:
        key, source = os.environ.get(KEY_VARIABLE, "").strip(), KEY_VARIABLE
        if not key:
            return None
    if len(key) < SHORTEST_KEY:
        raise AccessError(
            f"the API key in {source} has {len(key)} characters; use at least {SHORTEST_KEY}, "
            "such as `openssl rand -hex 32` prints"
        )
    return ApiKey(key)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_this_machine(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether the ``Host`` of a request is this machine's own, whatever the port.

    >>> names_this_machine([(b"host", b"[::1]:8000")]), names_this_machine([(b"host", b"a.test")])
    (True, False)
    """
    for name, value in headers:
        if name == b"host":
            host = value.decode("latin-1").strip().lower()
            bare = host[1:].partition("]")[0] if host[:1] == "[" else host.partition(":")[0]
            return is_loopback(bare)
    return False


def refuse_open_service(host: str, key: ApiKey | None) -> None:
    """Refuse to serve other machines without a key.

    Raises:
        AccessError: the address isn't loopback and there is no key.
    """
    if key is None and not is_loopback(host):
        raise AccessError(
            f"{host} can be reached by other machines and there is no API key; set {KEY_VARIABLE} "
            "or give --api-key-file, or bind to 127.0.0.1"
        )
