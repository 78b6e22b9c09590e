"""The page /docs: the OpenAPI document for people, with no script and nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 56rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8888; padding-top: 1rem; }
h2 code { font-size: 1rem; } pre { overflow-x: auto; padding: .75rem; background: #8882; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left;
vertical-align: top; } nav a { display: block; }
"""


def reference_page(document: Mapping[str, Any]) -> str:
    """Return the page of an OpenAPI document.

    >>> page = reference_page({"info": {"title": "<shop>", "version": "1"}, "paths": {}})
    >>> "<h1>&lt;shop&gt; 1</h1>" in page
    True
    """
    info = document["info"]
    title = f"{escape(info['title'])} {escape(info['version'])}"
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    links = "".join(f'<a href="#{escape(n)}"><code>{escape(n)}</code></a>' for n, _ in operations)
    sections = "".join(_section(name, operation, document) for name, operation in operations)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>{escape(info.get('summary', ''))} For programs: "
        f'<a href="openapi.json">openapi.json</a>.</p><nav>{links}</nav>{sections}</body></html>'
    )


def _section(name: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    parts = [
        f'<h2 id="{escape(name)}"><code>{escape(name)}</code></h2>',
        f"<p><b>{escape(operation.get('summary', ''))}.</b> "
        f"{escape(operation.get('description', ''))}</p>",
    ]
    fields = fields_of(operation, document)
    if fields:
        rows = "".join(
            f"<tr><td><code>{escape(field)}</code></td><td>{escape(kind)}</td>"
            f"<td>{escape(said)}</td></tr>"
            for field, kind, said in fields
        )
        parts.append(f"<table><tr><th>field</th><th>kind</th><th></th></tr>{rows}</table>")
    for example in examples(operation, document):
        parts.append(f"<pre>{escape(json.dumps(example, ensure_ascii=False))}</pre>")
    answers = "".join(
        f"<tr><td>{escape(str(status))}</td><td>{escape(answer.get('description', ''))}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return "".join([*parts, f"<table><tr><th>answer</th><th></th></tr>{answers}</table>"])


def fields_of(
    operation: Mapping[str, Any], document: Mapping[str, Any]
) -> list[tuple[str, str, str]]:
    """Return name, kind and meaning of each parameter of the address and field of the body."""
    body = _body(operation, document).get("properties", {})
    fields = [(one["name"], one["schema"], one) for one in operation.get("parameters", ())]
    fields += [(name, schema, schema) for name, schema in body.items()]
    return [(name, _kind(schema), said.get("description", "")) for name, schema, said in fields]


def examples(operation: Mapping[str, Any], document: Mapping[str, Any]) -> list[Any]:
    """Return the examples of an operation's body."""
    return list(_body(operation, document).get("examples", ()))


def _body(operation: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _kind(schema: Mapping[str, Any]) -> str:
    """Return a schema in a few words.

    >>> _kind({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "null"}]})
    'integer, 1 to 9, or null'
    """
    if "anyOf" in schema:
        return ", or ".join(_kind(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    kind = str(schema.get("type", "any"))
    if kind == "array":
        most = f", at most {schema['maxItems']}" if "maxItems" in schema else ""
        return f"list of {_kind(schema.get('items', {}))}{most}"
    if "minimum" in schema and "maximum" in schema:
        return f"{kind}, {schema['minimum']} to {schema['maximum']}"
    return kind
