"""Canonical market data: bars, trades, symbols, and the columns strategies are evaluated on."""

from stratforge.market.bars import Bar, Quote, Trade
from stratforge.market.columns import BarColumns
from stratforge.market.symbols import InvalidSymbol, decode_symbol, encode_symbol, is_crypto, parse_symbol

__all__ = [
    "Bar",
    "BarColumns",
    "InvalidSymbol",
    "Quote",
    "Trade",
    "decode_symbol",
    "encode_symbol",
    "is_crypto",
    "parse_symbol",
]
