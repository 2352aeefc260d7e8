"""Symbols of stocks and crypto pairs (`AAPL`, `BRK.B`, `BTC/USD`) and their encoding in queue and topic names."""

import re

# The canonical form; lower case is taken too.
SYMBOL_PATTERN = r"^[A-Z][A-Z0-9]{0,9}(\.[A-Z]{1,3})?(/[A-Z]{3,5})?$"
_SYMBOL = re.compile(SYMBOL_PATTERN[1:-1])
# What stands for a symbol where a strategy has a universe of them; no exchange lists it.
PORTFOLIO = "PORTFOLIO"
# Topic and queue names allow letters, digits, "-" and "_" only.
_ENCODE = {".": "_d", "/": "_s"}
_DECODE = {value: key for key, value in _ENCODE.items()}


class InvalidSymbol(ValueError):
    """The text is not a stock symbol or a crypto pair."""


def parse_symbol(text: str) -> str:
    """The symbol in canonical form (upper case).

    Raises:
        InvalidSymbol: if the text is not of the form `AAPL`, `BRK.B` or `BTC/USD`.
    """
    symbol = text.strip().upper()
    if not _SYMBOL.fullmatch(symbol):
        raise InvalidSymbol(f"{text[:40]!r} is not a symbol; write a stock like AAPL or a crypto pair like BTC/USD")
    return symbol


def is_symbol(word: object) -> bool:
    """Returns whether this is a symbol in its canonical form."""
    return isinstance(word, str) and len(word) <= 20 and _SYMBOL.fullmatch(word) is not None


def is_crypto(symbol: str) -> bool:
    """Returns whether the symbol is a crypto pair, which trades around the clock."""
    return "/" in symbol


def encode_symbol(symbol: str) -> str:
    """The symbol in letters, digits and "_", for names of topics.

    >>> encode_symbol("BRK.B"), encode_symbol("BTC/USD")
    ('BRK_dB', 'BTC_sUSD')
    """
    return "".join(_ENCODE.get(character, character) for character in parse_symbol(symbol))


def decode_symbol(encoded: str) -> str:
    """The symbol whose code `encode_symbol` gave; its inverse."""
    return parse_symbol(re.sub("_d|_s", lambda match: _DECODE[match.group()], encoded))
