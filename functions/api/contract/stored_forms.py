"""The forms of what is stored as JSON and handed on as it is: the endpoints look at nothing in it, and the document says what it holds."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import TypeAdapter
from stratforge.application.jobs.results import JobFailure, ReplayDifference, Result
from stratforge.backtest import BacktestConfig

from functions.api.contract.streams import EVENTS

_REFERENCE = "#/components/schemas/{model}"
# By schema and property: one of these, or a list of them where the property is one.
_FORMS: dict[tuple[str, str], tuple[type[Any], ...]] = {
    ("JobView", "result"): get_args(Result),
    ("JobView", "error"): (JobFailure,),
    ("SessionView", "replay_differences"): (ReplayDifference,),
    ("DeliveryView", "data"): tuple(EVENTS.values()),
    ("BacktestView", "config"): (BacktestConfig,),
    ("BacktestReportView", "config"): (BacktestConfig,),
    ("SharedReportView", "config"): (BacktestConfig,),
}
# Figures have a name each; one that is not defined has no value.
_FIGURES = {"type": "object", "additionalProperties": {"anyOf": [{"type": "number"}, {"type": "null"}]}}


def install(schemas: dict[str, Any]) -> None:
    """Puts the forms in the place of objects with anything in them.

    Args:
        schemas: Of the document by their names; what is missing there is added.
    """
    models = dict.fromkeys(model for found in _FORMS.values() for model in found)
    # What an older one lacks is left out, so what has a default is not required.
    _, made = TypeAdapter.json_schemas(
        [(model.__name__, "validation", TypeAdapter(model)) for model in models], ref_template=_REFERENCE
    )
    for name, schema in made.get("$defs", {}).items():
        schemas.setdefault(name, schema)
    # Of a pair, too, a list says what each of it is.
    spans = schemas["Citation"]["properties"]["spans"]
    spans["items"]["items"] = {"type": "integer"}
    for (name, field), found in _FORMS.items():
        _replace(
            schemas[name]["properties"][field], [{"$ref": _REFERENCE.format(model=each.__name__)} for each in found]
        )
    for schema in schemas.values():
        figures = schema.get("properties", {}).get("metrics")
        if figures is not None:
            figures |= _FIGURES


def _replace(schema: dict[str, Any], forms: list[dict[str, Any]]) -> None:
    """Says of a value what it holds; whether it may be null, and whether it is a list, stays."""
    branches = schema.pop("anyOf", None) or [
        {name: schema.pop(name) for name in ("type", "items", "additionalProperties") if name in schema}
    ]
    told: list[dict[str, Any]] = []
    for each in branches:
        if each.get("type") == "null":
            told.append(each)
        elif each.get("type") == "array":
            told.append({"type": "array", "items": forms[0]})
        else:
            told += forms
    schema |= told[0] if len(told) == 1 else {"anyOf": told}
