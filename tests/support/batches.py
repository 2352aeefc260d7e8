"""Strategies in one batch, as the sandbox evaluates them."""

from __future__ import annotations

from collections.abc import Sequence

from stratforge.market import BarColumns
from stratforge.strategy import compile_strategy
from stratforge.strategy.batch import (
    Program,
    Sessions,
    StrategyCache,
    decode_columns,
    encode_columns,
    evaluate_requests,
)
from stratforge.strategy.evaluation import PositionView, evaluate_last_bar
from stratforge.strategy.graph import Values


def sessions_of(programs: Sequence[str], owners: Sequence[int] | None = None) -> Sessions:
    """One session without position and state of each program, which are named by their hashes; each is an owner's own, if nothing else is said."""
    hashes = list(dict.fromkeys(programs))
    sessions = Sessions(tuple(hashes), [()])
    for place, program in enumerate(programs):
        sessions.places.extend((hashes.index(program), 0, owners[place] if owners else place))
        sessions.numbers.extend((0.0, 0.0, 0.0))
    return sessions


def decided_as_by_the_engine(bars: BarColumns, sources: Sequence[str]) -> set[bool]:
    """Has strategies decide in one batch on bars as they are sent, each as the engine does on the bars themselves; returns whether some gave a signal, and some did not."""
    strategies = [compile_strategy(each) for each in sources]
    programs = [Program.of(each.source, dict(each.parameters)) for each in strategies]
    cache, sessions = StrategyCache(), sessions_of([each.hash for each in programs])
    cache.learn({each.hash: each.text for each in programs})
    sent, values = decode_columns(encode_columns(bars)), Values(bars)
    said = {place: numbers for place, _, numbers in evaluate_requests(sent, sessions, cache, range(len(programs)))}
    decided = set[bool]()
    for place, strategy in enumerate(strategies):
        expected = evaluate_last_bar(strategy, values, PositionView(), {}).signal
        found = said[place]
        assert not isinstance(found, str), found
        assert (found[0] != 0) == (expected is not None)
        decided.add(expected is not None)
    return decided
