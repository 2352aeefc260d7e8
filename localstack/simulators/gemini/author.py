"""An author of strategies that follows fixed rules: it finds indicators, numbers and words in a request and writes code.

It is no model and is labeled as offline wherever its answers are shown. It understands crosses of moving averages, levels of the RSI,
breakouts of channels, touches of bands, MACD crosses, hours of the day, and sizes; what it does not find it assumes, and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SYMBOLS = {
    "apple": "AAPL",
    "google": "GOOG",
    "alphabet": "GOOG",
    "microsoft": "MSFT",
    "facebook": "META",
    "meta": "META",
    "ibm": "IBM",
}
_NOT_SYMBOLS = {
    "RSI",
    "EMA",
    "SMA",
    "MACD",
    "ATR",
    "VWAP",
    "BUY",
    "SELL",
    "THE",
    "AND",
    "BB",
    "ADX",
    "OBV",
    "WHEN",
    "A",
    "I",
    "IF",
}


@dataclass(slots=True)
class Rules:
    """What was understood of a request."""

    constants: dict[str, float] = field(default_factory=dict)
    indicators: dict[str, str] = field(default_factory=dict)
    entry: list[str] = field(default_factory=list)
    exit: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)


def write_draft(request: str) -> dict[str, object]:
    """The answer to a request, as the response schema wants it."""
    text = " ".join(request.lower().split())
    rules = Rules()
    for understand in (_moving_averages, _macd, _rsi, _bands, _breakout, _vwap):
        understand(text, rules)
    if not rules.entry:
        return {
            "name": "Not understood",
            "symbol": _symbol(request) or "AAPL",
            "python_code": "",
            "logic_explanation": "",
            "assumptions": [],
            "questions": [
                "Which rule should decide when to buy? For example: the 10-bar average crosses above the 30-bar average, the RSI "
                "falls below 30, or the price breaks out of its 20-bar high."
            ],
        }
    _hours(text, rules)
    _stops(text, rules)
    if not rules.exit:
        rules.constants["HOLD_BARS"] = 30
        rules.exit.append("position.bars_held >= HOLD_BARS")
        rules.assumptions.append("No rule for selling was given: the position is sold after 30 bars.")
    symbol = _symbol(request)
    if symbol is None:
        symbol = "AAPL"
        rules.assumptions.append("No symbol was named: AAPL is used.")
    size = _size(text, rules)
    return {
        "name": _name(rules, symbol),
        "symbol": symbol,
        "python_code": _code(rules, size),
        "logic_explanation": " ".join([*rules.said, "[Written offline by fixed rules, without a language model.]"]),
        "assumptions": rules.assumptions,
        "questions": [],
    }


def _symbol(request: str) -> str | None:
    for word in re.findall(r"\b[A-Z]{1,5}(?:/[A-Z]{3})?\b", request):
        if word not in _NOT_SYMBOLS:
            return str(word)
    for name, symbol in SYMBOLS.items():
        if re.search(rf"\b{name}\b", request.lower()):
            return symbol
    return None


def _moving_averages(text: str, rules: Rules) -> None:
    if not re.search(r"\b(cross\w*|golden|averages?|sma|ema)\b", text) or "macd" in text:
        return
    kind = "ema" if re.search(r"\bema|exponential", text) else "sma"
    numbers = [int(each) for each in re.findall(r"\b(\d{1,3})[- ]?(?:bar|day|minute|period|ema|sma|\b)", text)]
    lengths = sorted({each for each in numbers if 2 <= each <= 400})[:2]
    if len(lengths) < 2:
        if not re.search(r"cross\w*|golden", text) or "rsi" in text:
            return
        lengths = [10, 30]
        rules.assumptions.append("Lengths of the averages were not given: 10 and 30 bars are used.")
    rules.constants |= {"FAST": lengths[0], "SLOW": lengths[1]}
    rules.indicators |= {"fast": f"ta.{kind}(bars.close, length=FAST)", "slow": f"ta.{kind}(bars.close, length=SLOW)"}
    rules.entry.append("bar.fast > bar.slow")
    rules.exit.append("bar.fast < bar.slow")
    rules.said.append(
        f"Buys while the {lengths[0]}-bar {kind.upper()} is above the {lengths[1]}-bar {kind.upper()}, and sells when it falls below."
    )


def _macd(text: str, rules: Rules) -> None:
    if "macd" in text:
        rules.indicators["histogram"] = "ta.macd(bars.close, fast=12, slow=26, signal=9).histogram"
        rules.entry.append("bar.histogram > 0")
        rules.exit.append("bar.histogram < 0")
        rules.said.append("Buys while the MACD (12, 26, 9) is above its signal line, and sells when it falls below.")


def _rsi(text: str, rules: Rules) -> None:
    if "rsi" not in text:
        return
    low = re.search(r"(?:below|under|oversold|less than|<)\s*(?:at\s*)?(\d{1,2})", text)
    high = re.search(r"(?:above|over|overbought|more than|exceeds|>)\s*(?:at\s*)?(\d{1,2})", text)
    rules.constants |= {"RSI_LOW": float(low[1]) if low else 30.0, "RSI_HIGH": float(high[1]) if high else 70.0}
    rules.indicators["rsi"] = "ta.rsi(bars.close, length=14)"
    if rules.entry:
        rules.entry.append("bar.rsi < RSI_HIGH")
        rules.said.append(f"It does not buy when the 14-bar RSI is {rules.constants['RSI_HIGH']:g} or more.")
    else:
        rules.entry.append("bar.rsi < RSI_LOW")
        rules.exit.append("bar.rsi > RSI_HIGH")
        rules.said.append(
            f"Buys when the 14-bar RSI is below {rules.constants['RSI_LOW']:g} and sells when it is above "
            f"{rules.constants['RSI_HIGH']:g}."
        )


def _bands(text: str, rules: Rules) -> None:
    if "bollinger" in text or re.search(r"lower band", text):
        rules.indicators |= {
            "lower": "ta.bbands(bars.close, length=20, std=2).lower",
            "middle": "ta.bbands(bars.close, length=20, std=2).mid",
        }
        rules.entry.append("bar.close < bar.lower")
        rules.exit.append("bar.close > bar.middle")
        rules.said.append(
            "Buys when the close is below the lower Bollinger band (20, 2) and sells above the middle band."
        )


def _breakout(text: str, rules: Rules) -> None:
    if re.search(r"break\s?out|breaks?\b|new high|donchian", text):
        number = re.search(r"(\d{1,3})[- ]?(?:bar|day|minute|period)", text)
        rules.constants["CHANNEL"] = int(number[1]) if number else 20
        rules.indicators |= {
            "highest": "ta.donchian(bars.high, bars.low, lower_length=CHANNEL, upper_length=CHANNEL).upper.shift(1)",
            "lowest": "ta.donchian(bars.high, bars.low, lower_length=CHANNEL, upper_length=CHANNEL).lower.shift(1)",
        }
        rules.entry.append("bar.close > bar.highest")
        rules.exit.append("bar.close < bar.lowest")
        length = f"{rules.constants['CHANNEL']:g}"
        rules.said.append(
            f"Buys when the close breaks above the high of the {length} bars before, sells below their low."
        )


def _vwap(text: str, rules: Rules) -> None:
    if "vwap" in text:
        rules.indicators["vwap"] = "ta.vwap(bars.high, bars.low, bars.close, bars.volume)"
        below = re.search(r"below (?:the )?vwap|dips?|pull", text) and not rules.entry
        rules.entry.append("bar.close < bar.vwap" if below else "bar.close > bar.vwap")
        rules.exit.append("bar.close > bar.vwap" if below else "bar.close < bar.vwap")
        rules.said.append(f"Buys {'below' if below else 'above'} the day's VWAP and sells on its other side.")


def _hours(text: str, rules: Rules) -> None:
    if re.search(r"first hour", text):
        rules.entry.append("bar.time.hour * 60 + bar.time.minute < 630")
        rules.said.append("It buys in the first hour of trading only (before 10:30 New York time).")
    elif re.search(r"last hour", text):
        rules.entry.append("bar.time.hour >= 15")
        rules.said.append("It buys in the last hour of trading only (from 15:00 New York time).")
    elif re.search(r"(not|avoid|skip|except).{0,20}(first|opening)", text):
        rules.entry.append("bar.time.hour >= 10")
        rules.said.append("It does not buy before 10:00 New York time.")


def _stops(text: str, rules: Rules) -> None:
    stop = re.search(r"(?:stop|loss)\D{0,20}?(\d{1,2}(?:\.\d+)?)\s*(?:%|percent)", text)
    target = re.search(r"(?:profit|target|gain)\D{0,20}?(\d{1,3}(?:\.\d+)?)\s*(?:%|percent)", text)
    if stop:
        rules.constants["STOP"] = float(stop[1]) / 100
        rules.exit.append("position.unrealized_return < -STOP")
        rules.said.append(f"It sells when a position has lost {float(stop[1]):g} %.")
    if target:
        rules.constants["TARGET"] = float(target[1]) / 100
        rules.exit.append("position.unrealized_return > TARGET")
        rules.said.append(f"It sells when a position has gained {float(target[1]):g} %.")


def _size(text: str, rules: Rules) -> str:
    percent = re.search(
        r"(\d{1,3}(?:\.\d+)?)\s*(?:%|percent) of (?:my |the )?(?:equity|portfolio|capital|cash|account)", text
    )
    dollars = re.search(r"\$\s?(\d[\d,]*)", text)
    shares = re.search(r"\b(\d+) shares", text)
    if percent:
        rules.said.append(f"Every purchase is {percent[1]} % of the equity.")
        return f"fraction={float(percent[1]) / 100:g}"
    if dollars:
        rules.said.append(f"Every purchase is for ${dollars[1]}.")
        return f"notional={float(dollars[1].replace(',', '')):g}"
    if shares:
        rules.said.append(f"Every purchase is {shares[1]} shares.")
        return f"quantity={int(shares[1])}"
    rules.assumptions.append("No size was given: the session's sizing rule decides.")
    return "confidence=0.8"


def _name(rules: Rules, symbol: str) -> str:
    words = {
        "fast": "average cross",
        "histogram": "MACD",
        "rsi": "RSI",
        "lower": "Bollinger",
        "highest": "breakout",
        "vwap": "VWAP",
    }
    parts = [word for name, word in words.items() if name in rules.indicators]
    return f"{symbol} {' and '.join(parts)}"


def _code(rules: Rules, size: str) -> str:
    constants = "\n".join(f"{name} = {value:g}" for name, value in rules.constants.items())
    columns = "\n".join(f'        "{name}": {call},' for name, call in rules.indicators.items())
    entry, leave = " and ".join(rules.entry), " or ".join(rules.exit)
    return f"""{constants}


def indicators(bars):
    return {{
{columns}
    }}


def on_bar(bar, position, state):
    if position.quantity == 0 and {entry}:
        return buy({size})
    if position.quantity > 0 and ({leave}):
        return sell()
"""
