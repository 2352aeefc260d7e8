"""`/llms.txt`: the whole API in one text for language models, with what each operation takes and gives."""

from __future__ import annotations

import json
from typing import Any


def agents_page(document: dict[str, Any]) -> str:
    """The API as text: each operation with its parameters, an example of its body and of its answer."""
    info = document["info"]
    lines = [f"# {info['title']}", "", f"> {info['summary']}", "", info["description"], ""]
    for tag in document["tags"]:
        own = [
            (path, method, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if operation["tags"] == [tag["name"]]
        ]
        if own:
            lines += [f"## {tag['name']}: {tag['description']}", ""]
        for path, method, operation in own:
            lines += _operation(path, method, operation)
    lines += ["## Webhooks", ""]
    for operation in (item["post"] for item in document["webhooks"].values()):
        body = operation["requestBody"]["content"]["application/json"]["example"]
        lines += [f"- {operation['description'].splitlines()[0]}", f"  {json.dumps(body)}"]
    return "\n".join(lines) + "\n"


def _operation(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    lines = [f"- `{method.upper()} {path}`: {operation['description'].splitlines()[0]}"]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] != "header":
            needed = "" if parameter["required"] else ", optional"
            lines.append(f"  - {parameter['name']} ({parameter['in']}{needed}): {parameter['description']}")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        lines.append(f"  - body: {json.dumps(body['example'])}")
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json")
        if content and status < "3":
            lines.append(f"  - {status}: {json.dumps(content['example'])}")
    return lines
