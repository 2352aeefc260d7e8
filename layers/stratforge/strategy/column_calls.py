"""Reads the calls of `indicators`: indicators, functions of numpy and the methods of series."""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from stratforge.market.resampling import TIMEFRAMES
from stratforge.market.symbols import PORTFOLIO, is_crypto, is_symbol
from stratforge.strategy import arithmetic
from stratforge.strategy.findings import Code
from stratforge.strategy.graph import NODES, Argument, Node, bars_of, together
from stratforge.strategy.indicators import MAX_LENGTH, REGISTRY, Indicator, Parameter
from stratforge.strategy.source import MAX_LITERAL, Findings
from stratforge.strategy.vocabulary import (
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
    """The argument of `indicators` while it is compiled, its bars of a longer timeframe, or those of another symbol: its fields are nodes of the graph, not numbers."""

    timeframe: str = ""
    symbol: str = ""

    @property
    def name(self) -> str:
        """The name that its columns have as a timeframe."""
        return bars_of(self.symbol, self.timeframe) if self.symbol else self.timeframe


@dataclass(slots=True)
class LookedAt:
    """The other symbols whose bars `indicators` reads.

    Attributes:
        most: How many there may be; None where others count them.
        resampled: Whether longer bars of them may be read.
        symbols: They themselves.
    """

    most: int | None
    resampled: bool
    symbols: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Word:
    """A string literal, as some indicators take them."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The value of a refused expression; it is not refused again where it is used."""


Value = Series | Record | Rolling | Ewm | Bars | Word | Unknown | float | bool
UNKNOWN = Unknown()

_NAME_LENGTH, _LETTERS = 40, 1_000


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


class ColumnCalls:
    """Reads calls; the expressions that they are given are read by whoever builds on it."""

    def __init__(self, parameters: dict[str, float], findings: Findings, others: LookedAt) -> None:
        """`others` takes the other symbols whose bars are read."""
        self.parameters = parameters
        self.findings = findings
        self.names: dict[str, Value] = {}
        self.others = others
        # Names under which anything is returned, right or wrong; None when that cannot be told.
        self.returned: frozenset[str] | None = None

    def _refuse(self, node: ast.AST, message: str, suggestion: str, code: Code = Code.NOT_IN_LANGUAGE) -> Unknown:
        self.findings.add(node, code, message, suggestion)
        return UNKNOWN

    def _expression(self, node: ast.expr) -> Value:
        raise NotImplementedError

    def _operand(self, node: ast.AST, value: Value) -> Node | None:
        if isinstance(value, Series):
            return value.node
        if isinstance(value, float | bool):
            return NODES.node("constant", (), (float(value),), logical=isinstance(value, bool))
        if not isinstance(value, Unknown):
            self._refuse(node, "this is not a series or a number", "Choose a field or call a method first", Code.TYPE)
        return None

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
        call = NODES.node("indicator", together(*inputs), tuple(arguments))
        record = Record(indicator, call)
        return record if indicator.outputs else field_of(record, 0)

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
        nodes = together(*(each for each in operands if each is not None))
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
        if isinstance(owner, Bars) and name == "resample":
            return self._resample(node, owner)
        if isinstance(owner, Bars) and name == "of":
            return self._of(node, owner)
        if not isinstance(owner, Series) or name not in SERIES_METHODS:
            code, suggestion = REFUSED_METHODS.get(
                name, (Code.UNKNOWN_FUNCTION, f"Series have the methods {', '.join(sorted(SERIES_METHODS))}")
            )
            if name == "ta" or isinstance(owner, Bars):
                suggestion = "Use ta.<name>(bars.close, …)"
            return self._refuse(node, f".{name[:40]}() is not in the language here", suggestion, code)
        return self._series_method(node, owner.node, name)

    def _resample(self, node: ast.Call, owner: Bars) -> Value:
        names = ", ".join(f'"{each}"' for each in TIMEFRAMES)
        if owner.timeframe:
            return self._refuse(node, "these bars are resampled already", "Write bars.resample(…) for each timeframe")
        if owner.symbol and not self.others.resampled:
            hint = f'Write bars.of("{owner.symbol}").close'
            return self._refuse(node, "longer bars of another symbol are not in the language of portfolios", hint)
        values = self._arguments(node, "bars.resample", ("timeframe",), {})
        if values is None:
            return UNKNOWN
        word = values["timeframe"]
        if isinstance(word, Word) and word.text in TIMEFRAMES:
            return Bars(word.text, owner.symbol)
        return self._refuse(node, "this timeframe is not in the language", f"It takes {names}", Code.ARGUMENT)

    def _of(self, node: ast.Call, owner: Bars) -> Value:
        others = self.others
        if owner.timeframe or owner.symbol:
            hint = 'Write bars.of("SPY").resample("1d")' if others.resampled else 'Write bars.of("SPY").close'
            return self._refuse(node, "these bars are not the symbol's own", hint)
        symbol = symbol_written(node)
        if symbol is None or symbol == PORTFOLIO:
            hint = 'Write bars.of("SPY").close, with the symbol written out in capitals'
            return self._refuse(node, "bars.of takes a symbol", hint, Code.ARGUMENT)
        others.symbols.add(symbol)
        if others.most is not None and len(others.symbols) > others.most:
            message = f"bars.of looks at more than {others.most} other symbols"
            return self._refuse(node, message, f"Look at {others.most} at most", Code.TOO_LARGE)
        if others.most is not None and len({is_crypto(each) for each in others.symbols}) > 1:
            hint = "Look at stocks from a stock, and at crypto from crypto"
            return self._refuse(node, "stocks and crypto trade at other hours and are not looked at together", hint)
        return Bars(symbol=symbol)

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
                result = NODES.node(operation, together(result, operand))
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


def field_of(record: Record, index: int) -> Series:
    """One of the columns of an indicator that gives several."""
    return Series(NODES.node("field", (record.node,), (index,), logical=record.indicator.logical))


def symbol_written(call: ast.Call) -> str | None:
    """The symbol that is written out as the one argument of a call; None for anything else."""
    word = call.args[0].value if len(call.args) == 1 and isinstance(call.args[0], ast.Constant) else None
    return word if isinstance(word, str) and is_symbol(word) and not call.keywords else None
