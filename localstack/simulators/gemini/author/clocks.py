"""Sales by the clock that would hold where it buys, bounded so that they do what a trader means: the next day's hour, and days without buying."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stratforge.intent.bounds import never_buys, sold_where_bought
from stratforge.intent.clocks import AtOnce, filled_next_day, sold_at_once
from stratforge.intent.gate import readings_to_tell, rules_of
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import read_rule
from stratforge.strategy.explanation.wording import counted

from simulators.gemini.author.rules import clock
from simulators.gemini.author.strict import answer_by_rules, sale_text


def mended(requests: Sequence[str], found: dict[str, Any]) -> dict[str, Any]:
    """The answer, where nothing is sold on the bar after its purchase only because of the clock; a question where no bound is sure.

    Args:
        requests: What the person said, turn by turn.
        found: The answer as its words were read one by one.
    """
    if found["kind"] != "strategy" or not found["requirements"]:
        return found
    wanted = [Requirement.model_validate(each) for each in found["requirements"]]
    texts = rules_of(wanted)
    crypto = "/" in found["symbol"]
    rules = [read_rule(each) for each in texts]
    if never_buys(rules, around_the_clock=crypto):
        return _asking(found, ["What has to hold at once for a purchase excludes itself, so it could never buy. When should it buy?"])  # fmt: skip
    if sale := sold_where_bought(rules, around_the_clock=crypto):
        said = in_words(read_rule(sale_text(sale)))
        return _asking(found, [f"It would {said}, which may hold where it buys: what was bought there would be sold on the next bar. Is a crossing meant? Then say “crosses above” and “crosses below”; else, when should it sell?"])  # fmt: skip
    if late := next(filled_next_day(rules, around_the_clock=crypto), None):
        return _asking(found, [f"What is decided on the last bar of a day is bought at the open of the next, and from then on its days count: it would {in_words(late)}. Should it buy a minute earlier, or sell on another day?"])  # fmt: skip
    faults = list(sold_at_once(rules, around_the_clock=crypto))
    if not faults:
        return found
    whole = _bounded(requests[0], found, wanted, faults, crypto=crypto) if len(requests) == 1 else None
    return whole or _asking(found, [_question(each) for each in faults])


def _asking(found: Mapping[str, Any], questions: list[str]) -> dict[str, Any]:
    return {**found, "kind": "clarify", "python_code": "", "requirements": [], "parameters": [], "questions": questions}


def _question(fault: AtOnce) -> str:
    said = in_words(fault.rule)
    return f"It would {said}, and buy then all the same, so what was bought would be sold on the next bar. When should it buy, and when should it sell?"


def _bounded(
    request: str, found: Mapping[str, Any], wanted: list[Requirement], faults: list[AtOnce], *, crypto: bool
) -> dict[str, Any] | None:
    told = list[str]()
    for fault in faults:
        if fault.before:
            rules = [f"{fault.rule.text} and {fault.before}"]
            fact, _, bound = fault.before.rpartition(" ")
            buys_from = (
                counted(float(bound), "minute") + " before the close" if "to_close" in fact else clock(int(bound))
            )
            reason = f"is read of the next day: it sells before {buys_from}, from which on it buys."
        else:
            left = sorted(frozenset(range(7 if crypto else 5)) - fault.days)
            rules = [fault.rule.text, f"buy only when ({' or '.join(f'weekday == {each}' for each in left)})"]
            reason = f"is read of buying too, which it does not on the days on which it sells: it will {in_words(read_rule(rules[1]))}."
        for index, each in enumerate(wanted):
            of_it = [read_rule(text).text for text in each.rules]
            if fault.rule.text in of_it:
                new = [one for text in of_it for one in (rules if text == fault.rule.text else [text])]
                wanted[index] = each.model_copy(update={"rules": [*dict.fromkeys(new)], "status": Status.ASSUMED})
                told.append(f"“{each.quote}” {reason}")
    texts = rules_of(wanted)
    if any(sold_at_once([read_rule(each) for each in texts], around_the_clock=crypto)):
        return None
    assumptions = [*found["assumptions"], *told]
    lines, marked = readings_to_tell(request, wanted, assumptions, symbol=found["symbol"])
    said = [each for each in assumptions if not re.search(r" is taken as: |: it buys then all the same\.$", each)]
    pieces = [each.model_dump(mode="json", exclude={"lines"}) for each in marked]
    whole = answer_by_rules(texts, pieces, found["symbol"], [*said, *lines])
    return {**found, **whole, "plan": whole["logic_explanation"][:2_000]} if whole else None
