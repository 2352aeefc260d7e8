"""Reads by what it buys: the verb before its condition or behind it, labels and lists, hours and restrictions in the same breath."""

from __future__ import annotations

from stratforge.intent.reading.conditions import Readings
from stratforge.intent.reading.meaning import on_a_usual_day
from stratforge.intent.reading.moments import TIMES
from stratforge.intent.reading.reader import Operand, Unread
from stratforge.intent.reading.restrictions import Restrictions
from stratforge.intent.reading.settings import ENDS, Statement

# What compares the symbol that stands before it.
_RELATIONS = ("is", "trade", "above", "below", "cross", "fall", "rise", "break", "return", "reclaim", "touch", "gap_up", "gap_down", "opens", "upcross", "move", "lose")  # fmt: skip


class Purchases(Restrictions):
    """Reads purchases from the tokens of a turn, from where it stands."""

    # Whether something was said that restricts buying.
    restricted = False

    def _buy(self) -> Statement:
        if (
            self.peek() == "otherwise"
            and self.peek(1) in ("buy", "when", "colon", "indicator", "glued")
            and self.restricted
        ):
            # “Don't trade while … Otherwise buy when …”: the restriction stands beside it.
            self.need("otherwise")
            self.take("colon")
        if self.take("entry_label"):
            if not (self.peek() == "symbol" and self.peek(1) in _RELATIONS):
                self._bought()
            while self.take("colon", "when", "comma"):
                pass
            found = self.listed(any_of=False, commas=True)
        elif self.peek() == "buy" and (labelled := self.attempt(self._labelled)) is not None:
            found = labelled
        elif self.peek() == "with" and (put := self.attempt(self._put)) is not None:
            found = put
        elif (first := self.attempt(self._moments_first)) is not None:
            found = first
        elif self.take("when"):
            found = self.condition()
            self.take("comma")
            self.take("then")
            self.take("arrow", "colon")
            self._verb()
            before = self.at
            self.take("only")
            # “If the price is above the 200 SMA, buy when RSI(2) < 10”: both.
            more = self.attempt(self.condition) if self.take("when") else None
            if more is None or self.peek() in ("sell", "arrow", "then"):
                self.at = before
            else:
                found = self.joined(found, more, both_of=True)
        elif self.peek() in ("buy", "all_in", "limit_order") or (
            self.peek() == "with" and self.peek(1) == "limit_order"
        ):
            found = self._verb_first()
        elif self.peek() in ("bullet", "all_of") and (all_of := self.attempt(self._all_then)) is not None:
            found = all_of
        else:
            found = self.condition()
            while self.peek() == "comma" and (more := self.attempt(self._one_more)) is not None:
                # “RSI < 30, price > VWAP => buy”.
                found = self.joined(found, more, both_of=True)
            if not self.take("arrow", "colon", "question", "comma"):
                self.take("then")
            self._verb()
        found = self._restricted(found)
        if self.peek() in ("for", "with"):
            self._bought()
            found = self._restricted(found)
        if any(text.startswith("buy at limit") and " for " not in text for text, _, _ in self.settings):
            before = self.at
            self.take("comma")
            if self.take("good_for"):
                bars = int(self.bars())
                self.settings = [(f"{text} for {bars} bars" if text.startswith("buy at limit") else text, value, unit) for text, value, unit in self.settings]  # fmt: skip
            else:
                self.at = before
        return self.said("buy", found)

    def _one_more(self) -> Readings:
        self.need("comma")
        return self.condition()

    def _moments_first(self) -> Readings:
        """“On Mondays buy when …”."""
        daily = self.take("every_day", "per_day")
        first = self.moments()
        daily = self.take("every_day", "per_day") or daily
        self.take("comma", "colon")
        if self.take("when"):
            # “Between noon and 1 pm, if …, buy 100 shares”.
            found = self.condition()
            self.take("comma")
            self.take("then")
            self.take("arrow", "colon")
            self._verb()
            return self.joined(first, found, both_of=True)
        self.need("buy")
        self._bought()
        if (hours := self.attempt(self.moments)) is not None:
            # “On Tuesdays, buy at 9:45 if …”.
            first = self.joined(first, hours, both_of=True)
            daily = self.take("every_day", "per_day") or daily
            if self.peek() in ("", *ENDS, "and", "sell", "for", "with") and _at_a_time(first):
                self._bought()
                return first
        if daily and self.peek() in ("", *ENDS) and _at_a_time(first):
            # “Every day at 10:15 buy 10 shares”.
            return first
        self._wanted()
        return self.joined(first, self.condition(), both_of=True)

    def _labelled(self) -> Readings:
        """“Buy SPY: RSI < 30”."""
        self.need("buy")
        self._bought()
        self.need("colon")
        return self.listed(any_of=False, commas=True)

    def _all_then(self) -> Readings:
        """“1) EMA 20 > EMA 50 2) RSI < 40. All of them: buy.”"""
        found = self.listed(any_of=False, commas=True)
        self.take("stop_sign", "comma")
        while self.take("bullet", "stop_sign"):
            pass
        if not (self.take("all_of") or self.tokens[self.at - 1].kind in ("stop_sign", "bullet")):
            raise Unread
        self.take("then")
        self.take("arrow", "colon", "comma", "then")
        self._verb()
        return found

    def _put(self) -> Readings:
        """“Put 20 % of my account in Apple whenever …”."""
        if str(self.need("with").value) not in ("put", "invest", "allocate", "place", "commit"):
            raise Unread
        self.settings.append(self._amount())
        self.need("in", "on", "of", "until")
        self.need("symbol", "it", "position")
        self.need("when")
        return self.condition()

    def _verb(self) -> None:
        if self.peek() == "in" and self.peek(1) in ("", *ENDS):
            self.need("in")
        elif self.take("all_in"):
            self.settings.append(("size", 100.0, "% of equity"))
        else:
            self.need("buy")
        self._bought()

    def _verb_first(self) -> Readings:
        if self.peek() not in ("limit_order", "with"):
            self._verb()
        self._rests()
        if self.peek() == "comma" and self.peek(1) == "when":
            self.need("comma")
        if self.take("unless"):
            # “Buy unless RSI is over 40”.
            return self.denied(self.condition())
        if self.take("first_time"):
            # “Buy the first time … each day”.
            found = self._restricted(self.condition())
            if self.take("per_day", "every_day") is None and not any(each.kind == "once_a_day" for each in self.tokens[self.at :]):  # fmt: skip
                raise Unread
            self.settings.append(("at most", 1.0, ""))
            return found
        hours = self.attempt(self.moments)
        daily = self.take("every_day", "per_day")
        if hours is None or self.peek() == "when":
            if hours is None and self.take("every_day", "per_day"):
                found = self.moments()
                self._bought()
                return found
            if self.peek() in ("above", "below") and self.left is None:
                # “Buy above yesterday's high”: the price.
                self.left, self.now = Operand(("close",), column="close"), {"close"}
                if self.peek(1) == "number":
                    raise Unread
            else:
                self._wanted()
            found = self.listed(any_of=False)
            return found if hours is None else self.joined(hours, found, both_of=True)
        self._bought()
        # “Buy at 10:00 every day” is whole; “buy on Mondays” says no more than when.
        if daily or any(fact[0] in TIMES for way in hours[0] for fact in way):
            if not any(on_a_usual_day(fact)[:2] == ("minute", "<") for way in hours[0] for fact in way):
                raise Unread
            return hours
        raise Unread

    def _wanted(self) -> None:
        """A condition begins, with its “when” or without one."""
        bare = ("indicator", "glued", "column", "golden", "crossover", "trend", "engulfing", "upper", "lower", "oversold", "gap_up", "gap_down", "bullish", "band", "symbol", "red", "green", "new", "k_line", "plus_di", "histogram", "breakout", "average", "it")  # fmt: skip
        if self.peek() == "at" and self.peek(1) in ("percent", "signed"):
            return
        if self.take("on", "at") and self.peek() in (
            *bare,
            "number",
            "high",
            "open",
            "below",
            "above",
            "touch",
            "breakout",
            "cross",
        ):
            return
        if self.peek() == "after" and self.peek(1) in (
            "number",
            "engulfing",
            "red",
            "green",
            "lower_close",
            "higher_close",
        ):
            return
        if not self.take("when", "colon") and self.peek() not in (*bare, "number", "arrow"):
            raise Unread
        self.take("arrow", "colon")

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


def _at_a_time(readings: Readings) -> bool:
    return any(fact[0] in TIMES for ways in readings for way in ways for fact in way)
