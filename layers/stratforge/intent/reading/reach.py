"""How far words reach, by the structure of a sentence: which side it speaks of, what its parts are, and what joins them.

A sentence is divided into clauses, each with its verb, and a clause into parts at “and”, “or” and commas. A part is a comparison, a gain or a loss, a time that a
position was held, or a moment (a time of day, days). Of some arrangements of these it is open how far a part reaches, in whichever words they are said; these are
asked about.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from stratforge.intent.reading.tokens import Token, tokens_of

ANOTHER_WAY = "Is it one more condition, or another way in or out by itself?"
AT_OTHER_TIMES = "Has the other condition to hold then too, and what holds at other times?"
OF_THE_SALE = "Does it bound the sale, or buying?"
UNTIL_OR_AT = "Is it sold only before then, or at that time at the latest?"
BOTH_OR_EITHER = "Both of them, or one of them?"
ORDER = "Both at the same bar, or one after the other, and within how many bars?"
WAITS = "Has the position to be held so long at least, or is buying to wait?"
SHARE_OR_ALL = "Is that so many dollars a share, or of the whole position?"

_ENDS = ("stop_sign", "bullet", "question")
_BUYS = ("buy", "entry_label", "all_in", "entries", "no_buying", "no_more_buying")
_SELLS = ("sell", "exit_label", "stop", "target", "trail")
# What begins a clause that speaks of neither side, or of a position that is held.
_OTHERS = ("hold", "wait", "risk", "size_word", "move_stop", "filter", "rest", "half", "third", "quarter", "done_today", "otherwise")  # fmt: skip
_SEPARATES = ("and", "or", "comma", "unless", "except", "only", "open", "close", "then", "arrow", "colon")
_COMPARES = frozenset(
    ("below", "above", "at_most", "at_least", "or_less", "or_more", "cross", "upcross", "downcross", "crossover", "crossunder", "golden", "death", "fall", "rise", "has_moved", "turns", "move", "positive", "negative",
     "oversold", "overbought", "break", "breakout", "touch", "reclaim", "return", "lose", "green", "red", "bullish", "bearish", "gap_up", "gap_down", "engulfing", "lower_close", "higher_close", "lower_low", "higher_high", "new", "opposite_cross", "inside_range", "gap_filled")
)  # fmt: skip
_MEASURES = frozenset(("indicator", "glued", "column", "band", "keltner", "volume", "histogram", "signal", "average", "high", "low", "trend", "sar", "k_line", "d_line", "cloud", "entry_price", "upper", "lower", "middle", "highest", "lowest", "range_high", "range_low"))  # fmt: skip
_RESULTS = ("profit", "loss", "green", "red", "fall", "rise", "lose")
_MOTIONS = {"return": "", "reclaim": "above", "cross": "", "rise": "above", "fall": "below", "move": "", "upcross": "above", "downcross": "below", "turns": "", "break": ""}  # fmt: skip
_MOVES = _MOTIONS.keys() | {"lose", "touch", "has_moved", "profit", "loss"}
_OPPOSITE = {"above": "below", "below": "above"}
_DAYS = ("day", "weekdays")
_TIMES = ("time", "morning", "afternoon")
_LEADS = ("on", "at", "after", "before", "until", "from", "between", "by", "in", "no_later", "outside")
_COUNTS = ("unit", "hours")


@dataclass(frozen=True)
class Part:
    """What stands between two joints of a clause.

    Attributes:
        joint: What joins it to the part before it: `and`, `or`, `comma`, `only`, `unless`, `except`, or nothing.
        by: The words of the joint.
        begins: Where it begins in the turn, with what joins it.
        words: Its tokens, with the place of each in the sentence.
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
        """Whether it begins by itself: with an “if”, an “at”, an “on”, an “after”."""
        return self.lead in ("when", "at", "on", "after", "by", "with", "no_later", "at_close", "held") or self.by.endswith((" if", " when", " once"))  # fmt: skip

    @property
    def moment(self) -> bool:
        """Whether it speaks of a time of day or of days."""
        return any(place in self.at_moments for place, _ in self.words)

    @cached_property
    def gain(self) -> bool:
        """Whether it is so much gain or loss."""
        return any(each in ("percent", "signed", "dollars", "risks") for each in self.kinds) and not set(self.kinds) & _MEASURES and any(each in ("signed", "risks", *_RESULTS) for each in self.kinds)  # fmt: skip

    @cached_property
    def held(self) -> bool:
        """Whether it is so long a time after the purchase."""
        return any(one in ("after", "held") and other in ("number", "half_hour", "hours", "days") for one, other in itertools.pairwise(self.kinds)) and bool({"unit", "hours", "half_hour", "days"} & set(self.kinds)) and not self.compares  # fmt: skip

    @property
    def noun(self) -> bool:
        """Whether it is a gain or a loss by its name, “a 2 % loss”, or a time held: a way out by itself."""
        return self.held or (self.gain and bool({"profit", "loss", "signed", "risks"} & set(self.kinds)) and not {"it", "it_is", "i_am", "is", "position"} & set(self.kinds))  # fmt: skip

    @property
    def compares(self) -> bool:
        """Whether something is compared."""
        return bool(_COMPARES & set(self.kinds))

    @property
    def says(self) -> bool:
        """Whether it is a condition of any kind but a moment."""
        return self.compares or self.gain or self.held

    @property
    def was(self) -> bool:
        """Whether something was so."""
        return any(str(token.value) in ("was", "were") for _, token in self.words)

    @property
    def placed(self) -> bool:
        """Whether a bar or a day before this one is named."""
        return bool({"last", "final", "yesterday", "ago", "in", "for", "next_day"} & set(self.kinds))

    @property
    def side(self) -> str:
        """Whether it goes above something or below it; empty where it says neither, or both."""
        kinds = set(self.kinds)
        found = {each for each in ("above", "below") if each in kinds}
        found |= found or {_MOTIONS[each] for each in kinds & _MOTIONS.keys()} - {""}
        return next(iter(found)) if len(found) == 1 else ""


@dataclass(frozen=True)
class Clause:
    """A verb with what belongs to it.

    Attributes:
        side: `buy`, `sell`, or empty.
        verb: Its verb.
        bound: Whether an “only” stands right before the verb.
        before: The parts before its verb.
        parts: The parts behind it.
    """

    side: str
    verb: Token
    bound: bool
    before: tuple[Part, ...]
    parts: tuple[Part, ...]


def reaches_in(turn: str) -> list[tuple[int, int, str]]:
    """The words of a turn of which it is open how far they reach: where they begin and end, with what there is to ask.

    Args:
        turn: The person's words, with straight apostrophes.
    """
    return list(_reaches(turn))


@lru_cache(256)
def _reaches(turn: str) -> tuple[tuple[int, int, str], ...]:
    found = dict[tuple[int, int, str], None]()
    tokens = tokens_of(turn)
    # Of one share both are the same.
    single = any(each.kind == "shares" and each.value == 1 for each in tokens)
    for sentence in _sentences(tokens):
        moments = _moments(sentence)
        for clause in _clauses(sentence, moments):
            for rule in (_bounds_of_sales, _ways_joined, _moments_beside, _one_after_another, _motions_back):
                found |= dict.fromkeys(rule(clause))
            found |= dict.fromkeys(() if single else _dollars(clause))
        found |= dict.fromkeys(_two_purchases(sentence, moments))
        found |= dict.fromkeys((*_denied(sentence, moments), *_waits(sentence)))
    return tuple(found)


def _sentences(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    found = list[Token]()
    for each in tokens:
        if each.kind in _ENDS:
            yield found
            found = []
        else:
            found.append(each)
    yield found


def _moments(tokens: Sequence[Token]) -> frozenset[int]:
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
    while lead < len(kinds) and kinds[lead] in _LEADS:
        lead += 1
    kind = kinds[lead] if lead < len(kinds) else ""
    if kind in _DAYS or kind in _TIMES:
        of = _DAYS if kind in _DAYS else _TIMES
        end = lead + 1
        span = of is _TIMES and lead > at and kinds[at] in ("between", "from", "outside")
        while end + 1 < len(kinds) and kinds[end] in ("until", *(("and",) if span or of is _DAYS else ()), *(("or", "comma", "slash") if of is _DAYS else ())):  # fmt: skip
            after = end + 1
            while of is _DAYS and after < len(kinds) and kinds[after] in ("and", "or", "on"):
                after += 1
            if after >= len(kinds) or kinds[after] not in of:
                break
            end, span = after + 1, False
        return end
    ahead = kinds[lead + 1] if lead + 1 < len(kinds) else ""
    if kind == "number" and lead > at and kinds[lead - 1] in ("after", "before", "until") and ahead in ("", "comma", "and", "or", "when", "close", "only", *_BUYS, *_SELLS):  # fmt: skip
        return lead + 1
    if kind in ("first", "final") and (lead > at or str(tokens[lead].value).startswith("those") or tokens[lead - 1].value == "during"):  # fmt: skip
        count = lead + 1 + (ahead == "number")
        if count < len(kinds) and kinds[count] in ("hours", "half_hour", *(("unit",) if kind == "first" else ())):
            return count + 1
    return at


def _clauses(tokens: Sequence[Token], moments: frozenset[int]) -> Iterator[Clause]:
    """A sentence by its verbs; what stands before its first verb belongs to that one."""
    verbs = [place for place, each in enumerate(tokens) if each.kind in (*_BUYS, *_SELLS, *_OTHERS) or _closes(tokens, place)]  # fmt: skip
    verbs = [place for place in verbs if not (tokens[place].kind in ("rest", "half", "third", "quarter") and place and tokens[place - 1].kind in _SELLS)]  # fmt: skip
    if not verbs:
        if tokens:
            yield Clause("", tokens[0], False, (), tuple(_parts(tokens, 0, len(tokens), moments)))
        return
    starts = [0, *(_start(tokens, place) for place in verbs[1:])]
    for index, verb in enumerate(verbs):
        end = starts[index + 1] if index + 1 < len(verbs) else len(tokens)
        kind = tokens[verb].kind
        side = "buy" if kind in _BUYS else "" if kind in _OTHERS[:-8] or kind in ("done_today", "otherwise", "filter") else "sell"  # fmt: skip
        before = _parts(tokens, starts[index], verb, moments)
        after = _parts(tokens, verb + 1, end, moments)
        bound = verb > 0 and tokens[verb - 1].kind == "only"
        yield Clause(side, tokens[verb], bound, tuple(before), tuple(after))


def _closes(tokens: Sequence[Token], place: int) -> bool:
    """“Close when …”."""
    return tokens[place].value == "close" and tokens[place].end - tokens[place].start == 5 and place + 1 < len(tokens) and tokens[place + 1].kind in ("when", "after") and (not place or tokens[place - 1].kind in ("and", "comma", "then"))  # fmt: skip


def _start(tokens: Sequence[Token], verb: int) -> int:
    """Where a clause begins: with how far a stop is, and with what joins it."""
    at = verb
    while at and tokens[at - 1].kind in ("percent", "number", "multiple", "atr", "not", "dollars", "only"):
        at -= 1
    return at


def _parts(tokens: Sequence[Token], start: int, end: int, moments: frozenset[int]) -> list[Part]:
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
        return ahead in (*_MEASURES, "number", "dollars")
    if kind == "and" and place and tokens[place - 1].kind == "number" and ahead == "number" and any(each.kind == "between" for each in tokens[max(0, place - 3) : place]):  # fmt: skip
        return False
    return kind in _SEPARATES


def _whole(parts: list[Part]) -> list[Part]:
    """The parts, each with those that say nothing by themselves: “RSI and MFI are below 30”."""
    found = list[Part]()
    for each in parts:
        if found and (not (found[-1].says or found[-1].moment) or not (each.says or each.moment)) and each.joint not in ("only", "unless", "except"):  # fmt: skip
            last = found.pop()
            each = Part(last.joint, last.by, last.begins, (*last.words, *each.words), each.at_moments)
        found.append(each)
    return found


def _doubt(part: Part, asks: str, *, of_moment: bool = False) -> tuple[int, int, str]:
    words = [token for place, token in part.words if not of_moment or place in part.at_moments]
    return words[0].start, words[-1].end, asks


def _bounds_of_sales(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“Sell when RSI > 60, only after 14:00”, “before 12:00 sell when …”: of the sale, or of buying?"""
    if clause.side != "sell":
        return
    for index, each in enumerate(clause.parts):
        tokens = [token for _, token in each.words]
        named = {one.kind for part in clause.parts[max(0, index - 1) : index + 1] for _, one in part.words} & {
            "trade",
            "trades",
        }
        for number, (place, token) in enumerate(each.words):
            starts = place in each.at_moments and (not number or each.words[number - 1][0] not in each.at_moments)
            if named or not (
                starts
                or (token.kind in _LEADS and place not in each.at_moments)
                or token.value in ("in profit", "in loss")
            ):
                continue
            before = tokens[number - 1] if number else None
            denied = before is not None and before.kind == "not" and str(before.value) not in ("isn't", "is not") and not (number > 1 and tokens[number - 2].kind in ("it", "it_is", "is"))  # fmt: skip
            bounded = number == 0 and (each.joint == "only" or each.by in ("but not", "but never"))
            alone = index == 0 and number - denied == 0
            if (denied or bounded or str(token.value).startswith(("not ", "no earlier"))) and not alone:
                start = each.begins if bounded else (before if before and denied else token).start
                yield start, tokens[-1].end, OF_THE_SALE
            elif starts and clause.verb.kind == "stop" and index == 0:
                yield token.start, tokens[-1].end, OF_THE_SALE
    if clause.verb.kind == "stop" and (
        but := next((each for each in clause.parts[1:2] if each.joint == "unless"), None)
    ):
        yield _doubt(but, OF_THE_SALE)
    for each in (*clause.before, *clause.parts):
        place = next((place for place, _ in each.words if place in each.at_moments), None)
        alone = each in clause.parts[:1] and each.words[0][0] == place and "flat" not in str(clause.verb.value)
        if place is None or not (alone or any(one.says for one in (*clause.before, *clause.parts))):
            continue
        token = next(token for at, token in each.words if at == place)
        before = next((one.kind for at, one in each.words if at == place - 1), "")
        if (
            token.kind in ("before", "until")
            and each.joint not in ("except", "unless")
            and before not in ("it", "it_is", "is", "not")
        ):
            yield _doubt(each, UNTIL_OR_AT, of_moment=True)


def _ways_joined(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“Sell at a 5 % profit and when RSI > 70”: both, or each by itself?"""
    for one, other in itertools.pairwise(clause.parts):
        if other.joint != "and" or not (one.says or one.moment) or not (other.says or other.moment):
            continue
        if (
            clause.side == "buy"
            and other.when
            and (other.by.startswith(("as well as", "and also")) or (not one.says and not other.moment))
        ):
            yield _doubt(other, ANOTHER_WAY)
        if clause.side != "sell" or not (one.says or other.says):
            continue
        if other.when or (one.gain and other.gain) or one.noun or other.noun:
            yield other.begins, other.words[-1][1].end, BOTH_OR_EITHER


def _moments_beside(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“A or B on Mondays”, “A between 10:00 and 11:00 or B”, “A, on Fridays when B”: of one of the conditions, or of all?"""
    parts = clause.parts
    said = [each for each in parts if each.says]
    timed = [each for each in said if each.moment and _free(each) and not (each is parts[0] and _leads(each))]
    offered = [index for index, each in enumerate(parts) if each.joint == "or"]
    if timed and len(said) > 1 and (offered or len(timed) > 1):
        yield _doubt(timed[0], AT_OTHER_TIMES, of_moment=True)
    for index, each in enumerate(parts):
        after = parts[index + 1] if index + 1 < len(parts) else None
        opens = each.moment and not each.says and after is not None and after.says and (after.joint == "only" or (after.joint == "comma" and after.lead == "when"))  # fmt: skip
        anew = any(one.says for one in parts[:index]) and (opens or (each.says and _leads(each)))
        behind = offered and index > offered[-1] and each.joint == "comma" and each.moment and not each.says and len(said) > 1  # fmt: skip
        if anew or behind or (index and each.joint == "and" and _occasion(each) and _occasion(parts[index - 1])):
            yield _doubt(each, AT_OTHER_TIMES)
    if clause.side == "buy" and clause.bound and any(each.moment or each.says for each in clause.before):
        yield _doubt(clause.before[0], AT_OTHER_TIMES)


def _two_purchases(tokens: Sequence[Token], moments: frozenset[int]) -> Iterator[tuple[int, int, str]]:
    """“In the morning buy RSI < 30, in the afternoon buy RSI < 40”."""
    verbs = [place for place, each in enumerate(tokens) if each.kind == "buy"]
    begins = [place for place in sorted(moments) if place - 1 not in moments]
    if len(verbs) > 1 and begins and begins[0] < verbs[0] and any(verbs[0] < place < verbs[-1] for place in begins):
        yield tokens[begins[0]].start, tokens[verbs[0]].end, AT_OTHER_TIMES


def _occasion(part: Part) -> bool:
    """Whether it is a time of certain days."""
    kinds = {token.kind for place, token in part.words if place in part.at_moments}
    return bool(kinds & {*_DAYS}) and bool(kinds & {*_TIMES})


def _leads(part: Part) -> bool:
    """Whether its moment stands before the “when” of all that follows: “buy on Mondays when A or B”."""
    kinds = [(place in part.at_moments, token.kind) for place, token in part.words]
    when = next((at for at, (_, kind) in enumerate(kinds) if kind == "when"), len(kinds))
    return (
        any(moment for moment, _ in kinds[:when])
        and when < len(kinds)
        and not any(moment for moment, _ in kinds[when:])
    )


def _free(part: Part) -> bool:
    """Whether nothing binds its moment to all that was said before: no “only”, no “both”."""
    return not any(token.kind in ("only", "both", "except") for _, token in part.words) and part.joint not in ("only", "except", "unless")  # fmt: skip


def _one_after_another(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“Once RSI was below 30 and MACD crosses up”, “after a 2 % gain sell when …”: at the same bar, or one after the other?"""
    parts = [each for each in (*clause.before, *clause.parts) if each.says or _after(each)]
    if any(each.joint == "or" for each in parts):
        return
    placed = any(each.placed for each in parts)
    for each in parts:
        others = len(parts) > 1 or sum(token.kind == "when" for _, token in each.words) > 1
        first = each in clause.before and any(one.says for one in clause.parts)
        after = _after(each) and (others or any(one.kind == "when" for _, one in each.words))
        if (
            (each.was and others and not placed)
            or after
            or (first and _MOVES & set(each.kinds) and any(token.value == "once" for _, token in each.words))
        ):
            yield _doubt(each, ORDER)


def _after(part: Part) -> bool:
    """Whether it is “after” something that happens: no time, and no number of bars."""
    for (place, token), (_, ahead) in itertools.pairwise(part.words):
        if token.kind == "after" and place not in part.at_moments and ahead.kind not in ("number", "time", "days", "hours", "half_hour", "quarter_hour", "at_open", "engulfing", "lower_close", "higher_close", "red", "green"):  # fmt: skip
            return (part.says or "percent" in part.kinds) and not (ahead.value == "being" and "turns" in part.kinds)
    return False


def _motions_back(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“Dips below VWAP and recovers above it”: at one bar, or one after the other?"""
    for one, other in (*itertools.pairwise(clause.before), *itertools.pairwise(clause.parts)):  # fmt: skip
        if other.joint == "then" and other.by == "and then" and one.says and other.says:
            yield _doubt(other, ORDER)
        begins = next((kind for kind in other.kinds if kind not in ("then", "when", "is", "back")), "")
        if other.joint == "and" and begins in _MOTIONS and one.side and other.side == _OPPOSITE[one.side] and "it" in other.kinds[1:]:  # fmt: skip
            yield _doubt(other, ORDER)


def _denied(tokens: Sequence[Token], moments: frozenset[int]) -> Iterator[tuple[int, int, str]]:
    """“Unless it is Friday and below VWAP”, “no trades on Fridays and before 10:00”: not both, or neither?"""
    for place, token in enumerate(tokens):
        ahead = tokens[place + 1].kind if place + 1 < len(tokens) else ""
        if token.kind == "not" and (place and tokens[place - 1].kind in ("it", "it_is", "is")):
            continue
        if not (token.kind in ("unless", "except", "no_buying") or (token.kind == "not" and (place + 1 in moments or ahead in ("when", "trades", "trade", "buy", "entries")))):  # fmt: skip
            continue
        start = place + 1 + (ahead in ("trades", "trade", "buy", "entries"))
        end = next((at for at in range(start, len(tokens)) if tokens[at].kind in (*_BUYS, *_SELLS, *_OTHERS, "only", "except", "unless", "not") and at not in moments), len(tokens))  # fmt: skip
        parts = _parts(tokens, start, end, moments)
        if (
            token.kind == "unless"
            and place
            and any(each.kind in ("not", "no_buying") for each in tokens[max(0, place - 2) : place])
        ):
            # “Don't buy unless …” demands.
            continue
        if token.kind != "unless" and end < len(tokens) and tokens[end].kind == "unless" and parts and parts[0].moment and not parts[0].says:  # fmt: skip
            yield token.start, tokens[end].end, AT_OTHER_TIMES
        for one, other in itertools.pairwise(parts):
            apart = other.moment or other.when
            if (
                other.joint == "and"
                and (one.says or one.moment)
                and (other.says or other.moment)
                and apart
                and not _is_now(one)
            ):
                yield token.start, other.words[-1][1].end, BOTH_OR_EITHER


def _is_now(part: Part) -> bool:
    """Whether it is a condition about now, “it is Friday”, and not bare days or times."""
    return any(token.kind in ("it", "it_is") for _, token in part.words)


def _waits(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """“Wait 30 minutes before selling”, “wait 10 minutes and sell when …”."""
    for place, token in enumerate(tokens):
        if token.kind != "wait" or place + 1 >= len(tokens) or tokens[place + 1].kind not in ("number", "half_hour", "hours", "of", "for", "at_least", "quarter_hour"):  # fmt: skip
            continue
        at = next((at for at in range(place + 1, len(tokens)) if tokens[at].kind in ("unit", "hours", "half_hour", "quarter_hour")), len(tokens))  # fmt: skip
        after = [each.kind for each in tokens[at + 1 : at + 4]]
        if after[:1] == ["before"] and after[1:2] in (["sell"], ["buy"], ["it"]):
            yield token.start, tokens[at + 2].end, WAITS
        elif after[:1] in (["and"], ["then"], ["comma"]) and ("sell" in after[1:3] or (after[1:3] == ["then", "buy"])):
            yield token.start, tokens[at].end, WAITS


def _dollars(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“A max loss of $150 per trade”, “when I'm up $300”: of a share, or of the position?"""
    for each in (*clause.before, *clause.parts):
        tokens = [token for _, token in each.words]
        ordered = clause.verb.kind in ("stop", "target", "trail") and (each in clause.parts[:1] or each in clause.before[-1:])  # fmt: skip
        for index, token in enumerate(tokens):
            if token.kind != "dollars" or float(token.value) < 20 or any(one.kind == "a_share" for one in tokens):
                continue
            near = {one.kind for one in tokens[max(0, index - 4) : index + 3]}
            result = near & {*_RESULTS} or any(str(one.value) in ("made", "make", "earned") for one in tokens[:index])
            if (ordered or result) and not near & (_MEASURES | {"above", "below", "from", "until"}):
                yield token.start, token.end, SHARE_OR_ALL
