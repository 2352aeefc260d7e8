"""The OpenAPI document as a person reads it: each operation with its fields, answers, errors and the same example in three languages."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Fields of fields are told to this depth; deeper ones are in the examples.
_DEEPEST = 2


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body or an answer.

    Attributes:
        place: path, query, header or body.
        kind: Its type and bounds in words.
        example: A value that shows it, as it is typed.
    """

    name: str
    place: str
    kind: str
    required: bool
    description: str
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API.

    Attributes:
        name: What a generated client calls it.
        is_open: It needs no login.
        body: An example of what is sent, as JSON; empty where nothing is.
        answers: Status, meaning, and an example as text, of what is answered when it works.
        told: The fields of the answer.
        errors: Status and meaning of each error that it can give.
    """

    name: str
    title: str
    method: str
    path: str
    description: str
    is_open: bool
    parameters: tuple[Field, ...]
    sent: tuple[Field, ...]
    body: str
    answers: tuple[tuple[str, str, str], ...]
    told: tuple[Field, ...]
    errors: tuple[tuple[str, str], ...]

    def examples(self, site: str) -> list[tuple[str, str]]:
        """The operation with its example values, as a command and in two languages.

        Args:
            site: The platform's own address.
        """
        needed = [each for each in self.parameters if each.required]
        path = self.path
        for each in needed:
            path = path.replace(f"{{{each.name}}}", each.example)
        shell = [f"curl {shlex.quote(site + path)}"]
        shell += [] if self.method == ("POST" if self.body else "GET") else [f"-X {self.method}"]
        shell += [] if self.is_open else ['-H "Authorization: Bearer $STRATFORGE_API_KEY"']
        one_line = json.dumps(json.loads(self.body)) if self.body else ""
        shell += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(one_line)}"] if self.body else []
        sent = f", {json.loads(self.body)!r}" if self.body else ""
        in_path = ", ".join(f"{each.name}: {json.dumps(each.example)}" for each in needed if each.place == "path")
        given = [f"path: {{ {in_path} }}"] if in_path else []
        given += [f"body: {one_line}"] if self.body else []
        options = f"{{ {', '.join(given)} }}" if given else ""
        camel = "".join(part.capitalize() if number else part for number, part in enumerate(self.name.split("_")))
        return [
            ("curl", " \\\n  ".join(shell)),
            (
                "Python",
                f'from stratforge.client import Client\n\nclient = Client("{site}", key="sfk_…")\nclient.call("{self.method}", "{path}"{sent})',
            ),
            ("TypeScript", f"const {{ data, error }} = await {camel}({options});"),
        ]


@dataclass(frozen=True, slots=True)
class Section:
    """A tag of the document with its operations."""

    name: str
    description: str
    operations: tuple[Operation, ...]

    @property
    def title(self) -> str:
        """The section's name as a heading."""
        return "AI" if self.name == "ai" else self.name.capitalize()


@dataclass(frozen=True, slots=True)
class Reference:
    """The whole document, subject by subject."""

    version: str
    description: str
    sections: tuple[Section, ...]

    def operation(self, name: str) -> Operation | None:
        """An operation that can be asked, by its name; what webhooks are sent is none."""
        everything = (each for section in self.sections for each in section.operations)
        return next((each for each in everything if each.name == name and each.path.startswith("/")), None)


def reference_of(document: dict[str, Any]) -> Reference:
    """Reads an OpenAPI document, its webhooks as the last section."""
    reader = _Reader(document["components"])
    found = [
        (operation["tags"][0], reader.operation(path, method.upper(), operation))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    sections = [
        Section(tag["name"], tag["description"], tuple(each for name, each in found if name == tag["name"]))
        for tag in document["tags"]
    ]
    told = tuple(reader.operation(f"{kind} event", "POST", item["post"]) for kind, item in document["webhooks"].items())
    known = [each for each in sections if each.operations and each.name != "webhooks"]
    hooks = next(each for each in sections if each.name == "webhooks")
    info = document["info"]
    return Reference(
        info["version"],
        _unwrapped(info["description"]),
        (*known, hooks, Section("events", "The deliveries that webhooks are sent, a kind of event each", told)),
    )


class _Reader:
    def __init__(self, components: dict[str, Any]) -> None:
        self._schemas: dict[str, Any] = components["schemas"]
        self._responses: dict[str, Any] = components["responses"]

    def operation(self, path: str, method: str, operation: dict[str, Any]) -> Operation:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        answers: list[tuple[str, str, str]] = []
        errors: list[tuple[str, str]] = []
        told: tuple[Field, ...] = ()
        for status, answer in operation["responses"].items():
            answer = self._responses[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            if status >= "4":
                errors.append((status, answer["description"]))
                continue
            given = answer.get("content", {}).get("application/json")
            answers.append((status, answer["description"], _text(given["example"]) if given else ""))
            told = tuple(self._fields(given["schema"], "answer")) if given and not told else told
        return Operation(
            operation["operationId"],
            operation["summary"].capitalize().replace("api", "API"),
            method,
            path,
            _unwrapped(operation["description"]),
            operation["security"] == [],
            tuple(
                Field(
                    each["name"],
                    each["in"],
                    self._kind(each["schema"]),
                    each["required"],
                    each["description"],
                    str(each["example"]),
                )
                for each in operation.get("parameters", ())
            ),
            tuple(self._fields(content["schema"], "body")) if content else (),
            _text(content["example"]) if content else "",
            tuple(answers),
            told,
            tuple(errors),
        )

    def _fields(self, schema: dict[str, Any], place: str, prefix: str = "", depth: int = 0) -> Iterator[Field]:
        schema = self._resolved(schema)
        if schema.get("type") == "array":
            yield from self._fields(schema["items"], place, f"{prefix.removesuffix('.')}[].", depth)
        for name, each in schema.get("properties", {}).items():
            needed = name in schema.get("required", ())
            yield Field(prefix + name, place, self._kind(each), needed, each.get("description", ""), "")
            if depth < _DEEPEST:
                yield from self._fields(_given(each), place, f"{prefix}{name}.", depth + 1)

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        return found

    def _kind(self, schema: dict[str, Any]) -> str:
        """The type of a value in words: `string, 1 to 120 characters`, `one of buy, sell`, `decimal or null`."""
        if "anyOf" in schema:
            return " or ".join(dict.fromkeys(self._kind(each) for each in schema["anyOf"]))
        schema = self._resolved(schema)
        if "const" in schema:
            return str(schema["const"])
        if "enum" in schema:
            return "one of " + ", ".join(map(str, schema["enum"]))
        if schema.get("type") == "array":
            return f"list of {self._kind(schema.get('items', {}))}"
        return f"{schema.get('format') or schema.get('type', 'anything')}{_bounds(schema)}"


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value that is there."""
    return next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)


def _bounds(schema: dict[str, Any]) -> str:
    said = []
    for low, high, what in (("minimum", "maximum", ""), ("minLength", "maxLength", " characters")):
        bounds = [f"{schema[each]:.15g}" for each in (low, high) if each in schema]
        if len(bounds) == 2:
            said.append(f"{bounds[0]} to {bounds[1]}{what}")
        elif bounds:
            said.append(f"{'at least' if low in schema else 'at most'} {bounds[0]}{what}")
    if "default" in schema and schema["default"] is not None:
        said.append(f"{json.dumps(schema['default'])} if left out")
    return "".join(f", {each}" for each in said)


def _unwrapped(text: str) -> str:
    """A text whose lines end with its paragraphs."""
    return "\n\n".join(" ".join(each.split()) for each in text.split("\n\n"))


def _text(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)
