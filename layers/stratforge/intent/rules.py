"""The formal rules of a requirement: sentences of a small vocabulary (`vocabulary()` lists it), read into conditions."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from operator import eq, ge, gt, le, lt, ne

from stratforge.market.clocks import CLOCKS, clock_field, place_in_words
from stratforge.strategy.trees import walk

FACTS = {
    "open": "the bar's open",
    "high": "the bar's high",
    "low": "the bar's low",
    "close": "the bar's close",
    "volume": "the bar's volume",
    "minute": "minute of the day in exchange time at which the bar begins, on bars of 5 to 30 minutes at which it ends: 10:30 is 630",
    "minutes_to_close": "minutes from then to the exchange's close, early closes included: 1 on a day's last bar of a minute, so that the last 15 minutes of the day are minutes_to_close <= 15; none of coins",
    **{clock_field(place): f"minute of the day on {place_in_words(place)}'s clocks: 16:30 is 990" for place in CLOCKS},
    "weekday": "Monday is 0",
    "bars_held": "bars that the position is held",
    "days_held": "trading days that have begun since the fill of the purchase: 0 on its day; what is decided on a day's last bar is filled on the next. Of coins days begin at midnight: “after 2 days” of one is bars_held >= 2880",
    "entry_price": "average price paid",
    "gain": "of the position, in percent; a loss is negative",
    "gain_dollars": "close less entry price",
    "gain_risks": "the gain as a multiple of what the stop was away at the purchase: 2 at 2R; there has to be one stop",
    "drop": "percent that the close is below the highest close since the purchase",
    "drop_dollars": "the same in dollars",
    "day_open": "first open of the day; this and what follows is unknown, and no comparison with it holds, on the day on which a session or a backtest begins, unless it begins with the day's first bar at the open",
    "day_high": "highest high of the day so far",
    "day_low": "lowest low of the day so far",
    "day_high_before": "highest high of the day before this bar, which a new high of the day is above; on the day's first bar its own",
    "day_low_before": "lowest low of the day before this bar; on the day's first bar its own",
    "yesterday_open": "first open of the trading day before",
    "yesterday_high": "its highest high",
    "yesterday_low": "its lowest low",
    "yesterday_close": "its last close",
    "account_cash": "money of the account that is not held back, in dollars",
    "account_equity": "cash and what everything held is worth, in dollars",
}
PRICES = frozenset({"open", "high", "low", "close"})
# Of what trades around the clock a day has no close: “after 2 days” is after so many minutes.
MINUTES_A_DAY = 1_440
# Facts that judge a position by its price.
RESULTS = ("gain", "gain_dollars", "gain_risks", "drop", "drop_dollars", "entry_price")
CALLS = (
    "previous",
    "crosses_above",
    "crosses_below",
    "for_bars",
    "within_bars",
    "abs",
    "min",
    "max",
    "opening_high",
    "opening_low",
)
# The longest opening range, in minutes: a trading day.
LONGEST_OPENING = 390
_FORMS = (
    ("buy when <condition>", "buys, when nothing is held"),
    ("buy only when <condition>", "has to hold too, whatever else makes it buy"),
    ("sell when <condition>", "sells everything; looked at before partial sales"),
    ("sell 50% when <condition>", "sells a part, once for each position"),
    (
        "size 20% of equity | size 1000 dollars | size 10 shares",
        "the size of a purchase; without it the session decides",
    ),
    (
        "size 1% of equity at risk | size 200 dollars at risk",
        "as many shares as lose this between the close and the stop; there has to be one stop: stop loss …, or a sale at gain <= -N",
    ),
    ("at most 2 buys a day", "counted anew each day"),
    ("wait 10 bars after a sale | wait 2 days after a loss | wait 30 bars after a stop", "before it buys again"),
    (
        "no buys after 2 losses a day | no buys after 2 losses in a row a day | no buys after 1 stop a day",
        "for the rest of the day. A loss is a sale of everything that is decided below the price that was paid; a stop is one at gain <= -N, or lower. Stops are then sales, and no orders",
    ),
    (
        "stop loss 2% | take profit 5% | trailing stop 3%",
        "set with every purchase; looked at within the bar, at any price of it (stop_loss=0.02 in the code)",
    ),
    (
        "stop loss at <number> | take profit at <number>",
        "the same at a price that is computed at the purchase; nothing is bought while a stop would lie above the close",
    ),
    ("take profit 2R", "at twice the distance of the stop: there has to be one stop"),
    ("stop loss 0% when <condition>", "set anew while something is held (adjust in the code); so are the others"),
    (
        "buy at limit 1% below close for 10 bars | buy at stop <number> | sell at limit 2% above entry_price | sell at stop <number>",
        "every purchase, or sale, is an order that rests at this price, which is computed when it is decided (limit=, stop=, expire_bars= in the code). With “for …” it is not decided anew while it rests, which code counts in state; without, every bar on which its condition holds moves it",
    ),
    (
        "sell at limit 2% above entry_price with sell at stop 1% below entry_price | buy at limit 1% below close with buy at stop 1% above close",
        "two rules, a percentage on either side of a price: whichever the market comes to first is executed, and cancels the other (limit= and or_stop= in the code). Any other stop with a limit becomes a limit order at its stop (stop= and limit=)",
    ),
    ("symbol AAPL", "what it trades"),
    ("drop <rule>", "takes away a rule that stood before this turn"),
)
_ROOTS = frozenset({"ta", "bars", "np"})
OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
HOLDS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: gt, ast.GtE: ge, ast.Lt: lt, ast.LtE: le, ast.Eq: eq, ast.NotEq: ne,
}  # fmt: skip
# The same by the signs that facts have.
HOLDS_BY_SIGN = {OPERATORS[each]: holds for each, holds in HOLDS.items()}
CONTRARY = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
GREATER, LESS = frozenset({">", ">="}), frozenset({"<", "<="})


class RuleError(Exception):
    """A rule that is not in the vocabulary; says what is wrong with it."""


class RuleKind(StrEnum):
    """The kinds of rules, by the words they begin with."""

    BUY = "buy when"
    ONLY = "buy only when"
    SELL = "sell when"
    SIZE = "size"
    LIMIT = "at most"
    PAUSE = "wait"
    LOSSES = "no buys after"
    STOP = "stop loss"
    TARGET = "take profit"
    TRAIL = "trailing stop"
    BUY_LIMIT = "buy at limit"
    BUY_STOP = "buy at stop"
    SELL_LIMIT = "sell at limit"
    SELL_STOP = "sell at stop"
    SYMBOL = "symbol"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Atom:
    """One comparison of a condition, with the negations before it worked in; a crossing is one too."""

    left: str
    operator: str
    right: str
    crossing: bool = False

    @property
    def text(self) -> str:
        """The comparison as text: left side, operator, right side."""
        return f"{self.left} {self.operator} {self.right}"

    @property
    def ways(self) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
        """The comparison read from its left and from its right: a side, its operator, the other side."""
        return (self.left, self.operator, self.right), (self.right, TURNED[self.operator], self.left)

    @property
    def numbers(self) -> frozenset[float]:
        """All numbers in it, without their signs."""
        return numbers_in_text(self.left) | numbers_in_text(self.right)


# Exits that are kept with the position and reached within a bar.
EXIT_KINDS = (RuleKind.STOP, RuleKind.TARGET, RuleKind.TRAIL)
# The terms of purchases and of sales that rest, with the argument that each is in the code.
TERM_KINDS = {
    RuleKind.BUY_LIMIT: "limit",
    RuleKind.BUY_STOP: "stop",
    RuleKind.SELL_LIMIT: "limit",
    RuleKind.SELL_STOP: "stop",
}


def either_side(rules: Sequence[Rule], side: str) -> bool:
    """Returns whether the purchases, or sales, of rules rest at a limit and at a stop on either side of a price, of which one cancels the other."""
    units = {TERM_KINDS[each.kind]: each.unit for each in rules if each.kind in TERM_KINDS and each.kind.value.startswith(side)}  # fmt: skip
    return units == ({"limit": "below", "stop": "above"} if side == "buy" else {"limit": "above", "stop": "below"})


@dataclass(frozen=True)
class Rule:
    """One rule of a requirement.

    Attributes:
        condition: When; None for sizes, limits and exits that a purchase sets.
        value: The part that is sold, in percent; the amount of a size; the count of a limit or a pause; how far an exit is from the entry, in percent.
        unit: Of a size: `% of equity`, `dollars` or `shares`, `% of equity at risk` or `dollars at risk`; of a pause: `days after a loss` and so on, empty for bars after a sale;
            of losses that end a day: `losses`, `losses in a row` or `stops`; of a target: `R` where it is a multiple of the stop's distance; of a price that rests, on which side
            of its level it is: `below` or `above`; otherwise the symbol.
        dropped: The rule that is taken away.
        level: The price of an exit, None when it is `value` percent from the entry; of an order that rests, what it is `value` percent from.
        bars: For how many bars an order rests; 0 for no end.
    """

    kind: RuleKind
    condition: ast.expr | None = None
    value: float = 100.0
    unit: str = ""
    dropped: Rule | None = None
    level: ast.expr | None = None
    bars: int = 0

    @cached_property
    def text(self) -> str:
        """The rule in its canonical form; equal rules have equal texts."""
        if self.dropped is not None:
            return f"drop {self.dropped.text}"
        if self.kind is RuleKind.SIZE:
            return f"size {self.value:g}{'' if self.unit.startswith('%') else ' '}{self.unit}"
        if self.kind is RuleKind.SYMBOL:
            return f"symbol {self.unit}"
        if self.kind is RuleKind.LIMIT:
            return f"at most {self.value:g} buys a day"
        if self.kind is RuleKind.PAUSE:
            return f"wait {self.value:g} {self.unit or 'bars after a sale'}"
        if self.kind is RuleKind.LOSSES:
            return f"no buys after {self.value:g} {self.unit} a day"
        if self.unit == "R":
            return f"{self.kind.value} {self.value:g}R"
        if self.kind in TERM_KINDS and self.level is not None:
            away = f"{self.value:g}% {self.unit} " if self.unit else ""
            return f"{self.kind.value} {away}{ast.unparse(self.level)}{f' for {self.bars} bars' if self.bars else ''}"
        if self.kind in EXIT_KINDS:
            far = f"{self.value:g}%" if self.level is None else f"at {ast.unparse(self.level)}"
            when = f" when {ast.unparse(self.condition)}" if self.condition else ""
            return f"{self.kind.value} {far}{when}"
        lead = f"sell {self.value:g}% when" if self.kind is RuleKind.SELL and self.value != 100 else self.kind.value
        return f"{lead} {ast.unparse(self.condition) if self.condition else ''}"

    @cached_property
    def atoms(self) -> tuple[Atom, ...]:
        """The comparisons that the condition is made of, negations worked in."""
        return tuple(_atoms(self.condition, negated=False)) if self.condition else ()

    @cached_property
    def numbers(self) -> frozenset[float]:
        """All numbers in it, without their signs."""
        counted = self.kind in (RuleKind.SIZE, RuleKind.LIMIT, RuleKind.PAUSE, RuleKind.LOSSES)
        found = {self.value} if counted or (self.kind is RuleKind.SELL and self.value != 100) else set()
        if self.kind in EXIT_KINDS:
            found = {self.value} if self.level is None else numbers_in(self.level)
        if self.kind in TERM_KINDS and self.level is not None:
            found = (
                numbers_in(self.level)
                | ({self.value} if self.unit else set())
                | ({float(self.bars)} if self.bars else set())
            )
        return frozenset(found | (numbers_in(self.condition) if self.condition else set()))

    @cached_property
    def facts(self) -> frozenset[str]:
        """The facts that it looks at."""
        return frozenset(name for name in FACTS if re.search(rf"\b{name}\b", self.text))

    @cached_property
    def offers_choice(self) -> bool:
        """True when one of several things is enough: an `or` of things that are not days."""
        return self.condition is not None and any(_choices(self.condition, negated=False))


def vocabulary() -> str:
    """The forms of rules and the words of conditions, for the model's prompt and for people."""
    forms = "\n".join(f"  {form}: {meaning}" for form, meaning in _FORMS)
    facts = "\n".join(f"  {name}: {meaning}" for name, meaning in FACTS.items())
    return f"""\
A rule is one of
{forms}
A condition is an expression with and, or, not, comparisons, + - * / and numbers over columns written as in indicators (ta.rsi(bars.close, length=14)), those of another
symbol as bars.of("SPY").close and ta.sma(bars.of("SPY").close, length=200), where each comparison is about one symbol,
previous(x), crosses_above(a, b), crosses_below(a, b), for_bars(n, condition): at each of the last n bars, within_bars(n, condition): at one of them, opening_high(n) and opening_low(n) of the first n minutes of the day's session, and these words:
{facts}"""


@lru_cache(256)
def read_rule(text: str) -> Rule:
    """Reads one rule from its text. An answer's rules are read by everything that judges it, so they are kept: nobody changes a rule's expressions.

    Raises:
        RuleError: saying what is not in the vocabulary.
    """
    plain = " ".join(text.split()).rstrip(".;")
    if match := re.fullmatch(r"drop (.+)", plain):
        return Rule(RuleKind.DROP, dropped=read_rule(match[1]))
    if match := re.fullmatch(r"(buy only when|buy when|sell when) (.+)", plain):
        return Rule(RuleKind(match[1]), _condition(match[2]))
    if match := re.fullmatch(r"sell (\d+(?:\.\d+)?) ?% when (.+)", plain):
        if float(match[1]) > 100:
            raise RuleError("no more than all of a position is sold")
        return Rule(RuleKind.SELL, _condition(match[2]), float(match[1]))
    if match := re.fullmatch(r"size (\d+(?:\.\d+)?) ?(% of equity|%|dollars?|shares?|coins?)( at risk)?", plain):
        unit = "% of equity" if match[2][0] == "%" else "dollars" if match[2][0] == "d" else "shares"
        if match[3] and unit == "shares":
            raise RuleError("what is at risk is an amount of money: dollars, or a percentage of equity")
        return Rule(RuleKind.SIZE, value=float(match[1]), unit=f"{unit}{match[3] or ''}")
    if match := re.fullmatch(r"at most (\d+) (?:buys?|trades?) (?:a|per) day", plain):
        return Rule(RuleKind.LIMIT, value=float(match[1]))
    if match := re.fullmatch(r"wait (\d+) (bar|day)s? after a (sale|loss|stop)", plain):
        unit = f"{match[2]}s after a {match[3]}"
        return Rule(RuleKind.PAUSE, value=float(match[1]), unit="" if unit == "bars after a sale" else unit)
    if match := re.fullmatch(r"no buys after (\d+) (?:(loss(?:es)?)( in a row)?|stops?) a day", plain):
        if not int(match[1]):
            raise RuleError("so many losses are at least 1")
        return Rule(RuleKind.LOSSES, value=float(match[1]), unit=f"losses{match[3] or ''}" if match[2] else "stops")
    if match := re.fullmatch(r"take profit (\d+(?:\.\d+)?)R", plain):
        return Rule(RuleKind.TARGET, value=float(match[1]), unit="R")
    if match := re.fullmatch(
        r"(stop loss|take profit|trailing stop) (?:(\d+(?:\.\d+)?) ?%|at (.+?))(?: when (.+))?", plain
    ):
        kind, level = RuleKind(match[1]), None
        if match[3]:
            level = _expression(match[3])
            _check(level, truth=False)
        if kind is RuleKind.TRAIL and level is not None:
            raise RuleError("a trailing stop is so many percent below the highest price")
        condition = _condition(match[4]) if match[4] else None
        return Rule(kind, condition, float(match[2] or 0), level=level)
    if match := re.fullmatch(
        r"((?:buy|sell) at (?:limit|stop)) (?:(\d+(?:\.\d+)?) ?% (below|above) )?(.+?)(?: for (\d+) bars?)?", plain
    ):
        level = _expression(match[4])
        _check(level, truth=False)
        bars = int(match[5] or 0)
        if match[5] and not 1 <= bars <= 10_000:
            raise RuleError("an order rests for 1 to 10,000 bars")
        return Rule(RuleKind(match[1]), value=float(match[2] or 0), unit=match[3] or "", level=level, bars=bars)
    if match := re.fullmatch(r"symbol ([A-Za-z0-9./]{1,12})", plain):
        return Rule(RuleKind.SYMBOL, unit=match[1].upper())
    forms = "buy when, buy only when, sell when, sell N% when, size, at most N buys a day, wait N bars after a sale, no buys after N losses a day, stop loss, take profit, trailing stop, buy at limit, buy at stop, sell at limit, sell at stop, symbol, drop"
    raise RuleError(f"a rule begins with one of: {forms}")


def is_number(side: str) -> bool:
    """Says whether one side of a comparison is a plain number."""
    try:
        float(side)
    except ValueError:
        return False
    return True


def is_column(node: ast.AST) -> bool:
    """Says whether an expression is one of `indicators`: it is made of columns and numbers alone."""
    names = {each.id for each in walk(node) if isinstance(each, ast.Name)}
    return bool(names) and names <= _ROOTS


def looked_at(node: ast.AST) -> frozenset[str]:
    """The symbols whose bars an expression is made of; the traded one, and its facts, are the empty text."""
    found, inside = set[str](), set[ast.AST]()
    for each in walk(node):
        match each:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="bars") as bars, attr="of"), args=args):
                found |= {str(one.value) for one in args if isinstance(one, ast.Constant)}
                inside.add(bars)
    named = {each.id for each in walk(node) if isinstance(each, ast.Name) and each not in inside}
    return frozenset(found | ({""} if named & {*FACTS, "bars"} else set()))


def expressions_of(rule: Rule) -> list[ast.expr]:
    """The condition and the level of a rule, or of the one that it takes away, as far as it has them."""
    plain = rule.dropped or rule
    return [each for each in (plain.condition, plain.level) if each is not None]


def others_of(rule: Rule) -> frozenset[str]:
    """The other symbols that a rule looks at, also where it is taken away."""
    return frozenset(one for each in expressions_of(rule) for one in looked_at(each) if one)


def looks_at_another(rules: Iterable[str]) -> bool:
    """Returns whether any of these rules, given as texts, looks at another symbol.

    Raises:
        RuleError: if one is no rule.
    """
    return any(others_of(read_rule(each)) for each in rules)


def numbers_in(node: ast.AST) -> set[float]:
    """The numbers of an expression, without their signs."""
    return {
        abs(float(each.value))
        for each in walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, int | float) and not isinstance(each.value, bool)
    }


@lru_cache(1024)
def numbers_in_text(expression: str) -> frozenset[float]:
    """The numbers of an expression that is given as text, without their signs."""
    return frozenset(numbers_in(ast.parse(expression, mode="eval")))


def _condition(text: str) -> ast.expr:
    tree = _expression(text)
    _check(tree, truth=True)
    return tree


def _expression(text: str) -> ast.expr:
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RuleError(f"“{text[:80]}” is no expression") from error
    if sum(1 for _ in walk(tree)) > 400:
        raise RuleError("the condition is too long; write several rules")
    return tree


def _check(node: ast.expr, *, truth: bool) -> None:
    """That a part of a condition is in the vocabulary; `truth` says whether it has to hold or not, rather than be a number."""
    said = ast.unparse(node)[:80]
    if isinstance(node, ast.BoolOp) and truth:
        for each in node.values:
            _check(each, truth=True)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and truth:
        _check(node.operand, truth=True)
    elif isinstance(node, ast.Compare) and truth:
        for each in (node.left, *node.comparators):
            _check(each, truth=False)
        _of_one(node, said)
        if any(type(each) not in OPERATORS for each in node.ops):
            raise RuleError(f"“{said}” compares in a way that is not known: use < <= > >= == !=")
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
        _check_call(node, node.func.id, said, truth=truth)
    elif truth:
        raise RuleError(f"“{said}” is no condition: compare something")
    elif is_column(node) or (isinstance(node, ast.Constant) and type(node.value) in (int, float)):
        return
    elif isinstance(node, ast.Name):
        if node.id not in FACTS:
            raise RuleError(f"“{node.id}” is not known; the words are {', '.join(FACTS)}")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _check(node.operand, truth=False)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
        _check(node.left, truth=False)
        _check(node.right, truth=False)
    else:
        raise RuleError(f"“{said}” is not in the vocabulary of rules")


def _check_call(node: ast.Call, name: str, said: str, *, truth: bool) -> None:
    if node.keywords:
        raise RuleError(f"“{said}”: {name} takes no names for its arguments")
    crossing = name in ("crosses_above", "crosses_below")
    if (crossing or name in ("for_bars", "within_bars")) != truth:
        raise RuleError(f"“{said}” is {'no number' if not truth else 'no condition'}")
    expected = {"previous": 1, "abs": 1, "opening_high": 1, "opening_low": 1}.get(name, 2)
    if len(node.args) != expected:
        raise RuleError(f"“{said}”: {name} takes {expected} arguments")
    if name.startswith("opening"):
        count = node.args[0]
        if not isinstance(count, ast.Constant) or type(count.value) is not int or not 1 <= count.value <= LONGEST_OPENING:  # fmt: skip
            raise RuleError(f"“{said}”: {name} takes a whole number of minutes, 1 to {LONGEST_OPENING}")
        return
    if name in ("for_bars", "within_bars"):
        count, condition = node.args
        if not isinstance(count, ast.Constant) or type(count.value) is not int or not 1 <= count.value <= 10_000:
            raise RuleError(f"“{said}”: {name} begins with a whole number of bars")
        _check(condition, truth=True)
        return
    for each in node.args:
        _check(each, truth=False)
    _of_one(node, said)


def _of_one(node: ast.expr, said: str) -> None:
    """That a comparison, or a calculation, is about one symbol: no words say surely how those of two are compared."""
    if len(looked_at(node)) > 1:
        raise RuleError(f"“{said}” is about two symbols: each comparison is about one")


def _atoms(node: ast.expr, *, negated: bool) -> Iterator[Atom]:
    if isinstance(node, ast.BoolOp):
        for each in node.values:
            yield from _atoms(each, negated=negated)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _atoms(node.operand, negated=not negated)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("for_bars", "within_bars"):
        yield from _atoms(node.args[1], negated=negated)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        sign = ">" if node.func.id == "crosses_above" else "<"
        left, right = map(ast.unparse, node.args)
        yield Atom(left, CONTRARY[sign] if negated else sign, right, crossing=True)
    elif isinstance(node, ast.Compare):
        left_node = node.left
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            sign = OPERATORS[type(operator)]
            yield Atom(ast.unparse(left_node), CONTRARY[sign] if negated else sign, ast.unparse(right_node))
            left_node = right_node


def _choices(node: ast.expr, *, negated: bool) -> Iterator[bool]:
    if isinstance(node, ast.BoolOp):
        days = all("weekday" in ast.unparse(each) for each in node.values)
        yield isinstance(node.op, ast.And if negated else ast.Or) and not days
        for each in node.values:
            yield from _choices(each, negated=negated)
    elif isinstance(node, ast.UnaryOp):
        yield from _choices(node.operand, negated=not negated)
    elif isinstance(node, ast.Call):
        for each in node.args:
            yield from _choices(each, negated=negated)
