"""Reads conditions strictly: comparisons, crossings, times and days, joined by one connective. What has two readings that both are usual has both."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from stratforge.intent.reading.meaning import (
    ALWAYS,
    Fact,
    Ways,
    at_once,
    both,
    compared,
    crossed,
    either,
    side_of_text,
)
from stratforge.intent.reading.operands import Operand, Operands, Unread
from stratforge.intent.rules import CONTRARY

# The readings of a condition that are all right.
Readings = tuple[Ways, ...]
_MOST = 32
_BARS = {"green": ("close", ">", "open"), "red": ("close", "<", "open")}


class Conditions(Operands):
    """Reads conditions from the tokens of a turn, from where it stands."""

    def condition(self) -> Readings:
        """Reads conditions that are joined by and, or by or; not by both."""
        wanted = self.take("either", "both")
        found, word = self.part(), ""
        while True:
            before = self.at
            comma = self.take("comma")
            joined = self.take("and", "or")
            if joined is None:
                self.at = before
                break
            self.take("when")
            other = self.attempt(self.part)
            if other is None:
                self.at = before
                break
            if (word and joined.kind != word) or (comma and word):
                raise Unread
            word = joined.kind
            found = self.joined(found, other, both_of=word == "and")
        if wanted and word != ("or" if wanted.kind == "either" else "and"):
            raise Unread
        if self.take("unless"):
            # Neither of them, or not both: all that follows is the exception.
            found = self.joined(found, self.denied(self.condition()), both_of=True)
        return found

    def joined(self, one: Readings, other: Readings, *, both_of: bool) -> Readings:
        """Two conditions as one, in all their readings."""
        pairs = list(itertools.product(one, other))
        if len(pairs) > _MOST:
            raise Unread
        return tuple(
            dict.fromkeys(
                both(first, second, self.week) if both_of else either(first, second) for first, second in pairs
            )
        )

    def denied(self, readings: Readings) -> Readings:
        """Returns the contrary of a condition, in all its readings."""
        return tuple(self._contrary(each) for each in readings)

    def _contrary(self, ways: Ways) -> Ways:
        found = ALWAYS
        for way in ways:
            found = both(found, frozenset(frozenset({self._contrary_fact(each)}) for each in way), self.week)
        return found

    def _contrary_fact(self, each: Fact) -> Fact:
        if each[0] == "days":
            return ("days", *sorted(self.week - set(each[1:])))
        if each[0] in ("for", "crosses"):
            return ("not", each)
        if each[0] == "not":
            raise Unread
        left, sign, right = each
        return compared(str(left), CONTRARY[str(sign)], str(right))

    def part(self) -> Readings:
        """Reads one condition: in brackets, of a time, of days, of bars in a row, or a comparison."""
        if self.take("open"):
            found = self.condition()
            self.need("close")
            return found
        for read in (self.moments, self._streak, self._held, self._comparison):
            result = self.attempt(read)
            if result is not None:
                return result
        raise Unread

    def moments(self) -> Readings:
        """Reads times and days: “on Monday before noon”, “on Mondays or after 15:00”."""
        found = self.moment()
        if self.take("or"):
            return self.joined(found, self.moment(), both_of=False)
        more = self.attempt(self.moment)
        return found if more is None else self.joined(found, more, both_of=True)

    def moment(self) -> Readings:
        """Reads a time of day or days of the week, denied or not."""
        if not self.take("it_is") and self.take("it"):
            self.need("is")
        denied = self.take("not") is not None
        clock = ("between", "after", "before", "until", "from", "time")
        found = self._time() if self.peek(1 if self.peek() == "at" else 0) in clock else self._days()
        return self.denied(found) if denied else found

    def _time(self) -> Readings:
        word = self.need("between", "after", "before", "until", "from", "at").kind
        minute = self.number("time")
        after = (at_once(("minute", ">=", f"{minute:.10g}")), at_once(("minute", ">", f"{minute:.10g}")))
        before = (at_once(("minute", "<", f"{minute:.10g}")),)
        if word in ("between", "from"):
            if word == "from" and self.peek() not in ("until", "unit"):
                return after
            if word == "between":
                self.need("and")
            else:
                self.take("until")
            end = self.number("time")
            if end <= minute:
                raise Unread
            ends = (at_once(("minute", "<", f"{end:.10g}")), at_once(("minute", "<=", f"{end:.10g}")))
            return self.joined(after[:1], ends, both_of=True)
        if word == "after":
            return after
        if word == "at":
            if not self.selling:
                raise Unread
            return (after[0], at_once(("minute", "==", f"{minute:.10g}")))
        return before if word == "before" else (*before, at_once(("minute", "<=", f"{minute:.10g}")))

    def _days(self) -> Readings:
        self.take("on")
        days = [int(self.number("day"))]
        while True:
            before = self.at
            if self.take("until"):
                last = int(self.number("day"))
                days += range(days[-1] + 1, last + 1)
                if last < days[0]:
                    raise Unread
                continue
            if not self.take("and", "or", "comma"):
                break
            self.take("on")
            self.take("and", "or")
            day = self.take("day")
            if day is None:
                self.at = before
                break
            days.append(int(day.value))
        left = self.week & set(days)
        if not left:
            raise Unread
        return (at_once(("days", *sorted(left))),)

    def _streak(self) -> Readings:
        count = self.number()
        row = self.take("in_a_row")
        color = self.need("green", "red")
        if color.value in ("up", "down"):
            raise Unread
        self.need("unit")
        if row is None:
            self.need("in_a_row")
        return (at_once(("for", count, at_once(compared(*_BARS[color.kind])))),)

    def _held(self) -> Readings:
        """Of a sale: after so many bars."""
        if not self.selling:
            raise Unread
        self.need("after")
        self.take("held")
        return (at_once(("bars_held", ">=", f"{self.bars():.10g}")),)

    def _comparison(self) -> Readings:
        leads = self.peek() in ("it_is", "is", "below", "above", "at_most", "at_least", "cross", "fall", "rise", "return", "break") and self.left is not None  # fmt: skip
        # “RSI below 30 or above 70”, “sell when above 70”: the same again.
        if leads and not self.now and not self.selling:
            raise Unread
        left = self._spoken_of() if leads else self.operand()
        if left.number is not None:
            raise Unread
        found, right = self._relation(left)
        self.left = left
        self.now.add(left.sides[0])
        self.right = right if right is not None else self.right
        if self.take("for"):
            count = self.number()
            self.need("unit")
            self.take("in_a_row")
            if any(each[0] == "crosses" for ways in found for way in ways for each in way):
                raise Unread
            found = tuple(at_once(("for", count, ways)) for ways in found)
        return found

    def _relation(self, left: Operand) -> tuple[Readings, Operand | None]:
        self.take("is", "it_is")
        denied = self.take("not") is not None
        if self.peek() == "between":
            return self._between(left, denied=denied), None
        if (beyond := self.attempt(lambda: self._by_percent(left))) is not None:
            if denied:
                raise Unread
            return beyond
        if token := self.take("below", "above", "at_most", "at_least"):
            right = self._beside(left)
            if self.peek() in ("or_less", "or_more"):
                raise Unread
            sign = {"below": "<", "above": ">", "at_most": "<=", "at_least": ">="}[token.kind]
            return self._compare(left, (CONTRARY[sign] if denied else sign,), right), right
        if denied:
            raise Unread
        if self.peek() in ("number", "dollars"):
            right = self.operand()
            self._fits(left, right)
            end = self.need("or_less", "or_more")
            return self._compare(left, ("<=" if end.kind == "or_less" else ">=",), right), right
        if token := self.take("positive", "negative"):
            if left.column:
                raise Unread
            return self._compare(left, (">" if token.kind == "positive" else "<",), Operand(("0",), 0.0)), None
        if self.take("turns"):
            token = self.need("positive", "negative")
            if left.column:
                raise Unread
            return self._cross(left, ">" if token.kind == "positive" else "<", Operand(("0",), 0.0)), None
        if self.peek() in ("fall", "rise") and self.peek(1) not in ("below", "above", "at_most", "at_least", "back"):
            raise Unread
        if token := self.take("fall", "rise", "move", "break", "trade"):
            side = self.need("below", "above")
            if (token.kind, side.kind) in (("fall", "above"), ("rise", "below")):
                raise Unread
            right = self._beside(left)
            sign = ">" if side.kind == "above" else "<"
            state = self._compare(left, (sign,), right)
            return (*state, *self._cross(left, sign, right)), right
        if self.take("return"):
            side = self.need("below", "above")
            right = self._beside(left)
            return self._cross(left, ">" if side.kind == "above" else "<", right), right
        self.need("cross")
        return self._crossing(left)

    def _crossing(self, left: Operand) -> tuple[Readings, Operand]:
        self.take("back")
        signs = {"above": ">", "upwards": ">", "below": "<", "downwards": "<"}
        token = self.take("upwards", "downwards", "above", "below")
        sign = signs[token.kind] if token else ""
        if token and token.kind in ("upwards", "downwards"):
            second = self.take("above", "below")
            if second is not None and signs[second.kind] != sign:
                raise Unread
        right = self.attempt(lambda: self._right(left))
        if right is None:
            # “Sell when it crosses below”: what was crossed before.
            if self.right is None or not sign:
                raise Unread
            right = self.right
        self._fits(left, right)
        if last := self.take("upwards", "downwards"):
            if sign and signs[last.kind] != sign:
                raise Unread
            sign = signs[last.kind]
        if not sign:
            raise Unread
        return self._cross(left, sign, right), right

    def _between(self, left: Operand, *, denied: bool) -> Readings:
        self.need("between")
        low = self._plain_number()
        self.need("and")
        high = self._plain_number()
        self._fits(left, low)
        self._fits(left, high)
        if low.number is None or high.number is None or low.number >= high.number:
            raise Unread
        open_, closed = ((">", "<"), (">=", "<="))
        found = tuple(
            self.joined(self._compare(left, (one,), low), self._compare(left, (other,), high), both_of=True)[0]
            for one, other in (open_, closed)
        )
        return self.denied(found) if denied else found

    def _by_percent(self, left: Operand) -> tuple[Readings, Operand]:
        """So many percent above or below something: at least so many."""
        exact = self.take("at_least")
        more = None if exact else self.take("above")
        far = self.number("percent")
        side = self.need("above", "below")
        right = self._right(left)
        if right.number is not None or not left.column or far <= 0:
            raise Unread
        factor = 1 + far / 100 if side.kind == "above" else 1 - far / 100
        times = Operand(tuple(side_of_text(f"({each}) * {factor:.10g}") for each in right.sides), column=right.column)
        strict, loose = (">", ">=") if side.kind == "above" else ("<", "<=")
        signs = (loose,) if exact else (strict,) if more else (loose, strict)
        return self._compare(left, signs, times), times

    def _beside(self, left: Operand) -> Operand:
        """Reads what something is compared with, which has to be of its kind."""
        right = self._right(left)
        self._fits(left, right)
        return right

    def _fits(self, left: Operand, right: Operand) -> None:
        """That two sides can be compared: an oscillator with a number, a price with a price, the volume with volume."""
        if left.column.startswith("account") and not right.money:
            raise Unread
        if right.money and left.column not in ("close", "open", "high", "low", "account_cash", "account_equity"):
            raise Unread
        if right.number is None:
            # An oscillator stands beside no price and no average.
            if bool(left.column) != bool(right.column):
                raise Unread
            if (left.column == "volume") != (right.column == "volume") and right.column:
                raise Unread
            return
        if left.sides[0].startswith(("ta.rsi", "ta.mfi", "ta.adx")) and not 0 <= right.number <= 100:
            raise Unread
        if left.sides[0].startswith("ta.willr") and not -100 <= right.number <= 0:
            raise Unread
        if left.column == "price":
            # An average is compared with prices; a number there is rare, and often another one's.
            raise Unread

    def _compare(self, left: Operand, signs: Iterable[str], right: Operand) -> Readings:
        return tuple(
            at_once(compared(one, sign, other))
            for one, sign, other in itertools.product(left.sides, signs, right.sides)
        )

    def _cross(self, left: Operand, sign: str, right: Operand) -> Readings:
        return tuple(at_once(crossed(one, sign, other)) for one, other in itertools.product(left.sides, right.sides))
