"""Formats values for JSON: numbers of money and quantity as plain decimal strings, without trailing zeros."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer, WithJsonSchema


def plain(value: Decimal) -> str:
    """A decimal as people write it: no exponent, no trailing zeros."""
    if not value:
        return "0"
    # Not normalize(), which rounds to 28 digits.
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Number = Annotated[
    Decimal,
    PlainSerializer(plain, return_type=str),
    WithJsonSchema({"type": "string", "format": "decimal", "pattern": r"^-?\d+(\.\d+)?$"}, mode="serialization"),
]
