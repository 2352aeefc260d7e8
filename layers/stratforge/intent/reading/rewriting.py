"""A text that is put in other words piece by piece, and still leads back to the person's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


class Rewriting:
    """A text that is rewritten piece by piece; each sign of it knows which words of the person it stands for.

    Attributes:
        signs: The signs of the text as it is by now, typographic apostrophes as plain ones.
        starts: Where the person's own words begin behind each of them.
        ends: Where they end.
    """

    def __init__(self, turn: str) -> None:
        self.signs = [{"’": "'", "‘": "'"}.get(each, each) for each in turn]
        self.starts = list(range(len(turn)))
        self.ends = [each + 1 for each in self.starts]

    @property
    def text(self) -> str:
        """The text with all that was put into it until now."""
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
