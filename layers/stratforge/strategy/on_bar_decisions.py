"""Reads what `on_bar` returns: a signal with its size, its terms and the exits that it sets, or exits alone; writes it as numbers."""

from __future__ import annotations

import ast
from collections.abc import Collection

from stratforge.strategy.exits import EXITS, NOT_LONG, NOT_SHORT, assignments
from stratforge.strategy.findings import Code
from stratforge.strategy.on_bar_expressions import (
    NO_SIGNAL,
    SIGNALS,
    OnBarExpressions,
    Scope,
    is_adjustment,
    is_signal,
)
from stratforge.strategy.order_terms import NAN, TERMS, Keyword, meant, terms_set
from stratforge.strategy.source import literal_number
from stratforge.strategy.vocabulary import REFUSED_SIGNALS

# The sizes that each decision takes.
_SIZES = {
    "buy": ("fraction", "quantity", "notional"),
    "sell": ("fraction", "quantity"),
    "short": ("fraction", "quantity", "notional"),
    "cover": ("fraction", "quantity"),
}
# The kind of the size and the size of a decision that gives none.
_NO_SIZE = "0.0, 0.0"


class OnBarDecisions(OnBarExpressions):
    """Compiles the decisions of `on_bar`."""

    def _emit(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def _decided(self, node: ast.expr, scope: Scope) -> str:
        """The code of what is returned."""
        if isinstance(node, ast.Call) and (is_signal(node) or is_adjustment(node)):
            return self._signal(node, scope)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSED_SIGNALS:
            self._refuse(node, f"{node.func.id}() is not in the language", REFUSED_SIGNALS[node.func.id])
        else:
            self._refuse(node, "on_bar returns a signal or nothing", "Write return buy(…), return sell(…) or return")
        return NO_SIGNAL

    def _signal(self, node: ast.Call, scope: Scope) -> str:
        assert isinstance(node.func, ast.Name)
        side = node.func.id
        sizes = _SIZES.get(side, ())
        self._check_side(node, side)
        if node.args:
            self._refuse(
                node,
                f"{side}() takes its arguments by name",
                f"Write {side}(confidence=0.8) or {side}(fraction=0.5)" if sizes else "Write adjust(stop_loss=0.02)",
                Code.ARGUMENT,
            )
        given, confidence, size = self._arguments(node, side, scope)
        terms = {name: value for name, value in given.items() if name in TERMS}
        self._check_terms(node, terms)
        if side == "adjust" and not given:
            self._refuse(node, "adjust() changes nothing", f"Give one of {', '.join(EXITS)}", Code.ARGUMENT)
        exits = {name: given[name] for name in given if name in EXITS}
        changes = list(assignments(self.keys, exits, side, shorts=self.shorts))
        if changes:
            self.used.add("q_quantity")
        for line in (*changes, *(terms_set(self.keys, terms) if sizes else ())):
            self._emit(line)
        if side == "adjust":
            return NO_SIGNAL
        conditions = [meant(terms)] if terms else []
        if self.shorts:
            # What is of the other side than the position is no decision.
            self.used.add("q_quantity")
            conditions.insert(0, NOT_SHORT if side in ("buy", "sell") else NOT_LONG)
        if conditions:
            confidence = f"({confidence} if {' and '.join(conditions)} else {NAN})"
        return f"{SIGNALS[side]}, {confidence}, {size}"

    def _arguments(self, node: ast.Call, side: str, scope: Scope) -> tuple[dict[str, str], str, str]:
        """The exits and terms that a decision gives, by the names that hold them; its confidence; and the kind of its size with the size."""
        sizes = _SIZES.get(side, ())
        known = {**EXITS, **(TERMS if sizes else {})}
        given, confidence, size = dict[str, str](), "1.0", _NO_SIZE
        for keyword in node.keywords:
            name, value = keyword.arg, keyword.value
            if name in known and known[name].replaces in given:
                hint = f"Give one of {name} and {known[name].replaces}"
                self._refuse(value, "a position has one stop and one target", hint, Code.ARGUMENT)
            elif name in known:
                self._check_range(value, name, known[name])
                given[name] = f"x_{len(self.lines)}_{name}"
                self._emit(f"{given[name]} = {self._number(value, scope)}")
            elif name == "confidence" and sizes:
                confidence = self._number(value, scope)
            elif name in sizes and size == _NO_SIZE:
                kind = float(("fraction", "quantity", "notional").index(name) + 1)
                size = f"{kind}, {self._number(value, scope)}"
            elif name in sizes:
                self._refuse(value, "a signal has one size", f"Give one of {', '.join(sizes)}", Code.ARGUMENT)
            else:
                takes = f"confidence, one of {', '.join(sizes)}, and " if sizes else ""
                hint = f"It takes {takes}{', '.join(known)}"
                self._refuse(value, f"{side}() has no argument {str(name)[:40]}", hint, Code.ARGUMENT)
        return given, confidence, size

    def _check_side(self, node: ast.Call, side: str) -> None:
        """Refuses what is no decision here: a number of that name, or buying back what was never sold."""
        if side in ("short", "cover") and (side in self.locals or side in self.parameters):
            hint = f"Give your {side} another name, or leave the call out"
            self._refuse(node, f"{side} is a number here, and {side}() a decision", hint)
        elif side == "cover" and not self.shorts:
            hint = "Write return sell()"
            self._refuse(node, "cover() buys back what short() sold, and this strategy does not go short", hint)

    def _check_terms(self, node: ast.Call, terms: Collection[str]) -> None:
        """Refuses terms of an order that do not go together."""
        if {*terms} == {"expire_bars"}:
            hint = "Give limit= or stop= with it, or leave it out: without them it is executed at once"
            self._refuse(
                node, "expire_bars says how long an order rests, and this one does not rest", hint, Code.ARGUMENT
            )
        if "or_stop" in terms and ("limit" not in terms or "stop" in terms):
            hint = "Give limit= and or_stop=: the market comes to one of them first. A stop alone is stop="
            self._refuse(node, "or_stop stands beside a limit, and instead of a stop", hint, Code.ARGUMENT)

    def _check_range(self, node: ast.expr, name: str, bound: Keyword) -> None:
        """Refuses a number of a decision that is known and out of its range."""
        value = self._fixed(node)
        if value is not None and not bound.fits(value):
            hint = f"Write a number {bound.allowed}"
            if name in EXITS and 0 < abs(value) <= 100 and bound.fits(abs(value) / 100):
                hint += f": {abs(value) / 100:g} is {abs(value):g} percent"
            self._refuse(node, f"{name} cannot be {value:g}", hint, Code.ARGUMENT)

    def _fixed(self, node: ast.expr) -> float | None:
        """The number that is written out or a constant; None for others."""
        constants = {each: value for each, value in self.parameters.items() if each not in self.locals}
        return literal_number(node, constants)
