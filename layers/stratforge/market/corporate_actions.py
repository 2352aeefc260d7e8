"""Corporate actions: what changes positions without a trade."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A split (`ratio` new shares for one old) or a change of symbol."""

    action_id: str
    symbol: str
    kind: Literal["split", "symbol_change"]
    effective_on: date
    ratio: Decimal | None = None
    new_symbol: str | None = None
