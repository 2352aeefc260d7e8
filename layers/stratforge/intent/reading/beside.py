"""Reads what is said of another symbol than the one that is traded: whose each measure is has to be plain from the words themselves.

It is plain by these rules; what is so by none of them is not read, and is asked about.

1. A comparison that begins with the name of a symbol (“SPY is above its 200-bar average”, “SPY's RSI is below 30”), or whose measure is said to be one's (“the RSI of SPY”), is
   about that symbol alone, on both of its sides. “Its” behind the name is that symbol's; no other name, and no “it”, stands in such a comparison.
2. What is said before any other symbol is named is of the traded one, as where no other symbol is spoken of.
3. After that, a measure that names no symbol is the traded one's only where just this measure was said of the traded one before, and none of its kind was said of another.
   “It” and “its” alone are nobody's.
4. “It crosses below”, where nothing was compared but by one crossing, is that crossing the other way.
5. Another symbol is named in comparisons alone, and what is bought is named behind the verb (`names_traded`).
6. Of another symbol prices, volumes and indicators of bars are spoken of: no day's open, no yesterday's high, no gain.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Self

from stratforge.intent.reading.meaning import Fact, Ways, at_once, crossed, side_of_text
from stratforge.intent.reading.moments import Readings
from stratforge.intent.reading.past import Past
from stratforge.intent.reading.reader import Unread
from stratforge.intent.reading.tokens import Token
from stratforge.intent.rules import FACTS, PRICES, is_number
from stratforge.strategy.trees import walk

# What begins a relation, and so may follow a symbol that stands for its price.
_RELATES = ("is", "below", "above", "at_most", "at_least", "cross", "crossover", "crossunder", "fall", "rise", "move", "trade", "break", "return", "turns", "touch", "reclaim", "lose", "upcross", "downcross", "fall_below", "rise_above", "has_moved", "between", "not", "green", "red")  # fmt: skip
# What a measure is made of, before “of SPY”.
_MEASURE = ("indicator", "glued", "column", "volume", "average", "high", "low", "highest", "lowest", "upper", "lower", "middle", "band", "keltner", "donchian", "k_line", "d_line", "j_line", "plus_di", "minus_di", "histogram", "signal", "trend", "sar", "atr", "cloud")  # fmt: skip
_OF_A_MEASURE = (*_MEASURE, "number", "unit", "hours", "open", "close", "comma", "slash", "hourly", "new")
_OF = ("of", "on", "for")
# What stands before a symbol that something is compared with.
_COMPARED = frozenset({"like", "as", "than", "versus", "vs", "unlike"})
# Where a comparison surely ends.
_BREAKS = ("and", "or", "comma", "stop_sign", "question", "colon", "bullet", "arrow", "when", "unless", "except", "then", "buy", "sell", "only", "otherwise", "with", "stop", "target", "trail", "hold", "max", "wait")  # fmt: skip
# Words that say of a gain or a loss that it is the position's.
_OF_POSITION = frozenset({"profit", "loss", "stop", "target", "trail", "entry_price", "position", "peak", "break_even", "hold", "held", "risks"})  # fmt: skip
_ENDS = ("", "comma", "stop_sign", "question", "bullet", "and")
# What only a calculation or a comparison of bars can be made of.
_MARKET = frozenset({*PRICES, "volume", "bars", "opening_high", "opening_low"} | {each for each in FACTS if each.startswith(("day_", "yesterday_"))})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Apart:
    """A comparison of one named symbol: what it says, and its two sides, the left one first."""

    symbol: str
    readings: Readings
    left: tuple[str, ...]
    right: tuple[str, ...]


class Beside(Past):
    """Reads comparisons of named symbols from the tokens of a turn, from where it stands."""

    def __init__(self, tokens: Sequence[Token], week: frozenset[int]) -> None:
        super().__init__(tokens, week)
        # The place of the first other symbol; none where only the traded one is spoken of.
        self.foreign = next((index for index, each in enumerate(tokens) if each.kind == "other"), len(tokens))
        self.theirs = frozenset(_words_of_others(tokens))
        self.apart: dict[int, _Apart] = {}
        # The sides of comparisons that are the traded symbol's, by where each comparison begins.
        self.own: dict[int, frozenset[str]] = {}
        # The numbers with which indicators were named, by the symbol.
        self.said_of: dict[str, tuple[dict[str, set[float]], dict[str, set[tuple[float, ...]]]]] = {}

    @property
    def speaks_of_others(self) -> bool:
        """Tells whether another symbol than the traded one is named, here or before."""
        return self.foreign < len(self.tokens)

    def of_whom(self, read: Callable[[], Readings], compared: Callable[[Self], Readings]) -> Readings:
        """Reads a part of a condition of which it is plain whose it is.

        Args:
            read: Reads it as if only the traded symbol were spoken of.
            compared: Reads with a reader a comparison, and nothing else.
        """
        if not self.speaks_of_others or self.peek() == "open":
            return read()
        for one in (partial(self._of_named, compared), self._crossed_back):
            found = self.attempt(one)
            if found is not None:
                return found
        begin = self.at
        found = read()
        self._is_plainly_own(begin, found)
        return found

    def is_plain(self, begin: int, readings: Readings, texts: Iterable[str]) -> None:
        """That all that a statement from a place on compares was read as that of one symbol; unread elsewhere.

        Args:
            begin: Its first token.
            readings: What it says.
            texts: The rules of its orders and sizes.
        """
        if not self.speaks_of_others or self.at <= self.foreign:
            return
        parts = [sides for at, sides in self.own.items() if begin <= at < self.at]
        parts += [_sides(each.readings) for at, each in self.apart.items() if begin <= at < self.at]
        if not {each for each in _sides(readings) if _is_market(each)} <= frozenset().union(*parts):
            raise Unread
        _of_the_position(_sides(readings), self.tokens[begin : self.at])
        if any(_is_market(each) for text in texts for each in _expressions(text)):
            raise Unread

    def _of_named(self, compared: Callable[[Self], Readings]) -> Readings:
        """“SPY is above its 200-bar average”, “SPY's RSI is below 30”, “the RSI of SPY is below 30”."""
        begin = self.at
        symbol, own = self._whose()
        if ("/" in symbol) != (len(self.week) > 5):
            # Stocks and coins are traded at other hours, and are not looked at together.
            raise Unread
        alone, places = self._alone(symbol)
        lengths, numbers = self.said_of.setdefault(symbol, (self.lengths, self.numbers) if own else ({}, {}))
        # It is read by a reader to whom nothing else was said.
        reader = copy(self)
        vars(reader).update(
            tokens=alone, at=0, left=None, right=None, compared=(), before=set(), now=set(), spoken=[], family=None, known={}, trend=[],
            opening=0.0, named=None, lost=False, framed=set(), bought=(), pair=None,
            lengths={name: set(each) for name, each in lengths.items()}, numbers={name: set(each) for name, each in numbers.items()},
        )  # fmt: skip
        found = reader.attempt(reader._moved) or compared(reader)
        self.at = places[reader.at - 1] + 1
        if self.peek() in (*_OF, "from") and self.peek(1) in ("symbol", "other", "it", "its"):
            # “SPY is above its average on AAPL”.
            raise Unread
        self.said_of[symbol] = reader.lengths, reader.numbers
        sides = [each.sides if each is not None else () for each in (reader.left, reader.right)]
        if not own:
            found = tuple(frozenset(frozenset(_fact_of(fact, symbol) for fact in way) for way in ways) for ways in found)  # fmt: skip
            sides = [tuple(side_of_symbol(each, symbol) for each in of_it) for of_it in sides]
        elif any(not _is_market(side) for side in _sides(found)) or not _sides(found):
            raise Unread
        else:
            self.own[begin] = _sides(found)
        self.apart[begin] = _Apart(symbol, found, sides[0], sides[1])
        # “It” would be one of two.
        self.left = self.right = self.named = None
        self.compared, self.lost = (), True
        return found

    def _whose(self) -> tuple[str, bool]:
        """The symbol that is named at the head of a comparison, and whether it is the traded one."""
        at = self.at
        while _kind(self.tokens, at) in _OF_A_MEASURE:
            at += 1
        if at > self.at:
            # “The RSI of SPY”.
            if (
                not any(each.kind in _MEASURE for each in self.tokens[self.at : at])
                or _kind(self.tokens, at) not in _OF
            ):
                raise Unread
            at += 1
        token = self.tokens[at] if at < len(self.tokens) else None
        if token is None or token.kind not in ("symbol", "other"):
            raise Unread
        return str(token.value), token.kind == "symbol"

    def _alone(self, symbol: str) -> tuple[list[Token], list[int]]:
        """The tokens of a comparison as if the symbol that it is about were the traded one, and where each of them stands."""
        alone, places = list[Token](), list[int]()
        at, depth, spans = self.at, 0, 0
        while at < len(self.tokens):
            token = self.tokens[at]
            depth += {"open": 1, "close": -1}.get(token.kind, 0)
            spans += token.kind == "between"
            if depth < 0 or (not depth and token.kind in _BREAKS and not (token.kind == "and" and spans)):
                break
            spans -= token.kind == "and"
            if self._names(at, symbol):
                following = at + 1 + (_kind(self.tokens, at + 1) == "possessive")
                if _kind(self.tokens, following) in _RELATES:
                    alone.append(replace(token, kind="symbol"))
                    places.append(at)
                at = following
                continue
            if token.kind in _OF and self._names(at + 1, symbol):
                at += 2
                continue
            if token.kind in ("symbol", "other", "it", "possessive"):
                # Of somebody else: nothing is read beyond it.
                break
            alone.append(token)
            places.append(at)
            at += 1
        if not alone:
            raise Unread
        return alone, places

    def _names(self, at: int, symbol: str) -> bool:
        token = self.tokens[at] if at < len(self.tokens) else None
        return token is not None and token.kind in ("symbol", "other") and token.value == symbol

    def _crossed_back(self) -> Readings:
        """“Buy when SPY crosses above its 50 SMA and sell when it crosses below”: where there is but that one crossing."""
        begin = self.at
        token = self.need("it", "other")
        self.need("cross")
        self.take("back")
        sign = {"above": ">", "below": "<"}[self.need("above", "below").kind]
        before = [each for at, each in self.apart.items() if at < begin]
        if self.peek() not in _ENDS or any(map(_any_market, self.own.values())) or len(before) != 1:
            raise Unread
        (apart,) = before
        if token.kind == "other" and token.value != apart.symbol:
            raise Unread
        back = {">": "<", "<": ">"}[sign]
        pairs = [(one, other) for one in apart.left for other in apart.right]
        if not pairs or set(apart.readings) != {at_once(crossed(one, back, other)) for one, other in pairs}:
            raise Unread
        found = tuple(at_once(crossed(one, sign, other)) for one, other in pairs)
        self.apart[begin] = replace(apart, readings=found)
        return found

    def _is_plainly_own(self, begin: int, found: Readings) -> None:
        """That what names no symbol is of the traded one; unread elsewhere."""
        sides, tokens = _sides(found), self.tokens[begin : self.at]
        market = frozenset(each for each in sides if _is_market(each))
        if begin < self.foreign:
            if self.at > self.foreign:
                raise Unread
            self.own[begin] = sides
            return
        if not market:
            self.own[begin] = sides
            return
        kinds = {each.kind for each in tokens}
        known = frozenset().union(*(each for at, each in self.own.items() if at < begin))
        if kinds & {"it", "its", "it_is", "symbol", "other"} or not sides <= known or not (words := set(_words(tokens))) or words & self.theirs:  # fmt: skip
            raise Unread
        self.own[begin] = sides


def _of_the_position(sides: Iterable[str], tokens: Sequence[Token]) -> None:
    """That a gain or a loss is said to be the position's: “sell when up 1 %” may be said of another symbol, “sell at +1 %” is not."""
    judged = any(each.startswith(("gain", "drop", "entry_price")) for each in sides)
    kinds = [each.kind for each in tokens if each.kind != "symbol"]
    at_a_gain = kinds[:2] == ["sell", "at"] and kinds[2:] in (["signed"], ["percent"])
    if judged and not at_a_gain and not any(each in _OF_POSITION for each in kinds):
        raise Unread


def names_traded(tokens: Sequence[Token]) -> bool:
    """Returns whether words that name several symbols name the one that is bought as such: behind the verb, or as what the strategy is for."""
    for index, token in enumerate(tokens):
        if token.kind in ("buy", "all_in"):
            at = index + 1
            while _kind(tokens, at) in ("shares", "dollars", "percent", "equity", "of", "position", "in", "on"):
                at += 1
            if _kind(tokens, at) == "symbol":
                return True
        if token.kind == "symbol" and _kind(tokens, index + 1) == "colon" and index <= 1:
            return True
    return False


def compares_another(tokens: Sequence[Token]) -> bool:
    """Returns whether words compare another symbol than the one that is traded, rather than name one more to trade."""
    for index, token in enumerate(tokens):
        if token.kind == "other":
            following, before = _kind(tokens, index + 1), _kind(tokens, index - 1)
            if (
                following in ("possessive", *_RELATES, *_MEASURE, "number")
                or before in (*_OF, "from", *_RELATES)
                or _is_compared(tokens, index)
            ):
                return True
    return False


def only_looked_at(tokens: Sequence[Token]) -> bool:
    """Returns whether words name a symbol, and nowhere as what is traded: it stands in conditions alone. The tokens are read with it as the traded one."""
    places = [index for index, each in enumerate(tokens) if each.kind == "symbol"]
    return bool(places) and all(_in_a_condition(tokens, index) for index in places)


def buys_another(tokens: Sequence[Token]) -> bool:
    """Returns whether words say that a symbol is bought, or what the strategy is for, and mean another than the traded one."""
    swapped = [replace(each, kind={"other": "symbol", "symbol": "other"}.get(each.kind, each.kind)) for each in tokens]
    return names_traded(swapped)


def _in_a_condition(tokens: Sequence[Token], index: int) -> bool:
    following, before = _kind(tokens, index + 1), _kind(tokens, index - 1)
    if following == "not":
        # “SPY not AAPL”, and “SPY is not above …”.
        return _kind(tokens, index + 2) not in ("", "symbol", "other")
    if following in ("possessive", *_RELATES, *_MEASURE) or before in ("when", "unless", "except"):
        return True
    # “Above the 200 SMA of SPY”, “RSI below 30 on SPY”, “like SPY”.
    of_what = before in _OF and _kind(tokens, index - 2) in (*_MEASURE, "number", "close")
    return of_what or _is_compared(tokens, index)


def _is_compared(tokens: Sequence[Token], index: int) -> bool:
    return index > 0 and str(tokens[index - 1].value).lower() in _COMPARED


def _kind(tokens: Sequence[Token], at: int) -> str:
    """The kind of the token at a place; empty before the first and behind the last."""
    return tokens[at].kind if 0 <= at < len(tokens) else ""


def side_of_symbol(side: str, symbol: str) -> str:
    """A side of a comparison as that of another symbol; unread where that has none of the kind."""
    found = _side_of_symbol(side, symbol)
    if not found:
        raise Unread
    return found


@lru_cache(2048)
def _side_of_symbol(side: str, symbol: str) -> str:
    try:
        return side_of_text(ast.unparse(_OfSymbol(symbol).visit(ast.parse(side, mode="eval").body)))
    except Unread:
        return ""


class _OfSymbol(ast.NodeTransformer):
    """Puts another symbol's bars in the place of the own ones."""

    def __init__(self, symbol: str) -> None:
        self.bars = f"bars.of({symbol!r})"

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == "bars":
            return ast.parse(self.bars, mode="eval").body
        if node.id in PRICES or node.id == "volume":
            return ast.parse(f"{self.bars}.{node.id}", mode="eval").body
        if node.id in ("ta", "np"):
            return node
        raise Unread

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name):
            if node.func.id not in ("previous", "abs", "min", "max"):
                raise Unread
            return ast.Call(node.func, [self.visit(each) for each in node.args], [])
        return ast.Call(self.visit(node.func), [self.visit(each) for each in node.args], node.keywords)


def _fact_of(fact: Fact, symbol: str) -> Fact:
    """A fact as that of another symbol."""
    match fact:
        case ("not", tuple(denied)):
            return ("not", _fact_of(denied, symbol))
        case ("for" | "within", float(), frozenset(ways)):
            return (*fact[:2], frozenset(frozenset(_fact_of(each, symbol) for each in way) for way in ways))
        case (*lead, str(left), str(sign), str(right)) if lead in ([], ["crosses"]):
            return (*lead, _mapped(left, symbol), sign, _mapped(right, symbol))
    raise Unread


def _mapped(side: str, symbol: str) -> str:
    return side if is_number(side) else side_of_symbol(side, symbol)


def _sides(readings: Iterable[Ways]) -> frozenset[str]:
    """All that is compared in readings, but for numbers."""
    return frozenset(side for ways in readings for way in ways for fact in way for side in _sides_of(fact) if not is_number(side))  # fmt: skip


def _sides_of(fact: Fact) -> Iterator[str]:
    match fact:
        case ("days", *_):
            return
        case ("not", tuple(denied)):
            yield from _sides_of(denied)
        case ("for" | "within", float(), frozenset(ways)):
            for way in ways:
                for each in way:
                    yield from _sides_of(each)
        case (*_, str(left), str(), str(right)):
            yield from (left, right)


def _is_market(side: str) -> bool:
    """Whether one side of a comparison is of bars, and so of a symbol."""
    return any(isinstance(each, ast.Name) and each.id in _MARKET for each in walk(ast.parse(side, mode="eval")))


def _any_market(sides: Iterable[str]) -> bool:
    return any(map(_is_market, sides))


def _expressions(text: str) -> Iterator[str]:
    """What the rule of an order or a size computes with, word by word."""
    for word in text.replace("%", " ").split():
        if any(each.isalpha() for each in word):
            yield "close" if any(one in word for one in ("bars", "ta.")) else "".join(each for each in word if each.isalnum() or each == "_") or "0"  # fmt: skip


def _words(tokens: Iterable[Token]) -> Iterator[str]:
    """The measures that tokens name."""
    for each in tokens:
        if each.kind in ("indicator", "glued"):
            yield str(each.value).split()[0].partition(".")[0]
        elif each.kind == "column":
            yield "price" if each.value in PRICES else str(each.value)
        elif each.kind in _MEASURE:
            yield "sma" if each.kind == "average" else each.kind


def _words_of_others(tokens: Sequence[Token]) -> Iterator[str]:
    """The measures of the clauses in which another symbol is named."""
    clause = list[Token]()
    for each in (*tokens, Token("stop_sign", ".", 0, 0)):
        if each.kind in _BREAKS and each.kind != "comma":
            if any(one.kind == "other" for one in clause):
                yield from _words(clause)
            clause = []
        else:
            clause.append(each)
