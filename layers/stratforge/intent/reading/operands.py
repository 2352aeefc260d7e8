"""Reads what is compared: numbers, prices, indicators with their lengths, and what “it” stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stratforge.intent.reading.lines import Family, bands, high_low, line_of
from stratforge.intent.reading.meaning import TooMany, side_of_text
from stratforge.intent.reading.tokens import Token
from stratforge.intent.reading.words import INDICATORS, OF_PRICE
from stratforge.intent.rules import LONGEST_OPENING

T = TypeVar("T")
# Longer timeframes by their minutes.
FRAMES = {5.0: "5min", 15.0: "15min", 30.0: "30min", 60.0: "1h", 240.0: "4h"}
_RELATES = ("is", "below", "above", "cross", "at_most", "at_least", "fall", "rise", "move", "trade", "break", "return", "turns", "crossover", "it_is", "touch", "back", "between", "oversold", "overbought")  # fmt: skip


class Unread(Exception):
    """Words that the strict grammar does not read, from this token on."""


@dataclass(frozen=True, slots=True)
class Operand:
    """Something that is compared, in the forms that a rule may have it in, and whether it is a plain number or a price.

    Attributes:
        column: Of what measure it is: a price's name, `price`, `volume`, or empty for an indicator with a scale of its own.
        edge: Whether it is by nature what is broken upwards (`above`) or downwards (`below`), such as the highest high of 20 bars.
    """

    sides: tuple[str, ...]
    number: float | None = None
    column: str = ""
    money: bool = False
    edge: str = ""


def made(sides: tuple[str, ...], *, column: str, edge: str = "") -> Operand:
    """Returns what is compared, in the forms that were found for it; unread where there are none."""
    if not sides:
        raise Unread
    return Operand(sides, column=column, edge=edge)


class Operands:
    """Reads operands from the tokens of a turn, from where it stands."""

    def __init__(self, tokens: Sequence[Token], week: frozenset[int]) -> None:
        self.tokens = tokens
        self.week = week
        self.at = 0
        # What was compared last, for “it” and for crossings that name nothing.
        self.left: Operand | None = None
        self.right: Operand | None = None
        self.selling = False
        # What the statement before, and this one, compare: “it” is plain only where that is one thing.
        self.before: set[str] = set()
        self.now: set[str] = set()
        self.spoken: list[Operand] = []
        # The bands that were spoken of last, for “the middle band”; two averages, for “the 12 crosses back”.
        self.family: Family | None = None
        self.known: dict[float, Operand] = {}
        self.trend: list[float] = []
        # The numbers of an indicator that were said once: named without them, it is the same.
        self.numbers: dict[str, set[tuple[float, ...]]] = {}
        # How many minutes the opening range has that was spoken of.
        self.opening = 0.0
        # Whether something before was not read, which “it” may stand for.
        self.lost = False
        # The lengths with which indicators were named.
        self.lengths: dict[str, set[float]] = {}

    def peek(self, ahead: int = 0) -> str:
        """The kind of the token that comes; empty at the end."""
        return self.tokens[self.at + ahead].kind if self.at + ahead < len(self.tokens) else ""

    def take(self, *kinds: str) -> Token | None:
        """Takes the next token, if it is of one of these kinds."""
        if self.peek() in kinds:
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def need(self, *kinds: str) -> Token:
        """The next token, which has to be of one of these kinds."""
        token = self.take(*kinds)
        if token is None:
            raise Unread
        return token

    def number(self, *kinds: str) -> float:
        """The number of the next token, which has to be of one of these kinds."""
        return float(self.need(*(kinds or ("number",))).value)

    def bars(self) -> float:
        """The number of bars, of one minute each, that the next tokens count: “10 bars”, “2 hours”, “an hour”."""
        if self.take("half_hour"):
            return 30
        if self.take("quarter_hour"):
            return 15
        count = self.number() if self.peek() == "number" else 1.0 if self.peek() == "hours" else self.number()
        return count * (60 if self.need("unit", "hours").kind == "hours" else 1)

    def attempt(self, read: Callable[[], T]) -> T | None:
        """Reads something, or stays where it was."""
        before = self.at, self.left, self.right, set(self.now), self.family, dict(self.known)
        lengths = {name: set(each) for name, each in self.lengths.items()}
        try:
            return read()
        except (Unread, TooMany):
            self.at, self.left, self.right, self.now, self.family, self.known = before
            self.lengths = lengths
            return None

    def operand(self) -> Operand:
        """Reads what is compared: a number, a price, an indicator."""
        if self.take("it"):
            return self._spoken_of()
        for read in (self._named, self._short, self._plain_number):
            found = self.attempt(read)
            if found is not None:
                return found
        raise Unread

    def _spoken_of(self) -> Operand:
        """What “it” is: the one thing that was compared before; the symbol's price where nothing was."""
        if self.left is None and not self.now and not self.before and not self.lost:
            return Operand(("close",), column="close")
        if self.left is None or len(self.now or self.before) != 1:
            raise Unread
        return self.left

    def _plain_number(self) -> Operand:
        token = self.need("number", "dollars")
        number = float(token.value)
        return Operand((f"{number:.10g}",), number, money=token.kind == "dollars")

    def _short(self) -> Operand:
        """“The 12”, where an average of 12 bars was named."""
        number = self.number()
        if number not in self.known or self.peek() in ("unit", "times", "comma"):
            raise Unread
        return self.known[number]

    def _named(self) -> Operand:
        if self.peek() == "its" and self.peek(1) in ("indicator", "glued", "volume"):
            # “Tesla when its RSI …”.
            self.need("its")
        if token := self.take("column"):
            column = str(token.value)
            edge = {"yesterday_high": "above", "yesterday_low": "below", "day_high": "", "day_low": ""}.get(column, "")
            known = column in ("close", "open", "high", "low") or column.startswith("account")
            return Operand((column,), column=column if known else "price", edge=edge)
        if self.take("volume"):
            return Operand(("volume",), column="volume")
        if self.take("symbol"):
            return Operand(("close",), column="close")
        if token := self.take("glued"):
            name, glued = str(token.value).split()
            return self._indicator(name, float(glued))
        if self.take("yesterday"):
            price = self.need("column", "high", "low").value
            edge = {"high": "above", "low": "below"}.get(str(price), "")
            if price not in ("high", "low", "close", "open"):
                raise Unread
            return Operand((f"yesterday_{price}",), column="price", edge=edge)
        if self.peek() in ("high", "low") and self.peek(1) in ("below", "above", "at_most", "at_least", "is") and str(self.tokens[self.at].value) in ("high", "low"):  # fmt: skip
            # “Low <= SMA50”: of the bar.
            price = self.need("high", "low").kind
            return Operand((price,), column=price)
        if token := self.take("range_high", "range_low"):
            # “The range high”, “the opening range low”.
            if not self.opening:
                raise Unread
            side = token.kind.removeprefix("range_")
            return Operand((f"opening_{side}({self.opening:.10g})",), column="price", edge="above" if side == "high" else "below")  # fmt: skip
        for read in (self._highest, self._band, self._line):
            found = self.attempt(read)
            if found is not None:
                return found
        if framed := self.attempt(self._in_frame):
            return framed
        length = self._length()
        if self.take("average"):
            volume = self.take("volume")
            if length is None:
                length = self.attempt(self._after_it)
            if length is None:
                # “The average”, where one was named.
                if len(self.known) != 1 or volume:
                    raise Unread
                return next(iter(self.known.values()))
            return self._average("volume" if volume else "close", length)
        token = self.need("indicator")
        return self._indicator(str(token.value), length)

    def _in_frame(self) -> Operand:
        """“5m RSI”, “the hourly SMA 20”, “the 15-minute MACD”: of completed bars of a longer timeframe."""
        if token := self.take("hourly"):
            minutes = 60.0 if token.value == "hourly" else 1440.0
        else:
            number = self.number()
            unit = self.need("unit", "hours")
            if unit.kind == "unit" and str(unit.value) not in ("minute", "minutes", "min", "mins", "m"):
                raise Unread
            minutes = number * (60 if unit.kind == "hours" else 1)
        frame = FRAMES.get(minutes)
        said = self.peek() == "glued" or self.peek(1) in ("open", "number")
        # “The 30-minute average” is one of 30 bars of a minute.
        plain = self.peek() == "average" or (self.peek() == "indicator" and str(self.tokens[self.at].value) in OF_PRICE)
        if frame is None or (plain and not said):
            raise Unread
        before = dict(self.lengths)
        self.lengths = {}
        if token := self.take("glued"):
            name, glued = str(token.value).split()
            found = self._indicator(name, float(glued))
        elif self.peek() == "indicator" and self.tokens[self.at].value != "stoch":
            found = self._indicator(str(self.need("indicator").value), None)
        else:
            found = self._line()
        self.lengths = before
        if "vwap" in found.sides[0] or "supertrend" in found.sides[0] or "psar" in found.sides[0]:
            raise Unread
        sides = tuple(side_of_text(each.replace("bars.", f'bars.resample("{frame}").')) for each in found.sides)
        return Operand(sides, column=found.column)

    def _after_it(self) -> float:
        """The length of “the average of the last 20 bars”, “the average (20)”."""
        given = self._in_brackets()
        if len(given) == 1:
            return given[0]
        if not self.take("of"):
            self.need("last")
            self.at -= 1
        self.take("last", "final")
        number = self.number()
        self.take("unit", "trade")
        return number

    def _highest(self) -> Operand:
        """“The 20-bar high”, “the highest high of the last 20 bars”, “yesterday's high”."""
        self.take("new")
        self.take("last", "final")
        self.take("its")
        length = self._length()
        self.take("new")
        kind, price = self._extreme()
        if length is None:
            if self.peek() in ("of", "in") and self.peek(1) == "first" and kind == price:
                self.at += 2
                return self._opening(kind)
            if self.take("of", "in"):
                self.take("last", "final")
                length = self.number()
                self.need("unit")
            elif self.peek() == "first" and kind == price:
                self.take("first")
                return self._opening(kind)
            elif self.take("yesterday"):
                return Operand((f"yesterday_{'high' if kind == 'high' else 'low'}",), column="price", edge="above" if kind == "high" else "below")  # fmt: skip
            else:
                raise Unread
        return made(high_low(kind, price, length), column="price", edge="above" if kind == "high" else "below")

    def _opening(self, kind: str) -> Operand:
        """“The high of the first 15 minutes”."""
        count = self.bars()
        self.take("of_the_day")
        if not 1 <= count <= LONGEST_OPENING or len(self.week) > 5:
            raise Unread
        self.opening = count
        return Operand((f"opening_{kind}({count:.10g})",), column="price", edge="above" if kind == "high" else "below")

    def _extreme(self) -> tuple[str, str]:
        if token := self.take("high", "low"):
            return token.kind, token.kind
        token = self.need("highest", "lowest")
        column = str(self.need("column", "high", "low").value).split()[-1]
        if column not in ("close", "high", "low"):
            raise Unread
        return ("high" if token.kind == "highest" else "low"), column

    def _band(self) -> Operand:
        """A line of the Bollinger bands, of the Keltner or of the Donchian channel."""
        which = name = None
        given: list[float] = []
        while True:
            if (token := self.take("upper", "lower", "middle")) and which is None:
                which = token.kind
            elif token := self.take("band", "keltner", "donchian"):
                name = token.kind if token.kind != "band" or name is None else name
                if token.kind == "band" and str(token.value) in ("band", "bands") and self.family and name == "band":
                    name = self.family.name
            elif name and not given and (found := self._in_brackets() or self._bare_pair()):
                given = found
            else:
                break
        if which is None:
            raise Unread
        if name is None and not (self.family and self._stands_alone()):
            raise Unread
        if name is None or (self.family and self.family.name == name and not given):
            assert self.family is not None
            name, given = self.family.name, list(self.family.numbers)
        found_bands = bands(name, given)
        if found_bands is None:
            raise Unread
        self.family = found_bands
        edge = {"upper": "above", "lower": "below", "middle": ""}[which]
        return made(found_bands.line(which), column="price", edge=edge)

    def _stands_alone(self) -> bool:
        return self.peek() in (
            "touch",
            "colon",
            "question",
            "",
            "comma",
            "stop_sign",
            "and",
            "or",
            "sell",
            "buy",
            "arrow",
            "bullet",
            "with",
        )

    def _bare_pair(self) -> list[float]:
        """The “20,2” of “BB 20,2”, “20/2”, “20 2”."""

        def read() -> list[float]:
            first = self.number()
            self.take("comma", "slash")
            second = self.number()
            if not (5 <= first <= 500 and 0 < second <= 10):
                raise Unread
            return [first, second]

        return self.attempt(read) or []

    def _line(self) -> Operand:
        """A line of an indicator that has several, or no length of its own: stochastic, directional movement, supertrend, parabolic."""
        if token := self.take("k_line", "d_line"):
            return made(line_of("stoch", self._numbers("stoch", []), token.kind), column="")
        if token := self.take("plus_di", "minus_di"):
            return made(line_of("adx", self._in_brackets(), token.kind), column="")
        if self.take("trend"):
            return made(line_of("supertrend", self._numbers("supertrend", self._in_brackets() or self._bare_pair() or self.trend), "trend"), column="price")  # fmt: skip
        if self.take("sar"):
            return made(line_of("psar", [], "sar"), column="price")
        if self.peek() == "indicator" and self.tokens[self.at].value == "stoch":
            self.at += 1
            given = self._in_brackets()
            line = self.take("k_line", "d_line")
            given = self._numbers("stoch", given or self._in_brackets())
            return made(line_of("stoch", given, line.kind if line else "k_line"), column="")
        if self.take("histogram"):
            return made(line_of("macd", self._numbers("macd", []), "histogram"), column="")
        raise Unread

    def _numbers(self, name: str, given: list[float]) -> list[float]:
        said = self.numbers.setdefault(name, set())
        if given:
            said.add(tuple(given))
        elif len(said) > 1:
            raise Unread
        return given or [each for one in said for each in one]

    def _length(self) -> float | None:
        if (
            self.peek() == "number"
            and self.peek(1) == "hours"
            and self.peek(2) in ("high", "low", "average", "highest", "lowest")
        ):
            hours = self.number()
            self.need("hours")
            return 60 * hours
        if self.peek() == "number" and (
            self.peek(1) in ("unit", "indicator", "average", "high", "low", "highest", "lowest")
        ):
            number = self.number()
            self.take("unit")
            return number
        return None

    def _in_brackets(self) -> list[float]:
        def read() -> list[float]:
            self.need("open")
            found = [self.number()]
            self.take("unit")
            while self.take("comma", "slash"):
                found.append(self.number())
            self.need("close")
            return found

        return self.attempt(read) or []

    def _average(self, column: str, length: float) -> Operand:
        side = side_of_text(f"ta.sma(bars.{column}, length={length:.10g})")
        return self._known(length, Operand((side,), column="price" if column == "close" else "volume"))

    def _known(self, length: float, found: Operand) -> Operand:
        """Notes an average by its length; two of one length are known by it no more."""
        if length in self.known and self.known[length] != found:
            self.known.pop(length)
        elif found.column == "price":
            self.known[length] = found
        return found

    def _indicator(self, name: str, length: float | None) -> Operand:
        if name == "macd":
            return self._macd(self._in_brackets())
        if name in ("trix", "pvo", "ppo", "tsi"):
            given = self._numbers(name, self._in_brackets())
            line = self.take("signal", "histogram")
            if line and line.kind == "histogram" and name not in ("pvo", "ppo"):
                raise Unread
            return made(line_of(name, given, line.kind if line else name), column="")
        if name == "stoch":
            raise Unread
        call, usual = INDICATORS[name]
        if name == "sma" and self.peek() == "open" and self.peek(1) == "volume":
            # “SMA(volume, 20)”.
            self.at += 2
            self.need("comma")
            length = self.number()
            self.need("close")
            return self._average("volume", length)
        given = self._in_brackets()
        if given:
            if len(given) > 1 or length is not None:
                raise Unread
            length = given[0]
        elif length is None and self.peek() == "of" and self.peek(1) == "number" and self.peek(2) == "unit":
            # “The z-score of 20 bars”.
            self.need("of")
            length = self.number()
            self.need("unit")
        elif length is None and name in OF_PRICE and self.peek() == "of" and self.peek(1) == "number":
            self.need("of")
            length = self.number()
        elif length is None and self.peek() == "number" and (not usual or self.peek(1) in _RELATES):
            # “SMA 20”, “RSI 14 < 30”.
            length = self.number()
            self.take("unit")
        if length is not None:
            self.lengths.setdefault(name, set()).add(length)
        elif len(said := self.lengths.get(name, set())) == 1:
            # Said again without its number, it is the same.
            length = next(iter(said))
        elif said:
            raise Unread
        lengths = (length,) if length is not None else usual
        if not lengths:
            raise Unread
        sides = tuple(side_of_text(call.format(f"{each:.10g}")) for each in lengths)
        found = Operand(sides, column="price" if name in OF_PRICE else "")
        return self._known(lengths[0], found) if name in OF_PRICE and name != "vwap" else found

    def _macd(self, given: list[float]) -> Operand:
        if len(given) not in (0, 3):
            raise Unread
        line = self.take("signal", "histogram")
        return made(
            line_of("macd", self._numbers("macd", given or self._in_brackets()), line.kind if line else "macd"),
            column="",
        )

    def _right(self, left: Operand) -> Operand:
        """Reads the right side of a comparison, which may be the left one's own average or signal."""
        if self.peek() == "it":
            raise Unread
        own = self.take("its")
        if self.take("signal"):
            line = left.sides[0].rpartition(").")[2]
            if line not in ("macd", "trix", "pvo", "ppo", "tsi"):
                raise Unread
            return Operand((left.sides[0].removesuffix(line) + "signal",))
        if own:
            if self.peek() in ("upper", "lower", "middle", "number") or left.column == "close":
                found = self.attempt(self._own_average(left)) or self.attempt(self.operand)
                if found is not None:
                    return found
            return self._own_average(left)()
        if token := self.take("multiple"):
            return self._many_times(left, float(token.value))
        if self.take("twice"):
            return self._many_times(left, 2.0)
        if self.peek() == "number" and self.peek(1) == "times":
            number = self.number()
            self.need("times")
            return self._many_times(left, number)
        if left.column == "volume" and self.peek() == "average":
            return self._average("volume", self._volume_average())
        return self.operand()

    def _volume_average(self) -> float:
        """“The average volume of the last 20 bars”, “average(20)”."""
        self.need("average")
        self.take("volume")
        return self._after_it()

    def _own_average(self, left: Operand) -> Callable[[], Operand]:
        def read() -> Operand:
            length = self._length()
            self.need("average")
            self.take("volume")
            if length is None:
                length = self._after_it()
            if left.column not in ("close", "volume"):
                raise Unread
            return self._average(left.column, length)

        return read

    def _many_times(self, left: Operand, number: float) -> Operand:
        self.take("of")
        right = self._right(left)
        if right.number is not None:
            raise Unread
        return Operand(tuple(side_of_text(f"({each}) * {number:.10g}") for each in right.sides), column=right.column)
