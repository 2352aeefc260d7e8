"""Reads what is compared: numbers, prices, indicators with their lengths, and what “it” stands for."""

from __future__ import annotations

from collections.abc import Sequence

from stratforge.intent.reading.lines import bands, high_low, line_of
from stratforge.intent.reading.meaning import side_of_text
from stratforge.intent.reading.reader import Operand, Reader, Unread, made
from stratforge.intent.reading.registered import LINES, NAMES, registered
from stratforge.intent.reading.words import INDICATORS, OF_PRICE
from stratforge.intent.rules import LONGEST_OPENING
from stratforge.strategy.indicators import REGISTRY

# Longer timeframes by their minutes.
FRAMES = {5.0: "5min", 15.0: "15min", 30.0: "30min", 60.0: "1h", 240.0: "4h"}
_RELATES = ("is", "below", "above", "cross", "at_most", "at_least", "fall", "rise", "move", "trade", "break", "return", "turns", "crossover", "it_is", "touch", "back", "between", "oversold", "overbought")  # fmt: skip


class Operands(Reader):
    """Reads operands from the tokens of a turn, from where it stands."""

    def operand(self) -> Operand:
        """Reads what is compared: a number, a price, an indicator."""
        if self.take("it"):
            return self._spoken_of()
        for read in (self._named, self._short, self._plain_number):
            found = self.attempt(read)
            if found is not None:
                if found.sides[0].partition("(")[0] in self.framed and "resample" not in found.sides[0]:
                    # Said before of a longer timeframe.
                    raise Unread
                return found
        raise Unread

    def _spoken_of(self) -> Operand:
        """What “it” is: the one thing that was compared before; the symbol's price where nothing was."""
        if self.left is None and not self.now and not self.before and not self.lost:
            return Operand(("close",), column="close")
        if self.left is None or len(self.now or self.before) != 1:
            raise Unread
        return self.left

    def _plain_number(self) -> Operand:
        token = self.need("number", "dollars")
        number = float(token.value)
        return Operand((f"{number:.10g}",), number, money=token.kind == "dollars")

    def _short(self) -> Operand:
        """“The 12”, where an average of 12 bars was named."""
        self.take("of")
        number = self.number()
        if number not in self.known or self.peek() in ("unit", "times", "comma"):
            raise Unread
        return self.known[number]

    def _named(self) -> Operand:
        if self.peek() == "number" and self.tokens[self.at].value == 1 and self.peek(1) == "unit" and self.peek(2) == "column":  # fmt: skip
            # “The 1-minute close”.
            self.at += 2
        if self.peek() == "its" and self.peek(1) in ("indicator", "glued", "volume", "column"):
            # “Tesla when its RSI …”.
            self.need("its")
        if token := self.take("column"):
            column = str(token.value)
            edge = {"yesterday_high": "above", "yesterday_low": "below", "day_high": "", "day_low": ""}.get(column, "")
            known = column in ("close", "open", "high", "low") or column.startswith("account")
            return Operand((column,), column=column if known else "price", edge=edge)
        if self.take("volume"):
            return Operand(("volume",), column="volume")
        if self.peek() == "symbol" and self.peek(1) in ("indicator", "glued", "volume", "column", "k_line", "plus_di", "trend", "sar"):  # fmt: skip
            # “TLT RSI(21) below 35”.
            self.need("symbol")
            return self._named()
        if self.take("symbol"):
            return Operand(("close",), column="close")
        if token := self.take("glued"):
            name, glued = str(token.value).split()
            return self._indicator(name, float(glued))
        if self.peek() == "j_line":
            # There is no other J than that of the KDJ.
            self.need("j_line")
            return made(registered("kdj", self._again("kdj", self._in_brackets()), "j_line"), column="")
        if self.take("yesterday"):
            price = self.need("column", "high", "low").value
            edge = {"high": "above", "low": "below"}.get(str(price), "")
            if price not in ("high", "low", "close", "open"):
                raise Unread
            return Operand((f"yesterday_{price}",), column="price", edge=edge)
        if self.peek() in ("high", "low") and self.peek(1) in ("below", "above", "at_most", "at_least", "is") and str(self.tokens[self.at].value) in ("high", "low"):  # fmt: skip
            # “Low <= SMA50”: of the bar.
            price = self.need("high", "low").kind
            return Operand((price,), column=price)
        if self.peek() == "last" and self.peek(1) == "unit" and self.peek(2) in ("high", "low", "column"):
            # “The previous bar's high”.
            unit = str(self.tokens[self.at + 1].value)
            price = str(self.tokens[self.at + 2].value)
            if unit not in ("bar", "candle", "candlestick", "minute") or price not in ("high", "low", "close", "open"):
                raise Unread
            self.at += 3
            return Operand((f"previous({price})",), column="price", edge={"high": "above", "low": "below"}.get(price, ""))  # fmt: skip
        if token := self.take("range_high", "range_low"):
            # “The range high”, “the opening range low”.
            if not self.opening:
                raise Unread
            side = token.kind.removeprefix("range_")
            return Operand((f"opening_{side}({self.opening:.10g})",), column="price", edge="above" if side == "high" else "below")  # fmt: skip
        for read in (self._highest, self._band, self._line):
            found = self.attempt(read)
            if found is not None:
                return found
        if framed := self.attempt(self._in_frame):
            return framed
        length = self._length()
        if self.take("average"):
            if self.peek() == "of" and self.peek(1) == "volume":
                self.need("of")
            volume = self.take("volume")
            if length is None:
                length = self.attempt(self._after_it)
            if length is None:
                # “The average”, where one was named.
                if len(self.known) != 1 or volume:
                    raise Unread
                return next(iter(self.known.values()))
            return self._average("volume" if volume else "close", length)
        token = self.need("indicator")
        found = self._indicator(str(token.value), length)
        return self.attempt(lambda: self._on_chart(found)) or found

    def _on_chart(self, found: Operand) -> Operand:
        """“RSI(14) on the 15-minute chart”, “RSI on 15m”."""
        self.need("on")
        frame = FRAMES.get(self.bars())
        minute = str(self.tokens[self.at - 1].value)
        if self.take("time_frame") is None and minute not in ("m", "h"):
            raise Unread
        if frame is None or any(each in found.sides[0] for each in ("vwap", "supertrend", "psar", "resample")):
            raise Unread
        self.framed.add(found.sides[0].partition("(")[0])
        return Operand(tuple(side_of_text(each.replace("bars.", f'bars.resample("{frame}").')) for each in found.sides), column=found.column)  # fmt: skip

    def _in_frame(self) -> Operand:
        """“5m RSI”, “the hourly SMA 20”, “the 15-minute MACD”: of completed bars of a longer timeframe."""
        if token := self.take("hourly"):
            minutes = 60.0 if token.value == "hourly" else 1440.0
        else:
            number = self.number()
            unit = self.need("unit", "hours")
            if unit.kind == "unit" and str(unit.value) not in ("minute", "minutes", "min", "mins", "m"):
                raise Unread
            minutes = number * (60 if unit.kind == "hours" else 1)
        frame = FRAMES.get(minutes)
        said = self.peek() == "glued" or self.peek(1) in ("open", "number")
        # “The 30-minute average” is one of 30 bars of a minute.
        plain = self.peek() == "average" or (self.peek() == "indicator" and str(self.tokens[self.at].value) in OF_PRICE)
        if frame is None or (plain and not said):
            raise Unread
        before, numbers = dict(self.lengths), dict(self.numbers)
        self.lengths, self.numbers = {}, {}
        if token := self.take("glued"):
            name, glued = str(token.value).split()
            found = self._indicator(name, float(glued))
        elif self.peek() == "indicator" and self.tokens[self.at].value != "stoch":
            found = self._indicator(str(self.need("indicator").value), None)
        else:
            found = self._line()
        self.lengths, self.numbers = before, numbers
        if "vwap" in found.sides[0] or "supertrend" in found.sides[0] or "psar" in found.sides[0]:
            raise Unread
        self.framed.add(found.sides[0].partition("(")[0])
        sides = tuple(side_of_text(each.replace("bars.", f'bars.resample("{frame}").')) for each in found.sides)
        return Operand(sides, column=found.column)

    def _after_it(self) -> float:
        """The length of “the average of the last 20 bars”, “the average (20)”."""
        given = self._in_brackets()
        if len(given) == 1:
            return given[0]
        if not self.take("of"):
            self.need("last")
            self.at -= 1
        self.take("last", "final")
        number = self.number()
        self.take("unit", "trade")
        return number

    def _highest(self) -> Operand:
        """“The 20-bar high”, “the highest high of the last 20 bars”, “yesterday's high”."""
        self.take("new")
        self.take("last", "final")
        self.take("its")
        length = self._length()
        self.take("new")
        kind, price = self._extreme()
        if length is None:
            if self.peek() in ("of", "in") and self.peek(1) == "first" and kind == price:
                self.at += 2
                return self._opening(kind)
            if self.take("of", "in"):
                self.take("last", "final")
                length = self.number()
                self.need("unit")
            elif self.peek() == "first" and kind == price:
                self.take("first")
                return self._opening(kind)
            elif self.take("yesterday"):
                return Operand((f"yesterday_{'high' if kind == 'high' else 'low'}",), column="price", edge="above" if kind == "high" else "below")  # fmt: skip
            else:
                raise Unread
        return made(high_low(kind, price, length), column="price", edge="above" if kind == "high" else "below")

    def _opening(self, kind: str) -> Operand:
        """“The high of the first 15 minutes”."""
        count = self.bars()
        self.take("of_the_day")
        if not 1 <= count <= LONGEST_OPENING or len(self.week) > 5:
            raise Unread
        self.opening = count
        return Operand((f"opening_{kind}({count:.10g})",), column="price", edge="above" if kind == "high" else "below")

    def _extreme(self) -> tuple[str, str]:
        if token := self.take("high", "low"):
            return token.kind, token.kind
        token = self.need("highest", "lowest")
        column = str(self.need("column", "high", "low").value).split()[-1]
        if column not in ("close", "high", "low"):
            raise Unread
        return ("high" if token.kind == "highest" else "low"), column

    def _band(self) -> Operand:
        """A line of the Bollinger bands, of the Keltner or of the Donchian channel."""
        which = name = None
        given: list[float] = []
        while True:
            if (token := self.take("upper", "lower", "middle")) and which is None:
                which = token.kind
            elif token := self.take("band", "keltner", "donchian"):
                name = token.kind if token.kind != "band" or name is None else name
                if token.kind == "band" and str(token.value) in ("band", "bands") and self.family and name == "band":
                    name = self.family.name
            elif name and not given and (found := self._in_brackets() or self._bare_pair()):
                given = found
            else:
                break
        if which is None:
            raise Unread
        if name is None and not (self.family and self._stands_alone()):
            raise Unread
        if name is None or (self.family and self.family.name == name and not given):
            assert self.family is not None
            name, given = self.family.name, list(self.family.numbers)
        found_bands = bands(name, given)
        if found_bands is None:
            raise Unread
        self.family = found_bands
        edge = {"upper": "above", "lower": "below", "middle": ""}[which]
        return made(found_bands.line(which), column="price", edge=edge)

    def _stands_alone(self) -> bool:
        return self.peek() in (
            "touch",
            "colon",
            "question",
            "",
            "comma",
            "stop_sign",
            "and",
            "or",
            "sell",
            "buy",
            "arrow",
            "bullet",
            "with",
        )

    def _bare_pair(self) -> list[float]:
        """The “20,2” of “BB 20,2”, “20/2”, “20 2”."""

        def read() -> list[float]:
            first = self.number()
            self.take("comma", "slash")
            second = self.number()
            if not (5 <= first <= 500 and 0 < second <= 10):
                raise Unread
            return [first, second]

        return self.attempt(read) or []

    def _line(self) -> Operand:
        """A line of an indicator that has several, or no length of its own: stochastic, directional movement, supertrend, parabolic."""
        if token := self.take("k_line", "d_line", "j_line", "histogram"):
            # Of the one indicator with such a line that was named.
            line = LINES[token.kind]
            stems = [each for each in self.numbers if line in REGISTRY[each].outputs]
            if len(stems) > 1 or (line == "j" and not stems):
                raise Unread
            stem = stems[0] if stems else "macd" if line == "histogram" else "stoch"
            return self._of_line(stem, self._in_brackets(), line)
        if token := self.take("plus_di", "minus_di"):
            given = self._in_brackets()
            said = {(each,) for each in self.lengths.get("adx", ())} if not given else {tuple(given)}
            if len(said) > 1:
                raise Unread
            return made(line_of("adx", next(iter(said), ()), token.kind), column="")
        if self.take("trend"):
            given = self._in_brackets() or self._bare_pair() or self.trend
            return made(line_of("supertrend", self._again("supertrend", given), "trend"), column="price")
        if self.take("sar"):
            return made(line_of("psar", [], "sar"), column="price")
        if self.peek() == "indicator" and self.tokens[self.at].value in ("stoch", "stochrsi", "stochf.k", "kdj"):
            stem = str(self.need("indicator").value).partition(".")[0]
            given = self._in_brackets()
            named = self.take("k_line", "d_line", "j_line")
            if named is None and stem in ("stochrsi", "kdj") and not given:
                raise Unread
            return self._of_line(stem, given or self._in_brackets(), LINES[named.kind] if named else "k")
        raise Unread

    def _of_line(self, stem: str, given: Sequence[float], line: str) -> Operand:
        """A line of an indicator that has several, with its numbers or those with which it was named before."""
        given = self._again(stem, given)
        if stem in ("macd", "stoch"):
            return made(line_of(stem, given, line), column="")
        if stem == "stochrsi" and len(given) == 1:
            given = [given[0], given[0]]
        return made(registered(f"{stem}.{line}", given), column="")

    def _again(self, stem: str, given: Sequence[float]) -> list[float]:
        """The numbers of an indicator: those that are given, or those with which it was named before."""
        said = self.numbers.setdefault(stem, set())
        if given:
            said.add(tuple(given))
        elif len(said) > 1:
            raise Unread
        return list(given) or list(next(iter(said), ()))

    def _true_ranges(self) -> tuple[float, float]:
        """“2 ATR”, “2x ATR(14)”, “2 times the ATR”: how many, and over how many bars."""
        if (token := self.take("multiple")) is None:
            token = self.need("number")
            self.take("times")
        if glued := self.take("glued"):
            name, length = str(glued.value).split()
            if name != "atr":
                raise Unread
            return float(token.value), float(length)
        if self.need("indicator").value != "atr":
            raise Unread
        given = self._in_brackets()
        if len(given) > 1:
            raise Unread
        return float(token.value), given[0] if given else 14.0

    def _length(self) -> float | None:
        if (
            self.peek() == "number"
            and self.peek(1) == "hours"
            and self.peek(2) in ("high", "low", "average", "highest", "lowest")
        ):
            hours = self.number()
            self.need("hours")
            return 60 * hours
        if self.peek() == "number" and (
            self.peek(1) in ("unit", "indicator", "average", "high", "low", "highest", "lowest")
        ):
            number = self.number()
            self.take("unit")
            return number
        return None

    def _in_brackets(self) -> list[float]:
        def read() -> list[float]:
            self.need("open")
            found = [self.number()]
            self.take("unit")
            while self.take("comma", "slash"):
                found.append(self.number())
            self.need("close")
            return found

        return self.attempt(read) or []

    def _average(self, column: str, length: float) -> Operand:
        side = side_of_text(f"ta.sma(bars.{column}, length={length:.10g})")
        return self._known(length, Operand((side,), column="price" if column == "close" else "volume"))

    def _known(self, length: float, found: Operand) -> Operand:
        """Notes an average by its length; two of one length are known by it no more."""
        if length in self.known and self.known[length] != found:
            self.known.pop(length)
        elif found.column == "price":
            self.known[length] = found
        return found

    def _indicator(self, name: str, length: float | None) -> Operand:
        if name == "macd":
            return self._macd(self._in_brackets())
        if name in ("trix", "pvo", "ppo", "tsi"):
            given = self._again(name, self._in_brackets())
            line = self.take("signal", "histogram")
            if line and line.kind == "histogram" and name not in ("pvo", "ppo"):
                raise Unread
            return made(line_of(name, self._again(name, given), line.kind if line else name), column="")
        if name in NAMES:
            return self._registered(name, length)
        if name == "stoch":
            raise Unread
        call, usual = INDICATORS[name]
        if name == "sma" and self.peek() == "open" and self.peek(1) == "volume":
            # “SMA(volume, 20)”.
            self.at += 2
            self.need("comma")
            length = self.number()
            self.need("close")
            return self._average("volume", length)
        given = self._in_brackets()
        if given:
            if len(given) > 1 or length is not None:
                raise Unread
            length = given[0]
        elif length is None and name == "zscore" and self.peek() == "of" and self.peek(1) == "column" and self.tokens[self.at + 1].value == "close":  # fmt: skip
            # “The z-score of the price (30)”.
            self.at += 2
            counted = self._in_brackets()
            if len(counted) != 1:
                raise Unread
            length = counted[0]
        elif length is None and self.peek() == "of" and self.peek(1) == "number" and self.peek(2) == "unit":
            # “The z-score of 20 bars”.
            self.need("of")
            length = self.number()
            self.need("unit")
        elif length is None and name in OF_PRICE and self.peek() == "of" and self.peek(1) == "number":
            self.need("of")
            length = self.number()
        elif length is None and self.peek() == "number" and (not usual or self.peek(1) in _RELATES):
            # “SMA 20”, “RSI 14 < 30”.
            length = self.number()
            self.take("unit")
        if length is not None and "{0}" not in call:
            raise Unread
        if length is not None:
            self.lengths.setdefault(name, set()).add(length)
        elif len(said := self.lengths.get(name, set())) == 1:
            # Said again without its number, it is the same.
            length = next(iter(said))
        elif said:
            raise Unread
        lengths = (length,) if length is not None else usual
        if not lengths:
            raise Unread
        sides = tuple(side_of_text(call.format(f"{each:.10g}")) for each in lengths)
        found = Operand(sides, column="price" if name in OF_PRICE else "")
        return self._known(lengths[0], found) if name in OF_PRICE and name != "vwap" else found

    def _registered(self, name: str, length: float | None) -> Operand:
        """Any other indicator of the registry: “AO”, “Fisher(10)”, “the 20 ALMA”, “KDJ(9,3) J”; said again, it has its numbers as before."""
        line = self.take(*LINES)
        given = self._in_brackets()
        if length is not None:
            if given:
                raise Unread
            given = [length]
        elif not given and self.peek() == "number" and self.peek(1) in _RELATES:
            given = [self.number()]
        line = line or self.take(*LINES)
        given = self._again(name.partition(".")[0], given)
        return made(registered(name, given, line.kind if line else ""), column="price" if name in OF_PRICE else "")

    def _macd(self, given: list[float]) -> Operand:
        if len(given) not in (0, 3):
            raise Unread
        line = self.take("signal", "histogram")
        given = self._again("macd", given or self._in_brackets())
        return made(line_of("macd", given, line.kind if line else "macd"), column="")
