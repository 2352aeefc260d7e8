"""Restrictions that name no side, such as “…, except on Mondays”: whether buying, selling or both are meant is said to the person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.elements import Kind, elements_of
from stratforge.intent.lexicon import BUYS, EXCEPTED, NEGATED, SELLS
from stratforge.intent.rules import Rule, RuleKind

_RESTRICTS = re.compile(
    rf"{NEGATED.pattern}|{EXCEPTED.pattern}|\b(?:only|just|nur|sólo|solo|seulement|uniquement)\b|只|だけ", re.IGNORECASE
)
_PART_OF_DAY = re.compile(
    r"\b(?:first|last|opening|closing|final) (?:\w+ )?(?:hours?|minutes?|half)\b|\blunch\w*|(?<!good )\b(?:morning|afternoon)s?\b|\b(?:the|market) (?:open|close)\b",
    re.IGNORECASE,
)
_BREAK = re.compile(r"[.;!?](?=\s|$)|[。；！？\n]|\b(?:when|if|cuando|wenn|quand)\b", re.IGNORECASE)
_TRADES = re.compile(r"\btrad(?:e|es|ing)\b", re.IGNORECASE)
# “Between 10 and 15 only”.
_ONLY_BEHIND = re.compile(r"(?:\s+(?:and|to)\s+[\d:]+(?: ?[ap]m)?)?\s+(?:only|nur|solo|seulement)\b", re.IGNORECASE)
_STOP = re.compile(r"[.;:!?](?=\s|$)|[。；！？\n]")
_HOUR = re.compile(r"\b(?:before|after|until|till|from|between) (?P<hour>\d{1,2})\b(?![:.]\d)(?! ?(?:bars?|minutes?|min|candles?|%|days?|dollars?|hours?|shares?|times|trades?))", re.IGNORECASE)  # fmt: skip
_OWN_SIDE = re.compile(
    rf"{BUYS.pattern}|{SELLS.pattern}|\b(?:stop\w*|target\w*|profit\w*|hold\w*|exits?|entr(?:y|ies))\b", re.IGNORECASE
)


# Words of a way out, of whatever kind.
_LEAVES = re.compile(rf"{SELLS.pattern}|\b(?:stops?|targets?|profits?|trail\w*|tp|sl)\b", re.IGNORECASE)
# “Only when …”, “nothing while …” as a sentence of its own: it restricts buying, and that is told.
_ONLY_WHEN = re.compile(
    r"(?:(?<=[.!?;\n])|^)\s*(?P<words>(?:only|(?P<ban>nothing|no (?:trades?|trading|action)|(?:do not|don['’]t) trade|stay (?:out|away|flat)|stand aside|hands off|skip it)) (?:if|when|while|as long as)\b[^.;!?\n]*)",
    re.IGNORECASE,
)


def one_sided(turns: Sequence[str], rules: Sequence[Rule]) -> Iterator[tuple[str, RuleKind]]:
    """The restrictions that name no side, by day or time or in a sentence of their own, and stand after buying and selling both were spoken of, with the one side that they became.

    Args:
        turns: The person's words.
        rules: The rules that stand.
    """
    for turn in turns:
        found = dict[int, tuple[str, str]]()
        for word, start, end in _moments(turn):
            begin = max((each.end() for each in _BREAK.finditer(turn, 0, start)), default=0)
            first = next(_RESTRICTS.finditer(turn, begin, start), None)
            sentence, restricts = _sentence(turn, start, end), True
            if first is None and (behind := _ONLY_BEHIND.match(turn, end)):
                place, end = start, behind.end()
            elif first is not None:
                place = first.start()
            elif any(each.kind is RuleKind.ONLY and word in each.text for each in rules):
                # “Hands off before 10:00”, “leave out Fridays”: whatever the words are, a bound is what they became.
                restricts = False
                place = sentence[0] + len(turn[slice(*sentence)]) - len(turn[slice(*sentence)].lstrip())
            else:
                continue
            if _OWN_SIDE.search(turn, place, end):
                continue
            spoken = BUYS.search(turn, 0, place) and SELLS.search(turn, 0, place)
            named = [bool(each.search(turn)) for each in (BUYS, _LEAVES)]
            # Of a change that names no side at all, the sides are those of what stands.
            apart = not _OWN_SIDE.search(turn, *sentence) and (_TRADES.search(turn, *sentence) or all(named) or not any(named))  # fmt: skip
            if apart or (spoken and restricts):
                found[place] = (turn[place:end], word)
        for match in _ONLY_WHEN.finditer(turn):
            named = [bool(each.search(turn)) for each in (BUYS, _LEAVES)]
            said = all(each.search(turn, 0, match.start()) for each in (BUYS, SELLS))
            banned = bool(match["ban"]) and len(set(named)) == 1
            if (said or banned) and match.start("words") not in found and any(each.kind is RuleKind.ONLY for each in rules):  # fmt: skip
                yield match["words"].strip(), RuleKind.BUY
        for words, word in found.values():
            sides = {each.kind is RuleKind.SELL for each in rules if each.condition is not None and word in each.text}
            if len(sides) == 1:
                yield words, RuleKind.SELL if sides == {True} else RuleKind.BUY


def _sentence(turn: str, start: int, end: int) -> tuple[int, int]:
    """Where the sentence begins and ends in which something stands."""
    begin = max((each.end() for each in _STOP.finditer(turn, 0, start)), default=0)
    stop = _STOP.search(turn, end)
    return begin, stop.start() if stop else len(turn)


def _moments(turn: str) -> Iterator[tuple[str, int, int]]:
    """Days and times, each with the word of a rule for it and its place."""
    elements = elements_of(turn, Kind.DAY, Kind.TIME)
    found = [("weekday" if each.kind is Kind.DAY else "minute", each.start, each.end) for each in elements]
    found += [("minute", *match.span()) for match in _PART_OF_DAY.finditer(turn)]
    found += [("minute", match.start("hour"), match.end()) for match in _HOUR.finditer(turn)]
    yield from sorted(found, key=lambda each: each[1])
