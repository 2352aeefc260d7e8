"""Words that say which way a rule goes without a number of their own, held against the rules of their side: above and below a line, rising and falling,
positive and negative, green and red, at a gain and at a loss."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.elements import Kind, elements_of
from stratforge.intent.lexicon import CLOSE, DOWN, NEGATED, UP
from stratforge.intent.measures import forms_of, holds, judges_gain, near
from stratforge.intent.rules import EXIT_KINDS, GREATER, LESS, PRICES, TURNED, Atom, Rule, RuleKind, numbers_in_text
from stratforge.intent.wording import directed, directions

_I = re.IGNORECASE
_ABOVE = re.compile(rf"{UP.pattern}|\bgolden cross|\bupwards?\b|\bcross\w* up\b|\bbreaks? out\b", _I)
_BELOW = re.compile(rf"{DOWN.pattern}|\bdeath cross|\bdownwards?\b|\bcross\w* down\b|\bbreaks? down\b", _I)
# "Over the last 30 bars" and "more than 3 times" are no direction.
_NO_DIRECTION = re.compile(
    r"\b(?:over|under) (?:the |a )?(?:last|past|previous|next|course|day|night|\d+ (?:bars?|minutes?|candles?|hours?))|\b(?:more|less|fewer) than (?:\d+ )?(?:once|twice|times|trades?|bars?|minutes?|hours?)",
    _I,
)
_RISING = r"rising|rises|increas\w+|climbing|growing|(?:going|moving|turn\w*|trending|sloping|pointing) (?:up|higher|upwards?)|steig\w*|subiendo|monte"
_FALLING = r"falling|declining|decreas\w+|dropping|shrinking|(?:going|moving|turn\w*|trending|sloping|pointing) (?:down|lower|downwards?)|fallend\w*|bajando|baisse"
_STATES = (
    (re.compile(r"\bpositive\b", _I), re.compile(r"\bnegative\b", _I)),
    (
        re.compile(r"\b(?:green|bullish|white)\b(?! cross)|\b(?:bar|candle)s?\b(?: \w+){1,2} (?:up|higher)\b", _I),
        re.compile(r"\b(?:red|bearish|black)\b(?! cross)|\b(?:bar|candle)s?\b(?: \w+){1,2} (?:down|lower)\b", _I),
    ),
    (
        re.compile(r"\b(?:bullish|positive|green)\b|\b(?:trend|direction|supertrend)\b[^,;.]{0,12}\bup\b", _I),
        re.compile(r"\b(?:bearish|negative|red)\b|\b(?:trend|direction|supertrend)\b[^,;.]{0,12}\bdown\b", _I),
    ),
    (re.compile(r"\bafternoons?\b|\blast hour", _I), re.compile(r"\bmornings?\b|\bfirst hour", _I)),
    (re.compile(rf"\b(?:{_RISING})\b(?! (?:above|below|over|under|to|from|by|\d))", _I), re.compile(rf"\b(?:{_FALLING})\b(?! (?:above|below|over|under|to|from|by|\d))", _I)),
)  # fmt: skip
_GAIN = re.compile(
    r"\bgain\w*|\bprofit\w*|\btargets?\b|\btp\b|\bup\b|\bhigher\b|\bwin\w*|\bplus\b|\bmakes?\b|\bgewinn\w*|\bganan\w*|\bbénéf\w*",
    _I,
)
_LOSS = re.compile(
    r"\bloss\w*|\blos[et]\w*|\bdown\b|\bdrops?\b|\bfalls?\b|\bstop\w*|\bsl\b|\bagainst\b|\bminus\b|\blower\b|\bcut\b|\bverlust\w*|\bpérdid\w*|\bperte\w*",
    _I,
)
_HIGHS = re.compile(r"\bhigh(?:s|est)?\b(?! (?:volume|volatility))", _I)
_LOWS = re.compile(r"\blow(?:s|est)?\b(?! (?:volume|volatility))", _I)
_UPPER_BAND = re.compile(r"\b(?:upper|top)\b(?=[^,;.]{0,24}\b(?:bands?|bollinger|bb|keltner|one)\b)", _I)
_LOWER_BAND = re.compile(r"\b(?:lower|bottom)\b(?=[^,;.]{0,24}\b(?:bands?|bollinger|bb|keltner|one)\b)", _I)
_AT_THE_OPEN = re.compile(r"\bat (?:the )?(?:market )?open(?:ing)?\b|\bopening bell", _I)
_AT_THE_CLOSE = re.compile(
    r"\b(?:at|before|by|into) (?:the )?(?:market )?close\b(?! (?:is|of|above|below|over|under)\b)|\bend of (?:the )?day|\beod\b",
    _I,
)
# Lines that are computed together: how each is called.
_LINES = (
    (r"\)\.plus\b", r"\+\s?di\b|\bplus di"),
    (r"\)\.minus\b", r"-\s?di\b|\bminus di"),
    (r"\)\.macd\b", r"\bmacd\b"),
    (r"\)\.signal\b", r"\bsignal"),
    (r"\)\.k\b", r"%k\b|\bk\b"),
    (r"\)\.d\b", r"%d\b|\bd\b"),
)
_OF_HIGHS = r"\bhigh|_high|\bmax\(|\bdrop|donchian"
_OF_LOWS = r"\blow|_low|\bmin\(|donchian"
# What is computed from two lines.
COMBINED = re.compile(
    r"\b(?:average|mean|midpoint|middle|sum|difference|gap|distance|spread|ratio) (?:of|between|from) (?:the )?\d+(?:[- ]\w+)? (?:and|to) (?:the )?\d+",
    _I,
)
_LINE_FIRST = re.compile(
    r"\b(?:sma|ema|ma|average|vwap|band|line|high|low)\b[^,;.]{0,20}?\b(?:above|over|below|under)\b (?:the |its )?(?:current )?(?:price|close)\b",
    _I,
)
_LEVEL = re.compile(
    rf"(?:{UP.pattern}|{DOWN.pattern})\s*(?:the )?(?:level (?:of )?)?[-$€]?\d[\d.,]*(?![\d.,]*\s*-?\s*(?:sma|ema|wma|ma\b|moving|average|bar|day|minute|period|candle|%|percent|atr|dollars?|times|x\b|standard|std|er\b))",
    _I,
)


def contrary_to(words: str, rules: Sequence[Rule], turn: str) -> Iterator[str]:
    """Finds what words of one side say otherwise than the rules of that side.

    Args:
        words: A clause.
        rules: The rules of its side.
        turn: All words of the turn, in which a line may be named before.
    """
    atoms = [each for rule in rules for each in rule.atoms]
    yield from directions(words, atoms)
    yield from _lines(words, atoms, turn)
    yield from _states(words, atoms)
    yield from _results(words, atoms, rules)
    yield from _edges(words, atoms)
    text = " ".join(each.text for each in atoms)
    for named, other, own, contrary in (
        (_UPPER_BAND, _LOWER_BAND, r"\.upper", r"\.lower"),
        (_LOWER_BAND, _UPPER_BAND, r"\.lower", r"\.upper"),
        (_HIGHS, _LOWS, _OF_HIGHS, _OF_LOWS),
        (_LOWS, _HIGHS, _OF_LOWS, _OF_HIGHS),
    ):
        match = named.search(words)
        if match and not other.search(words) and re.search(contrary, text) and not re.search(own, text):
            yield f"speaks of “{match[0]}”, and its rule of the contrary"


def _edges(words: str, atoms: Sequence[Atom]) -> Iterator[str]:
    """The open and the close of the day, exchanged."""
    minutes = [CLOSE - each if "minutes_to_close" in atom.text else each for atom in atoms if re.search(r"\bminute(?:s_to_close)?\b", atom.text) for each in atom.numbers]  # fmt: skip
    opens, closes = _AT_THE_OPEN.search(words), _AT_THE_CLOSE.search(words)
    if minutes and opens and not closes and min(minutes) > 900:
        yield "speaks of the open, and its rule of the close"
    elif minutes and closes and not opens and max(minutes) < 630:
        yield "speaks of the close, and its rule of the open"


def _only(words: str, up: re.Pattern[str], down: re.Pattern[str]) -> bool | None:
    """Whether the words go up alone, True, or down alone, False; None where they do both, neither, or deny something."""
    words = _NO_DIRECTION.sub(" ", words)
    ups, downs = up.search(words), down.search(words)
    if bool(ups) == bool(downs) or NEGATED.search(words):
        return None
    return bool(ups)


def _wrong(signs: set[str], *, up: bool) -> bool:
    return bool(signs) and signs <= (LESS if up else GREATER)


def _lines(words: str, atoms: Sequence[Atom], turn: str) -> Iterator[str]:
    # What is above or below a plain level is told by its number.
    up = _only(_LEVEL.sub(" ", directed(words)), _ABOVE, _BELOW)
    if up is None:
        return
    signs = set[str]()
    said = {form for each in elements_of(words, Kind.NUMBER) for form in forms_of(each)}
    for atom in atoms:
        if said and atom.numbers and not any(near(one, each) for one in said for each in atom.numbers):
            # Another clause speaks of it.
            continue
        if not re.search(r"[a-z]", atom.left) or not re.search(r"[a-z]", atom.right):
            continue
        if holds(atom.text, "entry_price", "minute", "weekday", "bars_held") or "previous(" in atom.text:
            continue
        turned = _turned(atom, words, turn)
        if turned is not None:
            signs.add(TURNED[atom.operator] if turned else atom.operator)
    if _wrong(signs, up=up):
        yield f"means {'above' if up else 'below'}, and its rule goes the other way"


def _turned(atom: Atom, words: str, turn: str) -> bool | None:
    """Whether an atom has on its right what the words begin with; None where that is not known."""
    bare = [side in PRICES for side in (atom.left, atom.right)]
    if bare[0] != bare[1]:
        return bare[1] != bool(_LINE_FIRST.search(words))
    named = [
        next(
            (
                match.start()
                for code, called in _LINES
                if re.search(code, side) and (match := re.search(called, words, _I))
            ),
            None,
        )
        for side in (atom.left, atom.right)
    ]
    if named[0] is not None and named[1] is not None and named[0] != named[1]:
        return named[1] < named[0]
    mine, other = numbers_in_text(atom.left), numbers_in_text(atom.right)
    for text in (words, turn):
        places = [
            min((each.start for each in elements_of(text, Kind.NUMBER) if each.value in numbers), default=None)
            for numbers in (mine - other, other - mine)
        ]
        if places[0] is not None and places[1] is not None and places[0] != places[1]:
            return places[1] < places[0]
    return None


def _states(words: str, atoms: Sequence[Atom]) -> Iterator[str]:
    for (up_words, down_words), oriented in zip(
        _STATES, (_of_zero, _of_candle, _of_trend, _of_hour, _of_change), strict=True
    ):
        up = _only(words, up_words, down_words)
        signs = {sign for each in atoms for sign in oriented(each)}
        if up is not None and _wrong(signs, up=up):
            match = (up_words if up else down_words).search(words)
            yield f"says “{match[0] if match else ''}”, and its rule the contrary"


def _of_zero(atom: Atom) -> Iterator[str]:
    yield from [sign for _, sign, other in atom.ways if other in ("0", "0.0")][:1]


def _of_candle(atom: Atom) -> Iterator[str]:
    for side, sign, other in atom.ways:
        if [re.sub(r"previous\((\w+)\)", r"\1", each) for each in (side, other)] == ["close", "open"]:
            yield sign


def _of_trend(atom: Atom) -> Iterator[str]:
    pairs = ((r"\.macd$", r"\.signal$"), (r"\.plus$", r"\.minus$"), (r"\.(?:direction|histogram)$", r"^0$"))
    for side, sign, other in atom.ways:
        if any(re.search(left, side) and re.search(right, other) for left, right in pairs):
            yield sign


def _of_hour(atom: Atom) -> Iterator[str]:
    """Half of the day; `minute` against about its middle."""
    for side, sign, other in atom.ways:
        if side == "minutes_to_close":
            yield TURNED[sign]
        if side == "minute" and any(600 < each < 930 for each in numbers_in_text(other)):
            yield sign


def _of_change(atom: Atom) -> Iterator[str]:
    yield from (sign for side, sign, other in atom.ways if other == f"previous({side})")
    if ".diff(" in atom.left and atom.right == "0":
        yield atom.operator


def _results(words: str, atoms: Sequence[Atom], rules: Sequence[Rule]) -> Iterator[str]:
    """Numbers that are said of a gain and stand for a loss, and the other way round."""
    for element in elements_of(words, Kind.NUMBER):
        forms = {element.value, 1 + element.value / 100, 1 - element.value / 100}
        signs = {
            sign
            for atom in atoms
            for side, sign, other in atom.ways
            if judges_gain(side, other) and any(near(one, each) for one in forms for each in numbers_in_text(other))
        }
        for rule in rules:
            if rule.kind in EXIT_KINDS and rule.level is None and near(rule.value, element.value):
                signs.add(">" if rule.kind is RuleKind.TARGET else "<")
        gained = _gained(words, element.start, element.end)
        if gained is not None and _wrong(signs, up=gained):
            yield f"says {element.text} of {'a gain' if gained else 'a loss'}, and its rule of {'a loss' if gained else 'a gain'}"


def _gained(words: str, start: int, end: int) -> bool | None:
    sign = re.search(r"([+−-])\s?\$?\s?$", words[: start + (words[start] == "-")])
    if sign and not re.search(r"[\d)]\s?$|\w$", words[: sign.start()]):
        return sign[1] == "+"
    before = re.split(r"[,;]|\bor\b|\band\b|\boder\b|\bund\b|\bo\b|\by\b|\bou\b|\bet\b|/", words[:start])[-1]
    after = re.split(r"[,;.]|\bor\b|\band\b|\boder\b|\bund\b|\bo\b|\by\b|\bou\b|\bet\b|/|\d", words[end:])[0]
    gain, loss = (bool(each.search(f"{before} … {after}")) for each in (_GAIN, _LOSS))
    # "Stop loss" and "take profit" are the names of both.
    return None if gain == loss else gain
