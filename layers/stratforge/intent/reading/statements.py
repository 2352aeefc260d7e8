"""Reads a turn strictly, statement by statement: what it buys by, sells by, how much, how often, and what is not read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from stratforge.intent.reading.beside import names_traded
from stratforge.intent.reading.composed import composed
from stratforge.intent.reading.languages import language_of
from stratforge.intent.reading.lines import bands, line_of
from stratforge.intent.reading.meaning import at_once, facts_in
from stratforge.intent.reading.moments import TIMES, Readings
from stratforge.intent.reading.plainly import plainly
from stratforge.intent.reading.purchases import Purchases
from stratforge.intent.reading.reader import Operand, Unread, made
from stratforge.intent.reading.settings import ENDS, PARTS, Statement
from stratforge.intent.reading.tokens import Token, tokens_of, without_remarks
from stratforge.intent.reading.unsure import unsure_in
from stratforge.intent.reading.words import OF_PRICE, STYLES
from stratforge.intent.rules import LONGEST_OPENING

__all__ = ["Statement", "statements_of"]
_EXITS = ("stop", "target", "trail")
_STARTS = (
    "buy", "sell", "only", "except", "unless", "not", *_EXITS, "with", "max", "once_a_day", "wait", "risk", "move_stop", "after_a_loss", "after_a_stop", "done_today", "no_buying", "no_more_buying", "hold", "rest", "take", "entry_label", "exit_label", "percent", "otherwise", "all_in", "when", "at_latest",
)  # fmt: skip
_STYLES = frozenset(word for each in STYLES for word in each.replace("-", " ").split()) - {"opening"}
# Words of a heading that name what its rules are about, by the kinds of their tokens.
_NAMED = ("indicator", "glued", "band", "keltner", "donchian", "trend", "sar", "atr", "average", "golden", "cross", "crossover", "breakout", "volume", "gap_up", "gap_down", "opening_range")  # fmt: skip


@lru_cache(256)
def statements_of(turn: str, symbol: str = "", *, follows: bool = False, beside: bool | None = None) -> tuple[Statement, ...]:  # fmt: skip
    """Reads a turn; every word of it lies in one of the statements, but for what stands between them. An answer is held against them several times, and so
    is each repair, so they are kept.

    Args:
        symbol: What the answer trades.
        follows: Whether something was said before, which “it” may stand for.
        beside: Whether what was said before speaks of another symbol; None where nothing says what is traded.
    """
    plain = plainly(turn)
    tokens = tokens_of(plain.text, symbol)
    week = frozenset(range(7 if "/" in symbol else 5))
    reader = _Statements(tokens, week, plain.text)
    if beside:
        reader.foreign = -1
    reader.lost = follows
    found = reader.read()
    if any(each.kind == "" for each in found) and reader.bought:
        # What is said of selling before what it buys by may speak of it: “back to the average”.
        again = _Statements(tokens, week, plain.text)
        again.lost, again.bought, again.foreign = follows, reader.bought, reader.foreign
        found = min(found, again.read(), key=lambda read: sum(not each.kind for each in read))
    if reader.speaks_of_others and (language_of(turn) or (beside is None and not names_traded(tokens))):
        # Which of the symbols is bought is asked about; in other languages than English also whose each measure is.
        found = [replace(each, kind="") for each in found]
    elif not follows and not reader.speaks_of_others and any(not each.kind for each in found):
        found = composed(plain.text, symbol) or found
    found = [replace(each, start=plain.place(each.start, each.end)[0], end=plain.place(each.start, each.end)[1]) for each in found]  # fmt: skip
    # Words of which no reading is sure leave what they stand in unread.
    unsure = unsure_in(turn)
    return tuple(next((replace(each, kind="", unknown=one.words) for one in unsure if one.start < each.end and each.start < one.end), each) for each in found)  # fmt: skip


class _Statements(Purchases):
    # The stretch of the day to which buying was restricted, for “outside of that”.
    window: Readings | None = None

    def __init__(self, tokens: Sequence[Token], week: frozenset[int], turn: str) -> None:
        super().__init__(without_remarks(tokens), week)
        self.turn = turn
        self.settings: list[tuple[str, float, str]] = []
        self.found = list[Statement]()

    def read(self) -> list[Statement]:
        found = self.found = list[Statement]()
        readers = (self._symbol_alone, self._named_level, self._heading, self._buy, self._otherwise, self._sell, self._exit, self.size, self.risk, self.pause, self.break_even, self.limit, self.overnight, self.only, self._bare_buy, self._noun)  # fmt: skip
        while self.at < len(self.tokens):
            if self.take(*ENDS, "and", "then", "colon"):
                continue
            if self.peek() in ("after", "later") and found and self.turn[self.tokens[self.at].start : self.tokens[self.at].end].lower() == "after that":  # fmt: skip
                # “No trades in the first 15 minutes. After that RSI < 15 → long”.
                self.at += 1
                continue
            if self.peek() == "after" and self.tokens[self.at].value == "not before" and self.peek(1) in ("", *ENDS):
                # “… after 11:00, not before”.
                self.at += 1
                continue
            if self.peek() == "which" and found and found[-1].kind == "nothing":
                # “A bot for AMD that buys …”.
                self.need("which")
                continue
            begin, statement = self.at, None
            between = [each.kind for each in self.tokens if found and found[-1].end <= each.start < self.tokens[begin].start]  # fmt: skip
            listed = any(each.kind == "bullet" and found and found[-1].start <= each.start < found[-1].end for each in self.tokens)  # fmt: skip
            apart = {"stop_sign", "bullet"} & {*between} and not (listed and "bullet" in between)
            self.after_sale = bool(found) and found[-1].kind in ("sell", "part") and not apart
            self.before, self.now = self.now or self.before, set()
            for reader in readers:
                self.settings = []
                self.selling = False
                statement = self.attempt(partial(self._whole, reader))
                if statement is not None:
                    break
            if statement is not None and statement.kind in ("buy", "noun"):
                self.bought = statement.readings
            if statement is not None and statement.kind in ("only", "both") and all(fact[0] in TIMES for ways in statement.readings for fact in facts_in(ways)):  # fmt: skip
                self.window = statement.readings
            self.restricted = self.restricted or (statement is not None and statement.kind in ("only", "both"))
            found.append(statement or self._skipped(begin))
        alone = not any(each.kind == "buy" for each in found) and sum(each.kind == "noun" for each in found) == 1
        return [replace(each, kind="buy" if alone else "") if each.kind == "noun" else each for each in found]

    def _whole(self, reader: Callable[[], Statement]) -> Statement:
        begin = self.at
        read = reader()
        if not self._at_an_end() and self.tokens[self.at - 1].kind not in ("colon", "said"):
            raise Unread
        self.is_plain(begin, read.readings, [*read.orders, *(text for text, _, _ in read.settings)])
        return Statement(
            self.tokens[begin].start, self.tokens[self.at - 1].end, read.kind, read.readings, read.value, read.settings, read.orders
        )  # fmt: skip

    def _at_an_end(self) -> bool:
        kind = self.peek()
        if not kind or kind in ENDS or kind == "colon" or (kind == "which" and self.peek(1) in ("buy", "sell")):
            return True
        if str(self.tokens[self.at - 1].value) == "avg.":
            # The period of an abbreviation ends a sentence as well.
            return True
        if kind in (
            "then",
            "buy",
            "sell",
            *_EXITS,
            "once_a_day",
            "wait",
            "risk",
            "move_stop",
            "hold",
            "entry_label",
            "exit_label",
            "max",
        ):
            return True
        if kind in ("with", "no_more") or self._far_exit_follows(0):
            return True
        return kind == "and" and (
            self.peek(1) in (*_STARTS, "then", "no_more", "its", "it") or self._far_exit_follows(1)
        )

    def _far_exit_follows(self, ahead: int) -> bool:
        return self.peek(ahead) in ("percent", "number", "multiple") and self.peek(ahead + 1) in (*_EXITS, "indicator")

    def _skipped(self, begin: int) -> Statement:
        """What cannot be read, up to where another statement surely begins."""
        at = begin
        first_unknown = next((each for each in self.tokens[begin:] if each.kind in ("unknown", "other")), None)
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.kind == "stop_sign" and at > begin:
                break
            if (
                token.kind in ("comma", "and")
                and at > begin
                and at + 1 < len(self.tokens)
                and self.tokens[at + 1].kind in _STARTS
            ):
                break
            at += 1
        self.at = at
        end = self.tokens[max(begin, at - 1)].end
        word = str(first_unknown.value) if first_unknown is not None and first_unknown.start < end else ""
        self.left = self.right = None
        self.compared = ()
        self.lost = True
        return Statement(self.tokens[begin].start, end, "", unknown=word)

    def _symbol_alone(self) -> Statement:
        """The symbol alone: “AAPL: …”, “Ticker: AAPL”, “on AAPL”; or the timeframe of one minute."""
        if self.peek() in ("number", "on") and (found := self.attempt(self._one_minute)):
            return found
        if self.take("no_more") or (
            self.peek() == "per_day"
            and self.peek(1) != "max"
            and self.tokens[self.at].value != "a day"
            and self.take("per_day")
        ):
            return self.said("nothing")
        if self.take("symbol_word"):
            self.take("colon", "is")
        else:
            self.take("on", "for", "in")
        self.need("symbol")
        while self.take("symbol"):
            pass
        self.take("position")
        self.take("only")
        self.take("colon")
        return self.said("nothing")

    def _named_level(self) -> Statement:
        """“Take the high of the first 30 minutes”: the level that “it” is in what follows."""
        self.need("take", "with", "named")
        level = self.operand()
        if not level.edge or self.named is not None or self.peek() not in ("", "stop_sign", "comma"):
            raise Unread
        self.named = level
        if not any(token.kind == "it" for token in self.tokens[self.at :]):
            raise Unread
        return self.said("nothing")

    def _one_minute(self) -> Statement:
        self.take("on")
        if self.number() != 1:
            raise Unread
        self.need("unit")
        self.need("time_frame", "unit")
        self.take("colon")
        return self.said("nothing")

    def _heading(self) -> Statement:
        """“Mean reversion:”, “MACD crossover strategy on AAPL:”: a name for what the rules after it say."""
        if (context := self.attempt(self._context)) is not None:
            return context
        if self.peek() == "risk" and self.peek(1) in ("percent", "dollars", "colon", "is", "of"):
            # A part of the account that is risked is no name.
            raise Unread
        if self.peek() == "filter" or (self.peek() == "buy" and self.peek(1) == "symbol"):
            raise Unread
        named, at = set[object](), self.at
        while at < len(self.tokens) and self.tokens[at].kind not in ("colon", "stop_sign", "comma"):
            token = self.tokens[at]
            if token.kind == "percent" and any(each.kind == "percent" and each.value == token.value for each in self.tokens[at + 1 :]):  # fmt: skip
                # “Buy 0.5 % dips: if the price is 0.5 % below …”: it says the number again.
                at += 1
                continue
            if token.kind == "in" or (token.kind == "buy" and at == self.at and self.peek(1) in ("percent", "fall")):
                at += 1
                continue
            if token.kind in _NAMED:
                named.add(str(token.value).partition(".")[0] if token.kind in ("indicator", "glued") else token.kind)
            elif token.kind not in ("symbol", "on", "of", "for", "with", "and") and not _is_style(token, self.turn):
                raise Unread
            at += 1
        words = [each for each in self.tokens[self.at : at] if each.kind not in ("symbol", "on", "for")]
        if at >= len(self.tokens) or self.tokens[at].kind != "colon" or not words:
            raise Unread
        rest = {each.value if each.kind in ("indicator", "glued") else each.kind for each in self.tokens[at + 1 :]}
        rest |= {str(each.value).split()[0].partition(".")[0] for each in self.tokens[at + 1 :] if each.kind in ("glued", "indicator")}  # fmt: skip
        if rest & {"k_line", "d_line"}:
            rest |= {"stoch"}
        if "j_line" in rest:
            rest |= {"kdj"}
        if rest & {"first"}:
            rest |= {"opening_range"}
        if rest & {"high", "low"}:
            rest |= {"breakout", "donchian"}
        if rest & {"cross", "golden", "death", "crossover"}:
            rest |= {"cross", "crossover"}
        if not {str(each).split()[0] if isinstance(each, str) else each for each in named} <= rest | {"average"}:
            raise Unread
        self.at = at + 1
        return self.said("nothing")

    def _context(self) -> Statement:
        """“BB(20,2):”, “Keltner 20/2”: the bands that the rules after it speak of."""
        if self.take("trend"):
            given = self._in_brackets() or self._bare_pair()
            self.need("colon")
            self.at -= 1
            self.left = made(line_of("supertrend", given, "trend"), column="price")
            self.before, self.now = {self.left.sides[0]}, set()
            self.spoken = [self.left]
            self.trend = given
            self.need("colon")
            return self.said("nothing")
        if self.take("opening_range"):
            # “ORB 15:”.
            minutes = self.number()
            self.take("unit")
            self.need("colon")
            if not 1 <= minutes <= LONGEST_OPENING or len(self.week) > 5:
                raise Unread
            self.opening = minutes
            return self.said("nothing")
        if self.take("aroon"):
            # “Aroon(25): aroon up > 70 …”.
            said = self._in_brackets()
            if len(said) != 1 or self.peek() != "colon" or "aroonup" in self.lengths:
                raise Unread
            self.need("colon")
            self.lengths |= {"aroonup": set(said), "aroondown": set(said)}
            return self.said("nothing")
        name = self.need("band", "keltner", "donchian").kind
        while self.take("band"):
            pass
        given = self._in_brackets() or self._bare_pair()
        found = bands(name, given)
        if not given or found is None:
            raise Unread
        if self.peek() not in ("colon", "column", "stop_sign", "lower", "upper"):
            raise Unread
        self.family = found
        self.take("colon")
        rest = {each.kind for each in self.tokens[self.at :]}
        if not rest & {"upper", "lower", "middle", "band"}:
            raise Unread
        # What follows is read for itself.
        self.tokens = [*self.tokens[: self.at - 1], replace(self.tokens[self.at - 1], kind="said"), *self.tokens[self.at :]]  # fmt: skip
        return self.said("nothing")

    def _noun(self) -> Statement:
        """“A golden cross on SPY”, “EMA 9/21 crossover”: a signal by its name is what it buys by where nothing else is."""
        found = self.attempt(self._two_lines) or self.attempt(self._breakout) or self.listed(any_of=False, commas=True)
        while True:
            if self.at < len(self.tokens) and _is_style(self.tokens[self.at], self.turn):
                self.at += 1
            elif not self.take("on", "symbol", "for"):
                break
        return self.said("noun", found)

    def _bare_buy(self) -> Statement:
        """“Buy 20 shares”, after the condition: how much, where the condition stands by itself."""
        self.need("buy")
        self._bought()
        if self.peek() not in ("", "stop_sign") or (not self.settings and not any(each.kind == "noun" for each in self.found)):  # fmt: skip
            raise Unread
        return self.said("setting" if self.settings else "nothing")

    def _otherwise(self) -> Statement:
        """“Otherwise sell”: when it would not buy."""
        self.need("otherwise")
        self.need("sell")
        if not self.bought or any(fact[0] == "crosses" for ways in self.bought for fact in facts_in(ways)):
            # On the bar after a crossing it does not cross any more.
            raise Unread
        return self.said("sell", self.denied(self.bought))

    def _sell(self) -> Statement:
        self.selling, self.partly = True, False
        part = 100.0
        if self.take("exit_label"):
            found = self.listed(any_of=True)
        elif self.take("when"):
            found = self.condition()
            self.take("comma")
            self.take("then")
            self.take("arrow", "colon")
            part = self._left()
        elif self.peek() in ("sell", "rest", "take", "half") or self._closes():
            part = self._left()
            if self.peek() == "comma" and self.peek(1) == "when":
                self.need("comma")
            self.take("arrow", "colon")
            if self.take("outside_that"):
                # “Only between 9:45 and 15:45, be flat outside of that”.
                if self.window is None:
                    raise Unread
                return self.said("sell", self.denied(self.window))
            if self.take("unless"):
                # “Sell unless RSI is under 60”.
                return self.said("part" if part != 100 else "sell", self.denied(self.condition()), part)
            if self.take("opposite"):
                raise Unread
            if self.peek() in ("above", "below") and self.left is None and self.peek(1) not in ("number", "it"):
                # “Exit below the low of the last 5 bars”: the price.
                self.left, self.now = Operand(("close",), column="close"), {"close"}
            begins = ("at", "by", "after", "above", "below", "at_most", "at_least", "signed", "oversold", "overbought", "upper", "lower", "death", "bearish", "held", "no_later", "day", "at_close", "cross", "crossover", "number", "hours", "half_hour", "crossunder", "percent", "profit", "golden", "with", "time", "in", "peak", "new", "lower_close", "higher_close", "lower_low", "higher_high", "touch", "first", "fall_below", "rise_above", "upcross", "downcross", "below_if", "above_if", "positive", "negative", "touch", "k_line", "minus_di", "back", "next_day", "next_open", "days", "at_open")  # fmt: skip
            if self.peek() == "on" and self.peek(1) == "opposite_cross":
                found = self.condition()
                return self.said("part" if part != 100 else "sell", found, part)
            if (
                self.peek() == "at"
                and not self._at_a_line()
                and self.peek(1)
                in (
                    "indicator",
                    "glued",
                    "k_line",
                    "histogram",
                    "band",
                    "oversold",
                    "overbought",
                )
            ):
                self.need("at")
            if not self.take("when", "on") and self.peek() not in (
                *begins,
                "indicator",
                "glued",
                "column",
                "symbol",
                "bullet",
            ):
                raise Unread
            found = self.listed(any_of=True)
        else:
            found = self.condition()
            if not self.take("arrow", "colon", "question", "comma"):
                self.take("then")
            part = self._left()
            self.take("position", "it")
        self.take("every_day", "per_day")
        return self.said("part" if part != 100 else "sell", found, part)

    def _at_a_line(self) -> bool:
        """“At the SMA”: a line of prices, which is met, and no level."""
        token = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else None
        return token is not None and token.kind in ("indicator", "glued") and str(token.value).split()[0] in OF_PRICE and self.peek(2) in ("", "open", *ENDS, "or", "and")  # fmt: skip

    def _closes(self) -> bool:
        """“Close when …”."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        return token is not None and token.kind == "column" and token.value == "close" and self.turn[token.start : token.end].lower() == "close" and self.peek(1) in ("when", "at", "after")  # fmt: skip

    def _left(self) -> float:
        """The verb of a sale, and how much is sold."""
        if self._closes() and self.at < len(self.tokens) and self.tokens[self.at].kind == "column":
            self.at += 1
            return 100.0
        if self.peek() not in ("rest", "half"):
            self.need("sell", "take")
        elif self.peek() == "half" and self.peek(1) not in ("at", "when", "position", "", *ENDS):
            raise Unread
        return self._sold()

    def _sold(self) -> float:
        self.partly = self.peek() in ("half", "third", "quarter", "rest")
        if token := self.take("half", "third", "quarter"):
            self.take("of")
            self.take("position", "it", "symbol")
            self.take("position")
            return PARTS[token.kind]
        if self.take("rest"):
            self.take("of")
            self.take("position", "it")
            return 100.0
        if self.peek() == "percent" and self.peek(1) not in (
            "profit",
            "loss",
            "above",
            "below",
            "green",
            "red",
            "entry_price",
        ):
            number = self.number("percent")
            self.take("of")
            self.take("position", "it")
            # “Sell 2 % above …” may be a distance.
            if not 0 < number <= 100 or self.peek() not in ("when", "at", "after"):
                raise Unread
            return number
        while self.take("position", "it", "symbol", "back"):
            pass
        return 100.0

    def _exit(self) -> Statement:
        """A stop, a target or a trailing stop, or until when it is held."""
        self.selling = True
        if self.peek() == "not" and self.peek(1) in (*_EXITS, "other"):
            self.need("not")
            self.need(*_EXITS)
            if self.peek() in ("number", "multiple", "percent", "signed", "at", "of"):
                # “Not stop 2 ATR below entry” is no “no stop”.
                raise Unread
            return self.said("nothing")
        if self.take("take"):
            # “Take 1 % profit on it”.
            far = self.number("percent", "signed")
            self.need("profit")
            if self.take("on"):
                self.need("it")
            return self.said("sell", (at_once(("gain", ">=", f"{far:.10g}")),), orders=(f"take profit {far:.10g}%",))
        if (trailed := self.attempt(self.trailed_from)) is not None:
            return self.said("sell", trailed.readings, orders=trailed.orders)
        found = self.exit()
        if (self.peek() == "or" or (self.peek() == "comma" and self.peek(1) == "or")) and (
            more := self.attempt(self._or_more)
        ) is not None:
            # “Stop 0.3 % or after 25 minutes”.
            return self.said("sell", self.joined(found.readings, more, both_of=False))
        return self.said("sell", found.readings, orders=found.orders)

    def _or_more(self) -> Readings:
        self.take("comma")
        self.need("or")
        self.take("when")
        return self.condition()


def _is_style(token: Token, turn: str) -> bool:
    words = turn[token.start : token.end].lower().replace("-", " ").split()
    return bool(words) and all(each in _STYLES for each in words)
