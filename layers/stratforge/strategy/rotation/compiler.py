"""Reads `rebalance(universe, portfolio, state)` and writes it anew as a function of numbers and of columns over the universe."""

from __future__ import annotations

import ast
from dataclasses import replace

from stratforge.strategy.findings import Code
from stratforge.strategy.on_bar_compiler import OnBar
from stratforge.strategy.on_bar_expressions import Kind, Piece, Scope
from stratforge.strategy.rotation.expressions import RebalanceExpressions, is_column
from stratforge.strategy.rotation.module import WORDS
from stratforge.strategy.source import is_docstring
from stratforge.strategy.syntax_names import syntax_name

_SHAPE = 'Return weights: weights.equal(…), a column, {"SPY": 0.6, "AGG": 0.4}, cash(), or nothing to change nothing'
_STATEMENTS = (ast.If, ast.Return, ast.Assign, ast.AugAssign, ast.Pass, ast.Delete)
# What is said of `on_bar` holds here too, in other words.
_WORDS = (("on_bar", "rebalance"), ("fields of bar, position and state", "fields of universe, portfolio and state"))


class RebalanceCompiler(RebalanceExpressions):
    """Compiles the `rebalance` function of a portfolio strategy: its result is the weights (or none) and the new state."""

    nothing = "None"

    def compile(self, function: ast.FunctionDef) -> OnBar:
        """The function of numbers and columns that `function` means."""
        before = len(self.findings.items)
        found = super().compile(function)
        for index, each in enumerate(self.findings.items[before:], before):
            message, suggestion = each.message, each.suggestion
            for old, new in _WORDS:
                message, suggestion = message.replace(old, new), suggestion.replace(old, new)
            self.findings.items[index] = replace(each, message=message, suggestion=suggestion)
        return found

    def _return(self, decision: str) -> None:
        self._emit(f"return ({decision},{''.join(f' s_{key},' for key in self.keys)})")

    def _statement(self, node: ast.stmt, scope: Scope) -> None:
        # Names may get other values with each statement.
        self._read.clear()
        if isinstance(node, _STATEMENTS) or is_docstring(node):
            super()._statement(node, scope)
        elif isinstance(node, ast.For | ast.While):
            word = "for" if isinstance(node, ast.For) else "while"
            hint = "A column has every symbol at once: universe.close > universe.trend, .top(3), .mean()"
            self._refuse(node, f"{word} is not in the language of rebalance", hint)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if not self._refused(node.value, scope):
                self._refuse(node, "what this gives is not used", "Assign it to a name, or return it")
        else:
            hint = "Use assignments, if, and return of weights"
            self._refuse(node, f"{syntax_name(node)} is not allowed in rebalance", hint)

    def _check_local(self, node: ast.Name) -> None:
        if node.id in WORDS:
            self._refuse(node, f"{node.id} is a word of the language and cannot be assigned", "Choose another name")
        else:
            super()._check_local(node)

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        if len(node.targets) != 1 or isinstance(node.targets[0], ast.Tuple):
            super()._assign(node, scope)
        elif self._whose(node.value) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call):
            self._name_symbol(node.targets[0], node.value, scope)
        else:
            self._keep(node.targets[0], self._expression(node.value, scope), scope)

    def _name_symbol(self, target: ast.Name, call: ast.Call, scope: Scope) -> None:
        """Gives a symbol that is looked at a name, which stays with it."""
        self._check_local(target)
        known = self.views.setdefault(target.id, call)
        if target.id in self.kinds or ast.dump(known) != ast.dump(call):
            self._refuse(target, f"{target.id[:40]} was something else before", "Use another name", Code.TYPE)
        self._place(call, looked_at=self._whose(call) == "universe")
        scope.assigned.add(target.id)

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        if not isinstance(node.target, ast.Name) or node.target.id not in self.kinds:
            super()._augmented(node, scope)
            return
        left = self._local(ast.copy_location(ast.Name(node.target.id, ast.Load()), node), scope)
        right = self._expression(node.value, scope)
        self._keep(node.target, self._operate(node, node.op, left, right), scope)

    def _store(self, target: ast.expr, text: str, scope: Scope) -> None:
        self._keep(target, Piece(text, "number"), scope)

    def _keep(self, target: ast.expr, piece: Piece, scope: Scope) -> None:
        """Stores a value under a name, which stays of one kind."""
        kept: Kind = "number" if piece.kind == "truth" else piece.kind
        if isinstance(target, ast.Name) and target.id in self.views:
            self._refuse(target, f"{target.id[:40]} was a symbol before", "Use another name", Code.TYPE)
        elif isinstance(target, ast.Name):
            known = self.kinds.setdefault(target.id, kept)
            if known != kept and "unknown" not in (known, kept):
                message = f"{target.id[:40]} was {_KINDS[known]} before and is {_KINDS[kept]} here"
                self._refuse(target, message, "Use another name", Code.TYPE)
        elif is_column(piece):
            self._refuse(target, "a column cannot be kept here", "State holds numbers: keep a figure of it", Code.TYPE)
        super()._store(target, piece.number, scope)

    def _decided(self, node: ast.expr, scope: Scope) -> str:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cash":
            if node.args or node.keywords:
                self._refuse(
                    node, "cash() takes no arguments", 'What is not in weights stays cash: return {"SPY": 0.6}'
                )
            return f"weights_placed({float(self.universe)!r})"
        if isinstance(node, ast.Dict):
            return self._by_symbol(node, scope)
        piece = self._expression(node, scope)
        if piece.kind == "condition":
            hint = "Write return weights.equal(…), or divide: (…) / 3"
            self._refuse(node, "a condition is not weights", hint, Code.TYPE)
        elif piece.kind not in ("column", "unknown"):
            self._refuse(node, "rebalance returns weights or nothing", _SHAPE, Code.TYPE)
        return piece.text

    def _by_symbol(self, node: ast.Dict, scope: Scope) -> str:
        universe = self.symbols[: self.universe]
        pairs: dict[str, str] = {}
        if not node.keys:
            self._refuse(node, "these are no weights", "Write return cash(), or return alone to change nothing")
        for key, value in zip(node.keys, node.values, strict=True):
            symbol = key.value if isinstance(key, ast.Constant) else None
            if not isinstance(symbol, str) or symbol not in universe:
                hint = f"The universe is {', '.join(universe)[:200]}"
                self._refuse(key or value, "weights are by symbols of the universe, written out", hint, Code.ARGUMENT)
            elif symbol in pairs:
                self._refuse(key or value, f"{symbol} has two weights", "Keep one", Code.ARGUMENT)
            else:
                pairs[symbol] = f"({universe.index(symbol)}, {self._number(value, scope)})"
        return f"weights_placed({', '.join((repr(float(self.universe)), *pairs.values()))})"


_KINDS = {"number": "a number", "column": "a column", "condition": "a condition"}
