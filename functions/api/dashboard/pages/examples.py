"""Strategies to start from: shown to whoever has none yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """A request, as somebody might write it, and what it is an example of."""

    title: str
    prompt: str
    idea: str


EXAMPLES = (
    Example(
        "Follow the trend",
        "Buy AAPL when the 10-bar average crosses above the 30-bar average, sell when it crosses back below, with a stop loss of 2 %",
        "Moving averages: in while the price rises, out when it turns.",
    ),
    Example(
        "Buy the dip",
        "Buy MSFT when the RSI falls below 30 and sell when it is above 60, with a stop loss of 1 %",
        "Mean reversion: a fall that went too far tends to come back.",
    ),
    Example(
        "Ride a breakout",
        "Buy IBM when it breaks above its 60-bar high with volume above its 20-bar average, and sell below its 30-bar low",
        "Breakouts: a new high on high volume often goes on.",
    ),
    Example(
        "Bounce off the band",
        "Buy GOOG when it closes below the lower Bollinger band and sell at the middle band, only between 10:00 and 15:00",
        "Bollinger bands: back to the average from two deviations away.",
    ),
    Example(
        "Around the clock",
        "Buy BTC/USD when MACD crosses above its signal and sell when it crosses below, with a trailing stop of 3 %",
        "Crypto trades day and night.",
    ),
    Example(
        "Above the day's average price",
        "Buy META above VWAP when the 9 EMA is above the 21 EMA, exit below VWAP, close the position before the end of the day",
        "VWAP: with the day's buyers, flat overnight.",
    ),
)
