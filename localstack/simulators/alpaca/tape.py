"""The tape: prints, quotes, trading statuses and price bands in the words of the data stream."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from stratforge.market import is_crypto

# Channels that a connection subscribes to symbols of; the first two are those that a data plan limits.
LIMITED = ("trades", "quotes")
STOCK_CHANNELS = (*LIMITED, "bars", "updatedBars", "dailyBars", "statuses", "lulds")
CRYPTO_CHANNELS = (*LIMITED, "bars", "updatedBars", "dailyBars")
# The listing exchange's plan: C is UTP's (Nasdaq), A is CTA's (New York).
TAPES = {"IBM": "A"}
_BAND = Decimal("0.05")
# Status codes and reasons of halts, pauses and resumptions, by plan.
_STATUSES = {
    "C": {
        "HALTED": ("H", "Trading Halt", "T1", "Halt News Pending"),
        "PAUSED": ("P", "Volatility Trading Pause", "LUDP", "Volatility Trading Pause"),
        "TRADING": ("T", "Trading Resumption", "T3", "News and Resumption Times"),
    },
    "A": {
        "HALTED": ("2", "Trading Halt", "P", "News Pending"),
        "PAUSED": ("2", "Trading Halt", "M", "Limit Up-Limit Down (LULD) Trading Pause"),
        "TRADING": ("3", "Resume", " ", ""),
    },
}


def tape_of(symbol: str) -> str:
    """The tape that a stock is printed on."""
    return TAPES.get(symbol, "C")


def trade(
    symbol: str, number: int, price: Decimal, at: datetime, conditions: list[str] | None = None
) -> dict[str, Any]:
    """A print: of a hundred shares unless its conditions say that it is an odd lot."""
    odd = conditions is not None and "I" in conditions
    message = {"T": "t", "S": symbol, "i": number, "p": float(price), "s": 7.0 if odd else 100.0, "t": at}
    if is_crypto(symbol):
        return message | {"tks": "B"}
    return message | {"x": "V", "c": ["@"] if conditions is None else conditions, "z": tape_of(symbol)}


def quote(symbol: str, price: Decimal, spread: Decimal, at: datetime) -> dict[str, Any]:
    """The best bid and offer around a price."""
    bid, ask = float(price - spread / 2), float(price + spread / 2)
    message = {"T": "q", "S": symbol, "bp": bid, "bs": 4.0, "ap": ask, "as": 4.0, "t": at}
    return message if is_crypto(symbol) else message | {"bx": "V", "ax": "V", "c": ["R"], "z": tape_of(symbol)}


def status(symbol: str, state: str, at: datetime) -> dict[str, Any]:
    """A trading status: HALTED, PAUSED or TRADING, as the stock's plan says it."""
    tape = tape_of(symbol)
    code, words, reason, why = _STATUSES[tape][state]
    return {"T": "s", "S": symbol, "sc": code, "sm": words, "rc": reason, "rm": why, "t": at, "z": tape}


def bands(symbol: str, price: Decimal, at: datetime) -> dict[str, Any]:
    """The limit-up and limit-down price around a reference price."""
    low, high = float(round(price * (1 - _BAND), 2)), float(round(price * (1 + _BAND), 2))
    return {"T": "l", "S": symbol, "u": high, "d": low, "i": "B", "t": at, "z": tape_of(symbol)}


def cancel(symbol: str, number: int, price: Decimal, at: datetime) -> dict[str, Any]:
    """Builds the message by which a print is taken back."""
    tape = tape_of(symbol)
    return {"T": "x", "S": symbol, "i": number, "x": "V", "p": float(price), "s": 100.0, "a": "C", "t": at, "z": tape}


def correction(symbol: str, number: int, new: int, was: Decimal, price: Decimal, at: datetime) -> dict[str, Any]:
    """A print is replaced by a right one."""
    original = {"oi": number, "op": float(was), "os": 100.0, "oc": ["@"]}
    corrected = {"ci": new, "cp": float(price), "cs": 100.0, "cc": ["@"]}
    return {"T": "c", "S": symbol, "x": "V", **original, **corrected, "t": at, "z": tape_of(symbol)}
