"""A turn that the grammar of clauses reads as a whole, as the statements of the strict reading."""

from __future__ import annotations

import ast

from stratforge.intent.grammar.clauses import Clause, clauses_of
from stratforge.intent.reading.meaning import TooMany, Ways, ways_of
from stratforge.intent.reading.settings import Statement
from stratforge.intent.rules import RuleError, read_rule

_LEADS = {"buy": "buy when", "only": "buy only when", "sell": "sell when", "part": "sell when"}


def composed(turn: str, symbol: str) -> list[Statement] | None:
    """The statements of a turn of which every word has its reading; None elsewhere."""
    found = clauses_of(turn, symbol)
    if found is None:
        return None
    week = frozenset(range(7 if "/" in symbol else 5))
    try:
        return [_statement(start, end, clause, week) for start, end, clause in found]
    except (RuleError, TooMany):
        return None


def _statement(start: int, end: int, clause: Clause, week: frozenset[int]) -> Statement:
    readings = tuple(dict.fromkeys(_ways(clause.kind, text, week) for text in clause.texts))
    for each in clause.orders:
        read_rule(each)
    return Statement(start, end, clause.kind, readings, clause.value, clause.settings, clause.orders)


def _ways(kind: str, text: str, week: frozenset[int]) -> Ways:
    condition = read_rule(f"{_LEADS[kind]} {text}").condition
    assert isinstance(condition, ast.expr)
    return ways_of(condition, week)
