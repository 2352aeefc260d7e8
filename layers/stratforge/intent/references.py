"""Holds words that refer to something (the bar before, a crossing that is denied) against the rules that are said to follow them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.rules import Rule

_I = re.IGNORECASE
_BAR_BEFORE = re.compile(r"\b(?:the |a )?(?:previous|prior|preceding) (?:bar|candle|minute)\b", _I)
_LOOKS_BACK = re.compile(r"\bprevious\(|\.shift\(|\.diff\(|\bcrosses_|\bfor_bars\(|\bwithin_bars\(|\brolling\(")
_DENIED_CROSSING = re.compile(
    r"\b(?:does not|doesn['’]t|do not|don['’]t|did not|didn['’]t|has not|hasn['’]t|never|fails to|without)\s+(?:\w+ )?(?:break|cross|pierc)\w*",
    _I,
)


def reference_findings(words: str, rules: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    """Finds references that no rule follows.

    Args:
        words: The quotation.
        rules: The rules of the requirement.

    Yields:
        The words that decide, where telling them in assumptions is enough, otherwise nothing; and what is wrong.
    """
    texts = [each.text for each in rules]
    if (match := _BAR_BEFORE.search(words)) and not any(_LOOKS_BACK.search(text) for text in texts):
        yield match[0], f"speaks of “{match[0]}”, and its rules look at no bar before: use previous or shift"
    if (match := _DENIED_CROSSING.search(words)) and any("crosses_" in text and "not " not in text for text in texts):
        yield "", f"says “{match[0]}”, and its rule that it does"
