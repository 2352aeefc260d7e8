"""Pairs: of two symbols the ratio of their prices, and what is held while it is far from its mean. The rule, its code, and the requests for it that are read strictly.

pair KO to PEP 20: KO below -2 until 0           of KO's price by PEP's the distance from its mean of 20 bars in standard deviations: all is KO from below -2 on, and cash from 0 on
pair KO to PEP 40: KO below -1.2, PEP above 1.2  all is the one that is cheap, until the other is
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stratforge.market.symbols import is_symbol

# Bars that a mean is of.
_LEAST, _MOST = 2, 2_520
_NUMBER = r"-?\d+(?:\.\d+)?"
_RULE = re.compile(
    rf"(?P<first>\S+) to (?P<second>\S+) (?P<length>\d{{1,4}}): (?P<held>\S+) (?P<side>below|above) (?P<far>{_NUMBER})"
    rf"(?: until (?P<back>{_NUMBER})|, (?P<other>\S+) (?P<other_side>below|above) (?P<other_far>{_NUMBER}))"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair and its rules.

    Attributes:
        first: The symbol whose price is divided.
        second: The one whose price it is divided by.
        length: The bars of the mean and the standard deviation.
        held: What is held once the ratio is far.
        below: Whether it is far below its mean, and not above.
        far: So far, in standard deviations, with its sign.
        back: At which distance it is cash again; None where it changes into the other symbol.
        other_far: At which distance it changes; None where it is cash then.
    """

    first: str
    second: str
    length: int
    held: str
    below: bool
    far: float
    back: float | None = None
    other_far: float | None = None

    @property
    def other(self) -> str:
        """The symbol that is not held first."""
        return self.second if self.held == self.first else self.first

    @property
    def universe(self) -> tuple[str, ...]:
        """Collects the symbols that it may hold."""
        return (self.held,) if self.back is not None else (self.first, self.second)

    @property
    def text(self) -> str:
        """Says the rule in its canonical form."""
        side, against = ("below", "above") if self.below else ("above", "below")
        end = f" until {self.back:g}" if self.back is not None else f", {self.other} {against} {self.other_far:g}"
        return f"pair {self.first} to {self.second} {self.length}: {self.held} {side} {self.far:g}{end}"

    @property
    def numbers(self) -> frozenset[float]:
        """Numbers of the rule, without signs."""
        return frozenset(
            abs(float(each)) for each in (self.length, self.far, self.back, self.other_far) if each is not None
        )

    def in_words(self, unit: str) -> str:
        """Says it to somebody who does not program."""
        side, against = ("below", "above") if self.below else ("above", "below")
        ratio = f"the price of {self.first} divided by that of {self.second}"
        mean = f"its average of the last {self.length} {unit}"
        says = f"it holds {self.held} once {ratio} is more than {_distance(self.far)} {side} {mean}"
        if self.far * (-1 if self.below else 1) < 0:
            says = f"it holds {self.held} once {ratio} is {side} {self.far:g} standard deviations from {mean}"
        if self.back is None:
            return f"{says}, and {self.other} once it is {against} {self.other_far:g} of them"
        return (
            f"{says}, and cash once it is back {'at it' if not self.back else f'at {self.back:g} of them'} or {against}"
        )


def _distance(far: float) -> str:
    return f"{abs(far):g} standard deviation{'' if abs(far) == 1 else 's'}"


def read_pair_rule(said: str) -> Pair:
    """Reads the text of a rule, without its first word.

    Raises:
        ValueError: if it is none; says what is wrong.
    """
    found = _RULE.fullmatch(said)
    if not found:
        raise ValueError(
            "a pair is written as pair KO to PEP 20: KO below -2 until 0, or with , PEP above 2 in place of until"
        )
    first, second, held, other = found["first"], found["second"], found["held"], found["other"]
    if first == second or not is_symbol(first) or not is_symbol(second) or held not in (first, second):
        raise ValueError("a pair is of two symbols, and holds one of them")
    below, far, length = found["side"] == "below", float(found["far"]), int(found["length"])
    if not _LEAST <= length <= _MOST:
        raise ValueError(f"the mean of a pair is of {_LEAST} to {_MOST} bars")
    if other is not None and (
        other in (held,) or other not in (first, second) or (found["other_side"] == "below") == below
    ):
        raise ValueError("a pair that changes holds the other symbol on the other side")
    end = float(found["back"] if found["back"] is not None else found["other_far"])
    if (far >= end) if below else (far <= end):
        raise ValueError("where a pair ends lies on the other side of where it begins")
    back, other_far = (end, None) if other is None else (None, end)
    return Pair(first, second, length, held, below, far, back, other_far)


def code_of(pair: Pair, schedule: str) -> list[tuple[str, bool]]:
    """The lines of its code, each with whether it is of the pair or of the schedule alone.

    Args:
        pair: The pair.
        schedule: What `SCHEDULE` is, as it is written.
    """
    reads = pair.universe[0]
    one, other = (f'bars.of("{each}").close' if each != reads else "bars.close" for each in (pair.first, pair.second))
    sign, against = ("<", ">=") if pair.below else (">", "<=")
    named = ", ".join(f'"{each}"' for each in pair.universe)
    end = pair.back if pair.back is not None else pair.other_far
    assert end is not None
    if pair.back is None:
        against = against.removesuffix("=")
    # At its mean is no number that anybody would change.
    ends = "CHANGE" if pair.back is None else "BACK" if end else "0"
    last = "cash()" if pair.back is not None else f'{{"{pair.other}": 1}}'
    return [
        (f"UNIVERSE = [{named}]", True),
        (f"SCHEDULE = {schedule}", False),
        (f"DAYS = {pair.length}", True),
        (f"FAR = {pair.far:g}", True),
        *([] if ends == "0" else [(f"{ends} = {end:g}", True)]),
        ("", False),
        ("", False),
        ("def indicators(bars):", False),
        (f"    ratio = {one} / {other}", True),
        ('    return {"distance": (ratio - ratio.rolling(DAYS).mean()) / ratio.rolling(DAYS).std()}', True),
        ("", False),
        ("", False),
        ("def rebalance(universe, portfolio, state):", False),
        (f'    pair = universe.of("{reads}")', True),
        (f"    if pair.distance {sign} FAR:", True),
        (f'        return {{"{pair.held}": 1}}', True),
        (f"    if pair.distance {against} {ends}:", True),
        (f"        return {last}", True),
    ]


# What each of its constants decides.
MEANINGS = {
    "DAYS": "length of the mean of the ratio",
    "FAR": "distance from the mean, in standard deviations, from which on it is held",
    "BACK": "distance from the mean at which all is cash again",
    "CHANGE": "distance from the mean at which the other one is held",
}

# Requests ---------------------------------------------------------------------------------------------------------

_SYMBOL = r"(?-i:[A-Z]{1,5}(?:\.[A-Z])?)"
_COUNTED = {"one": "1", "two": "2", "three": "3", "one and a half": "1.5", "two and a half": "2.5"}
_COUNT = rf"(?:\d+(?:\.\d+)?|{'|'.join(sorted(_COUNTED, key=len, reverse=True))})"
_DEVIATIONS = r"(?:standard[- ]deviations?|std\.? ?devs?\.?|stdevs?|sigmas?|sds?|σ)"
_WHEN = r"(?:when|whenever|if|once|as soon as)"
_IS = r"(?:is|falls|drops|goes|gets|trades|moves|rises|climbs)"
_BECOMES = re.compile(
    r"\b(?:falls|drops|goes|gets|moves|rises|climbs)\b(?= (?:more|below|under|above|over|\d|one|two|three))",
    re.IGNORECASE,
)
_MEAN = r"(?:mean|(?:simple )?(?:moving )?average)"
_RATIO = (
    rf"(?:(?:the )?(?:price )?ratio (?:of )?(?P<a1>{_SYMBOL})(?: to | over |\s?/\s?)(?P<b1>{_SYMBOL})"
    rf"|(?:the )?(?P<a2>{_SYMBOL})\s?/\s?(?P<b2>{_SYMBOL})(?: (?:price )?ratio)?)"
)
_DISTANCE = rf"{_IS} (?:more than )?(?P<far>{_COUNT}) {_DEVIATIONS} (?P<side>below|under|above|over) (?:its|the) (?P<days>\d{{1,4}})[- ]day {_MEAN}"
_CONDITION = rf"{_RATIO} {_DISTANCE}"
_SCORE = rf"(?:the )?(?P<days>\d{{1,4}})[- ]day z-?score of {_RATIO} {_IS} (?P<side>below|under|above|over) (?P<far>[-−–]?\d+(?:\.\d+)?)"
_HOLD = rf"(?:buy|go long|hold) (?P<held>{_SYMBOL})"
_LEAVE = rf"(?:sell|exit|close)(?: it| (?P<sold>{_SYMBOL})| the position)?(?: again)? {_WHEN} "
_IT = r"(?:it|(?:the|that) ratio|it's)?(?: is| gets| comes| goes| returns| reverts)?"
_BACK = rf"{_LEAVE}{_IT} ?(?:back )?(?:at|to) (?:its |the )?{_MEAN}"
_BACK_SCORE = rf"{_LEAVE}(?:it|(?:the|that) z-?score) {_IS} (?:back )?(?P<back_side>above|over|below|under) (?P<back>[-−–]?\d+(?:\.\d+)?)"
_THEN = r"\s*[,.;]?\s*(?:and |then |and then )?"
_CHANGE = rf"(?:hold|buy|switch to|change to) (?P<other>{_SYMBOL}) {_WHEN} it {_IS} (?:more than )?(?P<other_far>{_COUNT}) {_DEVIATIONS} (?P<other_side>below|under|above|over)(?: it| (?:its|the) {_MEAN})?"
# Each with whether it speaks of a score, which has its own sign.
_FORMS = tuple(
    (re.compile(text, re.IGNORECASE), condition is _SCORE)
    for condition, ends in ((_CONDITION, (_BACK, _CHANGE)), (_SCORE, (_BACK_SCORE, _BACK)))
    for end in ends
    for text in (
        rf"{_WHEN} {condition}\s*,?\s*(?:then )?{_HOLD}{_THEN}{end}",
        rf"{_HOLD} {_WHEN} {condition}{_THEN}{end}",
    )
)
_ABOUT = re.compile(
    rf"\b{_SYMBOL}\s?/\s?(?!USD)(?:{_SYMBOL})\b.*\b(?:ratio|spread|z-?score)|\b(?:ratio|spread|z-?score)\b.*\b{_SYMBOL}\s?/\s?(?!USD){_SYMBOL}\b"
    rf"|\btheir (?:\S+ ){{0,2}}(?:ratio|spread|z-?score)|\bratio (?:of|between) {_SYMBOL}",
    re.IGNORECASE,
)
PAIR_FORMS = (
    "Pairs are written in plain forms alone, such as: when the KO/PEP ratio is 2 standard deviations below its 20-day mean buy KO, sell it when it is back at the mean; or: hold KO when "
    "the KO/PEP ratio is 1.2 standard deviations below its 40-day mean, and hold PEP when it is 1.2 standard deviations above. Say it so, or write the code by hand: Strategies, New strategy, "
    'with UNIVERSE, SCHEDULE and bars.of("PEP").'
)


def read_pair(text: str) -> Pair | None:
    """The pair that a request asks for; None where it is not wholly one of the forms that are surely read, or cannot be as it says."""
    said = " ".join(text.split()).strip(" .!")
    for form, score in _FORMS:
        found = form.fullmatch(said)
        if found is not None:
            return _pair(found, score=score)
    return None


def note_of(text: str) -> str:
    """Says what becomes of a pair that is to be bought when its ratio “falls” so far; empty where the request says “is”."""
    found = _BECOMES.search(text)
    return f"“{found.group()}”: where the ratio is as far already when it starts, it buys at once." if found else ""


def _pair(found: re.Match[str], *, score: bool) -> Pair | None:
    groups = found.groupdict()
    first, second, held = groups["a1"] or groups["a2"], groups["b1"] or groups["b2"], groups["held"]
    if groups.get("sold") not in (None, held):
        return None
    below = groups["side"].lower() in ("below", "under")
    far = _signed(groups["far"], below=below, score=score)
    if groups.get("back") is not None:
        back_below = groups["back_side"].lower() in ("below", "under")
        end = f" until {_plain(groups['back']):g}"
        if back_below == below:
            return None
    elif groups.get("other_far") is not None:
        other_below = groups["other_side"].lower() in ("below", "under")
        other_far = _signed(groups["other_far"], below=other_below, score=False)
        end = f", {groups['other']} {'below' if other_below else 'above'} {other_far:g}"
    else:
        end = " until 0"
    try:
        return read_pair_rule(
            f"{first} to {second} {int(groups['days'])}: {held} {'below' if below else 'above'} {far:g}{end}"
        )
    except ValueError:
        return None


def _plain(said: str) -> float:
    return float(_COUNTED.get(said.lower(), said).replace("−", "-").replace("–", "-"))


def _signed(said: str, *, below: bool, score: bool) -> float:
    """A distance with its sign: a score has its own, so many standard deviations below are below zero."""
    number = _plain(said)
    return number if score or not below else -number


def asks_for_pair(text: str) -> bool:
    """Returns whether a request is about two symbols and their ratio, to be bought and not sold short."""
    symbols = {each for each in re.findall(rf"\b{_SYMBOL}\b", text) if is_symbol(each)}
    if re.search(r"\bshort\b", text, re.IGNORECASE) or len(symbols) < 2:
        return False
    return _ABOUT.search(text) is not None or read_pair(text) is not None
