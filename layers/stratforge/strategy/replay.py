"""Running a live session again over its recorded bars: the same windows, positions and state give the same signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stratforge.market.columns import BarColumns
from stratforge.market.corporate_actions import SplitScale
from stratforge.strategy.compiler import Strategy
from stratforge.strategy.evaluation import PositionView, evaluate_last_bar
from stratforge.strategy.exits import PRICE_KEYS
from stratforge.strategy.graph import Values
from stratforge.strategy.signals import SignalValue


@dataclass(frozen=True, slots=True)
class RecordedBar:
    """One bar that a session was evaluated on: the window as it was then, the position it saw, and the splits that were followed since its
    bar before."""

    time: int
    window: BarColumns
    quantity: float
    average_entry_price: float
    splits: tuple[SplitScale, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A bar on which the replay says something else; `time` in seconds since the epoch."""

    time: int
    live: SignalValue | None
    replayed: SignalValue | None


def replay(
    strategy: Strategy, bars: Iterable[RecordedBar], live: Mapping[int, SignalValue]
) -> tuple[int, list[Difference]]:
    """Evaluates every bar again, from the first with an empty state.

    Args:
        strategy: The session's version, with its parameters.
        bars: The bars the session was evaluated on, in order.
        live: The signals it gave, by the time of their bar.

    Returns:
        The number of bars, and the differences; none are expected.
    """
    state: dict[str, float] = {}
    held = since = count = 0
    differences = []
    for bar in bars:
        for split in (each for each in bar.splits if held and since < each.at):
            state = {key: value / split.ratio if key in PRICE_KEYS else value for key, value in state.items()}
        held = held + 1 if bar.quantity > 0 else 0
        since = bar.time if held <= 1 else since
        position = PositionView(bar.quantity, bar.average_entry_price, float(held))
        evaluation = evaluate_last_bar(strategy, Values(bar.window), position, state)
        state = evaluation.state
        count += 1
        if evaluation.signal != live.get(bar.time):
            differences.append(Difference(bar.time, live.get(bar.time), evaluation.signal))
    return count, differences
