"""Evaluating a strategy on the last bar of a trailing window: what happens live, every minute."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stratforge.strategy.compiler import Strategy
from stratforge.strategy.graph import Values
from stratforge.strategy.signals import SignalValue, signal_from_numbers

STATE_LIMIT = 1e300


@dataclass(frozen=True, slots=True)
class PositionView:
    """The session's position as `on_bar` sees it; the quantity of a short one is negative."""

    quantity: float = 0.0
    average_entry_price: float = 0.0
    bars_held: float = 0.0

    def unrealized_return(self, close: float) -> float:
        """close / average_entry_price - 1, of a short position 1 less that quotient; 0 when flat."""
        if self.quantity == 0 or self.average_entry_price == 0:
            return 0.0
        if self.quantity < 0:
            return 1.0 - close / self.average_entry_price
        return close / self.average_entry_price - 1.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The decision on one bar and the state after it."""

    signal: SignalValue | None
    state: dict[str, float]


@dataclass(frozen=True, slots=True)
class Runnable:
    """The part of a strategy that runs on a bar, without its text and tree: small enough to keep thousands."""

    argument_plan: tuple[tuple[str, Any, int], ...]
    function: Callable[..., tuple[float, ...]]
    state: tuple[str, ...]

    @classmethod
    def of(cls, strategy: Strategy) -> Runnable:
        """Takes the part of `strategy` that runs on a bar."""
        return cls(strategy.argument_plan, strategy.on_bar.function, strategy.on_bar.state)


def evaluate_last_bar(
    strategy: Strategy, values: Values, position: PositionView, state: dict[str, float]
) -> Evaluation:
    """Runs `on_bar` of a strategy on the last of the bars that `values` covers; see `run_last_bar`."""
    return run_last_bar(Runnable.of(strategy), values, position, state)


def run_last_bar(runnable: Runnable, values: Values, position: PositionView, state: dict[str, float]) -> Evaluation:
    """Runs `on_bar` on the last of the bars that `values` covers.

    Args:
        runnable: What runs of the strategy.
        values: Indicator values over a window of at least `strategy.lookback` bars; shared between strategies.
        position: The session's position.
        state: The state the previous bar left. It is not changed; keys it lacks have no value.
    """
    arguments: list[float] = []
    for origin, key, back in runnable.argument_plan:
        if origin == "column":
            arguments.append(values.latest(key, back))
        elif origin == "state":
            # A whole number comes back from JSON as an int, whose arithmetic has no bound.
            arguments.append(float(state.get(key, math.nan)))
        elif origin == "constant":
            arguments.append(key)
        elif key == "unrealized_return":
            arguments.append(position.unrealized_return(values.latest("close", 1)))
        else:
            arguments.append(float(getattr(position, key)))
    action, confidence, kind, size, *after = runnable.function(*arguments)
    kept = kept_state(runnable.state, after)
    return Evaluation(signal_from_numbers(kept, action, confidence, kind, size), kept)


def kept_state(keys: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """The state that lasts to the next bar: a key whose value is unknown or beyond the limit has none then."""
    # NaN fails the comparison too.
    return {key: value for key, value in zip(keys, values, strict=True) if -STATE_LIMIT <= value <= STATE_LIMIT}
