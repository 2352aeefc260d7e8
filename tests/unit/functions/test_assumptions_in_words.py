"""Assumptions of backtests beside each other: in words, with their units, and every one of them."""

from __future__ import annotations

from dataclasses import fields

from stratforge.application.setups import SIZES
from stratforge.backtest import BacktestConfig

from functions.api.dashboard.pages.assumptions import different


def test_what_differs_is_said_with_its_unit_and_what_is_alike_is_not() -> None:
    one = {
        "cash": 100_000.0,
        "sizing_rule": "EQUITY_FRACTION",
        "sizing_value": 0.1,
        "stop_loss": 0.02,
        "fractional": True,
    }
    other = {
        "cash": 100_000.0,
        "sizing_rule": "FIXED_CASH",
        "sizing_value": 2500,
        "stop_loss": None,
        "fractional": False,
        "slippage_bps": 1.5,
    }
    assert different([one, other]) == [
        ("Position size", ["10 % of equity", "$2,500"]),
        ("Stop loss", ["2 %", "none"]),
        ("Slippage", ["none", "1.5 bps"]),
        ("Fractions of a share", ["yes", "no"]),
    ]


def test_no_assumption_is_left_out() -> None:
    """Each of a backtest's, by itself, makes a row that says it in other words than its value."""
    for field in fields(BacktestConfig):
        if field.name not in SIZES:
            ((title, values),) = different([{field.name: 0.25}, {field.name: None}])
            assert title
            assert values[0] != "0.25" or field.name == "bars_per_year"
