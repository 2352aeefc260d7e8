"""Averages of the exchange's days in strategies on shorter bars: the words that say them, and the rules that have them."""

from __future__ import annotations

import ast
import re

from stratforge.intent.rules import Rule
from stratforge.market.resampling import DAY

# “200-day average”, “50 day exponential moving average”, “200-day SMA”.
DAY_AVERAGE = re.compile(
    r"(?<![\w.])(?P<days>\d{1,4})[- ]?days?(?:'s?)?\s+(?:(?:simple|exponential|weighted)\s+)?(?:moving\s+average|average|[se]?ma|wma)s?\b",
    re.IGNORECASE,
)
_SAYS_DAYS = re.compile(r"\b(?:\d+-?)?days?\b|\bdaily\b|\d ?d\b|\btage?\b|\btägl|\bd[ií]as?\b|\bdiari|\bjours?\b|\bquotid|日|天", re.IGNORECASE)  # fmt: skip


def day_numbers(rule: Rule) -> frozenset[float]:
    """The numbers that a rule counts in days of the exchange: those of indicators and windows right on `bars.resample("1d")`."""
    found = set[float]()
    for tree in filter(None, (rule.condition, rule.level)):
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and any(map(_of_days, _looked_at(call))):
                given = [*call.args, *(each.value for each in call.keywords)]
                found |= {float(each.value) for each in given if isinstance(each, ast.Constant) and isinstance(each.value, int | float)}  # fmt: skip
    return frozenset(found)


def says_days(words: str) -> bool:
    """Says whether words speak of days."""
    return _SAYS_DAYS.search(words) is not None


def _looked_at(call: ast.Call) -> list[ast.expr]:
    owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return [*owner, *call.args]


def _of_days(column: ast.expr) -> bool:
    bars = column.value if isinstance(column, ast.Attribute) else None
    return isinstance(bars, ast.Call) and ast.unparse(bars) == f"bars.resample({DAY!r})"
