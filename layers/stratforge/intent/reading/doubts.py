"""Words of a turn of which no reading is sure: how tables of them are gone through, and how they are asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

# The days of the week, as they are written out.
WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"

# Questions that several tables ask.
PRICE_OR_LENGTH = "Is it a price, or the length of an average?"
HOW_MUCH = "By how much?"
CHART_OR_LENGTH = "Is it the chart of that timeframe, or the number of bars?"

# Patterns, each with what there is to ask. Of what one finds, a named group is what a person reads, where there is one.
Table = Sequence[tuple[re.Pattern[str], str]]


def doubts_in(turn: str, table: Table, settled: Mapping[str, re.Pattern[str]]) -> Iterator[tuple[int, int, str]]:
    """The words of a turn that leave something open: where they begin and end, with what there is to ask.

    Args:
        turn: The person's words, with straight apostrophes.
        table: What to look for.
        settled: Of questions, what before the words leaves nothing open.
    """
    for pattern, asks in table:
        for match in pattern.finditer(turn):
            named = (name for name, words in match.groupdict().items() if words is not None)
            start, end = match.span(next(named, 0))
            if asks not in settled or not settled[asks].search(turn, 0, start):
                yield start, end, asks


def not_understood(words: str, asks: str) -> str:
    """The question about words, with what there is to ask."""
    return f"“{words}” was not understood. {asks}"
