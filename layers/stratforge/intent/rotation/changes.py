"""A strict reading of changes to a portfolio that stands: which of its rules the words replace, add or take away. What it does not know it says, and guesses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from stratforge.intent.rotation.reading import (
    FILLERS,
    FORMS,
    KIND,
    LIST,
    NUMBER,
    RETURN,
    SYMBOL,
    UNIT,
    Piece,
    RotationReading,
    capitals,
    number,
    span,
    turned,
)
from stratforge.intent.rotation.rules import SINGLE, Part, RotationRule, by_part, read_rotation_rule

_SYMBOLS = rf"(?P<list>{LIST}|{SYMBOL})"
_TO = r"(?: (?:to|into|in|from|of) (?:the |its )?(?:universe|list|portfolio|rotation|mix))?"
# Words of a change that say nothing of what it changes.
_OF_A_CHANGE = frozenset(
    "use weight rank instead now also rather change set than universe list weights weighting same else keep everything go so let's lets ok okay yes but".split()  # noqa: SIM905 - words
)


_ONE = re.compile(r"\b(?:1|one|single|only|just)\b", re.IGNORECASE)


@dataclass(slots=True)
class _Change:
    """A change in the making.

    Attributes:
        standing: What stands before it.
        asks: What has to be asked.
        universe: The symbols after it.
        swapped: Symbols that take another's place, by the other.
    """

    standing: dict[Part, list[RotationRule]]
    asks: list[str] = field(default_factory=list)
    universe: list[str] = field(default_factory=list)
    swapped: dict[str, str] = field(default_factory=dict)

    def one(self, part: Part) -> RotationRule | None:
        """What stands of a part of which there is one."""
        found = self.standing.get(part)
        return found[0] if found else None


# Reads what was found; the rules of a piece that changes the universe are made when all of it was read.
_Read = Callable[[re.Match[str], _Change], tuple[str, ...] | Piece | None]


def read_change(text: str, standing: Sequence[RotationRule]) -> RotationReading:
    """Reads what is to be another in a portfolio.

    Args:
        text: The person's words.
        standing: The rules that stand.
    """
    universe = next((each for each in standing if each.part is Part.UNIVERSE), None)
    change = _Change(by_part(standing), universe=list(universe.symbols if universe else ()))
    reading, free, edits = RotationReading(text), capitals(text), list[Piece]()
    for pattern, read in (*_CHANGES, *((pattern, _form(read)) for pattern, read in FORMS)):
        while found := pattern.search(free):
            rules = read(found, change)
            if rules is None:
                edits.append(Piece(*found.span(), ()))
            elif isinstance(rules, Piece):
                reading.pieces.append(rules)
            elif rules:
                reading.pieces.append(Piece(*found.span(), rules))
            free = free[: found.start()] + "\x00" * (found.end() - found.start()) + free[found.end() :]
    reading.pieces = sorted([*reading.pieces, *_of_universe(edits, change)], key=lambda each: each.start)
    words = re.findall(r"[^\s\x00,;.:!?()“”\"]+", free)
    silent = FILLERS | _OF_A_CHANGE
    reading.left = [each for each in words if each.lower().strip("'’-") not in silent and each.strip("'’-–")]
    reading.questions = [*turned(text), *change.asks, *_open(reading, standing)]
    return reading


def _form(read: Callable[[re.Match[str]], Piece | None]) -> _Read:
    """What is said of a whole portfolio, said of a change."""

    def changed(found: re.Match[str], change: _Change) -> Piece | tuple[str, ...]:
        piece = read(found)
        if piece is None:
            return ()
        change.asks += [piece.asks] if piece.asks else []
        for text in piece.rules:
            rule, taken = read_rotation_rule(text), change.one(Part.TAKE)
            if (
                rule.part is Part.TAKE
                and rule.count == 1
                and taken is not None
                and taken.count > 1
                and not _ONE.search(found.group())
            ):
                change.asks.append(
                    f"“{found.group().strip()}”: how many should be held, one or {taken.count} as before?"
                )
            if rule.part is Part.UNIVERSE and not (found["list"] if "list" in found.groupdict() else ""):
                change.universe = list(rule.symbols)
            elif rule.part is Part.UNIVERSE:
                change.asks.append(f"“{found.group().strip()}”: should they be added, or take the place of those that there are?")  # fmt: skip
        return piece

    return changed


def _add(found: re.Match[str], change: _Change) -> None:
    change.universe += [each for each in re.findall(SYMBOL, found["list"]) if each not in change.universe]


def _remove(found: re.Match[str], change: _Change) -> None:
    for each in re.findall(SYMBOL, found["list"]):
        if each in change.universe:
            change.universe.remove(each)
        else:
            change.asks.append(f"{each} is not in the universe ({', '.join(change.universe)}). Which symbol should go?")


def _replace(found: re.Match[str], change: _Change) -> None:
    old, new = found["old"], found["new"]
    if old not in change.universe or new in change.universe:
        change.asks.append(f"“{found.group()}”: the universe is {', '.join(change.universe)}. Which symbol should take which one's place?")  # fmt: skip
        return
    change.universe[change.universe.index(old)] = new
    change.swapped[old] = new


def _universe_is(found: re.Match[str], change: _Change) -> None:
    change.universe = list(dict.fromkeys(re.findall(SYMBOL, found["list"])))


def _take_instead(found: re.Match[str], change: _Change) -> tuple[str, ...]:
    stands = change.one(Part.TAKE)
    if stands is None or stands.word == "all" or number(found["old"]) != stands.count:
        change.asks.append(f"“{found.group()}”: how many should be held?")
        return ()
    return (f"take {stands.word} {number(found['n'])}",)


def _take_so_many(found: re.Match[str], change: _Change) -> tuple[str, ...]:
    stands = change.one(Part.TAKE)
    side = "top" if stands is None or stands.word == "all" else stands.word
    return (f"take {side} {number(found['n'])}",)


def _rank(found: re.Match[str], _change: _Change) -> tuple[str, ...]:
    return (f"rank by bars.close.pct_change({span(found)})",)


def _no_filter(found: re.Match[str], change: _Change) -> tuple[str, ...]:
    filters = [*change.standing.get(Part.WHERE, []), *change.standing.get(Part.WHEN, [])]
    if found["symbol"]:
        filters = [each for each in filters if found["symbol"] in each.symbols]
    if len(filters) != 1:
        change.asks.append(f"“{found.group()}”: which of its conditions should go?" if filters else f"“{found.group()}”: it has no such condition.")  # fmt: skip
        return ()
    return (f"drop {filters[0].text}",)


def _of_universe(edits: Sequence[Piece], change: _Change) -> list[Piece]:
    """The pieces that change the universe, each with what it is after all of them; fixed weights go along with a symbol that takes another's place."""
    if not edits or not change.universe:
        return []
    rules = [f"universe {', '.join(change.universe)}"]
    weights = change.one(Part.WEIGHTS)
    if weights is not None and weights.word == "fixed" and change.swapped and {*weights.symbols} <= {*change.universe, *change.swapped}:  # fmt: skip
        pairs = zip(weights.symbols, weights.weights, strict=True)
        rules.append("weights " + ", ".join(f"{change.swapped.get(symbol, symbol)} {part:g}" for symbol, part in pairs))
    return [replace(each, rules=tuple(rules)) for each in edits]


def changed_rules(standing: Sequence[RotationRule], reading: RotationReading) -> list[RotationRule]:
    """The rules that stand after a change."""
    new = [each for each in reading.rules if not each.dropped]
    gone = {each.text.removeprefix("drop ") for each in reading.rules if each.dropped}
    parts = {each.part for each in new if each.part in SINGLE}
    if any(each.part is Part.TAKE and each.word == "all" for each in new):
        # Nothing is chosen by a rank any more.
        parts.add(Part.RANK)
    kept = [each for each in standing if each.part not in parts and each.text not in gone]
    return list({each.text: each for each in [*kept, *new]}.values())


def _open(reading: RotationReading, standing: Sequence[RotationRule]) -> list[str]:
    """What has to be asked because the portfolio would not be whole, or says two things."""
    parts = by_part([each for each in reading.rules if not each.dropped])
    asks = [f"This says more than one thing about {part.value}. Which is it?" for part in SINGLE if len(parts.get(part, [])) > 1]  # fmt: skip
    if asks or not reading.pieces:
        return asks
    after = by_part(changed_rules(standing, reading))
    if Part.PAIR in after:
        others = after.keys() - {Part.PAIR, Part.REBALANCE}
        return (
            ["A pair has two symbols and holds one of them with all: only when it decides can be changed."]
            if others
            else []
        )
    universe = after[Part.UNIVERSE][0].symbols if Part.UNIVERSE in after else ()
    take = after.get(Part.TAKE, [None])[0]
    weights = after.get(Part.WEIGHTS, [None])[0]
    if len(universe) < 2:
        asks.append("A portfolio holds some of at least two symbols. Which are they?")
    elif take is not None and take.word != "all" and take.count > len(universe):
        asks.append(f"It has {len(universe)} symbols to choose from, and {take.count} are to be held. How many?")
    if take is not None and take.word != "all" and Part.RANK not in after:
        asks.append("By what are they ranked, such as their 6-month return?")
    if weights is not None and weights.word == "fixed":
        if {*weights.symbols} != {*universe}:
            asks.append(f"It has fixed weights ({weights.text.removeprefix('weights ')}). With which weights, of all its symbols, should it be?")  # fmt: skip
        elif take is not None and take.word != "all":
            asks.append("It has fixed weights. With which weights should those be that are held, such as equal ones?")
    return asks


_OUT = r"(?:remove|drop|exclude|delete|without|take out|leave out|get rid of)"
_CHANGES: tuple[tuple[re.Pattern[str], _Read], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (rf"\b(?i:replace|swap|exchange|substitute) (?P<old>{SYMBOL}) (?i:with|for|by) (?P<new>{SYMBOL})(?i:{_TO})", _replace),
        (rf"\b(?P<new>{SYMBOL}) (?i:instead of|in place of) (?P<old>{SYMBOL})(?i:{_TO})", _replace),
        (rf"\b(?i:{_OUT}(?: the)?) (?:(?P<symbol>{SYMBOL}) )?(?i:(?:(?:market|trend|average|momentum|absolute momentum) )?(?:filter|condition))\b", _no_filter),
        (rf"\b(?i:{_OUT}) {_SYMBOLS}(?i:{_TO})", _remove),
        (rf"\b(?i:no|not) (?P<list>{SYMBOL})\b(?i: any ?more| any longer)?", _remove),
        (rf"\b(?i:add|include|also (?:add|include|hold)|with also) (?i:also )?{_SYMBOLS}(?i:{_TO})(?i: too| as well)?", _add),
        (rf"\b(?i:(?:the )?universe (?:is|should be|becomes)|make the universe) (?P<list>{LIST})", _universe_is),
        (rf"\b(?i:(?:hold|take|keep|own|use|make it) )?(?i:the )?(?i:(?:top|best|strongest|bottom|worst|weakest) )?(?P<n>\d{{1,2}}|(?i:{'|'.join(NUMBER)}))(?i: {KIND})? (?i:instead of|rather than) (?i:the )?(?i:(?:top|best|strongest|bottom|worst|weakest) )?(?P<old>\d{{1,2}}|(?i:{'|'.join(NUMBER)}))\b(?! ?%)(?i: {KIND})?", _take_instead),
        (rf"\b(?i:hold|take|keep|own) (?i:only |just )?(?P<n>\d{{1,2}}|(?i:{'|'.join(NUMBER)}))(?i: of (?:them|these|those))?(?i: {KIND})?(?= *(?:$|[.,;]|(?i:instead|now|of|and)\b))", _take_so_many),
        (rf"(?<!positive )\b(?i:(?:use|take|with|by) )?(?i:the |their )?(?i:(?P<n>\d{{1,3}}|{'|'.join(NUMBER)})[- ]{UNIT} {RETURN})", _rank),
    )
)  # fmt: skip
