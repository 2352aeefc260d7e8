"""Running a live session again over its recorded bars: the same windows, positions and state give the same signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stratforge.market.columns import BarColumns
from stratforge.market.corporate_actions import SplitScale
from stratforge.strategy.compiler import Strategy
from stratforge.strategy.evaluation import PositionView, evaluate_last_bar
from stratforge.strategy.exits import PRICE_KEYS
from stratforge.strategy.graph import Values
from stratforge.strategy.signals import SignalValue


@dataclass(frozen=True, slots=True)
class RecordedBar:
    """One bar that a session was evaluated on: the window as it was then, the position and, if it asked for it, the account that it saw, and the
    splits that were followed since its bar before."""

    time: int
    window: BarColumns
    quantity: float
    average_entry_price: float
    splits: tuple[SplitScale, ...] = ()
    account: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A bar on which the replay says something else; `time` in seconds since the epoch."""

    time: int
    live: SignalValue | None
    replayed: SignalValue | None


@dataclass(slots=True)
class Memory:
    """The knowledge of a session from one bar to the next: its strategy's state, for how many bars it has held its position, and since when its prices
    are of one scale: since the first of these bars or, while it holds nothing, the last one."""

    state: dict[str, float] = field(default_factory=dict)
    held: int = 0
    since: int = 0

    def position_on(self, bar: RecordedBar) -> PositionView:
        """Goes on to a bar and gives the position on it; prices that the state holds follow the splits since the bar before."""
        for split in (each for each in bar.splits if self.since < each.at):
            self.state = {key: value / split.ratio if key in PRICE_KEYS else value for key, value in self.state.items()}
        self.state = {**self.state, **bar.account}
        self.held = self.held + 1 if bar.quantity else 0
        self.since = bar.time if self.held <= 1 else self.since
        return PositionView(bar.quantity, bar.average_entry_price, float(self.held))


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
    memory = Memory()
    count = 0
    differences = []
    for bar in bars:
        evaluation = evaluate_last_bar(strategy, Values(bar.window), memory.position_on(bar), memory.state)
        memory.state = evaluation.state
        count += 1
        if evaluation.signal != live.get(bar.time):
            differences.append(Difference(bar.time, live.get(bar.time), evaluation.signal))
    return count, differences
