"""Runs a portfolio strategy beside the one that its rules are, on made-up markets: at every decision both must give the same weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stratforge.market.columns import BarColumns, exchange_timezone
from stratforge.strategy import StrategyError
from stratforge.strategy.graph import OtherSymbols, Values
from stratforge.strategy.lookback import window_length
from stratforge.strategy.reach import Floats
from stratforge.strategy.rotation import PortfolioStrategy
from stratforge.strategy.rotation.seen import Seen, decide_on

_DAY = 86_400
# Markets, and decisions on each: enough that a rank, a filter and their opposites differ somewhere.
_MARKETS, _DECISIONS, _APART = 3, 40, 7
_MOST_BARS, _CELLS = 4_096, 4_000_000
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class _Market:
    columns: Mapping[str, BarColumns]
    values: Mapping[str, Values]
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
    symbols = list(dict.fromkeys([*strategy.symbols, *reference.symbols]))
    try:
        length = max(window_length(each.lookback) for each in (strategy, reference))
    except StrategyError as error:
        return f"The history that the rules need cannot be measured: {error.findings[0]}"
    for seed in range(_MARKETS):
        found = _first_difference(strategy, reference, _market(symbols, min(length, _MOST_BARS), seed))
        if found is not None:
            return found
    return None


def _first_difference(strategy: PortfolioStrategy, reference: PortfolioStrategy, market: _Market) -> str | None:
    clock = market.columns[strategy.universe[0]]
    views = [Seen.of(each, market.columns, market.values, clock, market.due) for each in (strategy, reference)]
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
            if not np.allclose(code[place], rules, rtol=0, atol=_CLOSE):
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


def _market(symbols: Sequence[str], lookback: int, seed: int) -> _Market:
    generator = np.random.default_rng(seed)
    length = lookback + _DECISIONS * _APART + 1
    zone = exchange_timezone(symbols[0])
    time = 1_577_854_800 + _DAY * np.arange(length, dtype=np.int64)
    columns = {}
    for symbol in symbols:
        # Rising and falling spells, so that filters hold for some and not for others.
        drift = np.repeat(generator.normal(0, 0.006, -(-length // 30)), 30)[:length]
        close = 100 * np.exp(np.cumsum(drift + generator.normal(0, 0.01 + 0.02 * generator.random(), length)))
        opens = close * np.exp(generator.normal(0, 0.003, length))
        high, low = np.maximum(opens, close) * 1.004, np.minimum(opens, close) * 0.996
        volume = generator.lognormal(12, 1, length)
        columns[symbol] = BarColumns(time, opens, high, low, close, volume, timezone=zone, daily=True)
    others = OtherSymbols(columns, _CELLS)
    values = {symbol: Values(each, _CELLS, others) for symbol, each in columns.items()}
    return _Market(columns, values, lookback + _APART * np.arange(_DECISIONS, dtype=np.int64))
