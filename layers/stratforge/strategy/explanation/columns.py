"""Columns of the indicator graph in words, with the values of constants in them: “SMA(20)”, “the highest high of the last 10 bars, 1 bar ago”."""

from __future__ import annotations

from collections.abc import Sequence

from stratforge.market.columns import PRICE_COLUMNS
from stratforge.strategy.explanation.wording import (
    BOTH,
    CHOICE,
    COMPARISON,
    EITHER,
    PHRASE,
    Budget,
    Said,
    counted,
    number,
)
from stratforge.strategy.graph import Node, reachable, symbol_and_timeframe
from stratforge.strategy.indicators import REGISTRY

SIGNS = {
    "add": "+",
    "subtract": "-",
    "multiply": "×",
    "divide": "/",
    "floor_divide": "divided without rest by",
    "modulo": "modulo",
    "power": "to the power of",
    "less": "is below",
    "less_equal": "is at or below",
    "greater": "is above",
    "greater_equal": "is at or above",
    "equal": "is equal to",
    "not_equal": "is other than",
    "and": "and",
    "or": "or",
    "xor": "or else",
}
FUNCTIONS = {
    "negative": "minus {}",
    "absolute": "the absolute value of {}",
    "square_root": "the square root of {}",
    "logarithm": "the natural logarithm of {}",
    "logarithm10": "the logarithm to base 10 of {}",
    "exponential": "e to the power of {}",
    "sign": "the sign of {}",
    "floor": "{} rounded down",
    "ceiling": "{} rounded up",
    "minimum": "the smaller of {} and {}",
    "maximum": "the larger of {} and {}",
    "is_nan": "{} is unknown",
    "not_nan": "{} is known",
    "not": "not {}",
    "ffill": "the latest known value of {} of the day",
}
_WINDOWS = {
    "rolling_mean": "the average of {} over {}",
    "rolling_sum": "the sum of {} over {}",
    "rolling_min": "the lowest {} of {}",
    "rolling_max": "the highest {} of {}",
    "rolling_median": "the median of {} over {}",
    "rolling_std": "the standard deviation of {} over {}",
    "rolling_var": "the variance of {} over {}",
    "rolling_quantile": "the quantile of {} over {}",
    "diff": "the change of {} over {}",
    "pct_change": "the relative change of {} over {}",
}
_JOINED = {"and": BOTH, "or": EITHER, "xor": EITHER}
_COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})
# Parameters that people write as bare numbers, in their order.
_BARE = frozenset({"length", "fast", "slow", "signal", "k", "d", "smooth_k"})
_FRAMES = {"min": "minute", "h": "hour", "d": "day"}


class ColumnWords:
    """Says columns; equal steps of them are said once."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._said: dict[Node, Said] = {}

    def of(self, column: Node) -> Said:
        """A column in words.

        Raises:
            TooLong: if it is too much to say.
        """
        for node in reachable([column]):
            if node not in self._said:
                said = self._say(node, [self._said[each] for each in node.inputs])
                self._budget.spend(said.text)
                self._said[node] = said
        return self._said[column]

    def _say(self, node: Node, inputs: Sequence[Said]) -> Said:
        operation, arguments = node.operation, node.arguments
        if operation == "constant":
            value = float(arguments[0])
            return Said(number(value) if not node.logical else "always" if value else "never")
        if operation.startswith("column:"):
            return Said(f"the {operation.removeprefix('column:')}")
        if operation == "resampled":
            return Said(frame(str(arguments[0])))
        if operation == "last_completed":
            return inputs[0]
        if operation == "field":
            return self._field(node, inputs[0])
        if operation == "indicator":
            return _indicator(node, inputs)
        if operation in SIGNS:
            compared = operation in _COMPARISONS
            one, other = (each.side if compared else each.tight for each in inputs)
            return Said(f"{one} {SIGNS[operation]} {other}", _JOINED.get(operation, COMPARISON if compared else PHRASE))
        if operation in FUNCTIONS:
            told = FUNCTIONS[operation].format(*(each.tight for each in inputs))
            return Said(told, COMPARISON if node.logical else PHRASE)
        if operation == "where":
            return Said(f"{inputs[1].side} where {inputs[0].joined('or')}, otherwise {inputs[2].side}", CHOICE)
        if operation == "shift":
            return Said(f"{inputs[0].tight} {counted(float(arguments[0]), 'bar')} ago", PHRASE)
        if operation in _WINDOWS:
            return _window(operation, inputs[0].tight, [float(each) for each in arguments])
        if operation == "ewm_mean":
            return _exponential(inputs[0].tight, *map(float, arguments))
        if operation == "round":
            return Said(f"{inputs[0].tight} rounded to {counted(float(arguments[0]), 'decimal')}", PHRASE)
        if operation == "fillna":
            return Said(f"{inputs[0].tight}, or {number(float(arguments[0]))} while unknown", CHOICE)
        # A new operation is said by its name until it has words.
        parts = ", ".join([*(each.text for each in inputs), *(str(each) for each in arguments)])
        return Said(f"{operation}({parts})")

    def _field(self, node: Node, of: Said) -> Said:
        place, source = int(node.arguments[0]), node.inputs[0]
        if source.operation == "resampled":
            return Said(f"the {PRICE_COLUMNS[place]} of {of.text}", PHRASE)
        outputs = REGISTRY[str(source.arguments[0])].outputs
        return _indicator(source, [self._said[each] for each in source.inputs], outputs[place]) if outputs else of


def _window(operation: str, of: str, arguments: Sequence[float]) -> Said:
    """A figure of the last bars; what it takes besides their number is told, but for the usual degree of freedom."""
    length, *rest = arguments
    if operation in ("rolling_std", "rolling_var"):
        more = [f" (degrees of freedom less {number(each)})" for each in rest if each != 1]
    else:
        more = [f" (at {number(each)})" for each in rest]
    if operation in ("rolling_min", "rolling_max"):
        of = of.removeprefix("the ")
    return Said(f"{_WINDOWS[operation].format(of, counted(length, 'bar'))}{''.join(more)}", PHRASE)


def _exponential(of: str, alpha: float, adjusted: float, least: float) -> Said:
    plain = "" if adjusted else ", not adjusted"
    known = f", after {counted(least, 'bar')}" if least else ""
    return Said(f"the exponential average of {of} (alpha {number(alpha)}{plain}{known})", PHRASE)


def frame(name: str) -> str:
    """Bars of a longer timeframe, or of another symbol, in words."""
    symbol, name = symbol_and_timeframe(name)
    if symbol:
        return f"{frame(name)} of {symbol}" if name else symbol
    unit = name.lstrip("0123456789")
    return f"{name.removesuffix(unit)}-{_FRAMES.get(unit, unit)} bars"


def _indicator(node: Node, inputs: Sequence[Said], output: str = "") -> Said:
    """“SMA(20)”, “BBANDS(20, std 2.5) upper”, “RSI(14) of the volume”: lengths, what differs from its default, and what is not the usual price."""
    indicator = REGISTRY[str(node.arguments[0])]
    told = list[str]()
    for parameter, value in zip(indicator.parameters, node.arguments[1:], strict=True):
        plain = parameter.name in _BARE
        if plain or value != parameter.default:
            written = (
                ("yes" if value else "no")
                if parameter.kind == "flag"
                else str(value)
                if isinstance(value, str)
                else number(float(value))
            )
            told.append(written if plain else f"{parameter.name} {written}")
    usual = all(each.operation == f"column:{name}" for each, name in zip(node.inputs, indicator.inputs, strict=True))
    brackets = f"({', '.join(told)})" if told else ""
    line = f"{indicator.name.upper()}{brackets}{f' {output}' if output else ''}"
    if usual or not inputs:
        return Said(line)
    return Said(f"{line} of {inputs[0].side if len(inputs) == 1 else ', '.join(each.tight for each in inputs)}", PHRASE)
