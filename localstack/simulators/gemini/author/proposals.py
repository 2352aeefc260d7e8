"""For a wish without a rule: two or three strategies to choose from, each a sentence that can be sent as it is."""

from __future__ import annotations

import re

_IDEAS = (
    (r"momentum|trend|breakout|rally|strength", ("Buy {s} when the 10-bar EMA crosses above the 30-bar EMA and sell when it crosses below", "Buy {s} when the price breaks above its 60-bar high and sell when it falls below its 20-bar low", "Buy {s} when the MACD crosses above its signal line and sell when it crosses below")),
    (r"mean reversion|dips?|oversold|bounce|pullback|cheap|low\b|bargain|discount", ("Buy {s} when the RSI is below 30 and sell when it is above 60", "Buy {s} when the price is below the lower Bollinger band and sell at the middle band", "Buy {s} when the price falls 1% in 30 minutes and sell after 30 minutes")),
    (r"scalp\w*|quick|fast|short term|day trad\w*|intraday", ("Buy {s} when the 5-bar EMA crosses above the 15-bar EMA, take profit at 0.5%, stop loss at 0.3%, and close before the end of the day", "Buy {s} when the price is above VWAP and the RSI is below 40, and sell when the RSI is above 60")),
    (r"volatil\w*|band", ("Buy {s} when the price is below the lower Bollinger band and sell at the middle band", "Buy {s} when the price breaks above its 60-bar high, with a stop loss of 2 ATR and a trailing stop of 1%")),
)  # fmt: skip
_USUAL = (
    "Buy {s} when the 10-bar average crosses above the 30-bar average and sell when it crosses below",
    "Buy {s} when the RSI is below 30 and sell when it is above 60",
    "Buy {s} when the price breaks above its 60-bar high and sell when it falls below its 20-bar low",
)


def proposals_for(text: str, symbols: list[str]) -> list[str]:
    """A question that offers concrete strategies; nothing when the wish is about something else than trading."""
    ideas = next((ideas for sign, ideas in _IDEAS if re.search(rf"\b(?:{sign})", text)), None)
    if (
        ideas is None
        and not symbols
        and not re.search(r"\b(?:strategy|trade|trading|profit|money|buy|invest|stocks?|crypto|bot)\b", text)
    ):
        return []
    choices = [f"“{each.format(s=symbols[0] if symbols else 'AAPL')}”" for each in ideas or _USUAL]
    return [
        "Which rule should it follow? You could say: "
        + "; ".join(f"{index}. {each}" for index, each in enumerate(choices, 1))
        + "."
    ]
