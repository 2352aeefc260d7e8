"""Numbers without what they count: “not more than 2 in the first hour” may be purchases, shares or a level, and never becomes a price by itself.

What a part of the cash is taken as is told from the rules, too: a strategy's sizes are parts of its equity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.follow_ups import ASK
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import SETTLED, Requirement, Status
from stratforge.intent.rules import Rule, RuleKind, is_number

_I = re.IGNORECASE
_COUNTED = r"(?:not more than|no more than|never more than|at most|fewer than|a? ?max(?:imum)?(?: of)?|up to|nicht mehr als|höchstens|maximal|no más de|como máximo|máximo|pas plus de|au plus|au maximum|maximum|不超过|最多|至多|多くても|最大)"
_FEWER = r"(?:less than|weniger als|menos de|moins de|少于|未満)"
_NUMBER = r"(?P<{0}>\d+|one|two|three|four|five|eins?|zwei|drei|uno?|dos|tres|une?|deux|trois)(?![\d.,]*[\d%$€:])(?!\s*(?:%|percent|prozent|por ciento|pour ?cent|dollars?|usd|\$|€|euros?))"
_END = r"(?=\s*(?:$|[.,;:!?)\n。；，、]))"
_WITHIN = r"(?=\s*(?:in|during|within|at|on|before|after|per|an?|each|every|until|während|innerhalb|vor|nach|pro|en|durante|antes|después|por|pendant|dans|avant|après|par)\b)"
# Where a bound begins a clause, so that nothing before it says what is bounded.
_BEGINS = r"(?P<before>^|[.;:!\n。；]|[,，、])\s*(?:and |but |und |aber |y |pero |et |mais )?"
_BOUND = re.compile(
    rf"{_BEGINS}(?P<words>{_COUNTED}\s*{_NUMBER.format('count')}(?:{_END}|{_WITHIN})|{_FEWER}\s*{_NUMBER.format('fewer')}{_WITHIN})",
    _I,
)
# A comparison from below before a comma, of which this is the other end: “RSI above 50, at most 70”.
_OTHER_END = re.compile(
    r"(?:\b(?:above|over|greater|at least|higher|between|über|mindestens|mayor|encima|al menos|dessus|au moins)\b|[>≥])[^,;.\n，]*$",
    _I,
)
_PARTS = re.compile(
    r"\b(?:half|a third|a quarter|all|\d+(?:\.\d+)? ?%|hälfte|mitad|moitié|todo|tout)\b(?: (?:of|des|meines|meiner|del?|de|mi|mon|ma|my|the|all|available|free|available free))*\W{1,2}(?:\w+ ){0,2}(?:cash|money|buying power|bargeld\w*|geldes|efectivo|dinero|liquidités?|argent)\b|(?:一半|全部|\d+%)的?(?:可用)?(?:现金|資金|资金)|(?:現金|資金)の(?:半分|\d+%)",
    _I,
)


def bare_bounds(
    turns: Sequence[str], requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]]
) -> Iterator[str]:
    """Finds bounds on a count without its unit that rules have as a price or as the level of an indicator.

    Args:
        turns: The person's words, turn by turn.
        requirements: What they are said to ask for.
        rules: The rules of each requirement.

    Yields:
        A question for each.
    """
    for turn in turns:
        for match in _BOUND.finditer(turn):
            number = match["count"] or match["fewer"]
            if match["before"] in (",", "，", "、") and _OTHER_END.search(turn[: match.start()]):
                continue
            for each, of_it in zip(requirements, rules, strict=True):
                if each.status in SETTLED or match["words"] not in each.quote:
                    continue
                for rule in of_it:
                    if rule.dropped is None and number.isdigit() and _compares(rule, float(number)):
                        yield f"“{match['words'].strip()}” does not say of what, and its rule compares with {number} ({in_words(rule)}). Purchases a day, shares, a price, or a level of what? {ASK}"


def _compares(rule: Rule, number: float) -> bool:
    """Whether a rule has a number as the level of something that is no time and no result of the position."""
    if rule.kind not in (RuleKind.BUY, RuleKind.ONLY, RuleKind.SELL):
        return False
    return any(
        is_number(level) and float(level) == number and not re.search(r"\b(?:bars_held|days_held|minute|weekday|gain|drop)", line)
        for atom in rule.atoms
        for line, _, level in atom.ways
    )  # fmt: skip


def cash_told(requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]]) -> list[str]:
    """The sentences that tell a person that a part of the cash is taken as one of the equity."""
    found = dict[str, None]()
    for each, of_it in zip(requirements, rules, strict=True):
        match = _PARTS.search(each.quote)
        for rule in of_it if match and each.status is not Status.SUPERSEDED else ():
            if rule.kind is RuleKind.SIZE and rule.unit == "% of equity":
                found[f"“{match[0] if match else ''}” is taken as {rule.value:g} % of the session's equity: the money that is its own and what it holds, and not the cash that the account has."] = None  # fmt: skip
    return list(found)
