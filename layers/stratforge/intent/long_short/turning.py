"""Judges what is true only of both sides: whether they can be entered at once, and what happens to one when the other's condition comes."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from stratforge.intent.bounds import follows, never_together
from stratforge.intent.long_short.marks import Side
from stratforge.intent.long_short.rules import TURN, of_both_sides, of_kind, read_side_rules
from stratforge.intent.long_short.sides import Sides
from stratforge.intent.reading.said import in_words
from stratforge.intent.rules import EXIT_KINDS, Rule, RuleKind
from stratforge.intent.shorts import as_short

AT_ONCE = "It may be that both hold at once: {} and {}. Which side should it take then? Please say the conditions so that only one of them can hold, for example with “and” what has to be so of the other."
TURN_OR_STAY = "While it is long, what it goes short by may come before it sells{}, and your words do not say what happens then. You could say: 1. “Turn round when the other side begins”; 2. “Stay until its own exit”."
NO_EXIT = "When is its {} position closed? {} Please say the whole strategy once more, with that."
NO_EXITS = "It is not said when either side is closed. When the other side's condition comes? You could say: 1. “Turn round when the other side begins”. Else please say the whole strategy once more, with when it sells and when it covers."
BOUNDED = "“{}” bounds when a side is entered. Does the other side end then all the same when its condition comes outside of that? That is not written from words: please leave one of the two out."
ALREADY_CLOSED = "One of the sides closes by what the other is entered by, and the other does not: please say for both when they are closed."
NOT_CLOSED = "After this change what one side is entered by may come before the other side is closed, and nothing is said of that. Please say the whole strategy anew, with what happens then."
# What a person is told.
TURNS_ROUND = "When the other side's condition comes, what is held is closed, and the other side is opened one bar later: a position cannot be turned round at once."
TURNS_UNSAID = "No exit of a side was named: each is closed when the other side's condition comes."
CLOSED_FIRST = "It holds one side at a time: a position is closed first, and the other side is opened one bar later at the earliest, if its condition holds then."
STAYS = "What the other side is entered by changes nothing while a position is held: it stays until its own exit."

_PLAINLY = re.compile(
    r"\b(?:(?:when(?:ever)?|as soon as|once) the (?:other side|opposite)|(?:reverse|flip|switch|round|around)\b[\w ]{0,20} (?:on|at|with|upon) (?:(?:the|an|any|every|each) )?opposite)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Turning:
    """The fate of a position when the other side's condition comes.

    Attributes:
        turns: Whether that closes it, and the other side is entered by it.
        asks: What has to be asked before that is known.
        told: What the person has to be told of it.
    """

    turns: bool
    asks: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def turning_of(sides: Sides, long: Sequence[Rule], short: Sequence[Rule]) -> Turning:
    """Decides it from the words and the rules of both sides, each as those of a strategy that buys and sells."""
    asks = list(_at_once(long, short))
    own = [_exits(each) for each in (long, short)]
    said = [sides.leaves(each) for each in (Side.LONG, Side.SHORT)]
    shared = any(map(bool, own)) and not any(said)
    if sides.turns and any(own) and not _PLAINLY.search(sides.text):
        # “Always in” and an exit exclude each other, and “reverse” may be said of a stop.
        entry = of_kind(short, RuleKind.BUY)[0]
        return Turning(False, (*asks, TURN_OR_STAY.format(f" ({_condition(entry)})")))
    if sides.turns:
        return Turning(True, (*asks, *_bounded(long, short)), (TURNS_ROUND,))
    if not any(own):
        if sides.turns is False:
            asks += [
                NO_EXIT.format(side, "It is said to stay until its own exit, and none is named.")
                for side in ("long", "short")
            ]
        elif not contrary(long, short):
            asks.append(NO_EXITS)
        return Turning(True, (*asks, *_bounded(long, short)), (TURNS_UNSAID, TURNS_ROUND))
    for side, exits in zip(("long", "short"), own, strict=True):
        if not exits:
            asks.append(NO_EXIT.format(side, "The other side has an exit, and this one has none."))
    if asks:
        return Turning(False, tuple(asks))
    closed = [_closed_by(long, short), _closed_by(short, long)]
    crossing = "crosses_" in " ".join(each.text for each in of_kind([*long, *short], RuleKind.BUY))
    if all(closed):
        # What the other side is entered by is an exit already: a crossing would be over when nothing is held.
        turns = crossing and sides.turns is None
        if crossing and sides.turns is False:
            return Turning(False, (ALREADY_CLOSED,))
        return Turning(turns, tuple(_bounded(long, short)) if turns else (), (TURNS_ROUND if turns else CLOSED_FIRST,))
    if sides.turns is False:
        return Turning(False, (ALREADY_CLOSED,) if crossing and any(closed) else (), (STAYS, CLOSED_FIRST))
    if shared and _by_the_clock(long) and _by_the_clock(short) and contrary(long, short):
        # “Long above, short below, flat at 15:55”: the clock is the only exit of its own.
        return Turning(True, tuple(_bounded(long, short)), (TURNS_UNSAID.replace("No exit of a side", "No exit of a side but the time"), TURNS_ROUND))  # fmt: skip
    entry = of_kind(short, RuleKind.BUY)[0]
    return Turning(False, (TURN_OR_STAY.format(f" ({_condition(entry)})"),))


def asked_after_change(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Lists what has to be asked of a change of rules: that they can hold at once now, or that one side does not close by what enters the other any more."""
    old, new = (of_both_sides(read_side_rules(texts)) for texts in (before, now))
    asks = list(_at_once(new[0], new[1]))
    for one, other in ((0, 1), (1, 0)):
        if TURN not in now and _closed_by(old[one], old[other]) and not _closed_by(new[one], new[other]):
            asks.append(NOT_CLOSED)
    return list(dict.fromkeys(asks))


def _exits(rules: Sequence[Rule]) -> list[Rule]:
    return of_kind(rules, RuleKind.SELL, *EXIT_KINDS)


def _closed_by(held: Sequence[Rule], other: Sequence[Rule]) -> bool:
    """Whether what one side holds is sold whenever the other's condition comes."""
    whole = [each for each in of_kind(held, RuleKind.SELL) if each.value == 100]
    return bool(whole) and follows(of_kind(other, RuleKind.BUY, RuleKind.ONLY), whole)


def _at_once(long: Sequence[Rule], short: Sequence[Rule]) -> list[str]:
    if never_together(long, short):
        return []
    conditions = ["; ".join(_condition(each) for each in of_kind(rules, RuleKind.BUY)) for rules in (long, short)]
    return [AT_ONCE.format(*conditions)]


def _condition(rule: Rule) -> str:
    return as_short(in_words(rule)).partition(" when ")[2]


def contrary(long: Sequence[Rule], short: Sequence[Rule]) -> bool:
    """Returns whether the sides are entered by one comparison, the other way round."""
    entries = [[each.atoms for each in of_kind(rules, RuleKind.BUY)] for rules in (long, short)]
    if any(len(each) != 1 or len(each[0]) != 1 for each in entries):
        return False
    one, other = entries[0][0][0], entries[1][0][0]
    return one.crossing is other.crossing and any(
        left == other.left and right == other.right and {sign[0], other.operator[0]} == {"<", ">"} for left, sign, right in one.ways
    )  # fmt: skip


def _by_the_clock(rules: Sequence[Rule]) -> bool:
    """Whether nothing but a time closes what a side holds."""
    exits = _exits(rules)
    return bool(exits) and all(each.kind is RuleKind.SELL and each.condition is not None and set(re.findall(r"[a-z_]\w*", ast.unparse(each.condition))) <= {"minute", "minutes_to_close", "weekday", "and", "or"} for each in exits)  # fmt: skip


def _bounded(long: Sequence[Rule], short: Sequence[Rule]) -> list[str]:
    """Bounds of an entry that are more than the time from which on all is closed: what ends the other side would be bounded too, or not."""
    found = []
    for rules in (long, short):
        late = {text for each in of_kind(rules, RuleKind.SELL) if (text := each.text.removeprefix("sell when ")).startswith(("minute >= ", "minutes_to_close <= "))}  # fmt: skip
        for each in of_kind(rules, RuleKind.ONLY):
            if (
                each.text.removeprefix("buy only when ")
                .replace("minute < ", "minute >= ")
                .replace("minutes_to_close > ", "minutes_to_close <= ")
                not in late
            ):
                found.append(BOUNDED.format(as_short(in_words(each))))
    return list(dict.fromkeys(found))
