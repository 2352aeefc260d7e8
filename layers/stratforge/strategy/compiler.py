"""`compile_strategy`: the only way from source text to something that runs."""

from __future__ import annotations

import ast
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, SupportsFloat

from stratforge.market.resampling import DAY, TIMEFRAMES, minutes_of
from stratforge.strategy.column_calls import LookedAt
from stratforge.strategy.columns_compiler import ColumnsCompiler
from stratforge.strategy.cost import (
    MAX_GRAPH_NODES,
    MAX_NANOSECONDS,
    MAX_OPERATIONS,
    MAX_PARENTHESES,
    Beside,
    Cost,
    backtest_nanoseconds,
    columns_nanoseconds,
    cost_of,
    count_operations,
    dearest,
)
from stratforge.strategy.findings import Code, Finding, StrategyError
from stratforge.strategy.graph import Node, bars_of, reachable, symbol_and_timeframe
from stratforge.strategy.lookback import (
    DAY_MINUTES,
    MAX_DAYS,
    History,
    Lookbacks,
    OfOther,
    check_history,
    check_others,
    measure_lookback,
    window_length,
)
from stratforge.strategy.on_bar_compiler import OnBar, OnBarCompiler
from stratforge.strategy.on_bar_expressions import SIGNALS
from stratforge.strategy.source import MAX_LITERAL, OWN_BARS, Findings, Module, check_runs_as_python, parse, read_module
from stratforge.strategy.trees import walk
from stratforge.strategy.vocabulary import MAX_OTHERS, TIME_FIELDS
from stratforge.strategy.wire import without_comments


@dataclass(frozen=True, eq=False)
class Admitted:
    """The part that strategies of every kind have in common after they passed the gate.

    Attributes:
        source: The text it was compiled from.
        parameters: The module constants and their values; `with_parameters` changes them.
        columns: The indicators, as nodes of the indicator graph.
    """

    source: str
    parameters: dict[str, float]
    columns: dict[str, Node]

    @property
    def indicators(self) -> tuple[str, ...]:
        """Names of the indicators, in the order they are returned."""
        return tuple(self.columns)

    @property
    def timeframe(self) -> str | None:
        """The bars that it decides on, one of `OWN_BARS`, if it says so: else those of a minute live, and those that it is given in a backtest."""
        return None

    @property
    def bar_minutes(self) -> int:
        """The length of the bars on which its sessions decide."""
        return OWN_BARS[self.timeframe or "1min"]

    @cached_property
    def source_hash(self) -> str:
        """SHA-256 of the source, in hexadecimal: what runs is what was checked."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def _parameters_with(self, values: Mapping[str, object]) -> dict[str, float]:
        unknown = sorted(set(values) - set(self.parameters))
        if unknown:
            known = ", ".join(self.parameters) or "none"
            message = f"there is no constant {unknown[0]}"
            raise StrategyError([Finding(1, 1, Code.UNKNOWN_NAME, message, f"The constants are {known}")])
        numbers = {name: _number(value) for name, value in values.items()}
        wrong = sorted(name for name, value in numbers.items() if not abs(value) <= MAX_LITERAL)
        if wrong:
            message = f"{wrong[0]} cannot be {numbers[wrong[0]]:g}"
            raise StrategyError([Finding(1, 1, Code.NUMBER, message, f"Numbers go up to {MAX_LITERAL:g}")])
        return {**self.parameters, **numbers}


@dataclass(frozen=True, eq=False)
class Strategy(Admitted):
    """A strategy of one symbol that passed the gate.

    Attributes:
        on_bar: The decision function, as a function of numbers.
        operations: Operations of `on_bar` on its dearest path.
    """

    on_bar: OnBar
    operations: int
    _module: Module = field(repr=False)

    @property
    def on_bar_tree(self) -> ast.FunctionDef:
        """The syntax tree of `on_bar`, as it was written."""
        return self._module.on_bar

    @property
    def indicators_tree(self) -> ast.FunctionDef | None:
        """The syntax tree of `indicators`, as it was written; None where there is none."""
        return self._module.indicators

    @cached_property
    def decisions(self) -> frozenset[str]:
        """The decisions that its code may take: some of `buy`, `sell`, `short` and `cover`."""
        called = (each.func for each in walk(self.on_bar_tree) if isinstance(each, ast.Call))
        return frozenset(each.id for each in called if isinstance(each, ast.Name) and each.id in SIGNALS)

    @property
    def shorts(self) -> bool:
        """True when it may go short: its sessions run where the account has short selling enabled."""
        return self.on_bar.shorts

    @property
    def timeframe(self) -> str | None:
        """The bars that it decides on, one of `OWN_BARS`; None where its code does not say."""
        return self._module.timeframe

    @cached_property
    def lookback(self) -> int:
        """Bars of its own after which a trailing window gives the last values of the full history, bit for bit.

        Raises:
            StrategyError: if no window is long enough, or evaluating it would cost more than a session may.
        """
        history = self._history
        check_history(history.bars, self.timeframe)
        check_others(history, self.timeframe)
        self._cost(window_length(history.bars), history.beside)
        return history.bars

    @property
    def day_lookback(self) -> int:
        """Days of the exchange, before the day of its bar, that a strategy on shorter bars looks back on; 0 where it reads none.

        Raises:
            StrategyError: as `lookback` does.
        """
        return self._history.days

    @cached_property
    def reads_days(self) -> bool:
        """True when it decides on shorter bars, and reads days of the exchange beside them."""
        return self.bar_minutes < DAY_MINUTES and any(each.timeframe == DAY for each in self._nodes)

    @cached_property
    def other_symbols(self) -> tuple[str, ...]:
        """The symbols besides its own whose bars its indicators look at."""
        names = (symbol_and_timeframe(each.timeframe)[0] for each in reachable(self.columns.values()))
        return tuple(sorted({each for each in names if each}))

    def reads_bars_of(self, symbol: str) -> bool:
        """Returns whether its indicators read bars of another symbol besides the days of its exchange."""
        return bool(self._lengths_of(symbol) - ({DAY} if self.bar_minutes < DAY_MINUTES else set()))

    def reads_days_of(self, symbol: str) -> bool:
        """Returns whether its indicators read the days of another symbol's exchange."""
        return self.bar_minutes == DAY_MINUTES or DAY in self._lengths_of(symbol)

    def _lengths_of(self, symbol: str) -> set[str]:
        names = {each.timeframe for each in reachable(self.columns.values())}
        return {length for of, length in map(symbol_and_timeframe, names) if of == symbol}

    @property
    def lookbacks(self) -> Lookbacks:
        """The history that its sessions need.

        Raises:
            StrategyError: as `lookback` does.
        """
        bars, needed = self.stored_lookback, dict(self._history.others)
        others = {each: needed.get(each, OfOther()) for each in self.other_symbols}
        stored = {symbol: each._replace(bars=each.bars and self._stored(each.bars)) for symbol, each in others.items()}
        return Lookbacks(bars, self.day_lookback, stored)

    @cached_property
    def _history(self) -> History:
        return self._measure(apart=True)

    def _measure(self, *, apart: bool) -> History:
        previous = bool(self.on_bar.needs("p"))
        return measure_lookback(self._nodes, previous=previous, minutes=self.bar_minutes, apart=apart)

    @property
    def stored_lookback(self) -> int:
        """Bars of a minute that its sessions need before they can be evaluated; of a strategy on bars of days the days.

        Raises:
            StrategyError: as `lookback` does.
        """
        return self._stored(self.lookback)

    @cached_property
    def stored_lookback_of_minutes(self) -> int:
        """Its stored lookback where days are made of minutes, as they were in sessions before those of the exchange stood beside them.

        Raises:
            StrategyError: as `lookback` does.
        """
        return self._stored(self._measure(apart=False).bars)

    def _stored(self, lookback: int) -> int:
        if self.bar_minutes in (1, DAY_MINUTES):
            return lookback
        return minutes_of(window_length(lookback), self.bar_minutes)

    @property
    def cost(self) -> Cost:
        """Returns the cost of one bar of one session.

        Raises:
            StrategyError: as `lookback` does.
        """
        return self._cost(window_length(self.lookback), self._history.beside)

    def backtest_nanoseconds(self, bars: int) -> int:
        """Returns the nominal processor time of a backtest over so many bars, which computes the columns once."""
        return backtest_nanoseconds(self._nodes, self.operations, bars, self._days_beside())

    def columns_nanoseconds(self, bars: int) -> float:
        """Returns the nominal processor time of its columns over so many bars."""
        return columns_nanoseconds(self._nodes, bars, self._days_beside())

    def _days_beside(self) -> dict[str, int]:
        """As many days as a backtest may show beside its bars, of its symbol and of others."""
        others = self.other_symbols if self.bar_minutes < DAY_MINUTES else ()
        days = {bars_of(each, DAY): MAX_DAYS for each in others}
        return days | ({DAY: MAX_DAYS} if self.reads_days else {})

    def cost_over(self, window: int, days: int | None = None, most: int = MAX_NANOSECONDS) -> Cost:
        """Returns the cost of one evaluation on a window of so many bars and, where it reads them, of so many days of the exchange; of other symbols those that it
        needs.

        Raises:
            StrategyError: if it is more nanoseconds than `most`, or more cells than a session may have.
        """
        others = self._history.beside if self.other_symbols else {}
        return self._cost(window, {**others, DAY: days} if days else others, most)

    def _cost(self, window: int, beside: Beside, most: int = MAX_NANOSECONDS) -> Cost:
        size = len(without_comments(self.source).encode())
        clock = len(self._read_columns & {column for column, _ in TIME_FIELDS.values()})
        # The close is that of the bar's day: it takes both.
        clock += "minutes_to_close" in self._read_columns
        return cost_of(self._nodes, window, self.operations, size, most, clock, beside)

    @property
    def dearest(self) -> list[tuple[str, float]]:
        """Lists the costs of the strategy's columns, in milliseconds a bar, the dearest first."""
        return dearest(self._nodes, window_length(self.lookback), self._history.beside)

    @cached_property
    def _nodes(self) -> list[Node]:
        """Every step on the way to what `on_bar` reads, not the ends alone: what a rare branch depends on would not show there."""
        return reachable(node for name, node in self.columns.items() if name in self._read_columns)

    @cached_property
    def argument_plan(self) -> tuple[tuple[str, Any, int], ...]:
        """Returns the origin of each argument of `on_bar` as (origin, key, how many bars back), looked up once instead
        of on every bar."""
        plan: list[tuple[str, Any, int]] = []
        for name in self.on_bar.arguments:
            origin, key = name[0], name[2:]
            if origin in "bp":
                plan.append(("column", self.columns.get(key, key), 1 if origin == "b" else 2))
            elif origin == "k":
                plan.append(("constant", self.parameters[key], 0))
            else:
                plan.append(("state" if origin == "s" else "position", key, 0))
        return tuple(plan)

    @cached_property
    def _read_columns(self) -> frozenset[str]:
        return frozenset(self.on_bar.needs("b")) | frozenset(self.on_bar.needs("p"))

    def with_parameters(self, **values: float) -> Strategy:
        """The same strategy with other values of some constants.

        Raises:
            StrategyError: if a name is not a constant of the strategy, or a value does not fit where it is used.
        """
        return _build(self.source, self._module, self._parameters_with(values))


def _number(value: object) -> float:
    """The value as a float, with one zero; NaN for what is no number, infinity for what is too large for one."""
    try:
        return float(value) + 0.0 if isinstance(value, float | int | SupportsFloat) else math.nan
    except OverflowError:
        return math.inf


def compile_strategy(source: str) -> Strategy:
    """Checks the source of a strategy and compiles it.

    Raises:
        StrategyError: with every finding at once, if any part of the source is not in the language.
    """
    tree = parse(source)
    findings = Findings()
    module = read_module(tree, findings)
    if module is None:
        _check_indicators_alone(tree, findings)
        findings.raise_if_any()
    assert module is not None
    strategy = _build(source, module, module.parameters, findings)
    check_runs_as_python(tree)
    return strategy


def _check_indicators_alone(tree: ast.Module, findings: Findings) -> None:
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "indicators":
            ColumnsCompiler({}, findings, LookedAt(MAX_OTHERS, resampled=True)).compile(statement)


def _build(source: str, module: Module, parameters: dict[str, float], findings: Findings | None = None) -> Strategy:
    findings = findings or Findings()
    others = LookedAt(MAX_OTHERS, resampled=True)
    columns, returned = compile_indicators(module, parameters, findings, others)
    _check_timeframes(module, columns, findings)
    on_bar = OnBarCompiler(parameters, columns, findings, returned).compile(module.on_bar)
    findings.raise_if_any()
    check_graph(module, columns, findings)
    operations = _compile_on_bar(on_bar, parameters, module.on_bar, findings)
    findings.raise_if_any()
    return Strategy(source, parameters, columns, on_bar, operations, module)


def _check_timeframes(module: Module, columns: Mapping[str, Node], findings: Findings) -> None:
    """Refuses to make shorter bars of longer ones."""
    own = OWN_BARS[module.timeframe or "1min"]
    named = {symbol_and_timeframe(each.timeframe)[1] for each in reachable(columns.values())}
    for each in sorted(named & {*TIMEFRAMES}):
        if TIMEFRAMES[each] < own:
            message = (
                f'bars.resample("{each}") is of bars that are shorter than those of TIMEFRAME = "{module.timeframe}"'
            )
            findings.add(module.indicators or module.on_bar, Code.ARGUMENT, message, "Resample to longer bars")


def compile_indicators(
    module: Module, parameters: dict[str, float], findings: Findings, others: LookedAt
) -> tuple[dict[str, Node], frozenset[str] | None]:
    """The columns of a module by name, and all names that `indicators` returns, refused ones included (None when they are not known).

    Args:
        others: Takes the other symbols whose bars are read.
    """
    if module.indicators is None:
        return {}, frozenset()
    compiler = ColumnsCompiler(parameters, findings, others)
    return compiler.compile(module.indicators), compiler.returned


def check_graph(module: Module, columns: Mapping[str, Node], findings: Findings) -> None:
    """Refuses indicators of more operations than there may be."""
    if len(reachable(columns.values())) > MAX_GRAPH_NODES:
        message = f"the indicators take more than {MAX_GRAPH_NODES} operations on series"
        findings.add(module.indicators or module.on_bar, Code.TOO_LARGE, message, "Use fewer")


def _compile_on_bar(on_bar: OnBar, parameters: dict[str, float], place: ast.AST, findings: Findings) -> int:
    """Compiles what will run, now and not on the first bar; gives its operations."""
    operations = 0
    deep = False
    # Constants count where they bound a loop, and only there.
    bounds = tuple(parameters.items()) if "range(" in on_bar.text else ()
    try:
        operations = _operations(on_bar, bounds)
    except (SyntaxError, RecursionError, MemoryError):
        deep = True
    if deep:
        message = "on_bar is nested too deeply"
        findings.add(place, Code.TOO_LARGE, message, "Keep parts of long expressions in names")
    if operations > MAX_OPERATIONS:
        message = f"on_bar takes {operations:,} operations a bar; {MAX_OPERATIONS:,} are allowed"
        findings.add(place, Code.TOO_LARGE, message, "Use shorter loops, or indicators for windows of many bars")
    return operations


@lru_cache(maxsize=64)
def _operations(on_bar: OnBar, parameters: tuple[tuple[str, float], ...]) -> int:
    """Compiles `on_bar`, and counts its operations for these values of the constants."""
    if on_bar.parentheses > MAX_PARENTHESES:
        raise RecursionError
    _ = on_bar.function
    return count_operations(ast.parse(on_bar.text).body, dict(parameters))
