"""A turn that the grammar of clauses reads as a whole, as the statements of the strict reading."""

from __future__ import annotations

import ast

from stratforge.intent.grammar.clauses import readings_of
from stratforge.intent.grammar.sayings import Clause
from stratforge.intent.lexicon import ZONE
from stratforge.intent.reading.counted import accounted
from stratforge.intent.reading.meaning import TooMany, Ways, ways_of
from stratforge.intent.reading.settings import Statement
from stratforge.intent.reading.words import COMPANIES
from stratforge.intent.rules import RuleError, read_rule

_LEADS = {"buy": "buy when", "only": "buy only when", "sell": "sell when", "part": "sell when"}


def composed(turn: str, symbol: str) -> list[Statement] | None:
    """The statements of a turn of which every word has its reading; None elsewhere, and where its readings differ."""
    if "/" in symbol and any(place == "new_york" and words.search(turn) for place, words in ZONE):
        # Its words for New York's time say nothing more of stocks.
        return None
    week = frozenset(range(7 if "/" in symbol else 5))
    called = frozenset(name for name, of in COMPANIES.items() if of == symbol)
    found: dict[object, list[Statement]] = {}
    try:
        for reading in readings_of(turn, symbol, called):
            statements = [_statement(start, end, clause, week) for start, end, clause in reading]
            found.setdefault(_key(statements), statements)
    except (RuleError, TooMany):
        return None
    if len(found) != 1:
        return None
    (statements,) = found.values()
    return statements if accounted(turn, statements) else None


def _key(statements: list[Statement]) -> object:
    """What statements say, however their words are laid out."""
    return frozenset((each.kind, each.readings[:1], each.value, each.settings) for each in statements if each.kind != "nothing")  # fmt: skip


def _statement(start: int, end: int, clause: Clause, week: frozenset[int]) -> Statement:
    readings = tuple(dict.fromkeys(_ways(clause.kind, text, week) for text in clause.texts))
    for each in clause.orders:
        read_rule(each)
    return Statement(start, end, clause.kind, readings, clause.value, clause.settings, clause.orders)


def _ways(kind: str, text: str, week: frozenset[int]) -> Ways:
    condition = read_rule(f"{_LEADS[kind]} {text}").condition
    assert isinstance(condition, ast.expr)
    return ways_of(condition, week)
