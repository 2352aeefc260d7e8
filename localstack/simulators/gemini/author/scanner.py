"""Reading a normalized request from left to right. Whatever is taken is taken by a rule of the grammar; what no rule takes stays unread."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\s*(?:{pattern})(?:(?=\s|$)|(?<=\s))")


class Unexpressible(Exception):
    """A phrase that is understood and cannot be written in the language; what to ask about it."""


class Unlike(Unexpressible):
    """Two things that cannot be compared, as the words were read; it is asked with the words."""


class Scanner:
    """A place in a text, which words are taken from one after the other."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        # Numbers of indicators that were named with them: said again without, they are the same.
        self.known: dict[str, tuple[float, ...]] = {}
        # Times of the day, by where they stand: the place whose clocks are named, if any, and the words.
        self.times: dict[int, tuple[str | None, str]] = {}

    def take(self, pattern: str) -> re.Match[str] | None:
        """Takes whole words that match, if they come next."""
        match = _compiled(pattern).match(self.text, self.at)
        if match is not None and match[0].strip():
            self.at = match.end()
            return match
        return None

    def sees(self, pattern: str) -> bool:
        """Says whether words of such a form come next, and stays where it is."""
        return _compiled(pattern).match(self.text, self.at) is not None

    @property
    def done(self) -> bool:
        """Says whether nothing of the text is left."""
        return not self.text[self.at :].strip()

    def word(self) -> None:
        """Goes over one word, whatever it is."""
        match = re.compile(r"\s*\S+").match(self.text, self.at)
        self.at = match.end() if match else len(self.text)

    @property
    def start(self) -> int:
        """Returns the place at which the next word begins."""
        rest = self.text[self.at :]
        return self.at + len(rest) - len(rest.lstrip())


N = r"(-?\d*\.?\d+)"
BARS = r"(?:bars?|minutes?|mins?|min|periods?|candles?|candlesticks?|m|ticks?)"
DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)(?:[a-z]*day)?s?"
UNIT = rf"({BARS}|hours?|h|hr|hourly|days?|d|daily|weeks?|weekly|w|months?)"
THE = r"(?:the |its |a |an |their |that |this |my |current |short term |long term )*"
ARTICLES = r"(?:(?:the|its|a|an|their|that|this|my|current|short term|long term)(?=\s))(?: (?:the|its|a|an|their|that|this|my|current|short term|long term)(?=\s))*"
# What is said of days where no bars are named.
NO_BARS_NAMED = "this one decides on bars of a minute, as no others are named"
_NEEDS_DAYS = " is of days or longer, and this one decides on bars of a minute, as no others are named. Should it be "


def bars_of(count: float, unit: str, what: str) -> float:
    """A span in 1-minute bars.

    Raises:
        Unexpressible: for days and longer.
    """
    if re.match(r"h(?:ou)?rs?|h\b|hourly", unit):
        return count * 60
    if re.match(r"d(?:ays?|aily)?\b|w(?:eeks?|eekly)?\b|months?|monthly|years?|sessions?", unit):
        # Said so, lengths in days count bars.
        daily = ", or say “on daily bars”" if unit.startswith("day") else ""
        raise Unexpressible(
            f"{what}{_NEEDS_DAYS}{count:g} bars of one minute instead, or another span in minutes or hours{daily}?"
        )
    return count


def on_bars(question: str, bars: str) -> str:
    """A question as it is asked where others than bars of a minute decide: that of `bars_of` would say something untrue there."""
    what, of_a_minute, rest = question.partition(_NEEDS_DAYS)
    if not of_a_minute:
        return question
    count = rest.partition(" ")[0]
    return f"{what} is not counted in bars of {bars}, on which this one decides. Should it be {count} of these bars instead, or another span?"


def number(scan: Scanner) -> float | None:
    """A number, with k or m behind it for thousands and millions."""
    match = scan.take(rf"{N}(?: (k|thousand|million|mio|mil))?")
    if match is None:
        return None
    return float(match[1]) * {"k": 1e3, "thousand": 1e3, "million": 1e6, "mio": 1e6, "mil": 1e3}.get(match[2] or "", 1)


def length_of(count: str, unit: str | None, what: str) -> float:
    """Returns a span that was said of an indicator, in 1-minute bars."""
    return bars_of(float(count), unit or "bars", f"“{count} {unit} {what}”")
