"""`explain`: the rules of a strategy in words, from its code alone.

Nothing of the code is left out: what has no words is told as the code has it, and of code that would take too many words the code itself is the one rule.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stratforge.strategy.compiler import Strategy
from stratforge.strategy.explanation.columns import frame
from stratforge.strategy.explanation.decisions import Decisions, Does, ExplainedRule, Lines
from stratforge.strategy.explanation.expressions import Expressions
from stratforge.strategy.explanation.portfolio import OverSymbols, Weights
from stratforge.strategy.explanation.wording import Budget, TooLong, number
from stratforge.strategy.rotation import PortfolioStrategy
from stratforge.strategy.trees import walk


def explain(strategy: Strategy | PortfolioStrategy) -> list[ExplainedRule]:
    """The rules of a strategy in words, in the order in which its code comes to them.

    The same code with the same values of its constants gives the same rules. The first rule that decides ends the bar; conditions are as they stand where
    the code asks for them, and comparisons with what is unknown are false, as everywhere in the language.
    """
    assigned = [each for each in ast.parse(strategy.source).body if isinstance(each, ast.Assign)]
    settings, constants = list(_settings(strategy, assigned)), _lines_of_constants(assigned)
    lines = Lines(constants, _lines_of_columns(strategy.indicators_tree, constants))
    try:
        return [*settings, *_rules(strategy, lines), *_unused(strategy, lines)]
    except TooLong:
        source = strategy.source
        values = ", ".join(f"{name} = {number(value)}" for name, value in strategy.parameters.items())
        what = f"do what the code says{f', with {values}' if values else ''}: {source}"
        whole = tuple(range(1, source.count("\n") + 2))
        return [*settings, ExplainedRule("notes", what, "", 1, whole, whole)]


def _rules(strategy: Strategy | PortfolioStrategy, lines: Lines) -> Iterator[ExplainedRule]:
    budget = Budget()
    if isinstance(strategy, PortfolioStrategy):
        over = OverSymbols(strategy.parameters, strategy.columns, budget)
        yield from Weights(strategy.rebalance_tree, over, lines).rules()
    else:
        words = Expressions(strategy.parameters, strategy.columns, budget, shorts=strategy.shorts)
        yield from Decisions(strategy.on_bar_tree, words, lines).rules()


def _settings(strategy: Strategy | PortfolioStrategy, assigned: Sequence[ast.Assign]) -> Iterator[ExplainedRule]:
    """What holds for the whole strategy: its bars, or its symbols and when it decides about them."""
    places = {
        each.targets[0].id: tuple(range(each.lineno, (each.end_lineno or each.lineno) + 1))
        for each in assigned
        if isinstance(each.targets[0], ast.Name)
    }
    if isinstance(strategy, PortfolioStrategy):
        yield _setting(f"hold among {', '.join(strategy.universe)}", places.get("UNIVERSE", (1,)))
        yield _setting(f"decide {strategy.schedule}", places.get("SCHEDULE", (1,)))
    elif strategy.timeframe is not None:
        yield _setting(f"decide on {frame(strategy.timeframe)}", places.get("TIMEFRAME", (1,)))


def _setting(what: str, lines: Iterable[int], does: Does = "setting") -> ExplainedRule:
    first, *rest = sorted(lines)
    return ExplainedRule(does, what, "", first, (first, *rest), (first, *rest))


def _unused(strategy: Strategy | PortfolioStrategy, lines: Lines) -> Iterator[ExplainedRule]:
    """Constants and columns that decide nothing: they are said too, so that nobody takes them for something that does."""
    function = strategy.rebalance_tree if isinstance(strategy, PortfolioStrategy) else strategy.on_bar_tree
    trees = [each for each in (function, strategy.indicators_tree) if each is not None]
    nodes = [node for tree in trees for node in walk(tree)]
    names = {each.id for each in nodes if isinstance(each, ast.Name)}
    fields = {each.attr for each in walk(function) if isinstance(each, ast.Attribute)}
    for name, value in strategy.parameters.items():
        if name not in names:
            yield _setting(f"{name} = {number(value)} is not used", lines.constants.get(name, {1}), "unused")
    for name in strategy.columns:
        if name not in fields:
            yield _setting(f"the column `{name}` is not used", lines.columns.get(name, {1}), "unused")


def _lines_of_constants(assigned: Sequence[ast.Assign]) -> dict[str, frozenset[int]]:
    found = dict[str, frozenset[int]]()
    for each in assigned:
        target = each.targets[0]
        for name in target.elts if isinstance(target, ast.Tuple) else [target]:
            if isinstance(name, ast.Name):
                found[name.id] = frozenset({each.lineno})
    return found


def _lines_of_columns(
    function: ast.FunctionDef | None, constants: Mapping[str, frozenset[int]]
) -> dict[str, frozenset[int]]:
    """The lines that have a part in each column: names that it is made of, and constants, included."""
    lines, found = Lines(constants, {}), dict[str, frozenset[int]]()
    for each in [] if function is None else function.body:
        if isinstance(each, ast.Assign | ast.AugAssign):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            for name in {one.id for target in targets for one in walk(target) if isinstance(one, ast.Name)}:
                before = lines.names.get(name, frozenset()) if isinstance(each, ast.AugAssign) else frozenset()
                lines.names[name] = before | lines.of(each.value) | {each.lineno}
        elif isinstance(each, ast.Return) and isinstance(each.value, ast.Dict):
            for key, value in zip(each.value.keys, each.value.values, strict=True):
                if isinstance(key, ast.Constant):
                    found[str(key.value)] = lines.of(value) | {key.lineno}
    return found
