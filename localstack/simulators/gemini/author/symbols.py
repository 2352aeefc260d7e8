"""Which symbols a request names."""

from __future__ import annotations

import re

NAMES = {
    "apple": "AAPL",
    "google": "GOOG",
    "alphabet": "GOOG",
    "microsoft": "MSFT",
    "facebook": "META",
    "meta": "META",
    "ibm": "IBM",
    "tesla": "TSLA",
    "nvidia": "NVDA",
    "amazon": "AMZN",
    "netflix": "NFLX",
    "bitcoin": "BTC/USD",
    "ethereum": "ETH/USD",
}
_NOT_SYMBOLS = frozenset(
    [
        "RSI",
        "EMA",
        "SMA",
        "WMA",
        "HMA",
        "DEMA",
        "TEMA",
        "MACD",
        "ATR",
        "VWAP",
        "BUY",
        "SELL",
        "THE",
        "AND",
        "OR",
        "NOT",
        "BB",
        "ADX",
        "OBV",
        "CCI",
        "MFI",
        "ROC",
        "WHEN",
        "A",
        "I",
        "IF",
        "IT",
        "MA",
        "SAR",
        "PSAR",
        "KC",
        "BBANDS",
        "DI",
        "STOCH",
        "K",
        "D",
        "USD",
        "AM",
        "PM",
        "ET",
        "EST",
        "NY",
        "OK",
        "TP",
        "SL",
        "ONLY",
        "GO",
        "LONG",
        "STOP",
        "ALL",
        "CAPS",
        "NOW",
        "US",
        "ETF",
        "IGNORE",
        "SYSTEM",
        "YOU",
        "ARE",
        "DROP",
        "TABLE",
        "DAN",
        "AI",
        "PREVIOUS",
        "INSTRUCTIONS",
        "OUTPUT",
        "API",
        "KEY",
        "HIGH",
        "LOW",
        "OPEN",
        "CLOSE",
        "EXIT",
        "ENTER",
        "NEVER",
        "ALWAYS",
        "WENN",
        "UND",
        "ODER",
    ]
)


def symbols_in(request: str) -> list[str]:
    """The symbols a request names, each once, in their order."""
    found = [
        word
        for word in re.findall(r"(?<![\w/$.])\$?([A-Z]{1,5}(?:[./][A-Z]{1,4})?)(?![\w/])", request)
        if word not in _NOT_SYMBOLS
    ]
    for name, symbol in NAMES.items():
        if re.search(rf"\b{name}\b", request, re.IGNORECASE):
            found.append(symbol)
    return list(dict.fromkeys(found))
