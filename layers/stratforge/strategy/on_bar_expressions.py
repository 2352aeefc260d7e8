"""Writes the expressions of `on_bar` as expressions of numbers, in terms of local variables and the total operations of `arithmetic` alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from stratforge.market.columns import PRICE_COLUMNS
from stratforge.strategy.column_calls import nearest
from stratforge.strategy.exits import EXITS
from stratforge.strategy.findings import Code
from stratforge.strategy.order_terms import NAN, TERM_KEYS, TERMS
from stratforge.strategy.source import MAX_LITERAL, Findings
from stratforge.strategy.syntax_names import syntax_name, value_name
from stratforge.strategy.vocabulary import (
    ACCOUNT_FIELDS,
    EXTREMES,
    NUMPY_CONSTANTS,
    NUMPY_FUNCTIONS,
    POSITION_FIELDS,
    REFUSED_FUNCTIONS,
    SHORT_TIME_FIELDS,
    TIME_FIELDS,
)

_LISTED = 20
FORGET = 'To forget a key write state["key"] = np.nan: it has no value then, and "key" in state is false'
# The last two are a number and a condition for each symbol of a universe.
Kind = Literal["number", "truth", "unknown", "column", "condition"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of generated code and what it yields."""

    text: str
    kind: Kind

    @property
    def number(self) -> str:
        """The text as a number: a truth counts as 1 or 0."""
        return f"(1.0 if {self.text} else 0.0)" if self.kind == "truth" else self.text


BAD = Piece("0.0", "unknown")

ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_TOTAL: dict[type[ast.operator], str] = {
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "modulo",
    ast.Pow: "power",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
NO_SIGNAL = "0.0, 0.0, 0.0, 0.0"
# What on_bar may return, with the number by which the lowered function says it.
SIGNALS = {"buy": 1.0, "sell": 2.0, "short": 3.0, "cover": 4.0}
RESERVED = frozenset(("bar", "position", "state", "bars", "buy", "sell", "np", "pd", "ta", "indicators", "on_bar"))


@dataclass(slots=True)
class Scope:
    """The local names that are certainly assigned at a point."""

    assigned: set[str] = field(default_factory=set)
    ended: bool = False


class OnBarExpressions:
    """Compiles expressions of `on_bar`."""

    def __init__(
        self,
        parameters: dict[str, float],
        indicators: Iterable[str],
        findings: Findings,
        returned: frozenset[str] | None = frozenset(),
    ) -> None:
        """`returned` are all names that indicators returns, refused ones included; None when they are not known."""
        self.parameters = parameters
        self.returned = returned
        self.indicators = frozenset(indicators)
        self.fields = self.indicators.union(PRICE_COLUMNS, SHORT_TIME_FIELDS)
        self.findings = findings
        self.used: set[str] = set()
        self.keys: list[str] = []
        self.locals: set[str] = set()
        self.loops = 0
        # Whether the strategy goes short: what it does not name is as if there were no such thing.
        self.shorts = False
        self.lines: list[str] = []
        self.indent = 0

    def _refuse(self, node: ast.AST, message: str, suggestion: str, code: Code = Code.NOT_IN_LANGUAGE) -> Piece:
        self.findings.add(node, code, message, suggestion)
        return BAD

    def _number(self, node: ast.expr, scope: Scope) -> str:
        return self._expression(node, scope).number

    def _truth(self, node: ast.expr, scope: Scope) -> str:
        code = self._expression(node, scope)
        # Neither 0 nor unknown.
        return code.text if code.kind == "truth" else f"(absolute({code.text}) > 0.0)"

    def _expression(self, node: ast.expr, scope: Scope) -> Piece:
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            return self._local(node, scope)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.BinOp):
            left, right = self._expression(node.left, scope), self._expression(node.right, scope)
            return self._operate(node, node.op, left, right)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node, scope)
        if isinstance(node, ast.BoolOp):
            return self._boolean(node, scope)
        if isinstance(node, ast.Compare):
            return self._compare(node, scope)
        if isinstance(node, ast.IfExp):
            test, yes, no = (
                self._truth(node.test, scope),
                self._number(node.body, scope),
                self._number(node.orelse, scope),
            )
            return Piece(f"({yes} if {test} else {no})", "number")
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        if isinstance(node, ast.Subscript):
            key = state_key(node)
            if key is not None:
                return Piece(read_state(key, "0.0"), "number")
            if isinstance(node.value, ast.Name) and node.value.id == "bars":
                hint = 'Read bar.close; in indicators bars.of("SPY").close has another symbol'
                return self._refuse(node, "bars[...] is not in the language of on_bar", hint)
            return self._refuse(
                node, "this [...] is not in the language", 'Only state["key"] with the key written out is'
            )
        return self._refuse(
            node,
            f"{syntax_name(node)} is not in the language",
            "Use numbers, arithmetic, comparisons, and fields of bar, position and state",
        )

    def _constant(self, node: ast.Constant) -> Piece:
        if isinstance(node.value, bool):
            return Piece("True" if node.value else "False", "truth")
        if isinstance(node.value, int | float):
            if abs(node.value) > MAX_LITERAL:
                return self._refuse(node, "the number is too large", "Numbers go up to 1e15", Code.NUMBER)
            return Piece(repr(float(node.value)), "number")
        hint = f"Use numbers. {FORGET}" if node.value is None else "Use numbers"
        return self._refuse(node, f"{value_name(node.value)} is not in the language here", hint, Code.TYPE)

    def _local(self, node: ast.Name, scope: Scope) -> Piece:
        if node.id in self.locals:
            self._check_assigned(node, scope)
            return Piece(f"u_{node.id}" if node.id.isascii() else "0.0", "number")
        if node.id in self.parameters:
            self.used.add(f"k_{node.id}")
            return Piece(f"k_{node.id}", "number")
        if node.id in RESERVED:
            return self._refuse(
                node, f"{node.id} is not a number", f"Use one of its fields or functions, like {node.id}.…"
            )
        hint = f"It is an indicator: bar.{node.id}" if node.id in self.indicators else ""
        hint = hint or nearest(node.id, [*self.locals, *self.parameters]) + "Names are assigned before they are used"
        return self._refuse(node, f"the name {node.id[:40]} is not known", hint, Code.UNKNOWN_NAME)

    def _check_assigned(self, node: ast.Name, scope: Scope) -> None:
        if node.id not in scope.assigned:
            message = f"{node.id[:40]} may not have a value here"
            self._refuse(node, message, "Assign it before, on every path", Code.UNASSIGNED)

    def _attribute(self, node: ast.Attribute) -> Piece:
        owner, name = node.value, node.attr
        if isinstance(owner, ast.Name) and owner.id not in self.locals:
            if owner.id == "bar" and name in self.fields:
                self.used.add(f"b_{name}")
                return Piece(f"b_{name}", "number")
            if owner.id == "bar":
                return self._unknown_field(node, "bar", name)
            if owner.id == "position":
                if name in EXTREMES:
                    return self._extreme(name)
                if name in POSITION_FIELDS:
                    field_name = "average_entry_price" if name == "entry_price" else name
                    self.used.add(f"q_{field_name}")
                    return Piece(f"q_{field_name}", "number")
                hint = nearest(name, POSITION_FIELDS) + f"position has {', '.join(POSITION_FIELDS)}"
                return self._refuse(node, f"position has no {name[:40]}", hint, Code.UNKNOWN_FIELD)
            if owner.id == "account":
                if name in ACCOUNT_FIELDS:
                    return Piece(f"s_{ACCOUNT_FIELDS[name][0]}", "number")
                hint = nearest(name, ACCOUNT_FIELDS) + f"account has {', '.join(ACCOUNT_FIELDS)}"
                return self._refuse(node, f"account has no {name[:40]}", hint, Code.UNKNOWN_FIELD)
            if owner.id == "np" and name in NUMPY_CONSTANTS:
                return Piece({"nan": NAN, "inf": "1e400"}.get(name, repr(NUMPY_CONSTANTS[name])), "number")
        if isinstance(owner, ast.Attribute) and isinstance(owner.value, ast.Name) and owner.value.id == "bar":
            if owner.attr == "previous" and name in self.fields:
                self.used.add(f"p_{name}")
                return Piece(f"p_{name}", "number")
            if owner.attr == "previous":
                return self._unknown_field(node, "bar.previous", name)
            if owner.attr == "time":
                return self._time_field(node, "bar.time", "b")
        hint = "Fields belong to bar, bar.previous, bar.time, position and account"
        if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Attribute) and owner.func.attr == "of":
            hint = 'Return {"spy": bars.of("SPY").close} from indicators, and read bar.spy'
        return self._refuse(node, f".{name[:40]} is not in the language here", hint)

    def _time_field(self, node: ast.Attribute, owner: str, origin: str) -> Piece:
        name = node.attr
        if name not in TIME_FIELDS:
            hint = nearest(name, TIME_FIELDS) + f"{owner} has {', '.join(TIME_FIELDS)}"
            return self._refuse(node, f"{owner} has no {name[:40]}", hint, Code.UNKNOWN_FIELD)
        argument = f"{origin}_{TIME_FIELDS[name][0]}"
        self.used.add(argument)
        return Piece(argument, "number")

    def _extreme(self, name: str) -> Piece:
        """The highest or lowest price of the bars held: a key of state that the strategy's own code cannot name."""
        key, _, _ = EXTREMES[name]
        self.used.add("q_quantity")
        return Piece(f"(s_{key} if q_quantity {'!=' if self.shorts else '>'} 0.0 else 0.0)", "number")

    def _unknown_field(self, node: ast.Attribute, owner: str, name: str) -> Piece:
        if name in ("time", "previous"):
            return self._refuse(
                node, f"{owner}.{name} is not a number", f"Use a field of it: {owner}.{name}.…", Code.TYPE
            )
        if self.returned is None or name in self.returned:
            return BAD  # What is wrong was said in indicators.
        hint = nearest(name, self.fields) + f"It has {_listed(self.fields)}; indicators are returned by indicators"
        return self._refuse(node, f"{owner} has no {name[:40]}", hint, Code.UNKNOWN_FIELD)

    def _operate(self, node: ast.AST, operator: ast.operator, left: Piece, right: Piece) -> Piece:
        a, b = left.number, right.number
        symbol = ARITHMETIC.get(type(operator))
        if symbol:
            return Piece(f"({a} {symbol} {b})", "number")
        name = _TOTAL.get(type(operator))
        if name is None:
            hint = (
                "Use and, or and not for conditions"
                if isinstance(operator, ast.BitAnd | ast.BitOr)
                else "Use + - * / // % **"
            )
            return self._refuse(node, "this operator is not in the language of on_bar", hint)
        literal = _plain_literal(b)
        if name == "divide" and literal:
            return Piece(f"({a} / {b})", "number")
        return Piece(f"{name}({a}, {b})", "number")

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Piece:
        if isinstance(node.op, ast.Not):
            return Piece(f"(not {self._truth(node.operand, scope)})", "truth")
        if isinstance(node.op, ast.USub):
            return Piece(f"(-{self._number(node.operand, scope)})", "number")
        if isinstance(node.op, ast.UAdd):
            return Piece(self._number(node.operand, scope), "number")
        return self._refuse(node, "~ is not in the language of on_bar", "Use not")

    def _boolean(self, node: ast.BoolOp, scope: Scope) -> Piece:
        word = " and " if isinstance(node.op, ast.And) else " or "
        parts = [self._expression(each, scope) for each in node.values]
        if all(part.kind != "number" for part in parts):
            return Piece(f"({word.join(part.text for part in parts)})", "truth")
        # `and` and `or` give one of their operands, so numbers stay numbers.
        texts = [part.number for part in parts]
        combined = texts[-1]
        for text in reversed(texts[:-1]):
            combined = f"{'both' if isinstance(node.op, ast.And) else 'either'}({text}, {combined})"
        return Piece(combined, "number")

    def _compare(self, node: ast.Compare, scope: Scope) -> Piece:
        operator = node.ops[0]
        if isinstance(operator, ast.In | ast.NotIn) and len(node.ops) == 1:
            return self._membership(node)
        if isinstance(operator, ast.Is | ast.IsNot) and len(node.ops) == 1:
            return self._none_check(node, scope)
        texts = [self._number(each, scope) for each in (node.left, *node.comparators)]
        symbols = [_COMPARE.get(type(each)) for each in node.ops]
        if any(symbol is None for symbol in symbols):
            return self._refuse(node, "this comparison is not in the language", "Use < <= > >= == !=")
        pairs = "".join(f" {symbol} {text}" for symbol, text in zip(symbols, texts[1:], strict=True))
        return Piece(f"({texts[0]}{pairs})", "truth")

    def _membership(self, node: ast.Compare) -> Piece:
        container, key = node.comparators[0], node.left
        inside = isinstance(node.ops[0], ast.In)
        if isinstance(container, ast.Name) and container.id == "state" and _is_key(key):
            name = state_key(node)
            return Piece(f"(s_{name} {'==' if inside else '!='} s_{name})", "truth")
        return self._refuse(node, "this use of in is not in the language", 'Write "key" in state, or compare with ==')

    def _none_check(self, node: ast.Compare, scope: Scope) -> Piece:
        other = node.comparators[0]
        if not isinstance(other, ast.Constant) or other.value is not None:
            return self._refuse(node, "'is' is not in the language", "Compare with ==")
        text = self._number(node.left, scope)
        return Piece(f"is_nan({text})" if isinstance(node.ops[0], ast.Is) else f"(not is_nan({text}))", "truth")

    def _call(self, node: ast.Call, scope: Scope) -> Piece:
        function = node.func
        if any(isinstance(each, ast.Starred) for each in node.args) or any(each.arg is None for each in node.keywords):
            return self._refuse(node, "* and ** in calls are not in the language", "Write the arguments out")
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            owner, name = function.value.id, function.attr
            if owner == "state" and name == "get":
                return self._state_get(node, scope)
            if owner == "state":
                hint = (
                    FORGET
                    if name in ("pop", "clear", "popitem")
                    else 'Read state.get("key", 0) and write state["key"] = …'
                )
                return self._refuse(node, f"state.{name[:40]}() is not in the language", hint)
            if owner in ("np", "pd") and owner not in self.locals:
                if owner == "pd" and name in ("isna", "isnull", "notna", "notnull"):
                    found = self._function(node, "isnan", scope)
                    return found if name.startswith("is") else Piece(f"(not {found.text})", "truth")
                if owner == "np":
                    return self._function(node, name, scope)
            if owner == "ta":
                return self._refuse(node, "indicators are computed in indicators", f"Return ta.{name[:40]}(…) there")
        if isinstance(function, ast.Name):
            return self._builtin(node, function.id, scope)
        return self._refuse(
            node, "this call is not in the language", "on_bar has abs, min, max, round, int, float and np."
        )

    def _state_get(self, node: ast.Call, scope: Scope) -> Piece:
        if not node.args or not _is_key(node.args[0]) or len(node.args) > 2 or node.keywords:
            return self._refuse(
                node,
                "state.get takes a key written out and a number",
                'Write state.get("key", 0)',
                Code.ARGUMENT,
            )
        key = str(state_key(node))
        if len(node.args) == 1 or (isinstance(node.args[1], ast.Constant) and node.args[1].value is None):
            return Piece(f"s_{key}", "number")
        return Piece(read_state(key, self._number(node.args[1], scope)), "number")

    def _function(self, node: ast.Call, name: str, scope: Scope) -> Piece:
        entry = NUMPY_FUNCTIONS.get(name)
        if entry is None:
            hint = nearest(name, NUMPY_FUNCTIONS) + f"np. has {', '.join(sorted(NUMPY_FUNCTIONS))}"
            return self._refuse(node, f"np.{name[:40]} is not in the language", hint, Code.UNKNOWN_FUNCTION)
        if len(node.args) != entry.arity or node.keywords:
            return self._refuse(node, f"np.{name} takes {entry.arity} arguments", "Give them in order", Code.ARGUMENT)
        if name == "where":
            test = self._truth(node.args[0], scope)
            return Piece(
                f"({self._number(node.args[1], scope)} if {test} else {self._number(node.args[2], scope)})",
                "number",
            )
        texts = ", ".join(self._number(each, scope) for each in node.args)
        return Piece(f"{entry.operation}({texts})", "truth" if entry.logical else "number")

    def _builtin(self, node: ast.Call, name: str, scope: Scope) -> Piece:
        if name in self.locals or name not in ("abs", "min", "max", "round", "int", "float", "bool"):
            if name in SIGNALS and name not in self.locals:
                return self._refuse(node, f"{name}() is what on_bar returns", f"Write return {name}(…)")
            hint = REFUSED_FUNCTIONS.get(name, "on_bar has abs, min, max, round, int, float, bool and np. functions")
            return self._refuse(node, f"{name[:40]}() is not in the language", hint, Code.UNKNOWN_FUNCTION)
        texts = [self._number(each, scope) for each in node.args]
        if node.keywords or not texts or (len(texts) > 1 and name not in ("min", "max", "round")):
            return self._refuse(node, f"{name}() takes numbers in order", f"Write {name}(x)", Code.ARGUMENT)
        if name == "bool":
            return Piece(self._truth(node.args[0], scope), "truth")
        if name in ("min", "max"):
            if not 2 <= len(texts) <= 8:
                return self._refuse(node, f"{name}() takes 2 to 8 numbers", f"Write {name}(a, b)", Code.ARGUMENT)
            combined = texts[0]
            for text in texts[1:]:
                combined = f"{'least' if name == 'min' else 'greatest'}({combined}, {text})"
            return Piece(combined, "number")
        if name == "round":
            digits = node.args[1] if len(texts) == 2 else ast.Constant(0)
            whole = isinstance(digits, ast.Constant) and type(digits.value) is int and 0 <= digits.value <= 8
            if len(texts) > 2 or not whole:
                return self._refuse(
                    node, "round takes a number and 0 to 8 decimals", "Write round(x, 2)", Code.ARGUMENT
                )
            # With one argument it gives an int in Python, which infinity is not.
            rounded = (
                f"round_half_even({texts[0]}, {texts[1]})"
                if len(texts) == 2
                else f"truncate(round_half_even({texts[0]}, 0.0))"
            )
            return Piece(rounded, "number")
        return Piece(
            {"abs": f"absolute({texts[0]})", "int": f"truncate({texts[0]})", "float": texts[0]}[name],
            "number",
        )


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:_LISTED]) + (f" and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else "")


def _plain_literal(text: str) -> bool:
    try:
        return float(text) != 0.0
    except ValueError:
        return False


def is_signal(node: ast.Call) -> bool:
    """Tells whether a call is `buy(…)`, `sell(…)`, `short(…)` or `cover(…)`."""
    return isinstance(node.func, ast.Name) and node.func.id in SIGNALS


def is_adjustment(node: ast.Call) -> bool:
    """Tells whether a call is `adjust(…)`, which changes the exits of a position and neither buys nor sells."""
    return isinstance(node.func, ast.Name) and node.func.id == "adjust"


def exits_named(node: ast.AST) -> set[str]:
    """The exits that a decision names; none for what is no decision."""
    if isinstance(node, ast.Call) and (is_signal(node) or is_adjustment(node)):
        return {each.arg for each in node.keywords if each.arg in EXITS}
    return set()


def term_keys_named(node: ast.AST) -> list[str]:
    """The keys of the terms that a decision names; none for what is no decision, or changes exits alone."""
    if isinstance(node, ast.Call) and is_signal(node):
        return [TERM_KEYS[each.arg] for each in node.keywords if each.arg in TERMS]
    return []


def _is_key(node: ast.expr) -> bool:
    """Returns whether the node is a key of state written out: a short plain word."""
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.isidentifier()
        and node.value.isascii()
        and len(node.value) <= 40
    )


def written_key(node: ast.AST) -> str | None:
    """The key of state that a node assigns; None when it assigns none."""
    return state_key(node) if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) else None


def state_key(node: ast.AST) -> str | None:
    """The key when the node reads, writes or asks for a key of state."""
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "state":
        key = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "state" and node.func.attr == "get":
            key = node.args[0]
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        container = node.comparators[0]
        if isinstance(container, ast.Name) and container.id == "state":
            key = node.left
    if key is not None and _is_key(key):
        assert isinstance(key, ast.Constant)
        return str(key.value)
    return None


def given_key(node: ast.AST) -> str | None:
    """The key under which the field is given that the node reads: an extreme of the bars held, or a field of the account."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "position" and node.attr in EXTREMES:
            return EXTREMES[node.attr][0]
        if node.value.id == "account" and node.attr in ACCOUNT_FIELDS:
            return ACCOUNT_FIELDS[node.attr][0]
    return None


def read_state(key: str, default: str) -> str:
    """A key's value, or `default` while it has none (which is stored as NaN)."""
    return f"(s_{key} if s_{key} == s_{key} else {default})"
