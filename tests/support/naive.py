"""A second backtester, written from the written rules (`backtest/MATCHING.md`), slow and plain: one bar after the other through the live evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from stratforge.backtest import BacktestConfig
from stratforge.market import BarColumns
from stratforge.strategy import PositionView, Strategy, evaluate_last_bar
from stratforge.strategy.exits import EXIT_KEYS
from stratforge.strategy.graph import Values
from stratforge.strategy.order_terms import Terms
from stratforge.strategy.vocabulary import CASH_KEY, EQUITY_KEY, POWER_KEY


@dataclass
class Account:
    """Money, the position and what happened."""

    config: BacktestConfig
    cash: float
    shares: float = 0.0
    spent: float = 0.0
    peak: float = 0.0
    fills: list[tuple[int, str, float, float, str]] = field(default_factory=list)
    fees: float = 0.0

    @property
    def entry(self) -> float:
        return self.spent / self.shares if self.shares else 0.0

    @property
    def worse(self) -> float:
        return (self.config.slippage_bps + self.config.spread_bps / 2) / 1e4

    def fee(self, shares: float, price: float) -> float:
        config = self.config
        return (
            shares * price * config.commission_bps / 1e4
            + shares * config.commission_per_share
            + config.commission_per_order
        )

    def buy(self, bar: int, wanted: float, price: float) -> tuple[float, float]:
        """Buys what can be paid at a price; returns how much that was, and what could have been paid of what was wanted."""
        config = self.config
        most = (self.cash - config.commission_per_order) / (
            price * (1 + config.commission_bps / 1e4) + config.commission_per_share
        )
        shares = min(wanted, most)
        if not config.fractional:
            shares = float(math.floor(shares + 1e-9))
        if shares * price < 1.0:
            return 0.0, most
        fee = self.fee(shares, price)
        if self.shares == 0:
            self.peak = price
        self.cash = max(self.cash - shares * price - fee, 0.0)
        self.shares += shares
        self.spent += shares * price
        self.fees += fee
        self.fills.append((bar, "buy", shares, price, "signal"))
        return shares, most

    def sell(self, bar: int, shares: float, price: float, why: str) -> None:
        fee = min(self.fee(shares, price), self.cash + shares * price)
        self.cash = max(self.cash + shares * price - fee, 0.0)
        self.fees += fee
        self.spent -= self.entry * shares
        self.shares -= shares
        if self.shares <= 0:
            self.shares = self.spent = 0.0
        self.fills.append((bar, "sell", shares, price, why))


@dataclass
class Order:
    """What a decision left to be done."""

    side: str
    wanted: float
    limit: float | None
    stop: float | None
    bars: float
    oco: bool = False

    @classmethod
    def of(cls, side: str, wanted: float, terms: Terms) -> Order | None:
        bars = math.inf if terms.expire_bars is None else terms.expire_bars
        return cls(side, wanted, terms.limit, terms.stop, bars, terms.oco) if wanted > 0 else None


@dataclass(frozen=True)
class Bar:
    """One bar, with what is reached on it."""

    number: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    def trades_below(self, price: float) -> bool:
        """Rule 3: beyond it, or at it when the bar ends."""
        return self.low < price * (1 - 1e-12) or self.close <= price * (1 + 1e-12)

    def trades_above(self, price: float) -> bool:
        return self.high > price * (1 + 1e-12) or self.close >= price * (1 - 1e-12)

    def falls_to(self, price: float) -> bool:
        return self.low <= price * (1 + 1e-12)

    def rises_to(self, price: float) -> bool:
        return self.high >= price * (1 - 1e-12)


@dataclass
class Exits:
    """The position's stop and target, as prices: from the configuration and from the strategy."""

    stop: float
    why: str
    target: float

    @classmethod
    def of(cls, account: Account, state: dict[str, float], highs: list[float]) -> Exits:
        config, entry = account.config, account.entry
        stops = []
        if config.stop_loss is not None:
            stops.append((entry * (1 - config.stop_loss), "stop loss"))
        if config.trailing_stop is not None:
            stops.append((account.peak * (1 - config.trailing_stop), "trailing stop"))
        own = {name: state[key] for name, key in EXIT_KEYS.items() if key in state}
        if "stop_loss" in own:
            stops.append((entry * (1 - own["stop_loss"]), "stop loss"))
        if "stop_loss_price" in own:
            stops.append((own["stop_loss_price"], "stop loss"))
        if "trailing_stop" in own:
            stops.append((max([entry, *highs]) * (1 - own["trailing_stop"]), "trailing stop"))
        if "trailing_stop_distance" in own:
            stops.append((max([entry, *highs]) - own["trailing_stop_distance"], "trailing stop"))
        level, why = max(stops, key=lambda each: each[0], default=(0.0, ""))
        target = entry * (1 + config.take_profit) if config.take_profit is not None else math.inf
        target = min(target, entry * (1 + own.get("take_profit", math.inf)), own.get("take_profit_price", math.inf))
        return cls(level, why, target)


def place_of(order: Order, bar: Bar) -> tuple[str, float] | None:
    """Rules 2 to 5: where on the bar an order fills ("open", "below", "above"), and at which price before costs. A stop that is passed is one no more."""
    buys = order.side == "buy"
    if order.oco and order.stop is not None and order.limit is not None:
        stop, limit = order.stop, order.limit
        begins = bar.open >= stop if buys else bar.open <= stop
        waits = bar.open > limit if buys else bar.open < limit
        comes = bar.rises_to(stop) if buys else bar.falls_to(stop)
        if begins or (waits and comes):
            order.limit = order.stop = None
            return ("open", bar.open) if begins else ("above" if buys else "below", stop)
        if not waits:
            return "open", bar.open
        return (
            ("below" if buys else "above", limit)
            if (bar.trades_below(limit) if buys else bar.trades_above(limit))
            else None
        )
    if order.stop is not None and (bar.open >= order.stop if buys else bar.open <= order.stop):
        order.stop = None
    if order.stop is not None:
        stop = order.stop
        if not (bar.rises_to(stop) if buys else bar.falls_to(stop)):
            return None
        order.stop = None
        if order.limit is not None and (stop > order.limit if buys else stop < order.limit):
            return None
        return ("above" if buys else "below"), stop
    if order.limit is None or (bar.open <= order.limit if buys else bar.open >= order.limit):
        return "open", bar.open
    if bar.trades_below(order.limit) if buys else bar.trades_above(order.limit):
        return ("below" if buys else "above"), order.limit
    return None


def fill(account: Account, order: Order, price: float, bar: Bar) -> Order | None:
    """Fills what can be filled on the bar; returns what is left of the order."""
    config = account.config
    price *= 1 + account.worse if order.side == "buy" else 1 - account.worse
    if order.limit is not None:
        price = min(price, order.limit) if order.side == "buy" else max(price, order.limit)
    part = order.wanted
    if config.participation is not None:
        part = min(part, bar.volume * config.participation)
        if not config.fractional:
            part = float(math.floor(part))
    if order.side == "buy":
        bought, most = account.buy(bar.number, part, price)
        if part > most:
            order.wanted = most
        order.wanted -= bought
        return order if config.participation is not None and order.wanted * price >= 1.0 else None
    part = account.shares if part >= account.shares - 1e-9 else part
    if part > 0:
        account.sell(bar.number, part, price, "signal")
        order.wanted -= part
    rest = config.participation is not None and account.shares > 0 and order.wanted > 1e-9
    return order if rest else None


def trade(account: Account, order: Order | None, bar: Bar, exits: Callable[[], Exits]) -> Order | None:
    """One bar: the order and the position's exits in the order of rule 6; returns what is left of the order."""
    waits = order.limit if order and order.oco and order.side == "buy" else None
    place = place_of(order, bar) if order else None
    before = exits() if account.shares > 0 and (place is None or place[0] != "open") else None
    if before is not None:
        sold = None
        if before.why and bar.open <= before.stop:
            sold = min(bar.open, before.stop), before.why
        elif bar.open >= before.target:
            sold = bar.open, "take profit"
        elif (
            before.why and bar.falls_to(before.stop) and not (place and place[0] == "below" and place[1] > before.stop)
        ):
            if not (place and place[0] == "above" and waits is not None and waits > before.stop):
                sold = before.stop, before.why
        elif (
            not (place and place[0] == "below")
            and bar.rises_to(before.target)
            and not (place and place[1] < before.target)
        ):
            sold = before.target, "take profit"
        if sold is not None:
            account.sell(bar.number, account.shares, sold[0] * (1 - account.worse), sold[1])
            return None
    if order is None or place is None:
        return expired(order)
    had = account.shares
    rest = fill(account, order, place[1], bar)
    if account.shares > 0:
        after, bought_inside = exits(), place[0] != "open" and account.shares > had
        sold = None
        if bought_inside:
            if after.why and bar.falls_to(after.stop) and (after.stop < bar.open or bar.close <= after.stop):
                sold = min(after.stop, account.fills[-1][3]), after.why
        elif place[0] == "open" and bar.open >= after.target and not (after.why and bar.open <= after.stop):
            sold = max(bar.open, after.target), "take profit"
        elif after.why and bar.falls_to(after.stop):
            sold = min(bar.open, after.stop), after.why
        elif bar.rises_to(after.target):
            sold = max(bar.open, after.target), "take profit"
        if sold is not None:
            account.sell(bar.number, account.shares, sold[0] * (1 - account.worse), sold[1])
            return None
    return expired(rest)


def expired(order: Order | None) -> Order | None:
    """Rule 10: what is left of an order after a bar on which it could fill."""
    if order is None:
        return None
    order.bars -= 1
    return order if order.bars >= 1 else None


def run_naive(
    strategy: Strategy, bars: BarColumns, config: BacktestConfig, start: int = 0
) -> tuple[Account, list[float]]:
    """The account after the run, and the equity at every close; of a run that begins with bar `start`, nothing held and no state, as a session does."""
    account, equity = Account(config, config.cash), []
    order: Order | None = None
    state: dict[str, float] = {}
    held, highs = 0, list[float]()
    columns = ("open", "high", "low", "close", "volume")
    for i in range(start, len(bars)):
        bar = Bar(i - start, *(float(getattr(bars, name)[i]) for name in columns))
        order = trade(account, order, bar, lambda: Exits.of(account, state, highs))
        if account.shares > 0:
            account.peak = max(account.peak, bar.high)
        high, close = bar.high, bar.close
        held = held + 1 if account.shares > 0 else 0
        highs = [*highs, high] if account.shares > 0 else []
        window = Values(bars.slice(0, i + 1))
        worth = account.cash + account.shares * close
        state = {**state, CASH_KEY: account.cash, EQUITY_KEY: worth, POWER_KEY: account.cash}
        evaluation = evaluate_last_bar(
            strategy, window, PositionView(account.shares, account.entry, float(held)), state
        )
        state = evaluation.state
        equity.append(worth)
        signal = evaluation.signal
        if signal is None:
            continue
        at = signal.terms.limit or signal.terms.stop or close
        if signal.side == "buy":
            sizes = {
                "default": {
                    "EQUITY_FRACTION": worth * config.sizing_value * signal.confidence / at,
                    "FIXED_CASH": config.sizing_value / at,
                    "FIXED_QUANTITY": config.sizing_value,
                }[config.sizing_rule],
                "fraction": worth * signal.size / at,
                "quantity": signal.size,
                "notional": signal.size / at,
            }
            wanted = sizes[signal.size_kind]
            wanted = wanted if config.fractional else float(math.floor(wanted))
            order = Order.of("buy", wanted, signal.terms)
        elif account.shares > 0:
            wanted = {"default": account.shares, "fraction": account.shares * signal.size}.get(
                signal.size_kind, signal.size
            )
            if not config.fractional:
                wanted = float(math.floor(wanted)) if wanted < account.shares else account.shares
            order = Order.of("sell", wanted, signal.terms)
        else:
            order = None
    return account, equity
