"""Reads a turn strictly, statement by statement: what it buys by, sells by, how much, how often, and what is not read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from stratforge.intent.reading.conditions import Conditions, Readings
from stratforge.intent.reading.meaning import at_once
from stratforge.intent.reading.operands import Unread
from stratforge.intent.reading.tokens import Token, tokens_of

_ENDS = ("comma", "stop_sign")
_STARTS = (
    "buy",
    "sell",
    "only",
    "except",
    "unless",
    "not",
    "stop",
    "target",
    "trail",
    "with",
    "max",
    "once_a_day",
    "wait",
    "hold",
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A stretch of a turn and what it says.

    Attributes:
        kind: `buy`, `only`, `both` (a restriction that names no side), `sell`, `part`, `setting`, `nothing`, or empty where it is not read.
        readings: Its condition, in all usual readings.
        value: The part that is sold, in percent.
        settings: Sizes, limits and pauses, as `Meaning` has them.
        unknown: The word at which reading ended, where it is not read.
    """

    start: int
    end: int
    kind: str
    readings: Readings = ()
    value: float = 100.0
    settings: tuple[tuple[str, float, str], ...] = ()
    unknown: str = ""


def statements_of(turn: str, symbol: str = "") -> list[Statement]:
    """Reads a turn; every word of it lies in one of the statements, but for what stands between them."""
    tokens = tokens_of(turn, symbol)
    week = frozenset(range(7 if "/" in symbol else 5))
    return _Statements(tokens, week).read()


class _Statements(Conditions):
    def __init__(self, tokens: Sequence[Token], week: frozenset[int]) -> None:
        super().__init__(tokens, week)
        self.settings: list[tuple[str, float, str]] = []

    def read(self) -> list[Statement]:
        found = list[Statement]()
        while self.at < len(self.tokens):
            if self.take(*_ENDS, "and", "then"):
                continue
            begin, statement = self.at, None
            self.before, self.now = self.now or self.before, set()
            for reader in (self._symbol_alone, self._buy, self._sell, self._exit, self._size, self._limit, self._only):
                self.settings = []
                self.selling = False
                statement = self.attempt(partial(self._whole, reader))
                if statement is not None:
                    break
            found.append(statement or self._skipped(begin))
        return found

    def _whole(self, reader: Callable[[], Statement]) -> Statement:
        begin = self.at
        read = reader()
        if not self._at_an_end():
            raise Unread
        return Statement(
            self.tokens[begin].start, self.tokens[self.at - 1].end, read.kind, read.readings, read.value, read.settings
        )

    def _at_an_end(self) -> bool:
        kind = self.peek()
        if not kind or kind in _ENDS:
            return True
        if kind in ("then", "buy", "sell", "stop", "target", "trail", "once_a_day", "wait", "hold"):
            return True
        if kind == "with" or (kind == "percent" and self.peek(1) in ("stop", "target", "trail")):
            return True
        return kind == "and" and (self.peek(1) in (*_STARTS, "then", "when") or (self.peek(1) == "percent" and self.peek(2) in ("stop", "target", "trail")))  # fmt: skip

    def _skipped(self, begin: int) -> Statement:
        """What cannot be read, up to where another statement surely begins."""
        at = begin
        first_unknown = next((each for each in self.tokens[begin:] if each.kind == "unknown"), None)
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.kind == "stop_sign" and at > begin:
                break
            if (
                token.kind in ("comma", "and")
                and at > begin
                and at + 1 < len(self.tokens)
                and self.tokens[at + 1].kind in _STARTS
            ):
                break
            at += 1
        self.at = at
        end = self.tokens[max(begin, at - 1)].end
        word = str(first_unknown.value) if first_unknown is not None and first_unknown.start < end else ""
        self.left = self.right = None
        return Statement(self.tokens[begin].start, end, "", unknown=word)

    def _symbol_alone(self) -> Statement:
        """The symbol alone: “AAPL: …”."""
        self.need("symbol")
        self.take("position")
        if self.peek() and self.peek() not in _ENDS:
            raise Unread
        return self._said("nothing")

    def _said(self, kind: str, readings: Readings = (), value: float = 100.0) -> Statement:
        return Statement(0, 0, kind, readings, value, tuple(self.settings))

    def _buy(self) -> Statement:
        first = self.attempt(self.moments)
        if first is not None:
            self.take("comma")
            self.need("buy")
            self._bought()
            self._wanted()
            found = self.joined(first, self.condition(), both_of=True)
        elif self.take("when"):
            found = self.condition()
            self.take("comma")
            self.take("then")
            self.need("buy")
            self._bought()
        else:
            if self.take("all_in"):
                self.settings.append(("size", 100.0, "% of equity"))
            else:
                self.need("buy")
            self._bought()
            hours = self.attempt(self.moments)
            if hours is None or self.peek() == "when":
                self._wanted()
                found = self.condition()
            else:
                raise Unread
            if hours is not None:
                found = self.joined(hours, found, both_of=True)
        return self._said("buy", self._restricted(found))

    def _wanted(self) -> None:
        """A condition begins, with its “when” or without one."""
        if self.take("on") and self.peek() in ("indicator", "glued", "column"):
            return
        if not self.take("when") and self.peek() not in ("indicator", "glued", "column", "number"):
            raise Unread

    def _restricted(self, found: Readings) -> Readings:
        """Restrictions that follow what it buys by, in the same breath."""
        while True:
            before = self.at
            denied = self.take("except") is not None
            only = None if denied else self.take("only")
            if only and self.take("when"):
                more = self.attempt(self.condition)
            else:
                more = self.attempt(self.condition if denied and self.take("when") else self.moments)
            if more is None:
                self.at = before
                return found
            found = self.joined(found, self.denied(more) if denied else more, both_of=True)

    def _bought(self) -> None:
        """What is bought, and how much of it."""
        while True:
            if self.take("symbol", "position", "it", "of"):
                continue
            if self.peek(1 if self.peek() == "only" else 0) == "once_a_day":
                self.take("only")
                self.need("once_a_day")
                self.settings.append(("at most", 1.0, ""))
                continue
            begin = self.at
            self.take("with", "for")
            amount = self.attempt(self._amount)
            if amount is None:
                self.at = begin
                return
            self.settings.append(amount)

    def _amount(self) -> tuple[str, float, str]:
        """Reads a size: so many shares, dollars, or percent of the equity."""
        if token := self.take("shares", "dollars"):
            return "size", float(token.value), token.kind
        part = self.number("percent")
        self.need("equity")
        return "size", part, "% of equity"

    def _sell(self) -> Statement:
        self.selling = True
        part = 100.0
        if self.take("when"):
            found = self.condition()
            self.take("comma")
            self.take("then")
            self.need("sell")
            part = self._sold()
        else:
            self.need("sell")
            part = self._sold()
            if self.take("opposite"):
                raise Unread
            if not self.take("when", "on") and self.peek() not in (
                "at", "by", "after", "indicator", "glued", "column", "above", "below", "at_most", "at_least"
            ):  # fmt: skip
                raise Unread
            found = self.condition()
        return self._said("part" if part != 100 else "sell", found, part)

    def _sold(self) -> float:
        if self.take("half"):
            self.take("position", "it", "of")
            return 50.0
        if self.take("rest"):
            self.take("of")
            self.take("position", "it")
            return 100.0
        if self.peek() == "percent":
            number = self.number("percent")
            self.take("of")
            self.take("position", "it")
            # “Sell 2 % above …” may be a distance.
            if not 0 < number <= 100 or self.peek() not in ("when", "at", "after"):
                raise Unread
            return number
        while self.take("position", "it", "symbol", "back"):
            pass
        return 100.0

    def part(self) -> Readings:
        """Reads one condition; of a sale, the position's gain and its time too."""
        if self.selling:
            for reader in (self._gained, self._at_time):
                found = self.attempt(reader)
                if found is not None:
                    return found
        return super().part()

    def _at_time(self) -> Readings:
        self.need("at", "by")
        minute = self.number("time")
        return (at_once(("minute", ">=", f"{minute:.10g}")), at_once(("minute", "==", f"{minute:.10g}")))

    def _gained(self) -> Readings:
        """“It is up 2 %”, “at a profit of 2 %”, “at a 2 % loss”."""
        self.take("it", "at", "it_is", "i_am")
        self.take("position")
        self.take("is")
        more = self.take("at_least", "above")
        if token := self.take("green", "red"):
            if token.value not in ("up", "down"):
                raise Unread
            up = token.kind == "green"
            more = more or self.take("at_least", "above")
            far = self.number("percent")
        elif token := self.take("profit", "loss"):
            up = token.kind == "profit"
            self.take("is", "of")
            more = self.take("at_least", "above", "of") or more
            far = self.number("percent")
        else:
            far = self.number("percent")
            up = self.need("profit", "loss").kind == "profit"
        if far <= 0:
            raise Unread
        signs = (">=", ">") if up else ("<=", "<")
        sided = f"{far:.10g}" if up else f"{-far:.10g}"
        return tuple(at_once(("gain", sign, sided)) for sign in signs)

    def _exit(self) -> Statement:
        """A stop, a target or a trailing stop, in percent; or until when it is held."""
        self.selling = True
        if self.take("hold"):
            self.take("position", "it")
            if self.take("for"):
                return self._said("sell", (at_once(("bars_held", ">=", f"{self.bars():.10g}")),))
            self.need("until")
            if self.peek() == "time":
                minute = self.number("time")
                return self._said("sell", (at_once(("minute", ">=", f"{minute:.10g}")),))
            return self._said("sell", self.condition())
        if self.take("not") and self.need("stop", "target", "trail"):
            return self._said("nothing")
        self.take("with")
        if self.peek() == "percent":
            far = self.number("percent")
            kind = self.need("stop", "target", "trail").kind
        else:
            kind = self.need("stop", "target", "trail").kind
            self.take("at", "of", "is")
            far = self.number("percent")
        if far <= 0:
            raise Unread
        if kind == "trail":
            return self._said("sell", (at_once(("drop", ">=", f"{far:.10g}")),))
        sided = ("gain", ">=", f"{far:.10g}") if kind == "target" else ("gain", "<=", f"{-far:.10g}")
        return self._said("sell", (at_once(sided),))

    def _size(self) -> Statement:
        self.need("with")
        self.settings.append(self._amount())
        return self._said("setting")

    def _limit(self) -> Statement:
        if self.take("once_a_day"):
            self.settings.append(("at most", 1.0, ""))
            return self._said("setting")
        if self.take("wait"):
            self.take("for")
            self.settings.append(("wait", self.bars(), ""))
            self.need("after_a_sale")
            return self._said("setting")
        self.need("max", "at_most", "only")
        count = self.number()
        self.need("trades", "trade", "buy")
        self.need("per_day")
        self.settings.append(("at most", count, ""))
        return self._said("setting")

    def _when(self) -> Readings:
        """Reads a condition after its “when”, or times and days without one."""
        return self.condition() if self.take("when") else self.moments()

    def _only(self) -> Statement:
        """A restriction of buying."""
        if self.take("only"):
            kind = "only" if self.take("buy") or self.peek() == "when" else "both"
            self.take("trade", "trades")
            found = self._when()
            return self._said(kind, found)
        if self.take("except", "unless"):
            return self._said("both", self.denied(self._when()))
        if self.take("buy", "trade"):
            self.take("symbol")
            self.need("only")
            return self._said("only", self._when())
        if self.take("not"):
            kind = "only" if self.take("buy") else "both"
            self.take("trade", "trades")
            self.take("symbol")
            if kind == "only" and self.take("unless"):
                return self._said(kind, self.condition())
            found = self._when()
            return self._said(kind, self.denied(found))
        raise Unread
