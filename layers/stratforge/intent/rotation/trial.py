"""Holds a portfolio strategy against the one that its rules are: both are made of the same, and at every decision on made-up markets they give the same weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stratforge.intent.rotation.structure import Made, difference
from stratforge.market.columns import BarColumns, exchange_timezone
from stratforge.strategy import StrategyError
from stratforge.strategy.graph import OtherSymbols, Values
from stratforge.strategy.lookback import window_length
from stratforge.strategy.reach import Floats
from stratforge.strategy.rotation import PortfolioStrategy
from stratforge.strategy.rotation.seen import Seen, decide_on

_DAY = 86_400
_MOST_BARS, _CELLS = 4_096, 4_000_000
_CLOSE = 1e-9


# Prices that levels are taken from, and how much those of a day differ, as logarithms.
_LEAST, _MOST = 1e-3, 1e6
_SPREADS, _STILL = (-6.5, -1.2), 1e-5


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a made-up market is like.

    Attributes:
        decisions: How many there are on it.
        apart: The days between them.
        calm: Whether it is like markets mostly are; otherwise symbols differ as widely as they can.
        near: Whether prices and volumes, or the turnover of days, lie near the numbers of the rules and of the code.
        jumps: How often a price leaps, of days.
        missing: Whether some symbols have no bars for a while, or most of them.
        still: Whether hardly anything moves.
        together: How far everything moves the same way, of a day: all rise and fall at once.
    """

    decisions: int
    apart: int
    calm: bool = False
    near: str = ""
    jumps: float = 0.0
    missing: str = ""
    still: bool = False
    together: float = 0.0


_KINDS = (
    _Kind(40, 7, calm=True),
    _Kind(40, 6, calm=True, near="prices"),
    _Kind(90, 1, jumps=0.03),
    _Kind(90, 1, jumps=0.1),
    _Kind(50, 3, near="prices"),
    _Kind(50, 4, near="turnover"),
    _Kind(50, 5, near="prices", jumps=0.02),
    _Kind(60, 3, missing="some"),
    _Kind(50, 7, calm=True, missing="some"),
    _Kind(30, 7, calm=True, missing="most"),
    _Kind(50, 2),
    _Kind(20, 5, still=True),
    _Kind(50, 11, calm=True, together=0.25),
)


@dataclass(frozen=True, slots=True)
class _Market:
    columns: Mapping[str, BarColumns]
    values: Mapping[str, Values]
    clock: BarColumns
    due: np.ndarray


def disagreement(strategy: PortfolioStrategy, reference: PortfolioStrategy) -> str | None:
    """The first point on which the code does not do what the rules say; None where they agree.

    Args:
        strategy: The code.
        reference: What its rules are.
    """
    if set(strategy.universe) != set(reference.universe):
        return f"The rules say the universe is {', '.join(reference.universe)}, and the code has {', '.join(strategy.universe)}."
    if strategy.schedule != reference.schedule:
        return (
            f"The rules say it decides {reference.schedule}, and the code has SCHEDULE = {strategy.schedule.stored!r}."
        )
    if found := difference(strategy, reference):
        return found
    symbols = list(dict.fromkeys([*strategy.symbols, *reference.symbols]))
    try:
        length = max(window_length(each.lookback) for each in (strategy, reference))
    except StrategyError as error:
        return f"The history that the rules need cannot be measured: {error.findings[0]}"
    made = [Made.of(each) for each in (strategy, reference)]
    numbers = sorted(set().union(*(each.all_numbers for each in made)) | {1.0})
    named = made[0].symbols | made[1].symbols
    for seed, kind in enumerate(_KINDS):
        market = _market(symbols, min(length, _MOST_BARS), np.random.default_rng(seed), kind, numbers, named)
        if found := _first_difference(strategy, reference, market):
            return found
    return None


def _first_difference(strategy: PortfolioStrategy, reference: PortfolioStrategy, market: _Market) -> str | None:
    views = [Seen.of(each, market.columns, market.values, market.clock, market.due) for each in (strategy, reference)]
    place = [strategy.universe.index(symbol) for symbol in reference.universe]
    held, states = np.zeros(len(place)), [dict[str, float](), dict[str, float]()]
    for index in range(len(market.due)):
        said = []
        for number, (each, view) in enumerate(zip((strategy, reference), views, strict=True)):
            mine = held if number else _placed(held, place)
            decision = decide_on(each, view, mine, 1e5, 1e5 * (1 - float(held.sum())), states[number], index)
            states[number] = decision.state
            said.append(decision.weights)
        code, rules = said
        if (code is None) != (rules is None):
            return _told(index, reference.universe, None if code is None else code[place], rules)
        if code is not None and rules is not None:
            if not (np.abs(code[place] - rules) <= _CLOSE).all():
                return _told(index, reference.universe, code[place], rules)
            held = rules
    return None


def _placed(weights: Floats, place: Sequence[int]) -> Floats:
    found = np.zeros(len(weights))
    found[list(place)] = weights
    return found


def _told(index: int, universe: Sequence[str], code: Floats | None, rules: Floats | None) -> str:
    return (
        f"At decision {index + 1} on a made-up market the rules give {_weights(universe, rules)}, and the code gives {_weights(universe, code)}: "
        "the code does more, less or something else than the rules together say."
    )


def _weights(universe: Sequence[str], weights: Floats | None) -> str:
    if weights is None:
        return "no change"
    held = [f"{symbol} {part:.1%}" for symbol, part in zip(universe, weights.tolist(), strict=True) if part > 0]
    return ", ".join(held) or "cash"


def _market(
    symbols: Sequence[str],
    lookback: int,
    random: np.random.Generator,
    kind: _Kind,
    numbers: Sequence[float],
    named: Collection[str],
) -> _Market:
    """Bars of days of every symbol.

    Args:
        symbols: All that are held or looked at.
        lookback: The bars before the first decision.
        random: Where its chances come from.
        kind: What it is like.
        numbers: Those of the rules and of the code: some of its prices and volumes lie on both sides of them.
        named: Symbols that are looked at by their names, which are never missing.
    """
    length = lookback + kind.decisions * kind.apart + 1
    time = 1_577_854_800 + _DAY * np.arange(length, dtype=np.int64)
    zone = exchange_timezone(symbols[0])
    columns = {}
    shared = _near_zero(random.normal(0, kind.together, length)) if kind.together else np.zeros(length)
    for place, symbol in enumerate(symbols):
        close = _level(random, kind, numbers) * np.exp(shared + _path(random, kind, length))
        opens = close * np.exp(random.normal(0, 0.003 if kind.calm else random.choice((0.003, 0.1)), length))
        span = 1.004 if kind.calm else np.exp(random.exponential(random.choice((0.003, 0.3)), length))
        high, low = np.maximum(opens, close) * span, np.minimum(opens, close) / span
        volume = _volume(random, kind, numbers, close)
        kept = np.ones(length, dtype=bool)
        if kind.missing == "most" and symbol not in named and place != 1:
            kept[lookback // 2 :] = False
        elif kind.missing == "some" and symbol not in named and place % 2 == int(random.integers(2)):
            # One begins late, another stops for a while: longer than a bar says anything.
            start = int(random.integers(lookback // 2, length - 2))
            kept[: start if place % 4 < 2 else 0] = False
            kept[start : start + 30 * kind.apart] &= place % 4 < 2
            kept[-1] = True
        columns[symbol] = BarColumns(
            time[kept], *(each[kept] for each in (opens, high, low, close, volume)), timezone=zone, daily=True
        )
    others = OtherSymbols(columns, _CELLS)
    values = {symbol: Values(each, _CELLS, others) for symbol, each in columns.items()}
    unknown = (np.full(length, np.nan),) * 5
    clock = BarColumns(time, *unknown, timezone=zone, daily=True)
    return _Market(columns, values, clock, lookback + kind.apart * np.arange(kind.decisions, dtype=np.int64))


def _path(random: np.random.Generator, kind: _Kind, length: int) -> Floats:
    """The logarithm of prices, which stays near 0."""
    # Rising and falling spells, so that filters hold for some and not for others.
    steps = np.repeat(random.normal(0, 0.006, -(-length // 30)), 30)[:length]
    spread = 0.01 + 0.02 * random.random() if kind.calm else float(np.exp(random.uniform(*_SPREADS)))
    spread = _STILL if kind.still else spread
    steps = steps * (1.0 if kind.calm else spread / 0.02) + random.normal(0, spread, length)
    if kind.jumps:
        # Rare leaps: what counts a bar more or less sees another one.
        steps = steps * 0.1 + (random.random(length) < kind.jumps) * random.choice((-1.0, 1.0), length) * random.uniform(0.2, 2.0, length)  # fmt: skip
    return np.asarray(np.cumsum(steps)) if kind.calm else _near_zero(steps)


def _near_zero(steps: Floats) -> Floats:
    """The sum of steps, which is drawn back to 0."""
    found, last = np.empty(len(steps)), 0.0
    for index, step in enumerate(steps.tolist()):
        last = 0.97 * last + step
        found[index] = last
    return found


def _level(random: np.random.Generator, kind: _Kind, numbers: Sequence[float]) -> float:
    if not kind.near or random.random() < 0.2:
        return 100.0
    near = [each for each in numbers if _LEAST <= each <= _MOST]
    return float(random.choice(near) * np.exp(random.normal(0, 0.3)))


def _volume(random: np.random.Generator, kind: _Kind, numbers: Sequence[float], close: Floats) -> Floats:
    noise = random.lognormal(0, 1, len(close))
    if kind.near == "turnover":
        return np.asarray(random.choice(numbers) * noise / close + 1.0)
    if kind.near and random.random() < 0.8:
        return np.asarray(random.choice(numbers) * noise)
    return np.asarray(160_000.0 * noise)
