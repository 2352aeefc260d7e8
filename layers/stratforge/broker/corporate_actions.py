"""Alpaca's announcements of corporate actions, as the platform understands them.

Cash dividends are not asked for: a paper account is paid none, and history adjusted for splits does not take them off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from stratforge.market.corporate_actions import ActionKind, CorporateAction

Row = Mapping[str, Any]
ZERO = Decimal(0)


def _number(row: Row, name: str) -> Decimal:
    return Decimal(str(row[name]))


def _per_unit(row: Row, new: str, old: str) -> Decimal:
    return _number(row, new) / _number(row, old)


def _day(row: Row, *names: str) -> date:
    """The day on which it takes effect: the first of the dates that the announcement has."""
    return date.fromisoformat(next(str(row[name]) for name in names if row.get(name)))


def _split(row: Row) -> CorporateAction:
    ratio = _per_unit(row, "new_rate", "old_rate")
    return CorporateAction(
        str(row["id"]), str(row["symbol"]), ActionKind.SPLIT, _day(row, "ex_date", "process_date"), ratio
    )


def _stock_dividend(row: Row) -> CorporateAction:
    ratio = 1 + _number(row, "rate")
    day = _day(row, "payable_date", "process_date", "ex_date")
    return CorporateAction(str(row["id"]), str(row["symbol"]), ActionKind.STOCK_DIVIDEND, day, ratio)


def _name_change(row: Row) -> CorporateAction:
    new = str(row["new_symbol"])
    return CorporateAction(
        str(row["id"]), str(row["old_symbol"]), ActionKind.SYMBOL_CHANGE, _day(row, "process_date"), new_symbol=new
    )


def _into(
    kind: ActionKind, old: str, new: str, new_rate: str, old_rate: str | None, *, keeps: bool
) -> Callable[[Row], CorporateAction]:
    """A reader of what gives units of another symbol for each old one."""

    def read(row: Row) -> CorporateAction:
        units = _per_unit(row, new_rate, old_rate) if old_rate else _number(row, new_rate)
        day = _day(row, "ex_date", "effective_date", "process_date")
        cash = _number(row, "cash_rate") / (_number(row, old_rate) if old_rate else 1) if row.get("cash_rate") else None
        return CorporateAction(
            str(row["id"]),
            str(row[old]),
            kind,
            day,
            None if keeps else ZERO,
            str(row[new]),
            units or None,
            cash or None,
        )

    return read


def _for_cash(kind: ActionKind, old: str) -> Callable[[Row], CorporateAction]:
    """A reader of what takes the units away, for money or for nothing."""

    def read(row: Row) -> CorporateAction:
        cash = _number(row, "rate") if row.get("rate") is not None else ZERO
        return CorporateAction(
            str(row["id"]), str(row[old]), kind, _day(row, "effective_date", "process_date"), ZERO, cash=cash or None
        )

    return read


# Readers by the groups of Alpaca's answer (`/v1/corporate-actions`), with the type by which each is asked for.
_GROUPS: dict[str, tuple[str, Callable[[Row], CorporateAction]]] = {
    "forward_splits": ("forward_split", _split),
    "reverse_splits": ("reverse_split", _split),
    "name_changes": ("name_change", _name_change),
    "stock_dividends": ("stock_dividend", _stock_dividend),
    "unit_splits": (
        "unit_split",
        _into(ActionKind.UNIT_SPLIT, "old_symbol", "new_symbol", "new_rate", "old_rate", keeps=False),
    ),
    "spin_offs": (
        "spin_off",
        _into(ActionKind.SPIN_OFF, "source_symbol", "new_symbol", "new_rate", "source_rate", keeps=True),
    ),
    "rights_distributions": (
        "rights_distribution",
        _into(ActionKind.RIGHTS_DISTRIBUTION, "source_symbol", "new_symbol", "rate", None, keeps=True),
    ),
    "stock_mergers": (
        "stock_merger",
        _into(
            ActionKind.STOCK_MERGER, "acquiree_symbol", "acquirer_symbol", "acquirer_rate", "acquiree_rate", keeps=False
        ),
    ),
    "stock_and_cash_mergers": (
        "stock_and_cash_merger",
        _into(
            ActionKind.STOCK_AND_CASH_MERGER,
            "acquiree_symbol",
            "acquirer_symbol",
            "acquirer_rate",
            "acquiree_rate",
            keeps=False,
        ),
    ),
    "cash_mergers": ("cash_merger", _for_cash(ActionKind.CASH_MERGER, "acquiree_symbol")),
    "redemptions": ("redemption", _for_cash(ActionKind.REDEMPTION, "symbol")),
    "worthless_removals": ("worthless_removal", _for_cash(ActionKind.WORTHLESS_REMOVAL, "symbol")),
}
TYPES: Sequence[str] = tuple(name for name, _reader in _GROUPS.values())


def parse(groups: Mapping[str, Sequence[Row] | None]) -> list[CorporateAction]:
    """Returns the corporate actions of an answer, whatever groups it has.

    Raises:
        KeyError, ValueError, ArithmeticError: if an announcement lacks what it needs.
    """
    return list(_parsed(groups))


def _parsed(groups: Mapping[str, Sequence[Row] | None]) -> Iterator[CorporateAction]:
    for name, (_type, read) in _GROUPS.items():
        for row in groups.get(name) or ():
            yield read(row)
