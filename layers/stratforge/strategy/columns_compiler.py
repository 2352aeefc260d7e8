"""Reads `indicators(bars)` into nodes of the indicator graph, refusing everything that is not known to be causal."""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from stratforge.market.columns import PRICE_COLUMNS
from stratforge.strategy import arithmetic
from stratforge.strategy.findings import Code
from stratforge.strategy.graph import NODES, Argument, Node
from stratforge.strategy.indicators import MAX_LENGTH, REGISTRY, Indicator, Parameter
from stratforge.strategy.source import MAX_LITERAL, MAX_NAME, Findings, is_docstring
from stratforge.strategy.syntax_names import syntax_name, value_name
from stratforge.strategy.vocabulary import (
    BAR_FIELDS,
    MAX_INDICATORS,
    NUMPY_CONSTANTS,
    NUMPY_FUNCTIONS,
    REFUSED_FUNCTIONS,
    REFUSED_METHODS,
    ROLLING_METHODS,
    SERIES_METHODS,
)


@dataclass(frozen=True, slots=True)
class Series:
    """A column; `logical` ones are true or false."""

    node: Node

    @property
    def logical(self) -> bool:
        """True if the column's values are true or false."""
        return self.node.logical


@dataclass(frozen=True, slots=True)
class Record:
    """The several columns of one indicator call."""

    indicator: Indicator
    node: Node


@dataclass(frozen=True, slots=True)
class Rolling:
    """A rolling window over a series, as `series.rolling(n)` gives."""

    node: Node
    window: int


@dataclass(frozen=True, slots=True)
class Ewm:
    """An exponentially weighted window over a series, as `series.ewm(...)` gives."""

    node: Node
    alpha: float
    adjust: bool
    min_periods: int


@dataclass(frozen=True, slots=True)
class Bars:
    """The argument of `indicators` while it is compiled: its fields are nodes of the graph, not numbers."""


@dataclass(frozen=True, slots=True)
class Word:
    """A string literal, as some indicators take them."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The value of a refused expression; it is not refused again where it is used."""


Value = Series | Record | Rolling | Ewm | Bars | Word | Unknown | float | bool
UNKNOWN = Unknown()

_BINARY: dict[type[ast.operator], tuple[str, str]] = {
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
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
_NAME_LENGTH, _LETTERS = 40, 1_000
_LOGICAL_OPERATIONS = {"and", "or", "xor"}


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that looks most like `name`."""
    # Comparing takes time that grows with the names: only so many letters of them are looked at.
    short: list[str] = []
    letters = 0
    for each in known:
        letters += len(each)
        if letters > _LETTERS:
            break
        short.append(each)
    close = difflib.get_close_matches(name[:_NAME_LENGTH], short, n=1)
    return f"Did you mean {close[0]}? " if close else ""


def scalar_operation(operation: str, a: float, b: float) -> float:
    """The total scalar operation of the same name as a node's."""
    simple = {"add": a + b, "subtract": a - b, "multiply": a * b}
    if operation in simple:
        return simple[operation]
    return float(arithmetic.FUNCTIONS[operation](a, b))


class ColumnsCompiler:
    """Reads one `indicators` function, for given values of the parameters."""

    def __init__(self, parameters: dict[str, float], findings: Findings) -> None:
        self.parameters = parameters
        self.findings = findings
        self.names: dict[str, Value] = {}
        # Names under which anything is returned, right or wrong; None when that cannot be told.
        self.returned: frozenset[str] | None = None

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

    def _refuse(self, node: ast.AST, message: str, suggestion: str, code: Code = Code.NOT_IN_LANGUAGE) -> Unknown:
        self.findings.add(node, code, message, suggestion)
        return UNKNOWN

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
                self.names[each.id] = _field(value, index) if index < len(outputs) else UNKNOWN

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
                columns[name] = value.node
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
                return Series(NODES.node(f"column:{node.attr}"))
            suggestion = nearest(node.attr, PRICE_COLUMNS) + "bars has open, high, low, close and volume"
            return self._refuse(node, f"bars has no {node.attr[:40]}", suggestion, Code.UNKNOWN_FIELD)
        if isinstance(owner, Record):
            outputs = owner.indicator.outputs
            if node.attr in outputs:
                return _field(owner, outputs.index(node.attr))
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
            return self._refuse_bars_item(node)
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

    def _refuse_bars_item(self, node: ast.Subscript) -> Unknown:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(key, str) and key.lower() in PRICE_COLUMNS:
            return self._refuse(node, f"bars[{key!r}] is not in the language", f"Write bars.{key.lower()}")
        if isinstance(key, str):
            message = f"bars[{key[:40]!r}] is not in the language: a strategy sees the bars of its own symbol"
            return self._refuse(node, message, "Write bars.close; start a session on each symbol you want to trade")
        return self._refuse(node, "bars[...] is not in the language", "Write bars.close", Code.LOOK_AHEAD)

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

    def _operand(self, node: ast.AST, value: Value) -> Node | None:
        if isinstance(value, Series):
            return value.node
        if isinstance(value, float | bool):
            return NODES.node("constant", (), (float(value),), logical=isinstance(value, bool))
        if not isinstance(value, Unknown):
            self._refuse(node, "this is not a series or a number", "Choose a field or call a method first", Code.TYPE)
        return None

    def _operate(self, node: ast.AST, operator: type[ast.operator], left: Value, right: Value) -> Value:
        if operator not in _BINARY:
            self._refuse(node, "this operator is not in the language", "Use + - * / // % ** & |")
            return UNKNOWN
        operation, symbol = _BINARY[operator]
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return UNKNOWN
        if isinstance(left, float | bool) and isinstance(right, float | bool):
            if operation in _LOGICAL_OPERATIONS:
                return self._refuse(node, f"{symbol} works on comparisons of series", "Remove it", Code.TYPE)
            return scalar_operation(operation, float(left), float(right))
        a, b = self._operand(node, left), self._operand(node, right)
        if a is None or b is None:
            return UNKNOWN
        logical = operation in _LOGICAL_OPERATIONS
        if logical and not (a.logical and b.logical):
            return self._refuse(
                node,
                f"both sides of {symbol} must be comparisons",
                "Put each comparison in parentheses: (a > b) & (c < d)",
                Code.TYPE,
            )
        return Series(NODES.node(operation, (a, b), logical=logical))

    def _compare(self, node: ast.Compare) -> Value:
        if len(node.ops) != 1:
            return self._refuse(node, "chained comparisons do not work on series", "Write (a < b) & (b < c)")
        left, right = self._expression(node.left), self._expression(node.comparators[0])
        operation = _COMPARE.get(type(node.ops[0]))
        if operation is None:
            return self._refuse(node, "this comparison is not in the language", "Use < <= > >= == !=")
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return UNKNOWN
        a, b = self._operand(node, left), self._operand(node, right)
        if a is None or b is None:
            return UNKNOWN
        return Series(NODES.node(operation, (a, b), logical=True))

    # Calls ---------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Value:
        starred = any(isinstance(each, ast.Starred) for each in node.args) or any(
            each.arg is None for each in node.keywords
        )
        if starred:
            return self._refuse(node, "* and ** in calls are not in the language", "Write the arguments out")
        function = node.func
        if isinstance(function, ast.Attribute):
            if isinstance(function.value, ast.Name) and function.value.id not in self.names:
                if function.value.id == "ta":
                    return self._indicator(node, function.attr)
                if function.value.id == "np":
                    return self._numpy(node, function.attr)
                if function.value.id == "pd":
                    return self._refuse(
                        node, f"pd.{function.attr[:40]} is not in the language", "Use the methods of series"
                    )
            return self._method(node, function)
        if isinstance(function, ast.Name):
            name = function.id
            if name in ("abs", "max", "min", "round"):
                suggestion = {"max": "Use np.maximum(a, b)", "min": "Use np.minimum(a, b)"}.get(
                    name, f"Use series.{name}()"
                )
                return self._refuse(node, f"{name}() does not work on series", suggestion, Code.UNKNOWN_FUNCTION)
            suggestion = REFUSED_FUNCTIONS.get(name, "Use ta. and np. functions and the methods of series")
            return self._refuse(node, f"{name[:40]}() is not in the language", suggestion, Code.UNKNOWN_FUNCTION)
        return self._refuse(
            node, "this call is not in the language", "Call ta. and np. functions and methods of series"
        )

    def _arguments(
        self, node: ast.Call, what: str, names: tuple[str, ...], defaults: dict[str, Value]
    ) -> dict[str, Value] | None:
        """The call's arguments by name; None after a finding."""
        values = dict(defaults)
        given: set[str] = set()
        if len(node.args) > len(names):
            self._refuse(
                node,
                f"{what} takes at most {len(names)} arguments",
                f"They are {', '.join(names)}",
                Code.ARGUMENT,
            )
            return None
        pairs: list[tuple[str, ast.expr]] = list(zip(names, node.args, strict=False))
        pairs += [(str(each.arg), each.value) for each in node.keywords]
        for name, expression in pairs:
            value = self._expression(expression)
            if name not in names:
                hint = nearest(name, names) + f"It takes {', '.join(names) or 'none'}"
                if name == "center":
                    self._refuse(expression, "centered windows see the future", "Leave center out", Code.LOOK_AHEAD)
                else:
                    self._refuse(expression, f"{what} has no argument {name[:40]}", hint, Code.ARGUMENT)
                return None
            if name in given:
                self._refuse(expression, f"{what} gets {name} twice", "Give it once", Code.ARGUMENT)
                return None
            given.add(name)
            values[name] = value
        for name in names:
            if name not in values:
                self._refuse(node, f"{what} needs {name}", f"It takes {', '.join(names)}", Code.ARGUMENT)
                return None
        return None if any(isinstance(value, Unknown) for value in values.values()) else values

    def _number(self, node: ast.AST, what: str, value: Value, low: float, high: float, *, whole: bool) -> float | None:
        if isinstance(value, float | bool) and not math.isnan(value) and (not whole or float(value).is_integer()):
            if low <= value <= high:
                return float(value)
            if what.endswith("periods of shift") and value < 0:
                self._refuse(node, "a negative shift sees the future", "Use shift(n) with n >= 0", Code.LOOK_AHEAD)
                return None
        kind = "a whole number" if whole else "a number"
        self._refuse(
            node,
            f"the {what} must be {kind} from {low:g} to {high:g}",
            "Write a number or a constant",
            Code.ARGUMENT,
        )
        return None

    def _length(self, node: ast.AST, what: str, value: Value, low: int = 1) -> int | None:
        number = self._number(node, what, value, low, MAX_LENGTH, whole=True)
        return None if number is None else int(number)

    def _indicator(self, node: ast.Call, name: str) -> Value:
        indicator = REGISTRY.get(name)
        if indicator is None:
            code, suggestion = REFUSED_METHODS.get(f"ta.{name}", (Code.UNKNOWN_FUNCTION, ""))
            suggestion = suggestion or nearest(name, REGISTRY) + "The reference lists the indicators of the language"
            return self._refuse(node, f"ta.{name[:40]} is not in the language", suggestion, code)
        names = indicator.inputs + tuple(parameter.name for parameter in indicator.parameters)
        defaults: dict[str, Value] = {}
        for parameter in indicator.parameters:
            default = parameter.default
            defaults[parameter.name] = Word(default) if isinstance(default, str) else default
        values = self._arguments(node, f"ta.{name}", names, defaults)
        if values is None:
            return UNKNOWN
        inputs = []
        for each in indicator.inputs:
            operand = self._operand(node, values[each])
            if operand is None:
                return UNKNOWN
            inputs.append(operand)
        arguments: list[Argument] = [name]
        for parameter in indicator.parameters:
            argument = self._parameter(node, indicator, parameter, values[parameter.name])
            if argument is None:
                return UNKNOWN
            arguments.append(argument)
        call = NODES.node("indicator", tuple(inputs), tuple(arguments))
        record = Record(indicator, call)
        return record if indicator.outputs else _field(record, 0)

    def _parameter(self, node: ast.AST, indicator: Indicator, parameter: Parameter, value: Value) -> Argument | None:
        what = f"{parameter.name} of ta.{indicator.name}"
        if parameter.kind == "length":
            return self._length(node, what, float(value) if isinstance(value, int) else value, int(parameter.minimum))
        if parameter.kind == "number":
            return self._number(node, what, value, parameter.minimum, parameter.maximum, whole=False)
        if parameter.kind == "flag" and isinstance(value, bool | float):
            return bool(value)
        if parameter.kind == "choice" and isinstance(value, Word) and value.text.lower() in parameter.choices:
            return value.text.lower()
        allowed = (
            ", ".join(f'"{each}"' for each in parameter.choices) if parameter.kind == "choice" else "True or False"
        )
        self._refuse(node, f"the {what} is not one it can take", f"It takes {allowed}", Code.ARGUMENT)
        return None

    def _numpy(self, node: ast.Call, name: str) -> Value:
        entry = NUMPY_FUNCTIONS.get(name)
        if entry is None:
            suggestion = nearest(name, NUMPY_FUNCTIONS) + f"np. has {', '.join(sorted(NUMPY_FUNCTIONS))}"
            return self._refuse(node, f"np.{name[:40]} is not in the language", suggestion, Code.UNKNOWN_FUNCTION)
        names = tuple("xyz"[: entry.arity]) if name != "where" else ("condition", "x", "y")
        values = self._arguments(node, f"np.{name}", names, {})
        if values is None or node.keywords:
            return (
                UNKNOWN if values is None else self._refuse(node, f"np.{name} takes no keywords", "Give them in order")
            )
        given = [values[each] for each in names]
        if all(isinstance(each, float | bool) for each in given) and name != "where":
            return float(arithmetic.FUNCTIONS[entry.operation](*(float(each) for each in given)))  # type: ignore[arg-type]
        operands = [self._operand(node, each) for each in given]
        if any(each is None for each in operands):
            return UNKNOWN
        nodes = tuple(each for each in operands if each is not None)
        if name == "where" and not nodes[0].logical:
            return self._refuse(
                node,
                "the condition of np.where must be a comparison",
                "Write np.where(a > b, x, y)",
                Code.TYPE,
            )
        logical = entry.logical or (name == "where" and nodes[1].logical and nodes[2].logical)
        return Series(NODES.node(entry.operation, nodes, logical=logical))

    def _method(self, node: ast.Call, function: ast.Attribute) -> Value:
        owner = self._expression(function.value)
        name = function.attr
        if isinstance(owner, Unknown):
            return UNKNOWN
        if isinstance(owner, float | bool):
            return self._refuse(node, f"numbers have no method {name[:40]}", "Use np. functions", Code.UNKNOWN_FUNCTION)
        if isinstance(owner, Rolling):
            return self._rolling_method(node, owner, name)
        if isinstance(owner, Ewm):
            if name != "mean" or node.args or node.keywords:
                return self._refuse(node, f"ewm(...).{name[:40]} is not in the language", "Use ewm(...).mean()")
            return Series(NODES.node("ewm_mean", (owner.node,), (owner.alpha, owner.adjust, owner.min_periods)))
        if not isinstance(owner, Series) or name not in SERIES_METHODS:
            code, suggestion = REFUSED_METHODS.get(
                name, (Code.UNKNOWN_FUNCTION, f"Series have the methods {', '.join(sorted(SERIES_METHODS))}")
            )
            if name == "ta" or isinstance(owner, Bars):
                suggestion = "Use ta.<name>(bars.close, …)"
            return self._refuse(node, f".{name[:40]}() is not in the language here", suggestion, code)
        return self._series_method(node, owner.node, name)

    def _series_method(self, node: ast.Call, series: Node, name: str) -> Value:
        if name == "ewm":
            return self._ewm(node, series)
        spec = SERIES_METHODS[name]
        values = self._arguments(node, f".{name}", spec.names, dict(spec.defaults))
        if values is None:
            return UNKNOWN
        if name == "rolling":
            window = self._length(node, "window of rolling", values["window"])
            minimum = values["min_periods"]
            if window is not None and isinstance(minimum, float) and minimum not in (0.0, float(window)):
                return self._refuse(node, "min_periods must be the window", "Leave min_periods out", Code.ARGUMENT)
            return UNKNOWN if window is None else Rolling(series, window)
        if name in ("shift", "diff", "pct_change"):
            lowest = 0 if name == "shift" else 1
            periods = self._length(node, f"periods of {name}", values["periods"], lowest)
            return (
                UNKNOWN
                if periods is None
                else Series(NODES.node(name, (series,), (periods,), logical=name == "shift" and series.logical))
            )
        if name == "round":
            digits = self._number(node, "decimals of round", values["decimals"], 0, 8, whole=True)
            return UNKNOWN if digits is None else Series(NODES.node("round", (series,), (digits,)))
        if name == "fillna":
            value = self._number(node, "value of fillna", values["value"], -MAX_LITERAL, MAX_LITERAL, whole=False)
            return (
                UNKNOWN if value is None else Series(NODES.node("fillna", (series,), (value,), logical=series.logical))
            )
        if name == "clip":
            result = series
            for bound, operation in (("lower", "maximum"), ("upper", "minimum")):
                limit = values[bound]
                endless = -math.inf if bound == "lower" else math.inf
                if isinstance(limit, float) and (math.isnan(limit) or limit == endless):
                    continue
                operand = self._operand(node, limit)
                if operand is None:
                    return UNKNOWN
                result = NODES.node(operation, (result, operand))
            return Series(result)
        operation, logical = spec.operation, spec.logical
        return Series(NODES.node(operation, (series,), (), logical=logical)) if operation else Series(series)

    def _ewm(self, node: ast.Call, series: Node) -> Value:
        names = ("com", "span", "halflife", "alpha", "min_periods", "adjust")
        nothing = math.nan
        values = self._arguments(
            node,
            ".ewm",
            names,
            {
                "com": nothing,
                "span": nothing,
                "halflife": nothing,
                "alpha": nothing,
                "min_periods": 0.0,
                "adjust": True,
            },
        )
        if values is None:
            return UNKNOWN
        given = {
            each: float(value)
            for each, value in values.items()
            if each in ("com", "span", "halflife", "alpha") and isinstance(value, float) and not math.isnan(value)
        }
        alpha = nothing
        if len(given) == 1:
            ((kind, value),) = given.items()
            if kind == "com" and value >= 0:
                alpha = 1 / (1 + value)
            elif kind == "span" and value >= 1:
                alpha = 2 / (value + 1)
            elif kind == "halflife" and value > 0:
                alpha = 1 - math.exp(-math.log(2) / value)
            elif kind == "alpha":
                alpha = value
        if not 2.0 / (MAX_LENGTH + 1) <= alpha <= 1.0 or not isinstance(values["adjust"], bool):
            return self._refuse(
                node,
                "ewm needs one of span, com, halflife or alpha",
                f"Write ewm(span=n) with n from 1 to {MAX_LENGTH}",
                Code.ARGUMENT,
            )
        minimum = self._length(node, "min_periods of ewm", values["min_periods"], 0)
        return UNKNOWN if minimum is None else Ewm(series, alpha, values["adjust"], minimum)

    def _rolling_method(self, node: ast.Call, owner: Rolling, name: str) -> Value:
        if name not in ROLLING_METHODS:
            return self._refuse(
                node,
                f"rolling(...).{name[:40]} is not in the language",
                f"rolling(n) has {', '.join(sorted(ROLLING_METHODS))}",
                Code.UNKNOWN_FUNCTION,
            )
        defaults: dict[str, Value] = {"ddof": 1.0} if name in ("std", "var") else {}
        names = {"std": ("ddof",), "var": ("ddof",), "quantile": ("q",)}.get(name, ())
        values = self._arguments(node, f"rolling(...).{name}", names, defaults)
        if values is None:
            return UNKNOWN
        arguments: list[Argument] = [owner.window]
        for each in names:
            number = self._number(node, f"{each} of {name}", values[each], 0, 1, whole=each == "ddof")
            if number is None:
                return UNKNOWN
            arguments.append(number)
        return Series(NODES.node(f"rolling_{name}", (owner.node,), tuple(arguments)))


def _field(record: Record, index: int) -> Series:
    return Series(NODES.node("field", (record.node,), (index,), logical=record.indicator.logical))
