"""A request over several turns: what was asked, answered by a question, and asked on, is one request until a strategy answers it.

Words of an earlier turn go only by a correction that a later turn makes, and the person is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import RESULTS, Rule, RuleKind

Spans = Sequence[Sequence[Sequence[tuple[int, int]]]]

# Words that take something away or put something else in its place.
_TAKES_AWAY = re.compile(
    r"\b(?:instead|rather|remov\w*|drop\w*|delet\w*|without|no|not|never|nothing|forget\w*|ignor\w*|leav\w* \w*\s?out|skip\w*|cancel\w*|take \w*\s?(?:out|away|off)|"
    r"get rid|lose|disabl\w*|replac\w*|chang\w*|switch\w*|swap\w*|turn \w*\s?off|only|just|back to|undo|"
    r"statt\w*|anstatt|anstelle|ohne|kein\w*|nicht|entfern\w*|streich\w*|weg\w*|ersetz\w*|änder\w*|nur|"
    r"en lugar|en vez|sin|quit\w*|elimin\w*|cambi\w*|sólo|solo|au lieu|sans|enlev\w*|enlèv\w*|supprim\w*|remplac\w*|pas|plus de|seulement)\b"
    r"|n['’]t\b|改|换|替|去掉|取消|不|只|代わり|なし|外し|やめ|だけ",
    re.IGNORECASE,
)
# Words that need something to go.
INSTEAD = re.compile(r"\binstead\b|\bstattdessen\b|\ben su lugar\b|\bà la place\b|代わりに", re.IGNORECASE)


def plain_words(text: str) -> str:
    """A text in lower case with single blanks and straight apostrophes."""
    return " ".join(text.replace("’", "'").split()).lower()


def spans_by_turn(turns: Sequence[str], requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]]) -> Spans:
    """Finds where each requirement's quotation stands in each turn.

    What is superseded stands only in turns before the one that corrects it: the later turn's own words are not taken back by themselves.
    """
    found = [[tuple(places_of(turn, each.quote)) for turn in turns] for each in requirements]
    for index, each in enumerate(requirements):
        if each.status is Status.SUPERSEDED:
            last = max((_last(found[other]) for other in _correcting(index, requirements, rules)), default=0)
            found[index] = [places if turn < last else () for turn, places in enumerate(found[index])]
    return found


def places_of(text: str, quote: str) -> Iterator[tuple[int, int]]:
    """The places at which quoted words stand in a text, however they are spaced and whatever their apostrophes and capitals are."""
    words = [re.escape(each) for each in quote.replace("’", "'").split()]
    if words:
        pattern = r"\s+".join(words).replace("'", "['’]")
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield match.span()


def _last(places: Sequence[Sequence[tuple[int, int]]]) -> int:
    return max((turn for turn, spans in enumerate(places) if spans), default=-1)


def _gone(rules: Sequence[Rule]) -> set[str]:
    return {each.dropped.text for each in rules if each.dropped is not None}


def _correcting(index: int, requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]]) -> Iterator[int]:
    """The covered requirements that drop a rule of a superseded one."""
    mine = {each.text for each in rules[index]}
    for other, each in enumerate(requirements):
        if each.status is Status.COVERED and _gone(rules[other]) & mine:
            yield other


def corrections_left(
    requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]], spans: Spans
) -> Iterator[str]:
    """Finds what is called superseded and no later turn corrects, and what is dropped and stands all the same."""
    for index, each in enumerate(requirements):
        if each.status is not Status.SUPERSEDED:
            continue
        said = f"“{each.quote[:80]}” is superseded"
        if not rules[index]:
            yield f"{said}, and has no rule: say what it asked for as rules, or call it unsupported."
        elif not any(spans[index]):
            yield f"{said}, and no later turn takes it back: keep it, or name the words that do with “drop {rules[index][0].text}”."
        dropped = {text for other in _correcting(index, requirements, rules) for text in _gone(rules[other])}
        for rule in rules[index]:
            if rule.text not in dropped:
                yield f"{said}, and no requirement of a later turn says “drop {rule.text}”."
    standing = {
        rule.text
        for each, of_it in zip(requirements, rules, strict=True)
        if each.status is not Status.SUPERSEDED
        for rule in of_it
        if rule.kind is not RuleKind.DROP
    }
    for text in sorted({text for of_it in rules for text in _gone(of_it)} & standing):
        yield f"“{text}” is dropped, and stands all the same: it is one or the other."


def dropped_unasked(
    requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]], assumptions: Sequence[str]
) -> Iterator[str]:
    """Finds rules that go although the words neither take something away nor put another of the kind in its place."""
    told = plain_words(" ".join(assumptions))
    for each, of_it in zip(requirements, rules, strict=True):
        if _TAKES_AWAY.search(each.quote):
            continue
        new = [rule for rule in of_it if rule.dropped is None]
        for gone in (rule.dropped for rule in of_it if rule.dropped is not None):
            if not any(_about_the_same(gone, rule) for rule in new) and plain_words(gone.text) not in told:
                yield f"“{each.quote[:80]}” does not ask that “{gone.text}” goes: keep it, or say in assumptions, with the rule, that it is gone and why."


def _about_the_same(one: Rule, other: Rule) -> bool:
    if one.kind is not other.kind:
        return {one.kind, other.kind} <= {RuleKind.BUY, RuleKind.ONLY} and bool(_subjects(one) & _subjects(other))
    return one.condition is None or bool(_subjects(one) & _subjects(other))


def _subjects(rule: Rule) -> set[str]:
    """What a rule speaks of: indicators and facts; the ways to judge a position by its price are one."""
    words = set(re.findall(r"(?<=ta\.)\w+|(?<![\w.])[a-z_]+(?![\w(.])", rule.text))
    words -= {"buy", "sell", "when", "only", "and", "or", "not", "length", "bars"}
    return {"result" if each in RESULTS else each for each in words}


def judged_together(
    requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]], spans: Spans
) -> Iterator[tuple[str, list[Rule]]]:
    """The covered requirements' quotations with their rules; of several turns those that share a rule are one.

    An answer such as “I mean the RSI” says a rule only together with the words that it explains.
    """
    covered = [index for index, each in enumerate(requirements) if each.status is Status.COVERED]
    seen = set[int]()
    for first in covered:
        if first in seen:
            continue
        group, texts = [first], {rule.text for rule in rules[first]}
        for other in covered:
            mine = {rule.text for rule in rules[other]}
            apart = [_last(spans[each]) for each in group] != [_last(spans[other])] * len(group)
            if other != first and other not in seen and mine & texts and apart:
                group.append(other)
                texts |= mine
        seen |= set(group)
        joined = {rule.text: rule for each in group for rule in rules[each]}
        yield " ; ".join(requirements[each].quote for each in sorted(group)), list(joined.values())
