"""Compares the side of each rule, buying or selling, with the words it is read from, and finds names that may be misspelt.

A request whose “buy” is misspelt or missing (“by AAPL when the RSI is over 30 sell under 70”) can be read with both conditions at the other side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from stratforge.intent.elements import Kind, elements_of
from stratforge.intent.lexicon import BUY, BUYS, DOWN, NEGATED, ONLY, SELLS, TO_THE_EXIT, UP
from stratforge.intent.measures import holds, near, texts
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import TURNED, Rule, RuleKind, numbers_in_text
from stratforge.intent.turns import Spans, plain_words

_SENTENCE = re.compile(r"[.;!?](?=\s|$)|[。；！？\n]")
# Names of indicators that a misspelt word may mean: those that are compared with numbers.
_COMPARED = ("rsi", "mfi", "cci", "adx", "macd", "roc", "cmo", "stoch", "willr", "stochrsi", "vwap")
_WORDS = frozenset({"add", "ads", "rock", "row", "mac", "stock", "will", "via", "rich", "risk", "so", "is"})
_COMPARISON = re.compile(
    r"\s*(?:\(\d+\)\s*)?(?:[^\W\d]+(?:['’]t)?\s+){0,3}(?:[<>≤≥]|(?:above|below|over|under|less|more|greater|lower|higher)\b|\d)",
    re.IGNORECASE,
)
_COMPARED_WITH = re.compile(r"(?:[<>≤≥]|\b(?:above|below|over|under|than|through)\b)\s*(?:the\s+)?$", re.IGNORECASE)
_READ_AS = re.compile(r"“([^\W\d_]{2,20})” is read as “([^\W\d_]{2,20})”")


def side_findings(
    turns: Sequence[str], requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]], spans: Spans
) -> Iterator[str]:
    """Finds rules that buy by words which only speak of selling, and the other way round.

    Args:
        turns: The person's words, turn by turn.
        requirements: What they are said to ask for.
        rules: The rules of each requirement.
        spans: Where each requirement's quotation stands in each turn.
    """
    for each, of_it, places in zip(requirements, rules, spans, strict=True):
        sides: set[RuleKind] = {rule.kind for rule in of_it if rule.kind in (RuleKind.BUY, RuleKind.SELL)}
        if each.status in (Status.KEPT, Status.SUPERSEDED) or not sides:
            continue
        found = set[str]()
        for turn, stretches in zip(turns, places, strict=True):
            for start, end in stretches:
                found |= set(_in_stretch(turn, start, end, of_it, sides))
        for problem in sorted(found):
            yield f"“{each.quote[:80]}” {problem}"


def _in_stretch(turn: str, start: int, end: int, rules: Sequence[Rule], sides: set[RuleKind]) -> Iterator[str]:
    if len(sides) == 1 and not any(each.kind is RuleKind.DROP for each in rules):
        (side,) = sides
        said = _side(turn, start)
        own = BUY if side is RuleKind.BUY else TO_THE_EXIT
        if (
            said is not None
            and said is not side
            and not own.search(turn[start:end])
            and not ONLY.search(turn[start:end])
        ):
            yield f"belongs to what is {_done(said)}, and its rule {side.value.split()[0]}s ({texts(rules)})."
    for element in elements_of(turn[start:end]):
        if element.kind is not Kind.NUMBER:
            continue
        holders = {
            each.kind
            for each in rules
            if each.kind in (RuleKind.BUY, RuleKind.SELL) and any(near(element.value, one) for one in each.numbers)
        }
        said = _side(turn, start + element.start)
        # A way out may be said in any words; buying by the words of a sale is what nobody means.
        if said is RuleKind.SELL and holders and said not in holders:
            yield f"says {element.text} of what is {_done(said)}, and its rule does not ({texts(rules)})."
    yield from _ways(turn, start, end, rules)


def _ways(turn: str, start: int, end: int, rules: Sequence[Rule]) -> Iterator[str]:
    """Above and below a number, each at the side that its words are on."""
    for match in re.finditer(f"{UP.pattern}|{DOWN.pattern}", turn[start:end], re.IGNORECASE):
        at = start + match.start()
        said = _side(turn, at)
        number = re.match(
            r"\s*(?:the\s+)?(\d+(?:\.\d+)?)(?![\d\w:-]|\s*(?:bar|day|minute|period|sma|ema|ma\b))",
            turn[start + match.end() :],
            re.IGNORECASE,
        )
        if said is None or number is None or NEGATED.search(_clause(turn, at)):
            continue
        level = float(number[1])
        signs = {
            sign
            for rule in rules
            if rule.kind is said
            for atom in rule.atoms
            for side, sign in ((atom.right, atom.operator), (atom.left, TURNED[atom.operator]))
            if any(near(level, one) for one in numbers_in_text(side))
        }
        right = {">", ">="} if UP.fullmatch(match[0]) else {"<", "<="}
        if signs and signs.isdisjoint(right):
            yield f"says “{match[0]} {number[1]}” of what is {_done(said)}, and its rule compares the other way ({texts(rules)})."


def _done(side: RuleKind) -> str:
    return "bought" if side is RuleKind.BUY else "sold"


def _clause(turn: str, at: int) -> str:
    return re.split(r"[,;:.!?](?=\s)|，|。|；|\band\b|\bor\b|\bwhen\b|\bif\b", turn[:at])[-1]


def _side(turn: str, at: int) -> RuleKind | None:
    """The side of a place: that of the last word before it, unless a word of the other side stands between it and the sentence's end."""
    begin = max((match.end() for match in _SENTENCE.finditer(turn, 0, at)), default=0)
    stop = _SENTENCE.search(turn, at)
    end = stop.start() if stop else len(turn)
    last = max(
        ((match.start(), match.end(), side) for side, words in ((RuleKind.BUY, BUYS), (RuleKind.SELL, SELLS)) for match in words.finditer(turn, begin, at)),
        default=None,
    )  # fmt: skip
    if last is None or ONLY.search(turn, last[1], at):
        return None
    other = BUY if last[2] is RuleKind.SELL else TO_THE_EXIT
    return None if other.search(turn, last[1], end) else last[2]


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
        if near_enough and not any(each.search(wrong) for each in (UP, DOWN, BUYS, SELLS, NEGATED)):
            text = re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", meant, text, flags=re.IGNORECASE)
    return text


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
