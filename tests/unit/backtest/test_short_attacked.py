"""Attacks on short positions that came through: each states what `MATCHING.md` or the report claims, and fails while it does not hold."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from stratforge.backtest import BacktestConfig, BacktestReport, run_backtest
from stratforge.market.columns import BarColumns
from stratforge.strategy import compile_strategy

_NEW_YORK = ZoneInfo("America/New_York")


def _run(
    code: str, prices: list[float], config: BacktestConfig | None = None, volume: float = 1_000.0
) -> BacktestReport:
    price = np.array(prices)
    time = 1_704_171_600 + 86_400 * np.arange(len(price))
    bars = BarColumns(
        time, price, price, price, price, np.full(len(price), volume), timezone=_NEW_YORK, daily=True, minutes=1_440
    )
    lines = "\n".join(f"    {line}" for line in code.splitlines())
    return run_backtest(compile_strategy(f"def on_bar(bar, position, state):\n{lines}\n"), bars, config)


def test_a_part_of_the_equity_is_cut_within_a_billionth() -> None:
    """Rule 14: 29 % of 100,000 at 1,000 are 29 shares; floats make 28.999999999999996 of it."""
    report = _run("if position.quantity == 0:\n    return short(fraction=0.29)", [1_000.0] * 3)
    assert report.fills.quantity[0] == 29.0


def test_a_part_of_the_position_is_cut_within_a_billionth() -> None:
    """Rule 14: 29 % of 100 shares are 29."""
    code = "if position.quantity == 0:\n    return short(quantity=100)\nif position.bars_held == 1:\n    return cover(fraction=0.29)"
    report = _run(code, [100.0] * 3, BacktestConfig(borrow_fee=0.0))
    assert report.fills.quantity.tolist() == [100.0, 29.0]


def test_a_part_of_the_volume_is_cut_within_a_billionth() -> None:
    """Rule 14: 29 % of a volume of 100 are 29 shares."""
    code = "if position.quantity == 0:\n    return short(quantity=50)"
    report = _run(code, [100.0] * 2, BacktestConfig(participation=0.29), volume=100.0)
    assert report.fills.quantity[0] == 29.0


def test_turnover_is_never_below_zero() -> None:
    """What was traded is positive, whatever became of the equity: with a mean of the equity below zero there is no such quotient."""
    report = _run("if position.quantity == 0:\n    return short()", [100.0, 100.0, 100.0, 500.0, 500.0, 500.0, 500.0])
    assert report.equity_values.mean() < 0
    assert not report.metrics.turnover < 0


@pytest.mark.parametrize(("maintenance", "bound"), [(0.5, "10.00"), (0.25, "20.00")])
def test_the_price_below_which_five_dollars_are_asked_for_follows_the_maintenance_margin(
    maintenance: float, bound: str
) -> None:
    """Five dollars a share are more than a part of the price where the price is below five by that part."""
    text = " ".join(BacktestConfig(maintenance_margin=maintenance).assumptions(shorts=True))
    assert "16.67" not in text
    assert bound in text


def test_the_sentence_about_opening_says_what_is_asked_for() -> None:
    """Rule 15: with `short_margin` below the maintenance margin the latter decides what can be opened, and the report says another number."""
    config = BacktestConfig(short_margin=0.1)
    report = _run("if position.quantity == 0:\n    return short(fraction=1)\nreturn short(fraction=1)", [100.0] * 12, config)  # fmt: skip
    largest = float((-report.held * report.bars.close / report.equity_values).max())
    assert largest < 1 / 0.29, "the margin of 30 % is kept, as rule 15 says"
    assert "equity of 2,000 dollars or more and of 10% of their value" not in " ".join(report.assumptions)
