"""Reads at which bars a comparison has to hold: the one before, one of the last ones, all of them."""

from __future__ import annotations

from stratforge.intent.reading.events import Events
from stratforge.intent.reading.meaning import Fact, at_once, compared, facts_in
from stratforge.intent.reading.moments import Readings
from stratforge.intent.reading.reader import Unread

_BAR = ("bar", "candle", "candlestick", "minute", "period")
_BARS = ("bars", "candles", "candlesticks", "periods")
_COLUMNS = ("close", "open", "high", "low", "volume")


class Past(Events):
    """Reads bars of the past from the tokens of a turn, from where it stands."""

    def _against_the_bar_before(self) -> Readings:
        """“A lower low than the previous bar”, “a new session high”."""
        self.take("it", "symbol", "column", "unit")
        if token := self.take("new_day_high", "new_day_low") or (
            self.take("touch") and self.take("new_day_high", "new_day_low")
        ):
            side, sign = ("high", ">") if token.kind == "new_day_high" else ("low", "<")
            return (at_once(compared(side, sign, f"day_{side}_before")),)
        self.take("touch", "at", "on")
        self.take("first")
        token = self.need("lower_low", "higher_high", "lower_high", "higher_low")
        more, price = token.kind.split("_")
        if self.peek() in ("above", "below", "from"):
            raise Unread
        facts = [compared(price, "<" if more == "lower" else ">", f"previous({price})")]
        while self.peek() in ("and", "comma") and self.peek(1) in ("lower_low", "higher_high", "lower_high", "higher_low"):  # fmt: skip
            # “A higher high and a higher low for three bars”: both.
            self.at += 1
            more, price = self.need("lower_low", "higher_high", "lower_high", "higher_low").kind.split("_")
            facts.append(compared(price, "<" if more == "lower" else ">", f"previous({price})"))
        return self.at_its_bars((at_once(*facts),))

    def at_its_bars(self, found: Readings) -> Readings:
        """A comparison, at the bars that are named after it."""
        if self.take("for"):
            count = self.number()
            self.need("unit")
            self.take("in_a_row")
            levels = tuple(ways for ways in found if not any(fact[0] == "crosses" for fact in facts_in(ways)))
            _no_crossing(levels or found)
            return tuple(at_once(("for", count, ways)) for ways in levels)
        if (before := self.attempt(lambda: self._one_before(found))) is not None:
            return before
        return self.attempt(lambda: self._lately(found)) or found

    def _one_before(self, found: Readings) -> Readings:
        """“… was below 30 on the previous bar”, “… one bar ago”."""
        if self.peek() == "number":
            if self.number() != 1 or str(self.need("unit").value) not in _BAR:
                raise Unread
            self.need("ago")
        else:
            self.take("on", "in", "at")
            if str(self.need("last").value) in ("past",) or str(self.need("unit").value) not in _BAR:
                raise Unread
        _no_crossing(found)
        return tuple(frozenset(frozenset(map(_shifted, way)) for way in ways) for ways in found)

    def _lately(self, found: Readings) -> Readings:
        """“RSI crossed below 30 in the last 10 bars”, “it was below 30 at some point in the last 10 bars”: at one of them.

        A level in the last bars may be meant at one of them or at all: without “at some point” it is not plain.
        """
        sometime = self.take("sometime")
        self.need("in")
        self.need("last", "final")
        count = self.number()
        unit = str(self.need("unit").value)
        if self.peek() in ("of_the_day", "to_the_close", "at_close") or not (sometime or unit in _BARS):
            raise Unread
        if not sometime and not all(fact[0] == "crosses" for ways in found for fact in facts_in(ways)):
            found = tuple(ways for ways in found if all(fact[0] == "crosses" for fact in facts_in(ways)))
            if not found:
                raise Unread
        return tuple(at_once(("within", count, ways)) for ways in found)


def _no_crossing(found: Readings) -> None:
    if any(fact[0] == "crosses" for ways in found for fact in facts_in(ways)):
        raise Unread


def _shifted(fact: Fact) -> Fact:
    if len(fact) != 3 or fact[0] in ("minute", "minutes_to_close", "for", "within", "gain", "drop", "bars_held"):
        raise Unread
    left, sign, right = map(str, fact)
    sides = []
    for side in (left, right):
        if "(" not in side and side not in _COLUMNS:
            # A number is the same at every bar.
            _number_or_unread(side)
            sides.append(side)
        elif side.startswith(("previous(", "opening_", "yesterday_", "day_")):
            raise Unread
        else:
            sides.append(f"previous({side})")
    return compared(sides[0], sign, sides[1])


def _number_or_unread(side: str) -> float:
    """The number that a side is; unread where it is none."""
    try:
        return float(side)
    except ValueError as error:
        raise Unread from error
