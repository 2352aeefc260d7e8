"""The rules of `on_bar` on one bar, with the numbers they compare: why a strategy buys, sells, or does neither.

A traced evaluation is the strategy's own code with calls that take notes of its conditions: what it decides is what `run_last_bar` decides.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Literal, cast

from stratforge.strategy.compiler import Strategy
from stratforge.strategy.evaluation import Evaluation, PositionView, Runnable, evaluate_last_bar, run_last_bar
from stratforge.strategy.exits import OWN_KEYS
from stratforge.strategy.graph import Values
from stratforge.strategy.on_bar_compiler import (
    OnBar,
    OnBarCompiler,
    compile_text,
)
from stratforge.strategy.on_bar_expressions import Kind, Piece, Scope, is_signal, written_key
from stratforge.strategy.source import Findings
from stratforge.strategy.trees import walk

# Of a program with more, the first rules and the innermost conditions are told; of a long comparison its beginning.
_MAX_RULES, _MAX_CONDITIONS, _MAX_OPERANDS, _MAX_TEXT = 40, 24, 6, 300
_CHANGING = re.compile(r"\b[us]_\w+")
Tests = tuple[tuple[ast.expr, bool], ...]
_Side = Literal["buy", "sell", "short", "cover"]


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison.

    Attributes:
        text: As the strategy's code has it.
        value: Its number on the bar; None where it is unknown.
    """

    text: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that a rule depends on, as it stands on the bar.

    Attributes:
        text: As the strategy's code has it.
        line: Its line in the code.
        wanted: What it must be for the rule to be met: false for what follows an `else`.
        holds: What it is; None where the code did not come to it and it depends on what was not computed.
        alternative: Whether it is one of several of which one is enough (`or`).
        operands: What it compares, with their numbers; constants written out are left out.
        apart: How far apart the two sides of a comparison are, as a fraction of the larger, numbers written out among them; None where it compares no two
            numbers that are known.
        since: The first of the bars, up to this one, on which it has stood so without a break; None where earlier bars were not looked at.
    """

    text: str
    line: int
    wanted: bool
    holds: bool | None
    alternative: bool
    operands: list[Operand]
    apart: float | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A place in the code that returns a signal, with everything that must hold to come to it.

    Attributes:
        side: The side of the signal.
        line: Its line in the code.
        met: Whether all its conditions are as wanted; None where that is not known, or where a loop decides whether the code comes to it.
        fired: Whether it gave the bar's signal. An earlier rule that is met comes first; one without a size that can be traded gives none.
        conditions: The conditions from the outermost to the innermost.
    """

    side: _Side
    line: int
    met: bool | None
    fired: bool
    conditions: list[Condition]


@dataclass(frozen=True, slots=True)
class Trace:
    """The rules of a strategy on one bar, and what it decided."""

    evaluation: Evaluation
    rules: list[Rule]


class Traced:
    """A strategy compiled with calls that take notes of its conditions."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy, self._compiler, self._notes = strategy, _Tracer(strategy), Notes()
        self._runnable: Runnable | None = None
        try:
            on_bar = self._compiler.compile(strategy.on_bar_tree)
            function = compile_text(on_bar.text, self._notes.functions())
        except (SyntaxError, RecursionError, MemoryError):
            # So deep that notes do not fit between its parentheses.
            return
        self._runnable = Runnable(replace(strategy, on_bar=on_bar).argument_plan, function, on_bar.state)

    def last_bar(self, values: Values, position: PositionView, state: dict[str, float]) -> Trace:
        """Runs `on_bar` on the last of the bars that `values` covers and says which of its conditions hold.

        Args:
            values: Indicator values over a window of at least the strategy's `lookback` bars.
            position: The session's position.
            state: The state the bar before left.
        """
        if self._runnable is None:
            return Trace(evaluate_last_bar(self._strategy, values, position, state), [])
        self._notes.forget()
        evaluation = run_last_bar(self._runnable, values, position, state)
        places, signals = range(len(self._compiler.paths)), evaluation.signal is not None
        return Trace(evaluation, [_rule(number, self._compiler, self._notes, signals) for number in places])


@dataclass(frozen=True, slots=True)
class Path:
    """A returned result and the tests on the way to it, each with what it must be; whether it stands in a loop."""

    node: ast.expr
    tests: Tests
    in_loop: bool


class Notes:
    """The notes of what a traced run came to, by the number of the place."""

    def __init__(self) -> None:
        self.truths: dict[int, bool] = {}
        self.numbers: dict[int, tuple[float, ...]] = {}
        self.fired: set[int] = set()

    def functions(self) -> dict[str, Callable[..., Any]]:
        """The calls that a traced code takes its notes with, by the names that it has for them."""
        return {"note_truth": self._truth, "note_number": self._number, "note_fired": self.fired.add}

    def forget(self) -> None:
        """Begins anew, with no notes."""
        for notes in (self.truths, self.numbers, self.fired):
            notes.clear()

    def _truth(self, place: int, truth: bool, *numbers: float) -> bool:
        self.truths[place] = bool(truth)
        if numbers:
            self.numbers[place] = numbers
        return truth

    def _number(self, place: int, number: float) -> float:
        self.truths[place] = abs(number) > 0.0
        self.numbers[place] = (number,)
        return number


class Noting(OnBarCompiler):
    """Writes a function with a note of each condition, and one beforehand of those that depend on nothing computed on the way."""

    def prepare(self, function: ast.FunctionDef, is_result: Callable[[ast.expr], bool]) -> None:
        """Looks for the results that a function returns, and for all that they depend on."""
        self.paths = list(islice(_paths(function.body, (), False, is_result), _MAX_RULES))
        self._written = OWN_KEYS | {key for node in walk(function) if (key := written_key(node)) is not None}
        self._conditions: dict[int, tuple[str, list[str]]] = {}
        tests = [test for path in self.paths for test, _ in path.tests]
        self.tests = {id(test) for test in tests}
        self.conditions = {id(leaf) for test in tests for leaf, _ in _leaves(test)}
        self.places = {key: place for place, key in enumerate(self.tests | self.conditions)}
        self._results = {id(each.node): number for number, each in enumerate(self.paths)}
        self.beforehand: list[str] = []

    def compile(self, function: ast.FunctionDef) -> OnBar:
        """The traced function of numbers that `function` means."""
        on_bar = super().compile(function)
        return replace(on_bar, body=(*self.beforehand, *on_bar.body))

    def operands(self, node: ast.expr) -> list[ast.expr]:
        """The sides of a comparison, or the one number that stands for a truth."""
        inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else node
        if not isinstance(inner, ast.Compare):
            return []
        if any(isinstance(each, ast.In | ast.NotIn | ast.Is | ast.IsNot) for each in inner.ops):
            return []
        return [inner.left, *inner.comparators]

    def _expression(self, node: ast.expr, scope: Scope) -> Piece:
        piece = super()._expression(node, scope)
        return self._noted(node, piece, scope) if id(node) in self.conditions else piece

    def _truth(self, node: ast.expr, scope: Scope) -> str:
        text = super()._truth(node, scope)
        if id(node) not in self.tests or id(node) in self.conditions:
            return text
        return self._noted(node, Piece(text, "truth"), scope).text

    def _noted(self, node: ast.expr, piece: Piece, scope: Scope) -> Piece:
        place = self.places[id(node)]
        kind: Kind = "truth" if piece.kind == "truth" else "number"
        numbers = "".join(f", {self._number(each, scope)}" for each in self.operands(node))
        text = f"note_{kind}({place}, {piece.text}{numbers if kind == 'truth' else ''})"
        self.tell_beforehand(text)
        return Piece(text, kind)

    def tell_beforehand(self, text: str) -> None:
        """Has a note taken before the function begins, unless what is noted comes of it: locals have no value yet there, and keys that it writes another one."""
        if not any(name[0] == "u" or name[2:] in self._written for name in _CHANGING.findall(text)):
            self.beforehand.append(text)

    def words(self, leaf: ast.expr) -> tuple[str, list[str]]:
        """The text of a condition and of its sides, as the code has them; nothing for a side that is a number written out."""
        if id(leaf) not in self._conditions:
            sides = [
                "" if _is_number(each) else text_of(each) for each in (self.operands(leaf) or [leaf])[:_MAX_OPERANDS]
            ]
            self._conditions[id(leaf)] = text_of(leaf), sides
        return self._conditions[id(leaf)]

    def _returned(self, node: ast.expr | None, scope: Scope) -> None:
        if id(node) in self._results:
            self._emit(f"note_fired({self._results[id(node)]})")
        super()._returned(node, scope)


class _Tracer(Noting):
    """Writes `on_bar` with its notes."""

    def __init__(self, strategy: Strategy) -> None:
        super().__init__(strategy.parameters, strategy.columns, Findings())
        self.prepare(strategy.on_bar_tree, _is_signal)


def _is_signal(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and is_signal(node)


def _leaves(test: ast.expr, alternative: bool = False) -> Iterator[tuple[ast.expr, bool]]:
    """The conditions that a test joins by `and` and `or`, each with whether one of several is enough."""
    if isinstance(test, ast.BoolOp):
        for each in test.values:
            yield from _leaves(each, alternative or isinstance(test.op, ast.Or))
    else:
        yield test, alternative


def _paths(
    statements: list[ast.stmt], tests: Tests, in_loop: bool, is_result: Callable[[ast.expr], bool]
) -> Iterator[Path]:
    for each in statements:
        if isinstance(each, ast.If):
            yield from _paths(each.body, (*tests, (each.test, True)), in_loop, is_result)
            yield from _paths(each.orelse, (*tests, (each.test, False)), in_loop, is_result)
            # What ends without a result lets nobody come to what follows; what ends with one is an earlier rule.
            if _ends_without(each.body, is_result):
                tests = (*tests, (each.test, False))
            elif _ends_without(each.orelse, is_result):
                tests = (*tests, (each.test, True))
        elif isinstance(each, ast.For):
            yield from _paths(each.body, tests, True, is_result)
        elif isinstance(each, ast.Return):
            yield from _returned(each.value, tests, in_loop, is_result)
        if isinstance(each, ast.Return | ast.Break | ast.Continue):
            return


def _ends_without(statements: list[ast.stmt], is_result: Callable[[ast.expr], bool]) -> bool:
    parts = (node for each in statements for node in walk(each) if isinstance(node, ast.expr))
    return bool(statements) and isinstance(statements[-1], ast.Return) and not any(map(is_result, parts))


def _returned(
    node: ast.expr | None, tests: Tests, in_loop: bool, is_result: Callable[[ast.expr], bool]
) -> Iterator[Path]:
    if isinstance(node, ast.IfExp):
        yield from _returned(node.body, (*tests, (node.test, True)), in_loop, is_result)
        yield from _returned(node.orelse, (*tests, (node.test, False)), in_loop, is_result)
    elif node is not None and is_result(node):
        yield Path(node, tests, in_loop)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Constant)


def text_of(node: ast.expr) -> str:
    """An expression as the code has it; of a long one the beginning."""
    text = ast.unparse(node)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def _rule(number: int, compiler: Noting, notes: Notes, signals: bool) -> Rule:
    node = compiler.paths[number].node
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    met, conditions = way_to(number, compiler, notes)
    return Rule(cast("_Side", node.func.id), node.lineno, met, number in notes.fired and signals, conditions)


def way_to(number: int, compiler: Noting, notes: Notes) -> tuple[bool | None, list[Condition]]:
    """Tells the way to a result: whether all that must hold does, None where that is not known; and each condition, from the outermost to the innermost."""
    path = compiler.paths[number]
    truths = [(notes.truths.get(compiler.places[id(test)]), wanted) for test, wanted in path.tests]
    met: bool | None = True
    if any(truth is not None and truth != wanted for truth, wanted in truths):
        met = False
    elif number not in notes.fired and (path.in_loop or not notes.fired or any(truth is None for truth, _ in truths)):
        met = None
    leaves = [(leaf, alternative, wanted) for test, wanted in path.tests for leaf, alternative in _leaves(test)]
    return met, [
        _condition(leaf, alternative, wanted, compiler, notes)
        for leaf, alternative, wanted in leaves[-_MAX_CONDITIONS:]
    ]


def _condition(leaf: ast.expr, alternative: bool, wanted: bool, compiler: Noting, notes: Notes) -> Condition:
    place = compiler.places[id(leaf)]
    text, sides = compiler.words(leaf)
    numbers = notes.numbers.get(place, ())
    operands = [
        Operand(side, number if math.isfinite(number) else None)
        for side, number in zip(sides, numbers, strict=False)
        if side
    ]
    apart = _apart(*numbers) if len(numbers) == len(sides) == 2 else None
    return Condition(text, leaf.lineno, wanted, notes.truths.get(place), alternative, operands, apart)


def _apart(one: float, other: float) -> float | None:
    if not (math.isfinite(one) and math.isfinite(other)):
        return None
    larger = max(abs(one), abs(other))
    return abs(one - other) / larger if larger else 0.0
