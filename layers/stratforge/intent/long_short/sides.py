"""Divides a request into the words of the long side, those of the short side and those of both.

Each word is given to a side only where nothing else can be meant; everything else is asked about. A sentence that names one side is of that side. One that names both
says each deed before its condition. What stands beside them (a stop, a target, a size, a time) is of both sides where words say so, or in a sentence of its own that
cannot mean one of them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from stratforge.intent.long_short.marks import (
    COUNTED,
    LEAD,
    MIRRORED,
    NOUN,
    OF_BOTH,
    ON_BOTH,
    SAYS_NOTHING,
    SCOPED,
    SENTENCE,
    SET_OFF,
    STAYS,
    TITLE,
    TURNS,
    Deed,
    Mark,
    Side,
    beside,
    marks_in,
    negated,
)
from stratforge.intent.reading.languages import language_of
from stratforge.intent.timeframes import mentions_in

_I = re.IGNORECASE
_WHEN = re.compile(r"\b(?:when(?:ever)?|if|once|as soon as)\b", _I)
_AND = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+", _I)
_PERIOD = re.compile(r"[.!?]+(?=\s|$)|\n")
# What stands before all deeds and bounds them: “only between 10:00 and 15:00”.
_ONLY_THEN = re.compile(r"\W*only (?:between|from|before|after|during|until|in|on)\b", _I)
# Words before the first deed of a sentence, and between two deeds, that are of no side.
_NAMES = re.compile(r"\$?\b[A-Z]{1,5}\b|(?i:\b(?:please|i|we|you|it|want|would|like|to|a|an|the|my|this|strategy|bot|algorithm|that|which|should|will|must|can|could|write|make|build|create|me|on|for|of|trade|trading|with|use|using|stock|and|then|so|simple)\b)|\W+")  # fmt: skip
_JOINT = re.compile(
    r"(?:\s*[,;:–—]\s*(?:(?:and|then|but|also|while)\s+)*|\s+(?:and|but|while|then)\s+(?:(?:then|also)\s+)*|\s*/\s*)(?:(?:it|i|we|to|should|will|must)\s+)*$",
    _I,
)
# What sets a part of a sentence off from what is before it.
_OFF = re.compile(r"\s*(?:[,–—]|:(?=\s))\s*(?:(?:and|with|plus|but|use|using|also|both|have|having|set|put)\s+)*(?:an? |the |my )?|\s+(?:with|using|plus|and|but)\s+(?:(?:use|using|also|set|put)\s+)*(?:an? |the |my )?", _I)  # fmt: skip

AGAIN = "Please say the whole strategy once more, each side in a sentence of its own: when it goes long, when it sells, when it goes short, when it covers."
BY_ITSELF = "“{}”: it is not plain which words are of the long side and which of the short side. " + AGAIN
ALONE = "“{}” speaks of one side only by what is said of the other. Please say both sides in full: when it goes long, when it sells, when it goes short, when it covers."
WHICH_SIDE = "“{}” may be said of one side or of both. Which is meant? You could say: 1. “That is for both sides”; 2. “That is for the {} side alone”."
BUY_OR_COVER = "“{}” may buy back what was sold short, or go long. Please write “cover” or “go long”."
SELL_OR_SHORT = "“{}” may sell what was bought, or go short. Please write “sell” of a long position and “short” of a short one, and say first when it goes long."
NOT_COUNTED = "“{}” counts over both sides, or holds back one after the other, and that is not written for strategies that go long and short. Please leave it out."
NEGATIVE = "“{}” says what is not done on one side, and that is not written for strategies that go long and short. Please say it by the conditions of that side, or leave it out."
# Written out: the table of what is said in other languages (`spoken.toml`) has it as one sentence.
IN_ENGLISH = "Strategies that go long and short are read in English. Please say the whole strategy once more, each side in a sentence of its own: when it goes long, when it sells, when it goes short, when it covers."


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of one side: where they begin and end."""

    start: int
    end: int
    side: Side


@dataclass(frozen=True)
class Sides:
    """A request as its two sides.

    Attributes:
        text: The request.
        pieces: Its words by their sides, in their order.
        marks: The deeds that it names; a way out that names no side has the side that it was found to be of.
        turns: Whether one side's turn is said to end the other; None where nothing is said of that.
        asks: What has to be asked.
        told: What the person has to be told of how it was divided.
    """

    text: str
    pieces: tuple[Piece, ...] = ()
    marks: tuple[Mark, ...] = ()
    turns: bool | None = None
    asks: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    def leaves(self, side: Side) -> bool:
        """Returns whether words of a side alone say when its position is closed."""
        return any(each.deed is Deed.LEAVES and each.side is side for each in self.marks)

    def of(self, start: int, end: int) -> set[Side]:
        """The sides of the words between two places; those of none are left out."""
        return {each.side for each in self.pieces if each.start < end and start < each.end and each.side is not Side.NONE}  # fmt: skip


def _parted(text: str, start: int, end: int, at: re.Pattern[str] = re.compile(",")) -> Iterator[tuple[int, int]]:
    """The parts of words between two places that commas, or what else is said, set off from each other."""
    for first, last in (*(match.span() for match in at.finditer(text, start, end)), (end, end)):
        if text[start:first].strip():
            yield start, first
        start = last


def goes_both_ways(text: str) -> bool:
    """Says whether a request speaks of a long side and of a short side."""
    # “Never go short” is no side.
    marks = [each for each in marks_in(text) if each.deed is Deed.LEAVES or not (each.deed is Deed.BARRED or negated(each, text[: each.start]))]  # fmt: skip
    sides = {each.side for each in marks}
    return {Side.LONG, Side.SHORT} <= sides or (Side.SHORT in sides and bool(ON_BOTH.search(text)))


def sides_of(text: str) -> Sides:
    """Divides a request; what it asks is to be answered before anything is written."""
    return _Division(text).divided()


def title_of(text: str) -> re.Match[str] | None:
    """A title that names what its conditions compare, and levels only that they say again: “RSI 30/70 both ways on MSFT: long below 30, …”."""
    title = TITLE.match(text)
    if title is None or _NAMES.sub("", ON_BOTH.sub(" ", title["rest"])):
        return None
    said = re.findall(r"(?<![\w.])[-−]?\d+(?:\.\d+)?", text[title.end() :])
    return title if {*re.findall(r"[-−]?\d+", title["levels"])} <= {*said} else None


@dataclass
class _Part:
    """A part of a sentence with the deeds in it, and the kinds of what is said beside them."""

    start: int
    end: int
    side: Side
    last: bool = False
    kinds: dict[str, tuple[int, int]] = field(default_factory=dict)


class _Division:
    """One request on its way to its sides."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.marks = marks_in(text)
        self.mentions = tuple(mentions_in(text))
        self.unsided = {each.start for each in self.marks if each.side is Side.NONE}
        self.pieces = list[Piece]()
        self.parts = list[_Part]()
        self.alone = list[tuple[int, int]]()
        # Up to where that reaches which is set before a sentence.
        self.leads = dict[int, int]()
        self.asks = list[str]()
        self.told = list[str]()
        self.turns: bool | None = None
        self.scope: Side | None = None

    def divided(self) -> Sides:
        sentences = list(self._sentences())
        for start, end in sentences:
            self._settle(start, end)
        if any(each.turns for each in self.marks):
            if self.turns is False:
                self._ask(BY_ITSELF, 0, len(self.text))
            self.turns = True
        for start, end in sentences:
            if not any(each.start <= start and end <= each.end for each in self.pieces):
                self._sentence(start, end)
        mode = [each for each in self.pieces if each.side is Side.MODE]
        # “Reverse on the opposite signal” says how one side follows the other.
        mirrored = (each.span() for each in MIRRORED.finditer(self.text) if not any(one.start <= each.start() < one.end for one in mode))  # fmt: skip
        if found := next(mirrored, None):
            self._ask(ALONE, *found)
        self._deeds()
        self._unsided()
        if match := COUNTED.search(self.text):
            self._ask(NOT_COUNTED, *self._around(*match.span()))
        self._beside()
        if language_of(self.text):
            # Questions about words of another language would be about what nobody read.
            self.asks = [IN_ENGLISH]
        pieces = tuple(sorted(self.pieces, key=lambda each: each.start))
        return Sides(self.text, pieces, tuple(self.marks), self.turns, tuple(dict.fromkeys(self.asks)), tuple(dict.fromkeys(self.told)))  # fmt: skip

    def _sentences(self) -> Iterator[tuple[int, int]]:
        begin = 0
        for match in SENTENCE.finditer(self.text):
            if self.text[begin : match.start()].strip():
                yield from self._led(begin, match.start())
            begin = match.end()
        if self.text[begin:].strip():
            yield from self._led(begin, len(self.text))

    def _led(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """A sentence; what is set before it (“2% stop on both sides: …”) as sentences of its own."""
        lead = LEAD.match(self.text, start, end)
        if lead is not None and any(lead.end() <= each.start < end for each in self.marks):
            phrases = [part for each in _parted(self.text, start, lead.end() - 1) for part in self._of_what(*each)]
            if any(self._is_set(*each) for each in phrases) and all(self._is_set(*each) or not _NAMES.sub("", self.text[slice(*each)]) for each in phrases):  # fmt: skip
                reach = _PERIOD.search(self.text, lead.end())
                self.leads |= {first: reach.start() if reach else len(self.text) for first, _ in phrases}
                yield from phrases
                start = lead.end()
        first = next(_parted(self.text, start, end), (start, end))
        if first[1] < end and ON_BOTH.search(self.text, *first) and self._is_set(*first) and any(not self.text[first[1] : each.start].strip(" ,") for each in self.marks if first[1] < each.start < end):  # fmt: skip
            # “2% stop on both sides, buy …”
            yield first
            start = first[1] + 1
        yield start, end

    def _of_what(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """“Stop and reverse on QQQ”, as how one side follows the other, and what is traded."""
        named = re.search(r"\s+(?:on|for|in)\s+\$?(?-i:[A-Z]{1,5})\s*$", self.text[start:end], _I)
        if named and TURNS.fullmatch(self.text[start : start + named.start()]):
            yield start, start + named.start()
            start += named.start()
        yield start, end

    def _is_set(self, start: int, end: int) -> bool:
        """Whether words set something, or say how one side follows the other, and do nothing."""
        words = self.text[start:end]
        if TURNS.fullmatch(words) or STAYS.fullmatch(words):
            return True
        if _WHEN.search(words) or any(
            start <= each.start < end and each.deed is not Deed.NAMED and not each.whole for each in self.marks
        ):
            return False
        return any(beside(words)) or (ON_BOTH.search(words) is not None and not _NAMES.sub("", ON_BOTH.sub("", words)))

    def _settle(self, start: int, end: int) -> None:
        """A sentence that says how one side follows the other, or of which side something is said."""
        words = self.text[start:end]
        if match := SCOPED.fullmatch(words):
            self.scope = Side.BOTH if match["both"] else Side(match["one"].lower())
            self._drop_marks(start, end)
            self.pieces.append(Piece(start, end, Side.SCOPE))
        elif TURNS.fullmatch(words) or STAYS.fullmatch(words):
            turns = TURNS.fullmatch(words) is not None
            if self.turns is not None and self.turns is not turns:
                self._ask(BY_ITSELF, start, end)
            self.turns = turns
            self._drop_marks(start, end)
            self.pieces.append(Piece(start, end, Side.MODE))

    def _drop_marks(self, start: int, end: int) -> None:
        self.marks = [each for each in self.marks if not start <= each.start < end]

    def _sentence(self, start: int, end: int) -> None:
        marks = [each for each in self.marks if start <= each.start < end]
        for each in marks:
            if each.side is not Side.NONE and each.deed is not Deed.BARRED and negated(each, self.text[start : each.start]):  # fmt: skip
                self._ask(NEGATIVE, start, end)
        if re.search(r"\bonly (?:longs?|shorts?)\b(?! (?:when|if|side)\b)", self.text[start:end], _I) and any(each.deed is Deed.ENTERS for each in marks):  # fmt: skip
            # “Only long before noon”: no shorts before noon, or no longs after it?
            self._ask(BY_ITSELF, start, end)
            return
        if any(each.deed is Deed.BARRED for each in marks):
            self._barred(start, end, marks)
            return
        if len(marks) > 1 and all(each.deed is Deed.NAMED for each in marks):
            self._named(start, end, marks)
            return
        named = {each.side for each in marks} - {Side.NONE}
        if len(named) == 2:
            self._of_two(start, end, marks)
        elif named:
            (side,) = named
            self._of_one(start, end, side, marks)
        elif ON_BOTH.search(self.text, start, end):
            self.pieces.append(Piece(start, end, Side.BOTH))
        else:
            self.alone.append((start, end))

    def _barred(self, start: int, end: int, marks: Sequence[Mark]) -> None:
        """“No shorts on Fridays”: what bounds the entries of a side, and says nothing else."""
        (first, *others) = marks
        rest = self.text[first.end : end]
        if others or re.search(r"\w", re.sub(r"\b(?:and|but|also)\b", "", self.text[start : first.start], flags=_I)) or re.search(r"[,;–—]|[:(](?!\d)", rest) or {kind for kind, _, _ in beside(rest)} - {"clock"}:  # fmt: skip
            self._ask(BY_ITSELF, start, end)
            return
        self.pieces.append(Piece(start, end, first.side))
        self.parts.append(_Part(start, end, first.side, last=True))
        self.told.append(
            f"“{self.text[start:end].strip()}” bounds when the {first.side.value} side is entered; what is held by then stays."
        )

    def _named(self, start: int, end: int, marks: Sequence[Mark]) -> None:
        """“2% stop for longs, 1% for shorts”: each part names its side."""
        parts = list(_parted(self.text, start, end, _AND))
        sides = [[each.side for each in marks if first <= each.start < last] for first, last in parts]
        if any(len(each) != 1 for each in sides) or ON_BOTH.search(self.text, start, end):
            self._ask(BY_ITSELF, start, end)
            return
        for (first, last), (side,) in zip(parts, sides, strict=True):
            self.pieces.append(Piece(first, last, side))
            self.parts.append(_Part(first, last, side, last=last == end))

    def _of_one(self, start: int, end: int, side: Side, marks: Sequence[Mark]) -> None:
        cut = self._tail(start, end, marks)
        for each in marks:
            if each.start < cut:
                self._give(each, side)
        self.pieces.append(Piece(start, cut, side))
        self.parts.append(_Part(start, cut, side, last=True))
        for each in marks:
            # “Go short when …, exit when …”, where the long side began before it.
            if each.start in self.unsided and each.start < cut and not each.whole and self._began_both(each.start):
                self.parts[-1].kinds.setdefault("way out", (each.start, cut))

    def _began_both(self, at: int) -> bool:
        """Whether both sides are entered by words before a place."""
        return {each.side for each in self.marks if each.start < at and each.deed is Deed.ENTERS} >= {Side.LONG, Side.SHORT}  # fmt: skip

    def _of_two(self, start: int, end: int, marks: Sequence[Mark]) -> None:
        """A sentence of both sides: each deed stands before its condition, and what is between two deeds is of the first."""
        if any(each.deed in (Deed.NAMED, Deed.HEADS) for each in marks):
            self._ask(BY_ITSELF, start, end)
            return
        if self._conditions_first(start, end, marks):
            return
        if _NAMES.sub("", self._without_title(start, marks[0].start)):
            self._ask(BY_ITSELF, start, end)
            return
        cut = self._tail(start, end, marks)
        marks = [each for each in marks if each.start < cut]
        begins = [start, *(each.start for each in marks[1:])]
        side = marks[0].side
        if side is Side.NONE:
            self._ask(BY_ITSELF, start, end)
            return
        ends = list[int]()
        for one, other in itertools.pairwise(marks):
            between = self.text[one.end : other.start]
            joint = _JOINT.search(between)
            if joint is None or len(_WHEN.findall(between[: joint.start()])) > 1:
                self._ask(BY_ITSELF, start, end)
                return
            ends.append(one.end + joint.start())
        ends.append(cut)
        if len(_WHEN.findall(self.text[marks[-1].end : cut])) > 1:
            self._ask(BY_ITSELF, start, end)
            return
        for number, (mark, first, last) in enumerate(zip(marks, begins, ends, strict=True)):
            side = mark.side if mark.side is not Side.NONE else side
            self._give(mark, side)
            self.pieces.append(Piece(first, last, side))
            self.parts.append(_Part(first, last, side, last=number == len(marks) - 1))
            if mark.side is Side.NONE:
                self.parts[-1].kinds["way out"] = (mark.start, last)

    def _without_title(self, start: int, end: int) -> str:
        """What leads a sentence, without bars, words for both sides, and a title, such as “Opening range breakout on SPY:”."""
        title = title_of(self.text)
        if title and title.start() == start and title.end() <= end:
            start = title.start("rest")
        lead = self.text[start:end]
        for each in self.mentions:
            if start <= each.start and each.end <= end:
                lead = lead.replace(self.text[each.start : each.end], " ")
        lead = ON_BOTH.sub(" ", lead)
        if any(beside(lead)) or _WHEN.search(lead):
            return lead
        return re.sub(r"^\s*(?:(?!(?:in|during|while|with|without|against|after|before|not|no)\b)[^\W\d]+ +){0,3}[^\W\d]+(?: *(?:on|for|in) \$?(?-i:[A-Z]{1,5}))? *:", " ", re.sub(r" +", " ", lead), flags=_I)  # fmt: skip

    def _conditions_first(self, start: int, end: int, marks: Sequence[Mark]) -> bool:
        """“If …, go long, and if …, go short”: each condition stands before its deed, and nothing else is said."""
        if not re.match(r"\W*(?:please\W+)?(?:when(?:ever)?|if|once|as soon as)\b", self.text[start:end], _I):
            return False
        leads = [match.start() + start for match in _WHEN.finditer(self.text[start:end])]
        parts = list(itertools.pairwise([start, *leads[1:], end]))
        sides = [[each for each in marks if first <= each.start < last] for first, last in parts]
        joined = all(re.search(r"(?:[,;]|\band|\bbut)\s*$", self.text[first:last]) for first, last in parts[:-1])
        if not joined or any(len(each) != 1 or each[0].side is Side.NONE for each in sides) or any(beside(self.text[start:end])) or ON_BOTH.search(self.text, start, end):  # fmt: skip
            return False
        # Behind its deed nothing is said but what it trades.
        if any(_NAMES.sub("", re.sub(r"(?i)\b(?:and|but)\s*$", "", self.text[each[0].end : last])) for each, (_, last) in zip(sides, parts, strict=True)):  # fmt: skip
            return False
        for each, (first, last) in zip(sides, parts, strict=True):
            stop = first + len(re.sub(r"(?i)[,;]?\s*(?:\b(?:and|but)\s*)?$", "", self.text[first:last]))
            self.pieces.append(Piece(first, stop, each[0].side))
            self.parts.append(_Part(first, stop, each[0].side, last=last == end))
        return True

    def _tail(self, start: int, end: int, marks: Sequence[Mark]) -> int:
        """Where what is said of both sides begins, at the end of a sentence of one or two; its end where nothing is."""
        lead = self.text[start : marks[0].start]
        # “Trade TSLA long and short: …” says nothing of either by itself.
        says_both = ON_BOTH.search(lead) and not _NAMES.sub("", self._without_title(start, marks[0].start))
        both = ON_BOTH.search(self.text, marks[0].start if says_both else start, end)
        whole = next((each for each in marks if each.whole), None)
        if both is None and whole is None:
            return end
        sided = [each for each in marks if each.side is not Side.NONE and each.deed in (Deed.ENTERS, Deed.LEAVES)]
        if not sided:
            # “1 % stop on both, 2 % target on the long.”
            self._ask(BY_ITSELF, start, end)
            return end
        begin = sided[-1].end
        tail = self.text[begin:end]
        places = [first for _, first, _ in beside(tail)]
        if whole is not None:
            if whole.start < begin:
                self._ask(BY_ITSELF, start, end)
                return end
            places.append(whole.start - begin)
        if both is not None:
            if both.start() < begin:
                self._ask(BY_ITSELF, start, end)
                return end
            places.append(both.start() - begin)
        off = next((match for match in _OFF.finditer(tail) if match.start() < min(places) and not tail[match.end() : min(places)].strip(" 0123456789.%$")), None)  # fmt: skip
        if off is None or not self.text[begin : begin + off.start()].strip():
            self._ask(BY_ITSELF, start, end)
            return end
        at = begin + off.start()
        self.pieces.append(Piece(at, end, Side.BOTH))
        return at

    def _give(self, mark: Mark, side: Side) -> None:
        if mark.side is Side.NONE:
            self.marks[self.marks.index(mark)] = replace(mark, side=side)

    def _deeds(self) -> None:
        """Whether each deed's word can be of its side alone."""
        entered = list[Side]()
        plainly = all(any(each.side is side and each.deed is Deed.LEAVES for each in self.marks) for side in (Side.LONG, Side.SHORT))  # fmt: skip
        before: Mark | None = None
        for each in self.marks:
            words = self.text[each.start : each.end].lower()
            if each.side is Side.LONG and each.deed is Deed.ENTERS and words.startswith(("buy", "bought")) and entered[:1] == [Side.SHORT] and not plainly:  # fmt: skip
                self._ask(BUY_OR_COVER, *self._around(each.start, each.end))
            if each.side is Side.LONG and each.deed is Deed.LEAVES and "long" not in words and Side.LONG not in entered:
                self._ask(SELL_OR_SHORT, *self._around(each.start, each.end))
            if each.side is Side.SHORT and each.deed is Deed.LEAVES and words.endswith("back") and (before is None or before.side is not Side.SHORT):  # fmt: skip
                self._ask(BUY_OR_COVER, *self._around(each.start, each.end))
            as_noun = words in ("long", "short") and NOUN.search(self.text, 0, each.start)
            plural = words in ("longs", "shorts") and not re.search(r"\b(?:it|strategy|bot|that|which|then|also)\s+$", self.text[: each.start], _I)  # fmt: skip
            if each.deed is Deed.ENTERS and (as_noun or plural):
                self._ask(BY_ITSELF, *self._around(each.start, each.end))
            if each.deed is Deed.ENTERS:
                entered.append(each.side)
            before = each
        for side in (Side.LONG, Side.SHORT):
            if side not in entered:
                self.asks.append(f"When does it go {side.value}? {AGAIN}")

    def _unsided(self) -> None:
        """Sentences that name no side: of both, where they cannot mean one."""
        entries = {side: [each.start for each in self.marks if each.side is side and each.deed is Deed.ENTERS] for side in (Side.LONG, Side.SHORT)}  # fmt: skip
        for start, end in self.alone:
            words = self.text[start:end]
            began = [side for side, places in entries.items() if places and min(places) < start]
            marks = [each for each in self.marks if start <= each.start < end]
            self.pieces.append(Piece(start, end, Side.BOTH))
            named = [each for each in self.mentions if start <= each.start < end]
            if named and _NAMES.sub("", words.replace(self.text[named[0].start : named[0].end], "")) == "":
                continue
            if not marks and SAYS_NOTHING.fullmatch(words):
                continue
            reach = self.leads.get(start)
            if reach is not None and not all(any(start < place < reach for place in places) for places in entries.values()):  # fmt: skip
                # “Only before noon: buy …. Short …” may be said of the first alone.
                self._ask(BY_ITSELF, start, end)
                continue
            leads = any(not self.text[start : each.start].strip(" ,") or each.whole for each in marks)
            if COUNTED.search(words):
                continue
            of_both = OF_BOTH.match(words) or (not began and _ONLY_THEN.match(words))
            if len(began) == 1 or not (leads or (of_both and not marks)):
                self._ask(BY_ITSELF, start, end)
                continue
            kinds = {kind for kind, _, _ in beside(words)}
            timed = "clock" in kinds and len(_WHEN.findall(words)) == 0
            own = {side for side in entries if any(each.side is side and each.deed is Deed.LEAVES for each in self.marks)}  # fmt: skip
            if leads and not timed and own:
                # One side has a way out of its own: this one may be the other's.
                self._ask(BY_ITSELF, start, end)
                continue
            for part in self.parts:
                if {"stop", "target", "size"} & kinds & {kind for kind, _, _ in beside(self.text[part.start : part.end])}:  # fmt: skip
                    self._ask(BY_ITSELF, start, end)
            self.told.append(f"“{words.strip()}” is taken of both sides.")

    def _beside(self) -> None:
        """That what is said beside the conditions of one side is said of the other too, or of it alone."""
        found = dict[str, dict[Side, list[tuple[int, int]]]]()
        of_both = {kind for each in self.pieces if each.side is Side.BOTH for kind, _, _ in beside(self.text[each.start : each.end])}  # fmt: skip
        last = max((each.end for each in self.parts), default=0)
        for part in self.parts:
            said = {kind: (part.start + first, part.start + end) for kind, first, end in beside(self.text[part.start : part.end])}  # fmt: skip
            for kind, place in (*said.items(), *part.kinds.items()):
                found.setdefault(kind, {}).setdefault(part.side, []).append(place)
        unsure = list[tuple[Side, int, int]]()
        loose = self._loose()
        if loose is not None:
            unsure.append(loose)
        for kind, of_sides in found.items():
            for side, places in of_sides.items():
                if loose is not None and side is loose[0] and loose[1] <= places[-1][0] < loose[2]:
                    continue
                if kind in of_both and kind in ("stop", "target", "size"):
                    self._ask(BY_ITSELF, *self._around(*places[0]))
                elif kind == "way out" and any(each.deed is Deed.LEAVES and each.side not in (side, Side.NONE, Side.BOTH) for each in self.marks):  # fmt: skip
                    continue
                elif any(each.deed in (Deed.NAMED, Deed.BARRED) and each.side is side and self._part_of(each.start) is self._part_of(places[-1][0]) and not re.search(r"[,;]|\band\b", self.text[min(each.start, places[-1][0]) : max(each.start, places[-1][0])]) for each in self.marks):  # fmt: skip
                    # “Stop 2% for longs” says it.
                    continue
                elif len(of_sides) == 1 and (kind not in ("clock", "bound") or self._behind(places, last)):
                    unsure.append((side, *self._around(*places[-1])))
                elif len(of_sides) == 1:
                    start, end = self._around(*places[-1])
                    self.told.append(f"“{self.text[start:end].strip(' ,;')}” is of the {side.value} side alone.")
        unsure = list(dict.fromkeys(unsure))
        if self.scope is not None and len(unsure) == 1:
            side, start, end = unsure[0]
            if self.scope is side:
                self.told.append(f"“{self.text[start:end].strip()}” is of the {side.value} side alone, as you say.")
                return
            if self.scope is Side.BOTH and self._move(start, end):
                self.told.append(f"“{self.text[start:end].strip()}” is of both sides, as you say.")
                return
        if self.scope in (Side.LONG, Side.SHORT) and not unsure:
            self.asks.append(BY_ITSELF.format(self.text.strip()[:200]))
        for side, start, end in unsure:
            self.asks.append(WHICH_SIDE.format(self.text[start:end].strip(), side.value))

    def _loose(self) -> tuple[Side, int, int] | None:
        """What stands at the very end, behind the last condition of one side, where it may as well be said of both: “…, cover when it is below 40, cut losses at 2%”."""
        last = max(self.parts, key=lambda each: each.end, default=None)
        if last is None or self.asks:
            return None
        tails = {side: self._tail_of(side) for side in (Side.LONG, Side.SHORT)}
        start = tails[last.side]
        if start is None or not self._began_both(start) or tails[Side.LONG if last.side is Side.SHORT else Side.SHORT] is not None:  # fmt: skip
            return None
        kinds = {kind for kind, _, _ in beside(self.text[start : last.end])}
        others = {kind for each in self.parts if each.side is not last.side for kind, _, _ in beside(self.text[each.start : each.end])}  # fmt: skip
        said = any(each.deed in (Deed.NAMED, Deed.BARRED) and start <= each.start < last.end for each in self.marks)
        return None if said or (kinds and kinds <= others) else (last.side, start, last.end)

    def _tail_of(self, side: Side) -> int | None:
        """Where words begin that stand behind the last condition of a side, set off from it."""
        parts = [each for each in self.parts if each.side is side]
        sided = [each for each in self.marks if each.side is side and each.deed in (Deed.ENTERS, Deed.LEAVES) and self._part_of(each.start) in parts]  # fmt: skip
        named = [each for each in sided if each.start not in self.unsided]
        if not named:
            return None
        end = max(each.end for each in parts)
        begin = named[-1].end
        for each in sided:
            if each.start >= begin and each.start in self.unsided:
                if any(one.deed is Deed.LEAVES for one in named):
                    # It has a way out already, and this one names no side.
                    offs = [off.start() for off in _OFF.finditer(self.text, begin, each.start)]
                    return offs[-1] if offs else each.start
                begin = each.end
        for off in SET_OFF.finditer(self.text, begin, end):
            said = self.text[off.end() : end]
            for name in self.mentions:
                if off.end() <= name.start and name.end <= end:
                    said = said.replace(self.text[name.start : name.end], " ")
            if self.text[begin : off.start()].strip() and _NAMES.sub("", said) and not re.match(r"\W*or\b", said, _I):
                return off.start()
        return None

    def _part_of(self, at: int) -> _Part | None:
        return next((each for each in self.parts if each.start <= at < each.end), None)

    def _behind(self, places: Sequence[tuple[int, int]], last: int) -> bool:
        """Whether something stands behind all conditions and may be said of all of them, unless it is plainly when the last position is closed: “cover … at 15:55”."""
        start, _ = places[-1]
        part = next(each for each in self.parts if each.start <= start < each.end)
        if part.end != last:
            return False
        mark = next((each for each in reversed(self.marks) if part.start <= each.start < start), None)
        if mark is None:
            return True
        between = self.text[mark.end : start]
        if re.fullmatch(r"(?:\s+(?:it|\$?(?-i:[A-Z]{1,5})))?\s+(?:at|by)\s+", between, _I):
            return False
        return mark.deed is not Deed.LEAVES or not re.search(r"\bor\s+(?:at|by)\s+$", between, _I)

    def _move(self, start: int, end: int) -> bool:
        """Gives words at the end of a piece to both sides."""
        for index, piece in enumerate(self.pieces):
            if end == piece.end and start <= piece.start and not re.search(r"\w", self.text[start : piece.start].replace("and", "")):  # fmt: skip
                self.pieces[index] = replace(piece, side=Side.BOTH)
                return True
            if piece.start < start and end == piece.end:
                self.pieces[index] = replace(piece, end=start)
                self.pieces.append(Piece(start, end, Side.BOTH))
                return True
        return False

    def _around(self, start: int, end: int) -> tuple[int, int]:
        """The words around a place, from where they are set off to the end of their piece or sentence."""
        spans = [(each.start, each.end) for each in self.pieces] + list(self._sentences())
        begin, stop = next((one for one in spans if one[0] <= start < one[1]), (0, len(self.text)))
        inside = [each.end for each in self.marks if begin <= each.start and each.end <= start]
        begin = max([begin, *inside])
        offs = [match.start() for match in _OFF.finditer(self.text, begin, start + 1)]
        return (offs[0] if offs else begin), max(end, stop)

    def _ask(self, asks: str, start: int, end: int) -> None:
        self.asks.append(asks.format(self.text[start:end].strip(" ,;")[:200]))
