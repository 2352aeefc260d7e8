"""The rules of a portfolio strategy in words: when it decides, among what, and which weights it holds."""

from __future__ import annotations

import ast

from stratforge.strategy.column_calls import symbol_written
from stratforge.strategy.explanation.decisions import Decisions, Does, Lines
from stratforge.strategy.explanation.expressions import Expressions
from stratforge.strategy.explanation.wording import CHOICE, COMPARISON, PHRASE, Said, counted

_PORTFOLIO = {
    "weights": "the weight each symbol has now",
    "equity": "the portfolio’s equity",
    "cash": "the portfolio’s cash",
}
_FIGURES = {
    "mean": "the average over the symbols of {}",
    "sum": "the sum over the symbols of {}",
    "min": "the smallest over the symbols of {}",
    "max": "the largest over the symbols of {}",
    "median": "the median over the symbols of {}",
    "std": "the standard deviation over the symbols of {}",
    "count": "the number of symbols with a known {}",
    "any": "for one of the symbols {}",
    "all": "for all symbols {}",
    "abs": "the absolute value of {}",
    "isna": "{} is unknown",
    "notna": "{} is known",
}
_WEIGHTS = {
    "equal": ("hold in equal parts {}", ("chosen",)),
    "inverse_volatility": ("hold in proportion to 1 / {}", ("volatility", "where")),
    "proportional": ("hold in proportion to {}", ("values", "where")),
}


class OverSymbols(Expressions):
    """Says expressions of `rebalance`, whose columns have a value for each symbol."""

    def _field(self, node: ast.Attribute) -> Said:
        symbol = self._symbol(node.value)
        if symbol:
            if ast.unparse(node.value).startswith("portfolio."):
                return Said(f"the weight {symbol} has now")
            return Said(f"{self.column(node.attr).tight} of {symbol}", PHRASE)
        if ast.unparse(node.value) == "universe":
            return self.column(node.attr)
        if ast.unparse(node.value) == "portfolio" and node.attr in _PORTFOLIO:
            return Said(_PORTFOLIO[node.attr])
        if isinstance(node.value, ast.Name) and node.value.id not in ("np", "portfolio"):
            # A name that more than one statement gives to a symbol.
            return Said(f"{self.column(node.attr).tight} of `{node.value.id}`", PHRASE)
        return super()._field(node)

    def _symbol(self, node: ast.expr) -> str:
        """The one symbol that `universe.of("SPY")`, or a name for it, looks at; empty for anything else."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "of":
            return symbol_written(node) or ""
        if isinstance(node, ast.Name) and node.id in self.meant:
            return self.meant[node.id].text
        return ""

    def _call(self, node: ast.Call) -> Said:
        symbol = self._symbol(node)
        if symbol:
            return Said(symbol)
        function = node.func
        if not isinstance(function, ast.Attribute) or ast.unparse(function.value) in ("np", "pd", "weights", "state"):
            return super()._call(node)
        name, of = function.attr, self.value(function.value)
        given = [*node.args, *(each.value for each in node.keywords)]
        if name in ("top", "bottom") and node.args:
            most = "highest" if name == "top" else "lowest"
            fixed = self.fixed(node.args[0])
            many = counted(fixed, "symbol") if fixed is not None else f"{self.value(node.args[0])} symbols"
            said = f"the {many} with the {most} {of}"
            return Said(f"{said}{self.among(given[1])}" if len(given) > 1 else said, PHRASE)
        if name == "where" and len(given) == 1:
            return Said(f"{of} where {self.condition(given[0])}", PHRASE)
        if name == "fillna" and len(given) == 1:
            return Said(f"{of}, or {self.value(given[0])} while unknown", CHOICE)
        if name in _FIGURES and not given:
            return Said(_FIGURES[name].format(of), COMPARISON if name in ("any", "all", "isna", "notna") else PHRASE)
        return super()._call(node)

    def among(self, node: ast.expr) -> str:
        """“ among the 3 symbols with …”, or those where something holds."""
        return f" among {self.chosen(node)}"

    def chosen(self, node: ast.expr) -> str:
        """The symbols for which a condition holds."""
        said = self.said(node)
        return said.text if said.loose == PHRASE else f"those where {said.text}"


class Weights(Decisions):
    """Reads the rules of `rebalance`."""

    _nothing = "change nothing, and let what is held drift"

    def __init__(self, function: ast.FunctionDef, words: OverSymbols, lines: Lines) -> None:
        super().__init__(function, words, lines)
        self._over = words

    def _decided(self, node: ast.expr) -> tuple[Does, str]:
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "cash":
            return "weights", "hold cash alone"
        if isinstance(node, ast.Dict):
            return "weights", f"hold {', '.join(map(self._part, node.keys, node.values))}, and the rest in cash"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and ast.unparse(node.func.value) == "weights"
        ):
            form, names = _WEIGHTS.get(node.func.attr, ("", ()))
            given = dict(zip(names, node.args, strict=False)) | {str(each.arg): each.value for each in node.keywords}
            if form and names[0] in given:
                where = self._over.among(given["where"]) if "where" in given else ""
                of = self._over.chosen(given["chosen"]) if "chosen" in given else self._over.value(given[names[0]])
                return "weights", f"{form.format(of)}{where}"
        return "weights", f"hold as weights {self._words.value(node)}"

    def _part(self, symbol: ast.expr | None, weight: ast.expr) -> str:
        name = str(symbol.value) if isinstance(symbol, ast.Constant) else "?"
        fixed = self._words.fixed(weight)
        if fixed is None:
            return f"{name} at the weight {self._words.value(weight)}"
        return f"{self._percent(weight, fixed)} {name}"
