"""The chart tries only rules that can begin where it looks, and finds the same parts as if it tried all."""

from __future__ import annotations

import pytest
from stratforge.intent.grammar.chart import Chart, Grammar
from stratforge.intent.grammar.lexicon import lexemes_of
from stratforge.intent.grammar.parts import grammar
from stratforge.intent.grammar.tokens import tokens_of

from tests.evaluation import everyday_cases, filtered_cases, plain_cases

TURNS = [turn for cases in (plain_cases, filtered_cases, everyday_cases) for each in cases.CASES for turn in each.turns]
_ALWAYS = "anything"


class Untiring(Chart):
    """A chart to which every rule can begin anywhere."""

    def _begins(self, at: int) -> set[str]:
        return super()._begins(at) | {_ALWAYS}


def untiring() -> Grammar:
    """The grammar of which every rule can begin anywhere."""
    found = Grammar(each for of_category in grammar().rules.values() for each, _ in of_category)
    found.begins = {category: first | {_ALWAYS} for category, first in found.begins.items()}
    found.rules = {
        category: [(each, first | {_ALWAYS}) for each, first in of_category]
        for category, of_category in found.rules.items()
    }
    return found


@pytest.mark.parametrize("turn", TURNS[::12])
def test_what_cannot_begin_at_a_place_is_passed_over_and_nothing_else(turn: str) -> None:
    tokens = tokens_of(turn) or []
    lexemes = lexemes_of(tokens, "AAPL")
    quick, slow = Chart(tokens, lexemes, grammar()), Untiring(tokens, lexemes, untiring())
    for at in range(len(tokens)):
        for category in grammar().rules:
            assert repr(quick.parts(category, at)) == repr(slow.parts(category, at)), (category, at)
