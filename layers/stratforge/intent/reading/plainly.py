"""A turn in plain words: without what carries no decision; each sign leads back to the person's own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from stratforge.intent.reading.asides import without_asides
from stratforge.intent.reading.languages import language_of
from stratforge.intent.reading.rewriting import Rewriting

# Letters and words of other languages than English: what carries no decision in them is not known.
_OTHER = re.compile(
    r"[^\W\d_a-z\u0370-\u03ff]|\b(?:el|los|las|del|que|cuando|con|una|por|para|vende|compra|comprar|vender|le|les|des|du|une|quand|avec|pour|achat|vente|acheter|vendre|der|das|und|wenn|ist|mit|ein|eine|nicht|kein|nur|kaufen|verkaufen|kaufe|quando|ogni|vendi|comprare|solo|koop|verkoop|alleen|als|comprar|venda|quero|mas)\b",
    re.IGNORECASE,
)


# Other words for the same: a condition of the close, a line of an indicator, two lines at once.
_SAME = (
    (re.compile(r"\bon (?:any|every|a) close (?:that|which) is\b", re.IGNORECASE), ("when the close is",)),
    (re.compile(r"\b(kdj|macd|trix|ppo|stochastic|ichimoku|adx)'s(?= (?:%?[jkd]\b|signal|histogram|span|tenkan|kijun|[+-]?di\b))", re.IGNORECASE), (1,)),
    (re.compile(r"\b(above|below) both (?:the )?(span a) and (?:the )?(span b)\b", re.IGNORECASE), (1, " ", 2, " and ", 1, " ", 3)),
)  # fmt: skip
# The German short name of an average, beside its length: by itself it is a symbol.
_GD = re.compile(r"(?<=\der )GD\b|(?<=\d-Tage-)GD\b|(?<=\bTage )GD\b|\bGD(?=[ -]?\(?\d)", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t]{2,}")
_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


@dataclass(frozen=True, slots=True)
class Plain:
    """A turn in plain words.

    Attributes:
        text: The plain words.
        starts: Where the words of the person begin behind each sign of the text.
        ends: Where they end.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The place in the person's own words of a stretch of the text."""
        return self.starts[start], self.ends[end - 1]


@lru_cache(512)
def plainly(turn: str) -> Plain:
    """A turn in plain words that mean the same."""
    said = Rewriting(turn)
    said.put(_BLANKS, (" ",))
    said.put(_LINES, ("\n",))
    if language_of(turn) == "de":
        said.put(_GD, ("SMA",))
    if not language_of(turn) and not _OTHER.search(turn):
        without_asides(said)
        for words, plain in _SAME:
            said.put(words, plain)
        if not re.search(r"\w", said.text):
            # Nothing is left: all of it may be meant.
            return Plain(turn, tuple(range(len(turn))), tuple(range(1, len(turn) + 1)))
    return Plain("".join(said.signs), tuple(said.starts), tuple(said.ends))
