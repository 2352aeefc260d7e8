"""Sales by the clock that go wrong by what is bought when: those that hold where it buys sell on the next bar, and days held count from a fill that may be of another day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stratforge.intent.reading.meaning import Fact, TooMany, both, meaning_of, on_a_usual_day
from stratforge.intent.rules import CONTRARY, Rule, RuleKind

_LAST = 24 * 60
# The last minute of a stock's day: what is decided on its bar is filled at the next day's open.
_LAST_BAR = 959


@dataclass(frozen=True, slots=True)
class Clock:
    """The days and the minutes of a usual day at which something may hold.

    Attributes:
        opens: That it is not yet its first minute, as a condition of rules.
    """

    days: frozenset[int]
    start: int = 0
    end: int = _LAST
    opens: str = ""


@dataclass(frozen=True, slots=True)
class AtOnce:
    """A sale by the clock that holds where it buys.

    Attributes:
        rule: The rule of the sale.
        before: That it does not buy yet, as a condition of rules, where the sale's minute lies before that at which it buys; empty where whole days are sold on.
        days: The days that are sold on, where they are whole days.
    """

    rule: Rule
    before: str
    days: frozenset[int] = frozenset()


def sold_at_once(rules: Sequence[Rule], *, around_the_clock: bool = False) -> Iterator[AtOnce]:
    """The rules for selling, by the clock alone, that hold whenever it buys, or on whole days on which it buys too.

    Args:
        rules: The rules that stand.
        around_the_clock: Whether the symbol trades on every day.
    """
    week = frozenset(range(7 if around_the_clock else 5))
    try:
        meaning = meaning_of(rules, around_the_clock=around_the_clock)
        buys = [_clock(way, week)[0] for way in both(meaning.entry, meaning.only, week)]
        if not buys:
            return
        for rule in rules:
            if rule.kind is not RuleKind.SELL or rule.condition is None or rule.value != 100:
                continue
            ways = meaning_of([rule], around_the_clock=around_the_clock).exit
            sells = [clock for clock, alone in (_clock(way, week) for way in ways) if alone]
            if len(sells) != 1 or len(ways) != 1:
                continue
            (sale,) = sells
            on_its_days = [each for each in buys if each.days & sale.days]
            if not on_its_days:
                continue
            if (sale.start, sale.end) == (0, _LAST):
                if sale.days != week:
                    yield AtOnce(rule, "", sale.days)
            elif sale.end == _LAST and len(on_its_days) == len(buys) and all(each.start >= sale.start for each in buys):
                yield AtOnce(rule, min(buys, key=lambda each: each.start).opens)
    except TooMany:
        return


def filled_next_day(rules: Sequence[Rule], *, around_the_clock: bool = False) -> Iterator[Rule]:
    """The sales by days held where every purchase is decided on the last bar of a day: they count from its fill, which is on the next.

    Args:
        rules: The rules that stand.
        around_the_clock: Whether the symbol trades on every day, so that no bar is a day's last.
    """
    if around_the_clock:
        return
    week = frozenset(range(5))
    try:
        meaning = meaning_of(rules)
        buys = [_clock(way, week)[0] for way in both(meaning.entry, meaning.only, week)]
    except TooMany:
        return
    if buys and all(each.start >= _LAST_BAR for each in buys):
        yield from (each for each in rules if each.kind is RuleKind.SELL and "days_held" in each.text)


def _clock(way: frozenset[Fact], week: frozenset[int]) -> tuple[Clock, bool]:
    """When a way to hold may hold, and whether nothing else decides it."""
    days, start, end, opens, alone = week, 0, _LAST, "", True
    for said, fact in ((each, on_a_usual_day(each)) for each in way):
        if fact[0] == "days":
            days &= {int(str(each)) for each in fact[1:]}
        elif fact[0] == "minute" and fact[1] in (">=", "<"):
            minute = int(float(str(fact[2])))
            if fact[1] == ">=" and minute >= start:
                start, opens = minute, f"{said[0]} {CONTRARY[str(said[1])]} {said[2]}"
            elif fact[1] == "<":
                end = min(end, minute)
        else:
            alone = False
    return Clock(days, start, end, opens), alone
