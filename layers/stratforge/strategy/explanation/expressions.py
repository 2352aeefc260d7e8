"""Expressions of `on_bar` in words, with the values of constants in them. What has no words of its own is told as the code has it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from stratforge.market.clocks import CLOCKS, clock_field, place_in_words
from stratforge.strategy.explanation.columns import FUNCTIONS, SIGNS, ColumnWords
from stratforge.strategy.explanation.wording import (
    BOTH,
    CHOICE,
    COMPARISON,
    EITHER,
    PHRASE,
    Budget,
    Said,
    clock,
    counted,
    number,
    percent,
)
from stratforge.strategy.graph import Node
from stratforge.strategy.on_bar_expressions import state_key
from stratforge.strategy.source import literal_number
from stratforge.strategy.vocabulary import DAYS, NUMPY_CONSTANTS, NUMPY_FUNCTIONS

COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: SIGNS["less"],
    ast.LtE: SIGNS["less_equal"],
    ast.Gt: SIGNS["greater"],
    ast.GtE: SIGNS["greater_equal"],
    ast.Eq: SIGNS["equal"],
    ast.NotEq: SIGNS["not_equal"],
}
_TIMES = {
    "is below": "before",
    "is at or below": "at or before",
    "is above": "after",
    "is at or above": "at or after",
    "is equal to": "exactly",
    "is other than": "not",
}
_TURNED = {
    "is below": "is above",
    "is at or below": "is at or above",
    "is above": "is below",
    "is at or above": "is at or below",
}
_CROSSES = {
    ("is at or below", "is above"): "crosses above",
    ("is at or above", "is below"): "crosses below",
    ("is below", "is at or above"): "reaches from below",
    ("is above", "is at or below"): "reaches from above",
}
ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: SIGNS["add"],
    ast.Sub: SIGNS["subtract"],
    ast.Mult: SIGNS["multiply"],
    ast.Div: SIGNS["divide"],
    ast.FloorDiv: SIGNS["floor_divide"],
    ast.Mod: SIGNS["modulo"],
    ast.Pow: SIGNS["power"],
    ast.BitAnd: SIGNS["and"],
    ast.BitOr: SIGNS["or"],
    ast.BitXor: SIGNS["xor"],
}
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
}  # fmt: skip
_CLOCK = re.compile(r"(?:bar|universe)\.time\.minute_in_(\w+)")
_TIME = {
    "hour": "the hour",
    "minute": "the minute of the hour",
    "weekday": "the weekday (Monday is 0)",
    "day": "the day of the month",
    "month": "the month",
    "year": "the year",
    "minutes_to_close": "the minutes left until the close",
} | {clock_field(place): f"the minute of the day in {place_in_words(place)}" for place in CLOCKS}
_POSITION = {
    "quantity": "the quantity held",
    "average_entry_price": "the price paid",
    "entry_price": "the price paid",
    "unrealized_return": "the position’s gain",
    "bars_held": "the number of bars it is held",
    "max_favorable": "the best price since entry",
    "max_adverse": "the worst price since entry",
}
_ACCOUNT = {"equity": "the account’s equity", "cash": "the account’s cash", "buying_power": "the buying power"}
_BUILTINS = {
    "abs": FUNCTIONS["absolute"],
    "int": "{} without its decimals",
    "float": "{}",
    "bool": "whether {}",
}
_HELD = {
    ("is equal to", 0.0): "nothing is held",
    ("is other than", 0.0): "a position is held",
    ("is above", 0.0): "a position is held",
    ("is at or below", 0.0): "nothing is held",
}
_HELD_OR_SHORT = {
    ("is equal to", 0.0): "nothing is held",
    ("is other than", 0.0): "a position is held or short",
    ("is above", 0.0): "a position is held",
    ("is below", 0.0): "a position is short",
    ("is at or above", 0.0): "nothing is short",
    ("is at or below", 0.0): "no position is held",
}


class Expressions:
    """Says expressions of one function that decides."""

    def __init__(
        self,
        parameters: Mapping[str, float],
        columns: Mapping[str, Node],
        budget: Budget,
        *,
        shorts: bool = False,
    ) -> None:
        self._parameters = parameters
        self._columns = columns
        self._words = ColumnWords(budget)
        self.budget = budget
        self._held = _HELD_OR_SHORT if shorts else _HELD
        # Names of the function that stand for what they were given.
        self.meant: dict[str, Said] = {}
        self.stands_for: dict[str, ast.expr] = {}

    def fixed(self, node: ast.expr) -> float | None:
        """A number that is written out, or a constant, or arithmetic with such; None for others."""
        return literal_number(node, self._parameters)

    def said(self, node: ast.expr) -> Said:
        """An expression in words."""
        found = self._said(node)
        self.budget.spend(found.text)
        return found

    def value(self, node: ast.expr) -> str:
        """An expression in words, as a part of a phrase or a sum."""
        return self.said(node).tight

    def side(self, node: ast.expr) -> str:
        """An expression in words, as what is compared or given."""
        return self.said(node).side

    def _said(self, node: ast.expr) -> Said:
        value = self.fixed(node)
        if value is not None and not isinstance(node, ast.Constant):
            return self._calculated(node, value)
        if isinstance(node, ast.Constant):
            return Said(_constant(node.value))
        if isinstance(node, ast.Name):
            return self.meant.get(node.id, Said(f"`{node.id}`"))
        if isinstance(node, ast.BinOp):
            left, right = self.value(node.left), self.value(node.right)
            loose = {ast.BitAnd: BOTH, ast.BitOr: EITHER, ast.BitXor: EITHER}.get(type(node.op), PHRASE)
            return Said(f"{left} {ARITHMETIC[type(node.op)]} {right}", loose)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BoolOp):
            return self._joined(node) if all(map(self._is_condition, node.values)) else self._picked(node)
        if isinstance(node, ast.Compare):
            return self._compared(node)
        if isinstance(node, ast.IfExp):
            return self._chosen(node.test, node.body, node.orelse)
        key = state_key(node)
        if key is not None:
            return self._remembered(node, key)
        if isinstance(node, ast.Attribute):
            return self._field(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        return Said(f"`{ast.unparse(node)}`")

    def _chosen(self, test: ast.expr, yes: ast.expr, no: ast.expr) -> Said:
        return Said(f"{self.side(yes)} if {self.truth(test).joined('or')}, otherwise {self.side(no)}", CHOICE)

    def _calculated(self, node: ast.expr, value: float) -> Said:
        """A number that the code writes as a constant, or calculates from such, which is told too: other numbers give another text."""
        plain = node.operand if isinstance(node, ast.UnaryOp) else node
        if isinstance(plain, ast.Constant | ast.Name):
            return Said(number(value))
        return Said(f"{number(value)} [{self._calculation(node)}]")

    def _calculation(self, node: ast.expr) -> str:
        told = self._arithmetic(node)
        return told[1:-1] if isinstance(node, ast.BinOp) else told

    def _arithmetic(self, node: ast.expr) -> str:
        if isinstance(node, ast.BinOp):
            left, right = self._arithmetic(node.left), self._arithmetic(node.right)
            return f"({left} {_OPERATORS[type(node.op)]} {right})"
        if isinstance(node, ast.UnaryOp):
            return f"{'-' if isinstance(node.op, ast.USub) else ''}{self._arithmetic(node.operand)}"
        return self.said(node).text

    # Conditions ----------------------------------------------------------------------------------------

    def condition(self, node: ast.expr) -> str:
        """The words of `truth`, for a place that nothing else joins."""
        return self.truth(node).text

    def truth(self, node: ast.expr) -> Said:
        """A condition in words; of a number, that it is neither 0 nor unknown."""
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            return Said("always" if node.value else "never")
        if isinstance(node, ast.BoolOp):
            joined = self._joined(node)
            self.budget.spend(joined.text)
            return joined
        found = self.said(node)
        if COMPARISON <= found.loose <= EITHER or _is_truth(node) or self._is_logical(node):
            return found
        return Said(f"{found.side} is known and other than 0", COMPARISON)

    def _is_condition(self, node: ast.expr) -> bool:
        """Whether it holds or does not, rather than being a number."""
        if isinstance(node, ast.BoolOp):
            return all(map(self._is_condition, node.values))
        if isinstance(node, ast.Name):
            return node.id in self.meant and COMPARISON <= self.meant[node.id].loose <= EITHER
        return isinstance(node, ast.Compare) or _is_truth(node) or self._is_logical(node)

    def _is_logical(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Attribute) and node.attr in self._columns and self._columns[node.attr].logical

    def _unary(self, node: ast.UnaryOp) -> Said:
        if isinstance(node.op, ast.Not):
            return Said(f"not ({self.condition(node.operand)})")
        if isinstance(node.op, ast.Invert):
            return Said(f"not ({self.said(node.operand).text})")
        inner = self.value(node.operand)
        return Said(f"minus {inner}", PHRASE) if isinstance(node.op, ast.USub) else Said(inner)

    def _joined(self, node: ast.BoolOp) -> Said:
        word = "and" if isinstance(node.op, ast.And) else "or"
        parts, values = list[str](), list(node.values)
        while values:
            crossing = self._crossing(values[0], values[1]) if len(values) > 1 and word == "and" else ""
            if crossing:
                parts.append(crossing)
                del values[:2]
            else:
                parts.append(self.truth(values.pop(0)).joined(word))
        return Said(f" {word} ".join(parts), BOTH if word == "and" else EITHER)

    def _picked(self, node: ast.BoolOp) -> Said:
        """The number that `and` or `or` gives: one of its operands."""
        *before, last = node.values
        text = self.side(last)
        for at, each in enumerate(reversed(before)):
            rest = f"({text})" if at else text
            if isinstance(node.op, ast.Or):
                text = f"{self.side(each)} if that is known and other than 0, otherwise {rest}"
            else:
                text = f"{rest} if {self.truth(each).joined('or')}, otherwise {self.side(each)}"
            self.budget.spend(text)
        return Said(text, CHOICE)

    def _crossing(self, one: ast.expr, other: ast.expr) -> str:
        """“FAST crosses above SLOW”, where a comparison on this bar follows the contrary one on the bar before; otherwise nothing."""
        if not isinstance(one, ast.Compare) or not isinstance(other, ast.Compare):
            return ""
        if len(one.ops) != 1 or len(other.ops) != 1:
            return ""
        for before, now in ((one, other), (other, one)):
            word = _CROSSES.get((COMPARED.get(type(before.ops[0]), ""), COMPARED.get(type(now.ops[0]), "")))
            sides = [(before.left, now.left), (before.comparators[0], now.comparators[0])]
            if word and any(_of_bar(each[1]) for each in sides) and all(self._same_before(*each) for each in sides):
                return f"{self.side(now.left)} {word} {self.side(now.comparators[0])}"
        return ""

    def _same_before(self, before: ast.expr, now: ast.expr) -> bool:
        """Whether the first is on the bar before what the second is on this one; a fixed number is the same on both."""
        if self.fixed(now) is not None:
            return ast.dump(before) == ast.dump(now)
        return (
            _of_bar(now)
            and isinstance(before, ast.Attribute)
            and isinstance(now, ast.Attribute)
            and before.attr == now.attr
            and ast.unparse(before.value) == "bar.previous"
        )

    def _compared(self, node: ast.Compare) -> Said:
        operator = node.ops[0]
        if isinstance(operator, ast.In | ast.NotIn):
            word = "is" if isinstance(operator, ast.In) else "is not"
            return Said(f"`{state_key(node)}` {word} remembered", COMPARISON)
        if isinstance(operator, ast.Is | ast.IsNot):
            word = "unknown" if isinstance(operator, ast.Is) else "known"
            return Said(f"{self.side(node.left)} is {word}", COMPARISON)
        parts, left = list[str](), node.left
        for each, right in zip(node.ops, node.comparators, strict=True):
            parts.append(self._pair(left, COMPARED[type(each)], right))
            left = right
        return Said(" and ".join(parts), BOTH if len(parts) > 1 else COMPARISON)

    def _pair(self, left: ast.expr, sign: str, right: ast.expr) -> str:
        if self.fixed(left) is not None and self.fixed(right) is None:
            left, sign, right = right, _TURNED.get(sign, sign), left
        value, given = self.fixed(right), self._given(left)
        plain = ast.unparse(given) if isinstance(given, ast.Attribute) else ""
        note = f" [{self._calculation(right)}]" if isinstance(right, ast.BinOp) and value is not None else ""
        if value is not None:
            if plain == "position.quantity" and (sign, value) in self._held and not note:
                return self._held[(sign, value)]
            if plain in ("bar.time.weekday", "bar.weekday", "universe.time.weekday") and value in range(7):
                named = DAYS[int(value)]
                if sign in ("is equal to", "is other than"):
                    return f"it is {'' if sign == 'is equal to' else 'not '}{named}{note}"
                return f"the weekday is {_TIMES[sign]} {named}{note}"
            if plain == "position.unrealized_return":
                return f"{_POSITION['unrealized_return']} {sign} {percent(value)}{note}"
            place = _CLOCK.fullmatch(plain)
            if place and clock(value):
                return f"the time in {place_in_words(place[1])} is {_TIMES[sign]} {clock(value)}{note}"
            if self._is_minute_of_day(given) and clock(value):
                return f"the time is {_TIMES[sign]} {clock(value)}{note}"
        return f"{self.side(left)} {sign} {self.side(right)}"

    def _given(self, node: ast.expr) -> ast.expr:
        """What a name stands for, where it stands for an expression; otherwise the expression itself."""
        return self.stands_for.get(node.id, node) if isinstance(node, ast.Name) else node

    def _is_minute_of_day(self, node: ast.expr) -> bool:
        """Whether it is the minute of the day: 60 × the hour + the minute."""
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
            return False
        hours, minutes = node.left, node.right
        if not isinstance(hours, ast.BinOp) or not isinstance(hours.op, ast.Mult):
            return False
        factors = [hours.left, hours.right]
        return (
            _time_field(minutes) == "minute"
            and any(_time_field(each) == "hour" for each in factors)
            and any(isinstance(each, ast.Constant) and each.value == 60 for each in factors)
        )

    # Fields and calls ----------------------------------------------------------------------------------

    def _field(self, node: ast.Attribute) -> Said:
        owner, name = ast.unparse(node.value), node.attr
        if owner in ("bar.time", "universe.time") or (owner == "bar" and name in ("hour", "minute", "weekday")):
            return Said(_TIME.get(name, f"`{ast.unparse(node)}`"))
        if owner == "bar":
            return self.column(name)
        if owner == "bar.previous":
            return Said(f"{self.column(name).tight} on the bar before", PHRASE)
        if owner == "position" and name in _POSITION:
            return Said(_POSITION[name])
        if owner == "account" and name in _ACCOUNT:
            return Said(_ACCOUNT[name])
        if owner == "np" and name in NUMPY_CONSTANTS:
            return Said(number(NUMPY_CONSTANTS[name]) if name in ("nan", "inf") else f"the number {name}")
        return Said(f"`{ast.unparse(node)}`")

    def column(self, name: str) -> Said:
        """An indicator, or a price, by its name."""
        return self._words.of(self._columns[name]) if name in self._columns else Said(f"the {name}")

    def _remembered(self, node: ast.expr, key: str) -> Said:
        default = "0"
        if isinstance(node, ast.Call):
            given = node.args[1] if len(node.args) > 1 else ast.Constant(None)
            default = self.said(given).text
        return Said(f"the remembered `{key}`" if default == "nothing" else f"the remembered `{key}` ({default} before)")

    def _call(self, node: ast.Call) -> Said:
        function = node.func
        if isinstance(function, ast.Name):
            return self._builtin(node, function.id)
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            owner, name = function.value.id, function.attr
            if owner == "pd":
                return Said(
                    f"{self.value(node.args[0])} is {'unknown' if name.startswith('is') else 'known'}", COMPARISON
                )
            if owner == "np" and name == "where" and len(node.args) == 3:
                return self._chosen(*node.args)
            if owner == "np" and name in NUMPY_FUNCTIONS and NUMPY_FUNCTIONS[name].operation in FUNCTIONS:
                entry = NUMPY_FUNCTIONS[name]
                return self._with(FUNCTIONS[entry.operation], node.args, COMPARISON if entry.logical else PHRASE)
        return self._as_code(node)

    def _builtin(self, node: ast.Call, name: str) -> Said:
        if name in ("min", "max"):
            sides = [self.value(each) for each in node.args]
            word = "smallest" if name == "min" else "largest"
            return Said(f"the {word} of {', '.join(sides[:-1])} and {sides[-1]}", PHRASE)
        if name == "round":
            digits = number(self.fixed(node.args[1]) or 0.0) if len(node.args) == 2 else "0"
            return Said(f"{self.value(node.args[0])} rounded to {counted(float(digits), 'decimal')}", PHRASE)
        if name == "bool":
            return Said(f"({self.condition(node.args[0])})")
        if name == "float":
            return self.said(node.args[0])
        return self._with(_BUILTINS[name], node.args) if name in _BUILTINS else self._as_code(node)

    def _with(self, form: str, arguments: Sequence[ast.expr], loose: int = PHRASE) -> Said:
        return Said(form.format(*(self.value(each) for each in arguments)), loose)

    def _as_code(self, node: ast.Call) -> Said:
        """A call that has no words, as a call; its arguments in words."""
        given = [self.said(each).text for each in node.args]
        given += [f"{each.arg}={self.said(each.value).text}" for each in node.keywords]
        return Said(f"{self._called(node.func)}({', '.join(given)})")

    def _called(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            owner = node.value
            plain = isinstance(owner, ast.Name) and owner.id not in self.meant
            return f"{owner.id if plain and isinstance(owner, ast.Name) else self.value(owner)}.{node.attr}"
        return ast.unparse(node)


def _constant(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return number(float(value)) if isinstance(value, int | float) else repr(value)


def _is_truth(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not | ast.Invert)
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        return name in ("bool", "np.isnan") or name.startswith("pd.") or name.endswith((".any", ".all"))
    return False


def _of_bar(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bar"


def _time_field(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text.rsplit(".", 1)[-1] if text.startswith(("bar.time.", "universe.time.", "bar.hour", "bar.minute")) else ""
