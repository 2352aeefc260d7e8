"""Reads `indicators(bars)` into nodes of the indicator graph, refusing everything that is not known to be causal."""

from __future__ import annotations

import ast

from stratforge.market.columns import PRICE_COLUMNS
from stratforge.strategy.column_calls import (
    UNKNOWN,
    Bars,
    ColumnCalls,
    Record,
    Series,
    Unknown,
    Value,
    Word,
    field_of,
    nearest,
    scalar_operation,
)
from stratforge.strategy.findings import Code
from stratforge.strategy.graph import NODES, Node, on_own_bars, price_column, together
from stratforge.strategy.source import MAX_LITERAL, MAX_NAME, is_docstring
from stratforge.strategy.syntax_names import syntax_name, value_name
from stratforge.strategy.vocabulary import (
    BAR_FIELDS,
    MAX_INDICATORS,
    NUMPY_CONSTANTS,
    REFUSED_METHODS,
    ROLLING_METHODS,
    SERIES_METHODS,
)

BINARY: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("add", "+"),
    ast.Sub: ("subtract", "-"),
    ast.Mult: ("multiply", "*"),
    ast.Div: ("divide", "/"),
    ast.FloorDiv: ("floor_divide", "//"),
    ast.Mod: ("modulo", "%"),
    ast.Pow: ("power", "**"),
    ast.BitAnd: ("and", "&"),
    ast.BitOr: ("or", "|"),
    ast.BitXor: ("xor", "^"),
}
COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
LOGICAL_OPERATIONS = {"and", "or", "xor"}


class ColumnsCompiler(ColumnCalls):
    """Reads one `indicators` function, for given values of the parameters."""

    def compile(self, function: ast.FunctionDef) -> dict[str, Node]:
        """Compiles `indicators` and gives the columns that it returns, by name."""
        returned: dict[str, Node] = {}
        body = function.body[1:] if is_docstring(function.body[0]) else function.body
        for index, statement in enumerate(body):
            if isinstance(statement, ast.Return):
                if index != len(body) - 1:
                    self._refuse(statement, "return must be the last statement of indicators", "Move it to the end")
                returned = self._returned(statement)
            elif isinstance(statement, ast.Assign):
                self._assign(statement)
            elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                left = self._name(ast.copy_location(ast.Name(statement.target.id, ast.Load()), statement))
                self.names[statement.target.id] = self._operate(
                    statement, type(statement.op), left, self._expression(statement.value)
                )
            elif not isinstance(statement, ast.Pass):
                self._refuse(
                    statement,
                    f"{syntax_name(statement)} is not allowed in indicators",
                    "Assign series to names and return a dict; decisions belong in on_bar",
                )
        if not body or not isinstance(body[-1], ast.Return):
            self.findings.add(
                function,
                Code.STRUCTURE,
                "indicators does not return anything",
                'End it with return {"name": series, ...}',
            )
        return returned

    # Statements ----------------------------------------------------------------------------------------

    def _assign(self, statement: ast.Assign) -> None:
        value = self._expression(statement.value)
        for target in statement.targets:
            if isinstance(target, ast.Name):
                if not target.id.isascii() or target.id.startswith("__") or target.id in ("ta", "np", "pd", "bars"):
                    self._refuse(target, f"{target.id[:40]} cannot be assigned", "Choose another name")
                self.names[target.id] = value
            elif isinstance(target, ast.Tuple) and isinstance(value, Record):
                self._unpack(target, value)
            elif isinstance(target, ast.Tuple) and isinstance(value, Unknown):
                self.names.update({each.id: UNKNOWN for each in target.elts if isinstance(each, ast.Name)})
            else:
                self._refuse(target, "only names can be assigned in indicators", "Write name = series")

    def _unpack(self, target: ast.Tuple, value: Record) -> None:
        outputs = value.indicator.outputs
        if len(target.elts) != len(outputs) or not all(isinstance(each, ast.Name) for each in target.elts):
            self._refuse(
                target,
                f"ta.{value.indicator.name} gives {len(outputs)} series",
                f"Use its fields: .{', .'.join(outputs)}",
            )
        for index, each in enumerate(target.elts):
            if isinstance(each, ast.Name):
                self.names[each.id] = field_of(value, index) if index < len(outputs) else UNKNOWN

    def _returned(self, statement: ast.Return) -> dict[str, Node]:
        shape = 'Write return {"name": series, ...} with names of letters, digits and _'
        if not isinstance(statement.value, ast.Dict):
            self.findings.add(statement, Code.STRUCTURE, "indicators must return a dict written out", shape)
            return {}
        keys = [key.value if isinstance(key, ast.Constant) else None for key in statement.value.keys]
        if all(isinstance(key, str) for key in keys):
            self.returned = frozenset(str(key) for key in keys)
        columns: dict[str, Node] = {}
        for key, item in zip(statement.value.keys, statement.value.values, strict=True):
            value = self._expression(item)
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                self.findings.add(key or item, Code.STRUCTURE, "the names of indicators are strings written out", shape)
                continue
            name = key.value
            if not name.isidentifier() or not name.isascii() or name.startswith("_") or len(name) > MAX_NAME:
                self.findings.add(key, Code.STRUCTURE, f"{name[:40]!r} cannot be the name of an indicator", shape)
            elif name in BAR_FIELDS:
                self.findings.add(key, Code.STRUCTURE, f"{name!r} is a field every bar has", "Choose another name")
            elif name in columns:
                self.findings.add(key, Code.STRUCTURE, f"{name!r} is returned twice", "Choose another name")
            elif isinstance(value, Series):
                columns[name] = on_own_bars(value.node)
            elif isinstance(value, float | bool):
                columns[name] = NODES.node("constant", (), (float(value),))
            elif isinstance(value, Record):
                fields = ", .".join(value.indicator.outputs)
                self.findings.add(
                    item,
                    Code.TYPE,
                    f"ta.{value.indicator.name} gives several series",
                    f"Choose one: .{fields}",
                )
            elif not isinstance(value, Unknown):
                self.findings.add(
                    item, Code.TYPE, f"{name!r} is not a series", "Return series, such as ta.sma(bars.close)"
                )
        if len(columns) > MAX_INDICATORS:
            self.findings.add(
                statement,
                Code.TOO_LARGE,
                f"{len(columns)} indicators; {MAX_INDICATORS} are allowed",
                "Return fewer",
            )
        return columns

    # Expressions ---------------------------------------------------------------------------------------

    def _expression(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.BinOp):
            return self._operate(node, type(node.op), self._expression(node.left), self._expression(node.right))
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.BoolOp):
            word = "and" if isinstance(node.op, ast.And) else "or"
            return self._refuse(node, f"'{word}' does not work on series", "Use & and |, with each side in parentheses")
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        return self._refuse(
            node,
            f"{syntax_name(node)} is not in the language",
            "Use arithmetic, comparisons, the methods of series, np. and ta. functions",
        )

    def _constant(self, node: ast.Constant) -> Value:
        if isinstance(node.value, bool):
            return node.value
        if isinstance(node.value, int | float):
            if abs(node.value) > MAX_LITERAL or node.value != node.value:
                return self._refuse(node, "the number is too large", "Numbers go up to 1e15", Code.NUMBER)
            return float(node.value)
        if isinstance(node.value, str):
            return Word(node.value)
        return self._refuse(node, f"{value_name(node.value)} is not in the language here", "Use numbers")

    def _name(self, node: ast.Name) -> Value:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in self.parameters:
            return self.parameters[node.id]
        if node.id == "bars":
            return Bars()
        if node.id in ("np", "pd", "ta"):
            return self._refuse(node, f"{node.id} is not a value", f"Call one of its functions, like {node.id}.…(…)")
        suggestion = nearest(node.id, [*self.names, *self.parameters]) + "Names are assigned before they are used"
        return self._refuse(node, f"the name {node.id[:40]} is not known", suggestion, Code.UNKNOWN_NAME)

    def _attribute(self, node: ast.Attribute) -> Value:
        if isinstance(node.value, ast.Name) and node.value.id in ("np", "pd", "ta") and node.value.id not in self.names:
            if node.value.id == "np" and node.attr in NUMPY_CONSTANTS:
                return NUMPY_CONSTANTS[node.attr]
            return self._refuse(
                node,
                f"{node.value.id}.{node.attr[:40]} is not a value in the language",
                "Call a function of ta. or np.",
            )
        owner = self._expression(node.value)
        if isinstance(owner, Unknown):
            return UNKNOWN
        if isinstance(owner, Bars):
            if node.attr in PRICE_COLUMNS:
                return Series(price_column(node.attr, owner.name))
            suggestion = nearest(node.attr, PRICE_COLUMNS) + "bars has open, high, low, close and volume"
            return self._refuse(node, f"bars has no {node.attr[:40]}", suggestion, Code.UNKNOWN_FIELD)
        if isinstance(owner, Record):
            outputs = owner.indicator.outputs
            if node.attr in outputs:
                return field_of(owner, outputs.index(node.attr))
            suggestion = nearest(node.attr, outputs) + f"Its series are .{', .'.join(outputs)}"
            message = f"ta.{owner.indicator.name} has no {node.attr[:40]}"
            return self._refuse(node, message, suggestion, Code.UNKNOWN_FIELD)
        code, suggestion = REFUSED_METHODS.get(
            node.attr, (Code.UNKNOWN_FIELD, f"Series have the methods {', '.join(sorted(SERIES_METHODS))}")
        )
        if node.attr in SERIES_METHODS or node.attr in ROLLING_METHODS:
            suggestion = f"Call it: .{node.attr}(…)"
        return self._refuse(node, f".{node.attr[:40]} is not in the language here", suggestion, code)

    def _subscript(self, node: ast.Subscript) -> Value:
        owner = self._expression(node.value)
        if isinstance(owner, Unknown):
            return UNKNOWN
        if isinstance(owner, Bars):
            return self._refuse_bars_item(node, owner)
        if isinstance(owner, Record):
            return self._refuse(
                node,
                "columns of indicators have short names here",
                f"Use .{', .'.join(owner.indicator.outputs)}",
            )
        return self._refuse(
            node,
            "[...] on a series is not in the language",
            "Earlier values are series.shift(n)",
            Code.LOOK_AHEAD,
        )

    def _refuse_bars_item(self, node: ast.Subscript, owner: Bars) -> Unknown:
        of = f'bars.of("{owner.symbol}")' if owner.symbol else "bars"
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(key, str) and key.lower() in PRICE_COLUMNS:
            return self._refuse(node, f"{of}[{key!r}] is not in the language", f"Write {of}.{key.lower()}")
        if isinstance(key, str):
            hint = 'Write bars.close, or bars.of("SPY").close for those of another symbol'
            return self._refuse(node, f"{of}[{key[:40]!r}] is not in the language", hint)
        return self._refuse(node, f"{of}[...] is not in the language", f"Write {of}.close", Code.LOOK_AHEAD)

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self._expression(node.operand)
        if isinstance(value, Unknown):
            return UNKNOWN
        if isinstance(value, float | bool):
            if isinstance(node.op, ast.USub):
                return -float(value)
            if isinstance(node.op, ast.Not):
                return not value
            if isinstance(node.op, ast.UAdd):
                return float(value)
        if isinstance(value, Series):
            if isinstance(node.op, ast.USub):
                return Series(NODES.node("negative", (value.node,)))
            if isinstance(node.op, ast.UAdd):
                return value
            if isinstance(node.op, ast.Invert) and value.logical:
                return Series(NODES.node("not", (value.node,), logical=True))
            if isinstance(node.op, ast.Not):
                return self._refuse(node, "'not' does not work on series", "Use ~(…)")
        return self._refuse(
            node, "this operator does not fit its operand", "Use - on numbers, ~ on comparisons", Code.TYPE
        )

    def _operate(self, node: ast.AST, operator: type[ast.operator], left: Value, right: Value) -> Value:
        if operator not in BINARY:
            self._refuse(node, "this operator is not in the language", "Use + - * / // % ** & |")
            return UNKNOWN
        operation, symbol = BINARY[operator]
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return UNKNOWN
        if isinstance(left, float | bool) and isinstance(right, float | bool):
            if operation in LOGICAL_OPERATIONS:
                return self._refuse(node, f"{symbol} works on comparisons of series", "Remove it", Code.TYPE)
            return scalar_operation(operation, float(left), float(right))
        a, b = self._operand(node, left), self._operand(node, right)
        if a is None or b is None:
            return UNKNOWN
        logical = operation in LOGICAL_OPERATIONS
        if logical and not (a.logical and b.logical):
            return self._refuse(
                node,
                f"both sides of {symbol} must be comparisons",
                "Put each comparison in parentheses: (a > b) & (c < d)",
                Code.TYPE,
            )
        return Series(NODES.node(operation, together(a, b), logical=logical))

    def _compare(self, node: ast.Compare) -> Value:
        if len(node.ops) != 1:
            return self._refuse(node, "chained comparisons do not work on series", "Write (a < b) & (b < c)")
        left, right = self._expression(node.left), self._expression(node.comparators[0])
        operation = COMPARE.get(type(node.ops[0]))
        if operation is None:
            return self._refuse(node, "this comparison is not in the language", "Use < <= > >= == !=")
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return UNKNOWN
        a, b = self._operand(node, left), self._operand(node, right)
        if a is None or b is None:
            return UNKNOWN
        return Series(NODES.node(operation, together(a, b), logical=True))
