"""Sales by the clock that would hold where it buys, bounded so that they do what a trader means: the next day's hour, and days without buying."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stratforge.intent.bounds import never_buys, sold_where_bought
from stratforge.intent.clocks import (
    ONCE_A_DAY,
    AtOnce,
    asked_of_moments,
    bought_and_sold_in_turn,
    filled_next_day,
    on_last_bar,
    opened_again,
    sold_at_once,
)
from stratforge.intent.gate import readings_to_tell, rules_of
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import read_rule
from stratforge.strategy.explanation.wording import counted

from simulators.gemini.author.conversations import findings_of
from simulators.gemini.author.rules import clock
from simulators.gemini.author.sentences import bought_until, never_opened
from simulators.gemini.author.strict import answer_by_rules, sale_text

Answers = Callable[[], Sequence[Mapping[str, Any]]]
# What of a rule is of a day's last bar, and what it is a minute earlier.
_LAST_BAR = re.compile(r"\bminute (?P<sign>>=|>|==|<=|<) (?P<minute>959|958|960)\b")
_DECIDED_LAST = re.compile(r"\bminute (?:>= 959|> 958|== 959)\b|\bminutes_to_close <= 1\b")
_TO_CLOSE = re.compile(r"\bminutes_to_close (?P<sign><=|>) (?P<minute>[01])\b")


def mended(requests: Sequence[str], found: dict[str, Any], answers: Answers = tuple) -> dict[str, Any]:
    """The answer by the clock that a trader means, told; a question where none is sure.

    Args:
        requests: What the person said, turn by turn.
        found: The answer as its words were read one by one.
        answers: Makes the answers to all turns but the last.
    """
    if found["kind"] != "strategy" or not found["requirements"]:
        return found
    return of_moments(requests, _sold_later(requests, found), answers)


def of_moments(requests: Sequence[str], found: dict[str, Any], answers: Answers = tuple) -> dict[str, Any]:
    """The answer with its moments as those at which a trade can be made: the last bar's a minute earlier, an opening's once a day, and no purchase from a sale's time on.

    Args:
        requests: What the person said, turn by turn.
        found: The answer as its words were read one by one.
        answers: Makes the answers to all turns but the last.

    Returns:
        The answer, told; a question where it does not surely do so.
    """
    if found["kind"] != "strategy" or not found["requirements"]:
        return found
    crypto = "/" in found["symbol"]
    said = [Requirement.model_validate(each) for each in found["requirements"]]
    # What stood before was written a bar earlier, too.
    wanted = [each.model_copy(update={"rules": [_earlier(text) if len(requests) > 1 and (each.status is Status.KEPT or text.startswith("drop ")) and not crypto else text for text in each.rules]}) for each in said]  # fmt: skip
    rules = [read_rule(each) for each in rules_of(wanted)]
    asks = list(asked_of_moments(rules, around_the_clock=crypto))
    if (not asks and wanted == said) or never_buys(rules, around_the_clock=crypto):
        return found
    told = list(found["assumptions"])
    if any(on_last_bar(rules, around_the_clock=crypto)):
        wanted, told = _a_bar_earlier(wanted, told)
    standing = [read_rule(each) for each in rules_of(wanted)]
    added = dict[str, str]()
    for times in bought_and_sold_in_turn(standing, around_the_clock=crypto):
        when = in_words(read_rule(f"sell when {times}")).removeprefix("sell when ")
        daily = re.fullmatch(r"minute >= (\d+)", times)
        added |= {f"buy only when minute < {daily[1]}": bought_until(clock(int(daily[1])))} if daily else {f"buy only when not ({times})": never_opened(when)}  # fmt: skip
    if any(opened_again(standing, around_the_clock=crypto)):
        added["at most 1 buys a day"] = ONCE_A_DAY
    wanted += [Requirement(quote="", meaning=in_words(read_rule(each)), status=Status.ASSUMED, rules=[each]) for each in added]  # fmt: skip
    whole = _written_anew(requests[-1], found, wanted, [*told, *added.values()])
    return whole if whole and not findings_of(requests, answers(), whole) else _asking(found, asks) if asks else found


def _a_bar_earlier(wanted: Sequence[Requirement], told: Sequence[str]) -> tuple[list[Requirement], list[str]]:
    """The requirements with what is of a day's last bar decided on the one before it, and what is told of that."""
    guard = re.compile(r"(?<=^It does not buy after )15:59|15:59(?=, from which on it buys\.$)")
    to_close = re.compile(r"\b1 minutes? before the close(?=, (?:the time at which it sells|from which on it buys)\b)")
    changed, said = (
        list[Requirement](),
        [to_close.sub("2 minutes before the close", guard.sub("15:58", each)) for each in told],
    )
    for each in wanted:
        rules = [_earlier(text) for text in each.rules]
        if each.quote and any(map(_DECIDED_LAST.search, each.rules)):
            said.append(f"“{each.quote}” is decided at 15:58 and filled at 15:59: what is decided on the day's last bar is filled at the next open, or not at all.")  # fmt: skip
        changed.append(each.model_copy(update={"rules": rules, "status": Status.ASSUMED if rules != each.rules else each.status}))  # fmt: skip
    return changed, said


def _earlier(rule: str) -> str:
    """A rule with the last minute of a day as the one before it; where it ends with that minute, it ends with this one."""
    if not _DECIDED_LAST.search(rule) and not re.search(r"\bminute < 959\b|\bminutes_to_close > [01]\b", rule):
        return rule
    rule = _TO_CLOSE.sub(lambda each: f"minutes_to_close {each['sign']} {int(each['minute']) + 1}", rule)
    return _LAST_BAR.sub(lambda each: f"minute {each['sign']} {int(each['minute']) - 1}", rule)


def _sold_later(requests: Sequence[str], found: dict[str, Any]) -> dict[str, Any]:
    """The answer, where nothing is sold on the bar after its purchase only because of the clock; a question where no bound is sure.

    Args:
        requests: What the person said, turn by turn.
        found: The answer as its words were read one by one.
    """
    wanted = [Requirement.model_validate(each) for each in found["requirements"]]
    texts = rules_of(wanted)
    crypto = "/" in found["symbol"]
    rules = [read_rule(each) for each in texts]
    if never_buys(rules, around_the_clock=crypto):
        return _asking(found, ["What has to hold at once for a purchase excludes itself, so it could never buy. When should it buy?"])  # fmt: skip
    if sale := sold_where_bought(rules, around_the_clock=crypto):
        said = in_words(read_rule(sale_text(sale)))
        return _asking(found, [f"It would {said}, which may hold where it buys: what was bought there would be sold on the next bar. Is a crossing meant? Then say “crosses above” and “crosses below”; else, when should it sell?"])  # fmt: skip
    if late := next(filled_next_day(rules, around_the_clock=crypto), None):
        return _asking(found, [f"What is decided on the last bar of a day is bought at the open of the next, and from then on its days count: it would {in_words(late)}. Should it buy a minute earlier, or sell on another day?"])  # fmt: skip
    faults = list(sold_at_once(rules, around_the_clock=crypto))
    if not faults:
        return found
    whole = _bounded(requests[0], found, wanted, faults, crypto=crypto) if len(requests) == 1 else None
    return whole or _asking(found, [_question(each) for each in faults])


def _asking(found: Mapping[str, Any], questions: list[str]) -> dict[str, Any]:
    return {**found, "kind": "clarify", "python_code": "", "requirements": [], "parameters": [], "questions": questions}


def _question(fault: AtOnce) -> str:
    said = in_words(fault.rule)
    return f"It would {said}, and buy then all the same, so what was bought would be sold on the next bar. When should it buy, and when should it sell?"


def _bounded(
    request: str, found: Mapping[str, Any], wanted: list[Requirement], faults: list[AtOnce], *, crypto: bool
) -> dict[str, Any] | None:
    told = list[str]()
    for fault in faults:
        if fault.before:
            rules = [f"{fault.rule.text} and {fault.before}"]
            fact, _, bound = fault.before.rpartition(" ")
            buys_from = (
                counted(float(bound), "minute") + " before the close" if "to_close" in fact else clock(int(bound))
            )
            reason = f"is read of the next day: it sells before {buys_from}, from which on it buys."
        else:
            left = sorted(frozenset(range(7 if crypto else 5)) - fault.days)
            rules = [fault.rule.text, f"buy only when ({' or '.join(f'weekday == {each}' for each in left)})"]
            reason = f"is read of buying too, which it does not on the days on which it sells: it will {in_words(read_rule(rules[1]))}."
        for index, each in enumerate(wanted):
            of_it = [read_rule(text).text for text in each.rules]
            if fault.rule.text in of_it:
                new = [one for text in of_it for one in (rules if text == fault.rule.text else [text])]
                wanted[index] = each.model_copy(update={"rules": [*dict.fromkeys(new)], "status": Status.ASSUMED})
                told.append(f"“{each.quote}” {reason}")
    texts = rules_of(wanted)
    if any(sold_at_once([read_rule(each) for each in texts], around_the_clock=crypto)):
        return None
    return _written_anew(request, found, wanted, [*found["assumptions"], *told])


def _written_anew(
    request: str, found: Mapping[str, Any], wanted: Sequence[Requirement], assumptions: Sequence[str]
) -> dict[str, Any] | None:
    """The answer by the rules of its requirements, and what is told of how they are read; None where they are no strategy."""
    said = [each for each in assumptions if not re.search(r" is taken as: |: it buys then all the same\.$|^No longer: ", each)]  # fmt: skip
    lines, _ = readings_to_tell(request, wanted, said, symbol=found["symbol"])
    pieces = [each.model_dump(mode="json", exclude={"lines"}) for each in wanted]
    whole = answer_by_rules(rules_of(wanted), pieces, found["symbol"], [*said, *lines])
    return {**found, **whole, "plan": whole["logic_explanation"][:2_000]} if whole else None
