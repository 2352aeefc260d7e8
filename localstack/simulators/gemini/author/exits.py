"""Sentences about when a position ends: stops, targets, times, partial sales, and what holds a sale back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from simulators.gemini.author.conditions import condition
from simulators.gemini.author.draft import WHEN, Draft
from simulators.gemini.author.moves import amount_of
from simulators.gemini.author.rules import Both, Condition, Held, Result, Rule, Setting, TimeOfDay, Trail, Weekdays
from simulators.gemini.author.scanner import BARS, N, Unexpressible, bars_of
from simulators.gemini.author.times import minute_of_day, weekdays

Kind = Literal["stop order", "target order", "trail order"]


def sell_at_time(draft: Draft, begin: int) -> bool:
    """“Sell at 15:30”, “before the close”, “after 20 minutes”, “20 bars later”, “at a 3 % gain”, “half of it at 2 %”."""
    scan = draft.scan
    at = scan.at
    match = scan.take(
        r"(?:it )?(?:before|by|at|into|near|shortly before|just before|right before|prior to)?(?: the)? ?(?:market close|close of (?:trading|the market|the day)|closing bell|end of (?:the )?(?:trading )?(?:day|session)|eod|the close|(?<=at )close(?! of|<|>| <| >| [abiuocgfd])|day 's end)(?: at the latest)?(?: every day| each day)?"
    )
    if match:
        draft.rule("exit", TimeOfDay(955, until=False), begin)
        draft.plan.rules.append(Rule("filter", TimeOfDay(955, until=True), (begin, scan.at)))
        return True
    match = scan.take(
        rf"(?:no later than|at most|for|exactly|about)* ?{N} ({BARS}|hours?|days?|weeks?)(?: later| after (?:entry|buying|that|the (?:buy|entry|purchase))| after| have passed| at the latest)?"
    )
    if match is None:
        word = scan.take(
            r"(half an hour|an hour|one hour|a day|one day|a minute|a week)(?: later| after (?:entry|buying|that))?"
        )
        if word:
            span = {"half an hour": 30.0, "an hour": 60.0, "one hour": 60.0, "a minute": 1.0}.get(word[1])
            bars = span if span else bars_of(1, word[1].split()[-1], f"Holding for {word[1]}")
            draft.rule("exit", Held(bars), begin)
            return True
    if match and not draft.scan.sees(r"(?:high|low|average|moving|ema|sma|rsi)"):
        draft.rule("exit", Held(bars_of(float(match[1]), match[2], f"Holding for {match[1]} {match[2]}")), begin)
        return True
    scan.at = at
    days = weekdays(scan)
    scan.take("at|around|by")
    minute = minute_of_day(scan)
    if minute is not None and 0 < minute.at < 1440:
        scan.take(r"(?:every|each) (?:trading )?day|daily|sharp|at the latest")
        days = days or weekdays(scan)
        later = minute.on
        draft.rule("exit", Both((Weekdays(days), later)) if days else later, begin)
        return True
    scan.at = at
    return False


def with_stop(draft: Draft) -> bool:
    """“Exit with a 2 ATR trailing stop.”"""
    at = draft.scan.at
    if draft.scan.take("with|on|using|by|at") and stops(draft):
        return True
    draft.scan.at = at
    return False


def holding(draft: Draft) -> bool:
    """Reads how long a position is held at most, such as “hold for 20 minutes”."""
    scan = draft.scan
    begin = scan.start
    match = scan.take(
        rf"(?:and )?(?:then )?(?:hold(?:s|ing)?|keep|stay(?:s)? in)(?: it| them| the position| on| every position| each position| positions)*(?: for)?(?: at most| exactly| about| no longer than| a maximum of| max| up to)* ?(?:{N} ({BARS}|hours?|days?|weeks?|months?)|(half an hour|an hour|one hour|a day|a week))"
    )
    if match is None:
        match = scan.take(
            rf"(?:time stop|max(?:imum)? hold(?:ing)?(?: time| period)?|time exit)(?: of| is|:)? ?(?:{N} ({BARS}|hours?|days?)|(an hour))"
        )
    if match is None:
        return False
    words = f"Holding for {match[1] or ''} {match[2] or match[3]}"
    bars = (
        bars_of(float(match[1]), match[2], words)
        if match[1]
        else {"half an hour": 30.0, "an hour": 60.0, "one hour": 60.0}.get(match[3])
        or bars_of(1, match[3].split()[-1], words)
    )
    scan.take(r"(?:and |, )?then (?:sell|exit|close)(?: it)?|before (?:selling|exiting)")
    draft.rule("exit", Held(bars), begin)
    return True


def partial(draft: Draft) -> bool:
    """Reads a sale of a part of the position, such as “sell half at 2 %”."""
    scan = draft.scan
    begin = scan.start
    match = scan.take(
        rf"(?:and |then )?(?:sell|close|exit|take|scale out(?: of)?|take profits? on)(?: off)? (half|a half|one half|a third|one third|a quarter|one quarter|{N} ?%(?! (?:above|over|below|under|beneath|higher|lower|up|down|off|from))|(?:the )?(?:rest|remainder|other half|remaining half|remaining))(?: (?:of )?(?:it|them|the (?:position|shares|holding)|my (?:position|shares)|position|shares|off))*"
    )
    if match is None and any(each.part != 1 for each in draft.plan.of("exit")):
        match = scan.take(
            r"(?:and )?(the (?:rest|remainder|other half|remaining half|remaining)()(?: position| shares)?)"
        )
    if match is None:
        return False
    part = (
        {"half": 0.5, "third": 1 / 3, "quarter": 0.25}.get(match[1].split()[-1])
        if not match[2]
        else float(match[2]) / 100
    )
    if (
        match[1].split()[-1] in ("rest", "remainder", "remaining")
        or "other half" in match[1]
        or "remaining half" in match[1]
    ):
        part = 1.0
    if part is None:
        return False
    scan.take(WHEN)
    draft.memory.position = True
    amount = amount_of(scan)
    if amount:
        scan.take(r"(?:profit|gain|up|above entry)")
        draft.rule("exit", Result(amount[0], amount[1], True), begin, part=part)
        return True
    if part == 1.0 and sell_at_time(draft, begin):
        return True
    found = condition(scan, draft.memory)
    if found is None:
        return False
    draft.rule("exit", found, begin, part=part)
    return True


def stops(draft: Draft) -> bool:
    """Reads stops and targets, fixed and trailing, such as “2 % stop loss”."""
    scan = draft.scan
    begin = scan.start
    lead = r"(?:(?:with|use|using|set|place|put|add|have|has|include|apply|and|plus|my|a|an|the|at|keep|employ)s? )*"
    near = r"(?: (?:of|at|is|set|to|by|about|equal to|:|placed|from|loss|order|with))*"
    scan.take(lead.rstrip())
    if scan.take(
        rf"(?:trailing stop(?: loss)?(?: order)?|trail(?:ing)?(?: the| my| a)?(?: stop)?(?: loss)?|stop(?: loss)? trailing){near}(?: by)?"
    ):
        amount = amount_of(scan)
        if amount is None:
            raise Unexpressible("A trailing stop: how far below the highest price, in percent or dollars?")
        scan.take(
            r"(?:below|under|from|behind|off) (?:the |its )?(?:highest|high|peak|top|price)(?: close| price)?(?: (?:since (?:the )?(?:entry|purchase|buying)))?|trail(?:ing)?"
        )
        return _way_out(draft, "trail order", Trail(*amount), begin)
    match_at = scan.at
    amount = amount_of(scan)
    if amount and scan.take(r"trailing(?: stop)?(?: loss)?"):
        return _way_out(draft, "trail order", Trail(*amount), begin)
    if amount and scan.take(r"(?:hard |fixed )?(?:stop loss|stop|sl|max(?:imum)? loss)(?: order| per trade)?"):
        return _way_out(draft, "stop order", Result(abs(amount[0]), amount[1], False), begin)
    if amount and scan.take(r"(?:take profit|profit target|price target|target|tp|profit taking)"):
        return _way_out(draft, "target order", Result(amount[0], amount[1], True), begin)
    scan.at = match_at
    if scan.take(
        rf"(?:hard |fixed |protective |initial )?(?:stop loss|stop|stops|stoploss|sl|max(?:imum)? loss|cut losses|cut (?:my |the )?losses|cut (?:the |my )?loss)(?: order)?{near}"
    ):
        if scan.sees(r"\+"):
            raise Unexpressible("A stop loss above the entry price: is a profit target meant, or a loss of so much?")
        amount = amount_of(scan)
        if amount is None:
            return False
        scan.take(
            r"(?:below|under|beneath|from) (?:the |my )?(?:entry|purchase|buy|cost|fill)(?: price)?|loss|per trade|stop|away"
        )
        return _way_out(draft, "stop order", Result(abs(amount[0]), amount[1], False), begin)
    if scan.take(rf"(?:take profits?|profit targets?|price targets?|targets?|tp|take gains|profit)(?: order)?{near}"):
        amount = amount_of(scan)
        if amount is None:
            return False
        scan.take(r"(?:above|over|from) (?:the |my )?(?:entry|purchase|buy|cost)(?: price)?|profit|gain|per trade")
        return _way_out(draft, "target order", Result(amount[0], amount[1], True), begin)
    return False


def _way_out(draft: Draft, kind: Kind, found: Result | Trail, begin: int) -> bool:
    """A stop or a target: a rule that is looked at with every bar's close, or one that goes with the order where it says so."""
    scan = draft.scan
    on_the_order = scan.take(
        r"(?:(?:placed |set |attached |sent )?(?:on|with|to|in) (?:this|the|that|each|every|my|its|your|any)(?: (?:same|buy|entry|purchase|buying))? orders?|(?:placed |set )?(?:within|inside|during|in) (?:the|a|each|every) (?:bar|minute|candle)|intra ?- ?bar|intrabar|at the broker|as (?:a |an )?(?:stop|limit|bracket|real) orders?)"
    )
    if on_the_order is None:
        draft.rule("exit", found, begin)
        return True
    if found.unit != "%":
        raise Unexpressible("A stop or target that goes with the order is so many percent from its price: how many?")
    # "A target of 1 % and a stop of 2 % on the order": both go with it.
    last = draft.plan.rules[-1] if draft.plan.rules else None
    together = last is not None and re.fullmatch(
        r"\s*(?:,? ?and|,|/|\+)?\s*(?:with )?(?:an? )?\s*", scan.text[last.place[1] : begin]
    )
    if last is not None and together and isinstance(last.condition, Result | Trail) and last.condition.unit == "%":
        draft.plan.rules.pop()
        gain = isinstance(last.condition, Result) and last.condition.gain
        first: Kind = "trail order" if isinstance(last.condition, Trail) else "target order" if gain else "stop order"
        draft.plan.settings.append(Setting(first, last.condition.amount, last.place))
    draft.plan.settings.append(Setting(kind, found.amount, (begin, scan.at)))
    return True


def overnight(draft: Draft) -> bool:
    """Reads that nothing is held overnight: it sells before the close and does not buy after that."""
    scan = draft.scan
    begin = scan.start
    match = scan.take(
        r"(?:and |but |do |i |we )*(?:never|not|no|do not|without) hold(?:ing|s)?(?: (?:positions?|it|anything|stocks?|shares?))?(?: open)? overnight|(?:and |but )?(?:no|not|never) overnight(?: positions?| holds?| holding| risk)?"
        r"|(?:close|exit|sell|flatten|liquidate)(?: (?:all|everything|any|open|the|my|positions?|it|out|remaining))* (?:before|by|at|into|near|prior to) (?:the )?(?:market close|close|closing bell|end of (?:the )?(?:trading )?(?:day|session)|eod)(?: (?:every|each) day| daily| at the latest)?"
        r"|(?:be |stay |go )?flat (?:by|before|at|into) (?:the )?(?:close(?! :)|market close|end of (?:the )?(?:day|session)|eod)(?: every day)?|(?:intraday|day trad(?:e|es|ing)) only"
    )
    if match is None:
        minute = (
            minute_of_day(scan)
            if scan.take(
                r"(?:be |get |go |always |all )*(?:flat|out|all sold|everything sold) (?:by|before|at|no later than)"
            )
            else None
        )
        if minute is None or not 570 < minute.at < 960:
            return False
        draft.rule("exit", minute.on, begin)
        return True
    draft.rule("exit", TimeOfDay(955, until=False), begin)
    draft.plan.rules.append(Rule("filter", TimeOfDay(955, until=True), (begin, scan.at)))
    return True


def hold_back(draft: Draft) -> bool:
    """“Hold at least 20 minutes”, “do not sell before it is 0.5 % up”: what has to hold too before the rule sells."""
    scan = draft.scan
    begin = scan.start
    match = scan.take(
        rf"(?:but |and |, )*(?:always )?(?:hold|keep|stay in)(?: it| them| the position| positions?| every position| on)*(?: for)?(?: at least| no less than| a minimum of| minimum)+ {N} ({BARS}|hours?)"
    )
    if match:
        held: Condition = Held(bars_of(float(match[1]), match[2], f"Holding for {match[1]} {match[2]}"))
        draft.held_back.append((held, (begin, scan.at)))
        return True
    if not scan.take(
        r"(?:but |and |, )*(?:i |we |it )*(?:do not|never|not|should not|must not|will not|no)(?: ever)? (?:sell|sells|selling|exit|exiting)(?: it)? (?:before|until|unless|earlier than)"
    ):
        return False
    draft.memory.position = True
    minute = minute_of_day(scan)
    found = minute.on if minute is not None else condition(scan, draft.memory)
    if found is None:
        return False
    draft.held_back.append((found, (begin, scan.at)))
    return True


def hold_exits_back(draft: Draft) -> None:
    """Puts what holds a sale back into the rule that sells; of several ways to sell it is not plain which it is about."""
    if not draft.held_back:
        return
    exits = draft.plan.of("exit")
    if len(exits) != 1 or exits[0].part != 1 or isinstance(exits[0].condition, Result | Trail | TimeOfDay | Held):
        words = " and ".join(each.words for each, _ in draft.held_back)
        draft.plan.questions.append(
            f"Should “{words}” hold back every sale, stops and targets too, or only one of them? Please say which."
        )
        return
    places = [exits[0].place, *(place for _, place in draft.held_back)]
    whole = Both((exits[0].condition, *(each for each, _ in draft.held_back)))
    place = (min(each[0] for each in places), max(each[1] for each in places))
    draft.plan.rules[draft.plan.rules.index(exits[0])] = replace(exits[0], condition=whole, place=place)
