"""Doubts about how far words reach, by the structure of a sentence: of some arrangements of its parts that is open, in whichever words they are said; these are asked about."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from stratforge.intent.reading.elided import elided_in
from stratforge.intent.reading.sentences import (
    BUYS,
    DAYS,
    LEADS,
    MEASURES,
    MOTIONS,
    OPPOSITE,
    OTHERS,
    RESULTS,
    SELLS,
    TIMES,
    Clause,
    Part,
    clauses_of,
    moments_in,
    parts_of,
    sentences_of,
)
from stratforge.intent.reading.tokens import Token, tokens_of

ANOTHER_WAY = "Is it one more condition, or another way in or out by itself?"
AT_OTHER_TIMES = "Has the other condition to hold then too, and what holds at other times?"
OF_THE_SALE = "Does it bound the sale, or buying?"
UNTIL_OR_AT = "Is it sold only before then, or at that time at the latest?"
BOTH_OR_EITHER = "Both of them, or one of them?"
ORDER = "Both at the same bar, or one after the other, and within how many bars?"
WAITS = "Has the position to be held so long at least, or is buying to wait?"
CHART = "Is that the chart of both that are compared, or of the last one alone?"
THAT_OR_BUYING = "Does it bound that alone, or buying?"
HELD = "Is it held so long at least, or sold then at the latest?"
ALL_THE_TIME = "Has it to be so all that time, or at one bar of it?"
WHICH_TIME = "Is it the length, or which time it is?"
OF_ONE_KIND = "Is that said of the first number too?"
WHICH_SALE = "Which sale follows which purchase?"
AVERAGE_OF = "The average of what?"
SHARE_OR_ALL = "Is that so many dollars a share, or of the whole position?"

_COUNTS = frozenset(("max", "shares", "wait", "size_word"))
_ORDINALS = frozenset(("second", "third", "fourth", "fifth", "2nd", "3rd", "4th", "5th"))
_UNITS = ("unit", "hours", "half_hour", "quarter_hour")
_MOVES = MOTIONS.keys() | {"lose", "touch", "has_moved", "profit", "loss"}


def reaches_in(turn: str) -> Iterator[tuple[int, int, str]]:
    """The words of a turn of which it is open how far they reach: where they begin and end, with what there is to ask, each once.

    Args:
        turn: The person's words, with straight apostrophes.
    """
    return iter(dict.fromkeys(_reaches(turn)))


def _reaches(turn: str) -> Iterator[tuple[int, int, str]]:
    tokens = tokens_of(turn)
    sentences = [(each, moments_in(each)) for each in sentences_of(tokens)]
    clauses = [list(clauses_of(*each)) for each in sentences]
    yield from _two_pairs(itertools.chain.from_iterable(clauses))
    yield from elided_in(tokens)
    # Of one share both are the same.
    single = any(each.kind == "shares" and each.value == 1 for each in tokens)
    for (sentence, moments), within in zip(sentences, clauses, strict=True):
        for clause in within:
            for rule in (
                _bounds_of_sales,
                _bounds_of_settings,
                _ends_of_sales,
                _by_then,
                _all_the_time,
                _averages,
                _ways_joined,
                _moments_beside,
                _one_after_another,
                _motions_back,
                _charts,
            ):
                yield from rule(clause)
            yield from () if single else _dollars(clause)
        yield from _two_purchases(sentence, moments)
        yield from _denied(sentence, moments)
        for said in (_waits, _held_first, _later):
            yield from said(sentence)
        yield from _ordinals(sentence, turn)
        yield from _between(sentence)


def _doubt(part: Part, asks: str, *, of_moment: bool = False) -> tuple[int, int, str]:
    words = [token for place, token in part.words if not of_moment or place in part.at_moments]
    return words[0].start, words[-1].end, asks


def _bounds_of_sales(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“Sell when RSI > 60, only after 14:00”, “(never on Mondays)”, “stop 2 % on Fridays”: of the sale, or of buying?"""
    if clause.side != "sell":
        return
    for index, each in enumerate(clause.parts):
        near = clause.parts[max(0, index - 1) : index + 1]
        if any(token.kind in ("trade", "trades") for part in near for _, token in part.words):
            # “Trade only on Mondays” names both sides.
            continue
        for number, (place, token) in enumerate(each.words):
            starts = place in each.at_moments and (not number or each.words[number - 1][0] not in each.at_moments)
            leads = token.kind in LEADS and place not in each.at_moments
            if not (starts or leads or token.value in ("in profit", "in loss")):
                continue
            denied = number > 0 and _denies(each, number - 1)
            bounded = number == 0 and (each.joint == "only" or each.by in ("but not", "but never"))
            # “Sell only on Fridays when …” says of what it is.
            first = index == 0 and number - denied == 0
            if (denied or bounded or str(token.value).startswith(("not ", "no earlier"))) and not first:
                start = each.begins if bounded else each.words[number - denied][1].start
                yield start, each.words[-1][1].end, OF_THE_SALE
            elif starts and clause.verb.kind == "stop" and index == 0:
                yield token.start, each.words[-1][1].end, OF_THE_SALE
    if clause.only and clause.parts and clause.parts[-1].moment and any(each.says for each in clause.parts):
        yield _doubt(clause.parts[-1], OF_THE_SALE, of_moment=True)


def _bounds_of_settings(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“A 2 % stop unless RSI < 30”, “3 trades a day only if …”, “two trades a day in the morning”: of that, or of buying?"""
    first = clause.parts[0] if clause.parts else None
    ordered = clause.verb.kind in ("stop", "target", "trail")
    kinds = {clause.verb.kind, *(first.kinds if first is not None else ())}
    trades = bool(kinds & {"trade", "trades"} and kinds & {"number", "per_day"})
    counted = clause.side == "" and first is not None and not first.says and (trades or bool(kinds & _COUNTS))
    if not ordered and not counted:
        return
    for one, other in itertools.pairwise((None, *clause.parts)):
        assert other is not None
        bound = other.joint == "unless" or (other.joint == "only" and other.says)
        if bound and (one is not None or ordered):
            yield _doubt(other, THAT_OR_BUYING)
    if counted and first is not None and first.moment and first.words[0][0] not in first.at_moments:
        yield _doubt(first, THAT_OR_BUYING, of_moment=True)


def _denies(part: Part, number: int) -> bool:
    """Whether a word denies what follows, and is no part of “it is not”."""
    token = part.words[number][1]
    said_of_it = number > 0 and part.words[number - 1][1].kind in ("it", "it_is", "is")
    return token.kind == "not" and str(token.value) not in ("isn't", "is not") and not said_of_it


def _ends_of_sales(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“Before 12:00 sell when …”, “sell when … until 14:00”, “exit before 15:30”."""
    parts = clause.all_parts
    if clause.side != "sell":
        return
    for each in parts:
        number = next((number for number, (place, _) in enumerate(each.words) if place in each.at_moments), None)
        if number is None or each.joint in ("except", "unless"):
            continue
        alone = each in clause.parts[:1] and number == 0 and "flat" not in str(clause.verb.value)
        of_it = number > 0 and each.words[number - 1][1].kind in ("it", "it_is", "is", "not")
        if each.words[number][1].kind in ("before", "until") and not of_it and (alone or any(one.says for one in parts)):  # fmt: skip
            yield _doubt(each, UNTIL_OR_AT, of_moment=True)


def _by_then(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“Sell by 15:00 if RSI > 50”, “within 10 bars if …”: until then, or from then on?"""
    for each in clause.parts[:1] if clause.side == "sell" else ():
        tokens = [token for _, token in each.words]
        when = next((at for at, token in enumerate(tokens) if token.kind == "when"), 0)
        if any(token.kind in ("by", "no_later", "at_latest") or token.value == "within" for token in tokens[:when]):
            yield tokens[0].start, tokens[when].end, UNTIL_OR_AT


def _all_the_time(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“Has been above VWAP since 10:00”, “stayed above it in the first hour”: all that time, or at a bar of it?"""
    for each in clause.all_parts:
        for at, (place, token) in enumerate(each.words):
            after = each.words[at + 1 : at + 2]
            since = token.value == "since" and any(one.kind in ("time", "at_open") or spot in each.at_moments for spot, one in after)  # fmt: skip
            lasts = token.value in ("has been", "stayed", "stays", "remained", "remains") and any(spot in each.at_moments for spot, _ in each.words[at:])  # fmt: skip
            if (since or lasts) and place not in each.at_moments:
                yield token.start, each.words[-1][1].end, ALL_THE_TIME
                break


def _averages(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“RSI is 10 % below its 20-bar average”: of the RSI, or of the price?"""
    for each in clause.all_parts:
        measure = next((kind for kind in each.kinds if kind in MEASURES), "")
        far = next((at for at, kind in enumerate(each.kinds) if kind in ("percent", "signed")), len(each.kinds))
        if measure not in ("column", "volume", "") and each.kinds[far + 1 : far + 3] in (("below", "its"), ("above", "its")) and "average" in each.kinds[far:]:  # fmt: skip
            yield _doubt(each, AVERAGE_OF)


def _ways_joined(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“Sell at a 5 % profit and when RSI > 70”: both, or each by itself?"""
    for one, other in itertools.pairwise(clause.parts):
        closing = other.lead == "at_close"
        if clause.side == "sell" and other.joint == "comma" and one.noun and other.lead == "when" and other.says:
            yield _doubt(other, BOTH_OR_EITHER)
        if other.joint != "and" or not (one.says or one.moment) or not (other.says or other.moment or closing):
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


def _two_pairs(clauses: Iterable[Clause]) -> Iterator[tuple[int, int, str]]:
    """“Buy at 10:00, sell at 11:00, buy at 14:00, sell at 15:00”."""
    timed = dict[str, list[Clause]](buy=[], sell=[])
    for clause in clauses:
        if clause.verb.kind in timed and clause.parts and clause.parts[0].moment and not clause.parts[0].says:
            timed[clause.verb.kind].append(clause)
    if min(map(len, timed.values())) > 1:
        second = timed["buy"][1]
        yield second.verb.start, second.parts[0].words[-1][1].end, WHICH_SALE


def _occasion(part: Part) -> bool:
    """Whether it is a time of certain days."""
    kinds = {token.kind for place, token in part.words if place in part.at_moments}
    return bool(kinds & {*DAYS}) and bool(kinds & {*TIMES})


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
    parts = [each for each in clause.all_parts if each.says or _after(each)]
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
        if other.joint == "and" and begins in MOTIONS and one.side and other.side == OPPOSITE[one.side] and "it" in other.kinds[1:]:  # fmt: skip
            yield _doubt(other, ORDER)


def _charts(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“EMA 9 crosses above EMA 21 on the 15-minute chart”."""
    for each in clause.all_parts:
        tokens = [token for _, token in each.words]
        chart = next((at for at, token in enumerate(tokens) if token.kind == "time_frame"), 0)
        on = next((at for at in range(chart, -1, -1) if tokens[at].kind == "on"), len(tokens))
        if on < chart and sum(token.kind in ("indicator", "glued") for token in tokens[:on]) > 1:
            yield tokens[on].start, tokens[chart].end, CHART


def _denied(tokens: Sequence[Token], moments: frozenset[int]) -> Iterator[tuple[int, int, str]]:
    """“Unless it is Friday and below VWAP”, “no trades on Fridays and before 10:00”: not both, or neither?"""
    for place, token in enumerate(tokens):
        ahead = tokens[place + 1].kind if place + 1 < len(tokens) else ""
        if token.kind == "not" and (place and tokens[place - 1].kind in ("it", "it_is", "is")):
            continue
        while_ = ahead == "and" and tokens[place + 1].value == "while"
        if not (token.kind in ("unless", "except", "no_buying") or (token.kind == "not" and (while_ or place + 1 in moments or ahead in ("when", "trades", "trade", "buy", "entries")))):  # fmt: skip
            continue
        start = place + 1 + (while_ or ahead in ("trades", "trade", "buy", "entries"))
        end = next((at for at in range(start, len(tokens)) if tokens[at].kind in (*BUYS, *SELLS, *OTHERS, "only", "except", "unless", "not") and at not in moments), len(tokens))  # fmt: skip
        parts = parts_of(tokens, start, end, moments)
        if (
            token.kind == "unless"
            and place
            and any(each.kind in ("not", "no_buying") for each in tokens[max(0, place - 2) : place])
        ):
            # “Don't buy unless …” demands.
            continue
        if token.kind != "unless" and end < len(tokens) and tokens[end].kind == "unless" and parts and parts[0].moment and not parts[0].says:  # fmt: skip
            yield token.start, tokens[end].end, AT_OTHER_TIMES
        if parts and parts[-1].says and not parts[-1].moment and end + 1 in moments and tokens[end].kind == "not" and tokens[end - 1].kind == "and":  # fmt: skip
            # “Not while it is below VWAP and not on Fridays”.
            until = next((at for at in range(end + 1, len(tokens)) if at not in moments), len(tokens))
            yield token.start, tokens[until - 1].end, BOTH_OR_EITHER
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
        at = next((at for at in range(place + 1, len(tokens)) if tokens[at].kind in _UNITS), len(tokens))  # fmt: skip
        after = [each.kind for each in tokens[at + 1 : at + 4]]
        held = any(each.kind in SELLS for each in tokens[:place]) and tokens[place - 1].kind == "comma"
        if not held and after[:1] == ["before"] and after[1:2] in (["sell"], ["buy"], ["it"]):
            yield token.start, tokens[at + 2].end, WAITS
        elif after[:1] in (["and"], ["then"], ["comma"]) and ("sell" in after[1:3] or (after[1:3] == ["then", "buy"])):
            yield token.start, tokens[at].end, WAITS


def _held_first(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """“Hold 10 bars, then sell when RSI > 50”: held so long at least, or at most?"""
    for place, token in enumerate(tokens):
        if token.kind != "hold":
            continue
        end = next((at for at in range(place + 1, len(tokens)) if tokens[at].kind not in ("for", "number", "unit", "hours", "half_hour", "quarter_hour", "at_least", "of", "it", "position")), len(tokens))  # fmt: skip
        sale = next((at for at in range(end, len(tokens)) if tokens[at].kind not in ("comma", "and", "then")), len(tokens))  # fmt: skip
        if end < sale and any(each.kind in _UNITS for each in tokens[place:end]) and [each.kind for each in tokens[sale : sale + 2]] == ["sell", "when"]:  # fmt: skip
            yield token.start, tokens[sale + 1].end, HELD


def _later(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """“Sell if RSI > 70, 10 bars later”."""
    for place, token in enumerate(tokens):
        behind = [each.kind for each in tokens[max(0, place - 3) : place]]
        if token.kind == "later" and behind in (["comma", "number", "unit"], ["comma", "number", "hours"]) and any(each.kind in SELLS for each in tokens[:place]):  # fmt: skip
            yield tokens[place - 2].start, token.end, ORDER


def _ordinals(tokens: Sequence[Token], turn: str) -> Iterator[tuple[int, int, str]]:
    """“The second RSI is below 30”, “on the second close above VWAP”: which of several events it is, and no length."""
    for (token, ahead), after in zip(itertools.pairwise(tokens), [*tokens[2:], None], strict=False):
        named = turn[ahead.start : ahead.end].lower()
        beyond = ahead.kind == "unit" and after is not None and after.kind in ("above", "below")
        if token.kind == "number" and turn[token.start : token.end].lower().removeprefix("the ") in _ORDINALS and (ahead.kind in ("indicator", "glued", "cross", "crossover", "break", "new") or named == "close" or beyond):  # fmt: skip
            yield token.start, ahead.end, WHICH_TIME


def _between(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """“Between 1 and 2 times the average”, “between 1 and 2 million”."""
    for place, token in enumerate(tokens):
        kinds = [each.kind for each in tokens[place : place + 5]]
        if kinds[:3] == ["between", "number", "and"] and (kinds[3:4] == ["multiple"] or (kinds[3:5] in (["number", "times"], ["number", "unknown"]))):  # fmt: skip
            yield token.start, tokens[place + len(kinds) - 1].end, OF_ONE_KIND


def _dollars(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """“A max loss of $150 per trade”, “when I'm up $300”: of a share, or of the position?"""
    for each in clause.all_parts:
        tokens = [token for _, token in each.words]
        ordered = clause.verb.kind in ("stop", "target", "trail") and (each in clause.parts[:1] or each in clause.before[-1:])  # fmt: skip
        for index, token in enumerate(tokens):
            if token.kind != "dollars" or float(token.value) < 20 or any(one.kind == "a_share" for one in tokens):
                continue
            near = {one.kind for one in tokens[max(0, index - 4) : index + 3]}
            result = near & {*RESULTS} or any(str(one.value) in ("made", "earned") for one in tokens[:index])
            if (ordered or result) and not near & (MEASURES | {"above", "below", "from", "until"}):
                yield token.start, token.end, SHARE_OR_ALL
