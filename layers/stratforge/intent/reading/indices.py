"""Indices: there are no bars of them here, and a stock or a fund whose ticker is an index's name is another thing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from stratforge.intent.reading.doubts import not_understood

# The names of an index, what it is called, and the fund listed in the United States that follows it; none where none does.
_INDICES = (
    (r"S ?(?:&|and) ?P(?:[ -]?500)?|SPX|GSPC", "the S&P 500", "SPY"),
    (r"dow(?: jones)?(?: industrials?| industrial average)?|DJIA?", "the Dow Jones", "DIA"),
    (r"nasdaq[ -]?100|NDX", "the Nasdaq 100", "QQQ"),
    (r"nasdaq(?:[ -]?composite)?|IXIC", "the Nasdaq Composite", "ONEQ"),
    (r"russell[ -]?2000|RUT", "the Russell 2000", "IWM"),
    (r"DAX(?:[ -]?40)?", "the DAX", "EWG"),
    (r"FTSE(?:[ -]?100)?", "the FTSE 100", "EWU"),
    (r"CAC(?:[ -]?40)?", "the CAC 40", "EWQ"),
    (r"nikkei(?:[ -]?225)?", "the Nikkei 225", "EWJ"),
    (r"(?:euro ?)?stoxx(?:[ -]?50)?", "the Euro Stoxx 50", "FEZ"),
    (r"hang seng|HSI", "the Hang Seng", "EWH"),
    (r"VIX", "the VIX", ""),
)
_NAMED = [
    (
        re.compile(
            # Behind a dollar sign, or as “DOW stock”, it is a ticker; “NASDAQ: AAPL” and “Nasdaq-listed” are the exchange.
            rf"(?<![\w$&:/.^-])(?:the )?(?P<name>{names})(?:[ -]index)?(?![\w/]|\s?:|-listed| (?:stocks?|shares?|listed|hours?|time|calendar|session|exchange|open(?:s|ing)?\b|clos\w+ (?:bell|time)|inc\b|etfs?\b|funds?\b|trackers?\b|futures\b|options?\b))",
            re.IGNORECASE,
        ),
        called,
        fund,
    )
    for names, called, fund in _INDICES
]
# Letters that are a word, or somebody's initials, unless they are written as an index is.
_AS_WRITTEN = frozenset({"DJI", "DJIA", "SPX", "GSPC", "NDX", "IXIC", "RUT", "HSI", "CAC"})
# “SPY (S&P 500)” and “on the Nasdaq” name no index as what is traded or looked at.
_BESIDE = re.compile(r"(?:\b[A-Z]{2,5}\s*\(|\b(?:on|at|listed (?:on|at)) (?:the )?)$")


def indices_in(turn: str) -> Iterator[tuple[int, int, str]]:
    """The indices that a turn names as what is traded or looked at: where their names begin and end, with what there is to ask."""
    found = dict[tuple[int, int], str]()
    for pattern, called, fund in _NAMED:
        for match in pattern.finditer(turn):
            name = match["name"]
            if name.upper() in _AS_WRITTEN and name != name.upper():
                continue
            if _BESIDE.search(turn, 0, match.start()) or any(start <= match.start() < end for start, end in found):
                continue
            found[match.span()] = asked_of(called, fund)
    yield from ((start, end, asks) for (start, end), asks in sorted(found.items()))


def asked_of(called: str, fund: str) -> str:
    """Says that an index has no bars here, and what may be taken in its place."""
    there = f"{called[0].upper()}{called[1:]} is an index, and there are no bars of indices here, so it can neither be traded nor looked at."
    if not fund:
        return f"{there} By what else, such as the price or the ATR of a stock or a fund, should it decide?"
    return f"{there} {fund} is a fund that follows {called if fund in _SAME else 'the same market'}: is that one meant?"


# Funds that follow the index itself; the others follow an index of the same country's stocks.
_SAME = frozenset({"SPY", "DIA", "QQQ", "ONEQ", "IWM", "FEZ"})


def fund_of(asks: str) -> str:
    """The fund that a question about an index proposes; empty where it proposes none, or is about something else."""
    match = re.search(r" is an index, .* (\w+) is a fund that follows ", asks)
    return match[1] if match else ""


def taken_for_funds(symbols: Iterable[str], turns: Iterable[str]) -> Iterator[str]:
    """The questions about symbols of a universe that are names of indices, and that nobody wrote as tickers."""
    said = list(turns)
    for symbol in symbols:
        if not any(f"${symbol}" in each for each in said):
            yield from (not_understood(symbol, asks) for _, _, asks in indices_in(symbol))
