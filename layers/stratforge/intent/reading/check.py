"""Holds the strict reading of a turn against the rules: what it reads is what they say, and what it does not read is told."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stratforge.intent.reading.conditions import Readings
from stratforge.intent.reading.meaning import (
    ALWAYS,
    NEVER,
    Meaning,
    TooMany,
    Ways,
    both,
    either,
    facts_in,
    meaning_of,
)
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.statements import Statement, statements_of
from stratforge.intent.reading.tokens import tokens_of
from stratforge.intent.requirements import SETTLED, Requirement, Status
from stratforge.intent.rules import Rule, RuleKind, others_of
from stratforge.intent.turns import Spans

_MOST = 256
_LONGEST = 200


@dataclass
class _Group:
    """Statements and requirements that overlap: what they say has to be the same."""

    statements: list[Statement] = field(default_factory=list)
    requirements: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Checked:
    """The outcome of holding a strict reading against an answer.

    Attributes:
        contrary: Sentences on rules that say something else than the words.
        told: For words that were not read, or read otherwise on purpose, how the rules take them; these have to stand in the assumptions.
        unread: The places of the requirements that are told so.
        proven: The places of those whose rules are just what their words say.
        sure: The places of these, and of those whose rules are just what all words of all turns say together, where all words of their turns were read: others may say whose they are.
    """

    contrary: tuple[str, ...]
    told: tuple[str, ...]
    unread: frozenset[int]
    proven: frozenset[int] = frozenset()
    sure: frozenset[int] = frozenset()


def checked(
    turns: Sequence[str],
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    spans: Spans,
    symbol: str,
) -> Checked:
    """Compares the rules of requirements with the words that they quote, statement by statement."""
    crypto = "/" in symbol
    # A change speaks of what stands: “it” is then no price that nobody named.
    changes = any(each.status is Status.KEPT for each in requirements)
    # And of what stands, or was said before, another symbol may be what a word is about.
    beside = any(others_of(rule) for each, of_it in zip(requirements, rules, strict=True) if each.status is Status.KEPT for rule in of_it)  # fmt: skip
    statements = list[Sequence[Statement]]()
    for index, turn in enumerate(turns):
        beside = beside or (index > 0 and any(each.kind == "other" for each in tokens_of(turns[index - 1], symbol)))
        follows = changes or index > 0
        statements.append(statements_of(turn, symbol, follows=follows, beside=beside if follows else None))
    contrary, told, unread = list[str](), dict[str, None](), set[int]()
    proven, sure = set[int](), set[int]()
    everything = [each for of_turn in statements for each in of_turn]
    pairs = list(zip(requirements, rules, strict=True))
    # “Only buy when …” is what it buys by where nothing else is.
    alone = all(each.kind not in ("buy", "") for each in everything)
    whole = all(each.kind for each in everything) and any(
        _same(everything, [rule for each, of_it in pairs if each.status in said for rule in of_it], crypto, alone=alone)
        for said in ({Status.COVERED, Status.ASSUMED}, {Status.COVERED})
    )
    for group in _groups(statements, requirements, _apart(turns, statements, rules, spans)):
        mine = [requirements[each] for each in group.requirements]
        of_group = [rule for each in group.requirements for rule in rules[each]]
        # What is passed over, and has no rule, is told to be so.
        plain = all(each.kind for each in group.statements) and not any(rule.dropped for rule in of_group) and bool(group.statements or of_group)  # fmt: skip
        # What is plainly said of another symbol is nowhere read otherwise.
        elsewhere = any("bars.of(" in str(fact) for each in group.statements for ways in each.readings for fact in facts_in(ways))  # fmt: skip
        if plain and (elsewhere or all(each.status is Status.COVERED for each in mine)):
            if group.statements and _same(group.statements, of_group, crypto, alone=alone):
                proven |= set(group.requirements)
                continue
            if group.statements and whole:
                sure |= set(group.requirements)
                continue
            if not of_group and all(_says_nothing(each.quote, (), symbol) for each in mine):
                continue
            # Of which side something is said that names none is told.
            if not any(each.kind == "both" for each in group.statements):
                quotes = " … ".join(each.quote for each in mine)[:_LONGEST]
                contrary.append(
                    f"“{quotes}” does not say what its rules do ({'; '.join(in_words(each) for each in of_group)[:400] or 'nothing'}): follow the words, or call it assumed."
                )
                continue
        _tell(group, requirements, rules, symbol, told, unread)
    lost = [not all(each.kind for each in of_turn) for of_turn in statements]
    sure = {index for index in proven | sure if not any(places and some for places, some in zip(spans[index], lost, strict=True))}  # fmt: skip
    return Checked(tuple(contrary), tuple(told), frozenset(unread), frozenset(proven), frozenset(sure))


def _tell(
    group: _Group,
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    symbol: str,
    told: dict[str, None],
    unread: set[int],
) -> None:
    for index in group.requirements:
        each = requirements[index]
        if each.status in (Status.COVERED, Status.ASSUMED) and not _says_nothing(each.quote, rules[index], symbol):
            told[telling(each.quote, rules[index])] = None
            unread.add(index)


def telling(quote: str, rules: Sequence[Rule]) -> str:
    """Returns the sentence that tells a person how words were taken; it is made from the rules, so it is what the code does."""
    words = quote if len(quote) <= _LONGEST else f"{quote[: _LONGEST - 1]}…"
    said = "; ".join(in_words(each) for each in rules)
    return f"“{words}” is taken as: {said}." if said else f"“{words}” is taken to ask for nothing more."


def _says_nothing(quote: str, rules: Sequence[Rule], symbol: str) -> bool:
    return all(each.kind is RuleKind.SYMBOL for each in rules) and all(
        each.kind in ("symbol", "comma", "stop_sign") for each in tokens_of(quote, symbol)
    )


def _apart(
    turns: Sequence[str], statements: Sequence[Sequence[Statement]], rules: Sequence[Sequence[Rule]], spans: Spans
) -> Spans:
    """The places of requirements, without those of a whole turn that says nothing by itself in other turns, where a requirement with rules quotes them: “AAPL” is said there of something else."""

    def is_held(index: int, turn: int, start: int, end: int) -> bool:
        return any(other != index and rules[other] and any(begin <= start and end <= until for begin, until in spans[other][turn]) for other in range(len(spans)))  # fmt: skip

    def of_its_own(index: int) -> Sequence[Sequence[tuple[int, int]]]:
        whole = {turn for turn, places in enumerate(spans[index]) if not any(each.readings or each.settings or each.orders for each in statements[turn]) and any(not turns[turn][:start].strip() and not turns[turn][end:].strip(" .,;!?\n") for start, end in places)}  # fmt: skip
        if rules[index] or not whole:
            return spans[index]
        return [[each for each in places if turn in whole or not is_held(index, turn, *each)] for turn, places in enumerate(spans[index])]  # fmt: skip

    return [of_its_own(index) for index in range(len(spans))]


def _groups(
    statements: Sequence[Sequence[Statement]], requirements: Sequence[Requirement], spans: Spans
) -> Iterator[_Group]:
    """Joins statements and the requirements that quote any of their words."""
    owner: dict[tuple[int, int], int] = {}
    parent = list(range(len(requirements)))

    def root(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    for turn, of_turn in enumerate(statements):
        for place, statement in enumerate(of_turn):
            holders = [
                index
                for index, places in enumerate(spans)
                if requirements[index].status not in SETTLED
                and requirements[index].quote.strip()
                and any(start < statement.end and statement.start < end for start, end in places[turn])
            ]
            for one in holders[1:]:
                parent[root(one)] = root(holders[0])
            if holders:
                owner[turn, place] = holders[0]
    groups: dict[int, _Group] = {}
    for index, each in enumerate(requirements):
        if each.status not in SETTLED and each.quote.strip():
            groups.setdefault(root(index), _Group()).requirements.append(index)
    for (turn, place), index in owner.items():
        groups[root(index)].statements.append(statements[turn][place])
    yield from groups.values()


def _same(statements: Sequence[Statement], rules: Sequence[Rule], crypto: bool, *, alone: bool) -> bool:
    """Whether the rules mean one of the readings of the statements."""
    week = frozenset(range(7 if crypto else 5))
    try:
        return _means(statements, meaning_of(rules, around_the_clock=crypto), week, alone=alone)
    except TooMany:
        return False


def _means(statements: Sequence[Statement], meaning: Meaning, week: frozenset[int], *, alone: bool) -> bool:
    settings = frozenset(one for each in statements for one in each.settings)
    # An exit of the order says what a sale by the same condition says.
    ordered = [(each, {(one, 0.0, "") for one in each.orders} & meaning.settings) for each in statements]
    settings |= {one for _, found in ordered for one in found}
    statements = [each for each, found in ordered if not found]
    if settings != meaning.settings or len({kind for kind, _, _ in settings}) != len(settings):
        return False
    of_kind: dict[str, list[Readings]] = {}
    for each in statements:
        kind = f"part {each.value:.10g}" if each.kind == "part" else each.kind
        if each.readings:
            of_kind.setdefault(kind, []).append(each.readings)
    sells = _joined(of_kind.pop("sell", []), any_of=True, week=week)
    restrictions = _joined(of_kind.get("both", []), any_of=False, week=week)
    restricted = {both(one, other, week) for one in sells for other in restrictions}
    if meaning.exit not in sells | restricted:
        return False
    parts = {f"part {value:.10g}": ways for value, ways in meaning.parts.items()}
    if {each for each in of_kind if each.startswith("part")} != set(parts):
        return False
    if any(ways not in _joined(of_kind[kind], any_of=True, week=week) for kind, ways in parts.items()):
        return False
    return _buys_as(of_kind, meaning, sells, week, alone=alone)


def _buys_as(
    of_kind: dict[str, list[Readings]], meaning: Meaning, sells: set[Ways], week: frozenset[int], *, alone: bool
) -> bool:
    buys = {ALWAYS} if alone and of_kind.get("only") else _joined(of_kind.get("buy", []), any_of=True, week=week)
    only = _joined([*of_kind.get("only", []), *of_kind.get("both", [])], any_of=False, week=week)
    # From the minute on at which it sells it need not buy: that is told apart.
    late = {("minute", "<", each[2]) for ways in sells for each in facts_in(ways) if each[:2] == ("minute", ">=")}
    late |= {
        ("minutes_to_close", ">", each[2])
        for ways in sells
        for each in facts_in(ways)
        if each[:2] == ("minutes_to_close", "<=")
    }
    kept = frozenset(frozenset(each for each in way if each not in late) for way in meaning.only)
    if meaning.entry == NEVER:
        return not of_kind.get("buy") and (meaning.only in only or kept in only)
    mine = {both(meaning.entry, each, week) for each in (meaning.only, kept)}
    pairs = itertools.islice(itertools.product(buys, only), _MOST)
    return any(both(one, other, week) in mine for one, other in pairs)


def _joined(parts: Sequence[Readings], *, any_of: bool, week: frozenset[int]) -> set[Ways]:
    """All readings of several statements together."""
    found = {NEVER if any_of else ALWAYS}
    for readings in parts:
        pairs = list(itertools.product(found, readings))
        if len(pairs) > _MOST:
            raise TooMany
        found = {either(one, other) if any_of else both(one, other, week) for one, other in pairs}
    return found
