"""Divides a turn into the words that speak of buying and those that speak of selling: clauses, each of the side that its own words name, or of the one it goes on with."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import lru_cache

from stratforge.intent.lexicon import BUYS, ONLY, SELLS
from stratforge.intent.rules import RuleKind

_I = re.IGNORECASE
# In, out and the like are a side only where they stand for a verb.
_INTO = re.compile(
    rf"{BUYS.pattern}|\b(?:(?:get|gets|getting|go|goes|going|come|jump) (?:back )?in(?:to)?|(?:back |again )?in(?=\s*(?:[,;.]|$|when\b|if\b|again\b))|gets? (?:it|me|us|some)\b|gimme|grab\w*|pick (?:\w+ )?up|pick|accumulate|hop on|add(?=\s+(?:@|[A-Z]{1, 5}\b|it|some|shares))|einsteigen|steige?n? (?:in \w+ )?ein|rein|entr(?:e|a|ar|ez|er)\b|take (?:a )?(?:long|position))",
    _I,
)
_OUT = re.compile(
    rf"{SELLS.pattern}|\b(?:clos(?:e|es|ed|ing) (?:it|out|(?:the |my |any |all )*(?:longs?|positions?|trades?|shares?)\b|my|all|every\w*)|closed(?= when\b| if\b| at\b)|(?:get|gets|getting|go|goes|come|cash|bail|be)(?: me)? (?:back )?out|out(?=\s*(?:[,;.]|$|when\b|if\b|at\b|above\b|over\b|below\b|under\b|rsi\b|again\b))|take (?:it|them|the position|profits?) (?:off|out)|take profits?|flat(?:ten)?\b|leaves?\b|offload\w*|off-load|unload\w*|dump\w*|ditch\w*|liquidat\w*|bail|unwind|trim\w*|distribut\w*|hop off|let (?:it |them )?go|get rid|dispose|lock in|(?:to|in|and) cash\b(?! (?:is|are|above|below|over|under|of|balance))|stop[- ]?loss\w*|trailing stop\w*|stops? (?:at|of)|\d ?%? stops?\b|tp\b|sl\b|profit targets?|salga\w*|sale[ns]?\b|salir|cierr\w*|cerr\w*|sort(?:ir|ez|s)\b|aus(?=\s*(?:wenn|bei|$|,))|aussteigen|steige?n? aus|verlass\w*|raus)",
    _I,
)
_CLAUSE = re.compile(
    r"[;!?]|[.,:](?=\s|$)|[。；！？，、\n]|\b(?:and|but|then|otherwise|else|with|und|aber|dann|y|pero|et|mais|puis)\b|\bor(?= (?:when|if|sell|buy|exit))|/(?=\s*(?:sell|buy|exit|out))",
    _I,
)
_LEADS = re.compile(
    r"^\W*(?:\w+:\s*)?(?:when(?:ever)?|if|once|as soon as|at|below|above|under|over|wenn|falls|bei|cuando|si|quand|lorsque)\b",
    _I,
)
_CONDITION = re.compile(
    r"\b(?:when(?:ever)?|if|once|as soon as|at|above|below|over|under|wenn|falls|sobald|cuando|si|quand|lorsque)\b|[<>]|\d",
    _I,
)
# Buying and selling as what something else is measured from.
_NOUN = re.compile(
    r"\b(?:since|after|from|before|below|above|per|of|each|every|the|an?|my|its|seit|nach|dem|der|desde|la|depuis|l['’])\s*(?:the |an? |my |its |dem |der |la |every |each )?(?:purchase|entry|buy(?:ing)?|bought|sale|selling|exit|kauf|verkauf|compra|venta|achat|vente)\b(?: price)?(?! (?:when|if|signal|rule|is|at|condition))",
    _I,
)
_GOES_ON = re.compile(
    r"^\W*(?:and|or|und|oder|y|o|et|ou)\s+(?:(?:the|its|a|is|it|are|has|when|if|last|previous|current|this|der|die|das|el|la|le)\s+)*(?:rsi|mfi|cci|adx|macd|sma|ema|vwap|price|close|volume|bar|candle|trend|[+-]? ?di|stoch\w*|\d|[<>]|above|below|over|under|rising|falling|positive|negative)",
    _I,
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A clause of a turn and its side, None where that is not plain; `own` when its own words say so, or it plainly goes on with the clause before."""

    start: int
    end: int
    side: RuleKind | None
    own: bool = True


def names_a_side(text: str) -> bool:
    """Says whether any word of a text is about buying or selling."""
    return _own(text) is not None


@lru_cache(128)
def stretches_of(turn: str) -> tuple[Stretch, ...]:
    """The clauses of a turn, in their order, each with its side."""
    bounds = [0, *(match.start() for match in _CLAUSE.finditer(turn)), len(turn)]
    clauses = [(start, end) for start, end in itertools.pairwise(bounds) if turn[start:end].strip(" ,.;")]
    sides = [_own(turn[start:end]) for start, end in clauses]
    found = list[Stretch]()
    before: RuleKind | None = None
    for index, (start, end) in enumerate(clauses):
        text, side = turn[start:end], sides[index]
        if isinstance(side, list):
            # Both are named: each word speaks of what comes after it.
            begins = [start + at for at, _ in side]
            if start < begins[0]:
                found.append(Stretch(start, begins[0], before, own=False))
            found += [
                Stretch(at, stop, which) for at, stop, (_, which) in zip(begins, [*begins[1:], end], side, strict=True)
            ]
            before = side[-1][1]
            continue
        # "Entry: RSI below 30": what is named before a colon is what it says.
        named = bool(found) and found[-1].own and text.lstrip().startswith(":")
        own = side is not None or named or bool(_GOES_ON.search(text))
        if side is None:
            after = turn[slice(*clauses[index + 1])] if index + 1 < len(clauses) else "."
            following = sides[index + 1] if not re.match(r"\s*[.;!?。；]", after) else None
            led = (
                re.match(r"\s*,", text)
                and found
                and found[-1].own
                and not _CONDITION.search(turn[found[-1].start : start])
            )
            if ONLY.search(text):
                own = False
            elif named:
                side = before
            elif _LEADS.search(text) and led:
                side, own = before, True
            elif _LEADS.search(text) and isinstance(following, RuleKind) and not _CONDITION.search(after):
                side, own = following, True
            else:
                side = before
        else:
            before = side
        found.append(Stretch(start, end, side, own))
    return tuple(found)


def _own(text: str) -> RuleKind | list[tuple[int, RuleKind]] | None:
    """The side that a clause names; where it names both, each word's place."""
    text = _NOUN.sub(lambda match: " " * len(match[0]), text)
    named = sorted(
        [(match.start(), RuleKind.BUY) for match in _INTO.finditer(_OUT.sub(lambda each: " " * len(each[0]), text))]
        + [(match.start(), RuleKind.SELL) for match in _OUT.finditer(text)]
    )
    sides = {side for _, side in named}
    if len(sides) == 1:
        return named[0][1]
    return named or None
