"""`compile_portfolio`: the only way from the source of a portfolio strategy to something that runs."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from stratforge.strategy.column_calls import LookedAt
from stratforge.strategy.compiler import Admitted, Strategy, check_graph, compile_indicators, compile_strategy
from stratforge.strategy.cost import (
    MAX_NANOSECONDS,
    MAX_OPERATIONS,
    MAX_PARENTHESES,
    MAX_RUNNING_NANOSECONDS,
    Cost,
    columns_nanoseconds,
    cost_of,
    count_operations,
    dearest,
    too_large,
)
from stratforge.strategy.evaluation import kept_state
from stratforge.strategy.findings import Code
from stratforge.strategy.graph import Node, reachable
from stratforge.strategy.lookback import Lookbacks, measure_lookback, measure_others, window_length
from stratforge.strategy.on_bar_compiler import OnBar, compile_text
from stratforge.strategy.reach import Floats
from stratforge.strategy.rotation.compiler import RebalanceCompiler
from stratforge.strategy.rotation.cross_sections import KERNELS, target_weights
from stratforge.strategy.rotation.module import PortfolioModule, check_together, read_portfolio
from stratforge.strategy.rotation.schedule import Schedule
from stratforge.strategy.source import Findings, check_runs_as_python, parse
from stratforge.strategy.wire import without_comments

# Of one decision over all symbols: as much as so many bars of strategies of one symbol.
MAX_DECISION_NANOSECONDS = 10 * MAX_NANOSECONDS
# Of an operation on a column of as many symbols as there may be, measured and rounded up.
_COLUMN_OPERATION_NANOSECONDS = 25_000
_ON_COLUMNS = ("each_", "figure_", "cross_", "weights_")


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one call of `rebalance`: the weights of the universe, in its order, or None to change nothing; and the state after it."""

    weights: Floats | None
    state: dict[str, float]


@dataclass(frozen=True, eq=False)
class PortfolioStrategy(Admitted):
    """A portfolio strategy that passed the gate; its columns are the same of every symbol.

    Attributes:
        universe: The symbols it may hold.
        symbols: These, and after them those that it only looks at.
        schedule: When it decides.
        rebalance: The decision, as a function of numbers and columns over the universe.
        operations: Operations of `rebalance`.
    """

    universe: tuple[str, ...]
    symbols: tuple[str, ...]
    schedule: Schedule
    rebalance: OnBar
    operations: int
    _module: PortfolioModule = field(repr=False)

    @property
    def rebalance_tree(self) -> ast.FunctionDef:
        """The syntax tree of `rebalance`, as it was written."""
        return self._module.module.on_bar

    @property
    def indicators_tree(self) -> ast.FunctionDef | None:
        """The syntax tree of `indicators`, as it was written; None where there is none."""
        return self._module.module.indicators

    @property
    def other_symbols(self) -> tuple[str, ...]:
        """The symbols that it only looks at."""
        return self.symbols[len(self.universe) :]

    @cached_property
    def lookback(self) -> int:
        """Bars of each symbol that its columns need for their last values.

        Raises:
            StrategyError: if no window is long enough, or a decision costs more than it may.
        """
        lookback = measure_lookback(self._nodes, previous=False).bars
        self._cost_over(window_length(lookback))
        return lookback

    @property
    def stored_lookback(self) -> int:
        """Its lookback, as it is stored."""
        return self.lookback

    @property
    def lookbacks(self) -> Lookbacks:
        """Its lookback, which every symbol has, and what is looked at of one with the bars of another, which may lie further back.

        Raises:
            StrategyError: as `lookback` does.
        """
        return Lookbacks(self.lookback, others=measure_others(self._nodes))

    @property
    def day_lookback(self) -> int:
        """None of its days are counted apart: those that it sees on minutes are made of these."""
        return 0

    @property
    def cost(self) -> Cost:
        """Returns the cost of one decision: the columns of every symbol over their window, and `rebalance`.

        Raises:
            StrategyError: as `lookback` does.
        """
        return self._cost_over(window_length(self.lookback))

    @property
    def running_cost(self) -> Cost:
        """Returns the cost of one decision of a running session, which weights that were measured anew do not stop.

        Raises:
            StrategyError: as `lookback` does, if it costs far more than a decision may.
        """
        window = window_length(measure_lookback(self._nodes, previous=False).bars)
        return self._cost_over(window, MAX_RUNNING_NANOSECONDS // MAX_NANOSECONDS * MAX_DECISION_NANOSECONDS)

    @property
    def dearest(self) -> list[tuple[str, float]]:
        """Lists the costs of the columns, of all symbols together, in milliseconds a decision, the dearest first."""
        found = dearest(self._nodes, window_length(self.lookback))
        return [(text, len(self.symbols) * cost) for text, cost in found]

    def columns_nanoseconds(self, bars: int) -> float:
        """The nominal time that its columns take over so many bars of every symbol."""
        return len(self.symbols) * columns_nanoseconds(self._nodes, bars)

    @property
    def decision_nanoseconds(self) -> int:
        """The nominal time of `rebalance` alone, without its columns."""
        on_columns = sum(line.count(prefix) for line in self.rebalance.body for prefix in _ON_COLUMNS)
        return cost_of((), 1, self.operations).nanoseconds + on_columns * _COLUMN_OPERATION_NANOSECONDS

    @cached_property
    def read(self) -> tuple[str, ...]:
        """The prices and indicators that `rebalance` reads of symbols, in alphabetical order."""
        names = {name[2:] for name in self.rebalance.arguments if name[0] == "w"}
        names |= {_of_symbol(name)[1] for name in self.rebalance.arguments if name[0] == "o"}
        return tuple(sorted(names))

    @cached_property
    def time_fields(self) -> tuple[str, ...]:
        """The columns of `market.columns` that `rebalance` reads of the time of its decision."""
        return self.rebalance.needs("t")

    @cached_property
    def _nodes(self) -> list[Node]:
        return reachable(self.columns[name] for name in self.read if name in self.columns)

    @cached_property
    def _function(self) -> Callable[..., tuple[Any, ...]]:
        return _compiled(self.rebalance.text)

    @cached_property
    def _plan(self) -> tuple[tuple[str, Any], ...]:
        return tuple((name[0], _of_symbol(name) if name[0] == "o" else name[2:]) for name in self.rebalance.arguments)

    def decide(
        self,
        seen: Mapping[str, Floats],
        time: Mapping[str, float],
        weights: Floats,
        equity: float,
        cash: float,
        state: Mapping[str, float],
        function: Callable[..., tuple[Any, ...]] | None = None,
    ) -> Decision:
        """Runs `rebalance` once, on what is known at the time of its decision.

        Args:
            seen: Each of `read` on the last completed bar of each of `symbols`, NaN where it is not known.
            time: Each of `time_fields` at the time of the decision.
            weights: The part of the equity that each symbol of the universe is.
            equity: Cash and what is held, in dollars.
            cash: In dollars.
            state: What the decision before left. It is not changed; keys it lacks have no value.
            function: Its code, where that is written otherwise: with calls that take notes.
        """
        held = {"weights": weights, "equity": equity, "cash": cash}
        arguments: list[Any] = []
        for origin, key in self._plan:
            if origin == "w":
                arguments.append(seen[key][: len(self.universe)])
            elif origin == "o":
                arguments.append(float(seen[key[1]][key[0]]))
            elif origin == "s":
                arguments.append(float(state.get(key, math.nan)))
            else:
                arguments.append({"t": time, "h": held, "k": self.parameters}[origin][key])
        with np.errstate(all="ignore"):
            said, *after = (function or self._function)(*arguments)
        return Decision(None if said is None else target_weights(said), kept_state(self.rebalance.state, after))

    def with_parameters(self, **values: float) -> PortfolioStrategy:
        """The same strategy with other values of some constants.

        Raises:
            StrategyError: if a name is not a constant of the strategy, or a value does not fit where it is used.
        """
        return _build(self.source, self._module, self._parameters_with(values), Findings())

    def _cost_over(self, window: int, most: int = MAX_DECISION_NANOSECONDS) -> Cost:
        size = len(without_comments(self.source).encode())
        one = cost_of(self._nodes, window)
        nanoseconds = len(self.symbols) * one.nanoseconds + self.decision_nanoseconds
        if nanoseconds > most:
            message = (
                f"a decision costs {nanoseconds / 1e6:,.3g} ms over {len(self.symbols)} symbols; "
                f"{most / 1e6:g} ms are allowed"
            )
            raise too_large(message, "Use fewer symbols, shorter lengths or fewer indicators")
        return Cost(self.operations, len(self.symbols) * one.cells, size, nanoseconds)


def _of_symbol(argument: str) -> tuple[int, str]:
    """The place of a symbol and the name of its column, of an argument such as `o_12_close`."""
    place, _, name = argument[2:].partition("_")
    return int(place), name


def is_portfolio(source: str) -> bool:
    """Returns whether a source is that of a portfolio strategy: it has `rebalance` and no `on_bar`.

    Raises:
        StrategyError: if it is not Python, or larger than a strategy may be.
    """
    names = {each.name for each in parse(source).body if isinstance(each, ast.FunctionDef)}
    return "rebalance" in names and "on_bar" not in names


def compile_portfolio(source: str) -> PortfolioStrategy:
    """Checks the source of a portfolio strategy and compiles it.

    Raises:
        StrategyError: with every finding at once, if any part of the source is not in the language.
    """
    tree = parse(source)
    findings = Findings()
    module = read_portfolio(tree, findings)
    if module is None:
        findings.raise_if_any()
    assert module is not None
    strategy = _build(source, module, module.module.parameters, findings)
    check_runs_as_python(tree)
    return strategy


def compile_any(source: str) -> Strategy | PortfolioStrategy:
    """Compiles a strategy of one symbol or of a portfolio, by what its source has.

    Raises:
        StrategyError: with every finding at once, if any part of the source is not in the language.
    """
    return compile_portfolio(source) if is_portfolio(source) else compile_strategy(source)


def _build(source: str, read: PortfolioModule, parameters: dict[str, float], findings: Findings) -> PortfolioStrategy:
    module, universe = read.module, read.universe
    others = LookedAt(most=None, resampled=False)
    columns, returned = compile_indicators(module, parameters, findings, others)
    symbols = [*universe, *sorted(others.symbols - {*universe})]
    writer = RebalanceCompiler(parameters, columns, findings, returned, symbols, len(universe))
    rebalance = writer.compile(module.on_bar)
    check_together(module.on_bar, symbols, findings)
    check_graph(module, columns, findings)
    findings.raise_if_any()
    operations = _operations(rebalance, module.on_bar, findings)
    findings.raise_if_any()
    return PortfolioStrategy(
        source, parameters, columns, universe, tuple(symbols), read.schedule, rebalance, operations, read
    )


# Other values of the constants give the same text.
@lru_cache(maxsize=64)
def _compiled(text: str) -> Callable[..., tuple[Any, ...]]:
    return compile_text(text, KERNELS)


def _operations(rebalance: OnBar, place: ast.AST, findings: Findings) -> int:
    """Compiles what will run, now and not at the first decision; gives its operations."""
    operations, too_deep = 0, rebalance.parentheses > MAX_PARENTHESES
    if not too_deep:
        try:
            _compiled(rebalance.text)
            operations = count_operations(ast.parse(rebalance.text).body, {})
        except (SyntaxError, RecursionError, MemoryError):
            too_deep = True
    if too_deep:
        findings.add(place, Code.TOO_LARGE, "rebalance is nested too deeply", "Keep parts of long expressions in names")
    if operations > MAX_OPERATIONS:
        message = f"rebalance takes {operations:,} operations; {MAX_OPERATIONS:,} are allowed"
        findings.add(place, Code.TOO_LARGE, message, "Compute less, or in indicators")
    return operations
