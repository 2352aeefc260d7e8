"""Bounds of a strategy taken together: that they leave something to buy at, and that a change of them changes what the strategy does."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stratforge.intent.lexicon import CLOSE, NYSE
from stratforge.intent.reading.meaning import (
    Fact,
    Meaning,
    TooMany,
    Ways,
    both,
    compared,
    meaning_of,
    on_a_usual_day,
    ways_of,
)
from stratforge.intent.rules import CONTRARY, HOLDS_BY_SIGN, PRICES, Rule, RuleKind, is_number

# The least and the greatest value that are allowed, each with whether it is itself.
Span = tuple[float, bool, float, bool]
# What has to hold at once: levels by what is compared with them, and all other facts.
Bounded = tuple[frozenset[tuple[str, Span]], frozenset[Fact]]
_ALL: Span = (-math.inf, False, math.inf, False)
_CLOCK = ("days", "minute", "minutes_to_close")
_COMPARED = PRICES | {"volume"}
_OF_A_BAND = re.compile(r"(?P<family>.+)\.(?P<edge>lower|mid|middle|basis|upper)")
# Of lines of one kind the lower before the higher; a day's open and close may be anywhere between its low and its high.
_OF_A_DAY = re.compile(r"(?P<family>day|yesterday|opening)_(?P<edge>low|open|close|high)(?P<span>\(.+\))?")
_SCALED = re.compile(r"(?P<factor>\d+(?:\.\d+)?) \* (?P<line>.+)|(?P<before>.+) \* (?P<times>\d+(?:\.\d+)?)")
# Averages of prices, which are never nothing or less.
POSITIVE = re.compile(
    r"ta\.(?:sma|ema|wma|rma|vwap|vwma)\((?:bars\.(?:open|high|low|close|volume)(?:, )?)+(?:length=\d+)?\)"
)
_RANKS = {"lower": 0, "mid": 1, "middle": 1, "basis": 1, "upper": 2, "low": 0, "open": 1, "close": 1, "high": 2}
# What the price is nearly always below, and above.
_HIGHEST = re.compile(r"day_high(?:_before)?|.+\.upper|.*\bhigh\b.*\.max\(\).*|opening_high\(.+\)")
_LOWEST = re.compile(r"day_low(?:_before)?|.+\.lower|.*\blow\b.*\.min\(\).*|opening_low\(.+\)")


def never_buys(rules: Sequence[Rule], *, around_the_clock: bool = False) -> bool:
    """Says whether what has to hold at every purchase excludes itself: days, hours, or levels of the same thing, that never come together."""
    try:
        meaning, week = _meaning(rules, around_the_clock)
        return bool(meaning.entry) and not _ways(both(meaning.entry, meaning.only, week))
    except TooMany:
        return False


def never_together(one: Sequence[Rule], other: Sequence[Rule], *, around_the_clock: bool = False) -> bool:
    """Says whether two strategies never buy on one bar, as far as their conditions tell: True only where what both need excludes itself."""
    try:
        (mine, week), (theirs, _) = _meaning(one, around_the_clock), _meaning(other, around_the_clock)
        ways = both(both(mine.entry, mine.only, week), both(theirs.entry, theirs.only, week), week)
        return all(_bounded(way) is None or _apart(way) for way in ways)
    except TooMany:
        return False


def follows(entry: Sequence[Rule], exits: Sequence[Rule]) -> bool:
    """Says whether, wherever one strategy buys, another sells, as far as their conditions tell: True only where it is always so."""
    try:
        (bought, week), (sold, _) = _meaning(entry, False), _meaning(exits, False)
        ways = both(bought.entry, bought.only, week)
        return bool(ways) and all(any(all(_holds_in(fact, way) for fact in sale) for sale in sold.exit) for way in ways)
    except TooMany:
        return False


def _holds_in(fact: Fact, way: frozenset[Fact]) -> bool:
    """Whether a fact holds wherever others do."""
    known = {*way, *_implied(way)}
    if fact in known:
        return True
    if len(fact) != 3 or fact[0] == "days":
        return False
    left, sign, right = map(str, fact)
    contrary = compared(left, CONTRARY[sign], right)
    return (sign != "==" and (_bounded({*known, contrary}) is None or _apart({*known, contrary}))) or (
        sign == ">=" and (left, ">", right) in known
    )


def _apart(way: Iterable[Fact]) -> bool:
    """Whether a price would have to be above one line and below another that is never above that one: bands, a highest and a lowest price of the same bars, or an average so many times and fewer times."""
    near = [(price, line, above) for fact in (*way, *_implied(way)) if len(fact) == 3 and fact[1] in (">", ">=") and fact[0] not in _CLOCK for price, line, above in filter(None, [_edges(str(fact[0]), str(fact[2]))])]  # fmt: skip
    for price, upper, above in near:
        for other, lower, over in near:
            if above and not over and price == other and upper != lower and _never_below(upper, lower):
                return True
    return False


def _never_below(upper: str, lower: str) -> bool:
    mine, its = _OF_A_BAND.fullmatch(upper), _OF_A_BAND.fullmatch(lower)
    if mine and its and mine["family"] == its["family"]:
        return _RANKS[mine["edge"]] > _RANKS[its["edge"]]
    (line, factor), (base, times) = _times(upper), _times(lower)
    if line == base and factor != times:
        return factor > times and POSITIVE.fullmatch(line) is not None
    twin = upper.replace("high", "low").replace(".max()", ".min()")
    return bool(_HIGHEST.fullmatch(upper) or upper == "yesterday_high") and twin == lower != upper


def sold_where_bought(rules: Sequence[Rule], *, around_the_clock: bool = False) -> str:
    """The comparison of a sale that holds at bars at which it buys, empty where there is none: what was bought there is sold on the next bar.

    Found are sales the other way than their purchase (“above 30” and “below 70”), sales that hold wherever it buys (below 30, and below 50), and those
    at a price below a highest one, or above a lowest, which is so on nearly every bar. A sale further in the same direction, such as above 25 and
    above 50, is a trader's choice.
    """
    try:
        meaning, week = _meaning(rules, around_the_clock)
        bought = both(meaning.entry, meaning.only, week)
        for sale in meaning.exit:
            if len(sale) == 1 and any(_meets(fact, way) for fact in sale for way in bought):
                return " ".join(map(str, next(iter(sale))))
    except TooMany:
        pass
    return ""


def _meets(sale: Fact, way: frozenset[Fact]) -> bool:
    """Whether a comparison holds at bars at which others do."""
    if len(sale) != 3 or sale[0] in _CLOCK:
        return False
    left, sign, right = map(str, sale)
    others = [tuple(map(str, each)) for each in (*way, *_implied(way)) if len(each) == 3 and each[0] not in _CLOCK]
    if left in PRICES and right == "0":
        # That is always so: an order that rests decides.
        return False
    if is_number(right):
        return any(is_number(level) and its == left and _overlap(sign, float(right), towards, float(level)) for its, towards, level in others)  # fmt: skip
    if (near := _edges(left, right)) is None:
        return False
    price, line, above = near
    bought = [
        each for each in (_edges(its, level) for its, _, level in others) if each is not None and each[0] == price
    ]
    if any(other == line and over != above for _, other, over in bought):
        # It comes back through the line at which it was bought.
        return False
    # “Within 1 % of the average” lies on both sides of it, and so does a sale below it: as far as that is meant, it is a trader's choice.
    around = {_times(other)[0] for _, other, over in bought if over == above}
    ranked = [(rank, its, over) for _, other, over in bought if over != above and _times(other)[0] not in around for rank, its in _ranks(line, other)]  # fmt: skip
    if ranked:
        return all(its < mine if over else mine < its for mine, its, over in ranked)
    return bool((_LOWEST if above else _HIGHEST).fullmatch(line)) and price in PRICES


def _ranks(one: str, other: str) -> Iterator[tuple[float, float]]:
    """Where two lines stand among those of their kind, or as so many times the same line; nothing where no order of them is known."""
    mine, its = _place(one), _place(other)
    if mine[0] == its[0] and mine[0]:
        yield mine[1], its[1]
    (line, factor), (base, times) = _times(one), _times(other)
    if line == base and factor != times:
        yield factor, times


def _place(line: str) -> tuple[str, int]:
    """The kind of a line, such as a band or the day before, and its place among the lines of that kind; an empty kind where it is of none."""
    if match := _OF_A_BAND.fullmatch(line):
        return match["family"], _RANKS[match["edge"]]
    if match := _OF_A_DAY.fullmatch(line):
        return f"{match['family']}{match['span'] or ''}", _RANKS[match["edge"]]
    return "", 0


def _times(line: str) -> tuple[str, float]:
    """A line as so many times another one."""
    match = _SCALED.fullmatch(line)
    if match is None:
        return line, 1.0
    return (match["line"], float(match["factor"])) if match["line"] else (match["before"], float(match["times"]))


def excluded_where_bought(sale: Fact, way: frozenset[Fact]) -> bool:
    """Returns whether a comparison surely does not hold at a bar at which others do."""
    if _bounded({*way, sale}) is None:
        return True
    left, _, right = map(str, sale)
    near = _edges(left, right)
    if near is None:
        return False
    price, line, above = near
    for its, _, level in (each for each in (*way, *_implied(way)) if len(each) == 3):
        other = _edges(str(its), str(level))
        if other is None or other[0] != price or other[2] == above:
            continue
        if other[1] == line or any(mine < its_own if other[2] else its_own < mine for mine, its_own in _ranks(line, other[1])):  # fmt: skip
            return True
        if (_LOWEST if other[2] is False else _HIGHEST).fullmatch(other[1]) and (_HIGHEST if above else _LOWEST).fullmatch(line):  # fmt: skip
            return True
    return False


def bounds_nothing(rules: Iterable[Rule], *, around_the_clock: bool = False) -> str:
    """The rule of hours or days in which it may buy, one or the other of them, that leaves out no minute of any day; empty where there is none."""
    week = range(7 if around_the_clock else 5)
    minutes = range(0, 1440) if around_the_clock else range(NYSE, CLOSE)
    for rule in rules:
        if rule.kind is not RuleKind.ONLY or rule.condition is None:
            continue
        try:
            ways = ways_of(rule.condition, frozenset(week))
        except TooMany:
            continue
        if len(ways) > 1 and all(fact[0] in _CLOCK for way in ways for fact in way) and all(any(_holds_at(way, day, minute) for way in ways) for day in week for minute in minutes):  # fmt: skip
            return rule.text
    return ""


def _holds_at(way: frozenset[Fact], day: int, minute: int) -> bool:
    return all(
        day in fact[1:] if fact[0] == "days" else HOLDS_BY_SIGN[str(fact[1])](minute, float(str(fact[2])))
        for fact in map(on_a_usual_day, way)
    )


def _overlap(sign: str, level: float, towards: str, bought: float) -> bool:
    """Whether what is compared with a level so holds where it was bought by another comparison: now and then in the other direction, always in the same one."""
    if {sign[0], towards[0]} == {"<", ">"}:
        low, high = (bought, level) if sign[0] == "<" else (level, bought)
        return low < high
    if sign[0] != towards[0] or sign[0] not in "<>":
        return False
    return bought <= level if sign[0] == "<" else bought >= level


def _edges(left: str, right: str) -> tuple[str, str, bool] | None:
    """A comparison of a price, or the volume, with a line: what is compared, the line, and whether it is above; None for others."""
    for one, other, above in ((left, right, True), (right, left, False)):
        if one in _COMPARED and other not in _COMPARED:
            return one, other, above
    return None


def same_deeds(before: Sequence[Rule], now: Sequence[Rule], *, around_the_clock: bool = False) -> bool:
    """Says whether two strategies buy and sell at the same bars, as far as their bounds tell: one bound inside another adds nothing."""
    try:
        (one, week), (other, _) = _meaning(before, around_the_clock), _meaning(now, around_the_clock)
        return (
            one.settings == other.settings
            and {part: _ways(ways) for part, ways in one.parts.items()} == {part: _ways(ways) for part, ways in other.parts.items()}
            and _ways(one.exit) == _ways(other.exit)
            and _ways(both(one.entry, one.only, week)) == _ways(both(other.entry, other.only, week))
        )  # fmt: skip
    except TooMany:
        return False


def bought_by_the_clock(rules: Sequence[Rule], *, around_the_clock: bool = False) -> bool:
    """Says whether a time alone is enough to buy."""
    try:
        meaning, week = _meaning(rules, around_the_clock)
        return any(all(fact[0] in _CLOCK for fact in way) for way in both(meaning.entry, meaning.only, week))
    except TooMany:
        return False


def _meaning(rules: Iterable[Rule], around_the_clock: bool) -> tuple[Meaning, frozenset[int]]:
    return meaning_of(rules, around_the_clock=around_the_clock), frozenset(range(7 if around_the_clock else 5))


def _ways(ways: Ways) -> frozenset[Bounded]:
    """The ways that can hold, without those that lie inside another."""
    found = {each for each in map(_bounded, ways) if each is not None}
    return frozenset(each for each in found if not any(other != each and _inside(each, other) for other in found))


def _bounded(way: Iterable[Fact]) -> Bounded | None:
    spans, rest = dict[str, Span](), set[Fact]()
    way = list(way)
    for fact in (*way, *_implied(way), *(on_a_usual_day(each) for each in way if each[0] == "minutes_to_close")):
        if len(fact) == 3 and isinstance(fact[0], str) and is_number(str(fact[2])) and fact[1] in ("<", "<=", ">", ">=", "=="):  # fmt: skip
            spans[fact[0]] = _narrowed(spans.get(fact[0], _ALL), str(fact[1]), float(str(fact[2])))
        else:
            rest.add(fact)
    if any(low > high or (low == high and not (with_low and with_high)) for low, with_low, high, with_high in spans.values()):  # fmt: skip
        return None
    if any(len(fact) == 3 and _excluded(fact, rest) for fact in rest):
        return None
    return frozenset(spans.items()), frozenset(rest)


def _implied(way: Iterable[Fact]) -> Iterator[Fact]:
    """The facts of this bar in those of several: what crosses above something is above it, what holds for bars holds at the last of them."""
    for fact in way:
        if fact[0] == "crosses":
            yield fact[1:]
        elif fact[0] == "for" and isinstance(fact[2], frozenset) and len(fact[2]) == 1:
            (held,) = fact[2]
            yield from held


def _excluded(fact: Fact, facts: set[Fact]) -> bool:
    """Whether another fact says the contrary: one line above another, and below it."""
    left, sign, right = fact
    contrary = {(right, ">", left)} | (
        {(right, ">=", left), (left, "==", right), (right, "==", left)} if sign == ">" else set()
    )
    return sign in (">", ">=") and bool(contrary & facts)


def _narrowed(span: Span, sign: str, value: float) -> Span:
    low, with_low, high, with_high = span
    if sign[0] in ">=" and value >= low:
        low, with_low = value, sign != ">" and (with_low or value > low)
    if sign[0] in "<=" and value <= high:
        high, with_high = value, sign != "<" and (with_high or value < high)
    return low, with_low, high, with_high


def _inside(one: Bounded, other: Bounded) -> bool:
    """Whether a way to hold is a special case of another."""
    mine: Mapping[str, Span] = dict(one[0])
    return other[1] <= one[1] and all(left in mine and _within(mine[left], span) for left, span in other[0])


def _within(one: Span, other: Span) -> bool:
    low = one[0] > other[0] or (one[0] == other[0] and (other[1] or not one[1] or math.isinf(one[0])))
    high = one[2] < other[2] or (one[2] == other[2] and (other[3] or not one[3] or math.isinf(one[2])))
    return low and high
