"""The page `/docs`: the OpenAPI document for people. It is one file and asks for nothing from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from starlette.responses import HTMLResponse, Response

_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_STYLE = """
:root { color-scheme: light dark; --ink: #1b2130; --page: #f5f6f9; --card: #fff; --line: #cfd5e0;
  --accent: #3557d6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebf1; --page: #11141b; --card: #191e28; --line: #2d3543; --accent: #8fa8ff; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
section { margin: 1rem 0; padding: .8rem 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; }
h2 { margin: 0 0 .4rem; font-size: 1.1rem; }
ul { margin: 0; padding: 0; list-style: none; }
li { margin: .5rem 0; }
code, pre { font: .88em/1.5 ui-monospace, Menlo, Consolas, monospace; }
pre { max-height: 20rem; overflow: auto; white-space: pre-wrap; }
b { color: var(--accent); }
a, summary { color: var(--accent); }
"""


def page(document: Mapping[str, Any]) -> Response:
    """Return the page of an OpenAPI document, with a section for each of its tags."""
    about = document["info"]
    groups: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append((path, method, operation))
    sections = "".join(
        f"<section><h2>{escape(tag)}</h2><ul>{''.join(_item(*one) for one in listed)}</ul></section>"
        for tag, listed in groups.items()
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head>{head}<title>{escape(about["title"])}</title></head><body>'
        f"<main><h1>{escape(about['title'])} {escape(about['version'])}</h1>"
        f"<p>{escape(about['description'])}</p>"
        f'<p><a href="/openapi.json">The same as an OpenAPI document</a></p>{sections}</main></body></html>',
        headers=_POLICY,
    )


def _item(path: str, method: str, operation: Mapping[str, Any]) -> str:
    return (
        f"<li><b>{method.upper()}</b> <code>{escape(path)}</code><br>{escape(operation['summary'])}"
        f"{''.join(_details(path, operation))}</li>"
    )


def _details(path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    """Give what a request and its answer hold, and a request to copy."""
    if "requestBody" not in operation:
        return
    content = operation["requestBody"]["content"]
    asked = content["application/json"]
    answered = operation["responses"]["200"]["content"]["application/json"]["schema"]
    for what, schema, key in (("inputs", asked["schema"], "inputs"), ("outputs", answered, "outputs")):
        tensors = schema["properties"][key]["items"]["anyOf"]
        listed = "".join(f"<li><code>{escape(one['description'])}</code></li>" for one in tensors)
        yield f"<p>{what.capitalize()}</p><ul>{listed}</ul>"
    for kind in content:
        if kind.startswith("image/"):
            command = f"curl http://HOST{path} --data-binary @FILE -H 'Content-Type: {kind}'"
            yield f"<pre>{escape(command)}</pre>"
    if "example" in asked:
        command = f"curl http://HOST{path} -d '{json.dumps(asked['example'])}'"
        yield f"<details><summary>An example</summary><pre>{escape(command)}</pre></details>"
