"""Finds alternatives that nobody asked for: one more way to buy or to sell needs an order, or a word of choice, in the words that it is read from.

“AAPL: price above its 200 SMA. Buy RSI < 30” names one order. Whether the first sentence is needed with it, or would be enough, nobody said.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from stratforge.intent.follow_ups import ASK
from stratforge.intent.lexicon import EXCEPTED, NEGATED, OR, OTHERWISE
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import SETTLED, Requirement, Status
from stratforge.intent.rules import RESULTS, Rule, RuleKind
from stratforge.intent.stretches import stretches_of
from stratforge.intent.turns import Spans

# What is said right before a quotation belongs to it: “…, or | RSI above 70”.
_BEFORE = 16
# Of a position and of the clock each is a way out by itself: “sell above 70. After 30 bars at the latest.”
_WAYS_OUT = frozenset({*RESULTS, "bars_held", "days_held", "minute", "weekday"})
_ONE_MORE = re.compile(
    rf"{OR.pattern}|\b(?:any|otherwise|alternatively|sonst)\b|\b(?:also|auch|también|aussi) (?:when|if|once|wenn|bei|si|cuando|quand|lorsque)\b|也",
    re.IGNORECASE,
)
# What makes a choice of what it denies: “not between 30 and 70”; and lists, whose head says what they are.
_DENIED = re.compile(
    rf"{NEGATED.pattern}|{EXCEPTED.pattern}|{OTHERWISE.pattern}|\b(?:between|outside|band|bands|one of)\b|\n",
    re.IGNORECASE,
)
_PERMITTED = re.compile(
    r"\b(?:it['’]?s |is |are |also )?(?:ok(?:ay)?|fine|alright|all right|allowed) (?:if|when|to|that|while|with)\b|(?<!\d )\b(?:are|is) (?:also )?(?:ok(?:ay)?|fine|allowed|alright)\b"
    r"|\b(?:does(?: not|n['’]?t)|do(?: not|n['’]?t)) (?:have to|need to|matter)\b|\bneed(?: not|n['’]?t)\b|\bno matter (?!what\b)|\bregardless of\b|\b(?:preferabl[ye]|ideally|if possible|nice to have|optional(?:ly)?|maybe|perhaps|possibly)\b"
    r"|\b(?:darf|dürfen|muss nicht|müssen nicht|egal ob|am liebsten|idealerweise|möglichst|vielleicht|gerne)\b"
    r"|\b(?:no importa|da igual|puede ser|de preferencia|preferiblemente|idealmente|quizás|tal vez|no hace falta)\b"
    r"|\b(?:peu importe|n['’]importe|de préférence|idéalement|si possible|peut-être|pas besoin)\b|最好|无所谓|可以不|不必|也可以|できれば|なくてもよい|でもよい|でもいい",
    re.IGNORECASE,
)


def alternatives_unasked(
    turns: Sequence[str],
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    spans: Spans,
    assumptions: Sequence[str] = (),
) -> Iterator[str]:
    """Finds rules that buy or sell in one more case, read from words that name no order and no choice.

    Args:
        turns: The person's words, turn by turn.
        requirements: What they are said to ask for.
        rules: The rules of each requirement.
        spans: Where each requirement's quotation stands in each turn.
        assumptions: What the answer says it decided by itself.

    Yields:
        A question for each.
    """
    standing = [of_it for each, of_it in zip(requirements, rules, strict=True) if each.status is not Status.SUPERSEDED]
    # Whoever was asked says so in a turn behind it, or by the number of a reply, and is told how that is read.
    replied = [each for each in assumptions if len(turns) > 1 and f"“{turns[-1].strip()}”" in each]
    answered = any(_ONE_MORE.search(each) for each in (*turns[1:], *replied))
    for side in (RuleKind.BUY, RuleKind.SELL):
        alone = _WAYS_OUT if side is RuleKind.SELL else frozenset[str]()
        ways = {rule.text for of_it in standing for rule in of_it if rule.kind is side and not rule.facts & alone}
        for each, of_it, places in zip(requirements, rules, spans, strict=True):
            mine = [rule for rule in of_it if rule.kind is side and not rule.facts & alone]
            if each.status in SETTLED or not mine or any(rule.dropped for rule in of_it):
                continue
            does = "buys" if side is RuleKind.BUY else "sells"
            if len(ways) > 1 and not _asked_for(turns, places, side, len({rule.text for rule in mine})):
                yield f"“{each.quote.strip()[:200]}” names no order, and would be one more way to {does[:-1]} ({'; '.join(map(in_words, mine))}). Is it needed with the other, is it enough by itself, or is it for something else? {ASK}"
            for rule in mine:
                either = [one for one in _ways(rule) if not _facts(one) & _WAYS_OUT]
                if len(either) > 1 and not (_ONE_MORE.search(each.quote) or _DENIED.search(each.quote) or answered):
                    yield f"“{each.quote.strip()[:200]}” names several conditions, and its rule {does} when one of them holds ({in_words(rule)}). Is one of them enough, or are all of them needed? {ASK}"


def _ways(rule: Rule) -> list[ast.expr]:
    """The conditions each of which is enough."""
    found = rule.condition
    return found.values if isinstance(found, ast.BoolOp) and isinstance(found.op, ast.Or) else []


def _facts(condition: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(condition) if isinstance(each, ast.Name)}


def permissions(requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]]) -> Iterator[str]:
    """Finds what the words only permit or prefer, and rules have as a condition."""
    for each, of_it in zip(requirements, rules, strict=True):
        said = _PERMITTED.search(each.quote)
        if said and each.status not in SETTLED and any(rule.condition is not None for rule in of_it):  # fmt: skip
            yield f"“{each.quote.strip()[:200]}” says “{said[0]}”, which is no condition. Is it needed, or does it not matter? {ASK}"


def _asked_for(turns: Sequence[str], places: Sequence[Sequence[tuple[int, int]]], side: RuleKind, count: int) -> bool:
    """Whether one of the places names so many orders of that side, or a choice."""
    for turn, found in zip(turns, places, strict=True):
        for start, end in found:
            own = [
                each
                for each in stretches_of(turn)
                if each.start < end and start < each.end and each.own and each.side is side
            ]
            words = turn[max(0, start - _BEFORE) : end]
            if len(own) >= count or _ONE_MORE.search(words) or (own and "\n" in words):
                return True
    return not any(places)
