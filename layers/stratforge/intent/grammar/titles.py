"""The words before the first rule: a name or a story, which decides nothing as long as nothing in it can."""

from __future__ import annotations

from collections.abc import Sequence

from stratforge.intent.grammar.chart import Chart
from stratforge.intent.grammar.tokens import Token

# Kinds of words that may decide something, and words besides them.
_DECIDING = frozenset(
    {
        "number", "money", "clock", "unknown", "sell", "noentry", "no", "exceptday", "weekday", "max", "above", "below", "atleast", "atmost", "when",
        "percent", "times", "twice", "half_of", "part", "rest", "stop", "target", "trail", "ofequity", "allof", "shares", "dollars", "grand", "perday", "oneday", "wait", "cross",
        "aftersale", "bullet", "label",
    }
)  # fmt: skip
_WORDS = frozenset(
    """
    short shorts shorting shorted put puts call calls option options future futures leverage leveraged margin hourly daily weekly monthly hour hours minute minutes bar bars
    except unless without double don't dont never not no avoid but only buy buys sell sells exit enter risk if than instead until till before after during between every each per
    """.split()  # noqa: SIM905 - a list of words is read as a text
)
_LONGEST = 16


def title_end(tokens: Sequence[Token]) -> int:
    """Where the first stretch of a turn ends, up to its colon, dash, period or line; 0 where it is too long for a name or a story."""
    for at, token in enumerate(tokens[:_LONGEST]):
        if token.text in (":", "—", ".", "\n", "!") and at:
            return at
        dash = token.text == "-" and at and tokens[at - 1].end < token.start and at + 1 < len(tokens) and token.end < tokens[at + 1].start  # fmt: skip
        if dash:
            return at
    return 0


def says_nothing(chart: Chart, at: int) -> bool:
    """Whether a word of a title can decide nothing."""
    token = chart.tokens[at]
    if token.kind != "word" and token.text not in ('"', ",", "-", "'", "&", "(", ")"):
        return False
    if token.text in _WORDS:
        return False
    return not any(kind in _DECIDING for end, kind, _ in chart.lexemes[at] if (end == at + 1 and kind not in ("when", "label", "stop", "target", "sell", "max")) or (end == at + 1 and token.text in ("if", "when", "stop", "target")))  # fmt: skip
