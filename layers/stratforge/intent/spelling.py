"""Finds names that may be misspelt, and reads words that are said to be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from stratforge.intent.elements import elements_of
from stratforge.intent.lexicon import BUYS, DOWN, NEGATED, SELLS, UP
from stratforge.intent.measures import holds, texts
from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import Rule
from stratforge.intent.turns import plain_words

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
