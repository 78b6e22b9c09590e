"""Who may ask: the API keys, and where the service may be bound without one."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from longtail.index.errors import LongtailError
from longtail.serving.key_strength import SHORTEST_KEY, weakness

KEY_VARIABLE = "LONGTAIL_API_KEY"
READ_KEY_VARIABLE = "LONGTAIL_READ_KEY"
# The page and its scripts hold no data: the page asks for the key, then sends it.
_OPEN = frozenset({"/", "/healthz", "/readyz", "/favicon.ico"})
_OPEN_BELOW = "/explorer/"
# Recommendations are asked for with POST, and change nothing.
_READS_BY_POST = frozenset({"/v1/recommend", "/v1/recommend:batch"})
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^:\[\]@/?#\s]+))(?::\d{1,5})?")

Headers = list[tuple[bytes, bytes]]


class AccessError(LongtailError):
    """The service would be open to others without a key, or the key can't be used."""


class Access(Enum):
    """What a request may do."""

    NONE = 0
    READ = 1
    WRITE = 2


class ApiKey:
    """A key that is compared in constant time."""

    def __init__(self, key: str) -> None:
        # Sums of equal length: not even the length of the key shows in the time.
        self._sum = hashlib.sha256(key.encode()).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApiKey) and hmac.compare_digest(self._sum, other._sum)

    def __hash__(self) -> int:
        return hash(self._sum)

    def is_among(self, given: list[bytes]) -> bool:
        """Return whether one of the keys that a request came with is this one."""
        found = False
        for key in given:
            found |= hmac.compare_digest(hashlib.sha256(key).digest(), self._sum)
        return found


@dataclass(frozen=True)
class Keys:
    """The keys of a service; with neither, whoever reaches it may do everything.

    Attributes:
        writing: opens everything.
        reading: opens what changes nothing. With this one alone nobody writes.
    """

    writing: ApiKey | None = None
    reading: ApiKey | None = None

    def __bool__(self) -> bool:
        return self.writing is not None or self.reading is not None

    def access(self, headers: Headers) -> Access:
        """Return what a request may do, by its best key.

        It is sent as ``X-API-Key`` or ``Authorization: Bearer``; what a proxy or a browser sends
        beside it is no hindrance.
        """
        given = _given(headers)
        if not self or (self.writing is not None and self.writing.is_among(given)):
            return Access.WRITE
        if self.reading is not None and self.reading.is_among(given):
            return Access.READ
        return Access.NONE


def _given(headers: Headers) -> list[bytes]:
    """Return every key that a request came with.

    >>> _given([(b"authorization", b"Basic dXNlcg=="), (b"x-api-key", b" k1"),
    ...         (b"authorization", b"Bearer k2")])
    [b'k1', b'k2']
    """
    keys = []
    for name, value in headers:
        if name == b"x-api-key":
            keys.append(value.strip())
        elif name == b"authorization" and value[:7].lower() == b"bearer ":
            keys.append(value[7:].strip())
    return keys


def changes_nothing(method: str, path: str) -> bool:
    """Return whether a request only reads.

    >>> changes_nothing("GET", "/v1/items/a"), changes_nothing("POST", "/v1/recommend")
    (True, True)
    >>> changes_nothing("POST", "/v1/events"), changes_nothing("PUT", "/v1/recommend")
    (False, False)
    """
    if method == "POST":
        return path in _READS_BY_POST
    return method in ("GET", "HEAD", "OPTIONS")


def is_open(path: str) -> bool:
    """Return whether a path is answered without the key.

    >>> is_open("/healthz"), is_open("/explorer/page.js"), is_open("/v1/recommend")
    (True, True, False)
    """
    return path in _OPEN or path.startswith(_OPEN_BELOW)


def read_keys(writing: Path | None, reading: Path | None) -> Keys:
    """Return the keys from their files, else from the environment.

    Raises:
        AccessError: a file can't be read, a key can be guessed, or both keys are the same.
    """
    keys = Keys(_read_key(writing, KEY_VARIABLE), _read_key(reading, READ_KEY_VARIABLE))
    if keys and keys.writing == keys.reading:
        raise AccessError(
            "the key for reading is the one for writing; give another, such as `openssl rand "
            "-hex 32` prints"
        )
    return keys


def _read_key(file: Path | None, variable: str) -> ApiKey | None:
    if file is not None:
        try:
            key = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8"
            raise AccessError(f"{file}: {reason}; it should hold the API key") from error
        source = str(file)
    else:
        key, source = os.environ.get(variable, "").strip(), variable
        if not key:
            return None
    weak = weakness(key)
    if weak is not None:
        raise AccessError(
            f"the API key in {source} {weak}; use at least {SHORTEST_KEY} that nobody can guess, "
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


def host_of(value: bytes) -> str | None:
    """Return the host that a ``Host`` header or an ``Origin`` behind its ``//`` names, None: none.

    >>> host_of(b"[::1]:8000"), host_of(b"A.test"), host_of(b"127.0.0.1:80@a.test")
    ('::1', 'a.test', None)
    """
    match = _HOST.fullmatch(value.decode("latin-1").strip().lower())
    return None if match is None else match["v6"] or match["name"]


def names_this_machine(headers: Headers) -> bool:
    """Return whether the one ``Host`` of a request is this machine's own, whatever the port.

    >>> names_this_machine([(b"host", b"[::1]:8000")]), names_this_machine([(b"host", b"a.test")])
    (True, False)
    """
    hosts = [host_of(value) for name, value in headers if name == b"host"]
    return len(hosts) == 1 and hosts[0] is not None and is_loopback(hosts[0])


def refuse_open_service(host: str, keys: Keys) -> None:
    """Refuse to serve other machines without a key.

    Raises:
        AccessError: the address isn't loopback and there is no key.
    """
    if not keys and not is_loopback(host):
        raise AccessError(
            f"{host} can be reached by other machines and there is no API key; set {KEY_VARIABLE} "
            "or give --api-key-file, or bind to 127.0.0.1"
        )
