"""A client of a service that writes down what was acknowledged to it, and by when it had asked."""

from __future__ import annotations

import http.client
import json
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

ITEM = "tea-oolong-small"
ACKNOWLEDGED, URL = "acknowledged", "url"


def asked(folder: Path, method: str, path: str, body: object) -> int:
    """Return the status of an answer, 0 where there is none."""
    try:
        address = urlsplit((folder / URL).read_text())
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body), headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0


def ask_without_end(folder: Path) -> None:
    """Send events and items without end, and write down what was acknowledged, and when asked."""
    told = os.open(folder / ACKNOWLEDGED, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number = 0
    while True:
        number += 1
        began = time.time()
        kind, name = ("item", f"put-{number}") if number % 20 == 0 else ("event", f"user-{number}")
        if kind == "event":
            event = {"user_id": name, "item_id": ITEM}
            status = asked(folder, "POST", "/v1/events", {"events": [event]})
        else:
            status = asked(folder, "PUT", f"/v1/items/{name}", {"title": "saw", "description": "x"})
        if 200 <= status < 300:
            os.write(told, f"{kind} {name} {began} {time.time()}\n".encode())
        time.sleep(0.01 if status else 0.1)


def acknowledged(
    folder: Path, kind: str, since: float = 0.0, until: float = float("inf")
) -> set[str]:
    """Return the users of events, or the items, that were asked for and acknowledged in between."""
    lines = [line.split() for line in (folder / ACKNOWLEDGED).read_text().splitlines()]
    return {
        name
        for of, name, asked_at, told_at in lines
        if of == kind and float(asked_at) > since and float(told_at) < until
    }
