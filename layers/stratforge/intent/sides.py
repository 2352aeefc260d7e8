"""Compares the side of each rule, buying or selling, with the words it is read from, and finds names that may be misspelt.

A request whose “buy” is misspelt or missing (“by AAPL when the RSI is over 30 sell under 70”) can be read with both conditions at the other side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from stratforge.intent.contraries import COMBINED, contrary_to
from stratforge.intent.elements import Kind, elements_of
from stratforge.intent.lexicon import BUY, BUYS, DOWN, NEGATED, ONLY, SELLS, TO_THE_EXIT, UP
from stratforge.intent.measures import forms_of, holds, near, texts
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import EXIT_KINDS, Rule, RuleKind
from stratforge.intent.stretches import names_a_side, stretches_of
from stratforge.intent.turns import Spans, plain_words

# Names of indicators that a misspelt word may mean: those that are compared with numbers.
_COMPARED = ("rsi", "mfi", "cci", "adx", "macd", "roc", "cmo", "stoch", "willr", "stochrsi", "vwap")
_WORDS = frozenset({"add", "ads", "rock", "row", "mac", "stock", "will", "via", "rich", "risk", "so", "is"})
_COMPARISON = re.compile(
    r"\s*(?:\(\d+\)\s*)?(?:[^\W\d]+(?:['’]t)?\s+){0,3}(?:[<>≤≥]|(?:above|below|over|under|less|more|greater|lower|higher)\b|\d)",
    re.IGNORECASE,
)
_COMPARED_WITH = re.compile(r"(?:[<>≤≥]|\b(?:above|below|over|under|than|through)\b)\s*(?:the\s+)?$", re.IGNORECASE)
_READ_AS = re.compile(r"“([^\W\d_]{2,20})” is read as “([^\W\d_]{2,20})”")


# Words that are spelled as they are meant, and near to others of another meaning.
_SAYS_SOMETHING = re.compile(
    r"loss|less|lose|lost|last|least|most|more|must|low|lower|lowest|long|longs|in|on|out|up|down|high|higher|highest|rise|rises|rising|raise|fall|falls|falling|fails|"
    r"(?:in|de)creas\w*|(?:a|de)scend\w*|(?:up|down)trend|(?:un)?(?:equal|profitable)|(?:win|los)(?:ning|ing|ner|er)s?|gain\w*|open|close|closed|first|next|best|worst|even|odd|"
    r"inside|outside|before|after|bullish|bearish|overbought|oversold|positive|negative|red|green|and|all|any|each|every|some|none|nobody|nothing|only",
)


def side_findings(
    turns: Sequence[str],
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    spans: Spans,
    assumptions: Sequence[str] = (),
) -> Iterator[str]:
    """Finds rules that buy by words which only speak of selling, and the other way round.

    Args:
        turns: The person's words, turn by turn.
        requirements: What they are said to ask for.
        rules: The rules of each requirement.
        spans: Where each requirement's quotation stands in each turn.
        assumptions: What the answer says it decided by itself, such as a proposal that was chosen.
    """
    told = any(BUYS.search(each) and SELLS.search(each) for each in assumptions)
    for each, of_it, places in zip(requirements, rules, spans, strict=True):
        sides: set[RuleKind] = {rule.kind for rule in of_it if rule.kind in (RuleKind.BUY, RuleKind.SELL)}
        dropping = any(rule.kind is RuleKind.DROP for rule in of_it)
        if each.status in (Status.KEPT, Status.SUPERSEDED) or not sides or dropping:
            continue
        found = set[str]()
        plain = each.status is Status.COVERED and len(sides) == 2
        if plain and not told and not any(map(_tells_sides, turns)):
            found.add(
                f"does not say what is bought by and what is sold by, and its rules do ({texts(of_it)}): ask, or call it assumed and say how it is read."
            )
        for turn, stretches in zip(turns, places, strict=True):
            for start, end in stretches:
                found |= set(_in_stretch(turn, start, end, of_it, sides))
        for problem in sorted(found):
            yield f"“{each.quote[:80]}” {problem}"


def _tells_sides(turn: str) -> bool:
    """Whether a turn names a side, or both as in “RSI 30/70”."""
    return names_a_side(turn) or bool(re.search(r"\d\s*[/-]\s*\d", turn))


def _in_stretch(turn: str, start: int, end: int, rules: Sequence[Rule], sides: set[RuleKind]) -> Iterator[str]:
    stretches = [
        (max(start, each.start), min(end, each.end), each)
        for each in stretches_of(turn)
        if each.start < end and start < each.end
    ]
    if len(sides) == 1 and stretches:
        (side,) = sides
        said = stretches[0][2].side
        own = BUY if side is RuleKind.BUY else TO_THE_EXIT
        if (
            said is not None
            and all(each.side in (said, None) for _, _, each in stretches)
            and said is not side
            and not own.search(turn[start:end])
            and not ONLY.search(turn[start:end])
        ):
            yield f"belongs to what is {_done(said)}, and its rule {side.value.split()[0]}s ({texts(rules)})."
    for side in (RuleKind.BUY, RuleKind.SELL):
        words = [turn[first:last] for first, last, each in stretches if each.side is side and each.own]
        mine = [each for each in rules if _side_of(each) is side or each.kind in EXIT_KINDS]
        for text in words:
            yield from _numbers(text, side, rules)
            for problem in contrary_to(text, mine, turn):
                yield f"{problem} ({texts(mine)})."
    match = COMBINED.search(turn, start, end)
    if match and not any(re.search(r" [+/*-] ", atom.text) for rule in rules for atom in rule.atoms):
        yield f"speaks of “{match[0]}”, and its rules do not compute that ({texts(rules)})."


def explained_otherwise(explanation: str, rules: Sequence[Rule]) -> Iterator[str]:
    """Finds what an explanation says of buying or selling otherwise than the rules; what it says that is nowhere is found by `unfounded`."""
    for each in stretches_of(explanation):
        text = explanation[each.start : each.end]
        mine = [rule for rule in rules if _side_of(rule) is each.side]
        if each.side is None or not each.own or not mine:
            continue
        for problem in (*_numbers(text, each.side, rules), *contrary_to(text, mine, explanation)):
            yield f"The explanation {problem.removesuffix('.')}: “{text.strip(' ,.;:')[:120]}”."


def _side_of(rule: Rule) -> RuleKind | None:
    return {RuleKind.BUY: RuleKind.BUY, RuleKind.ONLY: RuleKind.BUY, RuleKind.SELL: RuleKind.SELL}.get(rule.kind)


def _numbers(text: str, side: RuleKind, rules: Sequence[Rule]) -> Iterator[str]:
    """Numbers, times and days that this side speaks of and only the other side's rules have."""
    for element in elements_of(text, Kind.NUMBER, Kind.TIME, Kind.DAY):
        forms = forms_of(element) if element.kind is Kind.NUMBER else {element.value}
        about = [each for each in rules if element.kind is not Kind.DAY or "weekday" in each.text]
        holders = {_side_of(each) for each in about if any(near(form, one) for form in forms for one in each.numbers)}
        # Monday is 0, which stands for much else.
        if element.kind is Kind.DAY and not element.value:
            holders = {_side_of(each) for each in about if re.search(r"weekday \S+ 0\b", each.text)}
        if holders and not holders & {side, None}:
            yield f"says {element.text} of what is {_done(side)}, and its rule does not ({texts(rules)})."


def _done(side: RuleKind) -> str:
    return "bought" if side is RuleKind.BUY else "sold"


def misspelt(
    requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]], assumptions: Sequence[str]
) -> Iterator[str]:
    """Finds words that are compared with something and are one letter from an indicator that their rules do not have."""
    told = plain_words(" ".join(assumptions))
    for each, of_it in zip(requirements, rules, strict=True):
        for match in re.finditer(r"(?<![\w/.])[A-Za-z]{2,8}(?![\w/])", each.quote):
            word = match[0].lower()
            meant = near_indicator(word)
            if (
                meant is not None
                and is_compared(each.quote, *match.span())
                and not holds(texts(of_it), meant, word)
                and any(rule.condition is not None for rule in of_it)
                and f"“{word}”" not in told
            ):
                yield f"“{match[0]}” (in “{each.quote[:80]}”) may be {meant.upper()}, misspelt: ask, or say in assumptions how “{match[0]}” is read."


def near_indicator(word: str) -> str | None:
    """The indicator that a word is one letter from: one too many, one missing, another one, or two exchanged; None if it is one itself."""
    if word in _COMPARED or word in _WORDS or not word.isalpha():
        return None
    return next((each for each in _COMPARED if one_letter_apart(word, each)), None)


def is_compared(text: str, start: int, end: int) -> bool:
    """Says whether the word between two places of a text is compared with something by the words around it."""
    return bool(_COMPARISON.match(text, end) or _COMPARED_WITH.search(text, 0, start))


def respelled(text: str, assumptions: Sequence[str]) -> str:
    """A text as it is meant, where the assumptions say of a word that it is misspelt; only a word that is near can be meant."""
    for wrong, meant in _READ_AS.findall(" ".join(assumptions)):
        near_enough = (
            one_letter_apart(wrong.lower(), meant.lower())
            or SequenceMatcher(None, wrong.lower(), meant.lower()).ratio() >= 0.75
        )
        if near_enough and _may_be_misspelt(wrong.lower(), meant.lower()):
            text = re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", meant, text, flags=re.IGNORECASE)
    return text


def _may_be_misspelt(wrong: str, meant: str) -> bool:
    """Whether a word may be another one, misspelt: it says nothing by itself, and is not that word with or without a beginning that turns it round."""
    if (
        elements_of(wrong)
        or _SAYS_SOMETHING.fullmatch(wrong)
        or any(each.search(wrong) for each in (UP, DOWN, BUYS, SELLS, NEGATED))
    ):
        # One of two days written as the other's plural is the same day.
        return [each.value for each in elements_of(wrong)] == [each.value for each in elements_of(meant)] != []
    doubled = wrong[:2] == wrong[:1] * 2
    return wrong[:1] == meant[:1] or doubled or sorted(wrong) == sorted(meant)


def one_letter_apart(one: str, other: str) -> bool:
    """Says whether two words differ by one letter that is missing, in addition, or another, or by two that are exchanged."""
    if one[:1] != other[:1] and sorted(one) != sorted(other) and len(one) == len(other):
        return False
    if len(one) == len(other):
        differ = [index for index in range(len(one)) if one[index] != other[index]]
        exchanged = len(differ) == 2 and differ[1] == differ[0] + 1 and sorted(one) == sorted(other)
        return len(differ) == 1 or exchanged
    short, long = sorted((one, other), key=len)
    return len(long) - len(short) == 1 and any(long[:index] + long[index + 1 :] == short for index in range(len(long)))
