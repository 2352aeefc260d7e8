"""Lays the parts of the grammar over the words of a turn, so that every word lies in one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from stratforge.intent.grammar import conditions, deeds, operands
from stratforge.intent.grammar.chart import Chart, Grammar, rule
from stratforge.intent.grammar.lexicon import lexemes_of
from stratforge.intent.grammar.tokens import Token

_MOST_TILINGS = 48
_PARTS = (
    rule("BuyPart", "then? =buy 'on|of|in|into? =symbol? 'at|with? 'market?", lambda _, _s: "buy"),
    rule("BuyPart", "then? =buy 'it|them|shares|stock|some?", lambda _: "buy"),
    rule("BuyPart", "then? =buy 'some|into|on|of|in? =symbol? 'shares|stock 'of? =symbol? 'after|on|at?", lambda _, s, t: "buy" if s or t else None),
    rule("BuyPart", "then? 'enter|open|take|start|initiate|establish|build|go|place 'a|an|new? 'new? 'long|buy|bullish? 'position|trade|long|entry|order 'in|on|for? =symbol?", lambda _: "buy"),
    rule("SellPart", "then? =sell object? 'of|in|on? =symbol? 'position|again|on|when|too?", lambda _, _s: 100.0),
    rule("SellPart", "then? =sell 'all Num 'shares|shs?", lambda *_: 100.0),
    rule("SellPart", "then? =sell rest", lambda _: 101.0),
    rule("SellPart", "rest off?", lambda: 101.0),
    rule("SellPart", "then? =sell? =part off? 'at|of?", lambda _, p: p),
    rule("SellPart", "'take|trim|scale|book =part off", lambda p: p),
    rule("DefPart", "range '=|is|: first? Bars 'of? 'the? 'day|session?", lambda n: n),
    rule("DefPart", "range lp? Bars rp?", lambda n: n),
    rule("DefPart", "first? Bars range", lambda n: n),
    rule("BuyPart", "'to 'enter|buy", lambda: "buy"),
    rule("SellPart", "'to 'exit|sell|leave", lambda: 100.0),
    rule("SellPart", "then? =sell Pct 'of 'it|position|the 'position?", lambda _, n: n if 0 < n < 100 else None),
)  # fmt: skip
# What a part is called in the composition.
_KINDS = ("BuyPart", "SellPart", "Cond", "Ellipsis", "ExitPart", "TimePart", "CloseTime", "WindowPart", "SizePart", "LimitPart", "PausePart", "DefPart", "OnlyPart", "BuySizePart", "LenPart", "TopicPart", "ElsePart")  # fmt: skip
_WORDS = ("when", "and", "or", "either", "comma", "arrow", "end", "filler", "bullet", "symbol", "then", "article")
_COSTS = {
    "filler": 1.02,
    "article": 0.3,
    "then": 1.01,
    "comma": 0.2,
    "end": 0.1,
    "bullet": 0.1,
    "symbol": 0.9,
    "DefPart": 0.9,
    "when": 0.99,
    "and": 1.0,
    "SellPart": 1.005,
}


class Unread(Exception):
    """Says that the parts of a turn make no clauses."""


@dataclass(frozen=True)
class Part:
    """A part of the turn and the tokens that it is made of."""

    kind: str
    value: Any
    begin: int
    stop: int
    cost: float = 0.0


@cache
def grammar() -> Grammar:
    """The grammar of all parts: the rules of what they are composed of."""
    return Grammar((*operands.RULES, *conditions.RULES, *deeds.RULES, *_PARTS))


def edges(chart: Chart, at: int) -> Iterator[Part]:
    """Lists the parts that may begin at a word."""
    for kind in _KINDS:
        for end, value in chart.parts(kind, at):
            yield Part("Cond" if kind == "Ellipsis" else kind, value, at, end, 2.2 if kind == "Ellipsis" else 0.0)
    for end, kind, value in chart.lexemes[at]:
        if kind in _WORDS:
            yield Part(kind, value, at, end)
        elif kind == "label" and _colon(chart, end):
            yield Part("label", value, at, _colon(chart, end))


def _colon(chart: Chart, at: int) -> int:
    """Where a colon after a label ends; 0 where there is none."""
    if at >= len(chart.tokens):
        return 0
    if chart.tokens[at].text == "=" or chart.tokens[at].text == ":" or chart.tokens[at].text in ("—", "->"):
        return at + 1
    spaced = chart.tokens[at].text == "-" and at + 1 < len(chart.tokens) and chart.tokens[at].end < chart.tokens[at + 1].start and chart.tokens[at - 1].end < chart.tokens[at].start  # fmt: skip
    return at + 1 if spaced else 0


def _cost(part: Part) -> float:
    return part.cost or _COSTS.get(part.kind, 1.0)


def tilings(tokens: Sequence[Token], symbol: str, called: frozenset[str] = frozenset()) -> list[list[Part]]:
    """The ways to lay parts over all words, with the fewest parts; none where a word has no reading."""
    chart, count = Chart(tokens, lexemes_of(tokens, symbol, called), grammar()), len(tokens)
    starts = [list(edges(chart, at)) for at in range(count)]
    best = [float("inf")] * (count + 1)
    best[count] = 0.0
    for at in reversed(range(count)):
        best[at] = min((_cost(each) + best[each.stop] for each in starts[at]), default=float("inf"))
    if best[0] == float("inf"):
        return []
    found = list[list[Part]]()

    def walk(at: int, so_far: list[Part], slack: float) -> None:
        if len(found) >= _MOST_TILINGS:
            return
        if at == count:
            found.append(so_far)
            return
        ranked = sorted(((_cost(each) + best[each.stop] - best[at], index, each) for index, each in enumerate(starts[at])), key=lambda one: one[:2])  # fmt: skip
        for more, _, each in ranked:
            if more <= slack + 1e-9:
                walk(each.stop, [*so_far, each], slack - more)

    walk(0, [], 0.06)
    return found


# Words that say nothing wherever they stand; all others do so only where nothing follows that they may belong to.
_ANYWHERE = frozenset(("please", "just", "simply", "also", "is", "are", "be", "to", "that", "which", "i", "we", "you", "it", "1 min", "1-min", "1 minute", "1-minute", "one-minute", "1m", "each time", "every time"))  # fmt: skip
_DAILY = frozenset(("every day", "each day", "every trading day", "each trading day"))


def passed_over(parts: Sequence[Part]) -> None:
    """That no word is passed over that may belong to what follows, and no symbol is excluded."""
    for index, each in enumerate(parts):
        after = parts[index + 1] if index + 1 < len(parts) else None
        if each.kind in ("then", "filler") and str(each.value).endswith("then") and index and after is not None and parts[index - 1].kind == after.kind == "Cond":  # fmt: skip
            # One after the other is no “and”.
            raise Unread
        if each.kind == "and" and "only" in each.value and (after is None or after.kind in ("BuyPart", "SellPart", "ExitPart", "filler", "then")):  # fmt: skip
            # What is restricted so is not plain.
            raise Unread
        if after is None or after.kind not in (
            "Cond",
            "ExitPart",
            "SizePart",
            "TimePart",
            "WindowPart",
            "OnlyPart",
            "symbol",
        ):
            continue
        if each.kind == "or" and after.kind == "symbol":
            raise Unread
        if each.kind == "and" and after.kind == "symbol" and each.value == "but":
            raise Unread
        begins = all(one.kind in ("filler", "article", "then", "symbol") for one in _sentence_before(parts, index))
        if each.kind == "filler" and after.kind != "symbol" and not begins and each.value not in _ANYWHERE and not (each.value in _DAILY and after.kind == "TimePart"):  # fmt: skip
            raise Unread


def _sentence_before(parts: Sequence[Part], index: int) -> Iterator[Part]:
    """The parts of a sentence before one of them."""
    while index and parts[index - 1].kind not in ("end", "arrow", "comma", "label", "bullet"):
        index -= 1
        yield parts[index]


def spread(parts: Iterable[Part]) -> Iterator[Part]:
    """Parts that say two things at once, as two."""
    for each in parts:
        if each.kind == "BuySizePart":
            yield Part("BuyPart", "buy", each.begin, each.begin)
            yield Part("SizePart", each.value, each.begin, each.stop)
        else:
            yield each
