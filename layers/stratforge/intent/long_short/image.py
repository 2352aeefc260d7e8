"""The words of one side as a request that buys and sells: what is judged of that side, by everything there is for strategies that only go long.

Of a request whose sides end each other the image is one: it buys where the long side begins, and sells where the short side does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stratforge.intent.long_short.marks import INDICATOR, ON_BOTH, Deed, Mark, Side
from stratforge.intent.long_short.sides import Piece, Sides, title_of
from stratforge.intent.shorts import as_short

_I = re.IGNORECASE
# Ways to say “what was spoken of” at the beginning of a condition.
_REFERS = re.compile(r"\s*(?P<when>(?:when(?:ever)?|if|once|as soon as)\s+)?(?:(?P<it>(?:it|this|that|they)\b)\s+(?=is\b|are\b|cross\w*\b|clos\w+\b|break\w*\b|goes\b|falls\b|rises\b|drops\b|moves\b|gets\b|comes\b|turns\b|trades\b|stays\b|dips\b|climbs\b|touches\b|hits\b|reaches\b|[<>])|(?P<level>(?P<verb>is |goes |falls |rises |drops |gets |crosses )?(?:back )?(?P<way>above|below|over|under|at|[<>]=?)\s*[-−]?\d))", _I)  # fmt: skip
_NAMED = re.compile(rf"(?:\b\d+[- ](?:bar|period|day|minute)s? )?\b{INDICATOR}\b(?: ?\( ?\d+ ?\)|(?<=\w)\d+\b)?", _I)
_BOTH_OF_THEM = re.compile(r" (?:both|either|each)(?: (?:open )?(?:positions?|trades?|sides?))?$", _I)
_OTHERS = re.compile(r"\b(?:price|close[sd]?|stock|average|sma|ema|ma|vwap|macd|band|bollinger|volume|high|low|supertrend|atr|open)s?\b", _I)  # fmt: skip
_WHEN = re.compile(r"\b(?:when(?:ever)?|if|once|as soon as|while)\b", _I)
_SUBJECT = re.compile(rf"{_WHEN.pattern}\s+(?P<subject>(?:the )?(?:price|close|stock))\s+", _I)
# “breaks above the high of the last 20 bars”, “is above its 20-bar high”.
_EDGE = re.compile(
    r"\s*(?:it )?(?:is|goes|breaks(?: out)?|crosses|closes|trades|moves|rises|falls|drops) (?:above|below|over|under|through) (?:the |its |a |an )?(?:new )?(?:yesterday['’]s |\d+[- ](?:bar|day|minute)s? )?(?:(?:upper|lower) (?:bollinger |keltner |donchian )?(?:band|channel)|high|low)(?: of (?:the |its )?(?:(?:last|past|previous|first|prior) )?(?:\d+ )?(?:bars?|candles?|minutes?|days?))?\W*(?:(?:and|but|go(?:es)?)\W*)*",
    _I,
)
WHAT_IS_IT = "“{}”: what is compared with that? Please name it in the words of this side too."


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of an image: its text, and where the words stand that it is made of; `same` where it is these words."""

    text: str
    start: int
    end: int
    same: bool = True


@dataclass(frozen=True)
class Image:
    """A request as one of its sides says it.

    Attributes:
        text: The image.
        asks: What of its words has to be asked.
    """

    text: str
    segments: tuple[_Segment, ...]
    asks: tuple[str, ...] = ()

    def of(self, start: int, end: int) -> str:
        """The image of the words between two places, empty where there is none."""
        found = [
            each.text[max(0, start - each.start) : end - each.start] if each.same else each.text
            for each in self.segments
            if each.start < end and start < each.end
        ]
        return " ".join("".join(found).split()).strip()

    def original(self, start: int, end: int) -> list[tuple[int, int]]:
        """The places of the words whose image is between two places, stretch by stretch."""
        found, at = list[tuple[int, int]](), 0
        for each in self.segments:
            first, last = max(start, at), min(end, at + len(each.text))
            if not each.text and found and at < end:
                # What the image leaves out between two of its words.
                found[-1] = (found[-1][0], max(found[-1][1], each.end))
            elif first < last and each.start < each.end:
                place = (each.start + first - at, each.start + last - at) if each.same else (each.start, each.end)
                if found and place[0] <= found[-1][1]:
                    found[-1] = (found[-1][0], max(found[-1][1], place[1]))
                else:
                    found.append(place)
            at += len(each.text)
        return found

    def places_of(self, quote: str) -> list[tuple[int, int]]:
        """The places of the words whose image is quoted, stretch by stretch; none where the image has no such words."""
        at = self.text.find(quote)
        return self.original(at, at + len(quote)) if at >= 0 and quote.strip() else []


def image_of(sides: Sides, side: Side | None) -> Image:
    """The image of a side; with None, of a request whose sides end each other."""
    kept = [each for each in sides.pieces if side is None or each.side in (side, Side.BOTH)]
    kept = [each for each in kept if each.side in (Side.LONG, Side.SHORT, Side.BOTH)]
    segments, asks, before = list[_Segment](), list[str](), -1
    title = title_of(sides.text)
    for piece in kept:
        begin, joined = piece.start, False
        if any(re.search(r"\w", each.text) for each in segments):
            joined = before >= piece.start or (not re.search(r"[.!?;:\n]", sides.text[before : piece.start]) and _follows(sides, before, piece.start))  # fmt: skip
            segments.append(
                _Segment(sides.text[before : piece.start], before, piece.start) if joined and before < piece.start else _Segment(" " if joined else ". ", piece.start, piece.start, same=False)
            )  # fmt: skip
        if not joined and (mark := re.compile(r"[\s,;:–—]+").match(sides.text, begin, piece.end)):
            # What set it off from words that are not of this image.
            begin = mark.end()
        edits = _edits(sides, piece.start, piece.end, side)
        if piece.side is not Side.BOTH and (title or (side is not None and _behind_the_other(sides, piece))):
            told, asked = _reference(sides, piece.start, piece.end)
            edits += told
            asks += asked
        at = begin
        for start, end, text in sorted(edits):
            segments += [_Segment(sides.text[at:start], at, start), _Segment(text, start, end, same=False)]
            at = end
        segments.append(_Segment(sides.text[at : piece.end], at, piece.end))
        before = piece.end
    segments = [each for each in segments if each.text or each.start < each.end]
    return Image("".join(each.text for each in segments), tuple(segments), tuple(asks))


def _follows(sides: Sides, start: int, end: int) -> bool:
    """Whether nothing but what joins them stands between two places."""
    return not any(each.start < end and start < each.end for each in sides.pieces)


def _edits(sides: Sides, start: int, end: int, side: Side | None) -> list[tuple[int, int, str]]:
    found = list[tuple[int, int, str]]()
    for mark in sides.marks:
        if start <= mark.start < end:
            text = _said(sides.text[mark.start : mark.end], mark, side)
            if text is not None:
                found.append((mark.start, mark.end, text))
    title = title_of(sides.text)
    if title and start <= title.start("measure") < end:
        # It is said again where it decides.
        found.append((title.start("measure"), title.end("levels"), ""))
    for match in ON_BOTH.finditer(sides.text, start, end):
        first = match.start()
        # “Stop 1 % both ways” without the blank before it.
        while first > start and sides.text[first - 1] == " ":
            first -= 1
        found.append((first, match.end(), ""))
    return found


def _said(words: str, mark: Mark, side: Side | None) -> str | None:
    """A deed as the image says it; None where it says the same."""
    if mark.deed in (Deed.NAMED, Deed.HEADS):
        return ""
    if mark.deed is Deed.BARRED:
        return "No buying" if words[0].isupper() else "no buying"
    if mark.whole:
        # “Exit both at 50” says of each side: exit at 50.
        return ("Exit" if words[0].isupper() else "exit") if _BOTH_OF_THEM.search(words) else None
    if mark.deed is Deed.LEAVES and mark.side is not Side.SHORT and not re.search(r"long|^out$", words, _I):
        return None
    sells = mark.deed is Deed.LEAVES or (side is None and mark.side is Side.SHORT)
    verb = "sell" if sells else "buy"
    said = words.lower()
    if said.startswith(("exit", "close", "closing")) and "long" not in said and "short" not in said:
        return None
    first = said.split()[0]
    found = f"{verb}ing" if first.endswith("ing") else f"{verb}s" if first.endswith("s") and first != "across" else verb
    return found.capitalize() if words[0].isupper() else found


def _reference(sides: Sides, start: int, end: int) -> tuple[list[tuple[int, int, str]], list[str]]:
    """The first condition of the short side with what it compares, where it says so only by words of the long side."""
    mark = next((each for each in sides.marks if start <= each.start < end), None)
    if mark is None:
        return [], []
    rest = sides.text[mark.end : end]
    # “it” behind the deed, and a symbol, are what is traded.
    behind = re.match(r"\s*(?:it\b|\$?[A-Z]{1,5}\b(?![(\d])|\d+ shares(?: of \$?[A-Z]{1,5}\b)?)?", rest)
    skipped = behind.end() if behind and not re.match(rf"\s*{INDICATOR}\b", rest) else 0
    match = _REFERS.match(rest, skipped)
    if match is None:
        return [], []
    earlier = sides.text[: mark.start]
    if match["it"] and (said := _broken(earlier, rest)):
        return [(mark.end + match.start("it"), mark.end + match.end("it"), said)], []
    names = {re.sub(r"\W+", "", each[0]).lower(): each[0] for each in _NAMED.finditer(earlier)}
    if len(names) != 1 or _OTHERS.search(earlier):
        return [], [WHAT_IS_IT.format(sides.text[mark.start : end].strip(" ,;"))]
    (name,) = names.values()
    if match["it"]:
        return [(mark.end + match.start("it"), mark.end + match.end("it"), name)], []
    if match["way"].lower() == "at":
        # “Sell at 50” behind a condition of the same indicator.
        return [], []
    at = mark.end + match.start("level")
    verb = "" if match["verb"] or match["way"][0] in "<>" else "is "
    return [(at, at, f"{'' if match['when'] else 'when '}{name} {verb}")], []


def _broken(earlier: str, rest: str) -> str:
    """What “it” is where one side begins above a high or an upper band and the other below a low or a lower one: it is none of these itself."""
    subject = _SUBJECT.search(earlier)
    lone = len(_WHEN.findall(earlier)) == 1 and not re.search(r"\b(?:and|or)\b", rest, _I)
    if subject is None or not lone or not _EDGE.search(rest) or not _EDGE.fullmatch(earlier, subject.end()):
        return ""
    return subject["subject"]


def _behind_the_other(sides: Sides, piece: Piece) -> bool:
    """Whether the words right before a piece are of the other side."""
    earlier = [each for each in sides.pieces if each.end <= piece.start and each.side in (Side.LONG, Side.SHORT)]
    return bool(earlier) and earlier[-1].side is not piece.side


def of_request(text: str, quotes: Sequence[tuple[str, str]], side: Side | None) -> str:
    """Says of the request what is said of its image; `quotes` are the images of words with the words."""
    if side is Side.SHORT:
        return as_short(text, quotes)
    for image, words in sorted(quotes, key=lambda each: -len(each[0])):
        if image in text:
            text = text.replace(f"“{image}”", f"“{words}”")
            # The short side's beginning is the image's sale.
            if side is None and re.search(rf"“{re.escape(words)}” is taken as: sell when", text) and re.search(r"\bshort", words, re.IGNORECASE):  # fmt: skip
                text = text.replace("is taken as: sell when", "is taken as: go short when")
    return text
