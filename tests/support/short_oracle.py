"""A backtester of long and short positions, written from the rules of `backtest/MATCHING.md` alone: slow, and with nothing of the loop in it.

A program is a table of decisions by bar. On every bar the oracle makes a list of all that may happen (the order, the stop, the target), puts it in the order of
rules 6 and 13, and goes through it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from stratforge.backtest import BacktestConfig
from stratforge.market import BarColumns

OPEN, AGAINST, IN_FAVOR = 0, 1, 2
# Phase of the bar, distance from the open, exits first, what, and at which price.
Event = tuple[int, float, int, str, float]
Reached = Callable[[float], bool]


@dataclass(frozen=True)
class Decision:
    """What a program returns on a bar; prices are factors of the bar's close.

    Attributes:
        side: buy, sell, short, cover or adjust.
        kind: fraction, quantity, notional, or "" for the configuration's size.
        exits: By the names that the language has; those that end in _price are factors too.
    """

    side: str
    kind: str = ""
    size: float = 0.0
    limit: float | None = None
    stop: float | None = None
    expire: int | None = None
    exits: Mapping[str, float] = field(default_factory=dict)
    oco: bool = False

    @property
    def text(self) -> str:
        """The decision as the language has it."""
        given = [f"{self.kind}={self.size!r}"] if self.kind else []
        given += [
            f"{'or_' * (self.oco and name == 'stop')}{name}=bar.close * {value!r}"
            for name in ("limit", "stop")
            if (value := getattr(self, name)) is not None
        ]
        given += [f"expire_bars={self.expire}"] if self.expire is not None else []
        given += [
            f"{name}={'bar.close * ' if name.endswith(('_price', '_distance')) else ''}{value!r}"
            for name, value in self.exits.items()
        ]
        return f"{self.side}({', '.join(given)})"


Program = Mapping[int, Decision]


def source_of(program: Program) -> str:
    """The program in the language; it can go short whatever its table holds."""
    lines = ["def on_bar(bar, position, state):", '    state["n"] += 1']
    for bar, decision in sorted(program.items()):
        lines += [f'    if state["n"] == {bar + 1}:', f"        return {decision.text}"]
    lines += ['    if state["n"] == 1000000:', "        return short()"]
    return "\n".join(lines) + "\n"


@dataclass
class Order:
    side: str
    wanted: float
    limit: float | None
    stop: float | None
    left: float
    oco: bool = False

    @property
    def opens(self) -> bool:
        return self.side in ("buy", "short")

    @property
    def buys(self) -> bool:
        return self.side in ("buy", "cover")


@dataclass(frozen=True)
class Fill:
    bar: int
    side: str
    quantity: float
    price: float
    why: str


@dataclass
class Oracle:
    """The account and all that happened in it."""

    bars: BarColumns
    config: BacktestConfig
    cash: float = 0.0
    held: float = 0.0
    spent: float = 0.0
    order: Order | None = None
    exits: dict[str, float] = field(default_factory=dict)
    peak: float = 0.0
    best: float | None = None
    called: bool = False
    fills: list[Fill] = field(default_factory=list)
    fees: float = 0.0
    borrowed: float = 0.0
    equity: list[float] = field(default_factory=list)

    # What is asked of the account -------------------------------------------------------------------------------

    @property
    def entry(self) -> float:
        return self.spent / abs(self.held)

    @property
    def way(self) -> int:
        """1 in the world of long positions, -1 in that of short ones."""
        if self.held:
            return 1 if self.held > 0 else -1
        return -1 if self.order is not None and self.order.side in ("short", "cover") else 1

    def worse(self, price: float, buys: bool) -> float:
        part = (self.config.slippage_bps + self.config.spread_bps / 2) / 10_000
        return price * (1 + part) if buys else price * (1 - part)

    def commission(self, quantity: float, price: float) -> float:
        config = self.config
        per_unit = price * config.commission_bps / 10_000 + config.commission_per_share
        return quantity * per_unit + config.commission_per_order

    def least_equity(self, price: float) -> float:
        """Rule 16: the equity that a share needs."""
        if price < 5:
            return max(price, 2.5)
        return max(self.config.maintenance_margin * price, 5.0)

    def levels(self) -> tuple[float | None, str, float | None]:
        """The stop that is nearest to the price with its reason, and the nearest target."""
        way, entry, config, own = self.way, self.entry, self.config, self.exits
        stops: list[tuple[float, str]] = []
        if config.stop_loss is not None:
            stops.append((entry * (1 - way * config.stop_loss), "stop loss"))
        if config.trailing_stop is not None:
            stops.append((self.peak * (1 - way * config.trailing_stop), "trailing stop"))
        if "stop_loss" in own:
            stops.append((entry * (1 - way * own["stop_loss"]), "stop loss"))
        if "stop_loss_price" in own:
            stops.append((own["stop_loss_price"], "stop loss"))
        top = entry if self.best is None else (max(entry, self.best) if way > 0 else min(entry, self.best))
        if "trailing_stop" in own:
            stops.append((top * (1 - way * own["trailing_stop"]), "trailing stop"))
        if "trailing_stop_distance" in own:
            stops.append((top - way * own["trailing_stop_distance"], "trailing stop"))
        targets = []
        if config.take_profit is not None:
            targets.append(entry * (1 + way * config.take_profit))
        if "take_profit" in own:
            targets.append(entry * (1 + way * own["take_profit"]))
        if "take_profit_price" in own:
            targets.append(own["take_profit_price"])
        targets = [each for each in targets if each > 0]
        nearest = max if way > 0 else min
        stop = nearest((price for price, _ in stops), default=None)
        why = next((reason for price, reason in stops if price == stop), "")
        target = (min if way > 0 else max)(targets, default=None)
        return stop, why, target

    # What happens to it -----------------------------------------------------------------------------------------

    def close(self, bar: int, quantity: float, price: float, why: str) -> None:
        side = "sell" if self.held > 0 else "cover"
        fee = self.commission(quantity, price)
        if side == "sell":
            fee = min(fee, self.cash + quantity * price)
            self.cash = max(self.cash + quantity * price - fee, 0.0)
        else:
            self.cash -= quantity * price + fee
        self.fees += fee
        self.spent -= self.entry * quantity
        self.held -= math.copysign(quantity, self.held)
        if abs(self.held) < 1e-12:
            self.held = self.spent = 0.0
        self.fills.append(Fill(bar, side, quantity, price, why))

    def open_more(self, bar: int, wanted: float, price: float) -> tuple[float, float]:
        """Opens what can be paid, or what the margin allows; returns how much, and how much could have been."""
        assert self.order is not None
        config, short = self.config, self.order.side == "short"
        per_unit = price * config.commission_bps / 10_000 + config.commission_per_share
        if short:
            equity = self.cash + self.held * price
            needed = max(config.short_margin * price, self.least_equity(price))
            # equity - fees >= needed * (what is short + what is opened)
            most = (equity - config.commission_per_order - needed * abs(self.held)) / (needed + per_unit)
            most = most if equity >= 2_000 else 0.0
        else:
            most = (self.cash - config.commission_per_order) / (price + per_unit)
        quantity = min(wanted, most)
        if short or not config.fractional:
            quantity = float(math.floor(quantity + 1e-9))
        if quantity * price < 1:
            return 0.0, most
        fee = self.commission(quantity, price)
        self.fees += fee
        if not self.held:
            self.peak = price
        if short:
            self.cash += quantity * price - fee
            self.held -= quantity
        else:
            self.cash = max(self.cash - quantity * price - fee, 0.0)
            self.held += quantity
        self.spent += quantity * price
        self.fills.append(Fill(bar, self.order.side, quantity, price, "signal"))
        return quantity, most

    @staticmethod
    def cut(quantity: float, side: str) -> float:
        """Whole shares; of what is sold short or covered within a billionth (rule 14)."""
        return float(math.floor(quantity + (1e-9 if side in ("short", "cover") else 0.0)))

    def execute(self, bar: int, price: float) -> None:
        """Fills the order at a price before costs, as far as the volume and the account go."""
        order, config = self.order, self.config
        assert order is not None
        price = self.worse(price, order.buys)
        if order.limit is not None:
            price = min(price, order.limit) if order.buys else max(price, order.limit)
        whole = not config.fractional or order.side in ("short", "cover")
        part = order.wanted
        if config.participation is not None:
            part = min(part, float(self.bars.volume[bar]) * config.participation)
            part = self.cut(part, order.side) if whole else part
        if order.opens:
            done, most = self.open_more(bar, part, price)
            order.wanted = (most if part > most else order.wanted) - done
            rests = order.wanted >= 1 if order.side == "short" else order.wanted * price >= 1
        else:
            part = abs(self.held) if part >= abs(self.held) - 1e-9 else part
            if part > 0:
                self.close(bar, part, price, "signal")
                order.wanted -= part
            rests = self.held != 0 and order.wanted > 1e-9
        if config.participation is None or not rests:
            self.order = None

    # One bar ----------------------------------------------------------------------------------------------------

    def step(self, bar: int) -> None:
        """All that the market does on a bar."""
        self.night(bar)
        if self.called:
            self.called = False
            self.order = None
            self.close(bar, abs(self.held), self.worse(float(self.bars.open[bar]), True), "margin call")
        had_order = self.order
        self.within(bar)
        if self.order is not None and self.order is had_order:
            self.order.left -= 1
            if self.order.left < 1:
                self.order = None
        low, high = float(self.bars.low[bar]), float(self.bars.high[bar])
        if self.held:
            self.peak = max(self.peak, high) if self.held > 0 else min(self.peak, low)
        close = float(self.bars.close[bar])
        if self.held < 0 and self.cash + self.held * close < self.least_equity(close) * -self.held:
            self.called = True

    def night(self, bar: int) -> None:
        """Rule 17."""
        nights = int(self.bars.day[bar] - self.bars.day[bar - 1]) if bar else 0
        if self.held < 0 and nights:
            lots = math.ceil(-self.held / 100) * 100
            fee = lots * float(self.bars.close[bar - 1]) * self.config.borrow_fee / 360 * nights
            self.cash -= fee
            self.borrowed += fee

    def within(self, bar: int) -> None:
        """The order and the exits in the order in which the bar comes to them."""
        way = self.way
        open_, close = float(self.bars.open[bar]), float(self.bars.close[bar])
        # Turned round, so that what is against the position is always below.
        turned = sorted(way * float(each[bar]) for each in (self.bars.low, self.bars.high))
        bad, good, begin, end = turned[0], turned[1], way * open_, way * close
        slack = 1e-12

        def falls_to(price: float) -> bool:
            return bad <= price + abs(price) * slack

        def rises_to(price: float) -> bool:
            return good >= price - abs(price) * slack

        found: list[Event] = []

        def trades_below(price: float) -> bool:
            """Rule 3: beyond it, or at it when the bar ends."""
            return bad < price - abs(price) * slack or end <= price + abs(price) * slack

        def trades_above(price: float) -> bool:
            return good > price + abs(price) * slack or end >= price - abs(price) * slack

        # Rule 5: the limit of an order that opens, if it is one of two prices.
        two = self.order is not None and self.order.opens and self.order.oco
        waits = way * self.order.limit if two and self.order is not None and self.order.limit is not None else None
        place = self.place(way, begin, (falls_to, rises_to), (trades_below, trades_above))
        if place is not None:
            phase, price = place
            away, stop = abs(price - begin), self.levels()[0] if self.held else None
            if (
                phase == IN_FAVOR
                and waits is not None
                and stop is not None
                and waits > way * stop
                and falls_to(way * stop)
            ):
                # On the way to the position's stop the limit was passed: the order comes before it.
                phase, away = AGAINST, begin - waits
            found.append((phase, away, 0 if phase == OPEN else 1, "order", way * price))
        if self.held:
            # The order comes first at the open, and changes what is held.
            if place is not None and place[0] == OPEN:
                self.execute(bar, way * place[1])
                found = []
            if self.held:
                found += self.exits_on(way, begin, falls_to, rises_to)
        elif place is not None and place[0] == OPEN:
            self.execute(bar, way * place[1])
            found = self.exits_on(way, begin, falls_to, rises_to) if self.held else []
        for phase, _, _, what, price in sorted(found, key=lambda each: each[:3]):
            if what != "order":
                self.close(bar, abs(self.held), self.worse(price, self.held < 0), what)
                self.order = None
                return
            before = abs(self.held)
            self.execute(bar, price)
            if not self.held:
                return
            stop, why, _ = self.levels()
            if abs(self.held) > before:
                # Rule 7: nobody knows what came after the order.
                paid = way * self.fills[-1].price
                if stop is not None and falls_to(way * stop) and (way * stop < begin or end <= way * stop):
                    self.close(bar, abs(self.held), self.worse(way * min(way * stop, paid), self.held < 0), why)
                    self.order = None
                return
            assert phase != OPEN

    def exits_on(self, way: int, begin: float, falls_to: Reached, rises_to: Reached) -> list[Event]:
        """The stop and the target on the bar, turned round."""
        stop, why, target = self.levels()
        found: list[Event] = []
        if stop is not None:
            if begin <= way * stop:
                found.append((OPEN, 0.0, 1, why, way * begin))
            elif falls_to(way * stop):
                found.append((AGAINST, begin - way * stop, 0, why, stop))
        if target is not None:
            if begin >= way * target:
                found.append((OPEN, 0.0, 2, "take profit", way * begin))
            elif rises_to(way * target):
                found.append((IN_FAVOR, way * target - begin, 0, "take profit", target))
        return found

    def place(
        self, way: int, begin: float, reached: tuple[Reached, Reached], traded: tuple[Reached, Reached]
    ) -> tuple[int, float] | None:
        """Rules 2 to 5, turned round: when the order fills, and at which turned price."""
        (falls_to, rises_to), (trades_below, trades_above) = reached, traded
        order = self.order
        if order is None:
            return None
        enters = order.opens
        if order.oco and order.stop is not None and order.limit is not None:
            stop, offer = way * order.stop, way * order.limit
            at_stop = begin >= stop if enters else begin <= stop
            at_limit = begin <= offer if enters else begin >= offer
            if at_stop or (not at_limit and (rises_to(stop) if enters else falls_to(stop))):
                # It is executed at the market from here on, and waits for no limit.
                order.limit = order.stop = None
                return (OPEN, begin) if at_stop else (IN_FAVOR if enters else AGAINST, stop)
        elif order.stop is not None:
            stop = way * order.stop
            if begin >= stop if enters else begin <= stop:
                order.stop = None
            elif rises_to(stop) if enters else falls_to(stop):
                order.stop = None
                limit = None if order.limit is None else way * order.limit
                if limit is not None and (stop > limit if enters else stop < limit):
                    return None
                return (IN_FAVOR if enters else AGAINST), stop
            else:
                return None
        if order.limit is None:
            return OPEN, begin
        limit = way * order.limit
        if begin <= limit if enters else begin >= limit:
            return OPEN, begin
        if trades_below(limit) if enters else trades_above(limit):
            return (AGAINST if enters else IN_FAVOR), limit
        return None

    # What the program says --------------------------------------------------------------------------------------

    def decide(self, bar: int, decision: Decision) -> None:
        """Takes in what is decided at the close of a bar."""
        if (self.held > 0 and decision.side in ("short", "cover")) or (
            self.held < 0 and decision.side in ("buy", "sell")
        ):
            return
        close, side = float(self.bars.close[bar]), decision.side
        opens = side in ("buy", "short")
        if opens and not self.held:
            self.exits = {}
        if opens or self.held:
            for name, value in decision.exits.items():
                other = {
                    "stop_loss": "stop_loss_price",
                    "take_profit": "take_profit_price",
                    "trailing_stop": "trailing_stop_distance",
                }
                other |= {value: key for key, value in other.items()}
                self.exits.pop(other.get(name, ""), None)
                self.exits[name] = close * value if name.endswith(("_price", "_distance")) else value
        if side == "adjust":
            return
        if not opens and not self.held:
            self.order = None
            return
        limit = None if decision.limit is None else close * decision.limit
        stop = None if decision.stop is None else close * decision.stop
        left = math.inf if decision.expire is None else decision.expire
        self.order = self.ordered(bar, side, decision.kind, decision.size, limit, stop, left, oco=decision.oco)

    def ordered(
        self,
        bar: int,
        side: str,
        kind: str,
        size: float,
        limit: float | None,
        stop: float | None,
        left: float,
        *,
        oco: bool = False,
    ) -> Order | None:
        """The order that a decision leads to, of whoever may decide so; None where it is of nothing."""
        close, opens = float(self.bars.close[bar]), side in ("buy", "short")
        at = limit if limit is not None else stop if stop is not None else close
        config, worth = self.config, self.cash + self.held * close
        whole = not config.fractional or side in ("short", "cover")
        if opens:
            by_rule = {
                "EQUITY_FRACTION": worth * config.sizing_value / at,
                "FIXED_CASH": config.sizing_value / at,
                "FIXED_QUANTITY": config.sizing_value,
            }[config.sizing_rule]
            sizes = {
                "": by_rule,
                "fraction": worth * size / at,
                "quantity": size,
                "notional": size / at,
            }
            wanted = sizes[kind]
            wanted = self.cut(wanted, side) if whole else wanted
        else:
            has = abs(self.held)
            wanted = {"": has, "fraction": has * size, "quantity": size}[kind]
            if whole:
                wanted = self.cut(wanted, side) if wanted < has else has
        return Order(side, wanted, limit, stop, left, oco) if wanted > 0 else None

    def see(self, bar: int) -> None:
        """Takes in the best price of the bars that the position was held on."""
        price = float((self.bars.high if self.held > 0 else self.bars.low)[bar])
        known = self.best if self.held else None
        best = price if known is None else (max(known, price) if self.held > 0 else min(known, price))
        self.best = best if self.held else None


def run(program: Program, bars: BarColumns, config: BacktestConfig) -> Oracle:
    """The account after all bars."""
    account = Oracle(bars, config, config.cash)
    for bar in range(len(bars)):
        account.step(bar)
        account.equity.append(account.cash + account.held * float(bars.close[bar]))
        account.see(bar)
        if bar in program:
            account.decide(bar, program[bar])
    return account


def sides(fills: Sequence[Fill]) -> list[str]:
    """The sides of fills, in order."""
    return [each.side for each in fills]
