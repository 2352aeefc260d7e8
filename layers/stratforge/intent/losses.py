"""Rules that look back at how the last trade ended, or at what its stop may cost: pauses after losses and stops, sizes by risk, targets as multiples of the risk.

A strategy is not told how a sale went, so a loss is judged where it is decided: by whether the close is below the price that was paid, or for a stop by whether the loss has
reached it. That is known only of sales that the strategy decides itself, on the close of a bar. So an exit that is reached within the bar cannot stand beside such a rule.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stratforge.intent.rules import Rule, RuleError, RuleKind

_MARKS = {"losses": "lost", "losses in a row": "lost", "stops": "stopped", "loss": "lost", "stop": "stopped"}
_WITHIN_THE_BAR = (RuleKind.STOP, RuleKind.TRAIL)
_RESTS = (RuleKind.SELL_LIMIT, RuleKind.SELL_STOP)
# The first bar on which nothing is held any more.
_SOLD = 'position.quantity == 0 and state.get("held", 0) == 1'
_HELD = 'state["held"] = 1 if position.quantity > 0 else 0'


@dataclass(frozen=True, slots=True)
class Stop:
    """The one stop of some rules.

    Attributes:
        percent: How far below the price paid it is, in percent; 0 where it lies at a level.
        level: The level.
    """

    percent: float
    level: ast.expr | None = None


def stop_of(rules: Sequence[Rule]) -> Stop:
    """The stop that a purchase has by these rules.

    Raises:
        RuleError: where there is none, or more than one.
    """
    found = list[Stop]()
    for rule in rules:
        if rule.kind is RuleKind.STOP and rule.condition is None:
            found.append(Stop(rule.value, rule.level))
        elif rule.kind is RuleKind.SELL and rule.value == 100 and rule.condition is not None:
            found += [Stop(percent) for percent in _percents(rule.condition)]
    trails = [each for each in rules if (each.kind is RuleKind.TRAIL and each.condition is None) or (each.kind is RuleKind.SELL and re.search(r"\bdrop(?:_dollars)?\b", each.text))]  # fmt: skip
    if trails and found:
        # One that trails is at first a stop as well, and may be the nearer one.
        raise RuleError(
            "what is risked is measured by the stop, and there is more than one: a stop and one that trails"
        )
    if len(found) != 1 or (found[0].level is None and not 0 < found[0].percent < 100):
        what = "more than one stop" if len(found) > 1 else "no stop"
        raise RuleError(
            f"what is risked is measured by the stop, and there is {what}: write one stop loss, or one sale at gain <= -N"
        )
    return found[0]


def _percents(node: ast.expr) -> Iterator[float]:
    """The losses in percent that are enough to sell by a condition."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        for each in node.values:
            yield from _percents(each)
    elif match := re.fullmatch(r"gain <=? -(\d+(?:\.\d+)?)", ast.unparse(node)):
        yield float(match[1])


def placed_stops(rules: Sequence[Rule]) -> list[Stop]:
    """The stops of a purchase that lie at a level of their own, which may be above the close, and that by which something is measured."""
    measured = any(each.unit == "R" or each.unit.endswith("at risk") or "gain_risks" in each.text for each in rules)
    levels = (each.level for each in rules if each.kind is RuleKind.STOP and each.condition is None)
    return [Stop(0, each) for each in levels if each is not None and (measured or not ast.unparse(each).startswith("close - "))]  # fmt: skip


def distance(stop: Stop, number: Callable[[ast.expr], str]) -> str:
    """Returns how far below the close a stop is, as an expression of `on_bar`."""
    return f"bar.close * {stop.percent / 100:.10g}" if stop.level is None else f"(bar.close - {number(stop.level)})"


@dataclass(frozen=True, slots=True)
class Remembered:
    """The memory that a strategy has of its trades, as code.

    Attributes:
        before: Lines at the beginning of every bar.
        guards: What has to hold for a purchase.
        on_sale: Lines before a sale of everything.
    """

    before: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    on_sale: tuple[str, ...] = ()


def remembered(rules: Sequence[Rule]) -> Remembered:
    """Collects what has to be remembered for the pauses of these rules; pauses of so many bars after any sale aside.

    Raises:
        RuleError: where the rules sell in ways of which a strategy does not know how they went.
    """
    wanted = [each for each in rules if each.kind is RuleKind.LOSSES or (each.kind is RuleKind.PAUSE and each.unit)]
    if not wanted:
        return Remembered()
    marks = list(dict.fromkeys(mark for each in wanted if (mark := _MARKS.get(each.unit.rpartition(" ")[2] if each.kind is RuleKind.PAUSE else each.unit, ""))))  # fmt: skip
    if marks and any(each.kind in _WITHIN_THE_BAR for each in rules):
        raise RuleError(
            "how a stop within the bar went is not known: write it as a sale, sell when gain <= -N, beside pauses after losses"
        )
    if marks and any(each.kind in _RESTS for each in rules):
        raise RuleError("how a sale that rests went is not known, so no pause can follow its losses")
    before, guards = list[str](), list[str]()
    for rule in wanted:
        lines, guard = _losses(rule) if rule.kind is RuleKind.LOSSES else _pause(rule)
        before += lines
        guards.append(guard)
    on_sale = [f'state["{mark}"] = 1 if {_ended_so(mark, rules)} else 0' for mark in marks]
    return Remembered((*before, _HELD), tuple(guards), tuple(on_sale))


def _ended_so(mark: str, rules: Sequence[Rule]) -> str:
    if mark == "lost":
        return "position.unrealized_return < 0"
    return f"position.unrealized_return * 100 <= -{stop_of(rules).percent:.10g}"


def _losses(rule: Rule) -> tuple[list[str], str]:
    mark = _MARKS[rule.unit]
    one_more = f'state["losses"] + state.get("{mark}", 0)'
    if rule.unit.endswith("row"):
        one_more = f'state["losses"] + 1 if state.get("{mark}", 0) == 1 else 0'
    lines = [
        'if new_day:\n        state["losses"] = 0',
        f'if {_SOLD}:\n        state["losses"] = {one_more}',
    ]
    return lines, f'state["losses"] < {rule.value:g}'


def _pause(rule: Rule) -> tuple[list[str], str]:
    span, _, event = rule.unit.partition(" after a ")
    mark = _MARKS.get(event)
    ended = f'{_SOLD} and state.get("{mark}", 0) == 1' if mark else _SOLD
    since = 'state.get("since", 100000)'
    if span == "bars":
        return [f'state["since"] = 1 if {ended} else {since} + 1'], f'state["since"] > {rule.value:g}'
    return [f'state["since"] = 0 if {ended} else ({since} + 1 if new_day else {since})'], f'state["since"] >= {rule.value:g}'  # fmt: skip
