"""The tables of the grammar: rules fit what makes their values, and no word that decides something may be passed over."""

from __future__ import annotations

import inspect

import pytest
from stratforge.intent.grammar.chart import Production
from stratforge.intent.grammar.parts import grammar
from stratforge.intent.grammar.words_of_deeds import DEEDS
from stratforge.intent.grammar.words_of_measures import MEASURES

PRODUCTIONS = [each for of_category in grammar().rules.values() for each, _ in of_category]
# Kinds that are read from the signs of a word, not from a table.
OWN_KINDS = {"number", "money", "clock", "symbol", "bullet"}
# What a long-only strategy of one position does anyway.
SAYS_NOTHING_NEW = {
    "no shorts", "no shorting", "no short", "no shorts please", "only long", "longs only", "long only", "long-only", "long side only", "no pyramiding", "no adding", "no leverage",
    "any day", "any time", "any time of day", "any", "sell any time", "exits any time", "exit any time", "every day", "each day", "every trading day", "each trading day", "every morning", "every weekday",
    "each weekday", "weekdays", "during the day", "all day", "all day long", "each time", "every time", "day trading", "daytrade", "day trade", "1 minute", "1-minute", "1m", "1 min", "1-min", "one-minute",
    "1 minute chart", "1-min chart", "on the 1-minute chart", "1 minute bars", "1-minute bars", "on 1-minute bars", "one position", "one position at a time", "single position", "whichever comes first",
    "whichever happens first", "whichever is first", "whichever first", "whatever comes first", "whatever happens first", "first to hit", "nothing fancy", "nothing else", "nothing special", "prior bars only",
    "good day", "good evening", "good morning", "evening", "morning", "at a time", "as soon as possible", "as soon as you can", "either way", "one", "if possible", "if you would", "if you can", "simple one", "super simple", "easy one",
}  # fmt: skip
DECIDING = set(
    """
    no not never don't dont none without except unless only max most least half twice double until till before after above below over under if or either short hourly daily weekly
    monthly day days minute minutes hour hours bar bars percent first last rest one two three again stop target trail
    """.split()  # noqa: SIM905 - a list of words is read as a text
)


@pytest.mark.parametrize("production", PRODUCTIONS, ids=lambda each: each.category)
def test_what_makes_a_value_takes_the_parts_of_its_pattern(production: Production) -> None:
    kept = sum(each.category or each.kept for each in production.elements)
    inspect.signature(production.build).bind(*[None] * kept)


def test_a_pattern_names_categories_and_kinds_that_there_are() -> None:
    for each in (element for production in PRODUCTIONS for element in production.elements):
        if each.category:
            assert each.names <= set(grammar().rules)
        elif not each.words:
            assert each.names <= set(MEASURES) | set(DEEDS) | OWN_KINDS


def test_no_type_of_words_stands_in_both_tables() -> None:
    assert not set(MEASURES) & set(DEEDS)


def test_no_word_that_decides_something_is_passed_over() -> None:
    passed = DEEDS["filler"]
    assert isinstance(passed, str)
    deciding = {each for each in passed.split("|") if set(each.split()) & DECIDING}
    assert deciding <= SAYS_NOTHING_NEW
