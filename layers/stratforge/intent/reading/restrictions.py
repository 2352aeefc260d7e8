"""Reads what restricts: when it buys at all, and that nothing is held overnight."""

from __future__ import annotations

from stratforge.intent.reading.conditions import Readings
from stratforge.intent.reading.meaning import facts_in
from stratforge.intent.reading.moments import TIMES, before_the_close
from stratforge.intent.reading.pauses import Pauses
from stratforge.intent.reading.reader import Operand, Unread
from stratforge.intent.reading.settings import Statement


class Restrictions(Pauses):
    """Reads restrictions from the tokens of a turn, from where it stands."""

    # Whether a sale was spoken of just before, in the same sentence.
    after_sale = False

    def overnight(self) -> Statement:
        """“Never hold overnight”, “no overnight positions”: it sells before the close."""
        self.selling = True
        self.need("not")
        self.take("hold")
        self.take("position", "it")
        self.need("overnight")
        self.take("position", "hold")
        return self.said("sell", before_the_close())

    def _when(self) -> Readings:
        """Reads a condition after its “when”, or times and days without one."""
        if self.peek() == "and" and str(self.tokens[self.at].value) == "while":
            # “Only buy while QQQ is above its VWAP”.
            self.need("and")
            return self.condition()
        return self.condition() if self.take("when") else self.moments()

    def _trading(self) -> str:
        """Of which side a restriction speaks: `only` of buying, `both` where it names none."""
        if self.take("buy", "entries"):
            self.take("position", "symbol")
            return "only"
        if self.take("trade", "trades"):
            return "both"
        return ""

    def only(self) -> Statement:
        """A restriction of buying; after a sale in the same sentence, one that names no side may be of the sale."""
        begin = self.at
        found = self._restriction()
        sided = any(
            each.kind in ("buy", "entries", "trade", "trades", "no_buying") for each in self.tokens[begin : self.at]
        )
        # “Only on Mondays” is told where it is read of one side alone.
        told = self.tokens[begin].value == "only" and all(fact[0] in (*TIMES, "days") for ways in found.readings for fact in facts_in(ways))  # fmt: skip
        if self.after_sale and not sided and not told:
            raise Unread
        return found

    def _restriction(self) -> Statement:
        if self.take("filter"):
            # “Filter: ADX > 25”.
            self.take("colon", "is", "with")
            return self.said("only", self.listed(any_of=False))
        if self.peek() == "just" and self.peek(1) in ("between", "day", "on", "in", "from", "after", "before", "first", "final"):  # fmt: skip
            self.need("just")
            return self.said("both", self._when())
        if self.take("only"):
            kind = self._trading() or ("only" if self.peek() == "when" else "both")
            self.take("symbol")
            found = self._when()
            return self.said(kind, found)
        if self.take("unless"):
            self.take("when")
            return self.said("both", self.denied(self.condition()))
        if self.take("except"):
            return self.said("both", self.denied(self._when()))
        if self.peek() in ("buy", "trade", "trades", "entries") and self.peek(1) in ("only", "symbol"):
            self._trading()
            self.take("symbol")
            self.need("only")
            return self.said("only", self._when())
        if self.peek() in ("trade", "trades", "buy") and self.peek(1) == "not":
            # “Ne trade pas le vendredi”.
            kind = self._trading()
            self.need("not")
            return self.said(kind, self.denied(self.moments()))
        if (
            self.peek() in ("time", "number")
            and (span := self.attempt(self._span)) is not None
            and self.take("no_buying")
        ):
            # “9:30から10:00までは買わない”.
            return self.said("only", self.denied(span))
        if self.take("no_buying"):
            if self.take("unless"):
                return self.said("only", self.condition())
            # “Ignore buy signals while …”, “nothing after 2 pm”.
            return self.said("only", self.denied(self._when()))
        if self.take("not"):
            kind = self._trading() or "both"
            self.take("symbol")
            if self.peek() == "not":
                # Denied twice.
                raise Unread
            if kind == "only" and self.take("unless"):
                return self.said(kind, self.condition())
            if kind == "only" and self.peek() in ("above", "below"):
                self.left = None
                found = self._relation(Operand(("close",), column="close"))[0]
                return self.said(kind, self.denied(found))
            found = self._when()
            return self.said(kind, self.denied(found))
        begin = self.at
        if (demanded := self.attempt(self.condition)) is not None and any(str(each.value) in ("must be", "should be", "needs to be", "has to be") for each in self.tokens[begin : self.at]):  # fmt: skip
            # “ADX must be over 15.”
            return self.said("only", demanded)
        self.at = begin
        if self.take("with"):
            begin = self.at
        if (filtered := self.attempt(self.condition)) is not None and self.take("filter"):
            # “ADX > 25 filter”.
            return self.said("only", filtered)
        self.at = begin
        found = self.moments()
        self.need("only")
        return self.said("both", found)
