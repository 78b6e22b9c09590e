"""Requests that pages of other sites send with a visitor's browser (CSRF) are refused."""

from __future__ import annotations

from longtail.serving.access import Headers, host_of
from longtail.serving.http.http_errors import RefusedError

_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
_DATA_BELOW = "/v1/"


def refuse_foreign_pages(method: str, headers: Headers) -> None:
    """Refuse what a page of another site has a browser send; following a link to here is fine.

    Browsers say where a request comes from, and pages can't change what they say:
    ``Sec-Fetch-Site`` to https and to this machine itself, ``Origin`` with whatever isn't a plain
    read. Programs send neither. Another port is another site: what else runs on this machine.

    Raises:
        RefusedError: 403.
    """
    sites = _values(headers, b"sec-fetch-site")
    followed = method in ("GET", "HEAD") and _values(headers, b"sec-fetch-mode") == [b"navigate"]
    if all(site in (b"same-origin", b"none") for site in sites) or (
        followed and b"document" in _values(headers, b"sec-fetch-dest")
    ):
        # A proxy may give the request another host than the page's, which the browser knows.
        if sites == [b"same-origin"]:
            return
        hosts = [value.strip().lower() for value in _values(headers, b"host")]
        if all(_authority(origin) in hosts for origin in _values(headers, b"origin")):
            return
    raise RefusedError(403, "other_site", "pages of other sites are not answered")


def refuse_other_content(method: str, path: str, headers: Headers) -> None:
    """Refuse a body that doesn't say that it is JSON.

    A browser sends forms and plain text for any page, but JSON only after asking.

    Raises:
        RefusedError: 415.
    """
    if method not in _WITH_CONTENT or not path.startswith(_DATA_BELOW):
        return
    kinds = [
        value.partition(b";")[0].strip().lower() for value in _values(headers, b"content-type")
    ]
    if kinds != [b"application/json"]:
        raise RefusedError(
            415, "not_json", "send JSON, with the header Content-Type: application/json"
        )


def _authority(origin: bytes) -> bytes | None:
    """Return the host and port of an origin; None of one that names none, such as ``null``.

    >>> _authority(b"http://localhost:8000"), _authority(b"null")
    (b'localhost:8000', None)
    """
    scheme, _, rest = origin.strip().lower().partition(b"://")
    if scheme not in (b"http", b"https") or host_of(rest) is None:
        return None
    return rest


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return [value.strip() for each, value in headers if each == name]
