"""A turn in plain words: without what carries no decision; each sign leads back to the person's own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from stratforge.intent.reading.asides import without_asides
from stratforge.intent.reading.languages import language_of

# Letters and words of other languages than English: what carries no decision in them is not known.
_OTHER = re.compile(
    r"[^\W\d_a-z\u0370-\u03ff]|\b(?:el|los|las|del|que|cuando|con|una|por|para|vende|compra|comprar|vender|le|les|des|du|une|quand|avec|pour|achat|vente|acheter|vendre|der|das|und|wenn|ist|mit|ein|eine|nicht|kein|nur|kaufen|verkaufen|kaufe|quando|ogni|vendi|comprare|solo|koop|verkoop|alleen|als|comprar|venda|quero|mas)\b",
    re.IGNORECASE,
)


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
    said = _Said(turn)
    said.put(_BLANKS, (" ",))
    said.put(_LINES, ("\n",))
    if not language_of(turn) and not _OTHER.search(turn):
        without_asides(said)
        if not re.search(r"\w", said.text):
            # Nothing is left: all of it may be meant.
            return Plain(turn, tuple(range(len(turn))), tuple(range(1, len(turn) + 1)))
    return Plain("".join(said.signs), tuple(said.starts), tuple(said.ends))


class _Said:
    """A text that is rewritten piece by piece."""

    def __init__(self, turn: str) -> None:
        self.signs = [{"’": "'", "‘": "'"}.get(each, each) for each in turn]
        self.starts = list(range(len(turn)))
        self.ends = [each + 1 for each in self.starts]

    @property
    def text(self) -> str:
        return "".join(self.signs)

    def put(self, pattern: re.Pattern[str], plain: Sequence[str | int]) -> None:
        """Puts plain words in the place of what a pattern finds; numbers among them are its groups, which keep their places."""
        for match in reversed(list(pattern.finditer(self.text))):
            self.replace(match, plain)

    def replace(self, match: re.Match[str], plain: Iterable[str | int]) -> None:
        """Puts plain words in the place of one match."""
        signs, starts, ends = list[str](), list[int](), list[int]()
        begin, end = match.span()
        if begin == end:
            return
        first, last = self.starts[begin], self.ends[end - 1]
        at = first
        pieces = [each for each in plain if isinstance(each, str) or match[each]]
        for index, each in enumerate(pieces):
            if isinstance(each, int):
                one, other = match.span(each)
                signs += self.signs[one:other]
                starts += self.starts[one:other]
                ends += self.ends[one:other]
                at = self.ends[other - 1]
                continue
            following = next((match.start(other) for other in pieces[index + 1 :] if isinstance(other, int)), None)
            until = last if following is None else self.starts[following]
            signs += each
            starts += [at] * len(each)
            ends += [max(at, until)] * len(each)
        self.signs[begin:end], self.starts[begin:end], self.ends[begin:end] = signs, starts, ends
