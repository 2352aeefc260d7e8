"""Sentences by their structure: clauses, each with its verb, and their parts between “and”, “or” and commas.

A part is a comparison, a gain or a loss, a time that a position was held, or a moment (a time of day, days).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from stratforge.intent.reading.tokens import Token

_ENDS = ("stop_sign", "bullet", "question")
BUYS = ("buy", "entry_label", "all_in", "entries", "no_buying", "no_more_buying")
SELLS = ("sell", "exit_label", "stop", "target", "trail")
# What begins a clause that speaks of neither side, or of a position that is held.
_NO_SIDE = ("hold", "wait", "risk", "size_word", "move_stop", "filter", "done_today", "otherwise")
_OF_A_PART = ("rest", "half", "third", "quarter")
OTHERS = (*_NO_SIDE, *_OF_A_PART)
_SEPARATES = ("and", "or", "comma", "unless", "except", "only", "open", "close", "then", "arrow", "colon")
_COMPARES = frozenset(
    ("below", "above", "at_most", "at_least", "or_less", "or_more", "cross", "upcross", "downcross", "crossover", "crossunder", "golden", "death", "fall", "rise", "has_moved", "turns", "move", "positive", "negative",
     "oversold", "overbought", "break", "breakout", "touch", "reclaim", "return", "lose", "green", "red", "bullish", "bearish", "gap_up", "gap_down", "engulfing", "lower_close", "higher_close", "lower_low", "higher_high", "new", "opposite_cross", "inside_range", "gap_filled")
)  # fmt: skip
MEASURES = frozenset(("indicator", "glued", "column", "band", "keltner", "volume", "histogram", "signal", "average", "high", "low", "trend", "sar", "k_line", "d_line", "cloud", "entry_price", "upper", "lower", "middle", "highest", "lowest", "range_high", "range_low"))  # fmt: skip
RESULTS = ("profit", "loss", "green", "red", "fall", "rise", "lose")
MOTIONS = {"return": "", "reclaim": "above", "cross": "", "rise": "above", "fall": "below", "move": "", "upcross": "above", "downcross": "below", "turns": "", "break": ""}  # fmt: skip
OPPOSITE = {"above": "below", "below": "above"}
DAYS = ("day", "weekdays")
TIMES = ("time", "morning", "afternoon")
LEADS = ("on", "at", "after", "before", "until", "from", "between", "by", "in", "no_later", "outside")


@dataclass(frozen=True)
class Part:
    """A part of a clause, between two of its joints.

    Attributes:
        joint: The kind of what joins it to the part before it: `and`, `or`, `comma`, `only`, `unless`, `except`, `then`, or nothing.
        by: The words of the joint.
        begins: Where it begins in the turn, with what joins it.
        words: Its tokens, with the place of each in the sentence.
        at_moments: The places of the sentence's tokens that say a time of day or days.
    """

    joint: str
    by: str
    begins: int
    words: tuple[tuple[int, Token], ...]
    at_moments: frozenset[int]

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its tokens that are no part of a moment."""
        return tuple(token.kind for place, token in self.words if place not in self.at_moments)

    @property
    def lead(self) -> str:
        """The kind of the token that it begins with."""
        return self.words[0][1].kind

    @property
    def when(self) -> bool:
        """True when it begins by itself: with an “if”, an “at”, an “on”, an “after”."""
        return self.lead in ("when", "at", "on", "after", "by", "with", "no_later", "at_close", "held") or self.by.endswith((" if", " when", " once"))  # fmt: skip

    @property
    def moment(self) -> bool:
        """True when it speaks of a time of day or of days."""
        return any(place in self.at_moments for place, _ in self.words)

    @cached_property
    def gain(self) -> bool:
        """True when it is so much gain or loss."""
        return any(each in ("percent", "signed", "dollars", "risks") for each in self.kinds) and not set(self.kinds) & MEASURES and any(each in ("signed", "risks", *RESULTS) for each in self.kinds)  # fmt: skip

    @cached_property
    def held(self) -> bool:
        """True when it is so long a time after the purchase."""
        return any(one in ("after", "held") and other in ("number", "half_hour", "hours", "days") for one, other in itertools.pairwise(self.kinds)) and bool({"unit", "hours", "half_hour", "days"} & set(self.kinds)) and not self.compares  # fmt: skip

    @property
    def noun(self) -> bool:
        """True when it is a gain or a loss by its name, “a 2 % loss”, or a time held: a way out by itself."""
        return self.held or (self.gain and bool({"profit", "loss", "signed", "risks"} & set(self.kinds)) and not {"it", "it_is", "i_am", "is", "position"} & set(self.kinds))  # fmt: skip

    @property
    def compares(self) -> bool:
        """True when something is compared in it."""
        return bool(_COMPARES & set(self.kinds))

    @property
    def says(self) -> bool:
        """True when it is a condition of any kind but a moment."""
        return self.compares or self.gain or self.held

    @property
    def was(self) -> bool:
        """True when it says that something was so."""
        return any(str(token.value) in ("was", "were", "had") for _, token in self.words)

    @property
    def placed(self) -> bool:
        """True when a bar or a day before this one is named."""
        return bool({"last", "final", "yesterday", "ago", "in", "for", "next_day", "next_open"} & set(self.kinds))

    @property
    def side(self) -> str:
        """The side to which it goes, `above` or `below` something; empty where it says neither, or both."""
        kinds = set(self.kinds)
        found = kinds & {"above", "below"}
        found |= found or {MOTIONS[each] for each in kinds & MOTIONS.keys()} - {""}
        return next(iter(found)) if len(found) == 1 else ""


@dataclass(frozen=True)
class Clause:
    """A verb with what belongs to it.

    Attributes:
        side: `buy`, `sell`, or empty.
        verb: Its verb.
        bound: Whether an “only” stands right before the verb.
        only: Whether an “only” ends it: “…, before noon only”.
        before: The parts before its verb.
        parts: The parts behind it.
    """

    side: str
    verb: Token
    bound: bool
    only: bool
    before: tuple[Part, ...]
    parts: tuple[Part, ...]

    @property
    def all_parts(self) -> tuple[Part, ...]:
        """Those before its verb, and those behind it."""
        return (*self.before, *self.parts)


def sentences_of(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens of a turn by sentences, lines and items of lists."""
    found = list[Token]()
    for each in tokens:
        if each.kind in _ENDS:
            yield found
            found = []
        else:
            found.append(each)
    yield found


def moments_in(tokens: Sequence[Token]) -> frozenset[int]:
    """The places of tokens that say a time of day or days, with what leads to them."""
    kinds = [each.kind for each in tokens]
    found = set[int]()
    at = 0
    while at < len(kinds):
        end = _moment(kinds, tokens, at)
        found |= set(range(at, end))
        at = max(end, at + 1)
    return frozenset(found)


def _moment(kinds: Sequence[str], tokens: Sequence[Token], at: int) -> int:
    """Where the moment ends that begins at a place; the place itself where none does."""
    lead = at
    while lead < len(kinds) and kinds[lead] in LEADS:
        lead += 1
    kind = kinds[lead] if lead < len(kinds) else ""
    if kind in DAYS or kind in TIMES:
        of = DAYS if kind in DAYS else TIMES
        end = lead + 1
        span = of is TIMES and lead > at and kinds[at] in ("between", "from", "outside")
        while end + 1 < len(kinds) and kinds[end] in ("until", *(("and",) if span or of is DAYS else ()), *(("or", "comma", "slash") if of is DAYS else ())):  # fmt: skip
            after = end + 1
            while of is DAYS and after < len(kinds) and kinds[after] in ("and", "or", "on"):
                after += 1
            if after >= len(kinds) or kinds[after] not in of:
                break
            end, span = after + 1, False
        return end
    ahead = kinds[lead + 1] if lead + 1 < len(kinds) else ""
    if kind == "number" and lead > at and kinds[lead - 1] in ("after", "before", "until") and ahead in ("", "comma", "and", "or", "when", "close", "only", *BUYS, *SELLS):  # fmt: skip
        return lead + 1
    if kind in ("first", "final") and (lead > at or str(tokens[lead].value).startswith("those") or tokens[lead - 1].value == "during"):  # fmt: skip
        count = lead + 1 + (ahead == "number")
        if count < len(kinds) and kinds[count] in ("hours", "half_hour", *(("unit",) if kind == "first" else ())):
            return count + 1
    return at


def clauses_of(tokens: Sequence[Token], moments: frozenset[int]) -> Iterator[Clause]:
    """A sentence by its verbs; what stands before its first verb belongs to that one."""
    verbs = [place for place, each in enumerate(tokens) if each.kind in (*BUYS, *SELLS, *OTHERS) or _closes(tokens, place)]  # fmt: skip
    verbs = [place for place in verbs if not (tokens[place].kind in _OF_A_PART and place and tokens[place - 1].kind in SELLS)]  # fmt: skip
    if not verbs:
        if tokens:
            yield Clause("", tokens[0], False, False, (), tuple(parts_of(tokens, 0, len(tokens), moments)))
        return
    starts = [0, *(_start(tokens, place) for place in verbs[1:])]
    for index, verb in enumerate(verbs):
        end = starts[index + 1] if index + 1 < len(verbs) else len(tokens)
        kind = tokens[verb].kind
        side = "buy" if kind in BUYS else "" if kind in _NO_SIDE else "sell"
        before = parts_of(tokens, starts[index], verb, moments)
        after = parts_of(tokens, verb + 1, end, moments)
        bound = verb > 0 and tokens[verb - 1].kind == "only"
        yield Clause(side, tokens[verb], bound, tokens[end - 1].kind == "only", tuple(before), tuple(after))


def _closes(tokens: Sequence[Token], place: int) -> bool:
    """“Close when …”."""
    return tokens[place].value == "close" and tokens[place].end - tokens[place].start == 5 and place + 1 < len(tokens) and tokens[place + 1].kind in ("when", "after") and (not place or tokens[place - 1].kind in ("and", "comma", "then"))  # fmt: skip


def _start(tokens: Sequence[Token], verb: int) -> int:
    """Where a clause begins: with how far a stop is, and with what joins it."""
    at = verb
    while at and tokens[at - 1].kind in ("percent", "number", "multiple", "atr", "not", "dollars", "only"):
        at -= 1
    return at


def parts_of(tokens: Sequence[Token], start: int, end: int, moments: frozenset[int]) -> list[Part]:
    """The parts of a stretch of a sentence, which lie between its joints."""
    found, words = list[Part](), list[tuple[int, Token]]()
    joint, by, begins = "", "", 0

    def close() -> None:
        if words:
            found.append(Part(joint, by, begins if by else words[0][1].start, tuple(words), moments))

    for place in range(start, end):
        token = tokens[place]
        if place in moments or not _joins(tokens, place, end):
            words.append((place, token))
            continue
        if words:
            close()
            joint, by, words = "", "", []
        bare = token.kind in ("or_more", "or_less")
        if joint in ("", "comma", "open") or token.kind == "or" or bare:
            joint, by, begins = "or" if bare else token.kind, str(token.value), token.start
        if bare:
            # “Or above VWAP” is a joint, and begins what it joins.
            words = [(place, replace(token, kind="above" if token.kind == "or_more" else "below"))]
    close()
    return _whole(found)


def _joins(tokens: Sequence[Token], place: int, end: int) -> bool:
    kind = tokens[place].kind
    ahead = tokens[place + 1].kind if place + 1 < end else ""
    if kind in ("or_more", "or_less"):
        # “30 or above VWAP”.
        return ahead in (*MEASURES, "number", "dollars")
    if kind == "and" and place and tokens[place - 1].kind == "number" and ahead == "number" and any(each.kind == "between" for each in tokens[max(0, place - 3) : place]):  # fmt: skip
        return False
    return kind in _SEPARATES


def _whole(parts: list[Part]) -> list[Part]:
    """The parts, each with those that say nothing by themselves: “RSI and MFI are below 30”."""
    found = list[Part]()
    for each in parts:
        apart = each.lead == "at_close" or each.joint in ("only", "unless", "except")
        if found and not apart and (not (found[-1].says or found[-1].moment) or not (each.says or each.moment)):
            last = found.pop()
            each = Part(last.joint, last.by, last.begins, (*last.words, *each.words), each.at_moments)
        found.append(each)
    return found
