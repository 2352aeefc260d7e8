"""Reads `on_bar(bar, position, state)` and writes it anew as a function of numbers.

The text of a strategy is never executed. From its checked syntax tree this module writes a new function whose
arguments are the numbers the strategy reads (`b_close`, `p_fast`, `q_quantity`, `s_count`, `k_FAST`) and whose
result is the decision and the new state, in terms of local variables and the total operations of
`arithmetic` alone. The same text runs in the interpreter, inside the backtester's loop, and as machine code.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from stratforge.strategy import arithmetic
from stratforge.strategy.exits import OWN_KEYS, keys_for
from stratforge.strategy.exits import head as exit_head
from stratforge.strategy.findings import Code
from stratforge.strategy.on_bar_decisions import OnBarDecisions
from stratforge.strategy.on_bar_expressions import (
    ARITHMETIC,
    FORGET,
    NO_SIGNAL,
    RESERVED,
    Piece,
    Scope,
    exits_named,
    given_key,
    is_adjustment,
    is_signal,
    read_state,
    state_key,
    term_keys_named,
)
from stratforge.strategy.order_terms import NAN
from stratforge.strategy.source import MAX_LITERAL, MAX_NAME, calculated, is_docstring
from stratforge.strategy.syntax_names import syntax_name
from stratforge.strategy.trees import walk
from stratforge.strategy.vocabulary import (
    EXTREMES,
    MAX_LOOP,
    MAX_NESTED_LOOPS,
    MAX_STATE_KEYS,
)

# Of the bounds of a loop.
_WHOLE: dict[type[ast.operator], str] = {**ARITHMETIC, ast.FloorDiv: "//"}


@dataclass(frozen=True)
class OnBar:
    """`on_bar` as a function of numbers.

    `arguments` names what the function takes, in order, and `state` the keys whose new values follow the four
    numbers of the decision (action, confidence, size kind, size) in its result. `text` is the function's source. The first `noted` lines of
    its body note the exits in force, which whoever watches the prices live asks for and a backtest does not. It `shorts` where it may go short.
    """

    arguments: tuple[str, ...]
    state: tuple[str, ...]
    body: tuple[str, ...]
    noted: int = 0
    shorts: bool = False

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
    exec(compile(text, "<on_bar>", "exec"), scope)  # noqa: S102 - as said above
    function: Callable[..., tuple[float, ...]] = scope["on_bar"]
    return function


# Other values of the constants are compiled from the same tree.
@lru_cache(maxsize=64)
def _said(function: ast.FunctionDef) -> tuple[frozenset[str], tuple[str, ...], bool]:
    """The names that a function assigns, the keys of state that it means, and whether it goes short."""
    names, keys, shorts = set[str](), set[str](), False
    for node in walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            shorts |= node.func.id == "short"
        if isinstance(node, ast.Call | ast.Subscript | ast.Compare | ast.Attribute):
            keys |= {*keys_for(exits_named(node)), *term_keys_named(node)} or {state_key(node) or given_key(node) or ""}
    # The order in which jsonb gives them back: live they are taken as they come.
    return frozenset(names), tuple(sorted(keys - {""}, key=lambda key: (len(key), key))), shorts


class OnBarCompiler(OnBarDecisions):
    """Compiles the `on_bar` function of a strategy."""

    # What a return without a value gives.
    nothing = NO_SIGNAL

    def compile(self, function: ast.FunctionDef) -> OnBar:
        """The function of numbers that `function` means."""
        self._collect(function)
        scope = Scope()
        body = function.body[1:] if is_docstring(function.body[0]) else function.body
        self._block(body, scope)
        if not scope.ended:
            self._return(self.nothing)
        own = len([key for key in self.keys if key not in OWN_KEYS])
        if own > MAX_STATE_KEYS:
            message = f"{own} keys of state; {MAX_STATE_KEYS} are allowed"
            self.findings.add(function, Code.TOO_LARGE, message, "Use fewer")
        head = self._head()
        self.used |= {f"s_{key}" for key in self.keys}
        order = "bptqwohsk"
        arguments = tuple(sorted(self.used, key=lambda name: (order.index(name[0]), name)))
        noted = len(list(exit_head(self.keys, shorts=self.shorts)))
        return OnBar(arguments, tuple(self.keys), (*head, *self.lines), noted, self.shorts)

    def _collect(self, function: ast.FunctionDef) -> None:
        names, keys, self.shorts = _said(function)
        self.locals, self.keys = set(names), list(keys)

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
            self._refuse(node, "del is not in the language", FORGET)
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
        if node.id in RESERVED or node.id in self.parameters:
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
        key = state_key(target)
        if key is not None:
            self._emit(f"s_{key} = {text}")
        elif isinstance(target, ast.Name):
            self._check_local(target)
            self._emit(f"u_{target.id} = {text}")
            scope.assigned.add(target.id)
        else:
            self._refuse(target, "this cannot be assigned", 'Assign to a name or to state["key"]')

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        key = state_key(node.target)
        if key is not None:
            left = Piece(read_state(key, "0.0"), "number")
        elif isinstance(node.target, ast.Name) and (node.target.id in RESERVED or node.target.id in self.parameters):
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
            self._return(self.nothing)
        elif isinstance(node, ast.IfExp):
            self._emit(f"if {self._truth(node.test, scope)}:")
            self.indent += 1
            self._returned(node.body, scope)
            self.indent -= 1
            self._emit("else:")
            self.indent += 1
            self._returned(node.orelse, scope)
            self.indent -= 1
        else:
            self._return(self._decided(node, scope))

    def _head(self) -> list[str]:
        """What is done before the strategy's own code: its exits are noted, and the extremes of the bars held take in this one."""
        lines = list(exit_head(self.keys, shorts=self.shorts))
        if lines:
            self.used |= {"q_quantity", "q_average_entry_price"}
        of_short = dict(zip(EXTREMES, reversed(EXTREMES.values()), strict=True))
        for name, (key, price, beyond) in EXTREMES.items():
            if key in self.keys:
                self.used |= {f"b_{price}", "q_quantity"}
                better = f"(s_{key} if s_{key} {beyond} b_{price} else b_{price})"
                rest = NAN
                if self.shorts:
                    _, price, beyond = of_short[name]
                    self.used.add(f"b_{price}")
                    lower = f"(s_{key} if s_{key} {beyond} b_{price} else b_{price})"
                    rest = f"({lower} if q_quantity < 0.0 else {NAN})"
                lines.append(f"s_{key} = ({better} if q_quantity > 0.0 else {rest})")
        return lines
