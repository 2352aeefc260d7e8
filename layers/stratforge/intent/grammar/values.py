"""Meanings of parts: something that is compared, conditions of it, and what words such as “it” stand for when all is read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field


class Unclear(Exception):
    """A word such as “it” of which it is not plain what it stands for."""


@dataclass(frozen=True)
class Operand:
    """Something that is compared.

    Attributes:
        text: As a rule has it.
        kind: `price` (of its scale), `own` (a scale of its own), `number`, `volume`, `it` (spoken of before), `bare` (a number that may name an average).
        edge: Whether it is met from below (`high`) or from above (`low`).
        levels: Where it is oversold and overbought.
        average: The length of an average, by which it may be called later.
        band: Whether it is a line of bands, which is met by touching.
        number: The number that it is.
        away: On which side of something else it lies, at how many percent, dollars or average true ranges.
        money: Whether it is said in dollars, which are of a price and of no oscillator.
    """

    text: str
    kind: str
    edge: str = ""
    levels: tuple[float, float] | None = None
    average: float = 0.0
    band: bool = False
    number: float | None = None
    away: str = ""
    money: bool = False


@dataclass
class Spoken:
    """The things that were spoken of before in the turn.

    Attributes:
        left: What was compared last.
        averages: The averages of the turn by their lengths; several of one length leave open which is meant.
        lefts: What the clause before compares, by the names of their indicators.
        named: Whether the turn names what is traded, which “it” may stand for.
        now: What this clause compares.
        below: Whether it was bought below something; None where that was not said.
        crossing: The last crossing of two lines that was bought by.
        crossings: All of them.
        pairs: What was compared with what in the purchase, of which words that leave it out speak.
    """

    left: Operand | None = None
    right: Operand | None = None
    averages: dict[float, set[str]] = field(default_factory=dict)
    crossing: tuple[str, bool, str] | None = None
    crossings: frozenset[tuple[str, str]] = frozenset()
    pairs: frozenset[tuple[Operand, Operand]] = frozenset()
    trend: str = ""
    side: str = "buy"
    below: bool | None = None
    lefts: frozenset[str] = frozenset()
    now: frozenset[str] = frozenset()
    named: bool = False


@dataclass(frozen=True)
class Condition:
    """A condition whose operands are not resolved yet.

    Attributes:
        form: `compare`, `cross`, `touch`, `slope`, `trend`, `raw`; of others: `all`, `not`, `bars`, `within`; of what was spoken of before: `again`, `bothof`,
            `back`, `backof`, `golden`.
        loose: Whether the words may as well mean the moment at which it comes to hold.
        lasting: Whether the words may as well mean all of a stretch of time.
    """

    form: str
    left: Operand | None = None
    sign: str = ""
    right: Operand | None = None
    parts: tuple[Condition, ...] = ()
    count: int = 0
    text: str = ""
    loose: bool = False
    lasting: bool = False


# Between which numbers an indicator always is.
_BOUNDS = {
    "ta.rsi": (0, 100),
    "ta.mfi": (0, 100),
    "ta.stoch": (0, 100),
    "ta.stochrsi": (0, 100),
    "ta.adx": (0, 100),
    "ta.willr": (-100, 0),
    "ta.cmf": (-1, 1),
}


def possible(text: str, number: float) -> bool:
    """True where an indicator may come to a number."""
    low, high = _BOUNDS.get(text.partition("(")[0], (-math.inf, math.inf))
    return low <= number <= high


_MARK = re.compile(r"«([a-z]+)(\d?)([=?])([\d.]+)»")


def unmarked(text: str) -> str:
    """A text without the numbers of its indicators, for comparing which of them it names."""
    return _MARK.sub(r"\1\2", text)


class Numbers:
    """The numbers of the indicators of a turn: one that is named with its numbers keeps them where it is named without."""

    def __init__(self) -> None:
        self._said: dict[str, set[str]] = {}
        self._usual: dict[str, str] = {}

    def put(self, text: str) -> str:
        """Puts the numbers of its indicators into a text."""
        return _MARK.sub(self._number, text)

    def _number(self, match: re.Match[str]) -> str:
        name, index, sign, number = match.groups()
        key = name + index
        known = self._said.setdefault(key, set())
        if sign == "=":
            if self._usual.get(key, number) != number:
                raise Unclear
            known.add(number)
            return number
        if len(known) > 1:
            raise Unclear
        if not known:
            self._usual[key] = number
        return next(iter(known), number)


_AVERAGE = re.compile(r"ta\.(?:[a-z]*ma)\(bars\.close(?:, bars\.volume)?, length=(\d+)\)")
_SIDES = {">": True, ">=": True, "<": False, "<=": False}


def written(condition: Condition, spoken: Spoken, *, moment: bool = False) -> str:
    """The condition as a rule has it; what was spoken of is remembered on the way.

    Args:
        moment: Read as the moment at which it comes to hold, where the words may mean that.
    """
    form = condition.form
    if form == "raw":
        return condition.text
    if form == "all":
        inner = [written(each, spoken, moment=moment) for each in condition.parts]
        return inner[0] if len(inner) == 1 else " and ".join(f"({each})" for each in inner)
    if form in ("bars", "within"):
        inner_text = written(condition.parts[0], spoken)
        return f"{'for' if form == 'bars' else 'within'}_bars({condition.count}, {inner_text})"
    if form == "slope":
        assert condition.left is not None
        left = _resolved(condition.left, spoken, Operand("0", "number", number=0.0))
        if left.text == "close":
            raise Unclear
        spoken.left, spoken.right = left, None
        spoken.now |= {unmarked(left.text)}
        return f"{left.text} {condition.sign} previous({left.text})"
    if form == "again":
        if spoken.left is None or spoken.right is None or len(spoken.pairs) > 1 or spoken.right.away:
            # “Below”: below which of them, and below the average or what lies 2 % above it.
            raise Unclear
        return f"{spoken.left.text} {condition.sign} {spoken.right.text}"
    if form == "bothof":
        assert condition.right is not None
        if spoken.left is None or spoken.right is None or spoken.left.kind != spoken.right.kind:
            raise Unclear
        return f"({spoken.left.text} {condition.sign} {condition.right.text}) and ({spoken.right.text} {condition.sign} {condition.right.text})"
    if form == "golden":
        raise Unclear
    if form == "backof":
        assert condition.left is not None
        left = _resolved(condition.left, spoken, condition.left)
        if spoken.crossing is None or unmarked(left.text) != unmarked(spoken.crossing[0]):
            raise Unclear
        return _crossed_back(spoken, condition.sign)
    if form == "back":
        return _crossed_back(spoken, condition.sign)
    if form == "not":
        return f"not ({written(condition.parts[0], spoken, moment=moment)})"
    if form == "trend":
        return _trend(condition, spoken)
    assert condition.left is not None
    assert condition.right is not None
    if condition.right.kind == "it":
        # “Back below it”: what something was compared with before.
        known = [each for each in (spoken.left, spoken.right) if each is not None and each.number is None and each.text not in ("close", "low", "high", "open")]  # fmt: skip
        others = {each.text for pair in spoken.pairs for each in pair if each.kind == "price" and each.text not in ("close", "low", "high", "open")}  # fmt: skip
        if len(known) != 1 or known[0].away or (known[0].kind == "price" and len(others) > 1):
            raise Unclear
        right = known[0]
    else:
        right = _resolved(condition.right, spoken, condition.left)
    left = _resolved(condition.left, spoken, right)
    if right.kind == "own" and left.kind == "price" and not right.away:
        raise Unclear
    if left.kind == "own" and right.kind == "price":
        raise Unclear
    if right.number is not None and not possible(left.text, right.number):
        raise Unclear
    sign = condition.sign
    if form == "touch":
        sign = _met(left, right, sign, spoken)
    spoken.left, spoken.right = left, right
    spoken.now |= {unmarked(left.text)}
    if spoken.side == "buy":
        spoken.pairs |= {(left, right)}
    for each in _AVERAGE.finditer(f"{left.text} {right.text}"):
        spoken.averages.setdefault(float(each[1]), set()).add(each[0])
    if spoken.side == "buy" and (left.text in ("close", "low") or left.levels):
        spoken.below = not _SIDES[sign] if form != "cross" else spoken.below
    if form == "cross" or (condition.loose and moment):
        up = _SIDES[sign]
        if spoken.side == "buy":
            spoken.crossing = left.text, up, right.text
            spoken.crossings |= {(left.text, right.text)}
        return f"crosses_{'above' if up else 'below'}({left.text}, {right.text})"
    if spoken.side == "buy" and left.average and right.average and sign in "<>":
        spoken.crossing = left.text, _SIDES[sign], right.text
        spoken.crossings |= {(left.text, right.text)}
    return f"{left.text} {sign} {right.text}"


def _met(left: Operand, right: Operand, sign: str, spoken: Spoken) -> str:
    """From which side something is met."""
    if sign:
        return sign
    if right.edge:
        return ">=" if right.edge == "high" else "<="
    if left.kind == "own" and left.levels and right.number is not None:
        middle = sum(left.levels) / 2
        if right.number == middle or spoken.side == "sell":
            if spoken.side == "sell" and right.number >= left.levels[0]:
                return ">="
            raise Unclear
        return ">=" if right.number > middle else "<="
    if spoken.side == "sell" and spoken.left is not None and right.kind in ("price", "number"):
        if right.kind == "price":
            if spoken.below is None:
                raise Unclear
            return ">=" if spoken.below else "<="
        return ">="
    raise Unclear


def _trend(condition: Condition, spoken: Spoken) -> str:
    """The trend of the SuperTrend, which is named once and is “it” afterwards."""
    if condition.text:
        spoken.trend = condition.text
    if not spoken.trend:
        raise Unclear
    up = condition.sign == ">"
    if condition.loose:
        return f"crosses_{'above' if up else 'below'}({spoken.trend}, 0)"
    return f"{spoken.trend} {'>' if up else '<'} 0"


def _crossed_back(spoken: Spoken, sign: str) -> str:
    if spoken.crossing is None or len(spoken.crossings) > 1:
        raise Unclear
    left, up, right = spoken.crossing
    if sign and _SIDES[sign] == up:
        raise Unclear
    return f"crosses_{'below' if up else 'above'}({left}, {right})"


def _resolved(operand: Operand, spoken: Spoken, other: Operand) -> Operand:
    """The operand itself, where it is a word for something spoken of before."""
    if operand.kind == "it":
        if (operand.edge or not spoken.named) and spoken.left is None and other.kind == "number":
            # “Buy below 400”: of nothing that was spoken of.
            raise Unclear
        return _it(spoken, other)
    if operand.average > 0:
        spoken.averages.setdefault(operand.average, set()).add(operand.text)
    if operand.kind == "ref":
        texts = {
            text
            for of in spoken.averages.values()
            for text in of
            if operand.text in ("sma", text.partition("(")[0].removeprefix("ta."))
        }
        if len(texts) != 1:
            raise Unclear
        return Operand(next(iter(texts)), "price", average=-1.0)
    if operand.kind == "bare":
        known = spoken.averages.get(operand.average or operand.number or 0.0, set())
        if len(known) != 1:
            raise Unclear
        return Operand(next(iter(known)), "price", average=operand.number or 0.0)
    return operand


def _it(spoken: Spoken, other: Operand) -> Operand:
    """“It”: the price where it is compared with a price or with dollars; what was compared last where that is one of its scale."""
    price = Operand("close", "price")
    if other.kind == "price" or other.money:
        if spoken.left is not None and spoken.left.kind == "price" and spoken.left.text not in ("close", "low", "high"):
            raise Unclear
        return price
    if len(spoken.lefts) > 1:
        # Of several things that were compared it may be any.
        raise Unclear
    if spoken.left is None or spoken.left.text == "close":
        return price
    if spoken.left.kind == "own" or spoken.left.text in ("low", "high"):
        return spoken.left if spoken.left.kind == "own" else price
    raise Unclear
