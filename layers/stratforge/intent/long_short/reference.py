"""From the rules of both sides to the strategy that follows them and nothing else: what code is compared with, and what the offline author writes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stratforge.intent.long_short.rules import of_kind
from stratforge.intent.reference_strategy import RuleWriter, compiled
from stratforge.intent.rules import EXIT_KINDS, Rule, RuleError, RuleKind
from stratforge.intent.shorts import code_as_short
from stratforge.strategy import Strategy

_KEY = re.compile(r'state(\[|\.get\()"')
_HEAD = "def on_bar(bar, position, state):\n"


def both_ways(long: Sequence[Rule], short: Sequence[Rule], *, turns: bool, minutes: int = 1) -> Strategy:
    """The strategy of two sides.

    Args:
        long: The rules of the long side.
        short: Those of the short side, as of a strategy that buys and sells.
        turns: Whether one side's turn ends the other.
        minutes: How long its bars are.

    Raises:
        RuleError: if they are no strategy.
    """
    for rules in (long, short):
        if not of_kind(rules, RuleKind.BUY):
            raise RuleError("each side has a rule to enter by: “buy when …” and “short when …”")
        if not turns and not of_kind(rules, RuleKind.SELL, *EXIT_KINDS):
            raise RuleError("each side has an exit: “sell when …” and “cover when …”, or “turn round”")
        for kind in (RuleKind.SIZE, *EXIT_KINDS):
            if len(of_kind(rules, kind)) > 1:
                raise RuleError(f"there is more than one rule “{kind.value} …” of a side")
    crossing = any("crosses_" in each.text for rules in (long, short) for each in of_kind(rules, RuleKind.BUY))
    return _turning(long, short, minutes) if turns and crossing else _side_by_side(long, short, minutes, turns=turns)


def _side_by_side(long: Sequence[Rule], short: Sequence[Rule], minutes: int, *, turns: bool) -> Strategy:
    """Each side by its own rules; where one's turn ends the other, its entry is an exit of that."""
    if turns:
        entries = [of_kind(rules, RuleKind.BUY) for rules in (long, short)]
        long, short = (
            [*rules, *(Rule(RuleKind.SELL, each.condition) for each in of_other)]
            for rules, of_other in ((long, entries[1]), (short, entries[0]))
        )
    columns = dict[str, str]()
    one, other = (RuleWriter(minutes, columns) for _ in range(2))
    first, second = one.statements(long), other.statements(short)
    return compiled(columns, [*first[0], *_short(second[0]), *first[1], *_short(second[1])])


def _turning(long: Sequence[Rule], short: Sequence[Rule], minutes: int) -> Strategy:
    """The side whose crossing came last is remembered until nothing is held."""
    columns = dict[str, str]()
    one, other = (RuleWriter(minutes, columns) for _ in range(2))
    first, second = one.statements(long, entry="turn > 0"), other.statements(short, entry="turn > 0")
    turned = [each.replace("turn > 0", "turn < 0") for each in _short(second[1])]
    return compiled(
        columns,
        [
            *first[0],
            *_short(second[0]),
            'turn = state.get("turn", 0)',
            f"if {one.entry}:",
            "    turn = 1",
            *_short([f"if {other.entry}:", "    turn = -1"]),
            'state["turn"] = 0',
            "if position.quantity > 0 and turn < 0:",
            '    state["turn"] = turn',
            "    return sell()",
            "if position.quantity < 0 and turn > 0:",
            '    state["turn"] = turn',
            "    return cover()",
            *first[1],
            *turned,
        ],
    )


def _short(lines: Sequence[str]) -> list[str]:
    """Statements of a strategy that buys and sells as those of the short side, with a memory of their own."""
    if not lines:
        return []
    own = (_KEY.sub(r'state\1"short_', each) for each in lines)
    body = "".join(f"    {each}\n" for each in own)
    written = code_as_short(_HEAD + body).removeprefix(_HEAD)
    return [each.removeprefix("    ") for each in written.rstrip("\n").split("\n")]
