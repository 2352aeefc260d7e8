"""Sentences about when not to buy, and when only."""

from __future__ import annotations

import re
from dataclasses import replace

from simulators.gemini.author.conditions import condition
from simulators.gemini.author.draft import BUY, SELL, Draft, only_time
from simulators.gemini.author.rules import Both, Compare, Condition, Either, Not, TimeOfDay, Weekdays, contrary
from simulators.gemini.author.scanner import N


def prohibition(draft: Draft) -> bool:
    """“Don't buy above 70”, “never on Mondays”, “no trades in the first hour”, “skip it when …”."""
    scan = draft.scan
    begin = scan.start
    match = scan.take(
        rf"(?:and |but |also |except |, )*(?:(?:i |we |it )*(?:do not|never|should not|must not|will not|not|avoid|skip|ignore|stay out|stay away|no)(?: (?:ever|to|want to|any|new|more|a))*)(?: (?:{BUY}|trad(?:e|es|ing)|trades|buys|buying|entries|it|positions?|signals?|anything|the market|@\S+))*(?= (?:when|if|while|on|in|during|before|after|between|above|below|under|over|until|at|unless|the|mondays?|tuesdays?|wednesdays?|thursdays?|fridays?))"
    )
    if match is None or (re.search(r"\bnot\b", match[0]) and re.search(rf"\b{SELL}\b", match[0])):
        return False
    match = scan.take(r"(?:when(?:ever)?|if|while|as long as|in case|unless|at)")
    unless = match is not None and "unless" in match[0]
    found = _of_the_market(draft)
    if found is None:
        return False
    draft.rule("filter", found if unless else _contrary_of_window(found), begin)
    return True


def _of_the_market(draft: Draft) -> Condition | None:
    """A condition that is not about the position, whatever the sentence before was about."""
    position, draft.memory.position = draft.memory.position, False
    try:
        return condition(draft.scan, draft.memory) or _edge(draft)
    finally:
        draft.memory.position = position


def _edge(draft: Draft) -> Condition | None:
    """“The first hour”, without “in”."""
    scan = draft.scan
    at = scan.at
    match = scan.take(
        rf"(?:the )?(first|opening|last|final) (?:{N} (minutes?|mins?|hours?|bars?)|(half hour|hour))(?: of (?:the )?(?:day|session|trading))?"
    )
    if match is None:
        scan.at = at
        return None
    span = float(match[2]) * (60 if match[3].startswith("h") else 1) if match[2] else 30 if "half" in match[4] else 60
    return (
        TimeOfDay(round(570 + span), until=True)
        if match[1] in ("first", "opening")
        else TimeOfDay(round(960 - span), until=False, to_close=True)
    )


def hours(draft: Draft) -> bool:
    """“Only between 10:00 and 15:00”, “trade only on Mondays”, “only if the price is above the 200-bar average”."""
    scan = draft.scan
    begin = scan.start
    only = scan.take(
        rf"(?:and |but |, |also |please )*(?:(?:only|just) (?:{BUY}|trade|trades|trading|take (?:trades?|signals?|entries)|do this|do it|enter|in|take it)?(?: it| long| signals| positions| trades)*|(?:trade|trading|{BUY}|active)(?: it| only| just)+|only|trades?(?= (?:between|on|from|in the|during|after|before))|trading hours?(?: are| is|:)?|entries only)(?= )"
    )
    if only is None:
        return False
    scan.take(r"(?:when(?:ever)?|if|while|as long as|allowed|permitted|take place|happen)")
    found = _of_the_market(draft)
    if found is None:
        return False
    if re.search(rf"\b{BUY}\b", only[0]) and not draft.plan.of("entry") and not only_time(found):
        draft.bought(found)
        draft.rule("entry", found, begin, "only")
        return True
    draft.rule("filter", found, begin)
    return True


def _contrary_of_window(found: Condition) -> Condition:
    if isinstance(found, Both) and all(isinstance(each, TimeOfDay) for each in found.parts):
        return Either(tuple(_contrary_of_window(each) for each in found.parts))
    if isinstance(found, TimeOfDay):
        return replace(found, until=not found.until)
    if isinstance(found, Weekdays):
        return Weekdays(tuple(each for each in range(7) if each not in found.days))
    return contrary(found) if isinstance(found, Compare) else Not(found)
