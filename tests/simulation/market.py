"""A market from a seed: prices, bars, quotes and halts of a few symbols, what history says of them, and how the account's orders are filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import partial
from random import Random

from simulators.alpaca.exchange import Exchange, SimulatedOrder
from stratforge.broker.history import Found
from stratforge.bus.messages import MarketUpdate
from stratforge.market import Bar, is_crypto
from stratforge.market.corporate_actions import CorporateAction

from tests.simulation.time import Loop

MINUTE = timedelta(minutes=1)
START = {"AAPL": Decimal(100), "WHOLE": Decimal(40), "BTC/USD": Decimal(60_000)}
SYMBOLS = tuple(START)
SPREAD = Decimal("0.02")
HISTORY = 60


def whole(price: Decimal) -> Decimal:
    """A price in cents."""
    return max(Decimal("0.05"), price.quantize(Decimal("0.01")))


@dataclass(slots=True)
class Market:
    """`tell` is given the market's news, `bar` each bar that ends."""

    loop: Loop
    random: Random
    exchange: Exchange
    prices: dict[str, Decimal]
    tell: Callable[[MarketUpdate], None]
    bar: Callable[[Bar], None]
    past: dict[str, list[Bar]] = field(default_factory=dict)
    halted: set[str] = field(default_factory=set)
    is_open: Callable[[datetime], bool] = lambda _at: True
    # Of each execution: bid and ask at that moment.
    books: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    split_at: dict[str, list[tuple[datetime, Decimal]]] = field(default_factory=dict)
    _printed: dict[str, list[Decimal]] = field(default_factory=dict)

    def begin(self, at: datetime) -> None:
        """Makes the minutes before."""
        for symbol, price in START.items():
            walk = price
            bars = []
            for minute in range(HISTORY, 0, -1):
                walk = whole(walk * Decimal(1 + self.random.gauss(0, 0.001)))
                bars.append(Bar(symbol, at - minute * MINUTE, walk, walk, walk, walk, Decimal(1000)))
            self.past[symbol], self.prices[symbol] = bars, walk

    def minute(self, symbols: Sequence[str], *, wild: float = 0.03) -> None:
        """Has symbols trade in the minute that begins."""
        for symbol in symbols:
            if symbol in self.halted:
                continue
            drift = self.random.gauss(0, 0.0006)
            if self.random.random() < wild:
                drift = self.random.choice((-1, 1)) * self.random.uniform(0.003, 0.008)
            for second in sorted(self.random.uniform(1, 58) for _ in range(self.random.randint(1, 4))):
                self.loop.later(second, f"print {symbol}", partial(self._print, symbol, drift))
        for symbol in symbols:
            self.loop.later(60, f"minute {symbol}", partial(self._end, symbol, self.loop.now))

    def _print(self, symbol: str, drift: float) -> str:
        if symbol in self.halted:
            return "halted"
        price = whole(self.prices[symbol] * Decimal(1 + self.random.gauss(drift, 0.0008)))
        self.prices[symbol] = price
        self._printed.setdefault(symbol, []).append(price)
        now, half = self.loop.now, SPREAD / 2
        self.tell(
            MarketUpdate(
                symbol=symbol,
                time=now,
                price=price,
                size=Decimal(10),
                bid=price - half,
                ask=price + half,
                quoted_at=now,
            )
        )
        return str(price)

    def _end(self, symbol: str, began: datetime) -> str:
        printed = self._printed.pop(symbol, [])
        if not printed:
            return "nothing"
        bar = Bar(symbol, began, printed[0], max(printed), min(printed), printed[-1], Decimal(100 * len(printed)))
        self.past[symbol].append(bar)
        self.bar(bar)
        return str(bar.close)

    def halt(self, symbol: str, seconds: float) -> str:
        """The exchange halts a symbol for a while."""
        if symbol in self.halted or is_crypto(symbol):
            return "not now"
        self.halted.add(symbol)
        self.tell(MarketUpdate(symbol=symbol, time=self.loop.now, exchange_state="HALTED"))
        self.loop.later(seconds, f"resumes {symbol}", lambda: self._resume(symbol))
        return "halted"

    def _resume(self, symbol: str) -> None:
        self.halted.discard(symbol)
        self.tell(MarketUpdate(symbol=symbol, time=self.loop.now, exchange_state="TRADING"))

    def split(self, action: CorporateAction) -> None:
        """A split takes effect at the exchange."""
        assert action.ratio is not None
        self.exchange.split(action.symbol, action.ratio, self.loop.now)
        self.prices[action.symbol] = whole(self.prices[action.symbol] / action.ratio)
        self.split_at.setdefault(action.symbol, []).append((self.loop.now, action.ratio))

    # What history says -------------------------------------------------------------------------------------

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime, *, as_traded: bool) -> Found:
        """Finished bars."""
        assert as_traded
        return Found({symbol: [each for each in self.past[symbol] if start <= each.time < end] for symbol in symbols})

    def latest_of(self, symbols: Sequence[str], count: int, now: datetime) -> Found:
        """The latest bars, adjusted for splits."""
        return Found(
            {
                symbol: [self._adjusted(each, now) for each in self.past[symbol] if each.time < now][-count:]
                for symbol in symbols
            }
        )

    def _adjusted(self, bar: Bar, now: datetime) -> Bar:
        ratio = Decimal(1)
        for at, each in self.split_at.get(bar.symbol, []):
            if bar.time < at <= now:
                ratio *= each
        if ratio == 1:
            return bar
        return Bar(
            bar.symbol,
            bar.time,
            bar.open / ratio,
            bar.high / ratio,
            bar.low / ratio,
            bar.close / ratio,
            bar.volume * ratio,
        )

    # The account's orders ----------------------------------------------------------------------------------

    def took(self, order: SimulatedOrder) -> None:
        """An order of the account begins to be worked on."""
        self.loop.later(self.random.uniform(0.05, 2), f"works {order.symbol}", lambda: self._work(order))

    def _work(self, order: SimulatedOrder) -> str:
        if not order.open:
            return order.status
        if not is_crypto(order.symbol) and not self.is_open(self.loop.now):
            self.exchange.expire(order, self.loop.now)
            return "expired"
        price = (
            None
            if order.symbol in self.halted
            else self.exchange.executable_at(order, self.prices[order.symbol], SPREAD)
        )
        if price is None:
            self.took(order)
            return "rests"
        if self.random.random() < 0.01 and not order.filled_quantity:
            self.exchange.reject(order, self.loop.now)
            return "rejected"
        left = order.quantity - order.filled_quantity
        part = left if self.random.random() < 0.6 else left * Decimal(self.random.randint(1, 99)) / 100
        step = Decimal(1) if order.symbol == "WHOLE" else Decimal("0.000000001")
        quantity = max((part / step).to_integral_value(ROUND_DOWN), Decimal(1)) * step
        half = SPREAD / 2
        self.exchange.fill(order, quantity, price, self.loop.now)
        self.books[order.fills[-1]["execution_id"]] = (
            self.prices[order.symbol] - half,
            self.prices[order.symbol] + half,
        )
        if order.open:
            self.took(order)
        return f"{order.side} {quantity} at {price}"
