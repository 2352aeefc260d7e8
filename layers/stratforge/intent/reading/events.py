"""Reads what has a name of its own: candles, crossovers, breakouts, gaps, changes in percent."""

from __future__ import annotations

from stratforge.intent.reading.lines import high_low
from stratforge.intent.reading.meaning import ALWAYS, Ways, at_once, compared, side_of_text
from stratforge.intent.reading.moments import Readings
from stratforge.intent.reading.reader import Operand, Unread
from stratforge.intent.reading.relations import SIGNS, Relations
from stratforge.intent.rules import MINUTES_A_DAY

_BARS = {"green": ("close", ">", "open"), "red": ("close", "<", "open")}
_ENGULFS = (("close", ">", "open"), ("previous(close)", "<", "previous(open)"), ("close", ">=", "previous(open)"), ("open", "<=", "previous(close)"))  # fmt: skip


def change_in_percent(bars: float, sign: str, percent: float) -> tuple[tuple[str, str, str], ...]:
    """The forms of a change of the close over so many bars, in percent."""
    return (
        (side_of_text(f"bars.close.pct_change({bars:.10g}) * 100"), sign, f"{percent:.10g}"),
        (side_of_text(f"ta.roc(bars.close, length={bars:.10g})"), sign, f"{percent:.10g}"),
        ("close", sign, side_of_text(f"bars.close.shift({bars:.10g}) * {1 + percent / 100:.10g}")),
    )


class Events(Relations):
    """Reads events from the tokens of a turn, from where it stands."""

    def _streak(self) -> Readings:
        self.take("symbol", "it", "column")
        count = self.number()
        row = self.take("in_a_row")
        color = self.need("green", "red")
        if color.value in ("up", "down"):
            raise Unread
        self.need("unit")
        if row is None:
            self.need("in_a_row")
        return (at_once(("for", count, at_once(compared(*_BARS[color.kind])))),)

    def _flat(self) -> Readings:
        """“And I'm flat”: it buys at no other time."""
        if self.selling:
            raise Unread
        self.need("i_am")
        token = self.need("sell", "not")
        if token.kind == "not" or str(token.value) not in ("flat", "out", "be flat"):
            raise Unread
        return (ALWAYS,)

    def _closes_by(self) -> Readings:
        """“A lower close”, “three down closes in a row”."""
        self.take("after")
        count = self.number() if self.peek() == "number" else 1.0
        row = self.take("in_a_row")
        token = self.need("lower_close", "higher_close")
        row = self.take("in_a_row") or row
        if (count > 1) != (row is not None):
            raise Unread
        fact = at_once(compared("close", "<" if token.kind == "lower_close" else ">", "previous(close)"))
        return (at_once(("for", count, fact)),) if count > 1 else (fact,)

    def _from_level(self) -> Readings:
        """“It falls 1 % from the day's open”, “down 2 % from the day's high”, “at -2 % from yesterday's close”."""
        self.take("it", "column", "symbol", "it_is")
        self.take("is")
        at = self.take("at")
        token = self.take("fall", "rise", "green", "red")
        if token and token.kind in ("green", "red") and token.value not in ("up", "down"):
            raise Unread
        more = self.take("at_least", "above")
        signed = self.peek() == "signed"
        far = self.number("percent", "signed")
        if token is None:
            if not at or not (signed or far < 0):
                raise Unread
            up = signed
        else:
            up = token.kind in ("rise", "green")
        self.need("from")
        right = self.operand()
        if right.number is not None or right.column != "price" or not far:
            raise Unread
        left = Operand(("close",), column="close")
        factor = 1 + abs(far) / 100 if up else 1 - abs(far) / 100
        strict, loose = (">", ">=") if up else ("<", "<=")
        signs = (strict,) if more and more.kind == "above" else (loose, strict)
        times = Operand(tuple(side_of_text(f"({each}) * {factor:.10g}") for each in right.sides), column="price")
        self.spoke_of(left, right)
        self.now.add("close")
        return self._compare(left, signs, times)

    def _at_distance(self) -> Readings:
        """“At 1 % below the 60-bar high”, of a purchase."""
        if self.selling:
            raise Unread
        self.take("at")
        left = Operand(("close",), column="close")
        found, right = self._by_percent(left)
        self.spoke_of(left, right)
        self.now.add("close")
        return found

    def _candle(self) -> Readings:
        """“The candle is green”, “a green bar”, “a bullish engulfing candle”."""
        before = self.at
        if self.take("position", "symbol", "it") is None or not self.take("touch"):
            self.at = before
        if self.take("engulfing"):
            facts = [compared(*each) for each in _ENGULFS]
            self.take("unit")
            found: Readings = (at_once(*facts),)
            if side := self.take("below", "above"):
                left = Operand(("close",), column="close")
                right = self._beside(left)
                self.spoke_of(left, right)
                found = self.joined(found, self._compare(left, (SIGNS[side.kind],), right), both_of=True)
            return found
        if (run := self.attempt(self._run_of_color)) is not None:
            return run
        if self.selling and self.peek() == "first" and self.peek(1) in ("green", "red"):
            self.need("first")
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
        one, sign, other = _BARS[color.kind]
        return (at_once(compared(f"previous({one})", sign, f"previous({other})") if last else compared(one, sign, other)),)  # fmt: skip

    def _run_of_color(self) -> Readings:
        """“It is green for 4 bars in a row”, “it closes red twice in a row”."""
        self.take("position", "symbol", "it", "column", "last", "unit")
        self.take("is", "trade", "it_is")
        color = self.need("green", "red")
        if color.value in ("up", "down") and self.tokens[self.at - 2].kind != "trade":
            raise Unread
        self.take("for")
        if self.take("twice"):
            count = 2.0
        else:
            count = self.number()
            self.need("unit", "times", "trades")
        self.need("in_a_row")
        fact = _BARS[color.kind] if color.value not in ("up", "down") else ("close", ">" if color.kind == "green" else "<", "previous(close)")  # fmt: skip
        return (at_once(("for", count, at_once(compared(*fact)))),)

    def _closes_in_a_row(self) -> Readings:
        """“It closes 3 candles in a row above the 20 EMA”."""
        if (token := self.take("column", "it", "symbol")) and token.kind == "column" and token.value != "close":
            raise Unread
        self.need("trade")
        count = self.number()
        self.need("unit")
        self.need("in_a_row")
        left = Operand(("close",), column="close")
        sign = SIGNS[self.need("below", "above").kind]
        right = self._beside(left)
        self.spoke_of(left, right)
        self.now.add("close")
        return tuple(at_once(("for", count, ways)) for ways in self._compare(left, (sign,), right))

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
        self.take("it", "symbol", "column", "position")
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
        return self._compare(left, (SIGNS[token.kind],), self._beside(left))

    def _two_lines(self) -> Readings:
        """“A 9/21 EMA cross”, “a MACD crossover”, “a golden cross”: up where it buys, down where it sells, if no side is named."""
        self.take("on", "at")
        if token := self.take("golden", "death"):
            pair = self._pair_in_brackets()
            if pair is None and self.take("of"):
                pair = self._pair()
            if pair is None:
                pair = self.attempt(self._pair)
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

    def _cross_of_price(self) -> Readings:
        """“On a cross above VWAP”, where nothing was spoken of before: the price's."""
        if self.now or (self.selling and self.before - {"close"}):
            raise Unread
        self.take("on", "at")
        if str(self.need("cross").value) != "cross":
            raise Unread
        sign = SIGNS[self.need("above", "below").kind]
        left = Operand(("close",), column="close")
        right = self._beside(left)
        self.spoke_of(left, right)
        self.now.add("close")
        return self._cross(left, sign, right)

    def _direction(self, side: object) -> str:
        kind = getattr(side, "kind", "")
        if kind:
            return ">" if kind == "bullish" else "<"
        return "<" if self.selling else ">"

    def _crossed(self, pair: tuple[Operand, Operand], sign: str) -> Readings:
        left, right = pair
        self.spoke_of(left, right)
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

    def _breakout(self) -> Readings:
        """“A 20-bar breakout”, “a breakout above the 20-bar high”, “previous day high breakout”."""
        left = Operand(("close",), column="close")
        new = self.take("new")
        if self.peek() == "number" and self.peek(1) == "unit" and self.peek(2) == "opening_range":
            right = self._opening("high")
            self.need("opening_range")
            self.take("breakout")
        elif self.peek() == "number" and self.peek(1) == "unit" and self.peek(2) == "breakout":
            right = Operand(high_low("high", "high", self.number()), column="price", edge="above")
            self.at += 2
        elif self.peek() == "donchian" and self.peek(1) == "number" and self.peek(2) == "breakout":
            self.at += 1
            right = Operand(high_low("high", "high", self.number()), column="price", edge="above")
            self.at += 1
        elif self.take("opening_range"):
            right = self._opening_range()
        elif self.take("breakout"):
            self.need("above", "of", "at", "from")
            right = self.operand()
        else:
            right = self.operand()
            if not new:
                self.need("breakout")
        if right.edge != ("below" if self.selling else "above") or (self.selling and not new):
            raise Unread
        self.spoke_of(left, right)
        self.now.add("close")
        sign = "<" if self.selling else ">"
        return (*self._compare(left, (sign,), right), *self._cross(left, sign, right))

    def _opening_range(self) -> Operand:
        """“Opening range breakout of the first 15 minutes”, “15 minute ORB”, “ORB (30 min)”."""
        self.take("breakout")
        bracket = self.take("open")
        self.take("of", "with", "in", "comma")
        self.take("first")
        right = self._opening("high")
        if bracket:
            self.need("close")
        self.take("breakout")
        return right

    def _touch(self) -> Readings:
        """“A touch of the lower band”, “the lower band is touched”."""
        left = Operand(("close",), column="close")
        if self.take("touch"):
            self.need("of")
            found, right = self._touched(left)
        else:
            right = self.operand()
            self.need("touch")
            if not right.edge or self.peek() in ("number", "column", "indicator", "glued"):
                raise Unread
            found = self._touch_of(left, right)
        self.spoke_of(left, right)
        self.now.add("close")
        return found

    def _level_first(self) -> Readings:
        """“Oversold RSI”."""
        token = self.need("oversold", "overbought")
        left = self.operand()
        return self._extreme_level(left, token.kind)

    def _after_noun(self) -> tuple[Operand, Operand] | None:
        return None

    def for_days(self, count: float) -> Ways:
        """That something is held for so many days: of what trades around the clock each is 24 hours, and of stocks a day of trading."""
        if len(self.week) > 5:
            return at_once(("bars_held", ">=", f"{count * MINUTES_A_DAY:.10g}"))
        return at_once(("days_held", ">=", f"{count:.10g}"))

    def _held(self) -> Readings:
        """Of a sale: after so many bars."""
        if not self.selling:
            raise Unread
        if self.take("after") or self.take("held"):
            self.take("held")
            if token := self.take("days"):
                self.take("later")
                self.take("at_latest")
                return (self.for_days(float(token.value)),)
            count = self.bars()
            if self.peek() in ("of_the_day", "to_the_close", "at_close"):
                raise Unread
            self.take("later")
        else:
            count = self.bars()
            self.need("later")
        self.take("at_latest")
        return (at_once(("bars_held", ">=", f"{count:.10g}")),)
