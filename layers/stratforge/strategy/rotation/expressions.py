"""Writes the expressions of `rebalance`: numbers as in `on_bar`, and columns, which have a number for each symbol of the universe."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from stratforge.market.columns import PRICE_COLUMNS
from stratforge.strategy.column_calls import nearest, symbol_written
from stratforge.strategy.columns_compiler import BINARY, COMPARE, LOGICAL_OPERATIONS
from stratforge.strategy.findings import Code
from stratforge.strategy.graph import Node
from stratforge.strategy.on_bar_compiler import OnBarCompiler
from stratforge.strategy.on_bar_expressions import BAD, Kind, Piece, Scope
from stratforge.strategy.order_terms import NAN
from stratforge.strategy.rotation.cross_sections import FIGURES
from stratforge.strategy.rotation.module import MAX_SYMBOLS, WORDS
from stratforge.strategy.source import Findings
from stratforge.strategy.vocabulary import NUMPY_FUNCTIONS

PORTFOLIO_FIELDS = {
    "weights": "the part of the equity that each symbol is now, at its last price",
    "equity": "cash and what everything held is worth, in dollars",
    "cash": "money that is not invested, in dollars",
}
# Methods of columns and conditions: their arguments, and whether they give a condition; figures give one number.
COLUMN_METHODS: dict[str, tuple[tuple[str, ...], str]] = {
    "top": (("n", "where"), "whether each is one of the n largest, among those for which `where` holds"),
    "bottom": (("n", "where"), "whether each is one of the n smallest, among those for which `where` holds"),
    "rank": (("ascending",), "ranks from 1, the smallest first; the largest first with ascending=False"),
    "where": (("condition",), "the values for which the condition holds, unknown for the others"),
    "clip": (("lower", "upper"), "bounded values"),
    "fillna": (("value",), "value where not known"),
    "abs": ((), "absolute value"),
    "isna": ((), "whether not known"),
    "notna": ((), "whether known"),
}
FIGURE_METHODS = {
    "mean": "average of those that are known; of a condition the part for which it holds",
    "sum": "sum of those that are known; of a condition for how many it holds",
    "min": "smallest",
    "max": "largest",
    "median": "median",
    "std": "standard deviation (ddof=1)",
    "count": "how many are known",
    "any": "of a condition: whether it holds for one",
    "all": "of a condition: whether it holds for all",
}
WEIGHTS = {
    "equal": (("chosen",), "the same weight for each that is chosen, 1 together"),
    "inverse_volatility": (("volatility", "where"), "in proportion to 1 / volatility, 1 together"),
    "proportional": (("values", "where"), "in proportion to the values above 0, 1 together"),
}
_TRANSFORMS: dict[str, tuple[str, Kind]] = {
    "abs": ("absolute", "column"),
    "isna": ("is_nan", "condition"),
    "notna": ("not_nan", "condition"),
}
_NEEDED = {"where": "universe.close > 5", "fillna": "0"}
_CHOOSE = 'Use a figure of it, such as .mean(), .max() or .count(), or one symbol: universe.of("SPY").close'


class RebalanceExpressions(OnBarCompiler):
    """Compiles expressions of `rebalance`."""

    def __init__(
        self,
        parameters: dict[str, float],
        columns: Mapping[str, Node],
        findings: Findings,
        returned: frozenset[str] | None,
        symbols: list[str],
        universe: int,
    ) -> None:
        """`symbols` begins with those of the universe, of which there are `universe`; those that are only looked at are added."""
        super().__init__(parameters, columns, findings, returned)
        self.columns = columns
        self.symbols = symbols
        self.universe = universe
        self.fields = frozenset((*PRICE_COLUMNS, *columns))
        # What each local name is, for good.
        self.kinds: dict[str, Kind] = {}
        # Names of symbols that are looked at: market = universe.of("SPY").
        self.views: dict[str, ast.Call] = {}
        self._read: dict[int, tuple[ast.expr, Piece]] = {}

    # What an expression is -----------------------------------------------------------------------------

    def _expression(self, node: ast.expr, scope: Scope) -> Piece:
        # Once in a statement: whoever builds on it asks what kind it is and then has it written.
        found = self._read.get(id(node))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in self.views:
            self._check_assigned(node.value, scope)
        if found is None:
            piece = self._chosen(node, scope) if isinstance(node, ast.IfExp) else super()._expression(node, scope)
            # With the node, so that no other takes its place.
            self._read[id(node)] = (node, piece)
            return piece
        return found[1]

    def _number(self, node: ast.expr, scope: Scope) -> str:
        if is_column(self._expression(node, scope)):
            return self._refuse(node, "this is a column, where one number is needed", _CHOOSE, Code.TYPE).text
        return super()._number(node, scope)

    def _truth(self, node: ast.expr, scope: Scope) -> str:
        if is_column(self._expression(node, scope)):
            hint = 'Use (…).any() or (…).all(), or one symbol: universe.of("SPY").close'
            return self._refuse(
                node, "a column cannot decide an if: it has a value for each symbol", hint, Code.TYPE
            ).text
        return super()._truth(node, scope)

    def _column(self, node: ast.expr, scope: Scope, what: str) -> str | None:
        """The text of a column of numbers; None after a finding."""
        piece = self._expression(node, scope)
        if is_column(piece):
            return piece.text
        if piece.kind != "unknown":
            self._refuse(node, f"{what} takes a column", "Write universe.<indicator>", Code.TYPE)
        return None

    def _condition(self, node: ast.expr, scope: Scope, what: str) -> str | None:
        """The text of a condition for each symbol; None after a finding."""
        piece = self._expression(node, scope)
        if piece.kind == "condition":
            return piece.text
        if piece.kind != "unknown":
            hint = "Write a comparison of a column, such as universe.momentum > 0"
            self._refuse(node, f"{what} takes a condition for each symbol", hint, Code.TYPE)
        return None

    # Operators -----------------------------------------------------------------------------------------

    def _operate(self, node: ast.AST, operator: ast.operator, left: Piece, right: Piece) -> Piece:
        if not (is_column(left) or is_column(right)):
            return super()._operate(node, operator, left, right)
        if "unknown" in (left.kind, right.kind):
            return BAD
        if type(operator) not in BINARY:
            return self._refuse(node, "this operator is not in the language", "Use + - * / // % ** & |")
        name, _ = BINARY[type(operator)]
        if name in LOGICAL_OPERATIONS and not left.kind == right.kind == "condition":
            hint = "Put each comparison in parentheses: (a > b) & (c < d)"
            return self._refuse(node, "both sides of & and | must be conditions", hint, Code.TYPE)
        return Piece(
            f"each_{name}({left.number}, {right.number})", "condition" if name in LOGICAL_OPERATIONS else "column"
        )

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Piece:
        piece = self._expression(node.operand, scope)
        if not is_column(piece):
            return super()._unary(node, scope)
        if isinstance(node.op, ast.USub):
            return Piece(f"each_negative({piece.text})", "column")
        if isinstance(node.op, ast.Invert) and piece.kind == "condition":
            return Piece(f"each_not({piece.text})", "condition")
        if isinstance(node.op, ast.UAdd):
            return piece
        return self._refuse(node, "this operator does not work on columns", "Use ~(…) on comparisons", Code.TYPE)

    def _boolean(self, node: ast.BoolOp, scope: Scope) -> Piece:
        if any(is_column(self._expression(each, scope)) for each in node.values):
            word = "and" if isinstance(node.op, ast.And) else "or"
            return self._refuse(
                node, f"'{word}' does not work on columns", "Use & and |, with each side in parentheses"
            )
        return super()._boolean(node, scope)

    def _compare(self, node: ast.Compare, scope: Scope) -> Piece:
        operation = COMPARE.get(type(node.ops[0]))
        if operation is None:
            return super()._compare(node, scope)
        sides = [self._expression(each, scope) for each in (node.left, *node.comparators)]
        if not any(is_column(each) for each in sides):
            return super()._compare(node, scope)
        if len(sides) > 2:
            return self._refuse(node, "chained comparisons do not work on columns", "Write (a < b) & (b < c)")
        if any(each.kind == "unknown" for each in sides):
            return BAD
        return Piece(f"each_{operation}({sides[0].number}, {sides[1].number})", "condition")

    def _chosen(self, node: ast.IfExp, scope: Scope) -> Piece:
        yes, no = self._expression(node.body, scope), self._expression(node.orelse, scope)
        if not (is_column(yes) or is_column(no)):
            return super()._expression(node, scope)
        test = self._truth(node.test, scope)
        if "unknown" in (yes.kind, no.kind):
            return BAD
        if yes.kind != no.kind:
            hint = "Write two columns, or np.where(condition, x, y)"
            return self._refuse(node, "one is a column and the other is none", hint, Code.TYPE)
        return Piece(f"({yes.text} if {test} else {no.text})", yes.kind)

    # Names and fields ----------------------------------------------------------------------------------

    def _local(self, node: ast.Name, scope: Scope) -> Piece:
        if node.id in self.views:
            hint = f"Read a field of it: {node.id}.close"
            return self._refuse(node, f"{node.id[:40]} is a symbol and not a number", hint, Code.TYPE)
        if node.id not in self.locals and node.id in WORDS:
            hint = (
                f"Use one of its fields or functions, like {node.id}.…" if node.id != "cash" else "Write return cash()"
            )
            return self._refuse(node, f"{node.id} is not a number", hint)
        piece = super()._local(node, scope)
        return Piece(piece.text, self.kinds[node.id]) if node.id in self.kinds else piece

    def _attribute(self, node: ast.Attribute) -> Piece:
        owner, name = node.value, node.attr
        if isinstance(owner, ast.Name) and owner.id in self.views:
            owner = self.views[owner.id]
        if isinstance(owner, ast.Name) and owner.id not in self.locals:
            if owner.id == "universe" and name in self.fields:
                self.used.add(f"w_{name}")
                logical = name in self.columns and self.columns[name].logical
                return Piece(f"w_{name}", "condition" if logical else "column")
            if owner.id == "universe":
                return self._unknown_field(node, "universe", name)
            if owner.id == "portfolio" and name in PORTFOLIO_FIELDS:
                self.used.add(f"h_{name}")
                return Piece(f"h_{name}", "column" if name == "weights" else "number")
            if owner.id == "portfolio":
                hint = nearest(name, PORTFOLIO_FIELDS) + f"portfolio has {', '.join(PORTFOLIO_FIELDS)}"
                return self._refuse(node, f"portfolio has no {name[:40]}", hint, Code.UNKNOWN_FIELD)
            if owner.id in ("bar", "position", "account"):
                hint = "Read universe.close, portfolio.weights or portfolio.equity"
                return self._refuse(node, f"there is no {owner.id} in rebalance", hint, Code.UNKNOWN_NAME)
            if owner.id == "np":
                return super()._attribute(node)
        if (
            isinstance(owner, ast.Attribute)
            and isinstance(owner.value, ast.Name)
            and (owner.value.id, owner.attr) == ("universe", "time")
        ):
            return self._time_field(node, "universe.time", "t")
        whose = self._whose(owner)
        if whose and isinstance(owner, ast.Call):
            return self._field_of_symbol(node, owner, whose)
        if name in COLUMN_METHODS or name in FIGURE_METHODS:
            return self._refuse(node, f".{name} is not a number", f"Call it: .{name}(…)")
        hint = 'Fields belong to universe, universe.time, universe.of("SPY") and portfolio'
        return self._refuse(node, f".{name[:40]} is not in the language here", hint)

    def _whose(self, node: ast.expr) -> str:
        """What a call looks one symbol up in, `universe.of("SPY")` or `portfolio.of("SPY")`; empty for anything else."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "of":
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in ("universe", "portfolio") and owner.id not in self.locals:
                return owner.id
        return ""

    def _field_of_symbol(self, node: ast.Attribute, call: ast.Call, whose: str) -> Piece:
        """A field of one symbol, `universe.of("SPY").close` or `portfolio.of("SPY").weight`."""
        place = self._place(call, looked_at=whose == "universe")
        if place is None:
            return BAD
        if whose == "portfolio":
            if node.attr != "weight":
                hint = 'Write portfolio.of("SPY").weight'
                return self._refuse(node, f"it has no {node.attr[:40]}", hint, Code.UNKNOWN_FIELD)
            self.used.add("h_weights")
            return Piece(f"float(h_weights[{place}])", "number")
        if node.attr not in self.fields:
            return self._unknown_field(node, "a symbol", node.attr)
        self.used.add(f"o_{place}_{node.attr}")
        return Piece(f"o_{place}_{node.attr}", "number")

    def _place(self, call: ast.Call, *, looked_at: bool) -> int | None:
        word = symbol_written(call)
        if word is None:
            hint = 'Write universe.of("SPY"), with the symbol written out'
            self._refuse(call, "of() takes a symbol", hint, Code.ARGUMENT)
            return None
        if word in self.symbols[: None if looked_at else self.universe]:
            return self.symbols.index(word)
        if not looked_at:
            hint = f"The universe is {', '.join(self.symbols[: self.universe])[:200]}"
            self._refuse(call, f"{word} is not in the universe, so nothing is held of it", hint, Code.ARGUMENT)
            return None
        self.symbols.append(word)
        return len(self.symbols) - 1

    # Calls ---------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call, scope: Scope) -> Piece:
        function = node.func
        if any(isinstance(each, ast.Starred) for each in node.args) or any(each.arg is None for each in node.keywords):
            return super()._call(node, scope)
        if isinstance(function, ast.Name) and function.id not in self.locals:
            if function.id == "cash":
                return self._refuse(node, "cash() is what rebalance returns", "Write return cash()")
            if function.id in ("buy", "sell", "adjust"):
                hint = 'Return weights: weights.equal(…), {"SPY": 0.6}, cash(), or nothing to change nothing'
                return self._refuse(node, f"{function.id}() is not in the language of rebalance", hint)
            if function.id == "abs" and len(node.args) == 1 and is_column(self._expression(node.args[0], scope)):
                return Piece(f"each_absolute({self._expression(node.args[0], scope).text})", "column")
        if not isinstance(function, ast.Attribute):
            return super()._call(node, scope)
        owner, name = function.value, function.attr
        if isinstance(owner, ast.Name) and owner.id not in self.locals:
            if owner.id == "weights":
                return self._weights(node, name, scope)
            if owner.id in ("universe", "portfolio"):
                hint = (
                    'Read a field of it: universe.of("SPY").close'
                    if name == "of"
                    else "Call methods of a column: universe.close.rank()"
                )
                return self._refuse(node, f"{owner.id}.{name[:40]}() is not a value", hint)
            if owner.id in ("np", "pd", "ta", "state", "bar", "position", "bars"):
                return super()._call(node, scope)
        piece = self._expression(owner, scope)
        if piece.kind == "unknown":
            return BAD
        if not is_column(piece):
            return self._refuse(node, f"numbers have no method {name[:40]}", "Use np. functions", Code.UNKNOWN_FUNCTION)
        if name in FIGURE_METHODS:
            return self._figure(node, piece, name)
        if name in COLUMN_METHODS:
            return self._method(node, piece, name, scope)
        known = (*COLUMN_METHODS, *FIGURE_METHODS)
        hint = nearest(name, known) + f"Columns have {', '.join(known)}; averages over bars are made in indicators"
        return self._refuse(node, f".{name[:40]}() is not in the language here", hint, Code.UNKNOWN_FUNCTION)

    def _given(self, node: ast.Call, what: str, names: tuple[str, ...]) -> dict[str, ast.expr] | None:
        """The arguments of a call by name; None after a finding."""
        given: dict[str, ast.expr] = dict(zip(names, node.args, strict=False))
        takes = f"It takes {', '.join(names) or 'none'}"
        if len(node.args) > len(names):
            self._refuse(node, f"{what} takes at most {len(names)} arguments", takes, Code.ARGUMENT)
            return None
        for keyword in node.keywords:
            name = str(keyword.arg)
            if name not in names or name in given:
                message = f"{what} gets {name} twice" if name in given else f"{what} has no argument {name[:40]}"
                self._refuse(keyword.value, message, takes, Code.ARGUMENT)
                return None
            given[name] = keyword.value
        return given

    def _figure(self, node: ast.Call, piece: Piece, name: str) -> Piece:
        if node.args or node.keywords:
            return self._refuse(node, f".{name}() takes no arguments", f"Write .{name}()", Code.ARGUMENT)
        if name in FIGURES:
            return Piece(f"figure_{name}({piece.text})", "number")
        if piece.kind != "condition":
            return self._refuse(node, f".{name}() is of conditions", f"Write (universe.close > 5).{name}()", Code.TYPE)
        return Piece(f"figure_{name}({piece.text})", "truth")

    def _method(self, node: ast.Call, piece: Piece, name: str, scope: Scope) -> Piece:
        given = self._given(node, f".{name}", COLUMN_METHODS[name][0])
        if given is None:
            return BAD
        if name in ("top", "bottom"):
            return self._best(node, piece, name, given, scope)
        if name == "rank":
            ascending = given.get("ascending", ast.Constant(True))
            if not isinstance(ascending, ast.Constant) or not isinstance(ascending.value, bool):
                return self._refuse(
                    ascending, "ascending is True or False", "Write .rank(ascending=False)", Code.ARGUMENT
                )
            return Piece(f"cross_rank({piece.text}, {ascending.value})", "column")
        if name in _NEEDED and not given:
            return self._refuse(
                node, f".{name} needs {_NEEDED[name]}", f"Write .{name}({_NEEDED[name]})", Code.ARGUMENT
            )
        if name == "where":
            condition = self._condition(given["condition"], scope, ".where")
            return BAD if condition is None else Piece(f"each_where({condition}, {piece.text}, {NAN})", "column")
        if name == "fillna":
            value = self._number(given["value"], scope)
            return Piece(f"cross_fillna({piece.text}, {value})", "column")
        if name == "clip":
            text = piece.text
            for bound, operation in (("lower", "maximum"), ("upper", "minimum")):
                if bound in given:
                    text = f"each_{operation}({text}, {self._number(given[bound], scope)})"
            return Piece(text, "column")
        operation, kind = _TRANSFORMS[name]
        return Piece(f"each_{operation}({piece.text})", kind)

    def _best(self, node: ast.Call, piece: Piece, name: str, given: dict[str, ast.expr], scope: Scope) -> Piece:
        count = self._fixed(given["n"]) if "n" in given else None
        if count is None or not count.is_integer() or not 1 <= count <= MAX_SYMBOLS:
            hint = f"Write .{name}(3), or a constant"
            return self._refuse(node, f"n of .{name} is a whole number from 1 to {MAX_SYMBOLS}", hint, Code.ARGUMENT)
        where = self._where(given, scope, f"where of .{name}")
        return BAD if where is None else Piece(f"cross_{name}({piece.text}, {count!r}{where})", "condition")

    def _where(self, given: dict[str, ast.expr], scope: Scope, what: str) -> str | None:
        """The further argument that `where` is, if it is given; None after a finding."""
        if "where" not in given:
            return ""
        condition = self._condition(given["where"], scope, what)
        return None if condition is None else f", {condition}"

    def _weights(self, node: ast.Call, name: str, scope: Scope) -> Piece:
        if name not in WEIGHTS:
            hint = nearest(name, WEIGHTS) + f'weights. has {", ".join(WEIGHTS)}; weights by hand are {{"SPY": 0.6}}'
            return self._refuse(node, f"weights.{name[:40]} is not in the language", hint, Code.UNKNOWN_FUNCTION)
        names = WEIGHTS[name][0]
        given = self._given(node, f"weights.{name}", names)
        if given is None:
            return BAD
        if names[0] not in given:
            hint = f"It takes {', '.join(names)}"
            return self._refuse(node, f"weights.{name} needs {names[0]}", hint, Code.ARGUMENT)
        what = f"weights.{name}"
        read = self._condition if name == "equal" else self._column
        first, where = read(given[names[0]], scope, what), self._where(given, scope, f"where of {what}")
        if first is None or where is None:
            return BAD
        return Piece(f"weights_{name}({first}{where})", "column")

    def _function(self, node: ast.Call, name: str, scope: Scope) -> Piece:
        entry = NUMPY_FUNCTIONS.get(name)
        pieces = [self._expression(each, scope) for each in node.args]
        if entry is None or not any(is_column(each) for each in pieces):
            return super()._function(node, name, scope)
        if len(pieces) != entry.arity or node.keywords:
            return self._refuse(node, f"np.{name} takes {entry.arity} arguments", "Give them in order", Code.ARGUMENT)
        if any(each.kind == "unknown" for each in pieces):
            return BAD
        if name == "where" and pieces[0].kind != "condition":
            hint = "Write np.where(universe.momentum > 0, x, y), or x if condition else y"
            return self._refuse(node, "the condition of np.where must be one for each symbol", hint, Code.TYPE)
        texts = ", ".join(each.number for each in pieces)
        return Piece(f"each_{entry.operation}({texts})", "condition" if entry.logical else "column")


def is_column(piece: Piece) -> bool:
    """Returns whether a piece has a value for each symbol."""
    return piece.kind in ("column", "condition")
