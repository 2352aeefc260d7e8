"""Reads conditions strictly: what is compared, times and days, joined by one connective. What has two readings that both are usual has both."""

from __future__ import annotations

from stratforge.intent.reading.beside import Beside
from stratforge.intent.reading.moments import Readings
from stratforge.intent.reading.reader import Operand, Unread
from stratforge.intent.reading.relations import SIGNS

__all__ = ["Conditions", "Readings"]
_LEADS = (
    "has_moved", "fall_below", "rise_above", "upcross", "downcross","it_is", "is", "below", "above", "at_most", "at_least", "cross", "fall", "rise", "return", "break", "turns", "reclaim", "lose", "move", "touch", "trade", "oversold", "overbought", "positive", "negative", "its", "green", "red", "bullish", "bearish")  # fmt: skip


class Conditions(Beside):
    """Reads conditions from the tokens of a turn, from where it stands."""

    # Two things that were compared at once, for “one of them”.
    pair: tuple[Operand, Operand] | None = None

    def condition(self) -> Readings:
        """Reads conditions that are joined by and, or by or; not by both."""
        if token := self.take("all_of", "any_of"):
            self.take("is", "colon", "of")
            return self.listed(any_of=token.kind == "any_of", commas=True, given=True)
        wanted = self.take("either", "both") if self.peek(1) not in ("is", "below", "above") else None
        found, word = self.said_again(self.part()), ""
        if (more := self.attempt(self._items)) is not None:
            items, word = more
            for each in items:
                found = self.joined(found, each, both_of=word == "and")
        while True:
            before = self.at
            if self.peek() == "on" and self.peek(1) == "symbol":
                self.at += 2
                continue
            if not self.selling and word != "or" and (self.peek() in ("after", "before", "between") or (self.peek() == "at" and self.peek(1) == "time")) and (hours := self.attempt(self.moments)) is not None:  # fmt: skip
                # “A new high of the day after 11:00 with volume above its average”.
                found, word = self.joined(found, hours, both_of=True), "and"
                continue
            self.take("comma")
            joined = self.take("and", "or")
            if joined is None and self.peek() == "when" and self.tokens[self.at].value == "as long as":
                joined = self.need("when")
            if joined is None and self.peek() == "with" and not self.selling:
                joined = self.need("with")
            if joined is None:
                self.at = before
                break
            self.take("when")
            other = self.attempt(self.part)
            if other is None:
                self.at = before
                break
            other = self.said_again(other)
            kind = "or" if joined.kind == "or" else "and"
            if word and kind != word:
                raise Unread
            word = kind
            found = self.joined(found, other, both_of=word == "and")
        if wanted and wanted.kind == "both" and self.pair is not None and not word:
            word = "and"
        if wanted and word != ("or" if wanted.kind == "either" else "and"):
            raise Unread
        if self.take("unless"):
            # Neither of them, or not both: all that follows is the exception.
            found = self.joined(found, self.denied(self.condition()), both_of=True)
        return found

    def said_again(self, found: Readings) -> Readings:
        """A condition that is said once more in brackets: “is green on the day (above yesterday's close)”."""

        def read() -> Readings:
            self.need("open")
            inner = self.condition()
            self.need("close")
            return inner

        if self.peek() != "open":
            return found
        again = self.attempt(read)
        if again is None:
            return found
        if not (same := tuple(each for each in found if each in again)):
            raise Unread
        return same

    def _items(self) -> tuple[list[Readings], str]:
        """The “, B and C” of “A, B and C”: one connective for all of them."""
        items = list[Readings]()
        while self.take("comma"):
            if self.peek() in ("and", "or"):
                break
            items.append(self.part())
        joined = self.need("and", "or")
        if not items:
            raise Unread
        self.take("when")
        return [*items, self.part()], joined.kind

    def listed(self, *, any_of: bool, commas: bool = False, given: bool = False) -> Readings:
        """Conditions one below the other, or the one that follows: “Entry: - RSI < 40 - price above VWAP”."""
        while self.take("bullet", "stop_sign", "colon"):
            pass
        if not given and (token := self.take("all_of", "any_of")):
            self.take("is", "of")
            self.take("colon")
            return self.listed(any_of=token.kind == "any_of", commas=True, given=True)
        found, said = self.condition(), list[str]()
        while True:
            before = self.at
            while self.take("stop_sign", "comma"):
                pass
            item = self.take("bullet")
            own = self.take("and", "or")
            more = self.attempt(self.condition) if item or (commas and self.tokens[before : self.at] and self.tokens[before].kind == "comma") else None  # fmt: skip
            if more is None or self.peek() in ("colon", "buy", "sell", "arrow"):
                self.at = before
                return found
            said.append(own.kind if own else "")
            if len(set(said)) > 1:
                # One item with a connective of its own, another without.
                raise Unread
            found = self.joined(found, more, both_of=own.kind == "and" if own else not any_of)

    def part(self) -> Readings:
        """Reads one condition: in brackets, of a time, of days, of bars in a row, or a comparison; whose it is has to be plain."""
        return self.of_whom(self._part, Conditions._comparison)

    def _part(self) -> Readings:
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
        for read in (self._of_both, self._two_subjects, self.moments, self._streak, self._closes_in_a_row, self._candle, self._flat, self._against_the_bar_before, self._closes_by, self._held, self._moved, self._from_level, self._at_distance, self._gap, self._two_lines, self._cross_of_price, self._breakout, self._touch, self._level_first, self._comparison):  # fmt: skip
            result = self.attempt(read)
            if result is not None:
                return result
        raise Unread

    def _of_both(self) -> Readings:
        """“While both are under zero”, “one of them is above 65”: of the two things that were spoken of last."""
        token = self.need("both", "one_of_them")
        self.take("is")
        kind = self.need("below", "above").kind
        level = self._plain_number()
        if self.pair is not None:
            pair = self.pair
        elif self.left is not None and self.right is not None and self.right.number is None:
            pair = self.left, self.right
        elif len(self.before) == 2 and len(last := [each for each in self.spoken if each.sides[0] in self.before]) == 2:
            pair = last[0], last[1]
        else:
            raise Unread
        for each in pair:
            self._fits(each, level)
        one, other = (self._compare(each, (SIGNS[kind],), level) for each in pair)
        return self.joined(one, other, both_of=token.kind == "both")

    def _two_subjects(self) -> Readings:
        """“The 14 RSI and the 14 MFI are below 35”."""
        both_of = self.tokens[self.at - 1].kind == "both" if self.at else False
        one = self.operand()
        self.need("and")
        other = self.operand()
        if one.number is not None or other.number is not None or one.column or other.column or one == other:
            raise Unread
        if str(self.need("is").value) != "are" and not both_of:
            raise Unread
        self.take("both")
        kind = self.need("below", "above").kind
        level = self._plain_number()
        for each in (one, other):
            self._fits(each, level)
        self.pair = (one, other)
        self.now |= {one.sides[0], other.sides[0]}
        return self.joined(self._compare(one, (SIGNS[kind],), level), self._compare(other, (SIGNS[kind],), level), both_of=True)  # fmt: skip

    def _comparison(self) -> Readings:
        leads = (
            self.peek() in _LEADS
            and (self.peek(1) != "column" or self.tokens[self.at + 1].value != "close")
            and (self.left is not None or self.peek() in ("it_is", "its"))
        )
        if self.selling and self.left is not None and self.peek() == "number" and self.peek(1) in ("below_if", "above_if", "or_less", "or_more"):  # fmt: skip
            # “70を上回ったら売り”.
            leads = True
        # “RSI below 30 or above 70”, “sell when above 70”: the same again.
        if leads and not self.now and not self.selling:
            raise Unread
        found, left, right = self._related(leads=leads)
        self.spoke_of(left, right)
        self.now.add(left.sides[0])
        self.spoken = [*(each for each in self.spoken if each != left), left][-8:]
        if self.selling:
            # “Sell when it crosses below again”: the other way than at the purchase.
            self.take("again")
            if self.peek() == "later" and str(self.tokens[self.at].value).startswith("after i "):
                # “RSI goes under 20 after I bought”: it sells what it holds.
                self.need("later")
        return self.at_its_bars(found)

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
