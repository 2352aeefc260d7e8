"""Compares what can be counted in a requirement's words and in its rules: numbers with their units, hours and days of the week."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import product

from stratforge.intent.days import day_numbers, says_days
from stratforge.intent.elements import Element, Kind, Unit, elements_of
from stratforge.intent.lexicon import (
    CLOSE,
    CUSTOMARY,
    EARLIER,
    EXCEPTED,
    LATER,
    LENGTH_IS_SAID,
    NEGATED,
    NYSE,
    OLD,
    PER_DAY,
    SAID_BY_WORDS,
    ZONE,
)
from stratforge.intent.rules import (
    EXIT_KINDS,
    GREATER,
    HOLDS,
    LESS,
    MINUTES_A_DAY,
    TURNED,
    Rule,
    RuleKind,
    is_column,
    is_number,
    numbers_in,
)
from stratforge.market.clocks import TO_NEW_YORK, clock_field
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.trees import walk


def columns_said(quote: str, rules: Sequence[Rule]) -> frozenset[str]:
    """The columns of these rules whose numbers the quotation says."""
    said = {form for each in elements_of(quote, Kind.NUMBER) for form in forms_of(each)}
    return frozenset(
        text
        for rule in rules
        if rule.condition is not None
        for text, numbers in _columns(rule.condition)
        if all(any(near(one, other) for other in said) for one in numbers - {0.0, 1.0})
    )


def columns_of(rule: Rule) -> frozenset[str]:
    """The columns that a rule compares, each as its canonical text."""
    return frozenset(text for text, _ in _columns(rule.condition)) if rule.condition is not None else frozenset()


def _columns(node: ast.AST) -> Iterator[tuple[str, set[float]]]:
    for each in walk(node):
        if isinstance(each, ast.Call) and is_column(each):
            yield ast.unparse(each), numbers_in(each)


def texts(rules: Sequence[Rule]) -> str:
    """The canonical texts of rules, joined into one for a message."""
    return " ; ".join(each.text for each in rules)


def near(one: float, other: float) -> bool:
    """Says whether two numbers are the same but for rounding."""
    return abs(one - other) <= 1e-6 * max(1.0, abs(one))


def judges_gain(side: str, other: str) -> bool:
    """Says whether the left of two sides is the position's gain, or the price where the other has the price that was paid."""
    return side in ("gain", "gain_dollars") or (side == "close" and "entry_price" in other)


def forms_of(element: Element) -> set[float]:
    """Returns the numbers that a number of a request may be in a rule."""
    value = element.value
    if element.unit is Unit.PERCENT:
        return {value, value / 100, 1 - value / 100, 1 + value / 100, 100 - value}
    if element.unit is Unit.HOURS:
        return {value * 60, CLOSE - value * 60, NYSE + value * 60}
    if element.unit is Unit.MINUTES:
        return {value, CLOSE - value, NYSE + value, NYSE + value + 1}
    if element.unit is Unit.MONEY:
        return {value, value / 100}
    return {value, value / 100, 1 - value / 100, 1 + value / 100, value - 1, value + 1}


def number_findings(
    quote: str,
    rules: Sequence[Rule],
    gone: Sequence[Rule],
    told: frozenset[float],
    columns: frozenset[str],
    *,
    coins: bool = False,
) -> Iterator[str]:
    """Numbers that the words have and the rules have not, the other way round, and in another unit."""
    claimed = set(told) | _implied(quote, gone)
    for element in elements_of(quote):
        if element.kind is Kind.TIME:
            claimed |= minutes_of(quote, element)
        if element.kind is not Kind.NUMBER:
            continue
        forms = forms_of(element)
        claimed |= forms | {element.value}
        if OLD.search(quote[: element.start]):
            continue
        of_days = any(near(element.value, number) for each in rules for number in day_numbers(each))
        if coins and element.unit is Unit.DAYS and not of_days and _OF_A_DAY.match(quote, element.end) and any(holds(each.text, "bars_held", "days_held") for each in rules):  # fmt: skip
            bars = element.value * MINUTES_A_DAY
            claimed.add(bars)
            if not any(near(bars, one) for each in rules for one in each.numbers):
                yield f"counts days of what trades around the clock, of which each is 24 hours: bars_held >= {bars:g}, which its rules ({texts(rules)}) do not have."
            continue
        if element.unit is Unit.DAYS and not of_days and not PER_DAY.search(quote):
            yield f"counts days or longer, and bars are minutes: it cannot be covered by {element.value:g} bars. Ask, or say it is unsupported or assumed."
            continue
        if of_days and element.unit is not Unit.DAYS and not says_days(quote[max(0, element.start - 12) : element.end + 12]):  # fmt: skip
            yield f"has {element.text}, and not in days, which its rules ({texts(rules)}) count: what is of the strategy's own bars has no resample."
            continue
        goals, named = moved_to(quote, element, gone)
        if any(near(goal, one) for goal in goals for each in rules for one in each.numbers):
            continue
        if named:
            yield f"moves a number by {element.text}, and its rules ({texts(rules)}) do not have what comes of it: {', '.join(f'{each:g}' for each in sorted(goals))}."
            continue
        holders = [each for each in rules if any(near(one, other) for one in forms for other in each.numbers)]
        if not holders:
            yield f"has {element.text}, and its rules ({texts(rules)}) have not: say it there, or say it is unsupported."
            continue
        yield from _unit(element, holders)
    needed = {number for each in rules for number in each.numbers} - _usual(rules, columns) - {0.0, 1.0}
    for number in sorted(needed):
        if not any(near(number, each) for each in claimed):
            yield f"does not say {number:g}, and its rule does ({texts(rules)}): name it in assumptions, or leave it out."


_OF_A_DAY = re.compile(r"[\s-]*(?:full )?(?:days?|d|tage?n?|días?|jours?)\b|[天日]", re.IGNORECASE)
_BY = re.compile(r"\b(?P<up>raise|increase|add)\b|\b(?P<down>lower|decrease|reduce|cut)\b", re.IGNORECASE)


def _step(quote: str, element: Element) -> tuple[float, int] | None:
    """By how much words move a number that stood, less than zero where they lower it, and from where on they speak of it; None of other numbers."""
    before = quote[: element.start]
    verbs = list(_BY.finditer(before))
    if not verbs or not re.search(r"\bby\s*$", before):
        return None
    return element.value if verbs[-1]["up"] else -element.value, verbs[-1].end()


def moved_to(quote: str, element: Element, gone: Sequence[Rule]) -> tuple[set[float], bool]:
    """Returns what comes of the numbers that stood where words move them by this one, 75 for “raise 70 by 5”; and whether the words name the number that they move."""
    step = _step(quote, element)
    if step is None:
        return set(), False
    stood = {number for each in gone for number in each.numbers}
    said = {each.value for each in elements_of(quote, Kind.NUMBER) if step[1] <= each.start < element.start} & stood
    return {number + step[0] for number in said or stood}, bool(said)


def _implied(quote: str, gone: Sequence[Rule]) -> set[float]:
    """Numbers that words stand for; what is doubled or halved is known from what stood before."""
    found = {each for word, numbers in SAID_BY_WORDS if re.search(word, quote, re.IGNORECASE) for each in numbers}
    found |= {goal for each in elements_of(quote, Kind.NUMBER) for goal in moved_to(quote, each, gone)[0]}
    for word, factor in ((r"\bdoubl", 2.0), (r"\bhal[fv]", 0.5), (r"\btripl", 3.0)):
        if re.search(word, quote, re.IGNORECASE):
            found |= {factor * number for each in gone for number in each.numbers}
    return found


def _zone_of(quote: str) -> tuple[str | None, str] | None:
    """The place whose clocks a quotation names, None where it is not known here, and the words; None where it names none."""
    return next(((place, match[0]) for place, words in ZONE for match in words.finditer(quote)), None)


def minutes_of(quote: str, element: Element) -> set[float]:
    """Returns what a time of a request may be in a rule, in minutes of the day; the minute it lasts is one of them."""
    zone = _zone_of(quote)
    shift = TO_NEW_YORK.get(zone[0] or "", 0) if zone else 0
    return _minutes(element, 0) | _minutes(element, shift)


def _minutes(element: Element, shift: int) -> set[float]:
    early = element.value < 720 and not re.search(r"am|uhr", element.text, re.IGNORECASE)
    found = {(element.value + shift) % 1440} | ({(element.value + 720 + shift) % 1440} if early else set())
    return found | {each + 1 for each in found}


def _clocks(place: str | None, *, coins: bool) -> dict[str, int]:
    """The facts that are the clocks of a place, each with the minutes from its time to the fact's; those of the exchange where none is named."""
    if place is None:
        return {"minute": 0}
    exchange = {"utc": 0} if coins else TO_NEW_YORK
    return ({"minute": exchange[place]} if place in exchange else {}) | {clock_field(place): 0}


def _usual(rules: Sequence[Rule], columns: frozenset[str]) -> set[float]:
    """Numbers that need not be said: days of the week, shifts, usual parameters, and columns that another quotation says."""
    found: set[float] = set()
    nodes = (node for rule in rules if rule.condition is not None for node in walk(rule.condition))
    for node in nodes:
        if isinstance(node, ast.Compare) and "weekday" in ast.unparse(node):
            found |= numbers_in(node)
        elif isinstance(node, ast.BinOp) and "pct_change" in ast.unparse(node):
            found |= {100.0}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if ast.unparse(node) in columns or node.func.attr == "shift":
                found |= numbers_in(node)
            elif node.func.attr in REGISTRY and node.func.attr not in LENGTH_IS_SAID:
                usual = {each.name: each.default for each in REGISTRY[node.func.attr].parameters}
                for each in node.keywords:
                    default, numbers = usual.get(each.arg or ""), numbers_in(each.value)
                    customary = CUSTOMARY.get(node.func.attr, {}).get(each.arg or "")
                    if numbers and numbers <= {
                        abs(float(one)) for one in (default, customary) if isinstance(one, int | float)
                    }:
                        found |= numbers
    return found


_IN_A_PLACE = r"(?:_in_\w+|s_to_close)?"


def holds(text: str, *names: str) -> bool:
    """Says whether one of these words stands in a text; the minute on any clock is one."""
    return any(re.search(rf"\b{each}{_IN_A_PLACE if each == 'minute' else ''}\b", text) for each in names)


def _unit(element: Element, holders: Sequence[Rule]) -> Iterator[str]:
    """A percentage that became an amount, or an amount that became a percentage."""
    forms = forms_of(element)
    units: set[str] = set()
    for rule in holders:
        if rule.kind is RuleKind.SIZE:
            units.add({"% of equity": "%", "dollars": "$", "shares": "shares"}[rule.unit.removesuffix(" at risk")])
            continue
        if rule.kind in EXIT_KINDS and any(near(rule.value, each) for each in forms):
            units.add("%")
            continue
        for atom in rule.atoms:
            if not any(near(one, other) for one in forms for other in atom.numbers):
                continue
            if holds(atom.text, "atr"):
                units.add("ATR")
            elif holds(atom.text, "gain_dollars", "drop_dollars") or re.search(
                r"entry_price [+-] \d|[+-] \d[\d.]*$", atom.text
            ):
                units.add("$")
            elif holds(atom.text, "gain", "drop", "pct_change", "roc") or re.search(r"entry_price \*|\* \d", atom.text):
                units.add("%")
            else:
                units.add("")
        if not rule.atoms or (rule.kind is RuleKind.SELL and any(near(rule.value, each) for each in forms)):
            units.add("")
    if element.unit is Unit.PERCENT and units and units <= {"$", "shares", "ATR"}:
        yield f"is a percentage, and its rule counts {' and '.join(sorted(units))}."
    if element.unit is Unit.MONEY and units and units <= {"%", "shares", "ATR"}:
        yield f"is an amount of money, and its rule counts {' and '.join(sorted(units))}."


_GOES_ON = re.compile(r"[\s,]*(?:or|oder|o|ou)\s+(?:it is |it['’]s )?[^\W\d]+\s*", re.IGNORECASE)
# “No, only after 11:00”: it denies what was said before, not what follows.
_CORRECTS = re.compile(r"^\s*(?:no|nope|nein|non)\s*[,.:;!]", re.IGNORECASE)


def time_findings(quote: str, rules: Sequence[Rule], *, coins: bool = False) -> Iterator[str]:
    """Hours that are missing, in another zone, or on the other side."""
    zone = _zone_of(quote)
    begin, before = 0, ""
    for element in elements_of(quote, Kind.TIME):
        between = _CORRECTS.sub("", quote[begin : element.start])
        # "Unless it is before 10:00 or after 15:00": neither.
        before = f"{before} {between}" if begin and _GOES_ON.fullmatch(between) else between
        begin = element.end
        if zone is not None and zone[0] is None:
            yield f"names a time zone ({zone[1]}) that is not known here: ask, or say how it is read in assumptions and call it assumed."
            continue
        if OLD.search(quote[: element.start]) and not NEGATED.search(before):
            continue
        clocks = _clocks(zone[0] if zone else None, coins=coins)
        held = [
            (rule, atom)
            for rule in rules
            for atom in rule.atoms
            for fact, shift in clocks.items()
            if re.search(rf"\b{fact}\b", atom.text)
            and any(near(one, other) for one in _minutes(element, shift) for other in atom.numbers)
        ]
        if not held:
            of = f" of {zone[1]}" if zone else ""
            wanted = " or ".join(f"{fact} {min(_minutes(element, shift)):g}" for fact, shift in clocks.items())
            yield f"has the time {element.text}{of}, and its rules have no {wanted}: minutes of the day are hour * 60 + minute."
            continue
        later, earlier = _last(LATER, before), _last(EARLIER, before)
        buying = all(rule.kind is not RuleKind.SELL for rule, _ in held)
        denied = NEGATED.search(before) or EXCEPTED.search(before)
        # To sell before a time is to have sold by then; to sell unless it is before a time is not.
        if later == earlier or not (buying or denied):
            continue
        wants_later = (later > earlier) != bool(denied)
        signs = {atom.operator if holds(atom.left, "minute") else TURNED[atom.operator] for _, atom in held}
        if signs.isdisjoint((GREATER if wants_later else LESS) | {"=="}):
            yield f"means {'after' if wants_later else 'before'} {element.text}, and its rule says the other side ({held[0][0].text})."


def _last(words: re.Pattern[str], text: str) -> int:
    return max((match.end() for match in words.finditer(text)), default=-1)


# Days after a day, from a day on, and before a day.
_BEYOND = re.compile(
    r"(?:\b(after|past|nach|después de|après)|\b(since|from|starting|ab|desde|à partir de?|dès)|\b(?:before|until|till|up to|vor|bis|antes de|hasta|avant|jusqu\w*))(?: (?:the|on|dem|el|los|le))*\s*$",
    re.IGNORECASE,
)


def day_findings(quote: str, rules: Sequence[Rule], gone: Sequence[Rule]) -> Iterator[str]:
    """Days of the week on which the rules act otherwise than the words say."""
    named = elements_of(quote, Kind.DAY)
    conditions = [rule.condition for rule in rules if rule.condition is not None and "weekday" in rule.text]
    if not named:
        if (
            conditions
            and not gone
            and not re.search(r"weekday|weekend|week|day|tag|día|jour|wochen\w*|周|曜", quote, re.IGNORECASE)
        ):
            yield f"names no day of the week, and its rule does ({texts(rules)})."
        return
    if not conditions:
        yield "names a day of the week, and its rules do not look at weekday."
        return
    open_days = _open_days(conditions)
    stood = _open_days([rule.condition for rule in gone if rule.condition is not None and "weekday" in rule.text])
    days = {int(each.value) for each in named}
    ranged = re.search(
        r"\b(?:to|through|thru|until|bis|al?|à|hasta)\b|[-–]|至|から",
        quote[named[0].end : named[-1].start] if len(named) > 1 else "",
        re.IGNORECASE,
    )
    days = set(range(min(days), max(days) + 1)) if ranged else days
    # In Chinese and Japanese the negation comes after what it negates.
    before = quote if re.search(r"[\u3040-\u9fff]", quote) else quote[: named[-1].start]
    before = re.split(r"[.;!?](?=\s)|,\s*(?=buy|sell|kauf|verkauf|compr|vend|ach[eè]t)", before, flags=re.IGNORECASE)[
        -1
    ]
    if NEGATED.search(before) or EXCEPTED.search(before):
        if days & open_days:
            yield "excludes a day of the week, and its rules still act on it."
        elif not set(range(5)) & stood <= open_days | days:
            yield "excludes some days of the week, and its rules exclude others too."
        return
    wanted = days
    if len(days) == 1 and (beyond := _BEYOND.search(quote[: named[0].start])):
        (day,) = days
        wanted = set(range(day + (beyond[1] is not None), 7)) if beyond[1] or beyond[2] else set(range(day))
    if gone:
        open_days -= stood - days
    if not wanted <= open_days or (open_days - wanted) & set(range(5)):
        yield "names days of the week, and its rules act on others."


def _open_days(conditions: Sequence[ast.expr]) -> set[int]:
    return {day for day in range(7) if all(_may(each, day) for each in conditions)}


def _may(node: ast.expr, day: int) -> bool:
    """Whether a condition can hold on a day, whatever else is the case."""
    return True in _outcomes(node, day)


def _outcomes(node: ast.expr, day: int) -> set[bool]:
    if isinstance(node, ast.BoolOp):
        join = all if isinstance(node.op, ast.And) else any
        return {join(each) for each in product(*(_outcomes(each, day) for each in node.values))}
    if isinstance(node, ast.UnaryOp):
        return {not each for each in _outcomes(node.operand, day)}
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        sides = [ast.unparse(node.left), ast.unparse(node.comparators[0])]
        if "weekday" in sides:
            other = sides[1 - sides.index("weekday")]
            if is_number(other):
                one, two = (day, float(other)) if sides[0] == "weekday" else (float(other), day)
                return {HOLDS[type(node.ops[0])](one, two)}
    return {True, False}
