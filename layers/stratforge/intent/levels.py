"""Holds each level that a request names against the comparisons with it: the direction, whether the level itself counts, inside and outside of a range, a state and a
crossing. A word that names no direction (“hits 30”) is asked about, or told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stratforge.intent.elements import Element, Unit, elements_of
from stratforge.intent.lexicon import NEGATED
from stratforge.intent.measures import near
from stratforge.intent.reading.words import mostly_beyond
from stratforge.intent.rules import GREATER, LESS, TURNED, Rule, is_number

_I = re.IGNORECASE
_TAIL = r"\s*(?:the\s+)?(?:level\s+(?:of\s+)?)?[-−$€]*\s*$"
VERBS_UP = r"(?:ris\w*|rose|climb\w*|jump\w*|grow\w*|increas\w*|ralli\w*|advanc\w*|steig\w*|sub[ae]\w*|mont\w*)"
VERBS_DOWN = r"(?:fall\w*|fell|drop\w*|dip\w*|sink\w*|slip\w*|declin\w*|decreas\w*|fäll\w*|sink\w*|ca(?:e|iga)\w*|baj[ae]\w*|tomb\w*|descend\w*)"
# What stands before a level, the longer before what it contains: the operators that it allows.
_BEFORE = tuple(
    (re.compile(rf"(?:{words}){_TAIL}", _I), frozenset(operators.split()))
    for words, operators in (
        (
            r"\bat least|\b(?:at|above) or (?:above|at)|\bno(?:t)? (?:less|lower|smaller) than|\bnot? (?:below|under)|\bmin(?:imum)?(?: of)?|>=|=>|≥"
            r"|(?:greater|more|higher|larger) than or equal to|(?:above|over) or equal to|\bmindestens|\bal menos|\bcomo mínimo|\bau moins|至少|不低于|以上",
            ">=",
        ),
        (
            r"\bat most|\b(?:at|below) or (?:below|at)|\bno(?:t)? (?:more|higher|greater|larger) than|\bnot? (?:above|over)|\bmax(?:imum)?(?: of)?|<=|=<|≤"
            r"|(?:less|lower|smaller) than or equal to|(?:below|under) or equal to|\bhöchstens|\bcomo máximo|\bau plus|最多|不超过|不高于|以下",
            "<=",
        ),
        (rf"\b{VERBS_UP}(?: \w+){{0,2}} (?:to|auf|a|à)|\bgo(?:es)? up to", "> >="),
        (rf"\b{VERBS_DOWN}(?: \w+){{0,2}} (?:to|auf|a|à)|\bdown to", "< <="),
        (r"\bup to|\bbis zu|\bhasta|\bjusqu['’]à", "<="),
        (
            r"\babove|\bover|\b(?:greater|more|higher|larger) than|\bexceed\w*|\btops|\bsurpass\w*|>|\büber|\boberhalb(?: von)?|\b(?:mehr|größer|höher) als"
            r"|\bencima de|\bmás de|\b(?:mayor|superior) (?:que|a)|\bau[- ]dessus de|\bplus de|\bsupérieure? à|高于|大于|超过",
            ">",
        ),
        (
            r"\bbelow|\bunder(?:neath)?|\bbeneath|\b(?:less|lower|smaller) than|<|\bunter(?:halb)?(?: von)?|\b(?:weniger|kleiner|niedriger) als"
            r"|\bdebajo de|\bmenos de|\b(?:menor|inferior) (?:que|a)|\bau[- ]dessous de|\b(?:sous|moins de)|\binférieure? à|低于|小于",
            "<",
        ),
    )
)  # fmt: skip
_AFTER = tuple(
    (re.compile(rf"^\s*%?\s*(?:{words})(?![a-zà-ÿ])", _I), frozenset(operators.split()))
    for words, operators in (
        (r"(?:or|and|oder|o|ou) (?:more|above|higher|greater|over|up|bigger|mehr|höher|darüber|más|mayor|superior|plus|au-dessus)|以上", ">="),
        (r"(?:or|and|oder|o|ou) (?:less|below|lower|under|fewer|smaller|weniger|niedriger|darunter|menos|menor|inferior|moins|au-dessous)|以下", "<="),
    )
)  # fmt: skip
_TOUCH = re.compile(rf"\b(?:hit|hits|hitting|reach\w*|touch\w*|tags|gets to|gets? at|erreich\w*|berühr\w*|alcan[zc]\w*|toc[ae]|atteint|touche)\b{_TAIL}|(?:达到|到达|触及|達し\w*){_TAIL}", _I)  # fmt: skip
_CROSSES = re.compile(
    r"\b(?:cross(?:es|ing|ed|over)?|kreuz\w+|schneide\w+|cruz\w+|cruc\w+|crois\w+)\b|\b(?:goes|comes|moves|gets|climbs|falls|drops|rises|closes|crosses|turns|dips|go|come|move|get|is|bounces|falling|coming|going|moving)?\s*back (?:up |down )?(?:above|below|over|under|through|up|down)\b|\b(?:recover\w*|return\w*) (?:above|below|over|under)\b|\bfrom (?:below|under|above|over) to (?:above|over|below|under)\b|\bbreak\w* (?:back )?(?:up |down )?through\b|金叉|死叉|上穿|下穿",
    _I,
)
_UPWARDS = re.compile(
    r"^\s*(?:upwards?|up(?!\w)|to the upside|from (?:below|under\w*|beneath)|nach oben|von unten|hacia arriba|desde abajo|vers le haut|par le bas)",
    _I,
)
_DOWNWARDS = re.compile(
    r"^\s*(?:downwards?|down(?!\w)|to the downside|from (?:above|over)|nach unten|von oben|hacia abajo|desde arriba|vers le bas|par le haut)",
    _I,
)
_MOVES = re.compile(rf"\b(?:{VERBS_UP}|{VERBS_DOWN})(?: back)?(?: por)?\s*$", _I)
_MOVES_BEHIND = re.compile(rf"\s*(?:{VERBS_UP}|{VERBS_DOWN})\b", _I)
_STATE = re.compile(r"\b(?:is|are|stays?|remains?|while|being|ist|sind|está|esté|est)\b(?:\s+\w+){0,2}\s*$", _I)
_BETWEEN = re.compile(
    r"(?P<out>\b(?:outside(?: of)?|out of|leaves|beyond|other than|anything but|(?:not|n['’]t) (?:with)?in(?: the range)?|außerhalb(?: von)?|fuera de|hors de)\b[^,;.\d]*?)?"
    r"(?:\b(?:between|in between|from|zwischen|entre|de)\b\s*|\brange (?:of |from )?)?(?<![\d.])\$?(?P<low>\d[\d.:]*)\s*%?\s*(?:[ap]m)?\s*(?:and|to|-|–|und|bis|y|a|et|à)\s*\$?(?P<high>\d[\d.:]*)",
    _I,
)
_JUDGES = re.compile(r"\b(?:minute|weekday|bars_held|gain|gain_dollars|gain_risks|drop|drop_dollars)\b")


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A comparison with a level, read with the level on its right.

    Attributes:
        usual: It is of an oscillator, with a level beyond which that mostly is.
    """

    operator: str
    crossing: bool
    negative: bool
    usual: bool


def level_findings(words: str, rules: Sequence[Rule], around: str = "") -> Iterator[tuple[str, str]]:
    """Finds levels that the words name otherwise than the rules of their side compare with them.

    Args:
        words: Words of one side.
        rules: The rules of that side.
        around: The words with what stands before them, in which a negation may be.

    Yields:
        The words that decide where they may be told in assumptions, otherwise nothing; and what is wrong.
    """
    levels = [each for each in elements_of(words) if each.is_level]
    ranged = set[int]()
    for match in _BETWEEN.finditer(words):
        ends = [each for each in levels if each.start in (match.start("low"), match.start("high"))]
        if len(ends) == 2 and (match["out"] or re.match(r"\W*(?:between|in between|zwischen|entre)\b", match[0], _I)):
            ranged |= {each.start for each in ends}
            yield from _range(words, match, ends, rules)
    for index, level in enumerate(levels):
        if level.start in ranged:
            continue
        held = list(_comparisons(level, rules))
        before = words[levels[index - 1].end if index else 0 : level.start]
        after = words[level.end : levels[index + 1].start if index + 1 < len(levels) else len(words)]
        if not held:
            continue
        operators, crosses, place = _asked(before, after)
        if (touch := _TOUCH.search(before)) and not any(pattern.search(after) for pattern, _ in _AFTER):
            yield (
                f"{touch[0].strip()} {level.text}",
                f"says “{touch[0].strip()} {level.text}”, and not from which side: ask, or quote these words in assumptions and say how they are read",
            )
            continue
        if operators is None:
            continue
        begin = level.start - len(before)
        reach = re.split(r"[,;.!?](?=\s)", f"{around}{words[: begin + place]}")[-1]
        signed = words[: level.start + 1].rstrip().endswith(("-", "−"))
        signs = {TURNED[each.operator] if each.negative and not signed else each.operator for each in held}
        if level.unit is Unit.PERCENT:
            # Whether a change of just so much counts is no question.
            operators = GREATER if operators & GREATER else LESS
        if NEGATED.search(reach):
            if not NEGATED.search(re.split(r"\b(?:and|or|und|oder|y|o|et|ou)\b", reach)[-1]):
                # How far a negation reaches over what is joined is read elsewhere.
                continue
            operators = LESS if operators & GREATER else GREATER
        if signs.isdisjoint(operators):
            exact = bool(signs & (GREATER if operators & GREATER else LESS))
            yield (
                "",
                f"says “{before[place:].strip()} {level.text}{_tail(after)}”, and its rule compares {'as if the level itself counted otherwise' if exact else 'the other way'} ({', '.join(sorted(signs))} {level.text})",
            )
        elif crosses and not any(each.crossing for each in held):
            yield (
                "",
                f"speaks of a crossing of {level.text}, and its rule of a state: use crosses_above or crosses_below",
            )
        elif problem := _moved_past(level, before[:place], after, held):
            yield "", problem
        elif _STATE.search(before[:place]) and all(each.crossing for each in held) and not crosses:
            yield "", f"speaks of a state at {level.text}, and its rule of a crossing"


def past_findings(words: str, rules: Sequence[Rule]) -> Iterator[str]:
    """Finds moves past a level beyond which an oscillator mostly is that rules write as a state, in words that change what stood."""
    for level in (each for each in elements_of(words) if each.is_level):
        operators, _, place = _asked(words[: level.start], words[level.end :])
        if operators is not None and (problem := _moved_past(level, words[:place], words[level.end :], list(_comparisons(level, rules)))):  # fmt: skip
            yield problem


def _moved_past(level: Element, before: str, after: str, held: Sequence[_Comparison]) -> str:
    if (_MOVES.search(before) or _MOVES_BEHIND.match(after)) and any(each.usual and not each.crossing for each in held):
        return f"speaks of a move past {level.text}, where it mostly is, and its rule of a state: use crosses_above or crosses_below"
    return ""


def _tail(after: str) -> str:
    match = next((found for pattern, _ in _AFTER if (found := pattern.search(after))), None)
    return f" {match[0].strip()}" if match else ""


def _comparisons(level: Element, rules: Sequence[Rule]) -> Iterator[_Comparison]:
    for rule in rules:
        for atom in rule.atoms:
            for side, sign, other in atom.ways:
                if not is_number(other) or _JUDGES.search(side):
                    continue
                if near(abs(float(other)), level.value) or (
                    level.unit is Unit.PERCENT and near(abs(float(other)), level.value / 100)
                ):
                    crossing = atom.crossing or _was_beyond(rule, other)
                    yield _Comparison(sign, crossing, other.startswith("-"), mostly_beyond(side, sign, float(other)))


def _was_beyond(rule: Rule, level: str) -> bool:
    """Whether a rule compares with a level what the bar before was, which makes a crossing of a state."""
    return any("previous(" in each.text and level in (each.left, each.right) for each in rule.atoms)


def _asked(before: str, after: str) -> tuple[frozenset[str] | None, bool, int]:
    """The operators that the words around a level allow, whether they speak of a crossing, and where the first of them stands."""
    clause = max(
        (each.end() for each in re.finditer(r"[,;.](?=\s)|\b(?:and|or|but|und|oder|y|et)\b", before)), default=0
    )
    match = _CROSSES.search(before, clause)
    crosses, upwards = match is not None, bool(_UPWARDS.search(after))
    if match and (upwards or _DOWNWARDS.search(after)):
        return (GREATER if upwards else LESS), True, match.start()
    for pattern, operators in _AFTER:
        if pattern.search(after):
            return operators, crosses, len(before)
    for pattern, operators in _BEFORE:
        if match := pattern.search(before):
            return (operators if not crosses else GREATER if operators & GREATER else LESS), crosses, match.start()
    return None, crosses, len(before)


def _range(
    words: str, match: re.Match[str], ends: Sequence[Element], rules: Sequence[Rule]
) -> Iterator[tuple[str, str]]:
    low, high = sorted(ends, key=lambda each: each.value)
    clause = re.split(r"[,;.](?=\s)|\b(?:and|or|but|when|if)\b(?! not)", words[: match.start()])[-1]
    denied = bool(
        re.search(
            r"(?:\bnot|n['’]t|\bnever|\bunless|\bexcept\w*|\bwithout|\bno|\bnicht|\bkein\w*|\bpas|\bno está)\b[^,;.]*$",
            clause,
            _I,
        )
    )
    outside = bool(match["out"]) != denied
    lows = {each.operator for each in _comparisons(low, rules)}
    highs = {each.operator for each in _comparisons(high, rules)}
    if (
        lows
        and highs
        and (lows.isdisjoint(LESS if outside else GREATER) or highs.isdisjoint(GREATER if outside else LESS))
    ):
        yield "", f"says “{match[0].strip()}”{' and not' if denied else ''}, and its rule the contrary"
