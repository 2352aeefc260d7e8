"""The rules that a request is read into: series, conditions, stops, sizes. They know how they are written in the language, and how they are said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar

from stratforge.market.clocks import TO_NEW_YORK, clock_field, minutes_ahead, place_in_words
from stratforge.strategy.vocabulary import DAYS

Comparison = Literal[">", "<", ">=", "<="]
_FLIPPED: dict[str, Comparison] = {">": "<=", "<": ">=", ">=": "<", "<=": ">"}
_SAID = {">": "above", "<": "below", ">=": "at or above", "<=": "at or below"}
Node = TypeVar("Node")
# Series that are prices, by the beginnings of their names.
_AVERAGES = ("sma", "ema", "wma", "hma", "rma", "dema", "tema")
_PRICES = ("close", "open", "high", "low", *_AVERAGES, "upper", "mid_", "keltner", "vwap", "psar", "day_", "yesterday")


def plain(value: float) -> str:
    """A number as people write it."""
    return f"{value:.10g}"


# Minutes by which clocks are ahead of New York's, for most of the year.
AHEAD = {
    "berlin": 360,
    "london": 300,
    "utc": 300,
    "tokyo": 840,
    **{place: -minutes for place, minutes in TO_NEW_YORK.items()},
}


def clock(minute: int) -> str:
    """A minute of the day as a time."""
    return f"{minute // 60}:{minute % 60:02d}"


@dataclass(frozen=True, slots=True)
class Series:
    """Something that has a value at every bar.

    Attributes:
        name: The column, such as `rsi`.
        call: Its expression in `indicators`; `{0}`, `{1}` stand for the parameters.
        said: How it is called; the same places.
        parameters: Its numbers, each a constant of the strategy.
        names: What its constants are called.
        levels: From oversold to overbought, where it has such.
        day: Lines of `on_bar` that keep it between bars; then `call` is what stands for it in conditions.
        times: It is multiplied by this.
    """

    name: str
    call: str
    said: str
    parameters: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    levels: tuple[float, float] | None = None
    day: tuple[str, ...] = ()
    times: float = 1.0
    plus: float = 0.0

    @property
    def scale(self) -> str:
        """The measure of its values: prices, volumes, or a unit of its own, by its kind of indicator."""
        if self.name.startswith(_PRICES):
            return "price"
        if self.name.startswith("volume"):
            return "volume"
        return {
            "macd_signal": "macd",
            "histogram": "histogram",
            "stoch_d": "stoch",
            "plus_di": "di",
            "minus_di": "di",
        }.get(self.name, self.name)

    @property
    def words(self) -> str:
        """The words by which people call it, with its numbers."""
        said = self.said.format(*(plain(each) for each in self.parameters))
        if self.times != 1:
            change = abs(self.times - 1) * 100
            if change < 50:
                said = f"{plain(round(change, 8))} % {'above' if self.times > 1 else 'below'} {said}"
            else:
                said = f"{plain(self.times)} times {said}"
        if self.plus:
            said = f"{plain(abs(self.plus))} dollars {'above' if self.plus > 0 else 'below'} {said}"
        return said


@dataclass(frozen=True, slots=True)
class Number:
    """A level. `unit` is %, $ or nothing."""

    value: float
    unit: str = ""

    @property
    def words(self) -> str:
        """The number as it is written in a sentence."""
        return f"{plain(self.value)}{' dollars' if self.unit == '$' else ' %' if self.unit else ''}"


Operand = Series | Number


@dataclass(frozen=True, slots=True)
class Compare:
    """A series against another, or against a level, at every bar."""

    left: Series
    op: Comparison
    right: Operand

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        return f"{self.left.words} is {_SAID[self.op]} {self.right.words}"


@dataclass(frozen=True, slots=True)
class Cross:
    """The bar at which a series gets over, or under, another one or a level."""

    left: Series
    up: bool
    right: Operand

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        return f"{self.left.words} crosses {'above' if self.up else 'below'} {self.right.words}"


@dataclass(frozen=True, slots=True)
class Turn:
    """A series that is higher, or lower, than one bar before."""

    left: Series
    up: bool

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        return f"{self.left.words} is {'higher' if self.up else 'lower'} than at the bar before"


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """Before a minute of the day, or from it on.

    Attributes:
        minute: The minute in New York; of another place about that, for its distance changes with the seasons.
        place: The place whose clocks are meant; empty for the exchange's.
        to_close: Whether it is counted to the close, which is early on some days; then `minute` is that of a usual day.
    """

    minute: int
    until: bool
    place: str = ""
    to_close: bool = False

    @property
    def rule(self) -> str:
        """The condition in formal rules, by the clock or counted to the close."""
        if self.to_close:
            return f"minutes_to_close {'>' if self.until else '<='} {960 - self.minute}"
        return f"{self.fact} {'<' if self.until else '>='} {self.there}"

    @property
    def there(self) -> int:
        """The minute on the clocks that are meant."""
        return (self.minute + AHEAD.get(self.place, 0)) % 1440

    @property
    def late(self) -> bool:
        """Returns whether it is, from then on, after the close of stocks on some days of a year, by the clocks of the place."""
        ahead = minutes_ahead(self.place, "new_york") if self.place and not self.until else ()
        return any((self.there - each) % 1440 >= 960 for each in ahead)

    @property
    def fact(self) -> str:
        """The word of formal rules for these clocks."""
        return clock_field(self.place) if self.place else "minute"

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        if self.to_close:
            return (
                f"there are {'more than' if self.until else 'at most'} {960 - self.minute} minutes left until the close"
            )
        return f"it is {'before' if self.until else 'at or after'} {self.time}"

    @property
    def time(self) -> str:
        """The time as one says it."""
        if self.to_close:
            return f"{960 - self.minute} minutes before the close"
        return f"{clock(self.there)} {place_in_words(self.place) if self.place else 'New York'} time"


@dataclass(frozen=True, slots=True)
class Weekdays:
    """The condition that it is one of certain days of the week."""

    days: tuple[int, ...]

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        return "it is " + " or ".join(DAYS[each] for each in self.days)


@dataclass(frozen=True, slots=True)
class Held:
    """A position that is held for a number of bars."""

    bars: float

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        return f"the position has been held for {plain(self.bars)} bars (minutes)"


@dataclass(frozen=True, slots=True)
class Result:
    """A position that has gained, or lost, so much. The unit is %, $ a share, or ATR (average true ranges)."""

    amount: float
    unit: Literal["%", "$", "ATR"]
    gain: bool

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        of = {"%": " %", "$": " dollars a share", "ATR": " times the 14-bar ATR (average true range)"}[self.unit]
        return f"the position has {'gained' if self.gain else 'lost'} {plain(self.amount)}{of}"


@dataclass(frozen=True, slots=True)
class Trail:
    """A close so far below the highest close since the purchase."""

    amount: float
    unit: Literal["%", "$", "ATR"]

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        of = {"%": " %", "$": " dollars", "ATR": " times the 14-bar ATR (average true range)"}[self.unit]
        return f"the close is {plain(self.amount)}{of} below the highest close since the purchase"


@dataclass(frozen=True, slots=True)
class Both:
    """The condition that all of several conditions hold."""

    parts: tuple[Condition, ...]

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        return " and ".join(f"({each.words})" if isinstance(each, Either) else each.words for each in self.parts)


@dataclass(frozen=True, slots=True)
class Either:
    """The condition that at least one of several conditions holds."""

    parts: tuple[Condition, ...]

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        return " or ".join(f"({each.words})" if isinstance(each, Both) else each.words for each in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """The condition that another one does not hold."""

    part: Condition

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        return f"it is not so that {self.part.words}"


@dataclass(frozen=True, slots=True)
class Lasting:
    """A condition that has held for a number of bars without a break."""

    part: Condition
    bars: float

    @property
    def words(self) -> str:
        """The condition as a part of a sentence."""
        return f"for {plain(self.bars)} bars in a row {self.part.words}"


Condition = Compare | Cross | Turn | TimeOfDay | Weekdays | Held | Result | Trail | Both | Either | Not | Lasting


@dataclass(frozen=True, slots=True)
class Rule:
    """Something the request says, with the place where it says it.

    Attributes:
        kind: What it decides.
        condition: When.
        place: From where to where in the normalized request.
        assumed: What was read into it that it does not say; empty when it is plain.
        part: For a sale: the part of the position.
    """

    kind: Literal["entry", "exit", "filter"]
    condition: Condition
    place: tuple[int, int]
    assumed: tuple[str, ...] = ()
    part: float = 1.0


@dataclass(frozen=True, slots=True)
class Setting:
    """A size, a number of purchases a day, a pause, an exit that goes with the order: something that is no condition on the market."""

    kind: Literal["equity", "cash", "shares", "a day", "pause", "stop order", "target order", "trail order"]
    value: float
    place: tuple[int, int]

    @property
    def words(self) -> str:
        """The setting as a part of a sentence."""
        return {
            "equity": f"a purchase takes {plain(round(self.value * 100, 8))} % of the equity",
            "cash": f"a purchase takes {plain(self.value)} dollars",
            "shares": f"a purchase is {plain(self.value)} shares",
            "a day": f"it buys at most {plain(self.value)} times a day",
            "pause": f"it waits {plain(self.value)} bars after a sale before it buys again",
            "stop order": f"with a purchase goes a stop loss {plain(self.value)} % below its price, looked at within the bar",
            "target order": f"with a purchase goes a take profit {plain(self.value)} % above its price, looked at within the bar",
            "trail order": f"with a purchase goes a trailing stop {plain(self.value)} % below the highest price, looked at within the bar",
        }[self.kind]


@dataclass(slots=True)
class Plan:
    """All that was read, and what was not."""

    symbols: list[tuple[str, tuple[int, int]]] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    declined: list[str] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)
    unread: list[tuple[int, int]] = field(default_factory=list)

    def of(self, kind: str) -> list[Rule]:
        """Returns the rules of a kind, in the order of the request."""
        return [each for each in self.rules if each.kind == kind]

    def setting(self, *kinds: str) -> Setting | None:
        """The setting of these kinds that was said last."""
        found = [each for each in self.settings if each.kind in kinds]
        return found[-1] if found else None


def contrary(condition: Condition) -> Condition:
    """Returns the condition that holds when another does not; of a cross, the cross the other way."""
    if isinstance(condition, Compare):
        return Compare(condition.left, _FLIPPED[condition.op], condition.right)
    if isinstance(condition, Cross):
        return Cross(condition.left, not condition.up, condition.right)
    if isinstance(condition, Turn):
        return Turn(condition.left, not condition.up)
    if isinstance(condition, Both):
        return Either(tuple(contrary(each) for each in condition.parts))
    if isinstance(condition, Either):
        return Both(tuple(contrary(each) for each in condition.parts))
    if isinstance(condition, Not):
        return condition.part
    return Not(condition)


_PARTS = ("left", "right", "part", "parts", "condition")


def nodes(tree: object) -> Iterator[object]:
    """The tree's nodes, each before its parts."""
    yield tree
    if is_dataclass(tree) and not isinstance(tree, type):
        for each in fields(tree):
            yield from nodes(getattr(tree, each.name))
    elif isinstance(tree, tuple):
        for part in tree:
            yield from nodes(part)


def rewritten(tree: Node, change: Callable[[Any], Any]) -> Node:
    """The tree with what `change` gives for each of its nodes, a node before its parts; a series is taken whole."""
    if isinstance(tree, tuple):
        return tuple(rewritten(each, change) for each in tree)  # type: ignore[return-value]
    if not is_dataclass(tree) or isinstance(tree, type):
        return tree
    found = change(tree)
    if not isinstance(found, Series):
        parts = {each.name: getattr(found, each.name) for each in fields(found) if each.name in _PARTS}
        found = replace(
            found, **{name: rewritten(value, change) for name, value in parts.items() if not isinstance(value, float)}
        )
    result: Node = found
    return result


def with_number(tree: Node, old: float, new: float) -> Node:
    """The tree with one number for another, wherever it stands for a length, a level or an amount."""

    def change(each: Any) -> Any:
        if isinstance(each, Series):
            return replace(each, parameters=tuple(new if value == old else value for value in each.parameters))
        if isinstance(each, Number) and each.value == old:
            return replace(each, value=new)
        if isinstance(each, Held | Lasting) and each.bars == old:
            return replace(each, bars=new)
        if isinstance(each, Result | Trail) and each.amount == old:
            return replace(each, amount=new)
        return each

    return rewritten(tree, change)
