"""Reads how much is bought, how often, and by which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from stratforge.intent.reading.conditions import Readings
from stratforge.intent.reading.exits import Exits
from stratforge.intent.reading.meaning import resting
from stratforge.intent.reading.reader import Unread
from stratforge.intent.rules import RuleKind

T = TypeVar("T")
ENDS = ("comma", "stop_sign", "bullet", "question")
PARTS = {"half": 50.0, "third": 33.3333, "quarter": 25.0}


@dataclass(frozen=True, slots=True)
class Statement:
    """A stretch of a turn and what it says.

    Attributes:
        kind: `buy`, `only`, `both` (a restriction that names no side), `sell`, `part`, `setting`, `nothing`, or empty where it is not read.
        readings: Its condition, in all usual readings.
        value: The part that is sold, in percent.
        settings: Sizes, limits, pauses and orders that rest, as `Meaning` has them.
        orders: Rules of an exit of the order that say the same as the readings, the usual one first.
        unknown: The word at which reading ended, where it is not read.
    """

    start: int
    end: int
    kind: str
    readings: Readings = ()
    value: float = 100.0
    settings: tuple[tuple[str, float, str], ...] = ()
    orders: tuple[str, ...] = ()
    unknown: str = ""


class Settings(Exits):
    """Reads sizes, limits and resting orders from the tokens of a turn, from where it stands."""

    turn: str
    settings: list[tuple[str, float, str]]

    def attempt(self, read: Callable[[], T]) -> T | None:
        """Reads something, or stays where it was, with the settings that were said before."""
        before = list(self.settings)
        found = super().attempt(read)
        if found is None:
            self.settings = before
        return found

    def _rests(self) -> None:
        """“With a limit order 0.5 % below the close, good for 10 bars”."""

        def read() -> str:
            self.take("with", "at", "by")
            self.need("limit_order")
            self.take("to")
            self.take("buy")
            self.take("symbol", "position")
            self.take("at", "with")
            if self.peek() == "percent":
                far = self.number("percent")
                unit = self.need("below", "above").kind
                if unit == "above":
                    raise Unread
            else:
                far, unit = 0.0, ""
            right = self.operand()
            if right.number is not None or right.column not in ("close", "price", "low"):
                raise Unread
            before = self.at
            self.take("comma")
            bars = int(self.bars()) if self.take("good_for") else 0
            if not bars:
                self.at = before
            return resting(RuleKind.BUY_LIMIT, right.sides[0], far, unit, bars)

        text = self.attempt(read)
        if text is not None:
            self.settings.append((text, 0.0, ""))

    def _amount(self) -> tuple[str, float, str]:
        """Reads a size: so many shares, dollars, or percent of the equity."""
        if self.peek() == "size_word" and str(self.tokens[self.at].value) in ("qty", "quantity"):
            self.need("size_word")
            self.take("colon", "is", "of")
            return "size", self.number(), "shares"
        if token := self.take("shares", "dollars"):
            self.take("of")
            return "size", float(token.value), token.kind
        if token := self.take("half", "third", "quarter"):
            if self.need("equity", "column").kind == "column" and self.tokens[self.at - 1].value != "account_equity":
                raise Unread
            return "size", PARTS[token.kind], "% of equity"
        part = self.number("percent")
        if self.peek() not in ("when", "", *ENDS, "per_trade", "and", "with"):
            self.need("equity")
        return "size", part, "% of equity"

    def _amount_in_brackets(self) -> tuple[str, float, str]:
        self.need("open")
        amount = self._amount()
        self.need("close")
        return amount

    def _counted_trades(self) -> float:
        limited = self.tokens[self.at - 1].kind in ("only", "max", "at_most", "above") if self.at else False
        if self.peek() in ("trades", "entries", "trade"):
            # “Max trades per day: 3”.
            self.at += 1
            self.need("per_day", "daily")
            self.take("colon", "is")
            return self.number()
        count = self.number()
        self.take("max")
        if self.peek() != "per_day" or not limited:
            # “Never more than 2 a day”.
            self.need("trades", "trade", "buy", "entries", "times")
        limited = self.take("max") is not None or limited or self.tokens[self.at - 2].kind == "max"
        self.need("per_day", "daily")
        limited = self.take("max") is not None or limited
        if not limited:
            raise Unread
        return count

    def _bought(self) -> None:
        """What is bought, and how much of it."""
        while True:
            if self.take("symbol", "it", "of"):
                continue
            if self.peek() == "open" and (amount := self.attempt(self._amount_in_brackets)) is not None:
                # “Buy SPY (10 shares)”.
                self.settings.append(amount)
                continue
            if self.peek() == "position" and str(self.tokens[self.at].value) in ("stock", "shares", "the stock", "the shares", "coins"):  # fmt: skip
                self.at += 1
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
            self.take("per_trade")

    def said(self, kind: str, readings: Readings = (), value: float = 100.0, orders: tuple[str, ...] = ()) -> Statement:
        """The statement that was read; its place is known once it is whole."""
        return Statement(0, 0, kind, readings, value, tuple(self.settings), orders)

    def size(self) -> Statement:
        """Reads a size by itself: “use 10 % of equity”, “position size: 100 shares”."""
        if self.peek() == "size_word" and str(self.tokens[self.at].value) in ("qty", "quantity"):
            self.settings.append(self._amount())
            return self.said("setting")
        labelled = self.take("size_word")
        if labelled is None and self.peek() == "position" and self.peek(1) in ("dollars", "shares", "colon"):
            labelled = self.need("position")
        if labelled:
            self.take("colon", "is", "of", "arrow")
        elif not self.take("with", "for", "trade", "trades") and self.peek() not in ("percent", "dollars", "shares"):
            raise Unread
        # A percentage alone may be of anything.
        bare = self.peek(1) == "" or self.peek(1) in ENDS
        if self.peek() == "percent" and bare and not labelled:
            raise Unread
        part = self.peek() == "percent" and (self.peek(1) == "per_trade" or bare)
        if part:
            self.settings.append(("size", self.number("percent"), "% of equity"))
        else:
            amount = self.attempt(self._amount)
            if amount is None:
                raise Unread
            self.settings.append(amount)
        if self.peek() in ("in", "of", "on") and self.peek(1) == "symbol":
            self.at += 1
        self.take("symbol")
        self.take("per_trade")
        return self.said("setting")

    def limit(self) -> Statement:
        """Reads how often it buys, or how long it waits after a sale."""
        if self.take("per_day"):
            # “1日最大3回まで”.
            self.need("max")
            self.settings.append(("at most", self.number(), ""))
            self.need("trades", "trade")
            return self.said("setting")
        if self.take("once_a_day"):
            self.take("max", "only")
            self.settings.append(("at most", 1.0, ""))
            return self.said("setting")
        after = self.take("after_a_sale")
        if self.take("wait"):
            self.take("of", "for", "colon")
            self.settings.append(("wait", self.bars(), ""))
            self.take("after_a_sale")
            if not after and self.tokens[self.at - 1].kind != "after_a_sale" and "cool" not in self.turn.lower():
                raise Unread
            return self.said("setting")
        if self.take("not"):
            # “No more than 3 trades a day” is of one word; “never more than one trade per day”.
            self.need("above")
        else:
            self.take("only", "max", "at_most")
        if self.peek() == "twice" and self.peek(1) == "per_day":
            # “Not more than twice a day”.
            if self.tokens[self.at - 1].kind not in ("max", "at_most", "above", "only"):
                raise Unread
            self.at += 2
            count = 2.0
        else:
            count = 1.0 if self.take("once_a_day") else self._counted_trades()
        self.settings.append(("at most", count, ""))
        if self.peek() in ("on", "in") and self.peek(1) == "symbol":
            self.at += 2
        return self.said("setting")
