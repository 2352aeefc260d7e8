"""Strategies that people trade elsewhere, written in the language, against plain scripts of their published rules.

The tables are freqtrade's: the returns at which its documentation's example takes its profit, and a published table that trails from an offset on
(https://www.freqtrade.io/en/stable/strategy-customization, https://www.freqtrade.io/en/stable/stoploss, SampleROITables).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from stratforge.backtest import run_backtest
from stratforge.market import BarColumns
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import _random_history

from tests.benchmarks.known import EXAMPLES, five_minutes

MINIMAL_ROI, SAMPLE_TABLE, ATR_BRACKET, TURN_OF_THE_MONTH = (
    (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    for name in ("roi_table", "trailing_offset", "atr_bracket", "month_end_at_the_close")
)


@dataclass
class Script:
    """Buys and sells one position at a time; what happened is in `trades`, as bars and prices."""

    bars: BarColumns
    entry: float = 0.0
    entered: int = -1
    trades: list[tuple[int, float, int, float]] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[int, float, float, float, float]]:
        """Each bar's number and prices."""
        yield from zip(
            range(len(self.bars)),
            *(getattr(self.bars, name).tolist() for name in ("open", "high", "low", "close")),
            strict=False,
        )

    def buy(self, bar: int, price: float) -> None:
        """Enters."""
        self.entered, self.entry = bar, price

    def sell(self, bar: int, price: float) -> None:
        """Leaves."""
        self.trades.append((self.entered, self.entry, bar, price))
        self.entered, self.entry = -1, 0.0

    def reached(self, row: tuple[int, float, float, float, float], stop: float, target: float) -> bool:
        """Leaves at the stop or the target if the bar reaches one, at the stop if it reaches both, at the open if that lies beyond."""
        bar, open_, high, low, _ = row
        if low <= stop:
            self.sell(bar, min(open_, stop))
        elif high >= target:
            self.sell(bar, max(open_, target))
        return self.entered < 0


def table(
    bars: BarColumns, returns: dict[int, float], stop: float, positive: float = 0.0, offset: float = 9.0
) -> Script:
    """freqtrade's rules: the target is that of the longest time in the table that has passed, and the stop trails once the offset was reached."""
    script, highest, wants = Script(bars), 0.0, False
    for row in script.rows():
        if script.entered < 0 and wants:
            script.buy(row[0], row[1])
            highest = 0.0
        wants = False
        if script.entered >= 0:
            passed = row[0] - script.entered
            target = returns[max(minutes for minutes in returns if minutes <= passed)]
            trails = highest * (1 - positive) if highest >= script.entry * (1 + offset) else 0.0
            script.reached(row, trails or script.entry * (1 - stop), script.entry * (1 + target))
            highest = max(highest, row[2])
        wants = script.entered < 0
    return script


def minimal_roi(bars: BarColumns) -> Script:
    """The example of the documentation."""
    return table(bars, {40: 0.0, 30: 0.01, 20: 0.02, 0: 0.04}, 0.1)


def sample_table(bars: BarColumns) -> Script:
    """The published table, with its trailing stop."""
    returns = {0: 0.076, 8: 0.07, 17: 0.06, 20: 0.04, 31: 0.02, 45: 0.01, 56: 0.004, 79: 0.0}
    return table(bars, returns, 0.125, 0.0033, 0.02)


def atr_bracket(bars: BarColumns) -> Script:
    """A breakout with a stop two average true ranges below and a target three above; at one percent the stop moves to the entry."""
    script, order = Script(bars), None
    ranges = [float(bars.high[0] - bars.low[0])]
    highest, stop, target = 0.0, 0.0, 0.0
    for row in script.rows():
        bar, open_, high, low, close = row
        if order is not None:
            script.buy(bar, open_)
            (stop, target), order, highest = order, None, 0.0
        if script.entered >= 0 and not script.reached(row, stop, target):
            highest = max(highest, high)
            if highest > script.entry * 1.01:
                stop = script.entry
        if bar:
            before = float(bars.close[bar - 1])
            ranges.append(max(high - low, abs(high - before), abs(low - before)))
        average = sum(ranges[-14:]) / 14
        if script.entered < 0 and bar >= 20 and close > max(bars.high[bar - 20 : bar].tolist()):
            order = close - 2 * average, close + 3 * average
    return script


def turn_of_the_month(bars: BarColumns) -> Script:
    """In from the 28th to the 2nd, by the exchange's clock."""
    script, wants = Script(bars), ""
    for bar, open_, _, _, _ in script.rows():
        if wants == "buy":
            script.buy(bar, open_)
        elif wants == "sell":
            script.sell(bar, open_)
        at = datetime.fromtimestamp(int(bars.time[bar]), ZoneInfo("America/New_York"))
        left = 960 - at.hour * 60 - at.minute
        wants = ""
        if script.entered < 0 and (at.day >= 28 or at.day <= 2) and left == 10:
            wants = "buy"
        elif script.entered >= 0 and 3 <= at.day < 28 and left <= 5:
            wants = "sell"
    return script


@pytest.mark.parametrize(
    ("source", "script", "bars", "least"),
    [
        (MINIMAL_ROI, minimal_roi, _random_history(2, 4_000, 0.006, 50.0), 60),
        (SAMPLE_TABLE, sample_table, _random_history(3, 4_000, 0.006, 50.0), 60),
        (ATR_BRACKET, atr_bracket, _random_history(4, 4_000, 0.004, 50.0), 60),
        (TURN_OF_THE_MONTH, turn_of_the_month, five_minutes(), 2),
    ],
    ids=["minimal roi", "trailing offset", "atr bracket", "turn of the month"],
)
def test_a_strategy_trades_as_its_published_rules(
    source: str, script: Callable[[BarColumns], Script], bars: BarColumns, least: int
) -> None:
    trades = run_backtest(compile_strategy(source), bars).round_trips
    found = list(zip(trades.entry_bar.tolist(), trades.entry_price.tolist(), trades.exit_bar.tolist(), trades.exit_price.tolist(), strict=True))  # fmt: skip
    expected = script(bars).trades
    assert len(found) >= least
    assert [(each[0], each[2]) for each in found] == [(each[0], each[2]) for each in expected]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_stops_of_the_documentation_are_where_it_says() -> None:
    """Bought at 100 with a stop at 90, trailing two percent from three percent on: at 103 the stop is at 100.94, and stays there at 101."""
    source = SAMPLE_TABLE.replace("0.125, 0.0033, 0.02", "0.1, 0.02, 0.03").replace("0.076", "9")
    rows = [(100, 100, 100, 100)] * 2 + [(100, 102, 90.01, 102), (102, 103, 102, 103), (101, 101, 100.95, 101), (101, 101, 100, 100)]  # fmt: skip
    open_, high, low, close = np.array(rows, dtype=float).T
    bars = BarColumns(60 * np.arange(len(rows), dtype=np.int64), open_, high, low, close, np.ones(len(rows)))
    trades = run_backtest(compile_strategy(source), bars).round_trips
    assert (trades.exit_bar.tolist(), trades.exit_price.tolist()) == ([5.0], [pytest.approx(100.94)])
