"""Reads conditions strictly: what is compared, times and days, joined by one connective. What has two readings that both are usual has both."""

from __future__ import annotations

from stratforge.intent.reading.events import Events
from stratforge.intent.reading.meaning import at_once
from stratforge.intent.reading.moments import Readings
from stratforge.intent.reading.operands import Operand, Unread

__all__ = ["Conditions", "Readings"]
_LEADS = (
    "has_moved", "fall_below", "rise_above", "upcross", "downcross","it_is", "is", "below", "above", "at_most", "at_least", "cross", "fall", "rise", "return", "break", "turns", "reclaim", "lose", "move", "touch", "trade", "oversold", "overbought", "positive", "negative", "its", "green", "red", "bullish", "bearish")  # fmt: skip


class Conditions(Events):
    """Reads conditions from the tokens of a turn, from where it stands."""

    def condition(self) -> Readings:
        """Reads conditions that are joined by and, or by or; not by both."""
        wanted = self.take("either", "both")
        found, word = self.part(), ""
        while True:
            before = self.at
            comma = self.take("comma")
            joined = self.take("and", "or")
            if joined is None and self.peek() == "when" and self.tokens[self.at].value == "as long as":
                joined = self.need("when")
            if joined is None and self.peek() == "with" and self.peek(1) in ("volume", "indicator", "glued"):
                joined = self.need("with")
            if joined is None:
                self.at = before
                break
            self.take("when")
            other = self.attempt(self.part)
            if other is None:
                self.at = before
                break
            kind = "or" if joined.kind == "or" else "and"
            if (word and kind != word) or (comma and word and kind != "and"):
                raise Unread
            word = kind
            found = self.joined(found, other, both_of=word == "and")
        if wanted and word != ("or" if wanted.kind == "either" else "and"):
            raise Unread
        if self.take("unless"):
            # Neither of them, or not both: all that follows is the exception.
            found = self.joined(found, self.denied(self.condition()), both_of=True)
        return found

    def listed(self, *, any_of: bool, commas: bool = False) -> Readings:
        """Conditions one below the other, or the one that follows: “Entry: - RSI < 40 - price above VWAP”."""
        while self.take("bullet", "stop_sign", "colon"):
            pass
        found = self.condition()
        others = list[bool]()
        while True:
            before = self.at
            while self.take("stop_sign", "comma"):
                pass
            item = self.take("bullet")
            joint = self.take("and", "or")
            more = self.attempt(self.condition) if item or (commas and self.tokens[before : self.at] and self.tokens[before].kind == "comma") else None  # fmt: skip
            if more is None or self.peek() in ("colon", "buy", "sell", "arrow"):
                self.at = before
                return found
            # “- or close > SMA 20”: the item's own word decides, and those of a list have to agree.
            either = joint.kind == "or" if joint else any_of
            if others and either != others[-1]:
                raise Unread
            others.append(either)
            found = self.joined(found, more, both_of=not either)

    def part(self) -> Readings:
        """Reads one condition: in brackets, of a time, of days, of bars in a row, or a comparison."""
        if self.take("open"):
            found = self.condition()
            self.need("close")
            return found
        if self.peek() == "after" and self.peek(1) not in ("time",):
            before = self.at
            self.need("after")
            for read in (self._streak, self._candle):
                if (result := self.attempt(read)) is not None:
                    return result
            self.at = before
        for read in (self.moments, self._streak, self._candle, self._flat, self._closes_by, self._held, self._moved, self._from_level, self._gap, self._two_lines, self._breakout, self._touch, self._level_first, self._comparison):  # fmt: skip
            result = self.attempt(read)
            if result is not None:
                return result
        raise Unread

    def _comparison(self) -> Readings:
        leads = self.peek() in _LEADS and (self.left is not None or self.peek() in ("it_is", "its"))
        if self.selling and self.left is not None and self.peek() == "number" and self.peek(1) in ("below_if", "above_if", "or_less", "or_more"):  # fmt: skip
            # “70を上回ったら売り”.
            leads = True
        # “RSI below 30 or above 70”, “sell when above 70”: the same again.
        if leads and not self.now and not self.selling:
            raise Unread
        found, left, right = self._related(leads=leads)
        self.left = left
        self.now.add(left.sides[0])
        self.spoken = [*(each for each in self.spoken if each != left), left][-8:]
        self.right = right if right is not None else self.right
        if self.take("for"):
            count = self.number()
            self.need("unit")
            self.take("in_a_row")
            if any(each[0] == "crosses" for ways in found for way in ways for each in way):
                raise Unread
            found = tuple(at_once(("for", count, ways)) for ways in found)
        return found

    def _related(self, *, leads: bool) -> tuple[Readings, Operand, Operand | None]:
        """What is compared, how, and with what. “It” may be one of two things of which only one can be compared so."""
        spoken = leads or self.peek() == "it"
        if spoken and len(self.now or self.before) > 1:
            if not leads:
                self.need("it")
            tried = list[tuple[int, Readings, Operand, Operand | None]]()
            at = self.at
            for each in self.spoken:
                if each.sides[0] in (self.now or self.before):
                    one = self.attempt(lambda left=each: self._relation(left))  # type: ignore[misc]
                    if one is not None:
                        tried.append((self.at, one[0], each, one[1]))
                    self.at = at
            if len({each[2].sides for each in tried}) != 1:
                raise Unread
            self.at = tried[0][0]
            return tried[0][1:]
        left = self._spoken_of() if leads else self.operand()
        if left.number is not None:
            raise Unread
        found, right = self._relation(left)
        return found, left, right
