"""The strategies that the demo account has run for months: on bars of minutes to hours, with what they are after in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Played:
    """A strategy of the history with the sessions that ran it.

    Attributes:
        sessions: For each session its symbol, its part of the equity, its stop loss and, where it has ended, after how many days.
    """

    name: str
    idea: str
    code: str
    sessions: tuple[tuple[str, str, str | None, int | None], ...]


TREND = """\
FAST, SLOW = 4, 12


def indicators(bars):
    hour = bars.resample("1h")
    return {"fast": ta.sma(hour.close, length=FAST), "slow": ta.sma(hour.close, length=SLOW)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow and bar.previous.fast <= bar.previous.slow:
        return buy()
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
"""
BREAKOUT = """\
ENTRY, EXIT = 20, 10


def indicators(bars):
    half = bars.resample("30min")
    return {"top": half.high.rolling(ENTRY).max(), "bottom": half.low.rolling(EXIT).min()}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close > bar.top:
        return buy()
    if position.quantity > 0 and bar.close < bar.bottom:
        return sell()
"""
BANDS = """\
LENGTH, WIDTH = 20, 2


def indicators(bars):
    half = bars.resample("30min")
    bands = ta.bbands(half.close, length=LENGTH, std=WIDTH)
    return {"lower": bands.lower, "middle": bands.mid}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close < bar.lower:
        return buy()
    if position.quantity > 0 and bar.close > bar.middle:
        return sell()
"""
MOMENTUM = """\
LENGTH, ENTRY = 13, 1


def indicators(bars):
    half = bars.resample("30min")
    return {"change": ta.roc(half.close, length=LENGTH)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.change > ENTRY:
        return buy()
    if position.quantity > 0 and bar.change < 0:
        return sell()
"""

STRATEGIES = (
    Played(
        "Hourly trend",
        "Follows the trend of the hours: in when the average of 4 hours crosses above that of 12, out when it is below again.",
        TREND,
        (("AAPL", "0.20", None, None), ("MSFT", "0.15", "0.02", None)),
    ),
    Played(
        "Half-hour breakout",
        "Buys what rises above the highest price of ten hours, and sells what falls below the lowest of five.",
        BREAKOUT,
        (("GOOG", "0.20", None, None), ("IBM", "0.15", "0.03", None)),
    ),
    Played(
        "Bollinger reversion",
        "Buys below the lower band of 20 half hours, because what went too far comes back, and sells at the middle.",
        BANDS,
        (("META", "0.15", "0.03", None), ("MSFT", "0.10", None, None)),
    ),
    Played(
        "Half-hour momentum",
        "Buys what has risen by one percent within a day, and sells when the rise is gone. It lost, and was stopped.",
        MOMENTUM,
        (("META", "0.15", None, 25),),
    ),
)
