"""Trying a strategy's code against the rules of its requirements, bar by bar, in markets made for just these rules.

Both run through the product's own engine, on the same values. In half of the markets the indicators are not computed but drawn: each is put now on one side
and now on the other of the levels it is compared with, whatever the price does, so that every part of a condition is once alone true and once alone
false; the clock stands around the hours that are named, and several days pass. What both decide must be the same on every bar.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from stratforge.intent.columns import SameColumns, said_by_none, series_in
from stratforge.intent.markets import MONDAY_OPEN, market
from stratforge.intent.program import program_of
from stratforge.intent.runner import Runner
from stratforge.market import BarColumns
from stratforge.market.clocks import CLOCKS, clock_field
from stratforge.market.hours import CLOSE, EARLY_CLOSE, closing_minute
from stratforge.strategy import Strategy
from stratforge.strategy.graph import Node, Values, reachable, symbol_and_timeframe
from stratforge.strategy.signals import SignalValue
from stratforge.strategy.trees import walk
from stratforge.strategy.vocabulary import CASH_KEY, DAYS, EQUITY_KEY, POWER_KEY

Floats = npt.NDArray[np.float64]
_ROUNDS = 14
# 9:30 in New York on Mondays in January, March, July and October 2026: in March and in October the clocks of only one side of the Atlantic have been changed.
_MONDAYS = (MONDAY_OPEN, MONDAY_OPEN + 63 * 86_400 - 3_600, MONDAY_OPEN + 182 * 86_400 - 3_600, MONDAY_OPEN + 294 * 86_400 - 3_600)  # fmt: skip
# 9:30 on the Monday before a Thanksgiving, on whose Friday the exchange closes early.
_THANKSGIVING = MONDAY_OPEN + 322 * 86_400
_UNTRIED = "not tried"
# What is held after a decision that opens a position.
_OPENS = {"buy": 100.0, "short": -100.0}
# Bars of a hold that drawn markets seldom come to.
_LONG_HOLD = 200
# Days after which markets of many days are made; how many of them, and of how many days at most.
_USUAL_DAYS, _LONG_ROUNDS, _MOST_DAYS = 4, 6, 260
_REMEMBERED: dict[tuple[str, str, bool], str | None] = {}
_REMEMBERED_AT_MOST = 64


def disagreement(code: Strategy, reference: Strategy, *, around_the_clock: bool = False) -> str | None:
    """Finds what the code does otherwise than the rules: the first bar on which they differ, or a column that no rule has. Of what was tried lately
    the answer is remembered: whoever repairs an answer is often asked about the same code again.

    Args:
        code: The strategy that was written.
        reference: The strategy that follows the rules and nothing else.
        around_the_clock: Whether the symbol is traded at night and on weekends.
    """
    tried = (code.source, reference.source, around_the_clock)
    found = _REMEMBERED.get(tried, _UNTRIED)
    if found is _UNTRIED:
        found = _disagreement(code, reference, around_the_clock=around_the_clock)
        if len(_REMEMBERED) >= _REMEMBERED_AT_MOST:
            _REMEMBERED.clear()
        _REMEMBERED[tried] = found
    return found


def _disagreement(code: Strategy, reference: Strategy, *, around_the_clock: bool) -> str | None:
    same = SameColumns()
    unknown = _unknown_columns(code, reference, same)
    if unknown:
        names = ", ".join(unknown)
        return f"The code decides by its columns {names}, and no rule does: write the rules with the same columns, or leave them out of the code."
    real = Values(market("swing", 100.0))
    amounts = [number for each in (code, reference) for _, numbers in _compared(each) for number in numbers]
    for values in _markets(code, reference, real, same, around_the_clock=around_the_clock):
        found = _first_difference(code, reference, values, _cash(amounts, len(values.bars)))
        if found is not None:
            return found
    return None


def sides_decided(code: Strategy, sought: Set[str], *, around_the_clock: bool = False) -> frozenset[str]:
    """The sides, `buy`, `sell`, `short` and `cover`, that a strategy decides for in markets drawn for it, until all that are sought were: when flat, and with a position that lost,
    won or lasted.
    """
    found = set[str]()
    for values in markets_for(code, around_the_clock=around_the_clock):
        runner = Runner(code, values)
        close, holds = values.bars.close.tolist(), _long_holds(code)
        quantity = price = held = 0.0
        for index, at in enumerate(close):
            signal = runner.decide(index, (quantity, price, held, gain_of(quantity, price, at)))
            held = _held_on(held, holds)
            if signal is not None:
                found.add(signal.side)
                quantity, price, held = (_OPENS[signal.side], at, 0.0) if signal.side in _OPENS else (0.0, 0.0, 0.0)
        if found >= sought:
            break
    return frozenset(found)


def markets_for(code: Strategy, other: Strategy | None = None, *, around_the_clock: bool = False) -> Iterator[Values]:
    """Markets drawn for a strategy, or for two."""
    return _markets(
        code, other or code, Values(market("swing", 100.0)), SameColumns(), around_the_clock=around_the_clock
    )


def gain_of(quantity: float, price: float, close: float) -> float:
    """The gain of a position as a fraction of its price; a loss is negative."""
    return close / price - 1 if quantity > 0 else 1 - close / price if quantity < 0 else 0.0


def _markets(
    code: Strategy, reference: Strategy, real: Values, same: SameColumns, *, around_the_clock: bool
) -> Iterator[Values]:
    drawing = _Drawing(code, reference, real, same, around_the_clock=around_the_clock)
    # At every level that the price is compared with, in both kinds of days.
    for number in range(max(_ROUNDS, min(2 * len(drawing.prices), 3 * _ROUNDS))):
        yield drawing.values(number)
    if drawing.longest > _USUAL_DAYS:
        # What counts days is seen to count them only where so many pass, and nothing else sells before.
        for number in range(_LONG_ROUNDS):
            yield drawing.values(number, days=drawing.longest + 3)
    for kind in ("swing", "crash"):
        yield Values(market(kind, 100.0))


def _read_nodes(strategy: Strategy) -> list[Node]:
    names = {*strategy.on_bar.needs("b"), *strategy.on_bar.needs("p")}
    return [node for name, node in strategy.columns.items() if name in names]


def _unknown_columns(code: Strategy, reference: Strategy, same: SameColumns) -> list[str]:
    read = {*code.on_bar.needs("b"), *code.on_bar.needs("p")}
    theirs = _read_nodes(reference)
    return [name for name, node in code.columns.items() if name in read and any(said_by_none([node], theirs, same))]


@dataclass
class _Levels:
    """Around what a drawn series moves: levels it is compared with, and how far apart its values are; of another symbol's prices, whose they are."""

    kind: str
    levels: list[float]
    scale: float
    bounds: tuple[float, float] = (-math.inf, math.inf)
    symbol: str = ""


class _Drawing:
    """Makes markets in which prices, columns and the clock stand near what the rules and the code look at."""

    def __init__(
        self, code: Strategy, reference: Strategy, real: Values, same: SameColumns, *, around_the_clock: bool
    ) -> None:
        self.real = real
        groups: dict[int, list[Node]] = {}
        for node in series_in([*_read_nodes(reference), *_read_nodes(code)]):
            groups.setdefault(same.of(node), []).append(node)
        self.twins = list(groups.values())
        compared = [pair for each in (code, reference) for pair in _compared(each)]
        self.numbers = {abs(number) for _, numbers in compared for number in numbers}
        self.minutes = sorted({int(each) for each in self.numbers if 0 <= each <= 1440 and each == int(each)})
        self.levels = [self._levels_of(group, compared) for group in self.twins]
        # The prices at which another symbol is looked at; its averages lie there as well.
        self.beside = {each.symbol: sorted({one for other in self.levels if other.symbol == each.symbol for one in other.levels}) for each in self.levels if each.symbol}  # fmt: skip
        self.prices = _levels(numbers for nodes, numbers in compared if nodes is None)
        self.factors = [each for each in self.numbers if 0.5 < each < 2 and each != 1]
        self.around_the_clock = around_the_clock
        self.places = [each for each in CLOCKS if clock_field(each) in {*code.on_bar.needs("b"), *reference.on_bar.needs("b")}]  # fmt: skip
        self.of_days = any("day_begins" in each.source for each in (code, reference))
        self.to_close = any("minutes_to_close" in each.on_bar.needs("b") for each in (code, reference))
        self.longest = max(_days_counted(code), _days_counted(reference))

    def _levels_of(self, group: list[Node], compared: list[tuple[frozenset[Node] | None, set[float]]]) -> _Levels:
        values = self.real.series(group[0])
        known = values[np.isfinite(values)]
        if not len(known):
            known = np.zeros(1)
        symbol = symbol_and_timeframe(group[0].inputs[0].timeframe)[0] if group[0].operation == "last_completed" else ""
        bars = self.real.bars.others[symbol] if symbol else self.real.bars
        levels = sorted({each for nodes, numbers in compared if nodes and nodes & set(group) for each in numbers})
        scale = float(np.subtract(*np.percentile(known, [75, 25]))) or abs(float(known.mean())) or 1.0
        near = float(np.median(np.abs(known))) / float(np.median(bars.close))
        if 0.7 < near < 1.4 and float(known.min()) > 0 and scale < 40 and _moves_like(values, bars.close):
            return _Levels("price", levels if symbol else [], scale, symbol=symbol)
        busy = float(np.median(np.abs(known))) / float(np.median(bars.volume))
        if 0.2 < busy < 5:
            return _Levels("volume", [], scale)
        # An indicator that is never negative, or never over 100, is not drawn so.
        lowest = 0.01 * scale if known.min() >= 0 else -math.inf
        highest = 99.5 if known.min() >= 0 and known.max() <= 100 and known.max() > 60 else math.inf
        return _Levels("level", levels or [float(np.median(known))], scale, (lowest, highest))

    def values(self, number: int, days: int = 0) -> Values:
        """One market; of so many days, on each of which few things happen, where `days` are given."""
        generator = np.random.default_rng(1_000 + number + days)
        bars = self._bars(generator, number, days)
        values = Values(bars)
        for group, levels in zip(self.twins, self.levels, strict=True):
            drawn = self._series(generator, bars, levels, 90 if days else 3)
            if levels.symbol and (near := self.beside[levels.symbol]):
                # Now at one of the prices at which that symbol is looked at, and now at another.
                drawn = drawn * (near[number % len(near)] / float(np.median(bars.close)))
            for node in group:
                # What the engine would compute for this node is given to it instead.
                values.give(node, drawn)
        return values

    def _bars(self, generator: np.random.Generator, number: int, many: int = 0) -> BarColumns:
        days = [0, 1, 2, 3, 4, 5, 6, 7, 8] if self.around_the_clock else [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]
        if many:
            days = [day for day in range(2 * many) if self.around_the_clock or day % 7 < 5][:many]
        # What looks at the clocks of another place is tried in each of its distances to the exchange's.
        monday = _MONDAYS[number % len(_MONDAYS)] if self.places else MONDAY_OPEN
        if self.to_close and not many and number % 3 == 0:
            monday, days = _THANKSGIVING, [each for each in days if each != 3]
        minutes_named = {(each - ahead) % 1440 for each in self.minutes for ahead in (0, *(_ahead(place, monday) for place in self.places))}  # fmt: skip
        named = [near for each in sorted(minutes_named) for near in (each - 1, each, each + 1)]
        named += [
            close - each + off
            for close in (CLOSE, EARLY_CLOSE)
            for each in self.minutes
            for off in (-1, 0, 1)
            if self.to_close
        ]
        stamps: list[int] = []
        for day in days:
            first, last = (0, 1439) if self.around_the_clock else (570, closing_minute(monday // 86_400 + day) - 1)
            if many:
                minutes = {int(each) for each in generator.integers(first, last + 1, 6)} | {first, last}
            elif number % 2:
                begin = int(generator.integers(first, last - 60))
                minutes = set(range(begin, begin + 45)) | {first}
            else:
                minutes = {int(each) for each in generator.integers(first, last + 1, 25)} | {first, first + 1, last}
            minutes |= {each for each in named if first <= each <= last}
            stamps += [monday + 86_400 * day + 60 * (each - 570) for each in sorted(minutes)]
        if self.of_days and not many and number % 4 in (1, 2):
            # What begins within a day does not know its open.
            stamps = [each for each in stamps if each >= monday + 900 * (1 + number % 7)]
        count = len(stamps)
        level = float(self.prices[number % len(self.prices)])
        swing = (0.0008, 0.004, 0.012, 0.03)[2 * (number % 2) if many else int(generator.integers(4))]
        steps = generator.normal(0, swing, count)
        path = np.log(level) + np.cumsum(steps - steps.mean())
        # Back to the level again and again, so that it is crossed.
        close = np.exp(np.log(level) + (path - np.log(level)) * 0.6 + generator.normal(0, swing / 3, count))
        if level == int(level):
            # Prices stand on round numbers: what is above one is not what is at it.
            close[np.random.default_rng(2_000 + number).random(count) < 0.05] = level
        open_ = np.concatenate([[level], close[:-1]]) * np.exp(generator.normal(0, swing / 4, count))
        wick = np.abs(generator.normal(0, swing / 2, (2, count)))
        high, low = np.maximum(open_, close) * (1 + wick[0]), np.minimum(open_, close) * (1 - wick[1])
        volume = np.round(generator.lognormal(8, 0.6, count) * np.where(generator.random(count) < 0.2, 5.0, 1.0))
        return BarColumns(np.array(stamps, dtype=np.int64), open_, high, low, close, volume)

    def _series(self, generator: np.random.Generator, bars: BarColumns, levels: _Levels, still: int) -> Floats:
        count = len(bars)
        # Mostly on one side in this market, and how long it stays there.
        side = np.where(_held(generator, count, still) < (0.85 if generator.random() < 0.5 else 0.15), 1.0, -1.0)
        far = np.array([0.02, 0.3, 1.0])[(_held(generator, count, 2) * 3).astype(int)]
        if levels.kind == "level":
            which = np.array(levels.levels)[(_held(generator, count, 6) * len(levels.levels)).astype(int)]
            drawn = which + side * far * levels.scale * generator.uniform(0.5, 1.0, count)
            return np.asarray(np.clip(drawn, *levels.bounds))
        base = bars.close if levels.kind == "price" else bars.volume
        width = far * (0.02 if levels.kind == "price" else 0.5) * generator.uniform(0.3, 1.0, count)
        center = np.array([1.0, *(1 / each for each in self.factors)])
        which = center[(_held(generator, count, 6) * len(center)).astype(int)]
        return np.asarray(base * which * np.maximum(1 - side * width, 0.01))


def _ahead(place: str, at: int) -> int:
    """Minutes by which the clocks of a place are ahead of New York's at a time."""
    there, here = (datetime.fromtimestamp(at, CLOCKS[each]).utcoffset() or timedelta() for each in (place, "new_york"))
    return int((there - here).total_seconds()) // 60


def _days_counted(strategy: Strategy) -> int:
    """The greatest number of days to which a strategy counts in what it remembers; 0 where it counts none."""
    if "weekday" not in strategy.source:
        return 0
    program = program_of(strategy.source)
    counted = (
        number
        for node in walk(program.tree)
        if isinstance(node, ast.Compare) and not re.search(r"\b(?:bar|position|account)\.", ast.unparse(node))
        for number in program.numbers_of(node)
        if number <= _MOST_DAYS
    )
    return int(max(counted, default=0))


def _levels(compared: Iterable[set[float]]) -> list[float]:
    """Prices at which comparisons turn: their numbers, and what two of one comparison make."""
    found = dict[float, None]()
    for numbers in compared:
        found |= dict.fromkeys(sorted(numbers))
        for one, other in itertools.combinations(sorted(numbers), 2):
            found |= dict.fromkeys((one + other, other - one, one * other))
    return [each for each in found if 1 <= each <= 1e7] or [100.0]


def _moves_like(values: Floats, price: Floats) -> bool:
    known = np.isfinite(values)
    return bool(known.any()) and float(np.median(np.abs(values[known] / price[known] - 1))) < 0.3


def _held(generator: np.random.Generator, count: int, bars: int) -> Floats:
    """Random numbers from 0 to 1 that stay for a while."""
    fresh = generator.random(count) < 1 / bars
    fresh[0] = True
    return generator.random(count)[np.maximum.accumulate(np.where(fresh, np.arange(count), 0))]


def _compared(strategy: Strategy) -> Iterator[tuple[frozenset[Node] | None, set[float]]]:
    """The comparisons of a strategy: which drawn columns stand in them (None: prices alone), and which numbers."""
    program = program_of(strategy.source)
    for node in walk(program.tree):
        if isinstance(node, ast.Compare):
            numbers = program.numbers_of(node)
            columns = {each.attr for each in walk(node) if isinstance(each, ast.Attribute)}
            nodes = frozenset(series_in(strategy.columns[each] for each in columns if each in strategy.columns))
            if nodes or columns & {"open", "high", "low", "close"}:
                yield nodes or None, numbers
            else:
                yield frozenset(), numbers
    for column in reachable(strategy.columns.values()):
        if column.logical:
            found = {float(each.arguments[0]) for each in column.inputs if each.operation == "constant"}
            priced = any(each.operation.startswith("column:") for each in column.inputs)
            yield frozenset(series_in([column])) or (None if priced else frozenset()), found


def _long_holds(*strategies: Strategy) -> list[float]:
    """The numbers of bars, more than a market has, for which all of these strategies see by `bars_held` whether something is held; ascending."""
    found = [{number for node in walk(program.tree) if isinstance(node, ast.Compare) and "bars_held" in ast.unparse(node) for number in program.numbers_of(node) if number >= _LONG_HOLD} for program in (program_of(each.source) for each in strategies)]  # fmt: skip
    return sorted(set.union(*found)) if all(found) else []


def _held_on(held: float, holds: list[float]) -> float:
    """How many bars something is held one bar later, where a position that is held for some bars is soon held for nearly as many as a strategy waits for."""
    ahead = next((each for each in holds if each + 2 > held), 0.0)
    return ahead - 2 if held >= 3 and ahead - 2 > held + 1 else held + 1


def _first_difference(code: Strategy, reference: Strategy, values: Values, cash: Floats) -> str | None:
    mine, theirs = Runner(code, values), Runner(reference, values)
    holds = _long_holds(code, reference)
    bars = values.bars
    # Numbers of Python's own: one by one they take a fraction of the time.
    open_, high, low, close = bars.open.tolist(), bars.high.tolist(), bars.low.tolist(), bars.close.tolist()
    money = cash.tolist()
    quantity = price = held = 0.0
    order: SignalValue | None = None
    left = 0
    for index in range(len(bars)):
        left -= 1
        if order is not None and _fills(order, high[index], low[index]):
            if order.side in _OPENS:
                if quantity == 0:
                    quantity, price, held = _OPENS[order.side], open_[index], 0.0
            elif _closes(order.side, quantity):
                part = order.size if order.size_kind == "fraction" else 1.0
                quantity = 0.0 if part >= 1 else quantity * (1 - part)
            order = None
        elif left < 1 and order is not None and order.terms.expire_bars is not None:
            order = None
        if quantity and theirs.exits and _reached(theirs, price, high[index], low[index], short=quantity < 0):
            quantity = 0.0
        held = _held_on(held, holds) if quantity else 0.0
        price = price if quantity else 0.0
        gain = gain_of(quantity, price, close[index])
        position = (quantity, price, held, gain)
        if mine.account or theirs.account:
            free, worth = money[index], quantity * close[index]
            account = {CASH_KEY: free, EQUITY_KEY: free + worth, POWER_KEY: free + 1.5 * min(worth, 0.0)}
            for each in (mine, theirs):
                for key in each.account:
                    each.tell(key, account[key])
        done, signal = mine.decide(index, position), theirs.decide(index, position)
        if (done or signal) and _meaning(done, quantity) != _meaning(signal, quantity):
            return _told(code, bars, mine, index, position, done, signal)
        if signal is not None:
            order, left = signal, signal.terms.expire_bars or 0
        if (mine.exits or theirs.exits) and not _same_exits(mine.exits, theirs.exits):
            return f"Tried on bars made for the rules: by the rules of the requirements the position's exits are {_exits_said(theirs.exits)}, and the code sets {_exits_said(mine.exits)}."
    return None


def _fills(order: SignalValue, high: float, low: float) -> bool:
    """Whether a bar reaches what an order rests for."""
    buys = order.side in ("buy", "cover")
    falls, rises = (order.terms.limit, order.terms.stop) if buys else (order.terms.stop, order.terms.limit)
    if order.terms.oco:
        return (falls is not None and low <= falls) or (rises is not None and high >= rises)
    return (falls is None or low <= falls) and (rises is None or high >= rises)


def _cash(amounts: Iterable[float], count: int) -> Floats:
    """Money of the account, around the amounts that are named."""
    generator = np.random.default_rng(7)
    levels = np.array([*(each for each in amounts if each >= 10), 10_000.0])
    return np.asarray(levels[generator.integers(0, len(levels), count)] * generator.uniform(0.5, 1.5, count))


def _closes(side: str, quantity: float) -> bool:
    """Whether a decision closes what is held."""
    return quantity > 0 if side == "sell" else side == "cover" and quantity < 0


def _reached(runner: Runner, entry: float, high: float, low: float, *, short: bool) -> bool:
    """Whether a bar reaches one of the exits that are set; those of a short position lie on the other side of its price."""
    exits, way = runner.exits, -1 if short else 1
    peak = runner.peak(entry, short=short)
    stops = [entry * (1 - way * exits["stop_loss"])] if "stop_loss" in exits else []
    stops += [exits["stop_loss_price"]] if "stop_loss_price" in exits else []
    stops += [peak * (1 - way * exits["trailing_stop"])] if "trailing_stop" in exits else []
    stops += [peak - way * exits["trailing_stop_distance"]] if "trailing_stop_distance" in exits else []
    targets = [entry * (1 + way * exits["take_profit"])] if "take_profit" in exits else []
    targets += [exits["take_profit_price"]] if "take_profit_price" in exits else []
    if short:
        return any(high >= each for each in stops) or any(low <= each for each in targets)
    return any(low <= each for each in stops) or any(high >= each for each in targets)


def _same_exits(one: dict[str, float], other: dict[str, float]) -> bool:
    return one.keys() == other.keys() and all(math.isclose(one[name], other[name], rel_tol=1e-9) for name in one)


def _exits_said(exits: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in exits.items()) or "none"


def _meaning(signal: SignalValue | None, quantity: float) -> tuple[object, ...] | None:
    """What a decision comes to; closing nothing is nothing, closing without a size is closing all."""
    if signal is None or (signal.side not in _OPENS and not _closes(signal.side, quantity)):
        return None
    prices = (signal.terms.limit, signal.terms.stop)
    rounded = (None if each is None else float(f"{each:.9g}") for each in prices)
    terms = (*rounded, signal.terms.expire_bars, signal.terms.oco)
    if signal.side not in _OPENS and signal.size_kind == "default":
        return (signal.side, "fraction", 1.0, *terms)
    return (signal.side, signal.size_kind, float(f"{signal.size:.5g}"), *terms)


def _told(
    code: Strategy,
    bars: BarColumns,
    runner: Runner,
    index: int,
    position: tuple[float, float, float, float],
    done: SignalValue | None,
    wanted: SignalValue | None,
) -> str:
    quantity, _, held, gain = position
    side = "a short position " if quantity < 0 else ""
    holding = f"holding {side}for {held:g} bars at {gain * 100:+.2f} %" if quantity else "holding nothing"
    columns = [
        f"{key if isinstance(key, str) else next(name for name, node in code.columns.items() if node is key)} {column[index]:.6g}"
        for (origin, key, _), (_, _, column) in zip(code.argument_plan, runner.plan, strict=True)
        if origin == "column" and column is not None and key not in ("hour", "minute", "weekday")
    ]
    when = f"{DAYS[int(bars.weekday[index])]} {int(bars.hour[index])}:{int(bars.minute[index]):02d}"
    facts = ", ".join(list(dict.fromkeys(columns))[:8])
    return f"Tried on a {when}, {holding}, with {facts or 'these prices'}: by the rules of the requirements it {_said(wanted)}, and the code {_said(done)}."


def _said(signal: SignalValue | None) -> str:
    if signal is None:
        return "does nothing"
    size = {"default": "", "fraction": f" {signal.size * 100:g} %", "quantity": f" {signal.size:g} shares", "notional": f" {signal.size:g} dollars"}[signal.size_kind]  # fmt: skip
    terms = signal.terms
    words = [f"at a limit of {terms.limit:.6g}"] if terms.limit is not None else []
    words += [f"{'or ' * terms.oco}from a stop at {terms.stop:.6g} on"] if terms.stop is not None else []
    words += [f"for {terms.expire_bars} bars"] if terms.expire_bars is not None else []
    return " ".join((f"{'goes short' if signal.side == 'short' else f'{signal.side}s'}{size}", *words))
