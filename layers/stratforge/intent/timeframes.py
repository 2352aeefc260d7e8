"""The bars on which a person wants a strategy to decide, as the words say it, and the rest of the words as of bars of any length.

A strategy on longer bars is the same strategy with its bars called otherwise. So the words that name them are taken out of a request, lengths of time become
lengths in bars where these divide them (an hour is 12 bars of 5 minutes), and all other words are held against the rules as if its bars were those of a minute.
What has another meaning there, times of day and other spans of time, is asked about.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stratforge.intent.days import DAY_AVERAGE
from stratforge.intent.elements import Kind, Unit, elements_of
from stratforge.intent.rules import Rule, is_number
from stratforge.market.resampling import TIMEFRAME_OF, TIMEFRAMES
from stratforge.market.symbols import is_symbol

_I = re.IGNORECASE
MINUTE = "1min"
# Lengths of bars, in minutes, on which times of day are decided: at those at which a bar ends.
ON_THE_CLOCK = frozenset(each for each in TIMEFRAMES.values() if each <= 30)
_CLOSE = 960
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "ten": 10, "fifteen": 15, "thirty": 30, "sixty": 60}
_LENGTH = rf"(?:(?P<n>\d{{1,4}}|{'|'.join(_NUMBERS)})[ -]?(?P<unit>minutes?|mins?|m|hours?|hrs?|h|days?|d)|(?P<word>minute|hourly|daily))"
_BARS = r"(?:price )?(?:bars?|candles?|candlesticks?|charts?|time-?frames?|time frames?)"
# “The daily chart”, “5-minute bars”, “timeframe: 1h”.
_MENTION = re.compile(rf"(?<![\w.-])(?:(?:the|a) )?{_LENGTH}[ -]{_BARS}\b", _I)
_LABEL = re.compile(rf"(?<!\w)time-? ?frame\s*(?:is|=|:|of)?\s*{_LENGTH}(?!\w)", _I)
# “SPY daily:”, “AAPL 1D |”, “4h BTC/USD,”: how a chart is headed.
_HEADED = re.compile(
    rf"(?:^|\n|\bon )[ \t]*\$?(?P<of>[A-Z]{{1,5}}(?:[./][A-Z]{{1,4}})?),?[ \t]+{_LENGTH}(?=[ \t]*(?:[:|–—]|- ))", _I
)
_HEADED_ALONE = re.compile(rf"^\W*(?P<of>[A-Z]{{1,5}}(?:[./][A-Z]{{1,4}})?),?[ \t]+{_LENGTH}\W*$", _I)
_HEADED_BY = re.compile(
    rf"(?:^|\n)[ \t]*{_LENGTH}[ \t]+\$?(?P<of>[A-Z]{{1,5}}(?:[./][A-Z]{{1,4}})?)(?=[ \t]*[:|–—])", _I
)
_LEAD = re.compile(r"(?:\b(?:on|using|with|over|from)\s+)?$", _I)
# What may stand before it in its clause: words that say who trades what, and no condition.
_BEFORE = frozenset(
    """
    a all also an and be bot buy can change create decide decides everything for go i in it like long make me move my new of only please put run
    runs share shares should simple stock strategy switch take that the this to trade trades trading use uses want which work works would write
    you your
    """.split()  # noqa: SIM905 - a list of words is read as a text
)
# What leads to them alone, and says nothing besides.
_VERBS = frozenset(
    """
    change decide it make now please put run runs strategy switch take that the this to trade trades use works
    """.split()  # noqa: SIM905 - a list of words is read as a text
)
_AFTER = re.compile(
    r"\s*(?:please|instead|now|only|too)?\s*(?:$|[.,;:\n)]|\b(?:when|if|whenever|once|as soon as|buy|enter|go long|and buy|and go long)\b)",
    _I,
)
_ENDS = re.compile(r"\s*(?:please|instead|now)?\s*(?:$|[.;\n])", _I)
_END = re.compile(r"[.,;:\n(]")
_SENTENCE = re.compile(r"[.;:\n]")
_DAYS = re.compile(rf"(?<![\w.])(\d{{1,4}}|{'|'.join(_NUMBERS)}|six|seven|eight|nine|twelve|twenty|fifty)([ -])(?:trading )?day(s?)\b", _I)  # fmt: skip
# A span of time that is counted in bars: “after an hour”, “wait 30 minutes”, “the low of the last hour”; no stretch of the day.
_SPAN = re.compile(
    rf"\b(?:(?P<bare>after|for|in|within|waits?|hold|holding|(?:pause|wait|cool-?down|cool-?down period|time stop) of)|(?:of|over) the (?:last|past|previous)|within the)\s+(?P<span>(?P<count>half(?: an?)? |(?:a )?quarter of an |an? |(?:\d{{1,4}}|{'|'.join(_NUMBERS)})[ -]?)?(?P<unit>hours?|hrs?|h|minutes?|mins?|m))\b"
    r"(?!\s+(?:after|from|before|into|of|past|to)\s+(?:the\s+)?(?:market\s+|closing\s+|opening\s+)?(?:open|clos|day|session|trading|bell)|-|\s+(?:chart|bars?|candles?|time))",
    _I,
)
# Spans of time without a number of their own.
_UNCOUNTED = re.compile(
    r"(?<!first )(?<!last )(?<!final )(?<!opening )(?<!closing )\b(?:half (?:an? )?|(?:a )?quarter of an |an? |within the )(?:hours?|minutes?)\b(?! ?-)",
    _I,
)
_CLOCK_WORDS = re.compile(r"\bminute(?:_in_\w+|s_to_close)?\b|\bopening_(?:high|low)\b|\bdays_held\b|\bdays after a\b")


@dataclass(frozen=True, slots=True)
class Mention:
    """Words that name bars.

    Attributes:
        start: Where they begin, with what leads to them (“on the daily chart”).
        end: Where they end.
        words: The words.
        timeframe: One of the language's timeframes, `1min` included; None where it has no such bars.
        plain: Whether they can only mean the bars on which the whole strategy decides.
    """

    start: int
    end: int
    words: str
    timeframe: str | None
    plain: bool


def mentions_in(turn: str) -> list[Mention]:
    """The bars that a turn names, in the order of its words."""
    found = []
    for pattern in (_MENTION, _LABEL):
        for match in pattern.finditer(turn):
            lead = _LEAD.search(turn, 0, match.start())
            start = lead.start() if lead else match.start()
            clause = re.findall(r"[^\s]+", turn[_clause(turn, start) : start])
            before = all(_says_nothing(each) for each in clause)
            own = pattern is _LABEL or start < match.start() or not clause or clause[-1].lower() in ("use", "to", "take") or is_symbol(clause[-1])  # fmt: skip
            # What is set off by a comma ends its sentence, or it may belong to the condition before it.
            sentence = turn[_clause(turn, start, _SENTENCE) : start]
            after = _AFTER if all(map(_says_nothing, sentence.replace(",", " ").split())) else _ENDS
            plain = own and before and bool(after.match(turn, match.end()))
            if clause and all(each.lower() in _VERBS for each in clause):
                start = turn.index(clause[0], _clause(turn, start))
            found.append(Mention(start, match.end(), turn[start : match.end()], _timeframe(match), plain))
    for pattern in (_HEADED, _HEADED_ALONE, _HEADED_BY):
        for match in pattern.finditer(turn):
            start = match.start("word" if match["word"] else "n")
            end = match.end("word" if match["word"] else "unit")
            if match["of"].isupper() and not any(each.start < end and start < each.end for each in found):
                found.append(Mention(start, end, turn[start:end], _timeframe(match), True))
    return sorted(found, key=lambda each: each.start)


# What may name bars and may say how often; not “the daily high”.
_LOOSE = re.compile(
    r"(?<![\w.:-])(?:hourly|daily|1[ -]?[dh]|4[ -]?h)(?![\w-])(?! (?:high|low|open|close|return|change|range|gain|loss|limit|volume|vwap|pivot|trend|profit|loss)s?\b)(?! at \d)(?! (?:or|and) (?:weekly|monthly))",
    _I,
)


def loose_in(turn: str) -> list[Mention]:
    """The words that may name bars, or say how often something is done, and are no mention of bars: “buy PEP daily if …”."""
    sure = mentions_in(turn)
    units = {"h": "1h", "d": "1d", "4": "4h"}
    return [
        Mention(
            each.start(),
            each.end(),
            each[0],
            units[each[0][0].lower() if each[0][0] != "1" else each[0][-1].lower()],
            False,
        )
        for each in _LOOSE.finditer(turn)
        if not any(one.start < each.end() and each.start() < one.end for one in sure)
    ]


def _behind_symbol(turn: str) -> list[Mention]:
    """“Buy PEP daily if …”, where it is known that bars are meant."""
    before = [(each, re.search(r"[A-Z]+(?:[./][A-Z]+)?(?=[)]?,? $)", turn[: each.start])) for each in loose_in(turn)]
    return [replace(each, plain=True) for each, word in before if word is not None and is_symbol(word[0])]


def _clause(turn: str, at: int, ends: re.Pattern[str] = _END) -> int:
    """Where the clause begins in which something stands, or what ends otherwise."""
    return max((each.end() for each in ends.finditer(turn, 0, at)), default=0)


def _says_nothing(word: str) -> bool:
    bare = word.strip("“”\"'$")
    return bare.lower() in _BEFORE or (bare.isupper() and is_symbol(bare))


def _timeframe(match: re.Match[str]) -> str | None:
    if match["word"]:
        return {"minute": MINUTE, "hourly": "1h", "daily": "1d"}[match["word"].lower()]
    number = _NUMBERS.get(match["n"].lower()) or int(match["n"])
    each = {"m": 1, "h": 60, "d": 1_440}[match["unit"][0].lower()]
    minutes = number * each
    return MINUTE if minutes == 1 else TIMEFRAME_OF.get(minutes)


@dataclass(frozen=True, slots=True)
class Frame:
    """The bars of a request over its open turns.

    Attributes:
        timeframe: Those on which the answer has to decide; None are bars of a minute.
        said: The mentions of each turn that name them, plainly or besides, or plainly others before.
        asks: What has to be asked about them.
    """

    timeframe: str | None
    said: tuple[tuple[Mention, ...], ...]
    asks: tuple[str, ...] = ()

    @property
    def spoken(self) -> bool:
        """True when the person names bars other than those that there were without a word."""
        return any(self.said)


def read_frame(turns: Sequence[str], standing: str | None = None) -> Frame:
    """Reads on which bars a strategy has to decide.

    Args:
        turns: The person's words, turn by turn.
        standing: The timeframe of what stood before; None are bars of a minute.
    """
    timeframe, asks, said = standing, list[str](), list[tuple[Mention, ...]]()
    for turn in turns:
        plain = tuple(each for each in mentions_in(turn) if each.plain)
        # Of bars of a minute nothing has to be said where there are no others.
        plain = tuple(each for each in plain if each.timeframe != MINUTE or timeframe is not None)
        said.append(plain)
        named = {each.timeframe: each.words for each in plain}
        if len(named) > 1:
            words = " and ".join(f"“{each}”" for each in named.values())
            asks.append(f"{words} are bars of several lengths. On which should the strategy decide?")
        elif None in named:
            asks.append(f"“{named[None]}”: strategies decide on bars of {', '.join((MINUTE, *TIMEFRAMES))}. On which?")
        elif named:
            (one,) = named
            timeframe = None if one == MINUTE else one
    if any(said) and timeframe is not None:
        # What names the same bars within a condition, or behind the symbol, says nothing more.
        said = [
            tuple(
                each
                for each in [*mentions_in(turn), *_behind_symbol(turn)]
                if each in plain or each.timeframe == timeframe
            )
            for turn, plain in zip(turns, said, strict=True)
        ]
    return Frame(timeframe, tuple(said), tuple(asks))


def asked_of_spans(turns: Sequence[str], frame: Frame) -> Iterator[str]:
    """Asks about the times and spans of time in a request for longer bars that mean something else there."""
    if frame.timeframe is None:
        return
    length = in_words(frame.timeframe)
    days = frame.timeframe == "1d"
    for turn, said in zip(turns, frame.said, strict=True):
        for match in _UNCOUNTED.finditer(turn):
            yield f"“{match[0]}”: how many bars of {length} should it be?"
        for each in elements_of(turn, Kind.NUMBER, Kind.TIME):
            if any(one.start <= each.start < one.end for one in said):
                continue
            if not days and any(one.start() <= each.start < one.end() for one in DAY_AVERAGE.finditer(turn)):
                # Days beside shorter bars are the exchange's.
                continue
            # Of another timeframe on purpose, or a part of its name.
            if any(one.start <= each.start < one.end for one in mentions_in(turn)):
                continue
            words = turn[each.start : each.end + len(_unit_of(turn, each.end))]
            minutes = TIMEFRAMES[frame.timeframe]
            if each.kind is Kind.TIME and minutes in ON_THE_CLOCK and each.value % minutes == 0:
                # Bars end then.
                continue
            if each.kind is Kind.TIME and minutes in ON_THE_CLOCK:
                yield f"“{words}”: no bar of {length} ends then. At which time that one does should it be, or should it take bars of a minute?"
            elif each.kind is Kind.TIME:
                yield f"“{words}”: times of day are decided on bars of a minute, and this one decides on bars of {length}. Leave the time out, or take bars of a minute?"
            elif each.unit in (Unit.MINUTES, Unit.HOURS) or (each.unit is Unit.DAYS and not (days and _DAYS.match(turn, each.start))):  # fmt: skip
                yield f"“{words}”: how many bars of {length} should it be?"


def _spans(turn: str) -> Iterator[tuple[int, int, float]]:
    """The spans of time that are counted in bars: where their words begin and end, with how many minutes they are."""
    for match in _SPAN.finditer(turn):
        count = (match["count"] or "").strip(" -").lower()
        if match["bare"] and not count:
            # “In minutes” counts nothing.
            continue
        parts = {"": 1.0, "a": 1.0, "an": 1.0} | _NUMBERS
        number = 0.5 if count.startswith("half") else 0.25 if "quarter" in count else parts.get(count) or float(count)
        yield *match.span("span"), number * (60 if match["unit"][0] in "hH" else 1)


def _unit_of(turn: str, end: int) -> str:
    found = re.compile(r"[\s-]*[^\W\d_]+", _I).match(turn, end)
    return found[0] if found else ""


def clock_findings(rules: Sequence[Rule], frame: Frame) -> Iterator[str]:
    """The rules that look at the time of day on longer bars, but for those at which bars end."""
    for rule in rules:
        if (
            frame.timeframe is not None
            and _CLOCK_WORDS.search(rule.text)
            and not _ends_then(rule, TIMEFRAMES[frame.timeframe])
        ):
            yield f"“{rule.text}” looks at the clock, and the strategy decides on bars of {in_words(frame.timeframe)}: ask, and write nothing before it is answered."


def _ends_then(rule: Rule, minutes: int) -> bool:
    """Whether a rule looks at the clock by nothing but times at which bars of that length end, and after which it can still act on the same day."""
    if minutes not in ON_THE_CLOCK or rule.condition is None or "minute_in_" in rule.text or _CLOCK_WORDS.search(re.sub(r"\bminute(?:s_to_close)?\b", "", rule.text)):  # fmt: skip
        return False
    looked = {
        id(each)
        for each in ast.walk(rule.condition)
        if isinstance(each, ast.Name) and each.id in ("minute", "minutes_to_close")
    }
    for each in ast.walk(rule.condition):
        if isinstance(each, ast.Compare) and ast.unparse(each.left) in ("minute", "minutes_to_close") and len(each.ops) == 1:  # fmt: skip
            text = ast.unparse(each.comparators[0])
            if not is_number(text):
                return False
            if ast.unparse(each.left) == "minutes_to_close":
                # The bar after which so many minutes are left has to have another behind it, unless it only bounds.
                if float(text) % minutes or (isinstance(each.ops[0], ast.Lt | ast.LtE) and float(text) < minutes):
                    return False
                looked.discard(id(each.left))
                continue
            # “At 10:00” is from then on, and before the minute after it.
            before = isinstance(each.ops[0], ast.Lt)
            if not (float(text) % minutes == 0 or (before and (float(text) - 1) % minutes == 0)):
                return False
            if not isinstance(each.ops[0], ast.Lt | ast.LtE) and float(text) > _CLOSE - minutes:
                return False
            looked.discard(id(each.left))
    return not looked


def in_words(timeframe: str | None) -> str:
    """A timeframe as one says it after “bars of”."""
    minutes = TIMEFRAMES.get(timeframe or "", 1)
    if minutes == 1:
        return "a minute"
    if minutes == TIMEFRAMES["1d"]:
        return "a day"
    return f"{minutes} minutes" if minutes < 60 else "an hour" if minutes == 60 else f"{minutes // 60} hours"


def names_frame(text: str, timeframe: str | None) -> bool:
    """Says whether an explanation names the bars on which a strategy decides."""
    minutes = TIMEFRAMES.get(timeframe or "", 1)
    spelled = next((word for word, number in _NUMBERS.items() if number == minutes), str(minutes))
    forms = {1: r"\bminute|1 ?min", 60: r"\bhourly\b|\b(?:an|one)[ -]hour|(?<![\d.])1[ -]?h|(?<!\d)60[ -]?min|\bstündlich|\beiner? stunde|\buna hora|\bune heure", 1_440: r"\bdaily\b|\bdays?\b|\b1 ?d\b|täglich|\btag|diari|quotidien|\bjour|日"}  # fmt: skip
    if minutes in forms:
        return bool(re.search(forms[minutes], text, _I))
    hours = rf"|\b{minutes // 60}[ -]?h" if minutes % 60 == 0 else ""
    return bool(re.search(rf"\b(?:{minutes}|{spelled})[ -]?m{hours}|(?<!\d){minutes}\s*(?:分|-?Min)", text, _I))


@dataclass(frozen=True, slots=True)
class Plainly:
    """A turn without the words that name its bars, and with its lengths in bars, each character with the place that it came from."""

    text: str
    places: tuple[int, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Returns where a stretch of it stands in the turn."""
        return self.places[start], self.places[end - 1] + 1

    def stretch(self, start: int, end: int) -> str:
        """Returns what is left of a stretch of the turn."""
        return "".join(each for each, place in zip(self.text, self.places, strict=True) if start <= place < end)


def plainly(turn: str, said: Sequence[Mention], timeframe: str | None) -> Plainly:
    """Takes the named bars out of a turn.

    Args:
        turn: The person's words.
        said: The mentions that are taken out.
        timeframe: The bars on which the strategy decides.
    """
    letters: list[tuple[str, int]] = []
    at = 0
    changes = [(each.start, _tail(turn, each.end), "") for each in said]
    minutes = TIMEFRAMES.get(timeframe or "", 1)
    if 1 < minutes < TIMEFRAMES["1d"]:
        changes += [
            (start, end, "1 bar" if count == minutes else f"{count // minutes:g} bars")
            for start, end, count in _spans(turn)
            if count % minutes == 0 and not any(one.start < end and start < one.end for one in mentions_in(turn))
        ]
    if timeframe == "1d":
        taken = list(changes)
        changes += [
            (each.start(), each.end(), f"{each[1]}{each[2]}bar{each[3]}")
            for each in _DAYS.finditer(turn)
            if not any(start < each.end() and each.start() < end for start, end, _ in taken)
        ]
    for start, end, text in sorted(changes):
        letters += [(turn[place], place) for place in range(at, start)]
        # The last letter ends where the words end.
        letters += [(letter, end - 1 if index == len(text) - 1 else start) for index, letter in enumerate(text)]
        at = end
    letters += [(turn[place], place) for place in range(at, len(turn))]
    return Plainly("".join(letter for letter, _ in letters), tuple(place for _, place in letters))


def _tail(turn: str, end: int) -> int:
    """Words such as “instead” behind the bars, and what sets them off at the beginning."""
    found = re.compile(r"\s*(?:please|instead|now|too)\b", _I).match(turn, end)
    return found.end() if found else end
