"""Examples made of a schema: of every property what the table of meanings shows, or what its type allows."""

from __future__ import annotations

from typing import Any

from functions.api.contract.meanings import EXAMPLES

_OF_FORMAT = {
    "uuid": "0b9f0c3e-52a4-4c38-9f57-5d1c2f6a7e10",
    "date-time": "2026-03-02T14:31:00Z",
    "date": "2026-03-02",
    "decimal": "10",
    "password": "correct horse battery",
}
_DEEPEST = 12


class Examples:
    """Makes examples of the schemas of one document."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas

    def of(self, schema: dict[str, Any], name: str = "", *, request: bool = False, depth: int = 0) -> Any:
        """An example that fits a schema.

        Args:
            name: The property that it is of; what is known of the name goes before what the type allows.
            request: Only what a request needs, since not everything that it may hold goes together.
        """
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        if "const" in schema:
            return schema["const"]
        if schema.get("examples"):
            return schema["examples"][0]
        for branch in schema.get("anyOf", schema.get("oneOf", ())):
            return self.of(branch, name, request=request, depth=depth)
        choices = schema.get("enum")
        known = EXAMPLES.get(name)
        fits = isinstance(known, list) or schema.get("type") != "array"
        if known is not None and fits and (choices is None or known in choices):
            # Amounts are texts, and numbers where a figure of the engine has the same name.
            return float(known) if schema.get("type") == "number" and isinstance(known, str) else known
        if choices:
            return choices[0]
        return self._of_type(schema, name, request=request, depth=depth)

    def _of_type(self, schema: dict[str, Any], name: str, *, request: bool, depth: int) -> Any:
        match schema.get("type"):
            case "object":
                wanted = schema.get("properties", {})
                if request:
                    wanted = {each: wanted[each] for each in schema.get("required", ())}
                if depth >= _DEEPEST:
                    return {}
                return {each: self.of(of, each, request=request, depth=depth + 1) for each, of in wanted.items()}
            case "array":
                return [self.of(schema.get("items", {}), name, request=request, depth=depth + 1)]
            case "string":
                return _OF_FORMAT.get(schema.get("format", ""), name.replace("_", " ") or "text")
            case "integer":
                return int(schema.get("minimum", 1))
            case "number":
                return 1.0
            case "boolean":
                return False
        return None
