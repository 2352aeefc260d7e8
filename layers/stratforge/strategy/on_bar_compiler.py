"""Reads `on_bar(bar, position, state)` and writes it anew as a function of numbers.

The text of a strategy is never executed. From its checked syntax tree this module writes a new function whose
arguments are the numbers the strategy reads (`b_close`, `p_fast`, `q_quantity`, `s_count`, `k_FAST`) and whose
result is the decision and the new state, in terms of local variables and the total operations of
`arithmetic` alone. The same text runs in the interpreter, inside the backtester's loop, and as machine code.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

from stratforge.market.columns import PRICE_COLUMNS
from stratforge.strategy import arithmetic
from stratforge.strategy.columns_compiler import nearest
from stratforge.strategy.exits import EXITS, NAN, OWN_KEYS, assignments, keys_for
from stratforge.strategy.exits import head as exit_head
from stratforge.strategy.findings import Code
from stratforge.strategy.source import MAX_LITERAL, MAX_NAME, Findings, calculated, is_docstring
from stratforge.strategy.syntax_names import syntax_name, value_name
from stratforge.strategy.vocabulary import (
    EXTREMES,
    MAX_LOOP,
    MAX_NESTED_LOOPS,
    MAX_STATE_KEYS,
    NUMPY_CONSTANTS,
    NUMPY_FUNCTIONS,
    POSITION_FIELDS,
    REFUSED_FUNCTIONS,
    REFUSED_SIGNALS,
    SHORT_TIME_FIELDS,
    TIME_FIELDS,
)

_LISTED = 20
_FORGET = 'To forget a key write state["key"] = np.nan: it has no value then, and "key" in state is false'
Kind = Literal["number", "truth", "unknown"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of generated code and what it yields."""

    text: str
    kind: Kind


BAD = Piece("0.0", "unknown")

_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_TOTAL: dict[type[ast.operator], str] = {
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "modulo",
    ast.Pow: "power",
}
# Of the bounds of a loop.
_WHOLE: dict[type[ast.operator], str] = {**_ARITHMETIC, ast.FloorDiv: "//"}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_NO_SIGNAL = "0.0, 0.0, 0.0, 0.0"
_RESERVED = frozenset(("bar", "position", "state", "bars", "buy", "sell", "np", "pd", "ta", "indicators", "on_bar"))


@dataclass(frozen=True)
class OnBar:
    """`on_bar` as a function of numbers.

    `arguments` names what the function takes, in order, and `state` the keys whose new values follow the four
    numbers of the decision (action, confidence, size kind, size) in its result. `text` is the function's source.
    """

    arguments: tuple[str, ...]
    state: tuple[str, ...]
    body: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        """The source of the lowered function, as it is compiled."""
        return "\n".join((f"def on_bar({', '.join(self.arguments)}):", *(f"    {line}" for line in self.body)))

    @cached_property
    def function(self) -> Callable[..., tuple[float, ...]]:
        """The function, compiled for the interpreter with nothing in reach but the total operations."""
        return _compiled(self.text)

    @property
    def parentheses(self) -> int:
        """Depth to which its parentheses are nested: Python's parser takes 200, and whoever puts the text elsewhere
        needs a few."""
        deepest = depth = 0
        for line in self.body:
            for character in line:
                if character == "(":
                    depth += 1
                    deepest = max(deepest, depth)
                elif character == ")":
                    depth -= 1
        return deepest

    def needs(self, prefix: str) -> tuple[str, ...]:
        """The arguments of one origin, without the prefix: "b" bar, "p" previous bar, "q" position, "k" constant."""
        return tuple(name[2:] for name in self.arguments if name.startswith(prefix + "_"))


# Other values of the constants give the same text.
@lru_cache(maxsize=64)
def _compiled(text: str) -> Callable[..., tuple[float, ...]]:
    return compile_text(text, {})


def compile_text(text: str, more: Mapping[str, Callable[..., Any]]) -> Callable[..., tuple[float, ...]]:
    """Compiles a text of `on_bar` that this language wrote; `more` are functions that it calls besides the operations."""
    scope: dict[str, Any] = {
        "__builtins__": {},
        "float": float,
        "range": range,
        "int": int,
        **arithmetic.FUNCTIONS,
        **more,
    }
    # The text was written by this module from a checked tree; no word of the strategy's source is in it.
    exec(compile(text, "<on_bar>", "exec"), scope)  # noqa: S102
    function: Callable[..., tuple[float, ...]] = scope["on_bar"]
    return function


@dataclass(slots=True)
class Scope:
    """The local names that are certainly assigned at a point."""

    assigned: set[str] = field(default_factory=set)
    ended: bool = False


class OnBarCompiler:
    """Compiles the `on_bar` function of a strategy."""

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
        self.lines: list[str] = []
        self.indent = 0

    def compile(self, function: ast.FunctionDef) -> OnBar:
        """The function of numbers that `function` means."""
        self._collect(function)
        scope = Scope()
        body = function.body[1:] if is_docstring(function.body[0]) else function.body
        self._block(body, scope)
        if not scope.ended:
            self._return(_NO_SIGNAL)
        own = len([key for key in self.keys if key not in OWN_KEYS])
        if own > MAX_STATE_KEYS:
            message = f"{own} keys of state; {MAX_STATE_KEYS} are allowed"
            self.findings.add(function, Code.TOO_LARGE, message, "Use fewer")
        head = self._head()
        self.used |= {f"s_{key}" for key in self.keys}
        order = "bptqsk"
        arguments = tuple(sorted(self.used, key=lambda name: (order.index(name[0]), name)))
        return OnBar(arguments, tuple(self.keys), (*head, *self.lines))

    def _collect(self, function: ast.FunctionDef) -> None:
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.locals.add(node.id)
            keys = keys_for(exits_named(node)) or [_state_key(node) or _extreme_key(node) or ""]
            self.keys += [key for key in keys if key and key not in self.keys]
        # The order in which jsonb gives them back: live they are taken as they come.
        self.keys.sort(key=lambda key: (len(key), key))

    def _refuse(self, node: ast.AST, message: str, suggestion: str, code: Code = Code.NOT_IN_LANGUAGE) -> Piece:
        self.findings.add(node, code, message, suggestion)
        return BAD

    def _emit(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def _return(self, decision: str) -> None:
        state = "".join(f", s_{key}" for key in self.keys)
        self._emit(f"return ({decision}{state})")

    # Statements ----------------------------------------------------------------------------------------

    def _block(self, statements: list[ast.stmt], scope: Scope) -> None:
        before = len(self.lines)
        for statement in statements:
            if scope.ended:
                break  # Never reached in Python either.
            self._statement(statement, scope)
        if len(self.lines) == before:
            self._emit("pass")

    def _nested(self, statements: list[ast.stmt], scope: Scope) -> None:
        self.indent += 1
        self._block(statements, scope)
        self.indent -= 1

    def _statement(self, node: ast.stmt, scope: Scope) -> None:
        if isinstance(node, ast.If):
            self._if(node, scope)
        elif isinstance(node, ast.Return):
            self._returned(node.value, scope)
            scope.ended = True
        elif isinstance(node, ast.Assign):
            self._assign(node, scope)
        elif isinstance(node, ast.AugAssign):
            self._augmented(node, scope)
        elif isinstance(node, ast.For):
            self._for(node, scope)
        elif isinstance(node, ast.Break | ast.Continue) and self.loops:
            self._emit("break" if isinstance(node, ast.Break) else "continue")
            scope.ended = True
        elif isinstance(node, ast.Delete):
            self._refuse(node, "del is not in the language", _FORGET)
        elif isinstance(node, ast.While):
            self._refuse(node, "while is not in the language", "Use for i in range(n); on_bar is called for every bar")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and is_signal(node.value):
            self._refuse(node, "the signal is not returned", "Write return buy(…) or return sell(…)")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and is_adjustment(node.value):
            self._refuse(node, "the change of exits is not returned", "Write return adjust(…)")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and self._refused(node.value, scope):
            pass
        elif not isinstance(node, ast.Pass) and not is_docstring(node):
            self._refuse(
                node,
                f"{syntax_name(node)} is not allowed in on_bar",
                "Use assignments, if, for i in range(n), and return buy(…) or return sell(…)",
            )

    def _refused(self, node: ast.Call, scope: Scope) -> bool:
        """Returns whether a call is not in the language whatever is done with its value (which is a finding then)."""
        before = len(self.findings.items)
        self._call(node, scope)
        return len(self.findings.items) > before

    def _if(self, node: ast.If, scope: Scope, word: str = "if") -> None:
        condition = self._truth(node.test, scope)
        self._emit(f"{word} {condition}:")
        yes = Scope(set(scope.assigned))
        self._nested(node.body, yes)
        no = Scope(set(scope.assigned))
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            self._if(node.orelse[0], no, "elif")
        elif node.orelse:
            self._emit("else:")
            self._nested(node.orelse, no)
        if yes.ended and no.ended:
            scope.ended = True
        elif yes.ended:
            scope.assigned = no.assigned
        elif no.ended:
            scope.assigned = yes.assigned
        else:
            scope.assigned = yes.assigned & no.assigned

    def _for(self, node: ast.For, scope: Scope) -> None:
        shape = "Write for i in range(n), with numbers or constants"
        call = node.iter
        is_range = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"
        if not is_range or not isinstance(call, ast.Call) or not isinstance(node.target, ast.Name) or node.orelse:
            self._refuse(node, "this loop is not in the language", shape)
            return
        bounds = [self._bound(each) for each in call.args]
        if not 1 <= len(bounds) <= 3 or call.keywords or any(each is None for each in bounds):
            self._refuse(call, "range takes one to three whole numbers written out or constants", shape, Code.ARGUMENT)
            return
        values = [value for each in bounds if each is not None for value in (each[1],)]
        if len(values) == 3 and values[2] == 0:
            self._refuse(call, "the step of range is 0", "Use a step such as 1", Code.ARGUMENT)
            return
        if self.loops == MAX_NESTED_LOOPS:
            message = f"loops are nested more than {MAX_NESTED_LOOPS} deep"
            self._refuse(node, message, "Write them one below the other", Code.TOO_LARGE)
            return
        count = len(range(*values))
        if count > MAX_LOOP:
            self._refuse(
                node,
                f"the loop runs {count:,} times; {MAX_LOOP:,} are allowed",
                "Use indicators for windows of many bars",
                Code.UNBOUNDED,
            )
            return
        self._check_local(node.target)
        index = f"r_{self.loops}_{len(self.lines)}"
        self._emit(f"for {index} in range({', '.join(each[0] for each in bounds if each is not None)}):")
        inside = Scope(scope.assigned | {node.target.id})
        self.loops += 1
        self.indent += 1
        self._emit(f"u_{node.target.id} = float({index})")
        self._block(node.body, inside)
        self.indent -= 1
        self.loops -= 1

    def _bound(self, node: ast.expr) -> tuple[str, int] | None:
        """A bound of range: its code and its value."""
        if isinstance(node, ast.Name) and node.id in self.parameters and node.id not in self.locals:
            value = self.parameters[node.id]
            self.used.add(f"k_{node.id}")
            text = f"int(k_{node.id})"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            inner = self._bound(node.operand)
            return None if inner is None else (f"-{inner[0]}", -inner[1])
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            value = float(node.value) if abs(node.value) <= MAX_LITERAL else math.nan
            text = str(node.value) if abs(node.value) <= MAX_LITERAL else "0"
        elif isinstance(node, ast.BinOp) and type(node.op) in _WHOLE:
            left, right = self._bound(node.left), self._bound(node.right)
            if left is None or right is None or (isinstance(node.op, ast.FloorDiv) and right[1] == 0):
                return None
            text = f"({left[0]} {_WHOLE[type(node.op)]} {right[0]})"
            value = calculated(node.op, float(left[1]), float(right[1])) or 0.0
        else:
            return None
        return (text, int(value)) if value.is_integer() and abs(value) <= MAX_LITERAL else None

    def _check_local(self, node: ast.Name) -> None:
        if node.id in _RESERVED or node.id in self.parameters:
            what = "a constant" if node.id in self.parameters else "a word of the language"
            suggestion = (
                f'Keep what changes in state["{node.id}"]' if node.id in self.parameters else "Choose another name"
            )
            self._refuse(node, f"{node.id} is {what} and cannot be assigned in on_bar", suggestion)
        elif not node.id.isascii() or node.id.startswith("__") or len(node.id) > MAX_NAME:
            self._refuse(node, f"{node.id[:40]} is not a name in the language", "Use letters of a to z, digits and _")

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        target = node.targets[0]
        if len(node.targets) != 1:
            self._refuse(node, "one assignment at a time", "Write them one below the other")
            return
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            if len(target.elts) == len(node.value.elts):
                temporary = [self._number(each, scope) for each in node.value.elts]
                names = [f"x_{len(self.lines)}_{index}" for index in range(len(temporary))]
                for name, text in zip(names, temporary, strict=True):
                    self._emit(f"{name} = {text}")
                for each, name in zip(target.elts, names, strict=True):
                    self._store(each, name, scope)
                return
            self._refuse(node, "the sides differ in length", "Write one value for each name", Code.ARGUMENT)
            return
        self._store(target, self._number(node.value, scope), scope)

    def _store(self, target: ast.expr, text: str, scope: Scope) -> None:
        key = _state_key(target)
        if key is not None:
            self._emit(f"s_{key} = {text}")
        elif isinstance(target, ast.Name):
            self._check_local(target)
            self._emit(f"u_{target.id} = {text}")
            scope.assigned.add(target.id)
        else:
            self._refuse(target, "this cannot be assigned", 'Assign to a name or to state["key"]')

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        key = _state_key(node.target)
        if key is not None:
            left = Piece(_read_state(key, "0.0"), "number")
        elif isinstance(node.target, ast.Name) and (node.target.id in _RESERVED or node.target.id in self.parameters):
            self._check_local(node.target)
            return
        elif isinstance(node.target, ast.Name):
            left = self._local(ast.copy_location(ast.Name(node.target.id, ast.Load()), node), scope)
        else:
            self._refuse(node, "this cannot be assigned", 'Assign to a name or to state["key"]')
            return
        right = self._expression(node.value, scope)
        self._store(node.target, self._operate(node, node.op, left, right).text, scope)

    def _returned(self, node: ast.expr | None, scope: Scope) -> None:
        if node is None or (isinstance(node, ast.Constant) and node.value is None):
            self._return(_NO_SIGNAL)
        elif isinstance(node, ast.IfExp):
            self._emit(f"if {self._truth(node.test, scope)}:")
            self.indent += 1
            self._returned(node.body, scope)
            self.indent -= 1
            self._emit("else:")
            self.indent += 1
            self._returned(node.orelse, scope)
            self.indent -= 1
        elif isinstance(node, ast.Call) and (is_signal(node) or is_adjustment(node)):
            self._return(self._signal(node, scope))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSED_SIGNALS:
            self._refuse(node, f"{node.func.id}() is not in the language", REFUSED_SIGNALS[node.func.id])
            self._return(_NO_SIGNAL)
        else:
            self._refuse(node, "on_bar returns a signal or nothing", "Write return buy(…), return sell(…) or return")
            self._return(_NO_SIGNAL)

    def _signal(self, node: ast.Call, scope: Scope) -> str:
        assert isinstance(node.func, ast.Name)
        side = node.func.id
        sizes = {"buy": ("fraction", "quantity", "notional"), "sell": ("fraction", "quantity")}.get(side, ())
        exits: dict[str, str] = {}
        if node.args:
            self._refuse(
                node,
                f"{side}() takes its arguments by name",
                f"Write {side}(confidence=0.8) or {side}(fraction=0.5)" if sizes else "Write adjust(stop_loss=0.02)",
                Code.ARGUMENT,
            )
        confidence, kind, size = "1.0", "0.0", "0.0"
        for keyword in node.keywords:
            if keyword.arg in EXITS and EXITS[keyword.arg].replaces in exits:
                hint = f"Give one of {keyword.arg} and {EXITS[keyword.arg].replaces}"
                self._refuse(keyword.value, "a position has one stop and one target", hint, Code.ARGUMENT)
            elif keyword.arg in EXITS:
                exits[keyword.arg] = f"x_{len(self.lines)}_{keyword.arg}"
                self._emit(f"{exits[keyword.arg]} = {self._number(keyword.value, scope)}")
            elif keyword.arg == "confidence" and sizes:
                confidence = self._number(keyword.value, scope)
            elif keyword.arg in sizes and kind == "0.0":
                kind = str(float(("fraction", "quantity", "notional").index(keyword.arg) + 1))
                size = self._number(keyword.value, scope)
            elif keyword.arg in sizes:
                self._refuse(keyword.value, "a signal has one size", f"Give one of {', '.join(sizes)}", Code.ARGUMENT)
            else:
                takes = f"confidence, one of {', '.join(sizes)}, and " if sizes else ""
                hint = f"It takes {takes}{', '.join(EXITS)}"
                self._refuse(keyword.value, f"{side}() has no argument {str(keyword.arg)[:40]}", hint, Code.ARGUMENT)
        if side == "adjust" and not exits:
            self._refuse(node, "adjust() changes nothing", f"Give one of {', '.join(EXITS)}", Code.ARGUMENT)
        changes = list(assignments(self.keys, exits, side))
        if changes:
            self.used.add("q_quantity")
        for line in changes:
            self._emit(line)
        return _NO_SIGNAL if side == "adjust" else f"{1.0 if side == 'buy' else 2.0}, {confidence}, {kind}, {size}"

    # Expressions ---------------------------------------------------------------------------------------

    def _number(self, node: ast.expr, scope: Scope) -> str:
        code = self._expression(node, scope)
        return f"(1.0 if {code.text} else 0.0)" if code.kind == "truth" else code.text

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
            key = _state_key(node)
            if key is not None:
                return Piece(_read_state(key, "0.0"), "number")
            if isinstance(node.value, ast.Name) and node.value.id == "bars":
                hint = "Read bar.close; a strategy sees the bars of its own symbol"
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
        hint = f"Use numbers. {_FORGET}" if node.value is None else "Use numbers"
        return self._refuse(node, f"{value_name(node.value)} is not in the language here", hint, Code.TYPE)

    def _local(self, node: ast.Name, scope: Scope) -> Piece:
        if node.id in self.locals:
            if node.id not in scope.assigned:
                self._refuse(
                    node,
                    f"{node.id[:40]} may not have a value here",
                    "Assign it before, on every path",
                    Code.UNASSIGNED,
                )
            return Piece(f"u_{node.id}" if node.id.isascii() else "0.0", "number")
        if node.id in self.parameters:
            self.used.add(f"k_{node.id}")
            return Piece(f"k_{node.id}", "number")
        if node.id in _RESERVED:
            return self._refuse(
                node, f"{node.id} is not a number", f"Use one of its fields or functions, like {node.id}.…"
            )
        hint = f"It is an indicator: bar.{node.id}" if node.id in self.indicators else ""
        hint = hint or nearest(node.id, [*self.locals, *self.parameters]) + "Names are assigned before they are used"
        return self._refuse(node, f"the name {node.id[:40]} is not known", hint, Code.UNKNOWN_NAME)

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
            if owner.id == "np" and name in NUMPY_CONSTANTS:
                return Piece({"nan": NAN, "inf": "1e400"}.get(name, repr(NUMPY_CONSTANTS[name])), "number")
        if isinstance(owner, ast.Attribute) and isinstance(owner.value, ast.Name) and owner.value.id == "bar":
            if owner.attr == "previous" and name in self.fields:
                self.used.add(f"p_{name}")
                return Piece(f"p_{name}", "number")
            if owner.attr == "previous":
                return self._unknown_field(node, "bar.previous", name)
            if owner.attr == "time" and name in TIME_FIELDS:
                column = TIME_FIELDS[name][0]
                self.used.add(f"b_{column}")
                return Piece(f"b_{column}", "number")
            if owner.attr == "time":
                hint = nearest(name, TIME_FIELDS) + f"bar.time has {', '.join(TIME_FIELDS)}"
                return self._refuse(node, f"bar.time has no {name[:40]}", hint, Code.UNKNOWN_FIELD)
        return self._refuse(
            node,
            f".{name[:40]} is not in the language here",
            "Fields belong to bar, bar.previous, bar.time and position",
        )

    def _extreme(self, name: str) -> Piece:
        """The highest or lowest price of the bars held: a key of state that the strategy's own code cannot name."""
        key, _, _ = EXTREMES[name]
        self.used.add("q_quantity")
        return Piece(f"(s_{key} if q_quantity > 0.0 else 0.0)", "number")

    def _head(self) -> list[str]:
        """What is done before the strategy's own code: its exits are noted, and the extremes of the bars held take in this one."""
        lines = list(exit_head(self.keys))
        if lines:
            self.used |= {"q_quantity", "q_average_entry_price"}
        for key, price, beyond in EXTREMES.values():
            if key in self.keys:
                self.used |= {f"b_{price}", "q_quantity"}
                better = f"(s_{key} if s_{key} {beyond} b_{price} else b_{price})"
                lines.append(f"s_{key} = ({better} if q_quantity > 0.0 else {NAN})")
        return lines

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
        a = f"(1.0 if {left.text} else 0.0)" if left.kind == "truth" else left.text
        b = f"(1.0 if {right.text} else 0.0)" if right.kind == "truth" else right.text
        symbol = _ARITHMETIC.get(type(operator))
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
        texts = [f"(1.0 if {part.text} else 0.0)" if part.kind == "truth" else part.text for part in parts]
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
            name = _state_key(node)
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
                    _FORGET
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
        key = str(_state_key(node))
        if len(node.args) == 1 or (isinstance(node.args[1], ast.Constant) and node.args[1].value is None):
            return Piece(f"s_{key}", "number")
        return Piece(_read_state(key, self._number(node.args[1], scope)), "number")

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
            if name in ("buy", "sell"):
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
    """Tells whether a call is `buy(…)` or `sell(…)`."""
    return isinstance(node.func, ast.Name) and node.func.id in ("buy", "sell")


def is_adjustment(node: ast.Call) -> bool:
    """Tells whether a call is `adjust(…)`, which changes the exits of a position and neither buys nor sells."""
    return isinstance(node.func, ast.Name) and node.func.id == "adjust"


def exits_named(node: ast.AST) -> set[str]:
    """The exits that a decision names; none for what is no decision."""
    if isinstance(node, ast.Call) and (is_signal(node) or is_adjustment(node)):
        return {each.arg for each in node.keywords if each.arg in EXITS}
    return set()


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
    return _state_key(node) if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) else None


def _state_key(node: ast.AST) -> str | None:
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


def _extreme_key(node: ast.AST) -> str | None:
    """The key under which the position's field is kept that the node reads, if it is an extreme of the bars held."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "position":
        return EXTREMES[node.attr][0] if node.attr in EXTREMES else None
    return None


def _read_state(key: str, default: str) -> str:
    """A key's value, or `default` while it has none (which is stored as NaN)."""
    return f"(s_{key} if s_{key} == s_{key} else {default})"
