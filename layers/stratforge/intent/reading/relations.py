"""Reads how two things are compared: levels, crossings, distances in percent, what is reached and what is broken."""

from __future__ import annotations

from dataclasses import replace

from stratforge.intent.reading.comparing import _ATR, Comparing
from stratforge.intent.reading.lines import Family, earlier
from stratforge.intent.reading.meaning import at_once, compared, crossed, facts_in, side_of_text
from stratforge.intent.reading.moments import Readings
from stratforge.intent.reading.reader import Operand, Unread
from stratforge.intent.reading.registered import registered
from stratforge.intent.reading.words import LEVELS, mostly_beyond
from stratforge.intent.rules import CONTRARY

SIGNS = {"below": "<", "above": ">", "at_most": "<=", "at_least": ">="}
# What becomes so was not so before: “climbs over”, “gets above”.
_BECOMES = ("turns", "turn", "moves", "move", "becomes", "become", "climbs", "climb", "gets", "get", "goes", "go", "flips", "flip", "pushes", "pops", "jumps", "comes")  # fmt: skip
_ZERO = Operand(("0",), 0.0)


class Relations(Comparing):
    """Reads relations from the tokens of a turn, from where it stands."""

    def rising(self, left: Operand, *, up: bool) -> Readings:
        """“The SMA is rising”, “… over the last 10 bars”: above its value so many bars before."""
        count = 1.0
        if self.peek() in ("above", "in", "for") and self.peek(1) in ("last", "final", "number"):
            self.at += 1
            self.take("last", "final")
            count = self.number()
            self.need("unit")
            if not 1 <= count <= 1000:
                raise Unread
        return tuple(at_once(compared(each, ">" if up else "<", earlier(each, count))) for each in left.sides)

    def _relation(self, left: Operand) -> tuple[Readings, Operand | None]:
        if self.peek() == "its" and self.peek(1) in ("above", "below", "at_least", "at_most", "oversold", "overbought", "percent", "back"):  # fmt: skip
            self.at += 1
        self.take("is", "it_is")
        denied = self.take("not") is not None
        if denied:
            # “No esté por encima de 65”.
            self.take("is")
        if self.peek() == "between":
            return self._between(left, denied=denied), None
        if (near := self.attempt(lambda: self._near(left))) is not None:
            return (self.denied(near[0]) if denied else near[0]), near[1]
        if (other := self.attempt(lambda: self._other_order(left))) is not None:
            if not denied:
                return other
            if any(fact[0] == "crosses" for ways in other[0] for fact in facts_in(ways)):
                raise Unread
            return self.denied(other[0]), other[1]
        beyond = self.attempt(lambda: self._by_percent(left)) or self.attempt(lambda: self._deviations(left))
        if beyond is not None:
            if denied:
                raise Unread
            return beyond
        back = self.take("back") if self.peek() == "back" and self.peek(1) in ("above", "below") else None
        if token := self.take("below", "above", "at_most", "at_least"):
            return self._level(left, token.kind, denied=denied, back=back is not None)
        if denied:
            raise Unread
        if token := self.take("oversold", "overbought"):
            return self._extreme_level(left, token.kind), None
        if self.peek() in ("number", "dollars") and self.peek(1) in ("or_less", "or_more"):
            right = self.operand()
            self._fits(left, right)
            end = self.need("or_less", "or_more")
            return self._compare(left, ("<=" if end.kind == "or_less" else ">=",), right), right
        if self.peek() in ("multiple", "twice") or (self.peek() == "number" and self.peek(1) == "times"):
            right = self._beside(left)
            return self._compare(left, (">=", ">"), right), right
        if (found := self._of_sign(left)) is not None:
            return found, None
        if self.peek() in ("rise", "fall") and self.tokens[self.at].value in ("rising", "falling") and (self.peek(1) not in ("below", "above", "back", "until", "number", "percent") or (self.peek(1) == "above" and self.peek(2) in ("last", "final"))):  # fmt: skip
            return self.rising(left, up=self.need("rise", "fall").kind == "rise"), None
        if self.peek() in ("has_moved", "fall", "rise") and self.peek(1) in ("number", "for") and (streak := self.attempt(lambda: self._in_a_row(left))):  # fmt: skip
            return streak, None
        if token := self.take("touch"):
            return self._touched(left)
        if token := self.take("reclaim", "lose"):
            right = self._beside(left)
            self.take("upwards" if token.kind == "reclaim" else "downwards")
            sign = ">" if token.kind == "reclaim" else "<"
            return (*self._cross(left, sign, right), *self._compare(left, (sign,), right)), right
        if self.peek() in ("crossover", "crossunder"):
            sign = ">" if self.need("crossover", "crossunder").kind == "crossover" else "<"
            right = self._right(left)
            self._fits(left, right)
            return self._cross(left, sign, right), right
        if self.peek() in ("fall", "rise", "move", "break", "trade", "turns"):
            return self._gone(left)
        if self.take("return"):
            if self.peek() in ("until", "at"):
                self.at += 1
                return self._back_to(left)
            side = self.need("below", "above")
            right = self.attempt(lambda: self._beside(left)) or self._beside_before(left)
            return self._cross(left, ">" if side.kind == "above" else "<", right), right
        self.need("cross")
        return self._crossing(left)

    def _other_order(self, left: Operand) -> tuple[Readings, Operand]:
        """The order of words in other languages: “… unter 30 fällt”, “30 below”, “the one average the other one crosses”."""
        if token := self.take("fall_below", "rise_above"):
            sign = "<" if token.kind == "fall_below" else ">"
            right = self._beside(left)
            return self._moved_past(left, sign, right, middle=False), right
        if token := self.take("upcross", "downcross"):
            right = self.attempt(lambda: self._beside(left)) or self._beside_before(left)
            return self._where(left, right, self._cross(left, ">" if token.kind == "upcross" else "<", right)), right
        if token := self.take("below", "above"):
            right = self._beside(left)
            verb = self.need("fall", "rise", "is", "trade")
            if (token.kind, verb.kind) in (("below", "rise"), ("above", "fall")):
                raise Unread
            sign = "<" if token.kind == "below" else ">"
            if verb.kind in ("fall", "rise"):
                return self._moved_past(left, sign, right, middle=False), right
            state = self._compare(left, (sign,), right)
            return state if verb.kind == "is" else (*state, *self._cross(left, sign, right)), right
        right = self._beside(left)
        if token := self.take("below_if", "above_if"):
            sign = "<" if token.kind == "below_if" else ">"
            return (*self._compare(left, (sign,), right), *self._cross(left, sign, right)), right
        if token := self.take("upcross", "downcross"):
            return self._cross(left, ">" if token.kind == "upcross" else "<", right), right
        token = self.need("upwards", "downwards")
        self.need("cross")
        return self._cross(left, ">" if token.kind == "upwards" else "<", right), right

    def _in_a_row(self, left: Operand) -> Readings:
        """“Has fallen three bars in a row”."""
        token = self.need("has_moved", "fall", "rise")
        self.take("for")
        count = self.number()
        self.need("unit")
        self.need("in_a_row")
        down = token.kind == "fall" or str(token.value) in ("has fallen", "has dropped", "has been falling")
        return tuple(at_once(("for", count, at_once(compared(each, "<" if down else ">", previous(each))))) for each in left.sides)  # fmt: skip

    def _level(self, left: Operand, kind: str, *, denied: bool, back: bool) -> tuple[Readings, Operand]:
        sign = CONTRARY[SIGNS[kind]] if denied else SIGNS[kind]
        if self.peek() == "both" and self.peek(1) in ("", "comma", "stop_sign", "and", "buy", "sell", "arrow"):
            # “The tenkan crosses the kijun and the price is over both”.
            pair = [each for each in (self.left, self.right) if each is not None]
            if denied or len(pair) != 2 or any(each.column != "price" for each in pair) or left.column != "close":
                raise Unread
            self.need("both")
            return self.joined(self._compare(left, (sign,), pair[0]), self._compare(left, (sign,), pair[1]), both_of=True), pair[1]  # fmt: skip
        if self.take("both"):
            one = self._first_of_two(left)
            self.need("and")
            two = self._beside(left)
            return self.joined(self._compare(left, (sign,), one), self._compare(left, (sign,), two), both_of=True), two
        if (earlier := self.attempt(lambda: self._earlier(left))) is not None:
            return self._compare(left, (sign,), earlier), earlier
        if self.take("cloud"):
            # Beyond the cloud is beyond both of its edges.
            if denied or back or left.column not in ("close", "open", "high", "low"):
                raise Unread
            spans = [Operand(registered(f"ichimoku.{each}", []), column="price") for each in ("span_a", "span_b")]
            beyond = [self._compare(left, (sign,), each) for each in spans]
            return self.joined(*beyond, both_of=True), spans[0]
        at = self.at
        # Which of two lines “it” is would not be plain.
        right = self._beside(left) if self.peek() == "it" else self.attempt(lambda: self._beside(left)) or self._beside_before(left)  # fmt: skip
        if self.peek() in ("or_less", "or_more") or (denied and self.at == at):
            raise Unread
        found = self._compare(left, (sign,), right)
        if back and denied:
            raise Unread
        if back:
            # It was on the other side before; of a sale, the level says the same where it bought on that side.
            found = (
                *self._cross(left, sign, right),
                *(found if self.selling and self.bought_beside(left, right) in ("", sign) else ()),
            )
        if self.take("by"):
            return self._by_so_much(left, right, sign)
        first = right
        while not denied and right.number is None and self.peek() in SIGNS and (self.tokens[self.at].value in ("<", ">", "<=", ">=") or SIGNS[self.peek()] == sign):  # fmt: skip
            # “EMA(8) > EMA(21) > EMA(55)”, “the 9 above the 21 above the 50”.
            following = SIGNS[self.need(*SIGNS).kind]
            third = self._beside(right)
            found = self.joined(found, self._compare(right, (following,), third), both_of=True)
            self.spoke_of(right, third)
            right = third
        return found, first

    def _earlier(self, left: Operand) -> Operand:
        """“Above its value 5 bars ago”."""
        if self.take("its"):
            self.need("unit") if self.peek() == "unit" else None
        count = self.number()
        self.need("unit")
        self.need("ago")
        return Operand(tuple(earlier(each, count) for each in left.sides), column=left.column)

    def _first_of_two(self, left: Operand) -> Operand:
        """The “20” of “above both the 20 and the 50 SMA”, or a whole operand."""
        if self.peek() == "number" and self.peek(1) == "and":
            length = self.number()
            at = self.at
            self.need("and")
            self._length()
            kind = self._average_kind()
            self.at = at
            if kind is None:
                raise Unread
            return self._indicator(kind, length)
        return self._beside(left)

    def _average_kind(self) -> str | None:
        if self.peek() == "indicator" and self.tokens[self.at].value in ("sma", "ema", "wma", "hma"):
            self.at += 1
            return str(self.tokens[self.at - 1].value)
        return "sma" if self.take("average") else None

    def _by_so_much(self, left: Operand, right: Operand, sign: str) -> tuple[Readings, Operand]:
        bound = self.take("at_least", "above")
        far = self.number("percent")
        if right.number is not None or far <= 0 or sign not in "<>":
            raise Unread
        if self.take("or_more"):
            bound = bound or self.tokens[self.at - 1]
        loose = (f"{sign}=",)
        signs = (*loose, sign) if bound is None else (sign,) if bound.kind == "above" else loose
        factor = 1 + far / 100 if sign == ">" else 1 - far / 100
        times = Operand(tuple(side_of_text(f"({each}) * {factor:.10g}") for each in right.sides), column=right.column)
        return self._compare(left, signs, times), right

    def _extreme_level(self, left: Operand, kind: str) -> Readings:
        """Where an oscillator is oversold or overbought, by its usual level or by that in brackets."""
        name = left.sides[0].split("(")[0]
        if name not in LEVELS:
            raise Unread
        low = kind == "oversold"
        level = LEVELS[name][0 if low else 1]

        def own() -> float:
            self.need("open")
            self.take("below", "above", "at_most", "at_least")
            number = self.number()
            self.need("close")
            return number

        level = self.attempt(own) or level
        right = Operand((f"{level:.10g}",), level)
        self.spoke_of(left, right)
        self.now.add(left.sides[0])
        sign = "<" if low else ">"
        return (*self._compare(left, (sign, f"{sign}="), right), *self._cross(left, sign, right))

    def _of_sign(self, left: Operand) -> Readings | None:
        """“Is positive”, “turns negative”, “flips green”."""
        if token := self.take("positive", "negative"):
            if left.column:
                raise Unread
            return self._compare(left, (">" if token.kind == "positive" else "<",), _ZERO)
        trend, parabolic = left.sides[0].startswith("ta.supertrend"), left.sides[0].startswith("ta.psar")
        kinds = ("green", "red", "bullish", "bearish") if trend or parabolic else ("positive", "negative", "green", "red") if ".histogram" in left.sides[0] else ("positive", "negative")  # fmt: skip

        def read() -> Readings:
            turns = self.take("turns", "move")
            self.take("until") if turns else None
            if turns and not trend and self.peek() in ("green", "red") and self.tokens[self.at].value in ("up", "down"):
                # “The HMA turns up”: it rises, and did not before.
                sign = ">" if self.need("green", "red").kind == "green" else "<"
                return tuple(at_once(crossed(each, sign, previous(each))) for each in left.sides)
            token = self.need(*kinds)
            up = token.kind in ("positive", "green", "bullish")
            if parabolic:
                # It is bullish while it lies below the price.
                close, sign = Operand(("close",), column="close"), ">" if up else "<"
                state, event = self._compare(close, (sign,), left), self._cross(close, sign, left)
                return event if turns else (*state, *event)
            if trend:
                direction = Operand(tuple(each.removesuffix(".trend") + ".direction" for each in left.sides))
                state = self._compare(direction, (">" if up else "<",), _ZERO)
                state += tuple(at_once(compared(each, "==", "1" if up else "-1")) for each in direction.sides)
                event = self._cross(direction, ">" if up else "<", _ZERO)
                return event if turns else (*state, *event)
            if left.column:
                raise Unread
            if turns is None:
                return self._compare(left, (">" if up else "<",), _ZERO)
            return self._cross(left, ">" if up else "<", _ZERO)

        return self.attempt(read)

    def _gone(self, left: Operand) -> tuple[Readings, Operand | None]:
        """“Falls below”, “breaks the 20-bar high”, “drops to 30”, “goes back above”."""
        token = self.need("fall", "rise", "move", "break", "trade", "turns")
        up = {"fall": "<", "rise": ">"}.get(token.kind, "")
        if self.peek() in ("until", "at") and up:
            self.at += 1
            right = self._beside(left)
            return (*self._compare(left, (f"{up}=", up), right), *self._cross(left, up, right)), right
        if (
            beyond := self.attempt(lambda: self._by_percent(left, {"<": "below", ">": "above"}.get(up, "")))
        ) is not None:
            return beyond
        back = self.take("back")
        side = self.take("below", "above")
        if side is None:
            if token.kind != "break":
                raise Unread
            broken = self._beside(left)
            if broken.sides in (("day_high",), ("day_low",)):
                # Broken is that before the bar.
                price, bound = ("high", ">") if broken.sides == ("day_high",) else ("low", "<")
                before = replace(broken, sides=(f"{broken.sides[0]}_before",))
                return self._compare(Operand((price,), column=price), (bound,), before), broken
            if not broken.edge:
                raise Unread
            sign = ">" if broken.edge == "above" else "<"
            return (*self._compare(left, (sign,), broken), *self._cross(left, sign, broken)), broken
        if (token.kind, side.kind) in (("fall", "above"), ("rise", "below")):
            raise Unread
        right = self.attempt(lambda: self._beside(left)) or self._beside_before(left)
        sign = ">" if side.kind == "above" else "<"
        crossing = self._cross(left, sign, right)
        if (
            back
            or token.kind == "turns"
            or str(token.value) in ("moves", "moving", "flips", "pushes")
            or str(token.value).split()[0] in _BECOMES
        ):
            return crossing, right
        return self._moved_past(left, sign, right), right

    def _moved_past(self, left: Operand, sign: str, right: Operand, *, middle: bool = True) -> Readings:
        """“Rises above 40”: the state or its moment; where it mostly is, the moment alone, and so at the middle of its levels where that counts too."""
        crossing = self._cross(left, sign, right)
        if right.number is not None and mostly_beyond(left.sides[0], sign, right.number, middle=middle):
            return crossing
        return (*self._compare(left, (sign,), right), *crossing)

    def _beside_before(self, left: Operand) -> Operand:
        """The right side of “sell when it closes below”: what was spoken of."""
        self.take("it")
        ends = ("", "comma", "stop_sign", "question", "bullet", "and", "or", "sell", "buy", "arrow")
        right = self._other_side(left)
        if right.number is not None or self.peek() not in ends:
            raise Unread
        self._fits(left, right)
        return right

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
            if not sign:
                raise Unread
            self.take("it")
            right = self._other_side(left)
        self._fits(left, right)
        last = self.take("upwards", "downwards")
        if last is None and self.peek() in ("green", "red") and self.tokens[self.at].value in ("up", "down") and self.peek(1) not in ("percent", "signed"):  # fmt: skip
            # “SMA 50 x SMA 200 up”.
            signs |= {"green": ">", "red": "<"}
            last = self.need("green", "red")
        if last:
            if sign and signs[last.kind] != sign:
                raise Unread
            sign = signs[last.kind]
        if not sign:
            sign = self._of_averages(left, right)
        return self._where(left, right, self._cross(left, sign, right)), right

    def _where(self, left: Operand, right: Operand, found: Readings) -> Readings:
        """The “below 20” of “%K crosses above %D below 20”: where it does."""
        if right.number is None and not right.column and self.peek() in ("above", "below") and self.peek(1) == "number":
            far = self.need("above", "below")
            level = self._beside(left)
            where = self._compare(left, (SIGNS[far.kind],), level)
            other = self._compare(right, (SIGNS[far.kind],), level)
            both_lines = self.joined(where, other, both_of=True)
            found = self.joined(found, (*where, *other, *both_lines), both_of=True)
        return found

    def _of_averages(self, left: Operand, right: Operand) -> str:
        """Of a shorter and a longer average of one kind: up where it buys, down where it sells."""
        lengths = [next((each for each, one in self.known.items() if one == side), 0.0) for side in (left, right)]
        if left.sides[0].split("(")[0] != right.sides[0].split("(")[0] or not 0 < lengths[0] < lengths[1]:
            raise Unread
        return "<" if self.selling else ">"

    def _near(self, left: Operand) -> tuple[Readings, Operand]:
        """“Closes within 0.1 % of the 50 EMA”: no further from it, on either side."""
        self.take("trade")
        if str(self.need("in").value) != "within":
            raise Unread
        far = self.number("percent")
        self.need("of")
        right = self._beside(left)
        if right.number is not None or left.column != "close" or not 0 < far < 50:
            raise Unread
        low, high = (Operand(tuple(side_of_text(f"({each}) * {1 + sign * far / 100:.10g}") for each in right.sides), column=right.column) for sign in (-1, 1))  # fmt: skip
        return self.joined(self._compare(left, (">=",), low), self._compare(left, ("<=",), high), both_of=True), right

    def _between(self, left: Operand, *, denied: bool) -> Readings:
        self.need("between")
        low = self.attempt(self._plain_number) if self.peek(1) == "and" and self.peek(2) in ("number", "dollars") else None  # fmt: skip
        if low is None or (left.column in ("close", "open", "high", "low") and self.peek(2) in ("indicator", "average", "unit")):  # fmt: skip
            return self._between_lines(left, low, denied=denied)
        self.need("and")
        high = self._plain_number()
        self._fits(left, low)
        self._fits(left, high)
        if low.number is None or high.number is None or low.number >= high.number:
            raise Unread
        open_, closed = ((">", "<"), (">=", "<="))
        found = tuple(
            self.joined(self._compare(left, (one,), low), self._compare(left, (other,), high), both_of=True)[0]
            for one, other in (closed, open_)
        )
        return self.denied(found) if denied else found

    def _between_lines(self, left: Operand, before: Operand | None, *, denied: bool) -> Readings:
        """“The price is between the 20 and the 50 SMA”: whichever of the two lines is the upper one."""
        self.at -= before is not None
        one = self._first_of_two(left)
        self.need("and")
        two = self._beside(left)
        if two.number is not None or one == two or one.number is not None:
            raise Unread
        found = tuple(
            self.joined(
                self.joined(self._compare(left, (above,), one), self._compare(left, (below,), two), both_of=True),
                self.joined(self._compare(left, (above,), two), self._compare(left, (below,), one), both_of=True),
                both_of=False,
            )[0]
            for above, below in ((">", "<"), (">=", "<="))
        )
        return self.denied(found) if denied else found

    def _deviations(self, left: Operand) -> tuple[Readings, Operand]:
        """“2 standard deviations below the 20-bar mean”: beyond a Bollinger band."""
        self.take("above", "at_least")
        far = self.number()
        self.need("deviations")
        side = self.need("below", "above")
        length = self._length()
        self.need("average")
        length = length or self._after_it()
        if left.column != "close":
            raise Unread
        family = Family("band", (length, far))
        self.family = family
        self._average("close", length)
        right = Operand(family.line("lower" if side.kind == "below" else "upper"), column="price")
        return self._compare(left, ("<", "<=") if side.kind == "below" else (">", ">="), right), right

    def _by_percent(self, left: Operand, wanted: str = "") -> tuple[Readings, Operand]:
        """So many percent, or dollars, above or below something: at least so many."""
        exact = self.take("at_least")
        more = None if exact else self.take("above")
        ranges = self._true_ranges() if self.peek() in ("number", "multiple") else None
        far = ranges[0] if ranges else self.number("percent", "dollars")
        exact = exact or (None if more else self.take("or_more"))
        money = self.tokens[self.at - 1].kind == "dollars"
        side = self.need(wanted) if wanted else self.need("above", "below")
        right = self._right(left)
        if right.number is not None or not left.column or far <= 0 or left.column.startswith("account"):
            raise Unread
        self._fits(left, right)
        up = side.kind == "above"
        if ranges:
            if "volume" in (left.column, right.column):
                raise Unread
            texts = [f"({each}) {'+' if up else '-'} {far:.10g} * {_ATR.format(ranges[1])}" for each in right.sides]
        elif money:
            if "volume" in (left.column, right.column):
                raise Unread
            texts = [f"({each}) {'+' if up else '-'} {far:.10g}" for each in right.sides]
        else:
            texts = [f"({each}) * {1 + far / 100 if up else 1 - far / 100:.10g}" for each in right.sides]
        times = Operand(tuple(map(side_of_text, texts)), column=right.column)
        strict, loose = (">", ">=") if up else ("<", "<=")
        signs = (loose,) if exact else (strict,) if more else (loose, strict)
        return self._compare(left, signs, times), right


def previous(side: str) -> str:
    """A side as it was one bar before."""
    return f"previous({side})"
