"""The meaning of rules in one form: rules that do the same have equal meanings, however they are written."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from stratforge.intent.lexicon import CLOSE
from stratforge.intent.rules import CONTRARY, HOLDS, OPERATORS, TERM_KINDS, TURNED, Rule, RuleKind, is_number
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.trees import walk

# One thing that has to hold: a comparison, days of the week, something for several bars.
Fact = tuple[object, ...]
# Ways in which a condition holds; each is several facts at once.
Ways = frozenset[frozenset[Fact]]
ALWAYS: Ways = frozenset({frozenset()})
NEVER: Ways = frozenset()
_MOST_WAYS = 128
_STREAK = re.compile(
    r"np\.where\((?P<one>bars\.\w+) (?P<sign>[<>]) (?P<other>bars\.\w+(?:\.shift\(1\))?), 1(?:\.0)?, 0(?:\.0)?\)\.rolling\((?P<n>\d+)\)\.sum\(\)"
)
_MEAN = re.compile(r"(bars\.\w+)\.rolling\((\d+)\)\.mean\(\)")


class TooMany(Exception):
    """A condition has more ways to hold than are compared."""


@dataclass(frozen=True)
class Meaning:
    """The deeds of a strategy, in a form that can be compared.

    Attributes:
        entry: When it buys.
        only: What has to hold too.
        exit: When it sells everything.
        parts: When it sells a part, by the percentage of it.
        settings: Sizes, limits and pauses, each with its number.
    """

    entry: Ways = NEVER
    only: Ways = ALWAYS
    exit: Ways = NEVER
    parts: dict[float, Ways] = field(default_factory=dict)
    settings: frozenset[tuple[str, float, str]] = frozenset()


def meaning_of(rules: Iterable[Rule], *, around_the_clock: bool = False) -> Meaning:
    """The meaning of rules; raises `TooMany` where their conditions are too many to be compared."""
    week = frozenset(range(7 if around_the_clock else 5))
    entry, only, leave = NEVER, ALWAYS, NEVER
    parts: dict[float, Ways] = {}
    settings = set[tuple[str, float, str]]()
    for rule in rules:
        ways = ways_of(rule.condition, week) if rule.condition is not None else ALWAYS
        if rule.kind is RuleKind.BUY:
            entry = either(entry, ways)
        elif rule.kind is RuleKind.ONLY:
            only = both(only, ways, week)
        elif rule.kind is RuleKind.SELL and rule.value == 100:
            leave = either(leave, ways)
        elif rule.kind is RuleKind.SELL:
            parts[rule.value] = either(parts.get(rule.value, NEVER), ways)
        elif rule.kind in (RuleKind.SIZE, RuleKind.LIMIT, RuleKind.PAUSE, RuleKind.LOSSES):
            settings.add((rule.kind.value, rule.value, rule.unit))
        elif (of_gain := _of_gain(rule)) is not None:
            leave = either(leave, at_once(of_gain))
        elif rule.kind in TERM_KINDS and rule.level is not None:
            settings.add(
                (resting(rule.kind, side_of(rule.level), rule.value if rule.unit else 0, rule.unit, rule.bars), 0.0, "")
            )
        elif rule.level is not None and rule.condition is None:
            settings.add((resting(rule.kind, side_of(rule.level)), 0.0, ""))
        elif rule.kind not in (RuleKind.SYMBOL, RuleKind.DROP):
            settings.add((rule.text, 0.0, ""))
    return Meaning(entry, only, leave, parts, frozenset(settings))


def _of_gain(rule: Rule) -> Fact | None:
    """An exit of the order that words such as “stop loss 2%” ask for as well as a sale at that loss."""
    if rule.level is not None or rule.condition is not None or rule.unit == "R":
        return None
    return {
        RuleKind.STOP: ("gain", "<=", f"{-rule.value:g}"),
        RuleKind.TARGET: ("gain", ">=", f"{rule.value:g}"),
        RuleKind.TRAIL: ("drop", ">=", f"{rule.value:g}"),
    }.get(rule.kind)


def resting(kind: RuleKind, level: str, away: float = 0, unit: str = "", bars: int = 0) -> str:
    """An order that rests, or an exit at a price, as the text of its rule; equal ones have equal texts."""
    if kind in TERM_KINDS:
        return f"{kind.value} {f'{away:g}% {unit} ' if unit else ''}{level}{f' for {bars} bars' if bars else ''}"
    return f"{kind.value} at {level}"


def at_once(*facts: Fact) -> Ways:
    """The condition that all these facts make together."""
    return frozenset({frozenset(facts)})


def either(one: Ways, other: Ways) -> Ways:
    """The ways in which one of two conditions holds, none of them a special case of another."""
    ways = one | other
    if len(ways) > _MOST_WAYS:
        raise TooMany
    return frozenset(each for each in ways if not any(less < each for less in ways))


def both(one: Ways, other: Ways, week: frozenset[int]) -> Ways:
    """The ways in which two conditions hold at once."""
    if len(one) * len(other) > _MOST_WAYS:
        raise TooMany
    joined = (_with_days(first | second, week) for first, second in itertools.product(one, other))
    return either(frozenset(each for each in joined if each is not None), NEVER)


def _with_days(facts: frozenset[Fact], week: frozenset[int]) -> frozenset[Fact] | None:
    """Facts with one fact about days; None where no day is left."""
    days = [each for each in facts if each[0] == "days"]
    if not days:
        return facts
    left = frozenset.intersection(week, *(frozenset(each[1:]) for each in days))
    rest = facts - set(days)
    if not left:
        return None
    return rest if left == week else rest | {("days", *sorted(left))}


@lru_cache(1024)
def ways_of(node: ast.expr, week: frozenset[int], *, denied: bool = False) -> Ways:
    """The ways in which a condition of a rule holds; those in which it does not, where it is `denied`."""
    days = _days(node)
    if days is not None:
        open_days = (week - days) if denied else (week & days)
        if open_days == week or not open_days:
            return ALWAYS if open_days else NEVER
        return at_once(("days", *sorted(open_days)))
    if isinstance(node, ast.BoolOp):
        together = isinstance(node.op, ast.And) != denied
        found = ALWAYS if together else NEVER
        for each in node.values:
            ways = ways_of(each, week, denied=denied)
            found = both(found, ways, week) if together else either(found, ways)
        return found
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ways_of(node.operand, week, denied=not denied)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _of_call(node, node.func.id, week, denied=denied)
    assert isinstance(node, ast.Compare)
    found = NEVER if denied else ALWAYS
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        sign = OPERATORS[type(operator)]
        streak = _streak(left, sign, right)
        if streak is not None:
            fact = streak if not denied else ("not", streak)
        else:
            fact = compared(side_of(left), CONTRARY[sign] if denied else sign, side_of(right))
        one = at_once(fact)
        found = either(found, one) if denied else both(found, one, week)
        left = right
    return found


def _of_call(node: ast.Call, name: str, week: frozenset[int], *, denied: bool) -> Ways:
    fact: Fact
    if name in ("for_bars", "within_bars"):
        count, condition = node.args
        fact = ("for" if name == "for_bars" else "within", float(ast.literal_eval(count)), ways_of(condition, week))
    else:
        left, right = (side_of(each) for each in node.args)
        fact = crossed(left, ">" if name == "crosses_above" else "<", right)
    return at_once(("not", fact) if denied else fact)


def compared(left: str, sign: str, right: str) -> Fact:
    """A comparison of two sides; a number stands on the right, and of two columns the greater one on the left."""
    if is_number(left) and not is_number(right):
        left, sign, right = right, TURNED[sign], left
    if not is_number(right) and sign in ("<", "<="):
        left, sign, right = right, TURNED[sign], left
    return left, sign, right


def crossed(left: str, sign: str, right: str) -> Fact:
    """A crossing: the left side comes to be beyond the right one."""
    return ("crosses", *compared(left, sign, right))


def _streak(left: ast.expr, sign: str, right: ast.expr) -> Fact | None:
    """So many bars in a row, as a sum over a window says it."""
    text = ast.unparse(left)
    match = _STREAK.fullmatch(text)
    if match is None or sign != ">=" or ast.unparse(right) != match["n"]:
        return None
    one, other = match["one"].removeprefix("bars."), match["other"].removeprefix("bars.")
    if other.endswith(".shift(1)"):
        other = f"previous({other.removesuffix('.shift(1)')})"
    return ("for", float(match["n"]), at_once(compared(one, match["sign"], other)))


def _days(node: ast.expr) -> frozenset[int] | None:
    """The days on which a condition of nothing but days holds; None for other conditions."""
    names = {each.id for each in walk(node) if isinstance(each, ast.Name)}
    calls = any(isinstance(each, ast.Call | ast.BinOp) for each in walk(node))
    if names != {"weekday"} or calls:
        return None
    return frozenset(day for day in range(7) if _holds(node, day))


def _holds(node: ast.expr, day: int) -> bool:
    if isinstance(node, ast.BoolOp):
        join: Callable[[Iterable[bool]], bool] = all if isinstance(node.op, ast.And) else any
        return join(_holds(each, day) for each in node.values)
    if isinstance(node, ast.UnaryOp):
        return not _holds(node.operand, day)
    assert isinstance(node, ast.Compare)
    values = [day if isinstance(each, ast.Name) else float(ast.literal_eval(each)) for each in (node.left, *node.comparators)]  # fmt: skip
    return all(HOLDS[type(each)](*pair) for each, pair in zip(node.ops, itertools.pairwise(values), strict=True))


@lru_cache(1024)
def side_of(node: ast.expr) -> str:
    """One side of a comparison as a text; equal ones have equal texts."""
    return _side(ast.unparse(node))


def side_of_text(text: str) -> str:
    """One side of a comparison, given as a rule has it, as a text that equal ones share."""
    return _side(ast.unparse(ast.parse(text, mode="eval").body))


@lru_cache(4096)
def _side(text: str) -> str:
    plain = ast.unparse(_Plain().visit(ast.parse(text, mode="eval").body))
    match = re.fullmatch(r"bars\.(\w+)(\.shift\(1\))?", plain)
    return plain if match is None else f"previous({match[1]})" if match[2] else match[1]


class _Plain(ast.NodeTransformer):
    """Writes a side in one form: numbers alike, indicators with all their parameters by name, averages by their indicator."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Name(f"{float(node.value):.10g}") if isinstance(node.value, int | float) else node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        inner = self.visit(node.operand)
        return ast.Name(f"-{inner.id}") if isinstance(inner, ast.Name) and inner.id[:1].isdigit() else ast.UnaryOp(node.op, inner)  # fmt: skip

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        sides = [self.visit(node.left), self.visit(node.right)]
        if isinstance(node.op, ast.Mult | ast.Add):
            sides.sort(key=ast.unparse)
        return ast.BinOp(sides[0], node.op, sides[1])

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if not isinstance(node.func, ast.Attribute):
            return ast.Call(node.func, [self.visit(each) for each in node.args], [])
        owner, name = node.func.value, node.func.attr
        if isinstance(owner, ast.Name) and owner.id == "ta" and name in REGISTRY:
            return _indicator(node, name, [self.visit(each) for each in node.args], [(each.arg or "", self.visit(each.value)) for each in node.keywords])  # fmt: skip
        text = ast.unparse(node)
        if match := _MEAN.fullmatch(text):
            mean: ast.expr = self.visit(ast.parse(f"ta.sma({match[1]}, length={match[2]})", mode="eval").body)
            return mean
        return ast.Call(ast.Attribute(self.visit(owner), name), [self.visit(each) for each in node.args], [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords])  # fmt: skip


def _indicator(node: ast.Call, name: str, given: Sequence[ast.expr], named: Sequence[tuple[str, ast.expr]]) -> ast.expr:
    indicator = REGISTRY[name]
    count = len(indicator.inputs)
    inputs, positional = list(given[:count]), list(given[count:])
    values = dict(zip((each.name for each in indicator.parameters), positional, strict=False)) | dict(named)
    parameters = []
    for each in indicator.parameters:
        value = values.get(each.name)
        if value is None and isinstance(each.default, int | float) and not isinstance(each.default, bool):
            value = ast.Name(f"{float(each.default):.10g}")
        if value is not None:
            parameters.append(ast.keyword(each.name, value))
    return ast.Call(node.func, inputs, parameters)


def on_a_usual_day(fact: Fact) -> Fact:
    """Returns what is counted to the close as a minute of the day, on a day that does not close early; another fact as it is."""
    if fact[0] != "minutes_to_close" or len(fact) != 3 or not is_number(str(fact[2])):
        return fact
    return "minute", TURNED[str(fact[1])], f"{CLOSE - float(str(fact[2])):.10g}"


def facts_in(ways: Ways) -> Iterator[Fact]:
    """All facts of a condition, those that have to hold for several bars included."""
    for way in ways:
        for fact in way:
            yield fact
            for part in fact:
                if isinstance(part, frozenset):
                    yield from facts_in(part)
