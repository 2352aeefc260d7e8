"""Rules by the clock that do something else than they say, as what is decided on a bar is filled on the next one.

Sales that hold where it buys sell on the next bar; days held count from a fill that may be of another day; what is decided on a day's last bar, and on any bar of a
day, is filled on the day after; and how a day opens holds for all of its bars.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stratforge.intent.lexicon import NYSE
from stratforge.intent.reading.meaning import Fact, TooMany, Ways, both, meaning_of, on_a_usual_day, ways_of
from stratforge.intent.reading.said import in_words
from stratforge.intent.rules import CONTRARY, EXIT_KINDS, Rule, RuleKind, is_number, read_rule
from stratforge.market.resampling import TIMEFRAMES
from stratforge.strategy.vocabulary import DAYS

_LAST = 24 * 60
# The last minute of a stock's day: what is decided on its bar is filled at the next day's open.
_LAST_BAR = 959
# What is known of a day from its first bar on, and stays so.
_OF_THE_OPENING = re.compile(r"\b(?:day_open|yesterday_(?:open|high|low|close))\b")
# Tells that a day's opening, of which a rule speaks, makes it act once.
ONCE_A_DAY = "How a day opens holds for all of it: a position is opened at most once a day, so that none is opened again after it was closed."


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
        buys = _purchases(rules, week, around_the_clock=around_the_clock)
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
        buys = _purchases(rules, week)
    except TooMany:
        return
    if buys and all(each.start >= _LAST_BAR for each in buys):
        yield from (each for each in rules if each.kind is RuleKind.SELL and "days_held" in each.text)


def on_last_bar(rules: Sequence[Rule], *, around_the_clock: bool = False) -> Iterator[Rule]:
    """The rules of which a way holds on a day's last bar alone: what is decided there is filled on the next day, or not at all.

    Args:
        rules: The rules that stand, on bars of a minute.
        around_the_clock: Whether the symbol trades on every day, so that no bar is a day's last.
    """
    if around_the_clock:
        return
    week = frozenset(range(5))
    for rule in rules:
        if rule.kind in (RuleKind.BUY, RuleKind.ONLY, RuleKind.SELL) and rule.condition is not None:
            clocks = [_clock(way, week)[0] for way in _ways(rule.condition, week)]
            if any(each.start >= _LAST_BAR and each.start < each.end for each in clocks):
                yield rule


def bought_and_sold_in_turn(rules: Sequence[Rule], *, around_the_clock: bool = False) -> Iterator[str]:
    """The times, as conditions, from which on something is sold until the end of their day whatever else holds, and bought all the same.

    Args:
        rules: The rules that stand.
        around_the_clock: Whether the symbol trades on every day.
    """
    week = frozenset(range(7 if around_the_clock else 5))
    try:
        buys = _purchases(rules, week, around_the_clock=around_the_clock)
        at_once = {each.rule.text for each in sold_at_once(rules, around_the_clock=around_the_clock)}
        for rule in (each for each in rules if each.kind is RuleKind.SELL and each.value == 100 and each.text not in at_once):  # fmt: skip
            for way in meaning_of([rule], around_the_clock=around_the_clock).exit:
                sale, alone = _clock(way, week)
                bought = any(each.days & sale.days and each.end > max(each.start, sale.start) for each in buys)
                if alone and bought and sale.start and sale.end == _LAST:
                    days = " or ".join(f"weekday == {day}" for day in sorted(sale.days)) if sale.days != week else ""
                    yield f"minute >= {sale.start}{f' and ({days})' if days else ''}"
    except TooMany:
        return


def opened_again(rules: Sequence[Rule], *, around_the_clock: bool = False) -> Iterator[Rule]:
    """The rules to buy by how a day opens, which holds for all of its bars, where nothing keeps them from buying again after a sale.

    Args:
        rules: The rules that stand, on bars of which a day has several.
        around_the_clock: Whether the symbol trades on every day.
    """
    if any(each.kind is RuleKind.LIMIT for each in rules):
        return
    week, first = frozenset(range(7 if around_the_clock else 5)), 0 if around_the_clock else NYSE
    try:
        meaning = meaning_of(rules, around_the_clock=around_the_clock)
        sales = [_clock(way, week)[0] for way in meaning.exit]
        # Orders that rest close at any time.
        sales += [Clock(week) for each in rules if each.kind in EXIT_KINDS]
        for rule in (each for each in rules if each.kind is RuleKind.BUY and each.condition is not None):
            ways = meaning_of([rule], around_the_clock=around_the_clock).entry
            buys = [_clock(whole, week)[0] for way in ways if _is_of_the_opening(way) for whole in both(frozenset({way}), meaning.only, week)]  # fmt: skip
            if any(buy.end - max(buy.start, first) > 1 and sale.start < buy.end - 1 for buy in buys for sale in sales):
                yield rule
    except TooMany:
        return


def asked_of_moments(rules: Sequence[Rule], minutes: int = 1, *, around_the_clock: bool = False) -> Iterator[str]:
    """The questions to ask where a moment that rules speak of is none at which a trade can be made, or is more than one.

    Args:
        rules: The rules that stand.
        minutes: The length of their bars.
        around_the_clock: Whether the symbol trades on every day.
    """
    if minutes == 1:
        for late in on_last_bar(rules, around_the_clock=around_the_clock):
            yield f"“{in_words(late)}”: the last bar of a day ends with the close, and what is decided then is filled at the next open, or not at all. Should it be decided at 15:58, to be filled at 15:59?"
    if minutes < TIMEFRAMES["1d"]:
        for opens in opened_again(rules, around_the_clock=around_the_clock):
            yield f"“{in_words(opens)}” holds for all of a day, so that a position would be opened again after each one is closed. At most one a day?"
        for times in bought_and_sold_in_turn(rules, around_the_clock=around_the_clock):
            when = in_words(read_rule(f"sell when {times}")).removeprefix("sell when ")
            yield f"From “{when}” on positions are closed, whatever else holds, and opened all the same, so that it would trade on every bar. Should none be opened then?"


def _is_of_the_opening(way: frozenset[Fact]) -> bool:
    """Whether nothing decides but how a day opens, and the clock."""
    compared = [each for each in way if each[0] not in ("days", "minute")]
    if any(len(each) != 3 or each[0] in ("for", "within", "not") for each in compared):
        return False
    texts = [f"{each[0]} {each[2]}" for each in compared]
    return "day_open" in " ".join(texts) and not any(
        re.search("[a-z]", _OF_THE_OPENING.sub("", text)) for text in texts
    )


def days_told(rules: Sequence[Rule], *, minutes: int, around_the_clock: bool = False) -> list[str]:
    """The sentences that tell a person which days of the week come of rules on bars of a day: each bar is filled on the day after.

    Args:
        rules: The rules that stand.
        minutes: The length of their bars: nothing is told but of those of a day.
        around_the_clock: Whether the symbol trades on every day.
    """
    count = 7 if around_the_clock else 5
    week, found = frozenset(range(count)), dict[str, None]()
    for rule in rules if minutes == TIMEFRAMES["1d"] else ():
        names = {each.id for each in ast.walk(rule.condition) if isinstance(each, ast.Name)} if rule.condition else set()  # fmt: skip
        days = sorted({day for way in _ways(rule.condition, week) for day in _clock(way, week)[0].days} if rule.condition and "weekday" in names else ())  # fmt: skip
        if 0 < len(days) < count:
            said, filled = (" or ".join(DAYS[each] for each in some) for some in (days, [(day + 1) % count for day in days]))  # fmt: skip
            found[f"On bars of a day, what is said of {said} is decided after the close and filled at the open of the next trading day, as a rule {filled}."] = None  # fmt: skip
    return list(found)


def _purchases(rules: Sequence[Rule], week: frozenset[int], *, around_the_clock: bool = False) -> list[Clock]:
    """When each way to buy may hold, as far as the clock decides it. Raises TooMany where the ways are too many."""
    meaning = meaning_of(rules, around_the_clock=around_the_clock)
    return [_clock(way, week)[0] for way in both(meaning.entry, meaning.only, week)]


def _ways(condition: ast.expr, week: frozenset[int]) -> Ways:
    try:
        return ways_of(condition, week)
    except TooMany:
        return frozenset()


def _clock(way: frozenset[Fact], week: frozenset[int]) -> tuple[Clock, bool]:
    """When a way to hold may hold, and whether nothing else decides it."""
    days, start, end, opens, alone = week, 0, _LAST, "", True
    for said, fact in ((each, on_a_usual_day(each)) for each in way):
        if fact[0] == "days":
            days &= {int(str(each)) for each in fact[1:]}
        elif fact[0] == "minute" and is_number(str(fact[2])) and fact[1] != "!=":
            minute = int(float(str(fact[2])))
            at = minute + (fact[1] == ">")
            if fact[1] in (">=", ">", "==") and at >= start:
                start, opens = at, f"{said[0]} {CONTRARY[str(said[1])]} {said[2]}"
            if fact[1] in ("<", "<=", "=="):
                end = min(end, minute + (fact[1] != "<"))
        else:
            alone = False
    return Clock(days, start, end, opens), alone
