"""Sentences that buy and sell: “buy when …”, “when …, sell”, “do the opposite”."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from simulators.gemini.author.conditions import condition
from simulators.gemini.author.draft import BUY, SELL, WHEN, Draft
from simulators.gemini.author.exits import sell_at_time, with_stop
from simulators.gemini.author.rules import Both, Condition, Not, Setting, TimeOfDay, Weekdays
from simulators.gemini.author.scanner import Unexpressible
from simulators.gemini.author.sizes import size
from simulators.gemini.author.times import minute_of_day, weekdays

_ORDER_SUBJECT = r"(?:@\S+(?: 's)?(?: (?:stock|shares?|coins?))?|(?:the |some |a |an |my |more )*(?:stock|shares?|coins?|position|it|them|dips?|pullbacks?|breakouts?|dip|long|asset|market|everything|all(?: of it| shares| my shares| of them)?))"


def _verb(draft: Draft) -> Literal["entry", "exit"] | None:
    scan = draft.scan
    scan.take(
        r"(?:then |i |we |it |you |please |only |and |should |will |would |to |immediately |want to |a |the |signal to |trigger a |do a )+"
    )
    begin = scan.start
    if scan.take(rf"{BUY}(?: signal| rule| condition| trigger)?(?: is)?(?: :)?(?= |$)"):
        if "all in" in scan.text[begin : scan.at]:
            draft.plan.settings.append(Setting("equity", 1.0, (begin, scan.at)))
        return "entry"
    if scan.take(rf"{SELL}(?: signal| rule| condition| trigger)?(?: is)?(?: :)?(?= |$)"):
        return "exit"
    return None


def _object(draft: Draft) -> None:
    """What is bought, and how much."""
    for _ in range(6):
        at = draft.scan.at
        if draft.scan.take("with|using|for") and size(draft):
            continue
        draft.scan.at = at
        if (
            size(draft)
            or draft.scan.take(_ORDER_SUBJECT)
            or draft.scan.take(
                r"(?:at market|at the market|at market price|a position in|position in|of|in|worth of|a|an|some|again|back|out|position|my position|the position|into)"
            )
        ):
            continue
        break


def trade(draft: Draft) -> bool:
    """Reads “buy when …” and “sell when …”, with what is bought and when."""
    begin = draft.scan.start
    side = _verb(draft)
    if side is None:
        return False
    draft.memory.position = side == "exit"
    _object(draft)
    draft.scan.take(r"(?:also|again|too|as well|(?:every|each) (?:trading )?day|daily)(?: :)?")
    draft.scan.take(":")
    here = draft.scan.at
    if not (draft.scan.take(",") and draft.scan.sees(WHEN)):
        draft.scan.at = here
    at = draft.scan.at
    draft.scan.take(WHEN)
    if side == "exit" and sell_at_time(draft, begin):
        return True
    if side == "exit" and with_stop(draft):
        return True
    if side == "entry" and _at_the_open(draft, begin):
        return True
    draft.memory.excepted.clear()
    found = condition(draft.scan, draft.memory)
    if found is None:
        # "Sell at the middle band."
        draft.scan.at = at
        found = condition(draft.scan, draft.memory)
    if found is None:
        draft.scan.at = at
        if side == "entry" and _buy_at_time(draft, begin):
            return True
        if draft.scan.take(
            rf"(?:{WHEN} )?(?:the )?(?:opposite|reverse|contrary|vice versa|other way round|inverse|otherwise)(?: happens| occurs| is true| signal| condition| cross(?:over)?| direction)*"
        ) and _add_reverse(draft, begin):
            return True
        draft.scan.at = at
        return False if draft.scan.at == begin else _bare(draft, side, begin)
    if side == "entry":
        draft.bought(found)
    draft.rule(side, found, begin)
    _except_for_both(draft, side, begin)
    _tail(draft)
    return True


def _except_for_both(draft: Draft, side: str, begin: int) -> None:
    """“Buy …, sell …, except on Mondays”: what ends a sentence of both sides is about both."""
    other = "entry" if side == "exit" else "exit"
    before = [each for each in draft.plan.of(other) if not re.search(r"[.;]", draft.scan.text[each.place[1] : begin])]
    if draft.memory.excepted and before:
        for each in draft.memory.excepted:
            told = (
                f"neither buys nor sells when {each.part.words}"
                if isinstance(each, Not)
                else f"buys and sells only when {each.words}"
            )
            draft.plan.assumptions.append(f"What is excepted is of both sides: it {told}.")
            if side == "exit":
                draft.rule("filter", each, begin)
                continue
            draft.plan.rules = [
                replace(rule, condition=Both((rule.condition, each)), place=(rule.place[0], draft.scan.at))
                if rule in before
                else rule
                for rule in draft.plan.rules
            ]


def _at_the_open(draft: Draft, begin: int) -> bool:
    scan = draft.scan
    at = scan.at
    if scan.take(
        r"(?:at )?(?:the )?(?:market )?(?:open|opening bell|opening)(?= |$)(?: of the (?:day|market))?(?: every day| each day)?"
    ) and (scan.done or scan.sees(r"[.,;]|and|sell|exit|close|(?:on |every |each )*(?:mon|tue|wed|thu|fri)\w*")):
        days = weekdays(scan)
        first = (TimeOfDay(570, until=False), TimeOfDay(571, until=True))
        draft.rule("entry", Both((Weekdays(days), *first) if days else first), begin)
        return True
    scan.at = at
    return False


def _bare(draft: Draft, side: str, begin: int) -> bool:
    """A verb without a condition: it is read when it belongs to something else (a size, or “buy AAPL.”)."""
    if side == "entry" and draft.plan.of("entry") and draft.scan.take("then|it then"):
        return True
    rest = draft.scan.text[draft.scan.at :].lstrip()
    if side == "entry" and (not rest or rest[0] in ".,;:" or rest.startswith(("with ", "using ", "and "))):
        return draft.scan.at > begin
    return False


def _tail(draft: Draft) -> None:
    """What may follow a rule at once: a size, a time."""
    at = draft.scan.at
    if draft.scan.take(r",? ?(?:with|using|for|worth)") and size(draft):
        return
    draft.scan.at = at


def leading(draft: Draft) -> bool:
    """“When …, buy”; “RSI below 30: buy”; “in when …”."""
    scan = draft.scan
    begin = scan.start
    when = scan.take(WHEN)
    if when is None and re.search(r"\b(?:and|or|unless|if|when)\s*[(]?\s*$", scan.text[:begin]):
        # The rest of another condition, which its rule could not read: no rule of its own.
        return False
    draft.memory.position = False
    try:
        found = condition(scan, draft.memory)
    except Unexpressible:
        # Perhaps it is about the position: "if it drops 2 %, sell".
        scan.at = begin
        scan.take(WHEN)
        draft.memory.position = True
        found = condition(scan, draft.memory)
    if found is None:
        scan.at = begin
        when = scan.take(WHEN)
        draft.memory.position = True
        found = condition(scan, draft.memory)
        if found is None:
            return False
    scan.take(
        r"(?:, |: |- |-> |=> |= |then |, then |we |i |that is |this is |it is )*(?:time to |a signal to |my signal to )?"
    )
    if scan.sees("and|or|but"):
        scan.at = begin
        return False
    after = scan.at
    side = _verb(draft)
    if side is None:
        if re.search(r"[.;]\s*$|^$", scan.text[after:].lstrip()[:1]) and not when:
            return False
        scan.at = begin
        return False
    if when is None and not re.search(r"[:>=]\s*(?:\w+\s*)?$", scan.text[:after].rstrip()) and side == "exit":
        # "A breakout above the high, sell below the low": what comes first is the rule to buy by.
        scan.at = begin
        return False
    _object(draft)
    if side == "exit" and not draft.memory.position:
        again = scan.at
        scan.at = begin
        scan.take(WHEN)
        draft.memory.position = True
        other = condition(scan, draft.memory)
        found = other if other is not None and scan.at <= after else found
        scan.at = again
    if side == "entry":
        draft.bought(found)
    at = scan.at
    extra = None
    if scan.take(r"(?:but )?(?:only )?(?:if|when|while|as long as)"):
        extra = condition(scan, draft.memory)
        if extra is None:
            scan.at = at
    if extra is not None:
        found = Both((found, extra))
    draft.rule(side, found, begin)
    _tail(draft)
    return True


def _add_reverse(draft: Draft, begin: int) -> bool:
    if draft.reverse is None:
        return False
    draft.rule("exit", draft.reverse, begin)
    return True


def opposite(draft: Draft) -> bool:
    """Reads “sell on the opposite signal”: the contrary of the rule to buy by."""
    scan = draft.scan
    begin = scan.start
    if draft.plan.of("entry") and scan.take(
        r"(?:,? ?(?:and )?(?:flat|out|cash|in cash|nothing|no position|sell|exit)) otherwise|otherwise (?:be |stay |go )?(?:flat|out|in cash|cash)"
    ):
        return _add_reverse(draft, begin)
    if scan.take(
        rf"(?:and )?(?:(?:{SELL}|do|does|out) )?(?:it )?(?:on |at |with |when |if )?(?:the )?(?:opposite|reverse|contrary|vice versa|other way round|inverse|otherwise(?: out| sell| flat| exit)?)(?: happens| occurs| is true| signal| condition| cross(?:over)?| crossing| to (?:sell|exit)| for (?:selling|the exit|exits))*"
    ):
        return _add_reverse(draft, begin)
    return False


def _buy_at_time(draft: Draft, begin: int) -> bool:
    scan = draft.scan
    scan.take(r"(?:at|around|exactly at)")
    minute = minute_of_day(scan)
    if minute is None or not 0 < minute.at < 1440:
        days = weekdays(scan)
        if days:
            draft.rule("entry", Weekdays(days), begin)
            return True
        return False
    days = weekdays(scan)
    scan.take(r"(?:every|each) day|daily")
    timed: Condition = minute.at_once
    draft.rule("entry", Both((timed, Weekdays(days))) if days else timed, begin)
    return True
