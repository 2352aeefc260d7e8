"""A decision of `rebalance` with all that it compared, ranked and chose: why a portfolio is what it is.

A traced decision is the strategy's own code with calls that take notes: what it decides is what `PortfolioStrategy.decide` decides.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from stratforge.strategy.on_bar_compiler import OnBar, compile_text
from stratforge.strategy.on_bar_expressions import Piece, Scope
from stratforge.strategy.reach import Floats
from stratforge.strategy.rotation.compiler import RebalanceCompiler
from stratforge.strategy.rotation.cross_sections import KERNELS, in_order
from stratforge.strategy.rotation.expressions import is_column
from stratforge.strategy.rotation.seen import Seen, decide_on
from stratforge.strategy.rotation.strategy import Decision, PortfolioStrategy
from stratforge.strategy.source import Findings
from stratforge.strategy.trace import Condition, Notes, Noting, text_of, way_to

StepKind = Literal["value", "condition", "choice", "rank", "weights"]
# Of code with more steps the first are told, and so many characters are computed beforehand.
_MAX_STEPS, _MAX_BEFOREHAND = 24, 100_000
# What chooses, and the sign with which the first of its order is the smallest.
_CHOOSES = {"top": -1.0, "bottom": 1.0}


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """A price or an indicator that the code reads.

    Attributes:
        name: As the strategy calls it.
        values: Its number for each symbol, those that are only looked at after those of the universe; None where it is not known.
    """

    name: str
    values: list[float | None]


@dataclass(frozen=True, slots=True)
class Step:
    """A column that `rebalance` computed: a number for each symbol of the universe.

    Attributes:
        kind: A `condition` holds (1) or does not (0), a `choice` takes (1) or leaves (0), a `rank` counts from 1, `weights` are parts of the equity,
            and a `value` is any other number.
        text: As the strategy's code has it.
        name: The name under which the code keeps it; empty where it has none.
        line: Its line in the code.
        reached: Whether the code came to it; otherwise it is told as it would have been.
        values: Its number for each symbol; None where it is not known.
        ranks: Of a choice, the place of each symbol among those that it chose from, the first of all 1; None for those that it did not choose from.
            Of everything else nothing.
    """

    kind: StepKind
    text: str
    name: str
    line: int
    reached: bool
    values: list[float | None]
    ranks: list[int | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A place in the code that returns weights, or returns and changes nothing, with everything that must hold to come to it.

    Attributes:
        text: What it returns, as the code has it; empty where it changes nothing.
        line: Its line in the code.
        met: Whether all its conditions are as wanted; None where that is not known. An earlier one that is met comes first.
        fired: Whether it is what was returned.
        conditions: The conditions from the outermost to the innermost.
    """

    text: str
    line: int
    met: bool | None
    fired: bool
    conditions: list[Condition]


@dataclass(frozen=True, slots=True)
class PortfolioTrace:
    """A decision with what led to it.

    Attributes:
        decision: What was decided.
        outcomes: What might have been returned, in the order of the code.
        read: The columns that the code reads.
        steps: What it computed of them, in the order of the code.
    """

    decision: Decision
    outcomes: list[Outcome]
    read: list[ReadColumn]
    steps: list[Step]


def trace_decision(
    strategy: PortfolioStrategy,
    seen: Seen,
    weights: Floats,
    equity: float,
    cash: float,
    state: Mapping[str, float],
    index: int = 0,
) -> PortfolioTrace:
    """Takes the decision number `index` of those that were seen, as `decide_on` does, and says what led to it."""
    read = [ReadColumn(name, _listed(table[index])) for name, table in seen.values.items()]
    notes = _Notes()
    try:
        compiler = _Tracer(strategy)
        rebalance = compiler.compile(compiler.function)
        function = compile_text(rebalance.text, {**KERNELS, **notes.functions()})
    except (SyntaxError, RecursionError, MemoryError):
        # So deep that notes do not fit between its parentheses.
        return PortfolioTrace(decide_on(strategy, seen, weights, equity, cash, state, index), [], read, [])
    noting = replace(strategy, rebalance=rebalance)
    decision = noting.decide(*seen.by(index), weights, equity, cash, state, function)
    return PortfolioTrace(decision, list(_outcomes(compiler, notes)), read, list(_steps(compiler, notes)))


class _Notes(Notes):
    """The notes of a traced decision, columns included."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: dict[int, Floats] = {}
        self.orders: dict[int, list[int]] = {}
        self.reached: set[int] = set()

    def functions(self) -> dict[str, Callable[..., Any]]:
        columns: dict[str, Callable[..., Any]] = {
            "note_column": self._column,
            "note_choice": self._choice,
            "note_begun": self.reached.clear,
        }
        return {**super().functions(), **columns}

    def _column(self, place: int, values: Floats) -> Floats:
        self.columns[place] = values
        self.reached.add(place)
        return values

    def _choice(self, place: int, chosen: Floats, sign: float, among: int, where: int | None) -> Floats:
        condition = None if where is None else self.columns[where]
        self.orders[place] = in_order(sign * self.columns[among], condition).tolist()
        return self._column(place, chosen)


@dataclass(slots=True)
class _Noted:
    """A place in the code whose column is noted: what it is, the name that it is kept under, and whether it is told or only needed for what is."""

    node: ast.expr
    kind: StepKind
    name: str = ""
    told: bool = True


class _Tracer(Noting, RebalanceCompiler):
    """Writes `rebalance` with a note of each condition and column, and one beforehand of those that depend on nothing computed on the way."""

    def __init__(self, strategy: PortfolioStrategy) -> None:
        symbols, universe = list(strategy.symbols), len(strategy.universe)
        super().__init__(strategy.parameters, strategy.columns, Findings(), None, symbols, universe)
        self.function = _returning(strategy.rebalance_tree)
        self.prepare(self.function, lambda _node: True)
        self.noted = {id(each.node): each for each in _columns_of(self.function)}
        self.columns_at = {key: place for place, key in enumerate(self.noted)}

    def compile(self, function: ast.FunctionDef) -> OnBar:
        """The traced function of numbers and columns that `function` means."""
        rebalance = RebalanceCompiler.compile(self, function)
        return replace(rebalance, body=(*self.beforehand, "note_begun()", *rebalance.body))

    def _expression(self, node: ast.expr, scope: Scope) -> Piece:
        known = self._read.get(id(node))
        if known is not None:
            return known[1]
        piece = super()._expression(node, scope)
        if id(node) in self.noted and is_column(piece):
            piece = self._noted_column(node, piece)
        # Whoever asks again is given what takes the note: it is written once.
        self._read[id(node)] = (node, piece)
        return piece

    def _noted_column(self, node: ast.expr, piece: Piece) -> Piece:
        noted, place = self.noted[id(node)], self.columns_at[id(node)]
        if noted.kind == "value" and piece.kind == "condition":
            noted.kind = "condition"
        text = f"note_column({place}, {piece.text})"
        if noted.kind == "choice":
            among, where = (None if each is None else self.columns_at[id(each)] for each in _chosen_from(node))
            assert isinstance(node, ast.Call)
            assert isinstance(node.func, ast.Attribute)
            text = f"note_choice({place}, {piece.text}, {_CHOOSES[node.func.attr]}, {among}, {where})"
        if sum(map(len, self.beforehand)) + len(text) < _MAX_BEFOREHAND:
            self.tell_beforehand(text)
        return Piece(text, piece.kind)


def _chosen_from(node: ast.expr) -> tuple[ast.expr | None, ast.expr | None]:
    """The column that a call of `top` or `bottom` chooses from, and the condition that it asks for."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None, None
    named = (each.value for each in node.keywords if each.arg == "where")
    return node.func.value, node.args[1] if len(node.args) > 1 else next(named, None)


class _Returning(ast.NodeTransformer):
    """Gives every return an expression: one without changes nothing, as None does."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        """One return."""
        if node.value is None:
            node.value = ast.copy_location(ast.Constant(None), node)
        return node


def _returning(function: ast.FunctionDef) -> ast.FunctionDef:
    found: ast.FunctionDef = _Returning().visit(copy.deepcopy(function))
    return found


def _columns_of(function: ast.FunctionDef) -> Iterator[_Noted]:
    """The places of a function that may have columns worth telling, in the order in which they are computed."""
    found: dict[int, _Noted] = {}
    for statement in ast.walk(function):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            found[id(statement.value)] = _Noted(statement.value, "value", statement.targets[0].id)
        elif isinstance(statement, ast.Return):
            found |= {id(each): _Noted(each, "weights") for each in _branches(statement.value)}
    # The inner one first: what is kept under a name is what was computed for it.
    for node in _inside_out(function):
        kind = _kind(node)
        for part in _chosen_from(node) if kind == "choice" else ():
            if part is not None and id(part) not in found:
                found[id(part)] = _Noted(part, _kind(part) or "value")
        if kind is not None:
            found.setdefault(id(node), _Noted(node, kind)).kind = kind
    for node in _inside_out(function):
        if noted := found.get(id(node)):
            # What has a name of its own already is told by that.
            noted.told = not isinstance(node, ast.Attribute | ast.Name)
            yield noted


def _branches(node: ast.expr | None) -> Iterator[ast.expr]:
    if isinstance(node, ast.IfExp):
        yield from _branches(node.body)
        yield from _branches(node.orelse)
    elif node is not None:
        yield node


def _kind(node: ast.expr) -> StepKind | None:
    """The kind of a column that is told wherever it stands; None for one that is told only where it has a name."""
    if isinstance(node, ast.Compare):
        return "condition"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "weights":
            return "weights"
        return "choice" if node.func.attr in _CHOOSES else "rank" if node.func.attr == "rank" else None
    return None


def _inside_out(node: ast.AST) -> Iterator[ast.expr]:
    for each in ast.iter_child_nodes(node):
        yield from _inside_out(each)
    if isinstance(node, ast.expr):
        yield node


def _outcomes(compiler: _Tracer, notes: _Notes) -> Iterator[Outcome]:
    for number, path in enumerate(compiler.paths):
        met, conditions = way_to(number, compiler, notes)
        nothing = isinstance(path.node, ast.Constant) and path.node.value is None
        text = "" if nothing else text_of(path.node)
        yield Outcome(text, path.node.lineno, met, number in notes.fired, conditions)


def _steps(compiler: _Tracer, notes: _Notes) -> Iterator[Step]:
    told: list[Step] = []
    for key, place in compiler.columns_at.items():
        noted = compiler.noted[key]
        if not noted.told or place not in notes.columns or len(told) == _MAX_STEPS:
            continue
        values = _listed(notes.columns[place])
        ranks: list[int | None] = [None] * len(values) if place in notes.orders else []
        for rank, at in enumerate(notes.orders.get(place, ()), start=1):
            ranks[at] = rank
        text, reached = text_of(noted.node), place in notes.reached
        step = Step(noted.kind, text, noted.name, noted.node.lineno, reached, values, ranks)
        # A helper's expression stands wherever it is called.
        if not any((each.text, each.values) == (text, values) for each in told):
            told.append(step)
            yield step


def _listed(column: Floats) -> list[float | None]:
    return [float(each) if np.isfinite(each) else None for each in column]
