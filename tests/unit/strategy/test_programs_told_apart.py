"""Two programs that act differently are told differently, whatever order their statements stand in; and no number is told as a condition."""

from __future__ import annotations

import ast
import copy
import random

import pytest
from stratforge.strategy import PositionView, Strategy, StrategyError, compile_strategy, evaluate_last_bar
from stratforge.strategy.explanation import explain
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import _random_history
from stratforge.strategy.rotation import compile_portfolio

from tests.support.tiers import one_of

BARS = Values(_random_history(1, 60, 0.01, 20.0))
KEYS = ("a", "b", "c")


def strategy(body: str, columns: str = "") -> Strategy:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    head = f"def indicators(bars):\n    return {{{columns}}}\n" if columns else ""
    return compile_strategy(f"{head}def on_bar(bar, position, state):\n{lines}")


def said(program: Strategy) -> list[str]:
    return [each.text for each in explain(program) if each.does != "unused"]


def done(program: Strategy) -> list[object]:
    """What it does on the same bar with many memories."""
    chance, found = random.Random(5), list[object]()
    for _ in range(30):
        state = {key: float(chance.choice((0, 1, 2, 3, -1, 5, 100))) for key in KEYS if chance.random() < 0.8}
        after = evaluate_last_bar(program, BARS, PositionView(), state)
        kept = sorted((key, repr(value)) for key, value in after.state.items() if key in KEYS)
        found.append((repr(after.signal), kept))
    return found


PAIRS = {
    "a condition before a loop and in it": (
        'if state["a"] < 3:\n    for i in range(5):\n        state["a"] += 1',
        'for i in range(5):\n    if state["a"] < 3:\n        state["a"] += 1',
    ),
    "a condition that its branch changes": (
        'if state["a"] < 3:\n    state["a"] += 1\n    if state["b"] > 0:\n        return buy()',
        'if state["a"] < 3:\n    state["a"] += 1\nif state["a"] < 3 and state["b"] > 0:\n    return buy()',
    ),
    "otherwise, and where it does not hold any more": (
        'if state["a"] < 3:\n    state["a"] += 5\nelse:\n    state["a"] -= 1',
        'if state["a"] < 3:\n    state["a"] += 5\nif not (state["a"] < 3):\n    state["a"] -= 1',
    ),
    "a name that its branch changes": (
        'x = state["a"]\nif x < 3:\n    x += 5\nelse:\n    x -= 1\nstate["b"] = x',
        'x = state["a"]\nif x < 3:\n    x += 5\nif not (x < 3):\n    x -= 1\nstate["b"] = x',
    ),
    "exchanged, and one after the other": (
        'state["a"], state["b"] = state["b"], state["a"]',
        'state["a"] = state["b"]\nstate["b"] = state["a"]',
    ),
    "names exchanged, and one after the other": (
        'x = state["a"]\ny = state["b"]\nx, y = y, x\nstate["c"] = x - y',
        'x = state["a"]\ny = state["b"]\nx = y\ny = x\nstate["c"] = x - y',
    ),
    "one loop and two": (
        'for i in range(5):\n    state["a"] += 1\n    if state["c"] > 0:\n        state["b"] += state["a"]',
        'for i in range(5):\n    state["a"] += 1\nfor i in range(5):\n    if state["c"] > 0:\n        state["b"] += state["a"]',
    ),
}  # fmt: skip


@pytest.mark.parametrize("one", PAIRS)
def test_programs_whose_statements_stand_otherwise_are_told_apart(one: str) -> None:
    first, second = map(strategy, PAIRS[one])
    assert done(first) != done(second)
    assert said(first) != said(second)


def test_columns_that_or_joins_stay_together_beside_and() -> None:
    columns = '"s": (bars.close > 1) | (bars.open > 2), "a": bars.close > 1, "b": bars.open > 2'
    together = strategy("if bar.s and bar.high > 3:\n    return buy()", columns)
    apart = strategy("if bool(bar.a) or bool(bar.b) and bar.high > 3:\n    return buy()", columns)
    assert said(together) == ["buy, when ((the close is above 1) or (the open is above 2)) and the high is above 3"]
    assert said(together) != said(apart)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('state["a"] or bar.close', "the remembered `a` (0 before) if that is known and other than 0, otherwise the close"),
        ('bar.close and state["a"]', "the remembered `a` (0 before) if the close is known and other than 0, otherwise the close"),
        ("bar.close > 5 or bar.open > 3", "the close is above 5 or the open is above 3"),
    ],
)  # fmt: skip
def test_the_number_that_and_and_or_give_is_told_as_a_number(value: str, words: str) -> None:
    assert said(strategy(f'state["c"] = {value}')) == [f"remember as `c`: {words}"]


def test_of_deep_conditions_none_is_dropped() -> None:
    body = (
        "".join("    " * depth + f"if bar.close > {depth}.5:\n" for depth in range(14)) + "    " * 14 + "return buy()"
    )
    (rule,) = said(strategy(body))
    assert all(f"the close is above {depth}.5" in rule for depth in range(14))


@pytest.mark.parametrize("returned", ["weights.equal(universe.up & (universe.mom > 0))", "weights.proportional(universe.mom, where=universe.up | (universe.mom > 0))"])  # fmt: skip
def test_symbols_that_conditions_choose_are_those_where_they_hold(returned: str) -> None:
    source = f"""
UNIVERSE = ["SPY", "QQQ", "TLT"]
SCHEDULE = "monthly"
def indicators(bars):
    return {{"mom": bars.close.pct_change(63), "up": bars.close > bars.open}}
def rebalance(universe, portfolio, state):
    return {returned}
"""
    assert " those where (the close is above the open) " in explain(compile_portfolio(source))[-1].text


# Programs at random, and what differs from them by where a statement stands ----------------------------------------------


class Writer:
    """Writes programs of conditions, loops and changes of what is remembered."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def program(self) -> str:
        return "def on_bar(bar, position, state):\n    x = bar.open\n" + "\n".join(self._block(1, in_loop=False)) + "\n"

    def _value(self, depth: int = 0) -> str:
        pick = self._chance.choice
        if depth > 1 or self._chance.random() < 0.4:
            return pick(('state["a"]', 'state["b"]', 'state["c"]', "1", "2", "bar.close", "x"))
        if self._chance.random() < 0.8:
            return f"({self._value(depth + 1)} {pick(('+', '-', '*', 'and', 'or'))} {self._value(depth + 1)})"
        return f"({self._value(depth + 1)} if {self._condition()} else {self._value(depth + 1)})"

    def _condition(self) -> str:
        told = f"{self._value(2)} {self._chance.choice(('<', '>', '<=', '=='))} {self._value(2)}"
        return told if self._chance.random() < 0.7 else f"not ({told})"

    def _block(self, depth: int, *, in_loop: bool) -> list[str]:
        found, indent = list[str](), "    " * depth
        for _ in range(self._chance.randint(1, 3)):
            kind = self._chance.random()
            if kind < 0.45 or depth > 3:
                target = self._chance.choice(('state["a"]', 'state["b"]', 'state["c"]', "x"))
                found.append(f"{indent}{target} {self._chance.choice(('=', '+='))} {self._value()}")
            elif kind < 0.5:
                found.append(f'{indent}state["a"], state["b"] = {self._value(1)}, {self._value(1)}')
            elif kind < 0.78:
                found += [f"{indent}if {self._condition()}:", *self._block(depth + 1, in_loop=in_loop)]
                if self._chance.random() < 0.4:
                    found += [f"{indent}else:", *self._block(depth + 1, in_loop=in_loop)]
            elif kind < 0.9:
                found += [
                    f"{indent}for i in range({self._chance.randint(2, 3)}):",
                    *self._block(depth + 1, in_loop=True),
                ]
            else:
                ends = ("return buy()", "return sell()", "return", *(("break", "continue") if in_loop else ()))
                return [*found, indent + self._chance.choice(ends)]
        return found

    def moved(self, source: str) -> str:
        """The program with one statement moved, put under a condition or a loop of its own, or taken apart; it may be no program any more."""
        tree = copy.deepcopy(ast.parse(source).body[0])
        blocks = [each for node in ast.walk(tree) for name in ("body", "orelse") if (each := getattr(node, name, None))]
        block = self._chance.choice([each for each in blocks if isinstance(each, list)])
        at = self._chance.randrange(len(block))
        if isinstance(it := block[at], ast.If) and it.orelse:
            block.insert(at + 1, ast.If(ast.UnaryOp(ast.Not(), it.test), it.orelse, []))
            it.orelse = []
        elif isinstance(it, ast.If) and len(it.body) > 1:
            block.insert(at + 1, ast.If(it.test, [it.body.pop()], []))
        elif isinstance(it, ast.For) and len(it.body) > 1:
            block.insert(at + 1, ast.For(it.target, it.iter, [it.body.pop()], []))
        elif isinstance(it, ast.If) and isinstance(loop := it.body[0], ast.For):
            block[at], it.body, loop.body = loop, loop.body, [it]
        elif (
            isinstance(it, ast.Assign)
            and isinstance(names := it.targets[0], ast.Tuple)
            and isinstance(it.value, ast.Tuple)
        ):
            pairs = zip(names.elts, it.value.elts, strict=True)
            block[at : at + 1] = [ast.Assign([name], value) for name, value in pairs]
        elif at:
            block[at - 1], block[at] = block[at], block[at - 1]
        return ast.unparse(ast.fix_missing_locations(tree))


@pytest.mark.parametrize("seed", one_of(4, range(0, 300, 30)))
def test_a_statement_that_stands_elsewhere_is_told_elsewhere(seed: int) -> None:
    for each in range(seed, seed + 30):
        writer = Writer(each)
        source = writer.program()
        try:
            program = compile_strategy(source)
        except StrategyError:
            continue
        for _ in range(4):
            try:
                other = compile_strategy(changed := writer.moved(source))
            except StrategyError:
                continue
            if said(other) == said(program):
                assert done(other) == done(program), f"{source}\n{changed}"
