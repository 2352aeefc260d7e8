"""Reads what follows from how a trade ended, and what is measured by its stop: pauses after losses and stops, sizes by risk."""

from __future__ import annotations

from stratforge.intent.reading.reader import Unread
from stratforge.intent.reading.settings import Settings, Statement

# How a trade ended, by the kind of the words that say so, and how losses of that kind are counted.
_EVENTS = {"after_a_sale": "sale", "after_a_loss": "loss", "after_a_stop": "stop"}
_COUNTED = {"losing_trades": "losses", "loss": "losses", "stopped_trades": "stops"}


class Pauses(Settings):
    """Reads pauses, sizes by risk and stops that are moved from the tokens of a turn, from where it stands."""

    # What was read before.
    found: list[Statement]

    def pause(self) -> Statement:
        """“After a loss wait 30 minutes”, “no new trades for 2 days after a stop”, “after two losses in a row no more trades that day”."""
        after = self.take(*_EVENTS)
        if after is None and (ended := self.attempt(self._day_ended)) is not None:
            self.settings.append(("no buys after", *ended))
            return self.said("setting")
        if after is not None:
            self.take("comma", "colon")
        if after is not None and after.kind != "after_a_sale" and self.attempt(self._no_more_that_day) is not None:
            self.settings.append(("no buys after", 1.0, "stops" if after.kind == "after_a_stop" else "losses"))
            return self.said("setting")
        count, span = self._how_long()
        again = None
        if after is None:
            self.take("of")
            after = self.need(*_EVENTS)
        else:
            again = self.take("after_a_sale")
        if again is not None and not str(again.value).startswith(("before", "between")):
            raise Unread
        unit = f"{span} after a {_EVENTS[after.kind]}"
        self.settings.append(("wait", count, "" if unit == "bars after a sale" else unit))
        return self.said("setting")

    def _how_long(self) -> tuple[float, str]:
        """How long nothing is bought: “wait 30 minutes”, “no new trades for 2 days”, “an hour's pause”."""
        if self.take("wait"):
            self.take("of", "for", "colon")
        elif self.take("no_buying", "no_more_buying"):
            self.need("for", "in")
        else:
            raise Unread
        if token := self.take("days"):
            return float(token.value), "days"
        return self.bars(), "bars"

    def _no_more_that_day(self) -> bool:
        if self.take("done_today"):
            return True
        self.need("no_buying", "no_more_buying")
        self.need("rest_of_day")
        return True

    def _losses(self) -> tuple[float, str]:
        count = self.number()
        kind = self.need(*_COUNTED).kind
        unit = _COUNTED[kind]
        if self.take("in_a_row"):
            if unit == "stops":
                raise Unread
            unit = "losses in a row"
        if not count.is_integer() or count < 1:
            raise Unread
        return count, unit

    def _day_ended(self) -> tuple[float, str]:
        """“Two losers and I'm done for the day”, “max 2 losses a day”, “no more trades that day after 2 losses”."""
        if self.attempt(self._no_more_that_day) is not None:
            if token := self.take("after_a_loss", "after_a_stop"):
                return 1.0, "stops" if token.kind == "after_a_stop" else "losses"
            self.need("after")
            return self._losses()
        if self.take("max", "at_most"):
            found = self._losses()
            self.need("per_day", "daily")
            return found
        self.take("after")
        found = self._losses()
        self.take("rest_of_day", "per_day")
        self.take("comma", "and", "colon", "arrow")
        self._no_more_that_day()
        return found

    def break_even(self) -> Statement:
        """“Move the stop to break-even at 1R”; “sell half at 1 %, move the stop to break-even”: at the moment at which the part is sold."""
        self.need("move_stop")
        self.need("break_even")
        if self.take("when", "at", "after"):
            self.selling = True
            found = self.part()
        elif self.found and self.found[-1].kind == "part":
            found = self.found[-1].readings
        else:
            raise Unread
        facts = [fact for way in found[0] for fact in way]
        if len(found[0]) != 1 or len(facts) != 1 or facts[0][0] not in ("gain", "gain_risks") or facts[0][1] != ">=":
            raise Unread
        self.settings.append((f"stop loss 0% when {facts[0][0]} >= {facts[0][2]}", 0.0, ""))
        return self.said("setting")

    def risk(self) -> Statement:
        """“Risk 1 % of my equity”, “risk $200 a trade”: as many shares as lose that much at the stop."""
        if self.take("size_word"):
            self.take("colon", "is")
        self.need("risk")
        self.take("colon", "is", "of", "only", "max", "at_most")
        if self.tokens[self.at - 1].kind in ("max", "at_most"):
            # A bound is no size.
            raise Unread
        if token := self.take("dollars"):
            amount = ("size", float(token.value), "dollars at risk")
        else:
            part = self.number("percent")
            if self.peek() not in ("", "comma", "stop_sign", "and", "with", "per_trade"):
                self.need("equity")
            amount = ("size", part, "% of equity at risk")
        if amount[1] <= 0:
            raise Unread
        self.settings.append(amount)
        self.take("on") if self.peek(1) == "per_trade" else None
        self.take("per_trade")
        return self.said("setting")
