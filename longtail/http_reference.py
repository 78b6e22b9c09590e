"""The page docs/http_api.md, made from the service's own OpenAPI document.

``python -m longtail.http_reference`` rewrites it; a test compares it with the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from longtail.serving.app import make_app
from longtail.serving.engine.reads import Reads
from longtail.serving.http.reference_page import examples, fields_of
from longtail.serving.limits import Limits
from longtail.serving.service import Service

PAGE = Path(__file__).resolve().parent.parent / "docs" / "http_api.md"
INTRODUCTION = """\
# HTTP API

Made from the service's OpenAPI document by `python -m longtail.http_reference`; change the code,
not this page. A running service has the same document at `/openapi.json`, and this page at `/docs`.

Requests and answers are JSON in UTF-8. How to run a service, the codes of its errors, and its
limits: [serving](serving.md).
"""


class _NoService:
    """Stands where a service would: the document tells of routes, and opens no run."""

    version = "0"

    def __init__(self) -> None:
        # It looks at the routes that it is given.
        self.reads = Reads(Limits())

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: object, **__: object) -> Any:
        return self


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document of the service, without a run."""
    gate = make_app(cast(Service, _NoService()))
    document: dict[str, Any] = cast(Any, gate).app.openapi()
    return document


def http_page(document: Mapping[str, Any]) -> str:
    """Return docs/http_api.md: an introduction, a table of the routes, then a part for each."""
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    routes = ["| route | purpose |", "|---|---|"]
    routes += [f"| `{name}` | {operation.get('summary', '')} |" for name, operation in operations]
    parts = [_section(name, operation, document) for name, operation in operations]
    return "\n".join([INTRODUCTION, *routes, "", *parts])


def _section(name: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    said = [f"{operation.get('summary', '')}.", operation.get("description", "")]
    lines = [f"## {name}", "", " ".join(filter(None, said)), ""]
    fields = fields_of(operation, document)
    lines += _table(("field", "kind", "meaning"), fields)
    for example in examples(operation, document):
        lines += ["```json", json.dumps(example, ensure_ascii=False), "```", ""]
    answers = [
        (str(status), answer.get("description", ""))
        for status, answer in operation["responses"].items()
    ]
    return "\n".join([*lines, *_table(("status", "meaning"), answers)])


def _table(names: tuple[str, ...], rows: list[Any]) -> Iterator[str]:
    if not rows:
        return
    yield "| " + " | ".join(names) + " |"
    yield "|" + "---|" * len(names)
    for first, *rest in rows:
        cells = [f"`{first}`", *(" ".join(cell.replace("|", "\\|").split()) for cell in rest)]
        yield "| " + " | ".join(cells) + " |"
    yield ""


def main() -> None:
    """Write the page."""
    PAGE.write_text(http_page(openapi_document()), encoding="utf-8")


if __name__ == "__main__":
    main()
