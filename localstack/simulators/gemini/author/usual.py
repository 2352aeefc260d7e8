"""Lengths and levels that were taken because they are usual, as a person is told of them."""

from __future__ import annotations

import re
from dataclasses import replace

from simulators.gemini.author.rules import Compare, Number, Plan, Series, nodes


def usual_numbers(plan: Plan, text: str, heard: str) -> list[str]:
    """Lengths and levels that were taken because they are usual: the request names the indicator and not its numbers.

    Args:
        text: The request, in which the rules have their places.
        heard: Of a conversation, all turns: what stood before was said in one of them.
    """
    found = dict[str, None]()
    said = [heard or text[slice(*rule.place)] for rule in plan.rules]
    numbers_of = [{float(each) for each in re.findall(r"\d+(?:\.\d+)?", words)} for words in said]
    # What one rule says with its numbers is what another means by “it”.
    named = {
        each
        for rule, numbers in zip(plan.rules, numbers_of, strict=True)
        for each in nodes(rule.condition)
        if isinstance(each, Series) and set(each.parameters) <= numbers
    }
    # However often it is taken.
    named |= {replace(each, times=1.0) for each in named}
    for rule, words, numbers in zip(plan.rules, said, numbers_of, strict=True):
        for each in nodes(rule.condition):
            if isinstance(each, Series) and each.name.startswith("day_"):
                word = re.search(rf"(?<!\w){each.name[4:]}s?(?!\w)", words)
                if word and not re.search(
                    r"\bday|session|market|today|morning|opening|hod\b|lod\b|so far|first", words
                ):
                    found[f"“{word[0]}” is read as {each.words}."] = None
            if isinstance(each, Series) and replace(each, times=1.0) not in named:
                found[f"The usual numbers are taken: {each.words}."] = None
            elif isinstance(each, Compare) and isinstance(each.right, Number):
                level = each.right.value
                if level in (each.left.levels or ()) and abs(level) not in numbers:
                    found[f"The usual level is taken: {each.words}."] = None
    return list(found)
