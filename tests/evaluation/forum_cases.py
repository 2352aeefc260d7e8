"""Requests as people write them in forums, by another hand than the grammar's: `forum_cases.md` has each with its meaning and a strategy that does it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.evaluation.cases import Case, Reference

_TEXT = Path(__file__).with_name("forum_cases.md").read_text(encoding="utf-8")
# Of daily bars, whose paths the judge does not have.
_DAILY = re.compile(r"\(daily bars\)")
# Cases whose one reference tells too little: it does not trade on the judge's paths (s12, n21, n51, l08, l10), begins with a day before the first (n03, r50), or has an order within the bar or an event where
# the meaning allows the close or the level too (n13, n52, r05, r14).
_UNJUDGED = ("s12", "n03", "n13", "n21", "n52", "r05", "r14", "n51", "l08", "l10", "r50")


def _cases() -> tuple[Case, ...]:
    found = []
    for block in re.split(r"^### ", _TEXT, flags=re.MULTILINE)[1:]:
        said, _, rest = block.partition("\nmeans:")
        meaning, _, code = rest.partition("```python\n")
        if _DAILY.search(meaning) or block.startswith(_UNJUDGED):
            continue
        first, *then = (each.strip() for each in re.split(r"^then: ", said.partition("request: ")[2], flags=re.MULTILINE))  # fmt: skip
        found.append(Case("forum", first, (Reference("", "", whole=code.partition("```")[0]),), then=tuple(then), exact=True))  # fmt: skip
    return tuple(found)


CASES = _cases()
