"""Reads conditions strictly: comparisons, crossings, times and days, joined by one connective. What has two readings that both are usual has both."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from stratforge.intent.reading.lines import high_low
from stratforge.intent.reading.meaning import at_once, compared, crossed, side_of_text
from stratforge.intent.reading.moments import Moments, Readings
from stratforge.intent.reading.operands import Operand, Unread
from stratforge.intent.reading.words import LEVELS
from stratforge.intent.rules import CONTRARY

__all__ = ["Conditions", "Readings"]
_BARS = {"green": ("close", ">", "open"), "red": ("close", "<", "open")}
_SIGNS = {"below": "<", "above": ">", "at_most": "<=", "at_least": ">="}
_LEADS = ("it_is", "is", "below", "above", "at_most", "at_least", "cross", "fall", "rise", "return", "break", "turns", "reclaim", "lose", "move", "touch", "trade", "oversold", "overbought", "positive", "negative")  # fmt: skip
_ZERO = Operand(("0",), 0.0)
_ENGULFS = (("close", ">", "open"), ("previous(close)", "<", "previous(open)"), ("close", ">=", "previous(open)"), ("open", "<=", "previous(close)"))  # fmt: skip


def change_in_percent(bars: float, sign: str, percent: float) -> tuple[tuple[str, str, str], ...]:
    """The forms of a change of the close over so many bars, in percent."""
    return (
        (side_of_text(f"bars.close.pct_change({bars:.10g}) * 100"), sign, f"{percent:.10g}"),
        (side_of_text(f"ta.roc(bars.close, length={bars:.10g})"), sign, f"{percent:.10g}"),
        ("close", sign, side_of_text(f"bars.close.shift({bars:.10g}) * {1 + percent / 100:.10g}")),
    )


class Conditions(Moments):
    """Reads conditions from the tokens of a turn, from where it stands."""

    def condition(self) -> Readings:
        """Reads conditions that are joined by and, or by or; not by both."""
        wanted = self.take("either", "both")
        found, word = self.part(), ""
        while True:
            before = self.at
            comma = self.take("comma")
            joined = self.take("and", "or")
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

    def listed(self, *, any_of: bool) -> Readings:
        """Conditions one below the other, or the one that follows: “Entry: - RSI < 40 - price above VWAP”."""
        while self.take("bullet", "stop_sign", "colon"):
            pass
        found = self.condition()
        while True:
            before = self.at
            while self.take("stop_sign", "comma"):
                pass
            item = self.take("bullet")
            self.take("and", "or")
            more = self.attempt(self.condition) if item or (not any_of and self.tokens[before : self.at] and self.tokens[before].kind == "comma") else None  # fmt: skip
            if more is None or self.peek() in ("colon", "buy", "sell", "arrow"):
                self.at = before
                return found
            found = self.joined(found, more, both_of=not any_of)

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
        for read in (self.moments, self._streak, self._candle, self._held, self._moved, self._gap, self._two_lines, self._breakout, self._touch, self._level_first, self._comparison):  # fmt: skip
            result = self.attempt(read)
            if result is not None:
                return result
        raise Unread

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

    def _candle(self) -> Readings:
        """“The candle is green”, “a green bar”, “a bullish engulfing candle”."""
        if self.take("engulfing"):
            facts = [compared(*each) for each in _ENGULFS]
            self.take("unit")
            return (at_once(*facts),)
        if color := self.take("green", "red"):
            if color.value in ("up", "down"):
                raise Unread
            self.need("unit")
            return (at_once(compared(*_BARS[color.kind])),)
        last = self.take("last")
        unit = self.need("unit")
        if unit.value not in ("bar", "candle", "candlestick"):
            raise Unread
        self.need("is", "trade")
        color = self.need("green", "red")
        if color.value in ("up", "down"):
            raise Unread
        left, sign, right = _BARS[color.kind]
        return (at_once(compared(f"previous({left})", sign, f"previous({right})") if last else compared(left, sign, right)),)  # fmt: skip

    def _held(self) -> Readings:
        """Of a sale: after so many bars."""
        if not self.selling:
            raise Unread
        if self.take("after") or self.take("held"):
            self.take("held")
            count = self.bars()
            if self.peek() in ("of_the_day", "to_the_close", "at_close"):
                raise Unread
            self.take("later")
        else:
            count = self.bars()
            self.need("later")
        self.take("at_latest")
        return (at_once(("bars_held", ">=", f"{count:.10g}")),)

    def _moved(self) -> Readings:
        """“It falls 1 % within 10 minutes”, “the price is up 1 % in the last half hour”."""
        if token := self.take("column", "symbol"):
            if token.kind == "column" and token.value != "close":
                raise Unread
        elif self.take("it"):
            if (self.now or self.before) - {"close"}:
                raise Unread
        else:
            self.need("it_is") if self.peek() == "it_is" else None
        self.take("is")
        token = self.need("fall", "rise", "green", "red")
        if token.kind in ("green", "red") and token.value not in ("up", "down"):
            raise Unread
        up = token.kind in ("rise", "green")
        self.take("by")
        more = self.take("above", "at_least")
        far = self.number("percent")
        self.need("in", "above", "for")
        self.take("last", "final")
        count = self.bars()
        signs = ((">", ">=") if more and more.kind == "above" else (">=", ">")) if up else (("<", "<=") if more and more.kind == "above" else ("<=", "<"))  # fmt: skip
        if far <= 0:
            raise Unread
        self.left = Operand(("close",), column="close")
        self.now.add("close")
        return tuple(
            at_once(compared(*form)) for sign in signs for form in change_in_percent(count, sign, far if up else -far)
        )

    def _gap(self) -> Readings:
        """“It gaps up more than 1 %”, “it opens 1 % above yesterday's close”."""
        self.take("it", "symbol", "column")
        if token := self.take("gap_up", "gap_down"):
            up = token.kind == "gap_up"
            self.take("by", "of")
            more = self.take("above", "at_least")
            far = self.number("percent") if self.peek() == "percent" else 0.0
            if more and not far:
                raise Unread
            strict, loose = (">", ">=") if up else ("<", "<=")
            signs = (strict,) if not far or (more and more.kind == "above") else (loose, strict)
            right = f"yesterday_close * {1 + far / 100 if up else 1 - far / 100:.10g}" if far else "yesterday_close"
            return tuple(at_once(compared("day_open", sign, side_of_text(right))) for sign in signs)
        self.need("opens")
        left = Operand(("day_open",), column="price")
        found = self.attempt(lambda: self._by_percent(left))
        if found is not None:
            return found[0]
        token = self.need("below", "above")
        return self._compare(left, (_SIGNS[token.kind],), self._beside(left))

    def _two_lines(self) -> Readings:
        """“A 9/21 EMA cross”, “a MACD crossover”, “a golden cross”: up where it buys, down where it sells, if no side is named."""
        self.take("on", "at")
        if token := self.take("golden", "death"):
            pair = self._pair_in_brackets()
            if pair is None and (self.take("of")):
                pair = self._pair()
            if pair is None:
                pair = self._spoken_pair() or (self._sma(50), self._sma(200))
            return self._crossed(pair, ">" if token.kind == "golden" else "<")
        side = self.take("bullish", "bearish")
        if self.peek() == "indicator" and self.tokens[self.at].value == "macd":
            self.at += 1
            line = self._macd(self._in_brackets())
            signal = Operand((line.sides[0].replace(").macd", ").signal"),))
            pair = (line, signal)
            self.take("signal")
        elif self.peek() in ("crossover", "crossunder"):
            pair = self._after_noun() if side is None else None
            if pair is None:
                if (spoken := self._spoken_pair()) is None:
                    raise Unread
                return self._crossed(spoken, self._direction(side))
            return self._crossed(pair, ">" if not self.selling else "<")
        else:
            pair = self._pair()
        side = side or self.take("bullish", "bearish")
        token = self.need("golden", "death", "crossover", "cross", "crossunder")
        if token.kind in ("golden", "death"):
            return self._crossed(pair, ">" if token.kind == "golden" else "<")
        if token.kind == "cross" and str(token.value) != "cross":
            raise Unread
        if token.kind == "crossunder":
            return self._crossed(pair, "<")
        last = self.take("upwards", "downwards", "green", "red")
        if last:
            return self._crossed(pair, ">" if last.kind in ("upwards", "green") else "<")
        return self._crossed(pair, self._direction(side))

    def _direction(self, side: object) -> str:
        kind = getattr(side, "kind", "")
        if kind:
            return ">" if kind == "bullish" else "<"
        return "<" if self.selling else ">"

    def _crossed(self, pair: tuple[Operand, Operand], sign: str) -> Readings:
        left, right = pair
        self.left, self.right = left, right
        self.now.add(left.sides[0])
        return self._cross(left, sign, right)

    def _spoken_pair(self) -> tuple[Operand, Operand] | None:
        if self.left is None or self.right is None:
            return None
        lines = ("ta.sma", "ta.ema", "ta.wma", "ta.hma", "ta.macd")
        if not (self.left.sides[0].startswith(lines) and self.right.sides[0].startswith(lines)):
            return None
        return self.left, self.right

    def _sma(self, length: float) -> Operand:
        return self._average("close", length)

    def _after_noun(self) -> tuple[Operand, Operand] | None:
        return None

    def _pair_in_brackets(self) -> tuple[Operand, Operand] | None:
        def read() -> tuple[Operand, Operand]:
            self.need("open")
            found = self._pair()
            self.need("close")
            return found

        return self.attempt(read)

    def _pair(self) -> tuple[Operand, Operand]:
        """“EMA 9/21”, “9/21 EMA”, “the 10 and 30 SMA”, “EMA 9 and EMA 21”."""
        kind = self._average_kind()
        first = self.number()
        kind = kind or (self._average_kind() if self.peek(1) != "average" else None)
        self.need("slash", "and", "cross", "comma")
        other = self._average_kind()
        second = self.number()
        kind = kind or other or self._average_kind() or "sma"
        self._average_kind()
        if first >= second:
            raise Unread
        return self._indicator(kind, first), self._indicator(kind, second)

    def _average_kind(self) -> str | None:
        if self.peek() == "indicator" and self.tokens[self.at].value in ("sma", "ema", "wma", "hma"):
            self.at += 1
            return str(self.tokens[self.at - 1].value)
        return "sma" if self.take("average") else None

    def _breakout(self) -> Readings:
        """“A 20-bar breakout”, “a breakout above the 20-bar high”, “previous day high breakout”."""
        left = Operand(("close",), column="close")
        self.take("new")
        if self.peek() == "number" and self.peek(1) == "unit" and self.peek(2) == "breakout":
            right = Operand(high_low("high", "high", self.number()), column="price", edge="above")
            self.at += 2
        elif self.peek() == "donchian" and self.peek(1) == "number" and self.peek(2) == "breakout":
            self.at += 1
            right = Operand(high_low("high", "high", self.number()), column="price", edge="above")
            self.at += 1
        elif self.take("breakout"):
            self.need("above", "of", "at", "from")
            right = self.operand()
        else:
            right = self.operand()
            self.need("breakout")
        if right.edge != "above" or self.selling:
            raise Unread
        self.left, self.right = left, right
        self.now.add("close")
        return (*self._compare(left, (">",), right), *self._cross(left, ">", right))

    def _touch(self) -> Readings:
        """“A touch of the lower band”, “the lower band is touched”."""
        left = Operand(("close",), column="close")
        if self.take("touch"):
            self.need("of")
            found, self.right = self._touched(left)
        else:
            right = self.operand()
            self.need("touch")
            if not right.edge or self.peek() in ("number", "column", "indicator", "glued"):
                raise Unread
            found, self.right = self._touch_of(left, right), right
        self.left = left
        self.now.add("close")
        return found

    def _level_first(self) -> Readings:
        """“Oversold RSI”."""
        token = self.need("oversold", "overbought")
        left = self.operand()
        return self._extreme_level(left, token.kind)

    def _comparison(self) -> Readings:
        leads = self.peek() in _LEADS and (self.left is not None or self.peek() == "it_is")
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

    def _relation(self, left: Operand) -> tuple[Readings, Operand | None]:
        self.take("is", "it_is")
        denied = self.take("not") is not None
        if self.peek() == "between":
            return self._between(left, denied=denied), None
        if (beyond := self.attempt(lambda: self._by_percent(left))) is not None:
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
        if self.peek() in ("rise", "fall") and self.tokens[self.at].value in ("rising", "falling") and self.peek(1) not in ("below", "above", "back", "until", "number", "percent"):  # fmt: skip
            sign = ">" if self.need("rise", "fall").kind == "rise" else "<"
            return tuple(at_once(compared(each, sign, _previous(each))) for each in left.sides), None
        if token := self.take("touch"):
            return self._touched(left)
        if token := self.take("reclaim", "lose"):
            right = self._beside(left)
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
            right = self._beside(left)
            return self._cross(left, ">" if side.kind == "above" else "<", right), right
        self.need("cross")
        return self._crossing(left)

    def _level(self, left: Operand, kind: str, *, denied: bool, back: bool) -> tuple[Readings, Operand]:
        sign = CONTRARY[_SIGNS[kind]] if denied else _SIGNS[kind]
        if self.take("both"):
            one = self._first_of_two(left)
            self.need("and")
            two = self._beside(left)
            return self.joined(self._compare(left, (sign,), one), self._compare(left, (sign,), two), both_of=True), two
        right = self._beside(left)
        if self.peek() in ("or_less", "or_more"):
            raise Unread
        found = self._compare(left, (sign,), right)
        if back:
            found = (*found, *self._cross(left, sign, right))
        if self.take("by"):
            return self._by_so_much(left, right, sign)
        while not denied and self.peek() in _SIGNS and self.tokens[self.at].value in ("<", ">", "<=", ">="):
            # “EMA(8) > EMA(21) > EMA(55)”.
            following = _SIGNS[self.need(*_SIGNS).kind]
            third = self._beside(right)
            found = self.joined(found, self._compare(right, (following,), third), both_of=True)
            right = third
        return found, right

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

    def _by_so_much(self, left: Operand, right: Operand, sign: str) -> tuple[Readings, Operand]:
        far = self.number("percent")
        if right.number is not None or far <= 0 or sign not in "<>":
            raise Unread
        factor = 1 + far / 100 if sign == ">" else 1 - far / 100
        times = Operand(tuple(side_of_text(f"({each}) * {factor:.10g}") for each in right.sides), column=right.column)
        return self._compare(left, (f"{sign}=", sign), times), times

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
        self.left, self.right = left, right
        self.now.add(left.sides[0])
        sign = "<" if low else ">"
        return (*self._compare(left, (sign, f"{sign}="), right), *self._cross(left, sign, right))

    def _of_sign(self, left: Operand) -> Readings | None:
        """“Is positive”, “turns negative”, “flips green”."""
        if token := self.take("positive", "negative"):
            if left.column:
                raise Unread
            return self._compare(left, (">" if token.kind == "positive" else "<",), _ZERO)
        trend = left.sides[0].startswith("ta.supertrend")
        kinds = ("green", "red", "bullish", "bearish") if trend else ("positive", "negative", "green", "red") if ".histogram" in left.sides[0] else ("positive", "negative")  # fmt: skip

        def read() -> Readings:
            turns = self.take("turns", "move")
            token = self.need(*kinds)
            up = token.kind in ("positive", "green", "bullish")
            if trend:
                direction = Operand(tuple(each.removesuffix(".trend") + ".direction" for each in left.sides))
                state = self._compare(direction, (">" if up else "<",), _ZERO)
                state += tuple(at_once(compared(each, "==", "1" if up else "-1")) for each in direction.sides)
                event = self._cross(direction, ">" if up else "<", _ZERO)
                return (*event, *state) if turns else (*state, *event)
            if left.column:
                raise Unread
            if turns is None:
                return self._compare(left, (">" if up else "<",), _ZERO)
            return self._cross(left, ">" if up else "<", _ZERO)

        return self.attempt(read)

    def _touched(self, left: Operand) -> tuple[Readings, Operand]:
        """A level that is reached: downwards if it lies below by nature, upwards if above; elsewhere it is not plain."""
        self.take("new")
        right = self._beside(left)
        oscillator = not left.column and right.number is not None
        if right.edge:
            return self._touch_of(left, right), right
        if oscillator and right.number is not None:
            low, high = LEVELS.get(left.sides[0].split("(")[0], (0.0, 0.0))
            middle = (low + high) / 2
            if low < high and right.number != middle and (right.number <= low + 10 * (high - low) / 40 or right.number >= high - 10 * (high - low) / 40):  # fmt: skip
                sign = "<" if right.number < middle else ">"
                end = self.take("or_less", "or_more")
                if end and (end.kind == "or_less") != (sign == "<"):
                    raise Unread
                return (*self._compare(left, (f"{sign}=", sign), right), *self._cross(left, sign, right)), right
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
        side = self.bought_beside(left, right)
        if not side:
            raise Unread
        return (*self._compare(left, (f"{side}=", side), right), *self._cross(left, side, right)), right

    def bought_beside(self, left: Operand, right: Operand) -> str:
        """From below (`>`) or from above (`<`), as it was bought; empty where that is not plain."""
        return ""

    def _gone(self, left: Operand) -> tuple[Readings, Operand | None]:
        """“Falls below”, “breaks the 20-bar high”, “drops to 30”, “goes back above”."""
        token = self.need("fall", "rise", "move", "break", "trade", "turns")
        up = {"fall": "<", "rise": ">"}.get(token.kind, "")
        if self.peek() in ("until", "at") and up:
            self.at += 1
            right = self._beside(left)
            return (*self._compare(left, (f"{up}=", up), right), *self._cross(left, up, right)), right
        if (beyond := self.attempt(lambda: self._by_percent(left, {"<": "below", ">": "above"}.get(up, "")))) is not None:
            return beyond
        back = self.take("back")
        side = self.take("below", "above")
        if side is None:
            if token.kind != "break":
                raise Unread
            right = self._beside(left)
            if not right.edge:
                raise Unread
            sign = ">" if right.edge == "above" else "<"
            return (*self._compare(left, (sign,), right), *self._cross(left, sign, right)), right
        if (token.kind, side.kind) in (("fall", "above"), ("rise", "below")):
            raise Unread
        right = self.attempt(lambda: self._beside(left))
        if right is None:
            # “Sell when it closes below”: below what was spoken of.
            self.take("it")
            if self.right is None or self.right.number is not None or self.peek() not in ("", "comma", "stop_sign", "question", "bullet", "and", "or", "sell", "buy"):
                raise Unread
            right = self.right
            self._fits(left, right)
        sign = ">" if side.kind == "above" else "<"
        crossing = self._cross(left, sign, right)
        if back:
            return crossing, right
        return (*self._compare(left, (sign,), right), *crossing), right

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
            self.take("it")
            right = self.right
        self._fits(left, right)
        if last := self.take("upwards", "downwards"):
            if sign and signs[last.kind] != sign:
                raise Unread
            sign = signs[last.kind]
        if not sign:
            sign = self._of_averages(left, right)
        found = self._cross(left, sign, right)
        if right.number is None and not right.column and self.peek() in ("above", "below") and self.peek(1) == "number":
            # “%K crosses above %D below 20”: where it does.
            far = self.need("above", "below")
            level = self._beside(left)
            where = self._compare(left, (_SIGNS[far.kind],), level)
            other = self._compare(right, (_SIGNS[far.kind],), level)
            both_lines = self.joined(where, other, both_of=True)
            found = self.joined(found, (*where, *other, *both_lines), both_of=True)
        return found, right

    def _of_averages(self, left: Operand, right: Operand) -> str:
        """Of a shorter and a longer average of one kind: up where it buys, down where it sells."""
        lengths = [next((each for each, one in self.known.items() if one == side), 0.0) for side in (left, right)]
        if left.sides[0].split("(")[0] != right.sides[0].split("(")[0] or not 0 < lengths[0] < lengths[1]:
            raise Unread
        return "<" if self.selling else ">"

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
            for one, other in (closed, open_)
        )
        return self.denied(found) if denied else found

    def _by_percent(self, left: Operand, wanted: str = "") -> tuple[Readings, Operand]:
        """So many percent, or dollars, above or below something: at least so many."""
        exact = self.take("at_least")
        more = None if exact else self.take("above")
        far = self.number("percent", "dollars")
        money = self.tokens[self.at - 1].kind == "dollars"
        side = self.need(wanted) if wanted else self.need("above", "below")
        right = self._right(left)
        if right.number is not None or not left.column or far <= 0 or left.column.startswith("account"):
            raise Unread
        self._fits(left, right)
        up = side.kind == "above"
        if money:
            if "volume" in (left.column, right.column):
                raise Unread
            texts = [f"({each}) {'+' if up else '-'} {far:.10g}" for each in right.sides]
        else:
            texts = [f"({each}) * {1 + far / 100 if up else 1 - far / 100:.10g}" for each in right.sides]
        times = Operand(tuple(map(side_of_text, texts)), column=right.column)
        strict, loose = (">", ">=") if up else ("<", "<=")
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
            if not left.column and left.sides[0].split("(")[0] != right.sides[0].split("(")[0]:
                raise Unread
            return
        if left.sides[0].startswith(("ta.rsi", "ta.mfi", "ta.adx", "ta.stoch")) and not 0 <= right.number <= 100:
            raise Unread
        if left.sides[0].startswith("ta.willr") and not -100 <= right.number <= 0:
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


def _previous(side: str) -> str:
    return f"previous({side})"
