"""Reads a strategy's program from its syntax tree: the comparisons on its lines, with constants folded, and the
conditions of its buys and sells."""

from __future__ import annotations

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from stratforge.strategy.source import inlined, literal_number
from stratforge.strategy.trees import children, walk

_FRAME = re.compile(r"(\d+)(min|h|d)")
_MINUTES = {"min": 1, "h": 60, "d": 1440}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison that a purchase or a sale depends on.

    Attributes:
        values: The numbers in it, constants folded, those of the columns it uses included.
    """

    left: str
    right: str
    values: frozenset[float]


class Program:
    """A compiled strategy's source, ready for questions about it. Nobody changes its tree: `program_of` gives the same one to all who ask."""

    def __init__(self, source: str) -> None:
        self.tree = inlined(ast.parse(source))
        self.lines = source.split("\n")
        self.constants = constants_of(self.tree)
        self._columns = _columns(self.tree)
        self._values_of: dict[ast.AST, set[float]] = {}

    @cached_property
    def _by_line(self) -> dict[int, list[ast.AST]]:
        found = defaultdict[int, list[ast.AST]](list)
        for node in walk(self.tree):
            found[getattr(node, "lineno", 0)].append(node)
        return found

    def _nodes_on(self, lines: list[int]) -> Iterator[ast.AST]:
        for line in lines:
            yield from self._by_line.get(line, ())

    def values_on(self, lines: list[int]) -> set[float]:
        """All numbers on these lines, with constants and the numbers of columns named there, and products of two (5 * 60)."""
        return {value for node in self._nodes_on(lines) for value in self._values(node)}

    def words_used(self, lines: list[int]) -> set[str]:
        """Names of fields, indicators, arguments and operators on these lines."""
        found: set[str] = set()
        for node in self._nodes_on(lines):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
            elif isinstance(node, ast.BoolOp):
                found.add("or" if isinstance(node.op, ast.Or) else "and")
            elif isinstance(node, ast.Not | ast.NotEq):
                found.add("not")
        return found

    def numbers_of(self, node: ast.AST) -> set[float]:
        """The numbers of an expression with their signs, each as far as constants can be folded."""
        value = literal_number(node, self.constants) if isinstance(node, ast.expr) else None
        if value is not None:
            return {value}
        return {number for each in children(node) for number in self.numbers_of(each)}

    @property
    def comparisons(self) -> Iterator[Comparison]:
        """The comparisons that `on_bar` tests before it buys or sells."""
        for function in self.tree.body:
            if isinstance(function, ast.FunctionDef) and function.name == "on_bar":
                for node in walk(function):
                    if isinstance(node, ast.If) and any(map(_trades, node.body)):
                        yield from self._of_test(node.test)

    def _of_test(self, test: ast.expr) -> Iterator[Comparison]:
        for node in walk(test):
            if isinstance(node, ast.Compare) and not isinstance(node.ops[0], ast.Is | ast.IsNot):
                for left, right in itertools.pairwise((node.left, *node.comparators)):
                    sides = ast.unparse(left), ast.unparse(right)
                    if "position.quantity" not in sides:
                        yield Comparison(*sides, frozenset(self._values(left) | self._values(right)))

    def _direct(self, node: ast.AST) -> set[float]:
        """The numbers of an expression itself, not of the columns it names."""
        found: set[float] = set()
        for each in walk(node):
            if isinstance(each, ast.Name) and each.id in self.constants:
                found.add(self.constants[each.id])
            elif isinstance(each, ast.Constant) and isinstance(each.value, str):
                # A timeframe, “5min” or “1h”, is its number, and its minutes.
                if frame := _FRAME.fullmatch(each.value):
                    found |= {float(frame[1]), float(frame[1]) * _MINUTES[frame[2]]}
            elif (
                isinstance(each, ast.Constant)
                and isinstance(each.value, int | float)
                and not isinstance(each.value, bool)
            ):
                found.add(float(each.value))
        return found | {-each for each in found}

    def _values(self, node: ast.AST) -> set[float]:
        if node not in self._values_of:
            self._values_of[node] = self._all_values(node)
        return self._values_of[node]

    def _all_values(self, node: ast.AST) -> set[float]:
        found = self._direct(node)
        for each in walk(node):
            if isinstance(each, ast.Attribute) and each.attr in self._columns:
                found |= self._direct(self._columns[each.attr])
            elif isinstance(each, ast.BinOp):
                value = literal_number(each, self.constants)
                if value is not None:
                    found |= {value, -value}
        return found


@lru_cache(32)
def program_of(source: str) -> Program:
    """The program of a source, the same for all who judge an answer."""
    return Program(source)


def _trades(statement: ast.stmt) -> bool:
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in ("buy", "sell")
        for each in walk(statement)
    )


def constants_of(tree: ast.Module) -> dict[str, float]:
    """The tunable numbers of a module, by their names."""
    found: dict[str, float] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                values = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
                for name, value in zip(names, values, strict=False):
                    number = literal_number(value)
                    if isinstance(name, ast.Name) and number is not None:
                        found[name.id] = number
    return found


def _columns(tree: ast.Module) -> dict[str, ast.AST]:
    """The expression of every column that `indicators` returns, local names followed once."""
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name == "indicators":
            local = {
                target.id: part.value
                for part in function.body
                if isinstance(part, ast.Assign)
                for target in part.targets
                if isinstance(target, ast.Name)
            }
            for part in function.body:
                if isinstance(part, ast.Return) and isinstance(part.value, ast.Dict):
                    return {
                        str(key.value): local.get(value.id, value) if isinstance(value, ast.Name) else value
                        for key, value in zip(part.value.keys, part.value.values, strict=True)
                        if isinstance(key, ast.Constant)
                    }
    return {}
