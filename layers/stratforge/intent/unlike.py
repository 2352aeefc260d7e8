"""A requirement whose rules do something else than its plain words: a change that takes away what it does not name, and a bound that no rule keeps.

What its author tells a person about words that no strict reading knows is made from the rules. That is enough where the words may mean them, and not where they
name a stop, a factor, a number in the place of another, or a bound.
"""

from __future__ import annotations

import ast
import itertools
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from stratforge.intent.bounds import POSITIVE
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import HOLDS_BY_SIGN, PRICES, Atom, Rule, RuleKind, read_rule

_I = re.IGNORECASE
_NUMBER = r"\d+(?:\.\d+)?"
ASK = "mend the rules, or ask the person."
# Removals of one thing and nothing else.
_REMOVED = re.compile(
    rf"\W*(?:please )?(?:remove|drop|delete|cancel|get rid of|no|no more|without|lose|skip|entferne|ohne|kein\w*|quita|sin|enlève|sans|pas de)\s+(?:the |any |my |den |el |la |le )?(?:{_NUMBER} ?(?:%|dollars?) )?"
    r"(?P<what>stop(?:[- ]?loss)?|take profit|(?:profit )?target|limit|size)(?: please)?\W*",
    _I,
)
_TOO = re.compile(r"\b(?:also|too|as well|additionally|auch|zusätzlich|también|aussi)\b", _I)
_AWAY = re.compile(r"\b(?:instead|replac\w+|change\w*|remove|drop|delete|without|no|not|don't|never|only|make it|statt)\b", _I)  # fmt: skip
_SWAPPED = re.compile(
    rf"(?P<new>{_NUMBER})(?![\d:]) ?%? (?:instead of|rather than|statt|en lugar de|en vez de|au lieu de) (?P<old>{_NUMBER})(?![\d:])"
    rf"|\b(?:change|move|raise|lower|set|increase|reduce) (?:\w+ ){{0,3}}?(?P<from>{_NUMBER})(?![\d:]) ?%? to (?P<to>{_NUMBER})(?![\d:])",
    _I,
)
_SCALED = {
    2.0: re.compile(r"\b(?:double|twice (?:the|as)|verdopp\w+|doppelte\w*)\b", _I),
    3.0: re.compile(r"\b(?:triple|three times (?:the|as)|verdreifach\w*)\b", _I),
    0.5: re.compile(r"\b(?:halve|half the|halbier\w*)\b", _I),
}
_SCALED_WHAT = re.compile(r"\b(?P<what>stop|target|size|shares|amount|position)\b", _I)
_SHARES = re.compile(rf"\b(?P<count>{_NUMBER}) (?:shares?|stück|acciones|actions)\b", _I)
_SIDE = re.compile(rf"\b(?:sell|buy|exit|enter)(?: \w+)? (?P<side>above|over|below|under) (?P<level>{_NUMBER})(?![\d:])", _I)  # fmt: skip
_OR_AT = re.compile(r"\b(?:at|to|or|and|equal|not|no|never|unless|until|except|n't)\b|n't\b|[<>=≤≥]", _I)
_COUNTS = {"once": 1, "one": 1, "twice": 2, "two": 2, "three": 3, "four": 4, "five": 5}
_A_DAY = r"(?:times?|trades?|buys?|purchases?|entries|round trips?)? ?(?:a|per|each|every) day\b"
_AT_MOST = re.compile(
    rf"\b(?:at most|no more than|not more than|never more than|up to|max(?:imum)?(?: of)?) (?P<count>once|twice|\d+|one|two|three|four|five) ?{_A_DAY}",
    _I,
)
_FEWER = re.compile(rf"\b(?:fewer|less) than (?P<count>\d+|one|two|three|four|five) ?{_A_DAY}", _I)
_BOUND = re.compile(
    r"\b(?:when|if|while|once|bei|wenn|si|cuando|quand|below|above|over|under)\b.*?(?P<words>\b(?:unless|except|as long as|provided|but only|but not|only if|außer|solange|es sei denn|excepto|salvo|a menos que|mientras|sauf|à moins|tant que)\b.*)",
    _I | re.DOTALL,
)
_HELD_NOW = re.compile(r"\b(?:flat|not in|no position|nothing|already|don't hold|do not hold|don't own|not hold\w*|possible|you can)\b", _I)  # fmt: skip
_ONLY_SELLS = re.compile(r"\bonly (?:sells?|exits?|closes?|get out)\b|\b(?:sells?|exits?|closes?) only\b", _I)
_CLOCK = frozenset({"minute", "minutes_to_close", "weekday"})
_OF_THE_DAY = re.compile(rf"(?:(?P<first>{_NUMBER}) \* )?(?P<what>day_low|day_high)(?: \* (?P<last>{_NUMBER}))?")
# Bars of all shapes: steady, rising and falling ones, small ones and large ones.
_BARS = tuple(
    {"open": scale * first, "high": scale * 100, "low": scale, "close": scale * last}
    for scale in (0.001, 0.1, 1.0, 100.0, 10_000.0)
    for first in (1, 50, 100)
    for last in (1, 50, 100)
) + tuple(dict.fromkeys(PRICES, scale) for scale in (0.001, 1.0, 100.0, 10_000.0))
_CALCULATED: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


def unlike_findings(requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]]) -> Iterator[str]:
    """Finds requirements whose rules do something else than their words, whoever wrote them.

    Args:
        requirements: What an answer says is asked for.
        rules: The rules of each of them.
    """
    standing = [rule for each, of_it in zip(requirements, rules, strict=True) if each.status is not Status.SUPERSEDED for rule in of_it if rule.dropped is None]  # fmt: skip
    for each, of_it in zip(requirements, rules, strict=True):
        if each.status in (Status.KEPT, Status.SUPERSEDED, Status.UNSUPPORTED) or not each.quote.strip():
            continue
        gone = [rule.dropped for rule in of_it if rule.dropped is not None]
        new = [rule for rule in of_it if rule.dropped is None and rule.kind is not RuleKind.SYMBOL]
        said = f"“{each.quote.strip()[:120]}”"
        found = [*_taken_away(each.quote, gone, new), *_scaled(each.quote, gone, new), *_swapped(each.quote, gone, new)]
        found += [*_sides(each.quote, new), *_bounds(each.quote, new, standing)]
        yield from (f"{said} {text}: {ASK}" for text in found)


def never_holds(rules: Sequence[Rule]) -> Iterator[str]:
    """Finds comparisons that no bar makes true, or every bar: a price with the day's low or high so far, as its own are among them, and a price with itself so many times."""
    for rule in rules:
        for atom in rule.atoms:
            if (always := _decided(atom)) is not None:
                yield f"“{atom.text}” {'always holds' if always else 'can never hold'}: it compares prices of one bar, or one line with itself. What should it be compared with: the price paid, or a price of which bars before?"
        for left, sign, right in (way for atom in rule.atoms if not atom.crossing for way in atom.ways):
            match = _OF_THE_DAY.fullmatch(right)
            if match is None or left not in PRICES:
                continue
            below, times = match["what"] == "day_low", float(match["first"] or match["last"] or 1)
            beyond = times <= 1 if below else times >= 1
            if beyond and (sign == ("<" if below else ">") or (sign == ("<=" if below else ">=") and times != 1)):
                yield f"“{left} {sign} {right}” can never hold: the day's {'low' if below else 'high'} so far is that of this bar too. Say {'the low' if below else 'the high'} of when, such as that of the bar before, or of yesterday."


def _decided(atom: Atom) -> bool | None:
    """What a comparison of one line with itself, or of the prices of one bar, always comes to; None where it depends on the market."""
    sides = [ast.parse(each, mode="eval").body for each in (atom.left, atom.right)]
    one, other = ({*_lines(side)} for side in sides)
    lines = one | other
    if not one or not other or (len(lines) > 1 and not lines <= PRICES):
        return None
    signs = (1.0,) if lines <= PRICES or all(map(POSITIVE.fullmatch, lines)) else (1.0, -1.0)
    found = set[bool]()
    for prices, sign in itertools.product(_BARS, signs):
        try:
            left, right = (_value(side, {**dict.fromkeys(lines, sign * prices["close"]), **prices}) for side in sides)
        except ArithmeticError:
            return None
        found.add(HOLDS_BY_SIGN[atom.operator](left, right))
    return found.pop() if len(found) == 1 else None


def _lines(node: ast.expr) -> Iterator[str]:
    """What a side of a comparison is calculated from, numbers aside."""
    match node:
        case ast.BinOp(left=left, right=right):
            yield from (*_lines(left), *_lines(right))
        case ast.UnaryOp(operand=operand):
            yield from _lines(operand)
        case ast.Constant():
            return
        case _:
            yield ast.unparse(node)


def _value(node: ast.expr, lines: Mapping[str, float]) -> float:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            return float(_CALCULATED[type(op)](_value(left, lines), _value(right, lines)))
        case ast.UnaryOp(operand=operand):
            return -_value(operand, lines)
        case ast.Constant(value=value):
            return float(str(value))
        case _:
            return lines[ast.unparse(node)]


def _family(rule: Rule) -> str:
    """What people call a rule: a stop, a target, a size, a limit, or by its kind."""
    text = rule.text
    if rule.kind in (RuleKind.STOP, RuleKind.TRAIL, RuleKind.SELL_STOP):
        return "stop"
    if rule.kind in (RuleKind.TARGET, RuleKind.SELL_LIMIT):
        return "target"
    if rule.kind is RuleKind.SELL and re.search(r"\bgain(?:_dollars)? <|\bdrop(?:_dollars)? >|entry_price", text):
        return "stop"
    if rule.kind is RuleKind.SELL and re.search(r"\bgain(?:_dollars)? >", text):
        return "target"
    return {RuleKind.SIZE: "size", RuleKind.LIMIT: "limit"}.get(rule.kind, rule.kind.value)


def _taken_away(quote: str, gone: Sequence[Rule], new: Sequence[Rule]) -> Iterator[str]:
    if match := _REMOVED.fullmatch(quote):
        what = match["what"].lower().split("-")[0].split()[-1].removesuffix("loss").replace("profit", "target")
        # A stop or a target may be a price.
        for rule in gone:
            by_price = what in ("stop", "target") and rule.kind is RuleKind.SELL and re.search(r"when (?:close|low|high) [<>]", rule.text)  # fmt: skip
            if _family(rule) != what and not by_price:
                yield f"takes away what is no {what} ({in_words(rule)})"
    if _TOO.search(quote) and not _AWAY.search(quote):
        for rule in gone:
            condition = rule.text.partition(" when ")[2]
            if condition and not any(condition in each.text for each in new):
                yield f"adds something, and takes away what stood ({in_words(rule)})"
    if re.search(r"\binstead\b(?! of)", quote, _I) and new:
        families = {_family(rule) for rule in new}
        if any(_family(rule) in families for rule in gone):
            for rule in gone:
                if _family(rule) not in families:
                    yield f"takes away more than it puts something in the place of ({in_words(rule)})"


def _scaled(quote: str, gone: Sequence[Rule], new: Sequence[Rule]) -> Iterator[str]:
    factor = next((factor for factor, words in _SCALED.items() if words.search(quote)), None)
    if factor is None or not gone:
        return
    named = {match["what"].lower() for match in _SCALED_WHAT.finditer(quote)}
    wanted = {"size" if each in ("shares", "amount", "position") else each for each in named}
    for rule in gone:
        if wanted and _family(rule) not in wanted:
            yield f"names its {' and '.join(sorted(wanted))}, and takes away another rule ({in_words(rule)})"
            continue
        scaled = {round(factor * number, 9) for number in rule.numbers}
        mine = [each for each in new if _family(each) == _family(rule)]
        if len(rule.numbers) == 1 and mine and not any(scaled & {round(number, 9) for number in each.numbers} for each in mine):  # fmt: skip
            yield f"makes {factor:g} times of what stood, and its rule does not ({in_words(rule)})"


def _swapped(quote: str, gone: Sequence[Rule], new: Sequence[Rule]) -> Iterator[str]:
    matches = list(_SWAPPED.finditer(quote))
    if len(matches) != 1 or not gone:
        return
    old, number = matches[0]["old"] or matches[0]["from"], matches[0]["new"] or matches[0]["to"]
    token = re.compile(rf"(?<![\w.]){re.escape(old)}(?![\w.])")
    if quote.strip(" .,!") != matches[0][0].strip() and re.search(rf"{_NUMBER}", quote.replace(matches[0][0], "")):
        return
    with_it = [rule for rule in gone if token.search(rule.text)]
    texts = {rule.text for rule in new}
    if not with_it:
        return
    for rule in gone:
        if rule not in with_it:
            yield f"puts {number} in the place of {old}, and takes away a rule without {old} ({in_words(rule)})"
        elif len(token.findall(rule.text)) == 1 and read_rule(token.sub(number, rule.text)).text not in texts:
            yield f"puts {number} in the place of {old} and changes nothing else, and its rule does ({in_words(rule)})"


def _sides(quote: str, new: Sequence[Rule]) -> Iterator[str]:
    """Numbers with their side, or with what they count."""
    for match in _SHARES.finditer(quote):
        with_it = [rule for rule in new if float(match["count"]) in rule.numbers]
        if with_it and all(rule.kind is not RuleKind.SIZE for rule in with_it) and not any("bars_held" in rule.text for rule in with_it):  # fmt: skip
            yield f"counts shares, and its rule does not ({in_words(with_it[0])})"
    side = _SIDE.search(quote)
    if side and not _OR_AT.search(quote):
        level = f"{float(side['level']):g}"
        for rule in new:
            if any(atom.operator in ("<=", ">=") and level in (atom.left, atom.right) for atom in rule.atoms):
                yield f"says “{side['side']} {side['level']}”, and its rule takes {level} itself too ({in_words(rule)})"


def _bounds(quote: str, new: Sequence[Rule], standing: Sequence[Rule]) -> Iterator[str]:
    limits = {rule.value for rule in standing if rule.kind is RuleKind.LIMIT}
    for match in _AT_MOST.finditer(quote):
        if not limits:
            yield f"says “{match[0]}”, and no rule does"
    if (fewer := _FEWER.search(quote)) and _count(fewer["count"]) in limits:
        yield f"says “{fewer[0]}”, and its rule allows {_count(fewer['count']):g}"
    bound = _BOUND.search(quote)
    if bound and new and not _HELD_NOW.search(bound["words"]) and sum(len(rule.atoms) for rule in new) == 1 == len([rule for rule in new if rule.condition is not None]) and len(new) == 1:  # fmt: skip
        yield f"says “{bound['words'].strip()[:80]}”, and its one rule does not ({in_words(new[0])})"
    if _ONLY_SELLS.search(quote):
        for rule in new:
            if rule.kind is RuleKind.SELL and rule.atoms and all(_CLOCK & {atom.left, atom.right} for atom in rule.atoms) and any(other.kind is RuleKind.SELL and other.text != rule.text for other in standing):  # fmt: skip
                yield f"bounds when it sells, and its rule is one more sale ({in_words(rule)})"


def _count(words: str) -> float:
    return float(_COUNTS.get(words.lower(), 0) or words)
