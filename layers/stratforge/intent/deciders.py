"""That nothing decides in the code which no rule says.

Every comparison of the code is taken for what it reads (prices, the clock, a column, the position, what is kept in state) and the numbers in it, and has to
have a fellow among the comparisons of the strategy that follows the rules and nothing else. What this module does not know is not passed over: it is
a finding, so that a new part of the language is refused until rules can speak of it. What the fellows decide is tried (`trial`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stratforge.intent.columns import COMPUTED, SameColumns
from stratforge.intent.program import program_of
from stratforge.market.clocks import CLOCKS, clock_field
from stratforge.strategy import Strategy
from stratforge.strategy.graph import Node
from stratforge.strategy.on_bar_expressions import exits_named
from stratforge.strategy.order_terms import TERMS
from stratforge.strategy.source import literal_number

_BAR = {"open": "price", "high": "price", "low": "price", "close": "price", "volume": "volume"}
_TIME = {"hour": "clock", "minute": "clock", "minutes_to_close": "clock of the close", "weekday": "weekday"} | {clock_field(each): f"clock of {each}" for each in CLOCKS}  # fmt: skip
_POSITION = {
    "quantity": "quantity",
    "average_entry_price": "result",
    "entry_price": "result",
    "unrealized_return": "result",
    "bars_held": "held",
}
_FUNCTIONS = frozenset({"abs", "min", "max", "float"})
_SIZES = {"buy": ("fraction", "quantity", "notional"), "sell": ("fraction", "quantity"), "adjust": ()}
_SHORT_SIZES = {"short": _SIZES["buy"], "cover": _SIZES["sell"]}
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
# A key of state that has no value yet reads as one of these, or as something that is never reached.
_NOTHING_YET, _NEVER = frozenset({-1.0, 0.0, 1.0}), 9_999.0


class _Unknown(Exception):
    """A part of the code that no rule can say; where, and what."""

    def __init__(self, node: ast.AST, what: str) -> None:
        super().__init__(what)
        self.node, self.what = node, what


@dataclass(frozen=True)
class _Reading:
    """What an expression reads, by kinds of it, and the numbers in it without their signs."""

    kinds: frozenset[str] = frozenset()
    numbers: frozenset[float] = frozenset()

    def __or__(self, other: _Reading) -> _Reading:
        return _Reading(self.kinds | other.kinds, self.numbers | other.numbers)


def said_by_no_rule(code: Strategy, reference: Strategy) -> list[str]:
    """Finds what decides in the code and in no rule, one sentence for each.

    Args:
        code: The strategy that was written.
        reference: The strategy that follows the rules and nothing else.
    """
    series = SameColumns()
    # Only rules that go short say that code does.
    sizes = _SIZES | (_SHORT_SIZES if reference.shorts else {})
    theirs, walk = _Walk(reference, series, sizes), _Walk(code, series, sizes)
    known = [reading for _, reading, _ in theirs.comparisons]
    found = [f"Line {line} {what}." for line, what in walk.unknown]
    for node, reading, text in walk.comparisons:
        if not any(_fellow(reading, each) for each in known):
            found.append(
                f"Line {node.lineno} decides by “{text}”, and no rule compares so: leave it out, or quote the words that ask for it and add their rule."
            )
    # Prices that are just the same, such as those of a bar in which nothing moved, are in no market that is tried.
    same = {reading.kinds for node, reading, _ in theirs.comparisons if _of_sameness(node, reading)}
    found += [
        f"Line {node.lineno} decides by “{text}”, that prices are just the same, and no rule says so: leave it out."
        for node, reading, text in walk.comparisons
        if _of_sameness(node, reading) and reading.kinds not in same
    ]
    for node, name, reading in walk.exits:
        if not any(
            name == each and reading.kinds <= other.kinds and _said(reading, other) for _, each, other in theirs.exits
        ):
            found.append(
                f"Line {node.lineno} computes how much is traded, and no rule does so: rules have plain numbers for that, or “size … at risk”."
                if name in _SIZES["buy"]
                else f"Line {node.lineno} sets {name}, which has its order rest, and no rule does so: quote the words that ask for it and add “buy at limit …”, or what it is, or leave it out."
                if name in TERMS
                else f"Line {node.lineno} sets {name}, an exit within the bar, and no rule does so: quote the words that ask for it and add “{name.removesuffix('_price').replace('_', ' ')} …”, or sell() by a condition."
            )
    return list(dict.fromkeys(found))


def _of_sameness(node: ast.expr, reading: _Reading) -> bool:
    """Whether it compares nothing but prices and volumes, for being the same."""
    return isinstance(node, ast.Compare) and any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops) and bool(reading.kinds) and reading.kinds <= {"price", "volume"}  # fmt: skip


def _fellow(mine: _Reading, rule: _Reading) -> bool:
    kinds, theirs = mine.kinds, rule.kinds
    if "quantity" in kinds:
        # Only whether something is held.
        return kinds == {"quantity"} and not mine.numbers - {0.0}
    if "counter" in kinds or kinds == {"state"}:
        if kinds - {"counter", "state"}:
            return kinds <= theirs and _said(mine, rule)
        return mine.numbers <= _NOTHING_YET or (bool(theirs & {"counter", "held"}) and _said(mine, rule))
    if "result" in theirs:
        theirs |= {"price"}
    if kinds == {"weekday", "state"} and not mine.numbers - _NOTHING_YET:
        # Whether another day has begun.
        return True
    if kinds == {"weekday"}:
        # Every day of the week is tried.
        return "weekday" in theirs
    return kinds - {"state"} <= theirs and _said(mine, rule)


def _said(mine: _Reading, rule: _Reading) -> bool:
    allowed = {0.0, 1.0}
    for each in rule.numbers:
        allowed |= {each, each / 100, each * 100, abs(1 - each / 100), 1 + each / 100, abs(100 - each), 100 + each}
        allowed |= {each + 1, abs(each - 1), abs(1 - each), 1 / each if each else 0.0}
        if "clock" in rule.kinds:
            allowed |= {part for minute in (each - 1, each, each + 1) for part in divmod(minute, 60)} | {60.0}
    return all(any(abs(one - other) <= 1e-6 * one for other in allowed) for one in mine.numbers)


class _Walk:
    """Everything that a strategy's `on_bar` decides by."""

    def __init__(self, strategy: Strategy, series: SameColumns, sizes: Mapping[str, Sequence[str]]) -> None:
        self.sizes = sizes
        program = program_of(strategy.source)
        self.strategy, self.series, self.constants = strategy, series, program.constants
        self.comparisons: list[tuple[ast.expr, _Reading, str]] = []
        self.exits: list[tuple[ast.expr, str, _Reading]] = []
        self.unknown: list[tuple[int, str]] = []
        on_bar = next(each for each in program.tree.body if isinstance(each, ast.FunctionDef) and each.name == "on_bar")
        self.assigned: dict[str, list[ast.expr]] = {}
        for node in ast.walk(on_bar):
            self._collect(node)
        self._block(on_bar.body)

    def _collect(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=True))
                for one, value in pairs:
                    self.assigned.setdefault(ast.unparse(one), []).append(value)
        elif isinstance(node, ast.AugAssign):
            name = ast.unparse(node.target)
            read = ast.parse(name, mode="eval").body
            self.assigned.setdefault(name, []).append(ast.BinOp(read, node.op, node.value))
        elif isinstance(node, ast.For):
            self.assigned.setdefault(ast.unparse(node.target), []).append(ast.Constant(1))

    def _checked(self, check: Callable[[ast.expr], object], node: ast.expr) -> None:
        try:
            check(node)
        except _Unknown as error:
            line = getattr(error.node, "lineno", getattr(node, "lineno", 1))
            self.unknown.append((line, error.what))

    def _block(self, statements: list[ast.stmt]) -> None:
        for node in statements:
            if isinstance(node, ast.If):
                self._checked(self._truth, node.test)
                self._block(node.body)
                self._block(node.orelse)
            elif isinstance(node, ast.Assign | ast.AugAssign):
                for value in node.value.elts if isinstance(node.value, ast.Tuple) else (node.value,):
                    self._checked(self._kept, value)
            elif isinstance(node, ast.For):
                self._block(node.body)
            elif isinstance(node, ast.Return):
                if node.value is not None:
                    self._checked(self._decision, node.value)
            elif not isinstance(node, ast.Pass | ast.Break | ast.Continue) and not (
                isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            ):
                self.unknown.append((node.lineno, "does something that no rule can say"))

    def _decision(self, node: ast.expr) -> None:
        if isinstance(node, ast.IfExp):
            self._truth(node.test)
            self._decision(node.body)
            self._decision(node.orelse)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.sizes:
            for each in node.keywords:
                if each.arg in exits_named(node) or (each.arg in TERMS and node.func.id != "adjust"):
                    self.exits.append((node, str(each.arg), self._read(each.value)))
                elif each.arg not in self.sizes[node.func.id]:
                    raise _Unknown(node, f"sets {each.arg}, which no rule can say: leave it out")
                if each.arg in self.sizes[node.func.id] and self._number(each.value) is None:
                    # How much is traded is computed only where the rules do so too.
                    self.exits.append((node, str(each.arg), self._read(each.value)))
            if node.args:
                raise _Unknown(node, "gives an argument without its name: name it")
        elif not (isinstance(node, ast.Constant) and node.value is None):
            raise _Unknown(node, f"decides by “{ast.unparse(node)[:60]}”, which no rule can say")

    def _number(self, node: ast.expr) -> float | None:
        if isinstance(node, ast.Name) and len(self.assigned.get(node.id, ())) == 1:
            return self._number(self.assigned[node.id][0])
        return literal_number(node, self.constants)

    def _kept(self, node: ast.expr) -> None:
        """A value that is assigned: a number, or whether something holds."""
        if isinstance(node, ast.Compare | ast.BoolOp) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        ):
            self._truth(node)
        else:
            self._read(node)

    def _truth(self, node: ast.expr) -> None:
        if isinstance(node, ast.BoolOp):
            for each in node.values:
                self._truth(each)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._truth(node.operand)
        elif isinstance(node, ast.IfExp):
            for each in (node.test, node.body, node.orelse):
                self._truth(each)
        elif isinstance(node, ast.Name) and node.id in self.assigned:
            # Noted where it is assigned.
            return
        elif not isinstance(node, ast.Constant):
            sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else [node]
            for one, other in zip(sides, sides[1:] or [ast.Constant(0)], strict=False):
                self.comparisons.append((node, self._read(one) | self._read(other), ast.unparse(node)[:80]))

    def _read(self, node: ast.expr, within: frozenset[str] = frozenset()) -> _Reading:
        number = literal_number(node, self.constants)
        if number is not None:
            return _Reading(numbers=frozenset({abs(number)}))
        if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str)):
            return _Reading()
        key = self._state_key(node)
        if key is not None:
            return self._of_state(node, key, within)
        if isinstance(node, ast.Name) and node.id in self.assigned:
            if node.id in within:
                return _Reading(frozenset({"counter"}))
            return self._joined(self.assigned[node.id], within | {node.id})
        if isinstance(node, ast.Name) and node.id == "state":
            return _Reading(frozenset({"state"}))
        if isinstance(node, ast.Attribute):
            return self._of_field(node)
        if isinstance(node, ast.UnaryOp):
            return self._read(node.operand, within)
        if isinstance(node, ast.BinOp) and isinstance(node.op, _ARITHMETIC):
            marked = frozenset(f"+{each}" for each in within if not each.startswith("+"))
            return self._read(node.left, within | marked) | self._read(node.right, within | marked)
        if isinstance(node, ast.IfExp):
            self._truth(node.test)
            return self._read(node.body, within) | self._read(node.orelse, within)
        if isinstance(node, ast.BoolOp):
            return self._joined(node.values, within)
        if isinstance(node, ast.Compare):
            self._truth(node)
            return _Reading()
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _FUNCTIONS
            and not node.keywords
        ):
            return self._joined(node.args, within)
        raise _Unknown(node, f"computes “{ast.unparse(node)[:60]}”, which no rule can say")

    def _joined(self, nodes: list[ast.expr], within: frozenset[str]) -> _Reading:
        found = _Reading()
        for each in nodes:
            found |= self._read(each, within)
        return found

    def _state_key(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "state":
            return ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "state.get" and node.args:
            for default in node.args[1:]:
                number = self._number(default)
                if number is not None and abs(number) not in _NOTHING_YET and abs(number) < _NEVER:
                    raise _Unknown(node, f"begins {ast.unparse(node.args[0])} with {number:g}, which no rule says")
            return f"state[{ast.unparse(node.args[0])}]"
        return None

    def _of_state(self, node: ast.expr, key: str, within: frozenset[str]) -> _Reading:
        if key in within:
            # What is counted up from bar to bar reaches any level in the end.
            return _Reading(frozenset({"counter"} if f"+{key}" in within else {"state"}))
        defaults = [each for each in node.args[1:] if self._number(each) is None] if isinstance(node, ast.Call) else []
        found = self._joined([*self.assigned.get(key, []), *defaults], within | {key})
        counted = found.kinds and found.kinds <= {"counter", "state"} and "counter" in found.kinds
        return _Reading(found.kinds | (frozenset() if counted else {"state"}), found.numbers)

    def _of_field(self, node: ast.Attribute) -> _Reading:
        owner = ast.unparse(node.value)
        if owner == "bar.time" and node.attr in _TIME:
            return _Reading(frozenset({_TIME[node.attr]}))
        if owner == "account":
            return _Reading(frozenset({f"account {'equity' if node.attr == 'equity' else 'cash'}"}))
        if owner == "position" and node.attr in _POSITION:
            return _Reading(frozenset({_POSITION[node.attr]}))
        if owner in ("bar", "bar.previous"):
            if node.attr in _BAR:
                return _Reading(frozenset({_BAR[node.attr]}))
            if node.attr in self.strategy.columns:
                return self._of_column(self.strategy.columns[node.attr])
        raise _Unknown(node, f"reads {ast.unparse(node)}, which no rule can say: leave it out")

    def _of_column(self, column: Node) -> _Reading:
        kinds, numbers = set[str](), set[float]()
        stack, seen = [column], set[Node]()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node.operation.startswith("column:"):
                name = node.operation.removeprefix("column:")
                kinds.add(_BAR.get(name, name))
            elif node.operation in COMPUTED:
                stack += node.inputs
                numbers |= {abs(float(each)) for each in node.arguments if isinstance(each, int | float)}
            else:
                kinds.add(f"series {self.series.of(node)}")
        return _Reading(frozenset(kinds), frozenset(numbers))
