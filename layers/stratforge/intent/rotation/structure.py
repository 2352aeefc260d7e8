"""Compares the material of a portfolio strategy with that of its rules: columns, numbers, symbols; a thing that only one of them has is found without any trial.

The language is closed: of everything that code can look at the compiler knows the name. Rules look at prices of symbols and at numbers of their own, and
decide something every time; so code that looks at the account, the clock or its own memory, at other numbers, prices or symbols, or that at times leaves
everything as it is, is not what the rules say, however rarely it matters.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from dataclasses import dataclass

from stratforge.market.columns import PRICE_COLUMNS
from stratforge.strategy.graph import Node, reachable
from stratforge.strategy.rotation import PortfolioStrategy

_DIGITS = 9
# Of these nodes an argument is a place and no number of the strategy.
_PLACES = ("field", "output")
_LOOKS = {"t": "universe.time", "h": "portfolio"}
# Nothing is told apart by them: what is known, what is above nothing, the change from one bar to the next.
_PLAIN = frozenset({0.0, 1.0})
_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class Made:
    """The material of a portfolio strategy: all that it looks at, and its numbers.

    Attributes:
        looks: What it looks at beside prices: fields of the time and of the account, and its memory.
        prices: The columns of bars.
        symbols: Those that it looks at by their names.
        lengths: The numbers of its columns, without signs.
        numbers: Those of `rebalance`, without signs; weights as they are traded.
        idles: Whether it can leave everything as it is.
    """

    looks: frozenset[str]
    prices: frozenset[str]
    symbols: frozenset[str]
    lengths: frozenset[float]
    numbers: frozenset[float]
    idles: bool

    @classmethod
    def of(cls, strategy: PortfolioStrategy) -> Made:
        """Takes a compiled strategy apart, into the things it looks at and its numbers."""
        nodes = reachable(strategy.columns[name] for name in strategy.read if name in strategy.columns)
        tree = ast.parse(strategy.rebalance.text)
        looks = {f"{_LOOKS[name[0]]}.{name[2:]}" for name in strategy.rebalance.arguments if name[0] in _LOOKS}
        looks |= {f'state["{key}"]' for key in strategy.rebalance.state}
        prices = {name for name in strategy.read if name in PRICE_COLUMNS and name not in strategy.columns}
        prices |= {each.operation.removeprefix("column:") for each in nodes if each.operation.startswith("column:")}
        looked = {int(name.split("_")[1]) for name in strategy.rebalance.arguments if name[0] == "o"}
        symbols = {strategy.symbols[place] for place in looked} | set(strategy.symbols[len(strategy.universe) :])
        constants = {
            value for name, value in strategy.parameters.items() if f"k_{name}" in strategy.rebalance.arguments
        }
        return cls(
            frozenset(looks),
            frozenset(prices),
            frozenset(symbols),
            frozenset(_lengths(nodes)),
            frozenset(map(_plain, [*_numbers(tree), *constants])),
            any(isinstance(each, ast.Return) and _is_nothing(each.value) for each in ast.walk(tree)),
        )

    @property
    def all_numbers(self) -> frozenset[float]:
        """Those of its columns and those of `rebalance`."""
        return self.lengths | self.numbers


def difference(strategy: PortfolioStrategy, reference: PortfolioStrategy) -> str | None:
    """The first thing that only the code has, or only what its rules are; None where both are made of the same.

    Args:
        strategy: The code.
        reference: What its rules are.
    """
    code, rules = Made.of(strategy), Made.of(reference)
    if extra := sorted(code.looks - rules.looks):
        return f"No rule looks at {', '.join(extra)}, and the code does: the rules are about prices alone."
    if code.idles and not rules.idles:
        return "At times the code returns nothing, which leaves what is held as it is, and no rule says that: return weights or cash()."
    for what, mine, theirs in (
        ("the prices", code.prices - {"close"}, rules.prices - {"close"}),
        ("the symbols by their names", code.symbols, rules.symbols),
    ):
        if extra := sorted(mine - theirs):
            return f"Of {what} the code reads {', '.join(extra)}, and no rule does."
        if lost := sorted(theirs - mine):
            return f"Of {what} the rules read {', '.join(lost)}, and the code does not."
    return _other_numbers(code, rules)


def _other_numbers(code: Made, rules: Made) -> str | None:
    known = rules.all_numbers | _PLAIN
    if _PERCENT in code.all_numbers:
        # Percent in the code, parts in the rules.
        known |= {_plain(_PERCENT * each) for each in rules.all_numbers}
    extra = sorted((code.numbers - known) | (code.lengths - known - {_PERCENT}))
    if extra:
        return f"The code has the number {', '.join(f'{each:g}' for each in extra)}, and no rule has: the code does something else than the rules say."
    has = code.all_numbers | _PLAIN | ({_plain(each / _PERCENT) for each in code.all_numbers} if _PERCENT in code.all_numbers else set())  # fmt: skip
    lost = sorted(rules.all_numbers - has)
    return (
        f"The rules have the number {', '.join(f'{each:g}' for each in lost)}, and the code has not." if lost else None
    )


def _plain(number: float) -> float:
    return round(abs(float(number)), _DIGITS)


def _lengths(nodes: Iterable[Node]) -> set[float]:
    return {
        _plain(each)
        for node in nodes
        if node.operation not in _PLACES
        for each in node.arguments
        if isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each)
    }


def _numbers(node: ast.AST) -> list[float]:
    """The numbers of a function as the compiler wrote it; of weights that are written out those that are traded."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "weights_placed":
        pairs = [each.elts[1] for each in node.args[1:] if isinstance(each, ast.Tuple)]
        weights = [number for each in pairs for number in _numbers(each)]
        # Whatever is computed has its numbers as they are.
        whole = max(sum(weights), 1.0) if all(isinstance(each, ast.Constant) for each in pairs) else 1.0
        return [each / whole for each in weights]
    if isinstance(node, ast.Constant):
        value = node.value
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            # What is not known is written as a difference of infinities.
            return []
        return [float(value)]
    return [number for each in ast.iter_child_nodes(node) for number in _numbers(each)]


def _is_nothing(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Tuple) and value.elts:
        value = value.elts[0]
    return value is None or (isinstance(value, ast.Constant) and value.value is None)
