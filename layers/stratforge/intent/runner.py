"""A strategy on its way through a market, bar by bar, with what it remembers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from stratforge.strategy import Strategy
from stratforge.strategy.evaluation import STATE_LIMIT
from stratforge.strategy.exits import EXIT_KEYS, PEAK
from stratforge.strategy.graph import Node, Values
from stratforge.strategy.signals import SignalValue, signal_from_numbers
from stratforge.strategy.vocabulary import ACCOUNT_KEYS

# What is told of the position on every bar, in this order.
POSITION = ("quantity", "average_entry_price", "bars_held", "unrealized_return")
_PLACES = {name: place for place, name in enumerate(POSITION)}


class Runner:
    """A strategy on its way through a market.

    Attributes:
        exits: The exits that are set, by their names: those that are kept with the position.
        account: The fields of the account that it reads.
        plan: The origin and key of each argument, and the values that it has bar by bar where they are known before.
    """

    def __init__(self, strategy: Strategy, values: Values) -> None:
        self.exits: dict[str, float] = {}
        self._function, self._names = strategy.on_bar.function, strategy.on_bar.state
        places = {key: place for place, key in enumerate(self._names)}
        self._places = places
        # What it remembers, by the places of the names; NaN for what it does not.
        self._kept = [math.nan] * len(self._names)
        self.account = [key for key in ACCOUNT_KEYS if key in places]
        self._exit_places = [(name, places[key]) for name, key in EXIT_KEYS.items() if key in places]
        self.plan: list[tuple[str, Any, list[float] | None]] = []
        # The arguments of every bar, made at once; what hangs on the bars before is put into its places when the bar comes.
        arguments: list[Iterable[float]] = []
        self._remembered: list[tuple[int, int]] = []
        self._of_position: list[tuple[int, int]] = []
        for place, (origin, key, back) in enumerate(strategy.argument_plan):
            column = None
            if origin == "column":
                series = values.series(key) if isinstance(key, Node) else getattr(values.bars, key)
                column = ([math.nan] * (back - 1) + np.asarray(series, dtype=np.float64).tolist())[: len(series)]
            elif origin == "state":
                self._remembered += [(place, places[key])] if key in places else []
            elif origin != "constant":
                self._of_position.append((place, _PLACES[key]))
            self.plan.append((origin, key, column))
            arguments.append(column or itertools.repeat(float(key) if origin == "constant" else math.nan))
        self._arguments = [each for _, *each in zip(range(len(values.bars)), *arguments, strict=False)]

    def peak(self, entry: float, *, short: bool = False) -> float:
        """The best price since the entry, as far as it is remembered: of a short position the lowest."""
        known = self._kept[self._places[PEAK]] if PEAK in self._places else math.nan
        best = min if short else max
        return best(known, entry) if known == known else entry

    def tell(self, key: str, number: float) -> None:
        """Tells it a field of the account."""
        self._kept[self._places[key]] = number

    def decide(self, index: int, position: Sequence[float]) -> SignalValue | None:
        """The decision on a bar; the bars before it were decided on.

        Args:
            position: What is held, as `POSITION` says.
        """
        arguments, kept = self._arguments[index], self._kept
        for place, which in self._remembered:
            arguments[place] = kept[which]
        for place, which in self._of_position:
            arguments[place] = position[which]
        given = self._function(*arguments)
        action = given[0]
        if self._names:
            after = given[4:]
            if self._exit_places and (position[0] or action in (1.0, 3.0)):
                self.exits = {name: after[place] for name, place in self._exit_places if after[place] == after[place]}
            self._kept = [float(each) if abs(each) <= STATE_LIMIT else math.nan for each in after]
        if not action:
            return None
        state = {key: each for key, each in zip(self._names, self._kept, strict=True) if each == each}
        return signal_from_numbers(state, *given[:4])
