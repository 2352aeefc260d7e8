"""Reads what stands on the right of a comparison, and compares: what fits beside what, what is reached, and from which side."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from functools import partial

from stratforge.intent.reading.lines import earlier
from stratforge.intent.reading.meaning import Fact, at_once, compared, crossed, facts_in, side_of_text
from stratforge.intent.reading.moments import Moments, Readings
from stratforge.intent.reading.reader import Operand, Unread
from stratforge.intent.reading.registered import BOUNDS, LINES
from stratforge.intent.reading.words import LEVELS
from stratforge.intent.rules import is_number
from stratforge.strategy.indicators import REGISTRY

_ATR = "ta.atr(bars.high, bars.low, bars.close, length={0:.10g})"


class Comparing(Moments):
    """Reads the other side of comparisons from the tokens of a turn, from where it stands."""

    # What it buys by, where it was read before.
    bought: Readings = ()

    def _right(self, left: Operand) -> Operand:
        """Reads the right side of a comparison, which may be the left one's own average or signal."""
        if self.named is not None and left.column == "close" and self.peek() == "it":
            # “Take the high of the first 30 minutes. If price closes above it …”.
            self.need("it")
            return self.named
        if self.take("it"):
            # “Price above the channel buy, below it sell”: what the same thing was compared with.
            if not self._same_bar(left) or len(self.now or self.before) != 1:
                raise Unread
            if (right := self._other_side(left)).number is not None:
                raise Unread
            return right
        own = self.take("its")
        if self.peek() in LINES and (found := self.attempt(lambda: self._own_line(left))):
            return found
        if own:
            if self.peek() in ("upper", "lower", "middle", "number") or left.column == "close":
                found = self.attempt(self._own_average(left)) or self.attempt(self.operand)
                if found is not None:
                    return found
            return self._own_average(left)()
        if token := self.take("multiple"):
            return self._many_times(left, float(token.value))
        if left.column == "volume" and self.peek() == "half":
            self.need("half")
            return self._many_times(left, 0.5)
        if self.take("twice"):
            return self._many_times(left, 2.0)
        if self.peek() == "number" and self.peek(1) == "times":
            number = self.number()
            self.need("times")
            return self._many_times(left, number)
        if self.peek() in ("percent", "signed") and left.sides[0].startswith(("ta.roc(", "ta.natr(")):
            # “A rate of change of 0.5 %”.
            number = self.number("percent", "signed")
            return Operand((f"{number:.10g}",), number)
        if left.column == "volume" and self.peek() == "average":
            return self._average("volume", self._volume_average())
        if left.column == "volume" and (average := self.attempt(self._own_average(left))):
            # “Twice the 30-bar average”, beside the volume.
            return average
        if self.peek() == "percent" and self.peek(1) == "of" and not left.column:
            # “ATR above 0.1 % of the price”.
            far = self.number("percent")
            self.need("of")
            right = self.operand()
            if right.column != "close" or not left.sides[0].startswith("ta.atr("):
                raise Unread
            return Operand((f"{far / 100:.10g} * close",))
        if self.peek() == "of" and self.peek(1) == "number" and left.column == "price" and left.sides[0][:7] in ("ta.sma(", "ta.ema("):  # fmt: skip
            # “La media de 10 … la de 40”: one more average of the kind.
            self.need("of")
            return self._indicator(left.sides[0][3:6], self.number())
        if self.peek() == "at_open" and str(self.tokens[self.at].value) == "at the open" and left.column == "close":
            # “Higher than at the open”.
            self.need("at_open")
            return Operand(("day_open",), column="price")
        at = self.at
        found = self.operand()
        if not left.column and found.column and self.at == at + 1 and self.tokens[at].kind == "number":
            # “RSI crosses above 50”, where an average of 50 bars was named.
            self.at = at
            found = self._plain_number()
        if left.column == "volume" == found.column and self.peek() == "cross" and self.tokens[self.at].value == "x" and self.peek(1) == "number":  # fmt: skip
            # “Volume > average volume(50) x 2”.
            self.need("cross")
            times = self.number()
            return Operand(tuple(side_of_text(f"({each}) * {times:.10g}") for each in found.sides), column="volume")
        right = self.attempt(partial(self._of_before, found)) or found
        while (changed := self.attempt(partial(self._changed, right))) is not None:
            right = changed
        return right

    def _same_bar(self, left: Operand) -> bool:
        """Whether it is what was compared last, or another price of the same bar."""
        prices = ("close", "low", "high")
        return self.left == left or (self.left is not None and self.left.column in prices and left.column in prices)

    def _other_side(self, left: Operand) -> Operand:
        """What this left side was compared with, where its right side is not said: the one thing that it was compared with before."""
        prices = ("close", "low", "high")
        found = {right for one, right in self.compared if one == left or (one.column in prices and left.column in prices)}  # fmt: skip
        found = found or ({self.right} if self.right is not None and not self.compared else set())
        if len(found) != 1:
            raise Unread
        return found.pop()

    def _changed(self, found: Operand) -> Operand:
        """“VWAP minus 0.4 %”, “the day's high minus 3 ATR(14)”: so much less, or more."""
        up = self.need("plus_by", "minus_by").kind == "plus_by"
        if found.number is not None or found.column not in ("close", "price", "high", "low", "open"):
            raise Unread
        if self.peek() == "percent":
            far = self.number("percent")
            texts = [f"({each}) * {1 + far / 100 if up else 1 - far / 100:.10g}" for each in found.sides]
        elif self.peek() == "dollars":
            texts = [f"({each}) {'+' if up else '-'} {self.number('dollars'):.10g}" for each in found.sides]
        else:
            times, length = self._true_ranges()
            texts = [f"({each}) {'+' if up else '-'} {times:.10g} * {_ATR.format(length)}" for each in found.sides]
        return Operand(tuple(map(side_of_text, texts)), column="price", edge=found.edge)

    def _of_before(self, found: Operand) -> Operand:
        """“The close 10 bars ago”."""
        if found.number is not None:
            raise Unread
        count = self.number()
        self.need("unit")
        self.need("ago")
        return Operand(tuple(earlier(each, count) for each in found.sides), column=found.column)

    def _own_line(self, left: Operand) -> Operand:
        """“Its signal line”, “D” beside K: another line of the same indicator, with the same numbers."""
        line = LINES[self.need(*LINES).kind]
        name, found = left.sides[0].removeprefix("ta.").partition("(")[0], left.sides[0].rpartition(").")
        if found[1] != ")." or name not in REGISTRY or line not in REGISTRY[name].outputs or line == found[2]:
            raise Unread
        given = self._in_brackets() if line == "signal" else []
        if len(given) > 1:
            raise Unread
        calls = [each.rpartition(").")[0] for each in left.sides]
        if given:
            # “Its signal line (9)”.
            calls = [re.sub(r"(?<=\bsignal=)\d+(?:\.\d+)?", f"{given[0]:.10g}", each) for each in calls]
            if not all(f"signal={given[0]:.10g}" in each for each in calls):
                raise Unread
        return Operand(tuple(f"{each}).{line}" for each in calls))

    def _volume_average(self) -> float:
        """“The average volume of the last 20 bars”, “average(20)”."""
        self.need("average")
        self.take("volume")
        return self._after_it()

    def _own_average(self, left: Operand) -> Callable[[], Operand]:
        def read() -> Operand:
            if not left.column and left.number is None and (named := self.attempt(self._named_average)):
                # “OBV above its 20-bar EMA”.
                return Operand(tuple(side_of_text(f"ta.{named[0]}({each}, length={named[1]:.10g})") for each in left.sides))  # fmt: skip
            length = self._length()
            self.need("average")
            self.take("volume")
            if length is None:
                length = self._after_it()
            if not left.column and left.number is None:
                # “OBV above its 20-bar average”.
                return Operand(tuple(side_of_text(f"ta.sma({each}, length={length:.10g})") for each in left.sides))
            if left.column not in ("close", "volume"):
                raise Unread
            return self._average(left.column, length)

        return read

    def _named_average(self) -> tuple[str, float]:
        """“20-bar SMA”, “EMA(20)”, “EMA20”: the kind of an average, with its length."""
        if token := self.take("glued"):
            name, glued = str(token.value).split()
            if name not in ("sma", "ema"):
                raise Unread
            return name, float(glued)
        length = self._length()
        name = str(self.need("indicator").value)
        if name not in ("sma", "ema"):
            raise Unread
        given = [length] if length is not None else self._in_brackets() or [self.number()]
        if len(given) != 1:
            raise Unread
        return name, given[0]

    def _many_times(self, left: Operand, number: float) -> Operand:
        self.take("of")
        right = self._right(left)
        if right.number is not None:
            raise Unread
        return Operand(tuple(side_of_text(f"({each}) * {number:.10g}") for each in right.sides), column=right.column)

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
            of_price = left.sides[0].startswith("ta.atr(") and right.sides[0].endswith(" * close")
            if not left.column and not of_price and f"{left.sides[0].split('(')[0]}(" not in right.sides[0]:
                raise Unread
            return
        low, high = BOUNDS.get(left.sides[0].removeprefix("ta.").split("(")[0], (right.number, right.number))
        if not low <= right.number <= high:
            raise Unread
        if left.column == "price":
            # An average is compared with prices; a number there is rare, and often another one's.
            raise Unread

    def _compare(self, left: Operand, signs: Iterable[str], right: Operand) -> Readings:
        return tuple(
            at_once(compared(one, sign, other))
            for sign, one, other in itertools.product(signs, left.sides, right.sides)
        )

    def _cross(self, left: Operand, sign: str, right: Operand) -> Readings:
        return tuple(at_once(crossed(one, sign, other)) for one, other in itertools.product(left.sides, right.sides))

    def _touched(self, left: Operand) -> tuple[Readings, Operand]:
        """A level that is reached: downwards if it lies below by nature, upwards if above; elsewhere it is not plain."""
        self.take("new")
        right = self._beside(left)
        if left.column in ("low", "high") and right.column == "price":
            # “The low touches the EMA”.
            return self._compare(left, ("<=" if left.column == "low" else ">=",), right), right
        if right.edge:
            return self._touch_of(left, right), right
        return self._met(left, right)

    def _touch_of(self, left: Operand, right: Operand) -> Readings:
        sign = ">" if right.edge == "above" else "<"
        if ".shift(1)" in right.sides[0]:
            return self._compare(left, (sign, f"{sign}="), right)
        found = self._compare(left, (f"{sign}=", sign), right)
        if left.column == "close":
            bar = Operand(("high" if sign == ">" else "low",), column="high")
            found = (*found, *self._compare(bar, (f"{sign}=", sign), right))
        return (*found, *self._cross(left, sign, right))

    def _back_to(self, left: Operand) -> tuple[Readings, Operand]:
        """“Back to the average”: from the side on which it bought."""
        right = self._beside(left)
        return self._met(left, right)

    def _met(self, left: Operand, right: Operand) -> tuple[Readings, Operand]:
        """A level that is met from the side on which the purchase was."""
        side = self.bought_beside(left, right) or _reached(left, right)
        if not side:
            raise Unread
        return (*self._compare(left, (f"{side}=", side), right), *self._cross(left, side, right)), right

    def bought_beside(self, left: Operand, right: Operand) -> str:
        """From below (`>`) or from above (`<`), as it was bought; empty where that is not plain."""
        if not self.selling:
            return ""
        if right.number is not None:
            # “Sell when RSI hits 70”, bought below 30.
            levels = {float(str(fact[-1])) for ways in self.bought for fact in facts_in(ways) if fact[-3:-2] == (left.sides[0],) and is_number(str(fact[-1]))}  # fmt: skip
            signs = {">" if right.number > each else "<" for each in levels if right.number != each}
            return signs.pop() if len(signs) == 1 else ""
        sides = {_side_of(fact, left.sides[0], right.sides[0]) for ways in self.bought for fact in facts_in(ways)}
        sides.discard("")
        return sides.pop() if len(sides) == 1 else ""


def _reached(left: Operand, right: Operand) -> str:
    """From which side an oscillator comes to a level of its outer quarters: “RSI hits 30”, “RSI reaches 70”."""
    name = left.sides[0].split("(")[0]
    if right.number is None or name not in LEVELS:
        return ""
    low, high = LEVELS[name]
    quarter = (high - low) / 4
    return "<" if right.number <= low + quarter else ">" if right.number >= high - quarter else ""


def _side_of(fact: Fact, left: str, right: str) -> str:
    """On which side of the right one the left one was, by a fact of the purchase."""
    parts = fact[1:] if fact[0] == "crosses" else fact
    if len(parts) != 3:
        return ""
    one, sign, other = map(str, parts)
    # The lines of one indicator, and what is a percentage of them, belong together.
    stem = right.rpartition(".")[0] if right.startswith(("ta.bbands", "ta.kc")) else right
    below = sign.startswith("<")
    if one == left and stem in other:
        return ">" if below else "<"
    return ("<" if below else ">") if other == left and stem in one else ""
