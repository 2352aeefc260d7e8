"""Reads times of day and days of the week: “on Monday before noon”, “in the first hour”, “10:00-11:30”."""

from __future__ import annotations

from stratforge.intent.reading.meaning import ALWAYS, Fact, Ways, at_once, both, compared, either, on_a_usual_day
from stratforge.intent.reading.operands import Operands
from stratforge.intent.reading.reader import Unread
from stratforge.intent.rules import CONTRARY

# The facts that are times of the day.
TIMES = ("minute", "minutes_to_close")
# The readings of a condition that are all right.
Readings = tuple[Ways, ...]
OPEN, CLOSE = 570, 960
_MOST = 32
_CLOCK = ("between", "after", "before", "until", "from", "time", "no_later", "outside", "first", "final", "morning", "afternoon", "at_open", "at_close", "number", "half_hour", "hours")  # fmt: skip
# What counts bars, and what “in the last 30 minutes” may follow where it means those of the day.
_BARS = ("bar", "bars", "candle", "candles", "period", "periods")
_BEFORE_LAST = ("only", "not", "buy", "sell", "symbol", "stop_sign", "comma", "or", "and", "trade", "trades", "entries", "except", "unless", "position", "when", "is", "bullet", "colon")  # fmt: skip
# What may follow an hour that is said without its minutes.
_AFTER_HOUR = ("", "comma", "stop_sign", "colon", "bullet", "question", "and", "until", "when", "buy", "sell", "on")


def _is_span(readings: Readings) -> bool:
    """Whether it is a stretch of the day, from one time to another."""
    return all(len(ways) == 1 and [fact[0] for way in ways for fact in way] == ["minute", "minute"] for ways in readings)  # fmt: skip


def _are_apart(one: Readings, other: Readings) -> bool:
    """Whether it is an early and a late part of the day, which have no minute in common."""
    ends = [[fact[1:] for ways in readings for way in ways for fact in map(on_a_usual_day, way) if len(way) == 1 and fact[0] == "minute"] for readings in (one, other)]  # fmt: skip
    if any(len(ways) != 1 or len(way) != 1 for ways in (*one, *other) for way in ways) or not all(ends):
        return False
    early, late = sorted(ends, key=lambda each: str(each[0][0])[0] != "<")
    return all(str(sign)[0] == "<" for sign, _ in early) and all(str(sign)[0] == ">" for sign, _ in late) and max(float(str(at)) for _, at in early) <= min(float(str(at)) for _, at in late)  # fmt: skip


def minute(sign: str, at: float) -> Ways:
    """The condition that it is so late."""
    return at_once(("minute", sign, f"{at:.10g}"))


def to_close(sign: str, count: float) -> Ways:
    """The condition that so many minutes are left until the close, which is early on some days."""
    return at_once(("minutes_to_close", sign, f"{count:.10g}"))


# Minutes before the close at which “before the close” may sell; the first one is usual.
_BEFORE_CLOSE = (5, 1, 2, 3, 4, 10, 15)


def before_the_close() -> Readings:
    """The last minutes of the day, in which “at the close” may sell."""
    return tuple(each for count in _BEFORE_CLOSE for each in (minute(">=", CLOSE - count), to_close("<=", count)))


class Moments(Operands):
    """Reads moments from the tokens of a turn, from where it stands."""

    def joined(self, one: Readings, other: Readings, *, both_of: bool) -> Readings:
        """Two conditions as one, in all their readings."""
        pairs = [(first, second) for first in one for second in other]
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
        if each[0] in ("for", "crosses", "within"):
            return ("not", each)
        if each[0] == "not":
            raise Unread
        left, sign, right = each
        return compared(str(left), CONTRARY[str(sign)], str(right))

    def moments(self) -> Readings:
        """Reads times and days: “on Monday before noon”, “on Mondays or after 15:00”."""
        negated = self.peek() == "not"
        found = self.moment()
        if self.peek() == "or":

            def other() -> Readings:
                self.need("or")
                return self.moment()

            more = self.attempt(other)
            return found if more is None else self.joined(found, more, both_of=False)
        before = self.at
        both_of = True
        if self.take("and"):
            self.take("again")
        more = self.attempt(self.moment)
        if more is None:
            self.at = before
            return found
        if negated and _is_span(more):
            # “Not between 10 and 11 and between 14 and 15”: how far the “not” reaches is not plain.
            raise Unread
        if (_is_span(found) and _is_span(more)) or _are_apart(found, more):
            # “Between 10 and 11:30 and from 14:00 to 15:30”, “in the first and the last hour”: in either of them.
            both_of = False
        return self.joined(found, more, both_of=both_of)

    def moment(self) -> Readings:
        """Reads a time of day or days of the week, denied or not."""
        if not self.take("it_is") and self.take("it"):
            self.need("is")
        denied = self.take("not") is not None
        ahead = 1 if self.peek() in ("at", "in", "on") else 0
        found = self._time() if self.peek(ahead) in _CLOCK else self._days()
        return self.denied(found) if denied else found

    def _clock(self) -> float:
        """A time, or a number that can be nothing else: “between 10 and 3”."""
        if self.peek() == "time":
            return self.number("time")
        hour = self.number()
        if hour != int(hour) or not (9 <= hour <= 16 or 1 <= hour <= 4) or self.peek() not in _AFTER_HOUR:
            raise Unread
        return 60 * (hour + 12 if hour <= 4 else hour)

    def _time(self) -> Readings:
        if not self.take("in") and self.peek() == "on" and self.peek(1) in ("first", "final"):
            self.need("on")
        if token := self.take("morning", "afternoon"):
            return (minute("<" if token.kind == "morning" else ">=", 720),)
        if self.take("first", "final"):
            return self._edge(first=self.tokens[self.at - 1].kind == "first")
        if self.peek() in ("number", "half_hour", "hours"):
            return self._counted()
        if self.take("at_open"):
            return self._exactly(OPEN)
        if self.peek() == "time" and self.peek(1) == "until":
            # “8am-8pm”.
            return self._span()
        if self.peek() == "time":
            at = self.number("time")
            return (minute(">=", at), minute("==", at)) if self.selling else self._exactly(at)
        if self.selling and self.take("at_close"):
            return before_the_close()
        word = self.need("between", "after", "before", "until", "from", "at", "no_later", "outside", "on").kind
        if word in ("on", "at") and self.take("at_open"):
            return self._exactly(OPEN)
        if word == "outside":
            self.take("from")
            return self.denied(self._span())
        if word in ("between", "from"):
            start = self.attempt(self._span)
            if start is not None:
                return start
            if word == "between":
                raise Unread
            at = self.number("time")
            self.take("unit")
            return (minute(">=", at), minute(">", at))
        at = self._clock() if word in ("after", "before", "until", "no_later") else self.number("time")
        if word == "after":
            return (minute(">=", at), minute(">", at))
        if word == "no_later":
            return (minute("<=", at), minute("<", at))
        if word == "at":
            return (minute(">=", at), minute("==", at)) if self.selling else self._exactly(at)
        return (minute("<", at),) if word == "before" else (minute("<", at), minute("<=", at))

    def _exactly(self, at: float) -> Readings:
        """At this minute of the day."""
        return (
            both(minute(">=", at), minute("<", at + 1), self.week),
            minute("==", at),
            both(minute(">=", at), minute("<=", at), self.week),
        )

    def _span(self) -> Readings:
        start = self._clock()
        self.need("and", "until")
        end = self._clock()
        if end <= start:
            raise Unread
        return self.joined((minute(">=", start),), (minute("<", end), minute("<=", end)), both_of=True)

    def _edge(self, *, first: bool) -> Readings:
        """“The first 15 minutes”, “the last hour”."""
        before = self.at - 2 if self.at > 1 and self.tokens[self.at - 2].kind != "in" else self.at - 3
        count = self.bars()
        of_the_day = self.take("of_the_day", "to_the_close", "at_close")
        if not first and of_the_day is None and (self.tokens[self.at - 1].value in _BARS or (before >= 0 and self.tokens[before].kind not in _BEFORE_LAST)):  # fmt: skip
            # “RSI was below 30 in the last 5 bars” looks back.
            raise Unread
        if "/" in "".join(str(each.value) for each in self.tokens if each.kind == "symbol"):
            raise Unread
        if first:
            return (minute("<", OPEN + count),)
        return (to_close("<=", count),)

    def _counted(self) -> Readings:
        """“30 minutes after the open”, “10 minutes before the close”."""
        count = self.bars()
        if self.peek() == "after" and self.peek(1) == "at_open":
            self.at += 2
            return self._exactly(OPEN + count) if not self.selling else (minute(">=", OPEN + count),)
        if token := self.take("of_the_day"):
            if "after" not in str(token.value):
                raise Unread
            return (minute(">=", OPEN + count),) if self.selling else self._exactly(OPEN + count)
        self.need("to_the_close", "at_close")
        if self.selling:
            return (to_close("<=", count),)
        return (both(to_close("<=", count), to_close(">", count - 1), self.week), to_close("==", count))

    def _days(self) -> Readings:
        self.take("on")
        if self.take("weekdays"):
            return (at_once(("days", *sorted(self.week & set(range(5))))),) if len(self.week) > 5 else (ALWAYS,)
        days = [int(self.number("day"))]
        while True:
            before = self.at
            if self.take("until"):
                last = int(self.number("day"))
                days += range(days[-1] + 1, last + 1)
                if last < days[0]:
                    raise Unread
                continue
            if not self.take("and", "or", "comma", "slash"):
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
