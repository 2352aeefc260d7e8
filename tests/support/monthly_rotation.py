"""A monthly rotation as a person would do it with a spreadsheet of daily prices, day after day: written from what portfolio strategies are said to mean
(`strategy.rotation`) and with nothing of the engine, which it is held against.

The strongest symbols by their return over so many days are held in equal parts from the first trading day of each month on; nothing is, when the index closed at
or below its moving average.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd

# The same as a portfolio strategy.
EXAMPLE = (Path(__file__).parents[2] / "examples" / "monthly_rotation.py").read_text(encoding="utf-8")


def source_of(universe: list[str], index: str) -> str:
    """The example for other symbols, of which three are held."""
    _, listed = next(line for line in EXAMPLE.split("\n") if line.startswith("UNIVERSE")).split(" = ")
    return (
        EXAMPLE.replace(listed, repr(universe))
        .replace('of("IBM")', f'of("{index}")')
        .replace("AVERAGE = 2,", "AVERAGE = 3,")
    )


@dataclass
class Costs:
    """What trading costs: how much worse than the open, by value, by share and by order."""

    worse: float = 0.0
    by_value: float = 0.0
    by_share: float = 0.0
    by_order: float = 0.0
    whole_shares: bool = False


@dataclass
class Book:
    """What the rotation did."""

    cash: float
    shares: dict[str, float]
    equity: dict[date, float] = field(default_factory=dict)
    weights: dict[date, dict[str, float]] = field(default_factory=dict)
    trades: list[tuple[date, str, float, float]] = field(default_factory=list)


def rotate(
    prices: dict[str, pd.DataFrame],
    index: str,
    money: float,
    costs: Costs,
    top: int = 3,
    days: int = 126,
    average: int = 200,
) -> Book:
    """Rotates through all symbols of `prices` but the index; each has rows by day with open and close."""
    symbols = [symbol for symbol in prices if symbol != index]
    book = Book(money, dict.fromkeys(symbols, 0.0))
    waiting: dict[str, float] = {}
    calendar = sorted(set().union(*(frame.index for frame in prices.values())))
    rows = {symbol: frame.to_dict("index") for symbol, frame in prices.items()}
    latest: dict[str, float] = {}
    for number, today in enumerate(calendar):
        if number > 0 and (number == 1 or today.month != calendar[number - 1].month):
            past = {symbol: frame[frame.index < today] for symbol, frame in prices.items()}
            weights = _decide(past, symbols, index, today, top, days, average)
            book.weights[today.date()] = weights
            waiting = _orders(book, past, weights, costs)
        opens = {symbol: row[today]["open"] for symbol, row in rows.items() if today in row}
        _trade(book, opens, waiting, today, costs)
        latest |= {symbol: row[today]["close"] for symbol, row in rows.items() if today in row}
        worth = sum(shares * latest[symbol] for symbol, shares in book.shares.items() if shares > 0)
        book.equity[today.date()] = book.cash + worth
    return book


def _decide(
    past: dict[str, pd.DataFrame],
    symbols: list[str],
    index: str,
    today: pd.Timestamp,
    top: int,
    days: int,
    average: int,
) -> dict[str, float]:
    index_close = past[index]["close"]
    if (
        not _recent(past[index], today)
        or len(index_close) < average
        or not index_close.iloc[-1] > index_close.iloc[-average:].mean()
    ):
        return {}
    strength = {
        symbol: past[symbol]["close"].iloc[-1] / past[symbol]["close"].iloc[-1 - days] - 1
        for symbol in symbols
        if _recent(past[symbol], today) and len(past[symbol]) > days
    }
    best = sorted(strength, key=lambda symbol: -strength[symbol])[:top]
    return {symbol: 1 / len(best) for symbol in best}


def _recent(frame: pd.DataFrame, today: pd.Timestamp) -> bool:
    return len(frame) > 0 and (today - frame.index[-1]).days <= 7


def _orders(book: Book, past: dict[str, pd.DataFrame], weights: dict[str, float], costs: Costs) -> dict[str, float]:
    last = {symbol: frame["close"].iloc[-1] for symbol, frame in past.items() if len(frame)}
    equity = book.cash + sum(shares * last[symbol] for symbol, shares in book.shares.items() if shares > 0)
    orders = {}
    for symbol, shares in book.shares.items():
        weight = weights.get(symbol, 0.0)
        if weight == 0.0:
            change = -shares
        else:
            wanted = weight * equity / last[symbol]
            wanted = math.floor(wanted + 1e-9) if costs.whole_shares else wanted
            change = wanted - shares
            if abs(change) * last[symbol] < 1.0 and wanted > 0:
                change = 0.0
        if change:
            orders[symbol] = change
    return orders


def _trade(book: Book, opens: dict[str, float], waiting: dict[str, float], today: pd.Timestamp, costs: Costs) -> None:
    sales = [symbol for symbol in waiting if symbol in opens and waiting[symbol] < 0]
    purchases = [symbol for symbol in waiting if symbol in opens and waiting[symbol] > 0]
    for symbol in sales:
        shares, price = -waiting.pop(symbol), opens[symbol] * (1 - costs.worse)
        book.cash += shares * price * (1 - costs.by_value) - shares * costs.by_share - costs.by_order
        book.shares[symbol] = 0.0 if abs(book.shares[symbol] - shares) < 1e-9 else book.shares[symbol] - shares
        book.trades.append((today.date(), symbol, -shares, price))
    prices = {symbol: opens[symbol] * (1 + costs.worse) for symbol in purchases}
    bill = sum(waiting[each] * (prices[each] * (1 + costs.by_value) + costs.by_share) for each in purchases)
    free = book.cash - len(purchases) * costs.by_order
    part = min(1.0, max(free, 0.0) / bill) if bill else 1.0
    for symbol in purchases:
        shares = waiting.pop(symbol) * part
        if costs.whole_shares:
            shares = float(math.floor(shares + 1e-9))
        if shares * prices[symbol] >= 1.0:
            book.cash -= shares * (prices[symbol] * (1 + costs.by_value) + costs.by_share) + costs.by_order
            book.shares[symbol] += shares
            book.trades.append((today.date(), symbol, shares, prices[symbol]))
