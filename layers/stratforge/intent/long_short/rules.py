"""The rules of a strategy that goes long and short: those of each side, and whether one side's turn ends the other.

“buy when”, “buy only when” and “sell when” are of the long side, “short when”, “short only when” and “cover when” of the short one. Sizes, stops, targets and trailing
stops are of both, or of one with its name before them: “long stop loss 2%”, “short size 10 shares”. “turn round”: the condition by which one side is entered closes
the other, and what a crossing enters is entered on the first bar on which nothing is held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stratforge.intent.long_short.marks import Side
from stratforge.intent.reading.said import in_words
from stratforge.intent.rules import EXIT_KINDS, RESULTS, Rule, RuleError, RuleKind, read_rule
from stratforge.intent.shorts import as_short, rule_as_bought

TURN = "turn round"
_LONG = re.compile(r"(?:buy (?:only )?when|sell (?:\d+(?:\.\d+)? ?% )?when) ")
_SHORT = re.compile(r"(?:short (?:only )?when|cover (?:\d+(?:\.\d+)? ?% )?when) ")
# What is set for one side alone.
OF_ONE = re.compile(r"(?P<side>long|short) (?P<rule>(?:size|stop loss|take profit|trailing stop) .+)")
_OF_BOTH = re.compile(r"(?:size|stop loss|take profit|trailing stop) ")
# What a rule asks of the position: no entry can.
_OF_POSITION = frozenset({*RESULTS, "bars_held", "days_held"})
_KINDS = (RuleKind.BUY, RuleKind.ONLY, RuleKind.SELL, RuleKind.SIZE, *EXIT_KINDS)


@dataclass(frozen=True, slots=True)
class SideRule:
    """A rule of one side, or of both, as that of a strategy that buys and sells."""

    side: Side
    rule: Rule


def read_side_rule(text: str) -> SideRule | None:
    """Reads one rule; None for the one that has one side's turn end the other.

    Raises:
        RuleError: saying what cannot be said of a strategy that goes long and short.
    """
    plain = " ".join(text.split()).rstrip(".;")
    if plain == TURN:
        return None
    if match := OF_ONE.fullmatch(plain):
        side, plain = Side(match["side"]), match["rule"]
    elif _LONG.match(plain):
        side = Side.LONG
    elif _SHORT.match(plain):
        side, plain = Side.SHORT, rule_as_bought(plain)
    elif _OF_BOTH.match(plain) or plain.startswith("symbol "):
        side = Side.BOTH
    else:
        raise RuleError(f"a strategy that goes long and short has no such rule; its rules are {', '.join(FORMS)}")
    rule = read_rule(plain)
    if rule.kind is RuleKind.SYMBOL:
        return SideRule(Side.BOTH, rule)
    if rule.kind not in _KINDS or (rule.kind in EXIT_KINDS and (rule.condition is not None or rule.level is not None or rule.unit)) or rule.unit.endswith("risk"):  # fmt: skip
        raise RuleError(
            "exits of strategies that go long and short are percentages that an entry sets, and sizes are plain numbers"
        )
    if rule.kind in (RuleKind.BUY, RuleKind.ONLY) and (asked := _OF_POSITION & rule.facts):
        raise RuleError(f"no entry looks at {', '.join(sorted(asked))}: nothing is held then")
    return SideRule(side, rule)


def read_side_rules(texts: Iterable[str]) -> list[SideRule]:
    """Reads rules; the one that has one side's turn end the other is of neither, and left out.

    Raises:
        RuleError: as `read_side_rule` does.
    """
    return [each for text in texts if (each := read_side_rule(text)) is not None]


def side_in_words(text: str) -> str:
    """A rule of a strategy that goes short, as a short sentence without its period: “short when RSI(14) is above 70”."""
    if text == TURN:
        return "close what is held when the other side's condition comes, and enter that side on the next bar"
    if match := OF_ONE.fullmatch(text):
        words = in_words(read_rule(match["rule"]))
        return f"of the {match['side']} side: {as_short(words) if match['side'] == 'short' else words}"
    if _OF_BOTH.match(text):
        return re.sub(r"^buy ", "enter ", in_words(read_rule(text)))
    return as_short(in_words(read_rule(rule_as_bought(text))))


FORMS = ("buy when", "buy only when", "sell when", "sell N% when", "short when", "short only when", "cover when", "cover N% when", "size", "stop loss N%", "take profit N%", "trailing stop N%", "long stop loss N% and the like for one side", TURN, "symbol")  # fmt: skip


def of_both_sides(rules: Sequence[SideRule]) -> tuple[list[Rule], list[Rule]]:
    """The rules of the long side and those of the short one, as those of a strategy that buys and sells."""
    return _of_side(rules, Side.LONG), _of_side(rules, Side.SHORT)


def _of_side(rules: Iterable[SideRule], side: Side) -> list[Rule]:
    found = {each.rule.text: each.rule for each in rules if each.side in (side, Side.BOTH) and each.rule.kind is not RuleKind.SYMBOL}  # fmt: skip
    return list(found.values())


def of_kind(rules: Sequence[Rule], *kinds: RuleKind) -> list[Rule]:
    """Returns the rules that are of one of these kinds."""
    return [each for each in rules if each.kind in kinds]
