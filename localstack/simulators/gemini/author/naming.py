"""Names of strategies, made from what they buy by."""

from __future__ import annotations

from simulators.gemini.author.rules import Cross, Plan, Series, nodes

TITLES = {
    "sma": "average", "ema": "EMA", "wma": "WMA", "hma": "HMA", "rsi": "RSI", "macd": "MACD", "histogram": "MACD", "lower_band": "Bollinger", "upper_band": "Bollinger",
    "mid_band": "Bollinger", "highest_high": "breakout", "lowest_low": "channel", "vwap": "VWAP", "stoch": "stochastic", "stochrsi": "stochastic RSI", "cci": "CCI", "mfi": "MFI",
    "willr": "Williams %R", "adx": "ADX", "change": "move", "volume_average": "volume", "supertrend": "SuperTrend", "psar": "parabolic SAR",
}  # fmt: skip


def name_of(plan: Plan, symbol: str) -> str:
    """The name of a strategy: its symbol, and what it buys by."""
    crossed = [each for rule in plan.of("entry") for each in nodes(rule.condition) if isinstance(each, Cross)]
    lines = {each.left.name for each in crossed} | {
        each.right.name for each in crossed if isinstance(each.right, Series)
    }
    titles = list[str]()
    for rule in plan.of("entry"):
        for each in nodes(rule.condition):
            title = TITLES.get(each.name) if isinstance(each, Series) else None
            if title is not None and isinstance(each, Series):
                titles.append(
                    f"{title} cross" if each.name in lines and each.name in ("sma", "ema", "wma", "hma") else title
                )
    return f"{symbol} {' and '.join(dict.fromkeys(titles)) or 'by the clock'}"[:120]
