"""The assumptions of backtests in words, as they stand beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stratforge.application.setups import size_in_words, size_of


def _form(text: str, factor: float = 1) -> Callable[[Any], str]:
    return lambda value: text.format(value * factor)


# By their names in `BacktestConfig`; the size is of two of them.
_SETTINGS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "cash": ("Starting cash", _form("${:,.2f}")),
    "stop_loss": ("Stop loss", _form("{:.12g} %", 100)),
    "take_profit": ("Take profit", _form("{:.12g} %", 100)),
    "trailing_stop": ("Trailing stop", _form("{:.12g} %", 100)),
    "slippage_bps": ("Slippage", _form("{:.12g} bps")),
    "spread_bps": ("Spread", _form("{:.12g} bps")),
    "commission_bps": ("Commission", _form("{:.12g} bps")),
    "commission_per_share": ("Commission a share or coin", _form("${:,.12g}")),
    "commission_per_order": ("Commission an order", _form("${:,.12g}")),
    "participation": ("Filled at most of a bar’s volume", _form("{:.12g} %", 100)),
    "fractional": ("Fractions of a share", lambda value: "yes" if value else "no"),
    "short_margin": ("Short margin", _form("{:.12g} %", 100)),
    "maintenance_margin": ("Maintenance margin", _form("{:.12g} %", 100)),
    "borrow_fee": ("Borrow fee", _form("{:.12g} % a year", 100)),
    "bars_per_year": ("Bars a year", _form("{:,.12g}")),
}


def different(configs: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """The assumptions in which backtests differ: a title, and what each of them has, in words."""
    rows = [("Position size", [size_in_words(*size_of(each)) for each in configs])]
    for name, (title, said) in _SETTINGS.items():
        rows.append((title, ["none" if (value := each.get(name)) is None else said(value) for each in configs]))
    return [(title, values) for title, values in rows if len(set(values)) > 1]
