"""Phrases that change a strategy: other numbers, kinds, levels, lengths, days, sizes, symbols, and what goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulators.gemini.author.averages import average
from simulators.gemini.author.rules import (
    Both,
    Compare,
    Condition,
    Either,
    Number,
    Plan,
    Result,
    Rule,
    Series,
    Setting,
    TimeOfDay,
    Trail,
    Weekdays,
    nodes,
    plain,
    rewritten,
    with_number,
)
from simulators.gemini.author.scanner import BARS, N, Scanner
from simulators.gemini.author.times import weekdays


def _number_for_number(plan: Plan, scan: Scanner) -> str | None:
    match = scan.take(
        rf"(?:(?:use|make it|take|set it to|try|with|change it to|put)(?: an?)? )?{N} ?(?:%|bars?|minutes?|dollars)? (?:instead of|rather than|not) (?:the )?{N} ?(?:%|bars?|minutes?|dollars)?"
    )
    new, old = (float(match[1]), float(match[2])) if match else (0.0, 0.0)
    if match is None:
        match = scan.take(
            rf"(change|replace|switch|set|raise|lower|increase|decrease|reduce|move|adjust)(?: (?:the|its|my|from|bar|average|length|level|period|rsi|stop|target|ema|sma|threshold|moving))* {N} ?(?:%|bars?|minutes?|bar average|bar ema|bar sma)? (to|with|by|for|into) {N} ?(?:%|bars?|minutes?)?"
        )
        if match is None:
            return None
        old, new = float(match[2]), float(match[4])
        if match[3] == "by":
            # “Lower 30 by 5”: how far it moves, not where to.
            if match[1] not in ("raise", "increase", "lower", "decrease", "reduce"):
                return None
            new = old + new if match[1] in ("raise", "increase") else old - new
    rules = [with_number(each, old, new) for each in plan.rules]
    settings = [
        replace(each, value=new)
        if each.value == old
        else replace(each, value=new / 100)
        if each.kind == "equity" and abs(each.value * 100 - old) < 1e-9
        else each
        for each in plan.settings
    ]
    if rules == plan.rules and settings == plan.settings:
        plan.questions.append(f"There is no {plain(old)} in the strategy. Which number should become {plain(new)}?")
        return ""
    things = {name for each in plan.rules for name in _names(each, old)}
    things |= {one.kind for one, other in zip(plan.settings, settings, strict=True) if one != other}
    if len(things) > 1:
        plan.questions.append(
            f"“{plain(old)}” stands for more than one thing in the strategy. Which one should become {plain(new)}?"
        )
        return ""
    plan.rules, plan.settings = rules, settings
    return f"Changed: {plain(new)} instead of {plain(old)}."


def _names(rule: Rule, value: float) -> list[str]:
    return [
        type(each).__name__ + getattr(each, "name", "") + str(getattr(each, "gain", ""))
        for each in nodes(rule.condition)
        if value in (getattr(each, "value", None), getattr(each, "amount", None), getattr(each, "bars", None))
        or value in getattr(each, "parameters", ())
    ]


_KINDS = {
    "ema": "ema",
    "emas": "ema",
    "exponential": "ema",
    "sma": "sma",
    "smas": "sma",
    "simple": "sma",
    "wma": "wma",
    "weighted": "wma",
    "hma": "hma",
    "hull": "hma",
}


def _kind_for_kind(plan: Plan, scan: Scanner) -> str | None:
    kinds = r"(emas?|smas?|wma|hma|exponential|simple|weighted|hull)(?: moving)?(?: averages?)?"
    match = scan.take(
        rf"(?:(?:use|make it|take|try|switch to|with|change to)(?: an?| the)? )?{kinds} (?:instead of|rather than|for|not)(?: the| an?)? {kinds}"
    )
    new, old = (_KINDS[match[1]], _KINDS[match[2]]) if match else ("", "")
    if match is None:
        match = scan.take(
            rf"(?:change|replace|switch|swap)(?: the| from| all)* {kinds} (?:to|with|by|for)(?: an?| the)? {kinds}"
        )
        if match:
            old, new = _KINDS[match[1]], _KINDS[match[2]]
    if match is None:
        match = scan.take(rf"(?:use|make it|take|try|switch to|make them)(?: an?| the)? {kinds}(?: instead)?$")
        if match is None:
            return None
        old, new = "", _KINDS[match[1]]
    found = [
        each
        for rule in plan.rules
        for each in nodes(rule.condition)
        if isinstance(each, Series) and each.name in _KINDS.values() and old in ("", each.name)
    ]
    if not found:
        plan.questions.append("The strategy has no such average. What should be replaced?")
        return ""
    plan.rules = [_swapped(each, old, new) for each in plan.rules]
    return f"Changed: {new.upper()} {'instead of ' + old.upper() if old else ''}.".replace(" .", ".")


def _swapped(rule: Rule, old: str, new: str) -> Rule:
    def swap(each: Any) -> Any:
        if isinstance(each, Series) and each.name in _KINDS.values() and old in ("", each.name):
            return replace(average(new, each.parameters[0]), times=each.times)
        return each

    return rewritten(rule, swap)


def _without(plan: Plan, scan: Scanner) -> str | None:
    match = scan.take(
        r"(?:remove|drop|delete|without|get rid of|take out|take away|no|no more|cancel|skip|forget(?: about)?|leave out|lose)(?: the| my| any| a| more| that| all)* "
        r"(trailing stop|trail|stop loss|stops?|take profit|profit target|target|time (?:filter|limit|window|restriction|stop)|hours|trading hours|day filter|weekday filter|days?|filters?|size|position size|trade limit|daily limit|limit|cooldown|pause|holding (?:time|period)|overnight rule|volume(?: filter| condition)?|rsi(?: filter| condition)?|adx(?: filter| condition)?)(?: rule| condition)?"
    )
    if match is None:
        return None
    what = match[1]

    def goes(rule: Rule) -> bool:
        found = rule.condition
        if "trail" in what:
            return isinstance(found, Trail)
        if "stop" in what and "time" not in what:
            return isinstance(found, Trail) or (isinstance(found, Result) and not found.gain)
        if "profit" in what or "target" in what:
            return isinstance(found, Result) and found.gain
        if what == "time stop" or "holding" in what:
            return type(found).__name__ == "Held"
        if "time" in what or "hours" in what or "overnight" in what:
            return any(isinstance(each, TimeOfDay) for each in nodes(found)) and rule.kind != "entry"
        if "day" in what and "limit" not in what:
            return rule.kind == "filter" and any(isinstance(each, Weekdays) for each in nodes(found))
        if "filter" in what and what.startswith("filter"):
            return rule.kind == "filter"
        return rule.kind == "filter" and any(
            isinstance(each, Series) and each.name.startswith(what.split()[0]) for each in nodes(found)
        )

    kept = [each for each in plan.rules if not goes(each)]
    settings = [
        each
        for each in plan.settings
        if not (
            ("size" in what and each.kind in ("equity", "cash", "shares"))
            or ("limit" in what and "time" not in what and each.kind == "a day")
            or (what in ("cooldown", "pause") and each.kind == "pause")
            or ("stop" in what and "time" not in what and "trail" not in what and each.kind == "stop order")
            or (("stop" in what or "trail" in what) and "time" not in what and each.kind == "trail order")
            or (("profit" in what or "target" in what) and each.kind == "target order")
        )
    ]
    if len(kept) == len(plan.rules) and len(settings) == len(plan.settings):
        plan.questions.append(f"The strategy has no {what} that could be removed as a rule of its own. What should go?")
        return ""
    plan.rules, plan.settings = kept, settings
    return f"Changed: the {what} was removed."


_SIDES = {"exit": "exit", "sell": "exit", "selling": "exit", "entry": "entry", "buy": "entry", "buying": "entry"}


def _level(plan: Plan, scan: Scanner) -> str | None:
    """“Make the exit 70”, “set the stop to 2 %”, “RSI exit at 65”."""
    match = scan.take(
        rf"(?:(?:make|set|put|move|raise|lower|change|adjust|have|use) )(?:the |my |its |rsi )*(exit|sell|selling|entry|buy|buying|trailing stop|stop loss|stop|take profit|profit target|target)(?: (?:level|threshold|rule|point|value|loss))?(?: (?:to|at|be|of|=|above|below))* {N} ?(%|percent)?"
    )
    if match is None:
        return None
    what, value = match[1], float(match[2])
    found = list[tuple[Rule, Condition, float]]()
    for rule in plan.rules:
        for each in nodes(rule.condition):
            if (
                what in _SIDES
                and rule.kind == _SIDES[what]
                and isinstance(each, Compare)
                and isinstance(each.right, Number)
            ):
                found.append((rule, each, each.right.value))
            elif (isinstance(each, Trail) and "trail" in what) or (
                isinstance(each, Result)
                and what not in _SIDES
                and "trail" not in what
                and each.gain == ("stop" not in what)
            ):
                found.append((rule, each, each.amount))
    unit = getattr(found[0][1], "unit", "") if found else ""
    if len(found) != 1 or (match[3] and unit != "%"):
        plan.questions.append(
            f"Which number of the {what} should become {plain(value)}? Please say the old one too, as in “{plain(value)} instead of 30”."
        )
        return ""
    rule, old, number = found[0]
    plan.rules[plan.rules.index(rule)] = _put(rule, old, with_number(old, number, value))
    return f"Changed: {plain(value)} instead of {plain(number)}."


def _put(tree: Rule, old: Condition, new: Condition) -> Rule:
    """The rule with one condition for another."""

    def put(found: Condition) -> Condition:
        if found == old:
            return new
        if isinstance(found, Both | Either):
            return replace(found, parts=tuple(map(put, found.parts)))
        return found

    return replace(tree, condition=put(tree.condition))


def _length(plan: Plan, scan: Scanner) -> str | None:
    """“Use 7 periods for the RSI”, “a 7-bar RSI”, “RSI length 7”, “make it 20 and 50”."""
    names = r"(rsi|cci|mfi|adx|atr|stochastic|williams|roc|momentum)"
    match = scan.take(
        rf"(?:(?:use|take|try|make it|with|set|put|make) )?(?:an? |the )*{N} ?(?:{BARS})? ?(?:for|on|in) (?:the )?{names}"
        rf"|(?:(?:use|take|try|make it|make|set|change) )(?:an? |the )*(?:{N} ?(?:{BARS})? {names}|{names} (?:length|period|periods|lookback) ?(?:to|of|be|=)? ?{N})(?: instead)?"
    )
    if match is not None:
        name, length = match[2] or match[4] or match[5], float(match[1] or match[3] or match[6])
        rules = [_with_length(each, name, length) for each in plan.rules]
        if rules == plan.rules:
            plan.questions.append(
                f"The strategy has no {name.upper()} whose length could become {plain(length)}. What is meant?"
            )
            return ""
        plan.rules = rules
        return f"Changed: the {name.upper()} looks at {plain(length)} bars."
    match = scan.take(
        rf"(?:make (?:it|them)|use|try|take|change (?:it|them) to) {N} ?(?:and|/|,) ?{N}(?: ?(?:{BARS}|averages|emas?|smas?))?(?= ?[.!]|$)"
    )
    if match is None:
        return None
    lengths = sorted(
        {
            each.parameters[0]
            for rule in plan.rules
            for each in nodes(rule.condition)
            if isinstance(each, Series) and each.name in _KINDS.values()
        }
    )
    new = sorted((float(match[1]), float(match[2])))
    if len(lengths) != 2:
        plan.questions.append(f"Which numbers should become {plain(new[0])} and {plain(new[1])}?")
        return ""
    for old, value in zip(lengths, (1e9, new[1]), strict=True):
        plan.rules = [with_number(each, old, value) for each in plan.rules]
    plan.rules = [with_number(each, 1e9, new[0]) for each in plan.rules]
    return f"Changed: {plain(new[0])} and {plain(new[1])} instead of {plain(lengths[0])} and {plain(lengths[1])}."


def _with_length(rule: Rule, name: str, length: float) -> Rule:
    def lengthen(each: Any) -> Any:
        if isinstance(each, Series) and each.name.startswith(name[:5]) and len(each.parameters) == 1:
            return replace(each, parameters=(length,))
        return each

    return rewritten(rule, lengthen)


def _no_more(plan: Plan, scan: Scanner) -> str | None:
    """“Without the RSI”, “do not sell on RSI anymore”: parts of a rule that go, where something is left of it."""
    match = scan.take(
        r"(?:do not|no longer|never|stop) (sell|selling|exit|buy|buying)(?: it)? (?:on|by|because of|when|at)(?: the)? (rsi|macd|adx|mfi|cci|vwap|volume|ema|sma)(?: (?:anymore|any more|signal|signals))*"
        r"|(?:without|remove|drop|no|skip|forget)(?: the| any)*()() (rsi|macd|adx|mfi|cci|vwap|volume|ema|sma)(?: (?:anymore|condition|part|rule|filter|signal))*(?= ?[.!]|$)"
    )
    if match is None:
        return None
    side, name = _SIDES.get(match[1] or "", ""), match[2] or match[5]
    rules, changed = list[Rule](), False
    for rule in plan.rules:
        parts = rule.condition.parts if isinstance(rule.condition, Both | Either) else (rule.condition,)
        kept = tuple(
            each
            for each in parts
            if not any(isinstance(one, Series) and one.name.startswith(name) for one in nodes(each))
        )
        if (side and rule.kind != side) or len(kept) == len(parts):
            rules.append(rule)
            continue
        changed = True
        if kept:
            joined = Both if isinstance(rule.condition, Both) else Either
            left = joined(kept) if len(kept) > 1 else kept[0]
            rules.append(replace(rule, condition=left))
    if not changed or not any(each.kind == "entry" for each in rules):
        plan.questions.append(
            f"Without the {name.upper()} nothing would be left to decide by, or there is none. What should go, and what stays?"
        )
        return ""
    plan.rules = rules
    return f"Changed: the {name.upper()} was taken out."


def _days(plan: Plan, scan: Scanner) -> str | None:
    match = scan.take(
        r"(?:(?:trade|buy|run|but|it) )*(only|also|not|never|except|and also|as well|additionally|no longer|no)(?: (?:buy|trade|run|trading))?(?: on)?"
    )
    if match is None:
        return None
    days = weekdays(scan)
    if not days:
        return None
    filters = [each for each in plan.rules if each.kind == "filter" and isinstance(each.condition, Weekdays)]
    rest = [each for each in plan.rules if each not in filters]
    present = (
        set(filters[-1].condition.days) if filters and isinstance(filters[-1].condition, Weekdays) else set(range(7))
    )
    if match[1] == "only":
        present = set(days)
    elif match[1] not in ("also", "and also", "as well", "additionally") and scan.take("instead"):
        present = set(range(7)) - set(days)
    elif match[1] in ("also", "and also", "as well", "additionally"):
        present |= set(days)
    else:
        present -= set(days)
    plan.rules = rest if present == set(range(7)) else [*rest, Rule("filter", Weekdays(tuple(sorted(present))), (0, 0))]
    return f"Changed: it buys only when {Weekdays(tuple(sorted(present))).words}."


def _scaled(plan: Plan, scan: Scanner) -> str | None:
    match = scan.take(
        r"(double|halve|triple|half)(?: the| my| its)* (?:position |trade |order )?(size|stake|amount|stop(?: loss)?|target|take profit|length|periods?|averages)(?: size)?"
    )
    if match is None:
        return None
    factor = {"double": 2.0, "halve": 0.5, "half": 0.5, "triple": 3.0}[match[1]]
    if match[2] in ("size", "stake", "amount"):
        size = plan.setting("equity", "cash", "shares")
        if size is None:
            plan.questions.append(
                "No size was given so far: the session decides. Which part of the equity, or how many dollars or shares, should a purchase take?"
            )
            return ""
        value = size.value * factor
        if size.kind == "equity" and value > 1:
            plan.questions.append("That would be more than the whole equity. Which part should a purchase take?")
            return ""
        plan.settings = [replace(each, value=value) if each is size else each for each in plan.settings]
        return f"Changed: {Setting(size.kind, value, (0, 0)).words}."
    gain = match[2] in ("target", "take profit")
    for index, rule in enumerate(plan.rules):
        if isinstance(rule.condition, Result) and rule.condition.gain == gain:
            plan.rules[index] = replace(rule, condition=replace(rule.condition, amount=rule.condition.amount * factor))
            return f"Changed: {plan.rules[index].condition.words}."
    plan.questions.append(f"The strategy has no {match[2]}. Which one should it have?")
    return ""


_OTHER_SYMBOL = (
    r"(?:change|switch|replace|swap|move|exchange)(?: (?:it|the|symbol|strategy|ticker|stock|from))* (?P<from>@\S+) (?:to|for|by|with|into) (?P<to>@\S+)(?: instead)?(?: please)?"
    r"|(?:(?:use|trade|try|run it|make it|switch|change|do it|it|the symbol|apply it|same|for|on|with|to|instead)(?: (?:it|to|on|for|with|the|same|symbol|strategy|be))* )+(?P<one>@\S+)(?: instead)?(?: of (?P<not_one>@\S+))?(?: please)?"
    r"|(?P<other>@\S+) instead(?: of (?P<not_other>@\S+))?"
)


def _symbol(plan: Plan, scan: Scanner) -> str | None:
    match = scan.take(_OTHER_SYMBOL)
    if match is None:
        return None
    name, old = ((match[one] or match[two] or match[three] or "")[1:].upper() for one, two, three in (("to", "one", "other"), ("from", "not_one", "not_other")))  # fmt: skip
    stood = [each for each, _ in plan.symbols]
    if old and stood and old not in stood:
        plan.questions.append(f"The strategy trades {stood[0]}, and not {old}. Should it trade {name} in its place?")
        return ""
    plan.symbols = [(name, (0, 0))]
    return ""


CHANGES: tuple[Callable[[Plan, Scanner], str | None], ...] = (
    _number_for_number,
    _kind_for_kind,
    _level,
    _length,
    _no_more,
    _without,
    _days,
    _scaled,
    _symbol,
)
