"""Holds words for a time of the day or of the week that have no number (“in the mornings”, “during the last hour”, “on weekdays”) and the prepositions before
times against the rules: a covered one has to stand in its rule as a comparison of the clock or of the day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.elements import Kind, Unit, elements_of
from stratforge.intent.lexicon import CLOSE, NEGATED, NYSE
from stratforge.intent.measures import holds, minutes_of, near
from stratforge.intent.rules import GREATER, LESS, TURNED, Rule, RuleKind, numbers_in_text

_I = re.IGNORECASE
_PART = re.compile(
    r"\b(?:mornings?|afternoons?|evenings?|nights?|nighttime|overnight|lunch\w*|(?:early|late|earlier|later) in the (?:day|session|morning|afternoon)"
    r"|(?:first|last|opening|closing|final) (?:half[- ]?(?:an )?hour|hour|half of the (?:day|session))|(?:early|late) session|after[- ]hours|pre-?market|early on|after dark|(?:first|last|final|opening|closing) minutes|jeden morgen|(?:at|near|around|into) the (?:market )?(?:open|close)(?! (?:is|of|price|above|below|over|under))"
    r"|morgens|vormittags?|nachmittags?|abends?|nachts?|(?:erste|letzte)[nr]? (?:halbe[nr]? )?stunde|tardes?|noches?|mañanas?|matins?|après-midi|soirs?|nuits?"
    r"|(?:primera|última) (?:media )?hora|(?:première|dernière) (?:demi-)?heure)\b|早上|上午|下午|晚上|夜里|午前|午後|夜間|朝",
    _I,
)
_WEEK = re.compile(
    r"\b(?:weekdays?|weekends?|week-ends?|wochentags?|werktags?|wochenenden?|entre semana|fines? de semana|días laborables|en semaine|jours ouvrables)\b|工作日|平日|周末|週末",
    _I,
)
_LATE = re.compile(r"afternoon|evening|last|closing|final|\blate\b|later|nachmittag|abend|letzte|tarde|última|après-midi|soir|dernière|下午|午後", _I)  # fmt: skip
_EARLY = re.compile(r"morning|first|opening|\bearly\b|earlier|morgens|vormittag|erste|mañana|primera|matin|première|上午|早上|午前|朝", _I)  # fmt: skip
_STRETCH = re.compile(
    r"\b(?P<which>first|last|final|opening|closing|ersten|letzten|primeros|últimos|premières|dernières)\s+(?=[\w-]+\s*-?(?:min|hour|stunde|hora|heure))", _I
)  # fmt: skip
_CLOSES = re.compile(
    r"\bclos\w*|\bbell\b|\bend of\b|\beod\b|\blast\b|\bfinal\b|schluss|\bletzte|\bende\b|\bcierr\w*|\búltim|\bfin\b|\bclôture|\bcloture|\bfermeture|\bderni|收盘|收盤|尾盘|引け|大引|最后|最後",
    _I,
)
_OF_AN_HOUR = ((re.compile(r"half(?: an|[- ])?[- ]?hour|halbe[nr]? stunde|media hora|demi-heure|半小时|半時間", _I), 30.0), (re.compile(r"(?<!half )(?<!half an )(?<!half-)\bhour\b|(?<!halbe )(?<!halben )\bstunde\b|(?<!media )\bhora\b|(?<!demi-)\bheure\b", _I), 60.0), (re.compile(r"quarter(?: of an|[- ])[- ]?hour|viertelstunde|cuarto de hora|quart d['’]heure", _I), 15.0))  # fmt: skip
_OTHERWISE = re.compile(rf"{NEGATED.pattern}|\b(?:after|before|until|outside|nach|vor|después|antes|après|avant)\b", _I)
_PREPOSITION = re.compile(
    r"\b(?:(?P<until>by|until|till|before|up to|no later than|not after|bis|vor|antes de(?: las?)?|hasta(?: las?)?|avant|jusqu['’]à)"
    r"|(?P<from>from|after|past|since|starting(?: at| from)?|no earlier than|not before|ab|nach|desde(?: las?)?|después de(?: las?)?|après|à partir de|dès))\s*$",
    _I,
)
_TO = r"\s*(?:[ap]m)?\s*(?:to|and|until|till|-|–|bis|und|a|y|à|et)\s*"
_OUTSIDE = re.compile(
    r"\b(?:outside(?: of)?|other than|except|außerhalb(?: von)?|fuera de|hors de|not|n['’]t|never)\b[^,;.\d]*(?:\d[\d:]*\s*(?:[ap]m)?\s*(?:to|and|-|–|bis|und|a|y|à|et)\s*)?$",
    _I,
)
_RANGED = re.compile(
    rf"(?:\bbetween|\bfrom|\boutside|\bother than|\bzwischen|\bvon|\bentre|\bde|\bdesde|\baußerhalb)\b(?: of| von)?\s*(?P<first>\d[\d:.]*{_TO})?$",
    _I,
)
_SECOND = re.compile(rf"{_TO}\d", _I)


def occasion_findings(words: str, rules: Sequence[Rule], all_words: str) -> Iterator[tuple[str, str]]:
    """Finds times without a number that no rule has, and times on the other side of their preposition.

    Args:
        words: Words of one side.
        rules: The rules of that side.
        all_words: The whole quotation.

    Yields:
        The words that decide, where telling them in assumptions is enough, otherwise nothing; and what is wrong.
    """
    clocks = [
        (rule, sign, number)
        for rule in rules
        for atom in rule.atoms
        for side, sign, other in atom.ways
        if side == "minute"
        for number in numbers_in_text(other)
    ]
    left_over = [(rule, TURNED[sign], CLOSE - number) for rule in rules for atom in rule.atoms for side, sign, other in atom.ways if side == "minutes_to_close" for number in numbers_in_text(other)]  # fmt: skip
    yield from _to_the_close(words, clocks, all_words)
    by_the_clock, clocks = clocks, [*clocks, *left_over]
    for match in _WEEK.finditer(words):
        if not any(holds(each.text, "weekday") for each in rules):
            yield (
                match[0],
                f"says “{match[0]}”, and its rules do not look at weekday: say it there, or quote it in assumptions",
            )
    for match in _PART.finditer(words):
        if not any(holds(each.text, "minute", "day_open", "yesterday_close") for each in rules):
            yield (
                match[0],
                f"says “{match[0]}”, and its rules do not look at the clock: compare minute, or call it assumed or unsupported",
            )
        elif (
            not re.search(r"open|close", match[0], _I)
            and not _OTHERWISE.search(words, 0, match.start())
            and not elements_of(words, Kind.TIME)
        ):
            late, early = bool(_LATE.search(match[0])), bool(_EARLY.search(match[0]))
            signs = {sign for _, sign, _ in clocks}
            if late != early and signs and signs.isdisjoint(GREATER if late else LESS):
                yield "", f"says “{match[0]}”, and its rule the other part of the day"
    yield from _stretches(words, clocks)
    yield from _times(words, by_the_clock, all_words)


_Clock = tuple[Rule, str, float]


def _to_the_close(words: str, clocks: Sequence[_Clock], all_words: str) -> Iterator[tuple[str, str]]:
    """Minutes that are said before the close, or as the day's last, and are a fixed time in the rules: the exchange closes early on some days."""
    spans = {each.value * (60 if each.unit is Unit.HOURS else 1): each.text for each in elements_of(words, Kind.NUMBER) if each.unit in (Unit.MINUTES, Unit.HOURS, Unit.NONE)}  # fmt: skip
    spans |= {minutes: match[0] for pattern, minutes in _OF_AN_HOUR for match in pattern.finditer(words)}
    if not _CLOSES.search(words):
        return
    said = {each for element in elements_of(all_words, Kind.TIME) for each in minutes_of(all_words, element)}
    for _, _, value in clocks:
        for minutes, text in spans.items():
            if minutes > 0 and 0 <= value - (CLOSE - minutes) <= 1 and value - NYSE not in spans and value not in said:
                yield (
                    "",
                    f"says “{text}” before the close, and its rule the fixed time {value // 60:.0f}:{value % 60:02.0f}, which is after the close on days with an early one: it is minutes_to_close, with {minutes:g}",
                )


def _stretches(words: str, clocks: Sequence[_Clock]) -> Iterator[tuple[str, str]]:
    for match in _STRETCH.finditer(words):
        number = next((each for each in elements_of(words, Kind.NUMBER) if each.start >= match.end()), None)
        if number is None or number.start > match.end() + 1:
            continue
        late = bool(re.match(r"last|final|clos|letzt|últim|derni", match["which"], _I))
        minutes = number.value * (60 if re.match(r"\s*-?(?:hour|stunde|hora|heure)", words[number.end :], _I) else 1)
        edge = CLOSE - minutes if late else NYSE + minutes
        signs = {sign for _, sign, value in clocks if abs(value - edge) <= 1}
        denied = bool(_OTHERWISE.search(re.split(r"[,;.](?=\s)", words[: match.start()])[-1]))
        wants = GREATER if late != denied else LESS
        if signs and signs.isdisjoint(wants):
            yield "", f"says “{match[0]}{number.text}”, and its rule the rest of the day"
        elif clocks and not signs and not any(near(value, number.value) for _, _, value in clocks) and len(clocks) == 1:
            yield "", f"says “{match[0]}{number.text}”, and its rule another time"


def _times(words: str, clocks: Sequence[_Clock], all_words: str) -> Iterator[tuple[str, str]]:
    for element in elements_of(words, Kind.TIME):
        before = words[: element.start]
        held = [
            (rule, sign)
            for rule, sign, value in clocks
            if any(near(value, each) for each in minutes_of(all_words, element))
        ]
        signs = {sign for _, sign in held}
        if not signs or "==" in signs or "!=" in signs:
            continue
        outside, ranged = _OUTSIDE.search(before), _RANGED.search(before)
        if ranged and (ranged["first"] or _SECOND.match(words, element.end)):
            if signs.isdisjoint(LESS if bool(ranged["first"]) != bool(outside) else GREATER):
                yield (
                    "",
                    f"says {element.text} of {'what lies outside of' if outside else ''} a stretch of time, and its rule the contrary",
                )
            continue
        preposition = _PREPOSITION.search(before)
        clause = re.split(r"[,;.](?=\s)|\b(?:and|but)\b", before[: preposition.start()])[-1] if preposition else ""
        if (
            preposition is None
            or NEGATED.search(before[: preposition.start()])
            or re.search(r"\b(?:change|move|switch|replace)\b", clause, _I)
        ):
            continue
        # What is sold by a time, whatever else, is sold from some minute on; what is sold on a condition until a time is not.
        whatever = any(
            rule.kind is RuleKind.SELL
            and (" or " in rule.text or all("minute" in (atom.left, atom.right) for atom in rule.atoms))
            for rule, _ in held
        )
        if preposition["until"] and whatever:
            continue
        if signs.isdisjoint(LESS if preposition["until"] else GREATER):
            yield "", f"says “{preposition[0].strip()} {element.text}”, and its rule the other side of it"
