"""Reads what is compared: numbers, prices, indicators with their lengths, and what “it” stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stratforge.intent.reading.meaning import TooMany, side_of_text
from stratforge.intent.reading.tokens import INDICATORS, Token

T = TypeVar("T")
_HL = {"high": "bars.high.rolling({0}).max()", "low": "bars.low.rolling({0}).min()"}


class Unread(Exception):
    """Words that the strict grammar does not read, from this token on."""


@dataclass(frozen=True, slots=True)
class Operand:
    """Something that is compared, in the forms that a rule may have it in, and whether it is a plain number or a price."""

    sides: tuple[str, ...]
    number: float | None = None
    column: str = ""
    money: bool = False


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
        """The number of bars, of one minute each, that the next tokens count: “10 bars”, “2 hours”."""
        count = self.number()
        return count * (60 if self.need("unit", "hours").kind == "hours" else 1)

    def attempt(self, read: Callable[[], T]) -> T | None:
        """Reads something, or stays where it was."""
        before = self.at, self.left, self.right, set(self.now)
        try:
            return read()
        except (Unread, TooMany):
            self.at, self.left, self.right, self.now = before
            return None

    def operand(self) -> Operand:
        """Reads what is compared: a number, a price, an indicator."""
        if self.take("it"):
            return self._spoken_of()
        for read in (self._named, self._plain_number):
            found = self.attempt(read)
            if found is not None:
                return found
        raise Unread

    def _spoken_of(self) -> Operand:
        """What “it” is: the one thing that was compared before."""
        if self.left is None or len(self.now or self.before) != 1:
            raise Unread
        return self.left

    def _plain_number(self) -> Operand:
        token = self.need("number", "dollars")
        number = float(token.value)
        return Operand((f"{number:.10g}",), number, money=token.kind == "dollars")

    def _named(self) -> Operand:
        if token := self.take("column"):
            return Operand((str(token.value),), column=str(token.value))
        if self.take("volume"):
            return Operand(("volume",), column="volume")
        if self.take("symbol"):
            return Operand(("close",), column="close")
        if token := self.take("glued"):
            name, glued = str(token.value).split()
            return self._indicator(name, float(glued))
        if self.take("yesterday"):
            price = self.need("column", "high", "low").value
            return Operand((f"yesterday_{price}",), column="price")
        length = self._length()
        self.take("last")
        if token := self.take("high", "low"):
            if length is None:
                raise Unread
            window = _HL[str(token.kind)].format(f"{length:.10g}")
            return Operand((side_of_text(f"{window}.shift(1)"),), column="price")
        if self.take("average"):
            volume = self.take("volume")
            if length is None:
                raise Unread
            return self._average("volume" if volume else "close", length)
        which = self.take("upper", "lower", "middle")
        if which:
            self.need("band")
            while self.take("band"):
                pass
            given = self._in_brackets() or [20.0, 2.0]
            if len(given) != 2 or length is not None:
                raise Unread
            line = {"upper": "upper", "lower": "lower", "middle": "mid"}[which.kind]
            return Operand((side_of_text(f"ta.bbands(bars.close, length={given[0]:.10g}, std={given[1]:.10g}).{line}"),), column="price")  # fmt: skip
        token = self.need("indicator")
        return self._indicator(str(token.value), length)

    def _length(self) -> float | None:
        if self.peek() == "number" and self.peek(1) in ("unit", "indicator", "average", "high", "low", "last"):
            number = self.number()
            self.take("unit")
            return number
        return None

    def _in_brackets(self) -> list[float]:
        def read() -> list[float]:
            self.need("open")
            found = [self.number()]
            while self.take("comma"):
                found.append(self.number())
            self.need("close")
            return found

        return self.attempt(read) or []

    def _average(self, column: str, length: float) -> Operand:
        side = side_of_text(f"ta.sma(bars.{column}, length={length:.10g})")
        return Operand((side,), column="price" if column == "close" else "volume")

    def _indicator(self, name: str, length: float | None) -> Operand:
        given = self._in_brackets()
        if name == "macd":
            return self._macd(given)
        call, usual = INDICATORS[name]
        if given:
            if len(given) > 1 or length is not None:
                raise Unread
            length = given[0]
        elif length is None and self.peek() == "number" and (usual is None or self.peek(1) in ("is", "below", "above", "cross", "at_most", "at_least", "fall", "rise", "move", "trade", "break", "return")):  # fmt: skip
            # “SMA 20”, “RSI 14 < 30”.
            length = self.number()
        if length is None:
            length = usual
        if length is None:
            raise Unread
        return Operand((side_of_text(call.format(f"{length:.10g}")),), column="price" if name in ("sma", "ema", "wma", "hma", "vwap") else "")  # fmt: skip

    def _macd(self, given: list[float]) -> Operand:
        fast, slow, signal = given or (12.0, 26.0, 9.0)
        line = self.take("signal", "histogram")
        which = line.kind if line else "macd"
        return Operand((side_of_text(f"ta.macd(bars.close, fast={fast:.10g}, slow={slow:.10g}, signal={signal:.10g}).{which}"),))  # fmt: skip

    def _right(self, left: Operand) -> Operand:
        """Reads the right side of a comparison, which may be the left one's own average or signal."""
        if self.peek() == "it":
            raise Unread
        own = self.take("its")
        if self.take("signal"):
            if ".macd" not in left.sides[0]:
                raise Unread
            return Operand((left.sides[0].replace(").macd", ").signal"),))
        if own:
            length = self._length()
            self.need("average")
            if length is None or left.column not in ("close", "volume"):
                raise Unread
            return self._average(left.column, length)
        if token := self.take("multiple"):
            return self._many_times(left, float(token.value))
        if self.take("twice"):
            return self._many_times(left, 2.0)
        if self.peek() == "number" and self.peek(1) == "times":
            number = self.number()
            self.need("times")
            return self._many_times(left, number)
        return self.operand()

    def _many_times(self, left: Operand, number: float) -> Operand:
        right = self._right(left)
        if right.number is not None:
            raise Unread
        return Operand(tuple(side_of_text(f"({each}) * {number:.10g}") for each in right.sides), column=right.column)
