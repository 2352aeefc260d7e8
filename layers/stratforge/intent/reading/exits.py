"""Reads how a position is left: by a condition, a gain or a loss, a stop, a target, at a time, in parts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stratforge.intent.reading.conditions import Conditions, Readings
from stratforge.intent.reading.meaning import Fact, at_once, compared, crossed, facts_in, resting, side_of_text
from stratforge.intent.reading.moments import TIMES, before_the_close, minute
from stratforge.intent.reading.reader import Operand, Unread
from stratforge.intent.rules import CONTRARY, RuleKind, is_number

_ATR = "ta.atr(bars.high, bars.low, bars.close, length={0:.10g})"
_OF_BARS = re.compile(r"\.(?:max|min)\(|\b(?:day|yesterday)_|\bprevious\((?:open|high|low|close)\)|\.(?:lower|upper)\b")
_KINDS = {"stop": RuleKind.STOP, "target": RuleKind.TARGET, "trail": RuleKind.TRAIL}
# What begins a way out of its own, rather than one more thing that has to hold.
_BY_ITSELF = (*_KINDS, "at", "by", "with", "on", "after", "percent", "signed", "number", "multiple", "no_later", "time", "held", "hours", "half_hour", "opposite_cross")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out that an order can have: when it sells, and the rules of such an order, the first of which is usual."""

    readings: Readings
    orders: tuple[str, ...] = ()


class Exits(Conditions):
    """Reads ways out from the tokens of a turn, from where it stands."""

    # Whether a part of the position, or the rest of it, is sold.
    partly = False

    def _turned(self) -> Readings:
        """“Down = sell”, after “SMA 50 x SMA 200 up = buy”: the crossing that it buys by, the other way."""
        token = self.need("green", "red", "downwards", "below")
        if token.kind in ("green", "red") and token.value != "down":
            raise Unread
        if self.peek() not in ("arrow", "colon", "sell"):
            raise Unread
        said = {each.kind for each in self.tokens[: self.at - 1]}
        if not said & {"above", "green", "upwards", "upcross"} or said & {"downwards", "downcross"}:
            raise Unread
        return self._other_way()

    def part(self) -> Readings:
        """Reads one condition; of a sale, the position's gain and its time too."""
        if self.selling and self.at and self.tokens[self.at - 1].kind == "and" and self.peek() in _BY_ITSELF:
            # “Sell when RSI > 70 and cut the loss at 2 %”, “… and at 15:50”: a way out of its own.
            raise Unread
        if self.selling:
            for reader in (
                self._gained,
                self._below_peak,
                self._next_day,
                self._at_time,
                self._at_level,
                self._opposite,
                self._as_exit,
                self._in_profit,
                self._turned,
                self._extreme_alone,
                self._inside_range,
                self._gap_filled,
            ):
                found = self.attempt(reader)
                if found is not None:
                    return found
        return super().part()

    def _extreme_alone(self) -> Readings:
        """The “10-bar low” of “10-bar low out”."""
        right = self._highest()
        if self.peek() not in ("sell", "arrow", "colon", "", "comma", "stop_sign", "bullet", "or"):
            raise Unread
        return self._compare(Operand(("close",), column="close"), ("<" if right.edge == "below" else ">",), right)

    def _inside_range(self) -> Readings:
        """“It closes back inside the range”: from the side on which it bought."""
        self.take("it", "column", "symbol")
        self.need("inside_range")
        high, low = (Operand((f"opening_{side}({self.opening:.10g})",), column="price") for side in ("high", "low"))
        close = Operand(("close",), column="close")
        sides = {_side(fact, high.sides[0]) or _side(fact, low.sides[0]) for ways in self.bought for way in ways for fact in _plain_facts(way)} - {""}  # fmt: skip
        if sides == {">"}:
            return self._compare(close, ("<", "<="), high)
        if sides == {"<"}:
            return self._compare(close, (">", ">="), low)
        raise Unread

    def _gap_filled(self) -> Readings:
        """“The gap is filled”: the close of yesterday is reached from the side to which the day opened."""
        self.need("gap_filled")
        sides = {_side(fact, "yesterday_close", left="day_open") for ways in self.bought for fact in facts_in(ways)} - {""}  # fmt: skip
        if len(sides) != 1:
            raise Unread
        sign = ">=" if sides == {"<"} else "<="
        return self._compare(Operand(("close",), column="close"), (sign, sign[0]), Operand(("yesterday_close",), column="price"))  # fmt: skip

    def _as_exit(self) -> Readings:
        """“… or a 2 % stop” beside other conditions of a sale."""
        self.take("with", "on", "at")
        return self.far_exit().readings

    def _below_peak(self) -> Readings:
        """“It falls 2 % below the highest price since entry”, in percent or in average true ranges."""
        self.take("it", "column", "symbol")
        self.take("is", "fall")
        if self.peek() == "percent":
            far = self.number("percent")
            self.need("below", "from")
            self.need("peak")
            return (at_once(("drop", ">=", f"{far:.10g}")), at_once(("drop", ">", f"{far:.10g}")))
        times, length = self._true_ranges()
        self.need("below", "from")
        self.need("peak")
        return _of_range("trail", times, length).readings

    def _next_day(self) -> Readings:
        """“The next day at 10:00”, “at 10:00 the next day”, “at the open of the next day”."""
        self.take("on", "at")
        after = at_once(("days_held", ">=", "1"))
        if self.take("next_open"):
            return (after,)
        if self.peek() == "time":
            at = self._at_time()
            self.take("on")
            self.need("next_day")
            return self.joined((after,), at, both_of=True)
        if self.take("at_open"):
            self.need("next_day")
            return (after,)
        self.need("next_day")
        if self.take("at_open"):
            return (after,)
        return self.joined((after,), self._at_time(), both_of=True)

    def _at_time(self) -> Readings:
        self.take("at", "by", "no_later")
        if self.take("at_close"):
            return before_the_close()
        at = self.number("time")
        self.take("at_latest")
        found = (minute(">=", at), minute("==", at))
        days = self.attempt(self._days)
        return found if days is None else self.joined(found, days, both_of=True)

    def _at_level(self) -> Readings:
        """“At the middle band”, “back at VWAP”, “at the 10-bar low”."""
        if self.take("it_is", "it", "its"):
            self.take("is")
        back = self.take("back")
        if back and self.peek() == "at_open" and any(str(fact[2]).startswith("day_open") or "day_open" in str(fact[0]) for ways in self.bought for fact in facts_in(ways) if len(fact) == 3):  # fmt: skip
            self.need("at_open")
            left = Operand(("close",), column="close")
            return self._met(left, Operand(("day_open",), column="price"))[0]
        self.need("at", "until") if back else self.need("at")
        right = self.operand()
        left = Operand(("close",), column="close")
        if right.number is not None:
            paid = self._paid()
            if not paid or right.number <= paid:
                raise Unread
            return self._compare(left, (">=", ">"), right)
        if right.column != "price":
            raise Unread
        if right.edge:
            sign = ">" if right.edge == "above" else "<"
            signs = (sign, f"{sign}=") if ".shift(1)" in right.sides[0] else (f"{sign}=", sign)
            found = self._compare(left, signs, right)
        else:
            found = self._met(left, right)[0]
        self.spoke_of(left, right)
        self.now.add("close")
        return found

    def _opposite(self) -> Readings:
        """“On the opposite cross”: the crossing that it buys by, the other way."""
        self.take("on", "at")
        self.need("opposite_cross", "death")
        if self.take("of"):
            raise Unread
        return self._other_way()

    def _other_way(self) -> Readings:
        turned = []
        for ways in self.bought:
            facts = [fact for way in ways for fact in way if fact[0] == "crosses"]
            only = [fact for way in ways for fact in way]
            if len(ways) == 1 and len(only) == 1 and len(only[0]) == 3 and only[0][1] in ("<", ">") and only[0][0] not in TIMES:  # fmt: skip
                one, sign, other = map(str, only[0])
                turned += [at_once(compared(one, each, other)) for each in ("<" if sign == ">" else ">", CONTRARY[sign])]  # fmt: skip
                continue
            if len(ways) != 1 or len(facts) != 1:
                raise Unread
            _, first, side, second = map(str, facts[0])
            turned.append(at_once(crossed(first, "<" if side == ">" else ">", second)))
        if not turned:
            raise Unread
        return tuple(turned)

    def _in_profit(self) -> Readings:
        """“While in profit”, “it is in the red”: at a gain, or a loss, of any size."""
        self.take("it", "it_is", "i_am", "position")
        self.take("is")
        denied = self.take("not") is not None
        token = self.need("profit", "loss")
        if str(token.value) not in ("in profit", "in loss", "in the red", "in the green", "in the money", "at a loss", "at a profit", "winning", "losing", "underwater", "under water") or self.peek() in ("percent", "of", "above", "at_least"):  # fmt: skip
            raise Unread
        sign = ">" if token.kind == "profit" else "<"
        return (at_once(("gain", CONTRARY[sign] if denied else sign, "0")),)

    def _gained(self) -> Readings:
        """“It is up 2 %”, “at a profit of 2 %”, “at a 2 % loss”, “at +2 %”."""
        self.take("it", "at", "it_is", "i_am", "with")
        self.take("position")
        if self.take("is") is None and self.peek(1) in ("percent", "signed"):
            # “It reaches 0.9 % profit”.
            self.take("touch")
        if token := self.take("lose", "rise"):
            if token.kind == "rise" and token.value != "gains":
                raise Unread
            self.take("above", "at_least")
            return _gain(self.number("percent"), up=token.kind == "rise")
        if token := self.take("risks"):
            self.take("profit")
            return tuple(at_once(("gain_risks", sign, f"{float(token.value):.10g}")) for sign in (">=", ">"))
        if token := self.take("signed"):
            self.take("profit", "entry_price")
            return _gain(float(token.value), up=True)
        if self.peek() == "percent" and float(self.tokens[self.at].value) < 0:
            far = -self.number("percent")
            self.take("loss")
            return _gain(far, up=False)
        more = self.take("at_least", "above")
        if self.peek() in ("green", "red", "dollars") and (money := self.attempt(self._gained_dollars)) is not None:
            return money
        if token := self.take("green", "red"):
            if token.value not in ("up", "down"):
                raise Unread
            up = token.kind == "green"
            more = more or self.take("at_least", "above")
            far = self.number("percent")
        elif token := self.take("profit", "loss"):
            up = token.kind == "profit"
            self.take("is", "of", "at")
            more = self.take("at_least", "above", "of") or more
            far = self.number("percent")
        else:
            far = self.number("percent")
            if self.partly and self.peek() in ("", "comma", "stop_sign", "and"):
                # “Sell half at 2 %, the rest at 4 %”.
                return _gain(far, up=True)
            self.take("of")
            if token := self.take("green", "red"):
                if token.value not in ("up", "down"):
                    raise Unread
                up = token.kind == "green"
            elif token := self.take("entry_price"):
                # “1 % below my entry”.
                if str(token.value).startswith("from"):
                    raise Unread
                up = str(token.value).startswith(("above", "over"))
            else:
                up = self.need("profit", "loss").kind == "profit"
        if self.take("on"):
            self.need("position", "it")
        if self.peek() == "entry_price" and str(self.tokens[self.at].value).startswith("from"):
            self.need("entry_price")
        if far <= 0 or self.peek() in ("in", "above", "below", "for", "at_least", "from"):
            raise Unread
        return _gain(far, up=up)

    def _gained_dollars(self) -> Readings:
        """“Up 5 dollars per share”, “$1.50 per share profit”."""
        token = self.take("green", "red")
        if token and token.value not in ("up", "down"):
            raise Unread
        far = self.number("dollars")
        self.need("a_share")
        token = token or self.need("profit", "loss", "green", "red")
        fact = ("gain_dollars", ">=", f"{far:.10g}") if token.kind in ("green", "profit") else ("gain_dollars", "<=", f"{-far:.10g}")  # fmt: skip
        return (at_once(fact),)

    def exit(self) -> Exit:
        """A stop, a target or a trailing stop by itself; or until when it is held."""
        self.selling = True
        if self.take("hold"):
            self.take("position", "it")
            self.take("for", "colon", "is", "of")
            if self.peek() in ("number", "hours", "half_hour", "max", "at_most", "days"):
                self.take("max", "at_most")
                days = self.take("days")
                count = float(days.value) if days else self.bars()
                before = self.at
                self.take("comma", "and", "colon")
                self.take("then")
                # “Hold 10 bars, exit”.
                if not self.take("sell") or self.peek() not in ("", "comma", "stop_sign"):
                    self.at = before
                return Exit((self.for_days(count) if days else at_once(("bars_held", ">=", f"{count:.10g}")),))
            self.need("until")
            if self.peek() in ("time", "at_close"):
                return Exit(self._at_time())
            self.take("when")
            return Exit(self.condition())
        self.take("with")
        return self.far_exit()

    def far_exit(self) -> Exit:
        """“Stop loss 2 %”, “2 % target”, “stop 2 ATR below entry”, “stop at yesterday's low”."""
        if self.peek() in ("percent", "signed"):
            up = self.peek() == "signed"
            far = self.number("percent", "signed")
            kind = self.need("stop", "target", "trail").kind
            _plain_sign(kind, far, up=up)
            self.take("entry_price")
            return _of_percent(kind, far)
        if self.peek() in ("number", "multiple"):
            # “2 ATR stop”.
            times, length = self._true_ranges()
            if token := self.take("entry_price"):
                # “2x ATR below my entry price”.
                if str(token.value).startswith("from"):
                    raise Unread
                kind = "target" if str(token.value).startswith(("above", "over")) else "stop"
            else:
                kind = self.need("stop", "target", "trail").kind
            return _of_range(kind, times, length)
        kind = self.need("stop", "target", "trail").kind
        while self.take("at", "of", "is", "colon", "by", "on", "arrow", "with"):
            pass
        if self.peek() in ("percent", "signed"):
            up = self.peek() == "signed"
            far = self.number("percent", "signed")
            _plain_sign(kind, far, up=up)
            if (
                self.peek() in ("below", "above", "from")
                and (level := self.attempt(lambda: self._away(kind, far))) is not None
            ):
                return level
            if self.at < len(self.tokens) and self.tokens[self.at].value not in ("losing", "winning"):
                self.take("profit" if kind == "target" else "loss")
            if self.take("entry_price") is None and self.peek() == ("above" if kind == "target" else "below") and self.peek(1) in ("", "comma", "stop_sign", "close"):  # fmt: skip
                # “A stop 2 % below”: below the price paid.
                self.at += 1
            if self.take("for", "on"):
                # “SL 1 % for all”.
                self.need("position", "it", "per_trade")
            return _of_percent(kind, far)
        if self.peek() in ("risks", "twice") or self.peek(1) in ("risks", "times"):
            return self._of_risk(kind)
        if self.peek() == "dollars":
            # So much a share, and not in all, where it is measured from the price paid.
            far = self.number("dollars")
            token = self.take("entry_price")
            if token is None or self.peek() == "a_share":
                self.need("a_share")
            return _of_dollars(kind, far, str(token.value) if token else "")
        found = self.attempt(self._true_ranges)
        if found is not None:
            self.take("entry_price")
            return _of_range(kind, *found)
        self.take("below", "above")
        return self._of_level(kind)

    def trailed_from(self) -> Exit:
        """“Trailing stop 2 % once the profit is 3 %”, “when the profit is 3 %, trail by 2 %”: one that is set when the gain is reached, and not before."""
        if self.take("when", "after", "at"):
            gained = self._gained()
            self.take("comma")
            self.take("then")
            trail = self._trail()
        else:
            trail = self._trail()
            self.need("when", "after", "at", "from")
            gained = self._gained()
        orders = tuple(f"{trail} when {' '.join(map(str, fact))}" for ways in gained for way in ways for fact in way)
        return Exit(tuple(at_once(("order", each)) for each in orders), orders[:1])

    def _trail(self) -> str:
        found = self.far_exit()
        if not found.orders or not found.orders[0].startswith(RuleKind.TRAIL.value):
            raise Unread
        return found.orders[0]

    def _of_risk(self, kind: str) -> Exit:
        """“Target 2R”, “take profit at twice the risk”: so many times what the stop is away."""
        if token := self.take("risks"):
            times = float(token.value)
        else:
            times = 2.0 if self.take("twice") else self.number()
            self.take("times")
            self.need("risk")
        if kind != "target" or times <= 0 or self.peek() == "for":
            raise Unread
        order = f"take profit {times:.10g}R"
        return Exit((at_once(("order", order)),), (order,))

    def _paid(self) -> float:
        """The level of the price at which it buys, where it buys by one; 0 where it does not."""
        levels = {fact[-1] for ways in self.bought for fact in facts_in(ways) if fact[-3:-2] == ("close",)}
        level = str(next(iter(levels))) if len(levels) == 1 else ""
        return float(level) if is_number(level) else 0.0

    def _away(self, kind: str, far: float) -> Exit:
        """“Stop 0.4 % under VWAP”: a level that is measured from something."""
        side = self.need("below", "above")
        right = self.operand()
        if right.number is not None or right.column not in ("price", "close", "low", "high") or kind == "trail" or (side.kind == "below") != (kind == "stop"):  # fmt: skip
            raise Unread
        factor = 1 - far / 100 if side.kind == "below" else 1 + far / 100
        times = Operand(tuple(side_of_text(f"({each}) * {factor:.10g}") for each in right.sides), column="price")
        if right.column != "price" or (kind == "stop" and is_of_bars(right.sides[0])):
            # Of the bar on which it buys, or of those before it: only an order keeps it.
            orders = tuple(resting(_KINDS[kind], each) for each in times.sides)
            return Exit(tuple(at_once(("order", each)) for each in orders), orders)
        sign = "<" if kind == "stop" else ">"
        return Exit(self._compare(Operand(("close",), column="close"), (f"{sign}=", sign), times))

    def _bought_below(self, right: Operand) -> bool:
        """Whether what it buys by says that a level lies above."""
        return any(len(fact) == 3 and ((fact[1] in (">", ">=") and str(fact[0]) in right.sides) or (fact[1] in ("<", "<=") and str(fact[2]) in right.sides)) for ways in self.bought for fact in facts_in(ways))  # fmt: skip

    def _of_level(self, kind: str) -> Exit:
        right = self.operand()
        if right.number is not None and kind != "trail" and (paid := self._paid()):
            if (right.number < paid) != (kind == "stop"):
                raise Unread
            sign = "<" if kind == "stop" else ">"
            close = Operand(("close",), column="close")
            return Exit(self._compare(close, (f"{sign}=", sign), right), (resting(_KINDS[kind], right.sides[0]),))
        if right.number is not None or right.column not in ("price", "low", "high") or kind == "trail":
            raise Unread
        left = Operand(("close",), column="close")
        sign = "<" if kind == "stop" else ">"
        if right.edge == ("above" if kind == "stop" else "below") and not (
            kind == "target" and self._bought_below(right)
        ):
            raise Unread
        orders = tuple(resting(_KINDS[kind], each) for each in right.sides)
        if right.column in ("low", "high") or (kind == "stop" and is_of_bars(right.sides[0])):
            # Of the bar on which it buys, or of those before it: only an order keeps it.
            return Exit(tuple(at_once(("order", each)) for each in orders), orders)
        return Exit(self._compare(left, (f"{sign}=", sign), right), orders if right.edge else ())


def _plain_facts(way: frozenset[Fact]) -> list[Fact]:
    """The facts of a way, with those that have to hold for several bars."""
    return list(facts_in(frozenset({way})))


def is_of_bars(line: str) -> bool:
    """Returns whether a line is a price of certain bars, such as the low of the last five, or the edge of a band, rather than an average: as a stop it is one level."""
    return bool(_OF_BARS.search(line))


def _side(fact: Fact, right: str, left: str = "close") -> str:
    """On which side of a level something is by a fact: `>`, `<`, or nothing."""
    parts = [str(each) for each in (fact[1:] if fact[0] == "crosses" else fact)]
    if len(parts) != 3:
        return ""
    one, sign, other = parts
    if one == left and right in other:
        return sign[0] if sign[0] in "<>" else ""
    if other == left and right in one:
        return {"<": ">", ">": "<"}.get(sign[0], "")
    return ""


def _gain(far: float, *, up: bool) -> Readings:
    signs = (">=", ">") if up else ("<=", "<")
    sided = f"{far:.10g}" if up else f"{-far:.10g}"
    return tuple(at_once(("gain", sign, sided)) for sign in signs)


def _plain_sign(kind: str, far: float, *, up: bool) -> None:
    """That a stop does not lie at a gain, nor a target at a loss: “stop loss at +1 %” is not plain."""
    if (up and kind != "target") or (far < 0 and kind == "target"):
        raise Unread


def _of_percent(kind: str, far: float) -> Exit:
    far = abs(far)
    if far <= 0:
        raise Unread
    order = f"{_KINDS[kind].value} {far:.10g}%"
    if kind == "trail":
        return Exit((at_once(("drop", ">=", f"{far:.10g}")),), (order,))
    return Exit(_gain(far, up=kind == "target")[:1], (order,))


def _of_dollars(kind: str, far: float, words: str) -> Exit:
    if kind == "trail" or (words.startswith(("below", "under")) and kind == "target") or (words.startswith(("above", "over")) and kind == "stop"):  # fmt: skip
        raise Unread
    fact = ("gain_dollars", ">=", f"{far:.10g}") if kind == "target" else ("gain_dollars", "<=", f"{-far:.10g}")
    return Exit((at_once(fact),))


def _of_range(kind: str, times: float, length: float) -> Exit:
    """So many average true ranges: as a price at the purchase, or by that of every bar."""
    atr = _ATR.format(length)
    if kind == "trail":
        return Exit((at_once(("drop_dollars", ">=", side_of_text(f"{times:.10g} * {atr}"))),))
    if kind == "stop":
        fact: Fact = ("gain_dollars", "<=", side_of_text(f"-{times:.10g} * {atr}"))
        away = f"close - {times:.10g} * {atr}"
    else:
        fact = ("gain_dollars", ">=", side_of_text(f"{times:.10g} * {atr}"))
        away = f"close + {times:.10g} * {atr}"
    return Exit((at_once(compared(*map(str, fact))),), (resting(_KINDS[kind], side_of_text(away)),))
