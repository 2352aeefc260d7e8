"""The terms of an order that a decision may name: a limit, a stop, one beside the other, and for how many bars it rests.

They are numbers of the session's state under keys that a strategy's own code cannot name, written by every decision of a strategy that names any:
so they travel, are recorded and replayed, follow splits and are compared as all of its state. What the market makes of them is said in
`backtest/MATCHING.md`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

NAN = "(0.0 * 1e400)"


@dataclass(frozen=True, slots=True)
class Keyword:
    """A number that a decision may name.

    Attributes:
        bound: What it must be, as a condition on `{}`.
        allowed: The same in words.
        summary: Its meaning, for the reference.
        replaces: The other way to say the same, which it replaces.
    """

    bound: str
    allowed: str
    summary: str
    replaces: str = ""

    def fits(self, value: float) -> bool:
        """Returns whether the number is within its bounds."""
        return bool(eval(self.bound.format(repr(float(value))), {"inf": math.inf, "nan": math.nan}))  # noqa: S307 - a condition of this module


TERMS = {
    "limit": Keyword(
        "0.0 < {} <= 1e12",
        "above 0 and at most 1e12",
        "the price that a purchase fills at or below, and a sale at or above; it rests until then",
    ),
    "stop": Keyword(
        "0.0 < {} <= 1e12",
        "above 0 and at most 1e12",
        "the price from which on it is executed: at or above it for a purchase, at or below it for a sale; with `limit=` it is a limit order from then on",
    ),
    "or_stop": Keyword(
        "0.0 < {} <= 1e12",
        "above 0 and at most 1e12",
        "beside `limit=`: the price from which on it is executed at the market instead; whichever the market comes to first ends the other (OCO)",
    ),
    "expire_bars": Keyword(
        "1.0 <= {} <= 10000.0",
        "from 1 to 10,000",
        "the number of bars after this one on which it may fill; without it, it rests on",
    ),
}
LIMIT_KEY, STOP_KEY, OR_STOP_KEY, EXPIRY_KEY = (
    f"order_{name}_of_the_decision_made_last" for name in ("limit_price", "stop_price", "or_stop_price", "expire_bars")
)
TERM_KEYS = {"limit": LIMIT_KEY, "stop": STOP_KEY, "or_stop": OR_STOP_KEY, "expire_bars": EXPIRY_KEY}


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a decision: prices in dollars a unit, and bars; None for what it does not name. With `oco` the limit and the stop stand beside each other, and
    whichever the market comes to first ends the other; without it a stop with a limit becomes a limit order.
    """

    limit: float | None = None
    stop: float | None = None
    expire_bars: int | None = None
    oco: bool = False


NO_TERMS = Terms()


def terms_in(state: Mapping[str, float]) -> Terms:
    """The terms of the decision that left this state."""
    bars, beside = state.get(EXPIRY_KEY), state.get(OR_STOP_KEY)
    stop = state.get(STOP_KEY) if beside is None else beside
    return Terms(state.get(LIMIT_KEY), stop, None if bars is None else int(bars), beside is not None)


def terms_set(keys: Collection[str], given: Mapping[str, str]) -> Iterator[str]:
    """Lines with which a purchase or a sale sets its terms, and those that it does not name to none.

    Args:
        keys: The keys of state that the strategy has.
        given: The names of the values that the decision names.
    """
    for name, key in TERM_KEYS.items():
        if key in keys:
            yield f"s_{key} = {given.get(name, NAN)}"


def meant(given: Mapping[str, str]) -> str:
    """The condition under which the terms of a decision mean something: with one that is unknown or out of its range it is no decision."""
    return " and ".join(TERMS[name].bound.format(value) for name, value in given.items())
