"""Decisions of portfolio strategies in the sandbox: many sessions of one universe on the same bars in one request.

The protocol is that of `strategy.batch`, with other numbers: of each session its equity, its cash and the part that each symbol of the universe is of it,
before its state; and back come 1 with target weights, or 0 where nothing is to change, before the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

import numpy as np
import numpy.typing as npt

from stratforge.market.columns import BarColumns
from stratforge.strategy.batch import (
    FAILURES,
    PLACES,
    Sessions,
    StrategyCache,
    decode_columns,
    encode_columns,
    fair_order,
    said_of,
)
from stratforge.strategy.graph import Values
from stratforge.strategy.rotation.module import MAX_SYMBOLS
from stratforge.strategy.rotation.seen import Seen, Windows, decide_on
from stratforge.strategy.rotation.strategy import PortfolioStrategy, compile_portfolio

# Numbers of a session before the weights that it holds: equity and cash.
OWN = 2


def encode_windows(windows: Windows, universe: int) -> dict[str, Any]:
    """The windows of symbols as plain values; the first so many symbols are the universe."""
    first = next(iter(windows.bars.values()))
    return {
        "symbols": {symbol: encode_columns(bars) if len(bars) else None for symbol, bars in windows.bars.items()},
        "universe": universe,
        "moment": windows.moment,
        "daily": first.daily,
        "timezone": first.timezone.key,
    }


def is_of_windows(encoded: Mapping[str, Any]) -> bool:
    """Returns whether the bars of a request are those of several symbols."""
    return "symbols" in encoded


def universe_of(encoded: Mapping[str, Any]) -> int:
    """The number of symbols that weights are given for.

    Raises:
        ValueError: if it cannot be one.
    """
    count = encoded["universe"]
    if not isinstance(count, int) or not 1 <= count <= min(MAX_SYMBOLS, len(encoded["symbols"])):
        raise ValueError("the universe is not of the symbols that were sent")
    return count


def decode_windows(encoded: Mapping[str, Any]) -> Windows:
    """The windows that `encode_windows` encoded.

    Raises:
        ValueError: if they are none.
    """
    nothing = np.empty(0)
    bars: dict[str, BarColumns] = {}
    daily, timezone = bool(encoded["daily"]), encoded["timezone"]
    for symbol, each in encoded["symbols"].items():
        if each is None:
            # Of one bar nothing is left; its time zone is the exchange's.
            zone = decode_columns({"columns": _ONE_BAR, "timezone": timezone}).timezone
            none = BarColumns(np.empty(0, dtype=np.int64), *(nothing,) * 5, timezone=zone)
        else:
            none = decode_columns(each)
        bars[symbol] = BarColumns(
            none.time, none.open, none.high, none.low, none.close, none.volume, timezone=none.timezone, daily=daily
        )
    return Windows(bars, int(encoded["moment"]))


_ONE = np.zeros(1)
_ONE_BAR = encode_columns(BarColumns(np.zeros(1, dtype=np.int64), _ONE, _ONE, _ONE, _ONE, _ONE))["columns"]


@dataclass(frozen=True, slots=True)
class CompiledPortfolio:
    """A compiled portfolio strategy, with its cost in nominal nanoseconds and the bytes that it takes."""

    strategy: PortfolioStrategy
    nanoseconds: int
    bytes: int

    @classmethod
    def of(cls, cache: StrategyCache, program: str) -> CompiledPortfolio:
        """Compiles a program that the cache has the text of.

        Raises:
            StrategyError: if the source does not pass, or a decision costs far more than a session's may.
            ValueError: if the program is not the one that was sent for this hash.
            KeyError: if none was.
        """
        source, parameters, size = cache.program(program)
        strategy = compile_portfolio(source)
        if parameters != strategy.parameters:
            strategy = strategy.with_parameters(**parameters)
        return cls(strategy, strategy.running_cost.nanoseconds, size)


def evaluate_rebalances(
    windows: Windows,
    universe: int,
    sessions: Sessions,
    cache: StrategyCache,
    compiled: dict[str, CompiledPortfolio],
    chosen: npt.ArrayLike,
    begin: Callable[[int, int], object] = lambda _place, _step: None,
) -> Iterator[tuple[int, tuple[str, ...], Sequence[float] | str]]:
    """Has sessions decide at one moment, in the fair order; an error of one does not touch the others.

    Args:
        windows: The bars that they see.
        universe: The number of symbols that weights are given for.
        sessions: All of the batch.
        cache: Programs.
        compiled: Those that were compiled before, which is added to.
        chosen: The places of those that decide.
        begin: Told the place of each and 0 when work on it begins, and again with 1 when it was compiled.

    Yields:
        For each its place, the keys of its state, and 1 or 0, the weights and the values of its state; or what is wrong, in words for its owner.
    """
    numbers, names = sessions.numbers.tolist(), sessions.names
    programs, keys, owners = np.array(sessions.places).reshape(-1, PLACES).T
    widths = np.array([OWN + universe + len(each) for each in names], dtype=np.int64)[keys]
    starts = np.cumsum(widths) - widths
    known = [compiled.get(each) for each in sessions.programs]
    costs = np.array(
        [
            each.nanoseconds if each else cache.compiling(program)
            for program, each in zip(sessions.programs, known, strict=True)
        ],
        dtype=np.int64,
    )
    among = np.asarray(chosen)
    order = among[fair_order(owners[among], costs[programs[among]])]
    nodes = windows.values()
    views: dict[int, Seen] = {}
    for place in order.tolist():
        begin(place, 0)
        program, key, start = int(programs[place]), int(keys[place]), int(starts[place])
        try:
            found = known[program]
            if found is None:
                found = known[program] = CompiledPortfolio.of(cache, sessions.programs[program])
                cache.keep(compiled, sessions.programs[program], found)
                begin(place, 1)
            seen = views.get(program)
            if seen is None:
                seen = views[program] = _seen(found.strategy, windows, nodes, universe)
            given = numbers[start : start + int(widths[place])]
            decision = decide_on(
                found.strategy,
                seen,
                np.array(given[OWN : OWN + universe]),
                given[0],
                given[1],
                dict(zip(names[key], given[OWN + universe :], strict=True)),
            )
            weights = [0.0] * universe if decision.weights is None else decision.weights.tolist()
            said = [float(decision.weights is not None), *weights, *decision.state.values()]
            cache.ended = perf_counter_ns()
            yield place, tuple(decision.state), said
        except FAILURES as error:
            if isinstance(error, MemoryError):
                # What others left may have been too much.
                nodes, views = windows.values(), {}
            cache.ended = perf_counter_ns()
            yield place, (), said_of(error)


def _seen(strategy: PortfolioStrategy, windows: Windows, nodes: Mapping[str, Values], universe: int) -> Seen:
    if strategy.symbols != tuple(windows.bars) or len(strategy.universe) != universe:
        raise ValueError("the bars are not those of the strategy's symbols")
    return windows.seen_by(strategy, nodes)
