"""Faults that tests and people can switch on: `POST /simulator/faults` with the fields to change."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field, fields


@dataclass(slots=True)
class Faults:
    """Probabilities are between 0 and 1; counters count down with every use.

    Attributes:
        partial_fill: A fill comes in two parts.
        duplicate_update, lose_update: Order updates come twice, or not at all.
        duplicate_bar, lose_bar, correct_bar: Bars come twice, not at all (REST has them), or are corrected later.
        submit_error: Status of the answer to the next `submit_error_count` orders, which are taken before the error when
            `submit_error_after` is set and not taken otherwise.
        read_error: Status of the answer to the next `read_error_count` questions (orders, positions, activities, …).
        reject_later: Orders are taken and rejected a moment afterwards.
        trading_blocked: The whole account may not trade.
        mute_data_seconds: The data stream says nothing for so long, and the bars of that time are never sent.
        mute_update_seconds: The order stream says nothing for so long, and the events of that time are never sent.
        latency_seconds: Every answer of REST takes so much longer.
        fill_delay_seconds, update_delay_seconds: Every fill, or every event of an order, takes so much longer.
        reorder_update: An event is sent after the one that follows it.
        connection_limit: Every new connection of data is refused, as if another one was open.
        pending: Orders are pending before they are new, and before they are canceled.
    """

    partial_fill: float = 0.1
    duplicate_update: float = 0.0
    lose_update: float = 0.0
    duplicate_bar: float = 0.0
    lose_bar: float = 0.0
    correct_bar: float = 0.0
    submit_error: int = 0
    submit_error_count: int = 0
    submit_error_after: bool = True
    read_error: int = 0
    read_error_count: int = 0
    reject_later: float = 0.0
    trading_blocked: bool = False
    reorder_update: float = 0.0
    mute_data_seconds: float = 0.0
    mute_update_seconds: float = 0.0
    update_delay_seconds: float = 0.0
    latency_seconds: float = 0.0
    fill_delay_seconds: float = 0.0
    connection_limit: bool = False
    pending: bool = False
    _random: random.Random = field(default_factory=lambda: random.Random(7), repr=False)

    def happens(self, probability: float) -> bool:
        """Decides with a seeded generator whether a fault of this probability happens."""
        return probability > 0 and self._random.random() < probability

    def between(self, low: float, high: float) -> float:
        """Draws a number between two from the seeded generator."""
        return self._random.uniform(low, high)

    def update(self, changes: dict[str, object]) -> dict[str, object]:
        """Sets fields; returns all of them.

        Raises:
            ValueError: naming a field that does not exist or a value that is not one.
        """
        known = {each.name for each in fields(self) if not each.name.startswith("_")}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"there is no fault {name}; there are {', '.join(sorted(known))}")
            if not isinstance(value, int | float):
                raise ValueError(f"{name} must be a number or true or false")
            setattr(self, name, type(getattr(self, name))(value))
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}
