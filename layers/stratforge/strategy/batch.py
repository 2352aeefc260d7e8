"""The sandbox protocol: many strategies on one window of bars in one request, bounded numbers back.

Request and answer are plain JSON values, so that they pass through a Lambda invocation. What there is much of is little-endian numbers in
base64 (exact, and quicker to read than text), and code travels once: a program that the sandbox has is named by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from stratforge.market.columns import PRICE_COLUMNS, BarColumns
from stratforge.strategy.compiler import Strategy, compile_strategy
from stratforge.strategy.evaluation import PositionView, Runnable
from stratforge.strategy.findings import StrategyError
from stratforge.strategy.graph import NODES, OPERATIONS, Node, Values
from stratforge.strategy.indicators import REGISTRY

CACHED_BYTES = 160 << 20
# What a compiled strategy takes in memory, measured and rounded up.
_COMPILED_BYTES, _COMPILED_BYTES_A_CHARACTER = 4_000, 8
# Nominal time of compiling: what a program that is not compiled yet costs before it is known what it costs.
_COMPILING_NANOSECONDS, _COMPILING_NANOSECONDS_A_CHARACTER = 1_000_000, 12_000
# Values of indicators that are kept for others of the batch.
_SHARED_CELLS = 8_000_000
_FAILURES = (StrategyError, ValueError, KeyError, ArithmeticError, MemoryError)
# Read when this is imported: a worker of the sandbox can open no file.
_TIMEZONES = {name: ZoneInfo(name) for name in ("America/New_York", "UTC")}
# Of a session: its program, the names of its state and its owner, as places in tables; and quantity, entry price and bars held before its state.
_PLACES, _POSITION = 3, 3
_FIELDS = ("quantity", "average_entry_price", "bars_held", "unrealized_return")
_UNREALIZED = _FIELDS.index("unrealized_return")


def encode_columns(bars: BarColumns) -> dict[str, str]:
    """A window of bars as plain values."""
    columns = b"".join(getattr(bars, name).astype("<f8").tobytes() for name in PRICE_COLUMNS)
    times = bars.time.astype("<i8").tobytes()
    return {"columns": base64.b64encode(times + columns).decode(), "timezone": bars.timezone.key}


def decode_columns(encoded: Mapping[str, str]) -> BarColumns:
    """The window that `encode_columns` encoded.

    Raises:
        ValueError: if it is not one.
    """
    data = base64.b64decode(encoded["columns"])
    length, rest = divmod(len(data), 8 * (1 + len(PRICE_COLUMNS)))
    if rest or not length:
        raise ValueError("the columns of a window differ in length or are empty")
    timezone = _TIMEZONES.get(encoded["timezone"])
    if timezone is None:
        raise ValueError("the time zone of a window is not an exchange's")
    time = np.frombuffer(data, dtype="<i8", count=length)
    columns = np.frombuffer(data, dtype="<f8", offset=8 * length).reshape(-1, length)
    open_, high, low, close, volume = columns
    return BarColumns(time, open_, high, low, close, volume, timezone=timezone)


@dataclass(frozen=True, slots=True)
class Program:
    """Code as it travels: a source with values for its constants, as text; the SHA-256 of that text, and its bytes as JSON."""

    text: str
    hash: str
    bytes: int

    @classmethod
    def of(cls, source: str, parameters: Mapping[str, float]) -> Program:
        """The program of a source without comments."""
        text = json.dumps([source, dict(parameters)])
        return cls(text, hashlib.sha256(text.encode()).hexdigest(), len(json.dumps(text)))


@dataclass(slots=True)
class Sessions:
    """The sessions of a batch, as columns: what is sent of each, and nothing that says whose it is but a number that means nothing elsewhere."""

    programs: list[str] = field(default_factory=list)
    names: list[tuple[str, ...]] = field(default_factory=list)
    places: array[int] = field(default_factory=lambda: array("i"))
    numbers: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.places) // _PLACES

    @property
    def program_places(self) -> list[int]:
        """The program of each session, as a place in `programs`."""
        return self.places[::_PLACES].tolist()

    def encoded(self) -> dict[str, Any]:
        """The sessions as plain values."""
        return {
            "programs": self.programs,
            "names": self.names,
            "places": base64.b64encode(self.places).decode(),
            "numbers": base64.b64encode(self.numbers).decode(),
        }

    @classmethod
    def decoded(cls, encoded: Mapping[str, Any]) -> Sessions:
        """The sessions that `encoded` gave.

        Raises:
            ValueError: if they are not.
        """
        places, numbers = array("i"), array("d")
        places.frombytes(base64.b64decode(encoded["places"]))
        numbers.frombytes(base64.b64decode(encoded["numbers"]))
        return cls(encoded["programs"], [tuple(each) for each in encoded["names"]], places, numbers)


def load_everything() -> None:
    """Computes every operation and every indicator once.

    numpy loads parts of itself on first use (a quantile, for one), which would fail in a worker of the sandbox that can open nothing.
    """
    path = 100.0 + np.arange(8.0)
    bars = BarColumns(60 * np.arange(8, dtype=np.int64), path, path, path, path, path)
    values = Values(bars)
    close = NODES.node("column:close")
    with np.errstate(all="ignore"):
        for indicator in REGISTRY.values():
            defaults = [parameter.default for parameter in indicator.parameters]
            node = NODES.node("indicator", (close,) * len(indicator.inputs), (indicator.name, *defaults))
            values.series(NODES.node("field", (node,), (0,)))
        for name, operation in OPERATIONS.items():
            if name != "indicator":
                operation(bars, [path, path, path], (2, 1, 0))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled program with what it costs; the arguments of its function by where they come from, in their order.

    Attributes:
        columns: Columns and how many bars back they are read.
        position: Places of what is read of (quantity, entry price, bars held, unrealized return).
        state: Keys of its state.
        constants: Values of its constants.
    """

    function: Callable[..., tuple[float, ...]]
    columns: tuple[tuple[Node | str, int], ...]
    position: tuple[int, ...]
    state: tuple[str, ...]
    constants: tuple[float, ...]
    nanoseconds: int
    bytes: int

    @classmethod
    def of(cls, strategy: Strategy, window: int, size: int) -> Compiled:
        """Takes the part of a strategy that runs on the last bar of a window.

        Raises:
            StrategyError: if it costs more than a session may.
        """
        cost = strategy.cost_over(window)
        runnable = Runnable.of(strategy)
        plan = runnable.argument_plan
        return cls(
            runnable.function,
            tuple((key, back) for origin, key, back in plan if origin == "column"),
            tuple(_FIELDS.index(key) for origin, key, _ in plan if origin == "position"),
            runnable.state,
            tuple(key for origin, key, _ in plan if origin == "constant"),
            cost.nanoseconds,
            size,
        )

    def run(self, values: Values, numbers: list[float], names: tuple[str, ...]) -> tuple[float, ...]:
        """Runs `on_bar` on the last bar for a session: its position and the values of its state, whose keys are `names`."""
        state = numbers[_POSITION:]
        if names != self.state:
            given = dict(zip(names, state, strict=True))
            state = [given.get(key, math.nan) for key in self.state]
        if _UNREALIZED in self.position:
            unrealized = PositionView(*numbers[:_POSITION]).unrealized_return(values.latest("close", 1))
            numbers = [*numbers[:_POSITION], unrealized]
        return self.function(
            *values.latest_of(self.columns), *[numbers[place] for place in self.position], *state, *self.constants
        )


class StrategyCache:
    """Compiled strategies by the hash of their program and the length of the window, the least recently used dropped first; and the texts that
    they are compiled from, which stay."""

    def __init__(self, limit: int = CACHED_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._texts: dict[str, str] = {}
        self._strategies: OrderedDict[tuple[str, int], Compiled] = OrderedDict()

    def __len__(self) -> int:
        return len(self._strategies)

    def learn(self, texts: Mapping[str, str]) -> None:
        """Takes in programs by their hashes."""
        self._texts.update(texts)

    def found(self, program: str, window: int) -> Compiled | None:
        """Returns a compiled program, if it is there."""
        key = (program, window)
        found = self._strategies.get(key)
        if found is not None:
            self._strategies.move_to_end(key)
        return found

    def compiling(self, program: str) -> float:
        """Nominal nanoseconds of compiling a program, which count until it is known what it costs."""
        return _COMPILING_NANOSECONDS + _COMPILING_NANOSECONDS_A_CHARACTER * len(self._texts.get(program, ""))

    def compiled(self, program: str, window: int) -> Compiled:
        """Compiles a program. The gate runs here, right before execution, whoever stored the source.

        Raises:
            StrategyError: if the source does not pass, or costs more than a session may.
            ValueError: if the program is not the one that was sent for this hash.
            KeyError: if none was.
        """
        text = self._texts[program]
        source, parameters = json.loads(text)
        if hashlib.sha256(text.encode()).hexdigest() != program:
            raise ValueError("the source is not the one that was checked")
        strategy = compile_strategy(source)
        if parameters != strategy.parameters:
            strategy = strategy.with_parameters(**parameters)
        size = compiled_bytes(text)
        found = self._strategies[(program, window)] = Compiled.of(strategy, window, size)
        self._bytes += size
        while self._bytes > self._limit:
            self._bytes -= self._strategies.popitem(last=False)[1].bytes
        return found


def compiled_bytes(text: str) -> int:
    """The memory that a program takes once it is compiled."""
    return _COMPILED_BYTES + _COMPILED_BYTES_A_CHARACTER * len(text)


def fair_order(owners: Sequence[int], costs: Sequence[float]) -> list[int]:
    """The order in which sessions are evaluated: of each owner the cheap ones first, and among owners whoever will have had least when it is done.

    So however many sessions somebody has, and however dear they are, somebody else's session waits for no more than what it costs itself, once for
    each of the others.
    """
    spent: defaultdict[int, float] = defaultdict(float)
    ends = [0.0] * len(costs)
    for index in sorted(range(len(costs)), key=costs.__getitem__):
        spent[owners[index]] += costs[index]
        ends[index] = spent[owners[index]]
    return sorted(range(len(costs)), key=ends.__getitem__)


def evaluate_requests(
    bars: BarColumns,
    sessions: Sessions,
    cache: StrategyCache,
    chosen: Sequence[int],
    begin: Callable[[int], None] = lambda _place: None,
) -> Iterator[tuple[int, tuple[str, ...], Sequence[float] | str]]:
    """Evaluates sessions on the last bar, in the fair order; an error of one does not touch the others.

    Args:
        bars: The window.
        sessions: All of the batch.
        cache: Programs and compiled strategies.
        chosen: The places of those that are evaluated.
        begin: Told the place of each when work on it begins, and again when it was compiled.

    Yields:
        For each its place, the keys of its state, and what `on_bar` returned (see `OnBar`) or what is wrong, in words for its owner.
    """
    numbers, names, window = sessions.numbers.tolist(), sessions.names, len(bars)
    programs, keys, owners = (sessions.places[column::_PLACES].tolist() for column in range(_PLACES))
    offsets = [0, *accumulate(_POSITION + len(names[key]) for key in keys)]
    known = [cache.found(each, window) for each in sessions.programs]
    costs = [
        each.nanoseconds if each else cache.compiling(program)
        for program, each in zip(sessions.programs, known, strict=True)
    ]
    values = Values(bars)
    order = fair_order([owners[place] for place in chosen], [costs[programs[place]] for place in chosen])
    for place in (chosen[each] for each in order):
        begin(place)
        if len(values) * window > _SHARED_CELLS:
            values = Values(bars)
        found = known[programs[place]]
        try:
            if found is None:
                found = known[programs[place]] = cache.compiled(sessions.programs[programs[place]], window)
                begin(place)
            mine, key = numbers[offsets[place] : offsets[place + 1]], names[keys[place]]
            try:
                yield place, found.state, found.run(values, mine, key)
            except MemoryError:
                # What others left may have been too much: before it counts it is tried with nothing but its own.
                values = Values(bars)
                yield place, found.state, found.run(values, mine, key)
        except _FAILURES as error:
            if isinstance(error, MemoryError):
                values = Values(bars)
            yield place, (), _failed(error)


def _failed(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "the strategy was stopped: it needs more memory than a strategy may use"
    return str(error)[:500] or type(error).__name__
