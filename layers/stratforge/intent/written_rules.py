"""Holds the rules that the code alone says (`strategy.explanation`) against what was asked for, by the lines.

The trial compares what code and formal rules do; here it is where that stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stratforge.intent.requirements import Requirement, Status
from stratforge.strategy.explanation import ExplainedRule

# What an order or its exits come of; the rest prepares it, or ends the bar.
DEEDS = frozenset({"buy", "sell", "short", "cover", "adjust", "weights"})

# Of these the orders; the rule that asks for one begins with its word.
_ORDERS = ("buy", "sell", "short", "cover")


def named(rule: ExplainedRule, requirements: Iterable[Requirement], rules: Iterable[ExplainedRule]) -> bool:
    """Tells whether a requirement names the place where the code decides a rule, one of all; where both sides are decided on one line, one that asks for the
    other side alone does not."""
    both = any(each.line == rule.line and each.does in DEEDS and each.does != rule.does for each in rules)
    return any(
        {*rule.decided_at} & {*each.lines} and not (both and _of_other_side(rule, each))
        for each in requirements
        if each.status is not Status.SUPERSEDED
    )


def _of_other_side(rule: ExplainedRule, requirement: Requirement) -> bool:
    if rule.does not in _ORDERS or not requirement.rules:
        return False
    others = tuple(f"{each} " for each in _ORDERS if each != rule.does)
    return all(each.startswith(others) for each in requirement.rules)


def beyond(rules: Sequence[ExplainedRule], requirements: Sequence[Requirement]) -> list[ExplainedRule]:
    """Lists what the code does and no requirement names, by the lines; nothing where that is not known: without requirements, or with kept ones that name no line."""
    if any(each.status is Status.KEPT and not each.lines for each in requirements):
        return []
    return [each for each in rules if requirements and each.does in DEEDS and not named(each, requirements, rules)]


def beyond_told(rules: Sequence[ExplainedRule], requirements: Sequence[Requirement]) -> list[str]:
    """The sentences that tell a person what the code does besides what requirements name."""
    return [f"The code also does this, which no requirement names: {each.text} (line {each.line})." for each in beyond(rules, requirements)]  # fmt: skip


def nowhere(rules: Sequence[ExplainedRule], requirements: Sequence[Requirement]) -> Iterator[str]:
    """Finds covered requirements whose lines have no part in anything that the code does."""
    alive = {line for each in rules if each.does != "unused" for line in each.lines}
    for each in requirements:
        placed = any(not rule.startswith(("drop ", "symbol ")) for rule in each.rules)
        if each.status is Status.COVERED and placed and each.lines and alive.isdisjoint(each.lines):
            yield f"“{each.quote[:80]}” names lines that decide nothing: name those where the code does it."
