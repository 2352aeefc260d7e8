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
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import itemgetter
from time import perf_counter_ns
from types import FunctionType
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from stratforge.market.columns import PRICE_COLUMNS, BarColumns
from stratforge.strategy.compiler import Strategy, compile_strategy
from stratforge.strategy.cost import MAX_RUNNING_NANOSECONDS
from stratforge.strategy.evaluation import PositionView, Runnable
from stratforge.strategy.findings import StrategyError
from stratforge.strategy.graph import NODES, OPERATIONS, Node, Values, bars_of, on_own_bars, price_column
from stratforge.strategy.indicators import REGISTRY

CACHED_BYTES = 160 << 20
# What a compiled strategy takes in memory, measured and rounded up.
_COMPILED_BYTES, _COMPILED_BYTES_A_CHARACTER = 4_000, 8
# Nominal time of compiling: what a program that is not compiled yet costs before it is known what it costs.
_COMPILING_NANOSECONDS, _COMPILING_NANOSECONDS_A_CHARACTER = 1_000_000, 12_000
# How far a program's time may be from what was counted; a busy machine takes some too.
_FAR, _FAR_NANOSECONDS = 4, 2_000_000
# Values of indicators that are kept for others of the batch.
_SHARED_CELLS = 8_000_000
FAILURES = (StrategyError, ValueError, KeyError, ArithmeticError, MemoryError)
_DAY = 1_440
# Read when this is imported: a worker of the sandbox can open no file.
_TIMEZONES = {name: ZoneInfo(name) for name in ("America/New_York", "UTC")}
# Of a session: its program, the names of its state and its owner, as places in tables; and its position, before its state.
PLACES, _POSITION = 3, ("quantity", "average_entry_price", "bars_held")


def encode_columns(bars: BarColumns) -> dict[str, Any]:
    """A window of bars as plain values, with the days of the exchange and the bars of other symbols where it has them."""
    columns = b"".join(getattr(bars, name).astype("<f8").tobytes() for name in PRICE_COLUMNS)
    times = bars.time.astype("<i8").tobytes()
    length = {"minutes": bars.seconds // 60} if bars.seconds > 60 else {}
    days = {} if bars.days is None else {"days": encode_columns(bars.days)}
    others = {"others": {symbol: encode_columns(each) for symbol, each in bars.others.items()}} if bars.others else {}
    columns_and_times = base64.b64encode(times + columns).decode()
    return {"columns": columns_and_times, "timezone": bars.timezone.key, **length, **days, **others}


def decode_columns(encoded: Mapping[str, Any], fewest: int = 1) -> BarColumns:
    """The window that `encode_columns` encoded, of so many bars at least.

    Raises:
        ValueError: if it is not one.
    """
    data = base64.b64decode(encoded["columns"])
    length, rest = divmod(len(data), 8 * (1 + len(PRICE_COLUMNS)))
    if rest or length < fewest:
        raise ValueError("the columns of a window differ in length or are empty")
    timezone = _TIMEZONES.get(encoded["timezone"])
    if timezone is None:
        raise ValueError("the time zone of a window is not an exchange's")
    time = np.frombuffer(data, dtype="<i8", count=length)
    columns = np.frombuffer(data, dtype="<f8", offset=8 * length).reshape(len(PRICE_COLUMNS), length)
    open_, high, low, close, volume = columns
    minutes = int(encoded.get("minutes", 1))
    days = decode_columns(encoded["days"], fewest) if "days" in encoded else None
    # Of another symbol there may be days alone.
    others = {symbol: decode_columns(each, 0) for symbol, each in encoded.get("others", {}).items()}
    return BarColumns(
        time, open_, high, low, close, volume, timezone=timezone, daily=minutes == _DAY, minutes=minutes, days=days, others=others
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Code as it travels: a source with values for its constants, as text; the SHA-256 of that text; and the bytes of both in a request."""

    text: str
    hash: str
    bytes: int

    @classmethod
    def of(cls, source: str, parameters: Mapping[str, float]) -> Program:
        """The program of a source without comments."""
        text = json.dumps([source, dict(parameters)])
        program = hashlib.sha256(text.encode()).hexdigest()
        # The hash and a space in the table; quoted hash, colon, text and comma where it is sent.
        return cls(text, program, 2 * len(program) + 5 + len(json.dumps(text)))


@lru_cache(maxsize=256)
def programs_of(table: str) -> tuple[str, ...]:
    """The hashes of programs in a table as it is sent; on the next bar it is the same."""
    return tuple(table.split(" "))


@dataclass(slots=True)
class Sessions:
    """The sessions of a batch, as columns: what is sent of each, and nothing that says whose it is but a number that means nothing elsewhere."""

    programs: Sequence[str] = ()
    names: list[tuple[str, ...]] = field(default_factory=list)
    places: array[int] = field(default_factory=lambda: array("i"))
    numbers: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.places) // PLACES

    @property
    def program_places(self) -> list[int]:
        """The program of each session, as a place in `programs`."""
        return self.places[::PLACES].tolist()

    def encoded(self) -> dict[str, Any]:
        """The sessions as plain values."""
        return {
            # One text, which is read faster than a thousand.
            "programs": " ".join(self.programs),
            "names": self.names,
            "places": base64.b64encode(self.places).decode(),
            "numbers": base64.b64encode(self.numbers).decode(),
        }

    @staticmethod
    def counted(encoded: Mapping[str, Any]) -> int:
        """The number of the sessions that `encoded` gave.

        Raises:
            ValueError: if it did not.
        """
        return len(base64.b64decode(encoded["places"])) // (PLACES * array("i").itemsize)

    @classmethod
    def decoded(cls, encoded: Mapping[str, Any]) -> Sessions:
        """The sessions that `encoded` gave.

        Raises:
            ValueError: if they are not.
        """
        places, numbers = array("i"), array("d")
        places.frombytes(base64.b64decode(encoded["places"]))
        numbers.frombytes(base64.b64decode(encoded["numbers"]))
        return cls(programs_of(encoded["programs"]), [tuple(each) for each in encoded["names"]], places, numbers)


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
        values.series(on_own_bars(price_column("close", "1h")))
        beside = Values(replace(bars, others={"SPY": bars}))
        for timeframe in ("", "1h", "1d"):
            beside.series(on_own_bars(price_column("close", bars_of("SPY", timeframe))))
        for name, operation in OPERATIONS.items():
            if name != "indicator":
                operation(bars, [path, path, path], (2, 1, 0))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled program with what it costs, in the form in which it is quickly run.

    Attributes:
        function: `on_bar` with the values of its constants as defaults.
        columns: Takes what it reads of columns out of the values of a window.
        own: Takes what it reads of a session out of its position, its state and its unrealized return, in this order.
        unrealized: Whether it reads the last of these.
        state: Keys of its state.
        patience: Nanoseconds beyond which it took far longer than was counted.
    """

    function: Callable[..., tuple[float, ...]]
    columns: Callable[[Values], Sequence[float]]
    own: Callable[[list[float]], Sequence[float]]
    unrealized: bool
    state: tuple[str, ...]
    nanoseconds: int
    patience: int
    bytes: int

    @classmethod
    def of(cls, strategy: Strategy, window: int, size: int, days: int | None = None) -> Compiled:
        """Takes the part of a strategy that runs on the last bar of a window, beside which are so many days of the exchange.

        Raises:
            StrategyError: if it costs far more than a session may.
        """
        cost = strategy.cost_over(window, days, MAX_RUNNING_NANOSECONDS)
        runnable = Runnable.of(strategy)
        # Arguments come in this order: columns, position, state, constants.
        plan, function = runnable.argument_plan, runnable.function
        columns = tuple((key, back) for origin, key, back in plan if origin == "column")
        constants = tuple(key for origin, key, _ in plan if origin == "constant")
        own = [(origin, key) for origin, key, _ in plan if origin in ("position", "state")]
        fields = [("position", key) for key in _POSITION]
        fields += [*(("state", key) for key in runnable.state), ("position", "unrealized_return")]
        return cls(
            FunctionType(function.__code__, function.__globals__, function.__name__, constants),
            _of_columns(columns),
            _of_places(tuple(fields.index(each) for each in own)),
            fields[-1] in own,
            runnable.state,
            cost.nanoseconds,
            _FAR * cost.nanoseconds + _FAR_NANOSECONDS,
            size,
        )

    def run(self, values: Values, numbers: list[float], names: tuple[str, ...]) -> tuple[float, ...]:
        """Runs `on_bar` on the last bar for a session: its position and the values of its state, whose keys are `names`."""
        if names != self.state:
            given = dict(zip(names, numbers[len(_POSITION) :], strict=True))
            numbers = [*numbers[: len(_POSITION)], *(given.get(key, math.nan) for key in self.state)]
        if self.unrealized:
            position = PositionView(*numbers[: len(_POSITION)])
            numbers = [*numbers, position.unrealized_return(values.latest("close", 1))]
        return self.function(*self.columns(values), *self.own(numbers))


class _Kept(Protocol):
    """Something that takes memory."""

    @property
    def bytes(self) -> int:
        """Bytes that it takes, counted when it is made."""
        ...


Key = TypeVar("Key", bound=Hashable)
Kept = TypeVar("Kept", bound=_Kept)


class StrategyCache:
    """Compiled strategies by the hash of their program and the length of the window, the first dropped first; and the texts that they are compiled
    from, which stay."""

    def __init__(self, limit: int = CACHED_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._texts: dict[str, str] = {}
        self._strategies: dict[tuple[str, int], Compiled] = {}
        # Nanoseconds of programs that take far longer than was counted.
        self.taken: dict[str, int] = {}
        # When the last evaluation ended, by the clock that is read once for each; who takes time before the next sets it.
        self.ended = 0

    def __len__(self) -> int:
        return len(self._strategies)

    def learn(self, texts: Mapping[str, str]) -> None:
        """Takes in programs by their hashes."""
        self._texts.update(texts)

    def note_time(self, program: str, patience: int, nanoseconds: int) -> None:
        """Notes what a program took: far more than was counted counts until it takes less, so that what is counted wrongly is not the others' loss."""
        if nanoseconds > patience:
            self.taken[program] = nanoseconds
        else:
            self.taken.pop(program, None)

    def costs(self, programs: Sequence[str], known: Sequence[Compiled | None]) -> npt.NDArray[np.int64]:
        """The nanoseconds that each of some programs is expected to take."""
        costs = [
            each.nanoseconds if each else self.compiling(program) for program, each in zip(programs, known, strict=True)
        ]
        if self.taken:
            costs = [max(cost, self.taken.get(program, 0)) for program, cost in zip(programs, costs, strict=True)]
        return np.array(costs, dtype=np.int64)

    def found(self, programs: Sequence[str], window: int) -> list[Compiled | None]:
        """Returns of each of some programs the compiled one, if it is there."""
        get = self._strategies.get
        return [get((each, window)) for each in programs]

    def compiling(self, program: str) -> int:
        """Nominal nanoseconds of compiling a program, which count until it is known what it costs."""
        return _COMPILING_NANOSECONDS + _COMPILING_NANOSECONDS_A_CHARACTER * len(self._texts.get(program, ""))

    def compiled(self, program: str, window: int, days: int | None = None) -> Compiled:
        """Compiles a program; see `program`.

        Raises:
            StrategyError: also if it costs far more than a session may.
        """
        source, parameters, size = self.program(program)
        strategy = compile_strategy(source)
        if parameters != strategy.parameters:
            strategy = strategy.with_parameters(**parameters)
        found = Compiled.of(strategy, window, size, days)
        self.keep(self._strategies, (program, window), found)
        return found

    def program(self, program: str) -> tuple[str, dict[str, float], int]:
        """The source of a program, the values of its constants, and the memory that it takes once it is compiled. The gate runs after this, right before
        execution, whoever stored the source.

        Raises:
            ValueError: if the program is not the one that was sent for this hash.
            KeyError: if none was.
        """
        text = self._texts[program]
        source, parameters = json.loads(text)
        if hashlib.sha256(text.encode()).hexdigest() != program:
            raise ValueError("the source is not the one that was checked")
        return source, parameters, compiled_bytes(text)

    def keep(self, kept: dict[Key, Kept], key: Key, found: Kept) -> None:
        """Keeps what was compiled, in a dictionary of whoever compiled it; where all is more than may be kept its first go."""
        kept[key] = found
        self._bytes += found.bytes
        while self._bytes > self._limit and kept:
            self._bytes -= kept.pop(next(iter(kept))).bytes


# Shared by all programs that read the same: a thousand of them are then sooner found in the processor's cache.
@lru_cache(maxsize=4_096)
def _of_columns(columns: tuple[tuple[Node | str, int], ...]) -> Callable[[Values], Sequence[float]]:
    """What takes the last values of columns out of the values of a window."""
    columns = tuple(map(_shared, columns))
    return itemgetter(*columns) if len(columns) > 1 else lambda values: [values[each] for each in columns]


@lru_cache(maxsize=4_096)
def _shared(column: tuple[Node | str, int]) -> tuple[Node | str, int]:
    return column


@lru_cache(maxsize=4_096)
def _of_places(places: tuple[int, ...]) -> Callable[[list[float]], Sequence[float]]:
    """What takes the values at these places out of a list."""
    if len(places) > 1:
        return itemgetter(*places)
    return itemgetter(slice(places[0], places[0] + 1) if places else slice(0))


def compiled_bytes(text: str) -> int:
    """The memory that a program takes once it is compiled."""
    return _COMPILED_BYTES + _COMPILED_BYTES_A_CHARACTER * len(text)


def fair_order(owners: npt.ArrayLike, costs: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The order in which sessions are evaluated: of each owner the cheap ones first, and among owners whoever will have had least when it is done.

    So however many sessions somebody has, and however dear they are, somebody else's session waits for no more than what it costs itself, once for
    each of the others.
    """
    owner, cost = np.asarray(owners), np.asarray(costs, dtype=np.int64)
    order = np.lexsort((cost, owner))
    spent = np.cumsum(cost[order])
    # What all owners before this one take is not his.
    firsts = np.flatnonzero(np.diff(owner[order], prepend=-1))
    others = np.repeat((spent - cost[order])[firsts], np.diff(firsts, append=len(order)))
    ends = np.empty_like(spent)
    ends[order] = spent - others
    return np.argsort(ends, kind="stable")


def evaluate_requests(
    bars: BarColumns,
    sessions: Sessions,
    cache: StrategyCache,
    chosen: npt.ArrayLike,
    begin: Callable[[int, int], object] = lambda _place, _step: None,
) -> Iterator[tuple[int, tuple[str, ...], Sequence[float] | str]]:
    """Evaluates sessions on the last bar, in the fair order; an error of one does not touch the others.

    Args:
        bars: The window.
        sessions: All of the batch.
        cache: Programs and compiled strategies.
        chosen: The places of those that are evaluated.
        begin: Told the place of each and 0 when work on it begins, and again with 1 when it was compiled.

    Yields:
        For each its place, the keys of its state, and what `on_bar` returned (see `OnBar`) or what is wrong, in words for its owner.
    """
    numbers, names, window = sessions.numbers.tolist(), sessions.names, len(bars)
    days = None if bars.days is None else len(bars.days)
    programs, keys, owners = np.array(sessions.places).reshape(-1, PLACES).T
    widths = np.array([len(_POSITION) + len(each) for each in names], dtype=np.int64)[keys]
    starts = np.cumsum(widths) - widths
    known = cache.found(sessions.programs, window)
    costs = cache.costs(sessions.programs, known)
    among = np.asarray(chosen)
    order = among[fair_order(owners[among], costs[programs[among]])]
    columns = (column[order].tolist() for column in (programs, keys, starts, starts + widths))
    values, cache.ended = Values(bars, _SHARED_CELLS), perf_counter_ns()
    for place, program, key, start, end in zip(order.tolist(), *columns, strict=True):
        begin(place, 0)
        found = known[program]
        try:
            if found is None:
                found = known[program] = cache.compiled(sessions.programs[program], window, days)
                begin(place, 1)
                cache.ended = perf_counter_ns()
            began = cache.ended
            try:
                said = found.run(values, numbers[start:end], names[key])
            except MemoryError:
                # What others left may have been too much: before it counts it is tried with nothing but its own.
                values.forget()
                said = found.run(values, numbers[start:end], names[key])
            cache.ended = now = perf_counter_ns()
            took = now - began
            if took > found.patience or cache.taken:
                cache.note_time(sessions.programs[program], found.patience, took)
            yield place, found.state, said
        except FAILURES as error:
            if isinstance(error, MemoryError):
                values.forget()
            cache.ended = perf_counter_ns()
            yield place, (), said_of(error)


def said_of(error: Exception) -> str:
    """The reason of a failure, in words for the strategy's owner."""
    if isinstance(error, MemoryError):
        return "the strategy was stopped: it needs more memory than a strategy may use"
    return str(error)[:500] or type(error).__name__
