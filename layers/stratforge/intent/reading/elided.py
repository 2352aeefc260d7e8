"""Doubts about comparisons that leave one of their sides unsaid: “sell when it crosses below”, where it was compared with two things."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stratforge.intent.reading.sentences import MEASURES, Part, clauses_of, moments_in, sentences_of
from stratforge.intent.reading.tokens import Token

THAN_WHAT = "Than what: which of those that it was compared with?"
LEVEL_ITSELF = "Is it the level itself, or what lies that far from it?"
OF_WHAT = "Of what is it said?"

_COMPARERS = frozenset(("below", "above", "at_most", "at_least", "cross", "upcross", "downcross", "crossover", "crossunder", "fall", "rise", "move", "break", "return", "reclaim", "lose", "turns", "trade", "upwards", "downwards"))  # fmt: skip
_SIDES = frozenset(("below", "above", "cross", "upcross", "downcross", "crossover", "crossunder", "reclaim", "lose", "break"))  # fmt: skip
_FAR = frozenset(("percent", "signed", "dollars", "multiple", "twice", "times"))
# Words beside a comparison that name nothing.
_EMPTY = frozenset(("when", "is", "it", "it_is", "its", "not", "back", "then", "again", "by", "on", "at", "position", "symbol", "every_day", "both", "either", "open", "close", "unknown"))  # fmt: skip
_PRICE = (("column", "close"),)
_PRICES = frozenset(("column", "high", "low"))

# What stands on one side, by the kinds and values of its words.
Side = tuple[tuple[str, str | float], ...]


@dataclass(frozen=True)
class _Comparison:
    """A comparison as it is said; a side that is not said is empty.

    Attributes:
        far: Whether it holds only so far beyond its right side.
        words: Its words, from its comparing word on.
    """

    left: Side
    right: Side
    far: bool
    words: tuple[Token, ...]


def elided_in(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """The comparisons of a turn of which it is open what their unsaid side is: where they begin and end, with what there is to ask.

    Args:
        tokens: The words of the turn.
    """
    said = list[_Comparison]()
    for sentence in sentences_of(list(_bare(tokens))):
        moments = moments_in(sentence)
        for clause in clauses_of(sentence, moments):
            left: Side = ()
            if clause.verb.kind in ("stop", "target", "trail"):
                # “Take profit 6 % above” is so far above what was paid.
                continue
            for part in clause.all_parts:
                for each in _comparisons(part):
                    if not each.left and left and left[0][0] not in _PRICES and _is_money(each):
                        yield each.words[0].start, each.words[-1].end, OF_WHAT
                    left = each.left or left or (() if said else _PRICE)
                    if not each.right and each.words[0].kind not in ("at_most", "at_least"):
                        asks = _asked(left, said)
                        # “0.3 % over” says how far from the level itself.
                        if asks == THAN_WHAT or (asks and not each.far):
                            yield each.words[0].start, each.words[-1].end, asks
                    elif each.right:
                        said.append(_Comparison(left, each.right, each.far, each.words))


def _bare(tokens: Sequence[Token]) -> Iterator[Token]:
    """The words without the brackets around numbers, “RSI(14)”, and the commas within."""
    at = 0
    while at < len(tokens):
        end = at + 1
        while tokens[at].kind == "open" and end < len(tokens) and tokens[end].kind in ("number", "comma", "unit"):
            end += 1
        if end > at + 1 and end < len(tokens) and tokens[end].kind == "close":
            yield from (each for each in tokens[at:end] if each.kind == "number")
            at = end + 1
        else:
            yield tokens[at]
            at += 1


def _asked(left: Side, said: Sequence[_Comparison]) -> str:
    """What is to be asked of a comparison that names nothing beside its left side; empty where that is plain."""
    found = [each for each in said if not left or not each.left or _same(left, each.left)]
    if any(not (_same(one.right, found[0].right) and _same(one.left, found[0].left)) for one in found[1:]):
        return THAN_WHAT
    return LEVEL_ITSELF if any(each.far for each in found) else ""


def _same(one: Side, other: Side) -> bool:
    """Whether two sides are one: “RSI”, where “RSI(14)” was said."""
    return one[: len(other)] == other or other[: len(one)] == one


def _is_money(comparison: _Comparison) -> bool:
    return [kind for kind, _ in comparison.right] == ["dollars"]


def _comparisons(part: Part) -> Iterator[_Comparison]:
    """The comparisons of a part, of which the right side of one is the left one of the next: “EMA(9) > EMA(21) > EMA(55)”."""
    tokens = [token for place, token in part.words if place not in part.at_moments]
    start = next((at + 1 for at in range(len(tokens) - 1, -1, -1) if tokens[at].kind == "when"), 0)
    tokens = tokens[start:]
    signs = [at for at, each in enumerate(tokens) if each.kind in _COMPARERS]
    if not any(tokens[at].kind in _SIDES for at in signs):
        return
    groups = list[list[int]]()
    for at in signs:
        # “At least 1 % above”, “crosses back above” are one comparison.
        if groups and all(each.kind in _EMPTY | _FAR for each in tokens[groups[-1][-1] + 1 : at]):
            groups[-1].append(at)
        else:
            groups.append([at])
    if groups[0][-1] + 1 < len(tokens) and tokens[groups[0][-1] + 1].kind == "of":
        # “A cross of the price above”.
        groups = groups[1:]
    left = _named(tokens[: groups[0][0]]) if groups else ()
    for index, group in enumerate(groups):
        end = groups[index + 1][0] if index + 1 < len(groups) else len(tokens)
        right = _named(tokens[group[-1] + 1 : end])
        if not {"above", "below"} & {tokens[at].kind for at in group} and any(each.kind in _FAR for each in tokens[group[-1] + 1 : end][:1]):  # fmt: skip
            # “I lose 2 %”, “it rises 5 %”: a move, and no comparison.
            return
        beside = tokens[max(0, group[0] - 4) : end]
        far = (not right or any(kind in MEASURES for kind, _ in right)) and (any(each.kind in _FAR for each in beside) or _ranges(beside))  # fmt: skip
        yield _Comparison(left, right, far, tuple(tokens[group[0] : end]))
        left = right


def _ranges(tokens: Sequence[Token]) -> bool:
    """“2 ATR below”."""
    return any(one.kind in ("number", "multiple") and other.value == "atr" for one, other in itertools.pairwise(tokens))


def _named(tokens: Sequence[Token]) -> Side:
    """What words name: without those that say how far away it is."""
    kept = [each for each in tokens if each.kind not in _EMPTY]
    while kept and kept[-1].kind in _FAR:
        if len(kept) == 1 and kept[0].kind == "dollars":
            break
        kept.pop()
    if len(kept) > 1 and kept[-1].value == "atr" and kept[-2].kind in ("number", "multiple"):
        kept = kept[:-2]
    if not kept and any(each.kind == "symbol" for each in tokens):
        return _PRICE
    return tuple((each.kind, each.value) for each in kept)
