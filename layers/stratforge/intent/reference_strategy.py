"""From rules to the strategy that follows them and nothing else: what a model's code is compared with."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stratforge.intent.columns import cannot_be_said
from stratforge.intent.losses import distance, placed_stops, remembered, stop_of
from stratforge.intent.rules import (
    EXIT_KINDS,
    OPERATORS,
    TERM_KINDS,
    Rule,
    RuleError,
    RuleKind,
    either_side,
    is_column,
    is_number,
)
from stratforge.intent.timeframes import ON_THE_CLOCK
from stratforge.market.clocks import CLOCKS, clock_field
from stratforge.market.resampling import DAY
from stratforge.strategy import Strategy, StrategyError, compile_strategy

# The minute of the day at which the session opens.
_OPEN = 570
_OF_THE_BAR = ("open", "high", "low", "close", "volume")
_DAY = ('new_day = bar.time.weekday != state.get("day", -1)', 'state["day"] = bar.time.weekday')
# A day is known from its first bar on: on the day on which a strategy begins only where it begins with the open, else from the next day on.
_TODAY = (
    'day_begins = bar.time.weekday != state.get("today", -1 if bar.time.minutes_to_close == 390 else bar.time.weekday)',
    'state["today"] = bar.time.weekday',
)
_PEAK = (
    'peak = max(state.get("peak", bar.close), bar.close) if position.quantity > 0 else bar.close',
    'state["peak"] = peak',
)
# On the first bar of a position none has begun, though it may be the first of a day.
_DAYS_HELD = 'state["days_held"] = state.get("days_held", 0) + (1 if new_day else 0) if position.bars_held > 1 else 0'
_KEPT = {
    "open": 'bar.open if day_begins else state.get("open")',
    "high": 'bar.high if day_begins else max(state.get("high"), bar.high)',
    "low": 'bar.low if day_begins else min(state.get("low"), bar.low)',
    "close": "bar.close",
}
_WORDS = {
    "minute": "(bar.time.hour * 60 + bar.time.minute)",
    **{clock_field(place): f"bar.time.{clock_field(place)}" for place in CLOCKS},
    "minutes_to_close": "bar.time.minutes_to_close",
    "weekday": "bar.time.weekday",
    "bars_held": "position.bars_held",
    "entry_price": "position.average_entry_price",
    "gain": "(position.unrealized_return * 100)",
    "gain_dollars": "(bar.close - position.average_entry_price)",
    "drop": "((1 - bar.close / peak) * 100)",
    "drop_dollars": "(peak - bar.close)",
    "account_cash": "account.cash",
    "account_equity": "account.equity",
}
# Of longer bars these are of the end of a bar, and in the code of its beginning: so many bars are added to what they are compared with.
_ENDS = {"minute": -1, "minutes_to_close": 1}


def reference_strategy(rules: Sequence[Rule], minutes: int = 1) -> Strategy:
    """The strategy that follows the rules.

    Args:
        rules: All of them.
        minutes: How long its bars are: the time of day of longer ones, up to half an hour, is that at which they end.

    Raises:
        RuleError: if they are not a whole strategy, or say something that the language has not.
    """
    exits = [each for each in rules if each.kind in EXIT_KINDS]
    if not any(each.kind is RuleKind.BUY for each in rules):
        raise RuleError("there is no rule “buy when …”")
    if not any(each.kind is RuleKind.SELL for each in rules) and not any(each.condition is None for each in exits):
        raise RuleError("there is no rule “sell when …”")
    for kind in (RuleKind.SIZE, RuleKind.LIMIT, RuleKind.PAUSE, RuleKind.LOSSES):
        if len({each.text for each in rules if each.kind is kind}) > 1:
            raise RuleError(f"there is more than one rule “{kind.value} …”")
    for kind in EXIT_KINDS:
        if len({each.text for each in exits if each.kind is kind and each.condition is None}) > 1:
            raise RuleError(f"there is more than one rule “{kind.value} …” for a purchase")
    for kind in TERM_KINDS:
        if len({each.text for each in rules if each.kind is kind}) > 1:
            raise RuleError(f"there is more than one rule “{kind.value} …”")
    writer = RuleWriter(minutes)
    before, decisions = writer.statements(rules)
    return compiled(writer.columns, (*before, *decisions))


def compiled(columns: Mapping[str, str], statements: Sequence[str]) -> Strategy:
    """The strategy of statements of `on_bar` that a writer of rules has made.

    Args:
        columns: The columns that they look at, with their names.
        statements: What is done on every bar.

    Raises:
        RuleError: if the language has no such strategy, or a column is none of a rule.
    """
    named = "".join(f'        "{name}": {call},\n' for call, name in columns.items())
    head = f"def indicators(bars):\n    return {{\n{named}    }}\n\n\n" if columns else ""
    source = head + "def on_bar(bar, position, state):\n" + "".join(f"    {each}\n" for each in statements)
    try:
        strategy = compile_strategy(source)
    except StrategyError as error:
        finding = error.findings[0]
        raise RuleError(f"{finding.message}. {finding.suggestion or ''}".strip()) from error
    for name, column in strategy.columns.items():
        if (part := cannot_be_said([column])) is not None:
            text = next(call for call, its_name in columns.items() if its_name == name)
            raise RuleError(
                f"“{text[:80]}” cannot be said as a rule: a column is made of indicators, windows and arithmetic, and {part.operation.replace('_', ' ')} is a condition of its own"
            )
    return strategy


@dataclass
class RuleWriter:
    """Writes rules as statements of `on_bar`; the columns that they look at are named as they come, and may be shared with another writer.

    Attributes:
        minutes: How long its bars are.
        entry: After the statements were written, when it buys, without its guards.
    """

    minutes: int = 1
    columns: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    rules: Sequence[Rule] = ()
    on_buy: list[str] = field(default_factory=list)
    entry: str = ""

    def __post_init__(self) -> None:
        # Of bars longer than half an hour the time of day is that at which they begin.
        self.minutes = self.minutes if self.minutes in ON_THE_CLOCK else 1

    def statements(self, rules: Sequence[Rule], entry: str = "") -> tuple[list[str], list[str]]:
        """The statements of rules: what is kept on every bar, and what decides.

        Args:
            rules: All that there are.
            entry: What says that it buys, in the place of the rules' own conditions.
        """
        self.rules = rules
        texts = {kind: [self._truth(each.condition) for each in rules if each.kind is kind and each.condition] for kind in (RuleKind.BUY, RuleKind.ONLY)}  # fmt: skip
        sales = [(each, self._truth(each.condition)) for each in rules if each.kind is RuleKind.SELL and each.condition]
        guards = [f"({each})" for each in texts[RuleKind.ONLY]]
        on_buy = []
        for each in rules:
            if each.kind is RuleKind.LIMIT:
                self._need(*_DAY)
                self._need('if new_day:\n        state["bought"] = 0')
                guards.append(f'state["bought"] < {each.value:g}')
                on_buy.append('state["bought"] = state["bought"] + 1')
            elif each.kind is RuleKind.PAUSE and not each.unit:
                self._need('state["flat"] = state.get("flat", 100000) + 1 if position.quantity == 0 else 0')
                guards.append(f'state["flat"] > {each.value:g}')
        looking_back = remembered(rules)
        if looking_back.before:
            self._need(*_DAY, *looking_back.before)
            guards += looking_back.guards
        exits = [each for each in rules if each.kind in EXIT_KINDS]
        resting = {side: self._terms(rules, side) for side in ("buy", "sell")}
        offer = []
        for side, held, name in (("buy", "==", "rests"), ("sell", ">", "offered")):
            bars = max(
                (each.bars for each in rules if each.kind in TERM_KINDS and each.kind.value.startswith(side)), default=0
            )
            if bars:
                # While it rests it is not decided anew, which would move it.
                self._need(f'state["{name}"] = max(state.get("{name}", 0) - 1, 0) if position.quantity {held} 0 else 0')
                if side == "buy":
                    guards.append('state["rests"] == 0')
                    on_buy.append(f'state["rests"] = {bars}')
                else:
                    offer = [f'    state["offered"] = {bars}']
        free = ' and state["offered"] == 0' if offer else ""
        given = [
            self._size(rules),
            *resting["buy"],
            *(self._exit(each, rules) for each in exits if each.condition is None),
        ]
        adjusted = [
            (self._truth(each.condition), self._exit(each, rules)) for each in exits if each.condition is not None
        ]
        self.entry = " or ".join(f"({each})" for each in texts[RuleKind.BUY])
        offer += [f"    {each}" for each in looking_back.on_sale]
        # What lies above the close is no stop: it would sell at once, and nothing can be measured by it.
        guards += (f"{distance(each, self._number)} > 0" for each in placed_stops(rules))
        parts = [pair for pair in sales if pair[0].value != 100]
        # Before a purchase on the first bar on which nothing is held.
        self._need(*(f'if position.quantity == 0:\n        state["sold_{number}"] = 0' for number in range(len(parts))))
        lines = [f"if position.quantity == 0 and ({entry or self.entry}){''.join(f' and {each}' for each in guards)}:"]
        lines += [f"    {each}" for each in (*on_buy, *self.on_buy)] + [
            f"    return buy({', '.join(filter(None, given))})"
        ]
        whole = " or ".join(f"({text})" for each, text in sales if each.value == 100)
        lines += (
            [f"if position.quantity > 0{free} and ({whole}):", *offer, f"    return sell({', '.join(resting['sell'])})"]
            if whole
            else []
        )
        for number, (rule, text) in enumerate(parts):
            # An exit that is set anew at the same moment goes with the sale: on the next bar the moment may be over.
            moved = [exit_ for condition, exit_ in adjusted if condition == text]
            lines += [
                f'if position.quantity > 0{free} and state.get("sold_{number}", 0) == 0 and ({text}):',
                *offer,
                f'    state["sold_{number}"] = 1',
                f"    return sell({', '.join([f'fraction={rule.value / 100:.6g}', *resting['sell'], *moved])})",
            ]
        for text, exit_ in adjusted:
            lines += [f"if position.quantity > 0 and {text}:", f"    return adjust({exit_})"]
        return self.before, lines

    def _size(self, rules: Sequence[Rule]) -> str:
        size = next((each for each in rules if each.kind is RuleKind.SIZE), None)
        if size is None or not size.unit.endswith("at risk"):
            return _size(rules)
        lost = f"{size.value:.10g}" if size.unit[0] == "d" else f"account.equity * {size.value / 100:.10g}"
        return f"quantity={lost} / ({distance(stop_of(rules), self._number)})"

    def _exit(self, rule: Rule, rules: Sequence[Rule]) -> str:
        name = rule.kind.value.replace(" ", "_")
        if rule.unit == "R":
            stop = stop_of(rules)
            if stop.level is None:
                return f"{name}={stop.percent * rule.value / 100:.10g}"
            return f"{name}_price=bar.close + {rule.value:.10g} * {distance(stop, self._number)}"
        if rule.level is None:
            return f"{name}={rule.value / 100:.10g}"
        return f"{name}_price={self._number(rule.level)}"

    def _terms(self, rules: Sequence[Rule], side: str) -> list[str]:
        """The arguments with which purchases, or sales, rest."""
        found, bars = [], 0
        beside = either_side(rules, side)
        for each in rules:
            if each.kind in TERM_KINDS and each.kind.value.startswith(side) and each.level is not None:
                away = 1 + each.value / 100 * (1 if each.unit == "above" else -1) if each.unit else 1.0
                price = self._number(each.level)
                name = "or_stop" if beside and TERM_KINDS[each.kind] == "stop" else TERM_KINDS[each.kind]
                found.append(f"{name}={price}{f' * {away:.12g}' if each.unit else ''}")
                if each.bars and bars and each.bars != bars:
                    raise RuleError(f"what rests until a {side} has one number of bars")
                bars = bars or each.bars
        return [*found, f"expire_bars={bars}"] if bars else found

    def _need(self, *lines: str) -> None:
        self.before += [each for each in lines if each not in self.before]

    def _truth(self, node: ast.expr) -> str:
        if isinstance(node, ast.BoolOp):
            word = " and " if isinstance(node.op, ast.And) else " or "
            return f"({word.join(self._truth(each) for each in node.values)})"
        if isinstance(node, ast.UnaryOp):
            return f"(not {self._truth(node.operand)})"
        if isinstance(node, ast.Call):
            return self._event(node)
        assert isinstance(node, ast.Compare)
        # A chain is written out: the language has no other form.
        parts, left = [], node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            ends = self.minutes > 1 and ast.unparse(left) in _ENDS and is_number(ast.unparse(right))
            later = f"{_WORDS[ast.unparse(left)]} {OPERATORS[type(operator)]} {float(ast.unparse(right)) + _ENDS[ast.unparse(left)] * self.minutes:g}" if ends else ""  # fmt: skip
            parts.append(later or f"{self._number(left)} {OPERATORS[type(operator)]} {self._number(right)}")
            left = right
        return f"({' and '.join(parts)})"

    def _event(self, node: ast.Call) -> str:
        assert isinstance(node.func, ast.Name)
        if node.func.id == "for_bars":
            key = f"run_{sum('run_' in each for each in self.before)}"
            condition = self._truth(node.args[1])
            self.before.append(f'state["{key}"] = state.get("{key}", 0) + 1 if {condition} else 0')
            return f'(state["{key}"] >= {ast.unparse(node.args[0])})'
        if node.func.id == "within_bars":
            key = f"since_{sum('since_' in each for each in self.before)}"
            condition = self._truth(node.args[1])
            self.before.append(f'state["{key}"] = 0 if {condition} else state.get("{key}", 100000) + 1')
            return f'(state["{key}"] < {ast.unparse(node.args[0])})'
        now, past = (">", "<=") if node.func.id == "crosses_above" else ("<", ">=")
        left, right = node.args
        return f"({self._number(left)} {now} {self._number(right)} and {self._number(left, back=True)} {past} {self._number(right, back=True)})"

    def _number(self, node: ast.expr, *, back: bool = False) -> str:
        bar = "bar.previous" if back else "bar"
        if isinstance(node, ast.Constant):
            return ast.unparse(node)
        # So many times an average of days is taken on the bar: then the average is a column of its own.
        of_days = isinstance(node, ast.BinOp) and any(isinstance(each, ast.Constant) for each in (node.left, node.right)) and f"resample({DAY!r})" in ast.unparse(node)  # fmt: skip
        if is_column(node) and not of_days:
            call = ast.unparse(node)
            return f"{bar}.{self.columns.setdefault(call, f'column_{len(self.columns)}')}"
        if isinstance(node, ast.Name):
            return self._fact(node.id, bar, back=back)
        if isinstance(node, ast.UnaryOp):
            return f"(-{self._number(node.operand, back=back)})"
        if isinstance(node, ast.BinOp):
            sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(node.op)]
            return f"({self._number(node.left, back=back)} {sign} {self._number(node.right, back=back)})"
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        if node.func.id.startswith("opening"):
            return self._opening(node.func.id.removeprefix("opening_"), int(ast.literal_eval(node.args[0])))
        if node.func.id == "previous":
            if back:
                raise RuleError("previous(previous(x)) reaches too far: use .shift(n) in a column")
            return self._number(node.args[0], back=True)
        return f"{node.func.id}({', '.join(self._number(each, back=back) for each in node.args)})"

    def _gain_in_risks(self) -> str:
        stop = stop_of(self.rules)
        if stop.level is None:
            return f"(position.unrealized_return * 100 / {stop.percent:.10g})"
        # What the stop is away is kept: its level may be another on every bar.
        self.on_buy = [f'state["risked"] = {distance(stop, self._number)}']
        return '((bar.close - position.average_entry_price) / state.get("risked", 1))'

    def _opening(self, price: str, minutes: int) -> str:
        """The highest high, or lowest low, of the first minutes of the day; until they are over it takes in the bar itself, which no close is beyond."""
        key, most = f"opening_{price}_{minutes}", "max" if price == "high" else "min"
        self._need(*_TODAY)
        self._need(
            f'if day_begins:\n        state["{key}"] = bar.{price}',
            f'if {_WORDS["minute"]} < {_OPEN + minutes}:\n        state["{key}"] = {most}(state.get("{key}"), bar.{price})',
        )
        return f'state.get("{key}")'

    def _before(self, price: str) -> str:
        """The day's high, or low, before the bar: on its first bar that of the bar, so that nothing is beyond it."""
        most, so_far = "max" if price == "high" else "min", f'state.get("{price}_so_far")'
        self._need(*_TODAY)
        self._need(
            f'state["{price}_before"] = bar.{price} if day_begins else {so_far}',
            f'state["{price}_so_far"] = bar.{price} if day_begins else {most}({so_far}, bar.{price})',
        )
        return f'state.get("{price}_before")'

    def _fact(self, name: str, bar: str, *, back: bool) -> str:
        if name in _OF_THE_BAR:
            return f"{bar}.{name}"
        kind, _, price = name.partition("_")
        if kind == "yesterday":
            # On the first day there is no day before it.
            self._need(*_TODAY)
            self._need(
                f'if day_begins:\n        state["{name}"] = state.get("{price}")',
                f'state["{price}"] = {_KEPT[price]}',
            )
            return f'state.get("{name}")'
        if kind == "day" and price.endswith("_before"):
            return self._before(price.removesuffix("_before"))
        if kind == "day" and price:
            self._need(*_TODAY)
            self._need(f'state["{price}"] = {_KEPT[price]}')
            return f'state.get("{price}")'
        if back:
            raise RuleError(f"{name} has no previous value here")
        if name == "gain_risks":
            return self._gain_in_risks()
        if name == "days_held":
            self._need(*_DAY, _DAYS_HELD)
            return 'state["days_held"]'
        if kind == "drop":
            self._need(*_PEAK)
        if name in _ENDS and self.minutes > 1:
            return f"({_WORDS[name]} {'-' if _ENDS[name] > 0 else '+'} {self.minutes})"
        return _WORDS[name]


def _size(rules: Sequence[Rule]) -> str:
    for each in rules:
        if each.kind is RuleKind.SIZE:
            name, value = {
                "% of equity": ("fraction", each.value / 100),
                "dollars": ("notional", each.value),
                "shares": ("quantity", each.value),
            }[each.unit]
            return f"{name}={value:.10g}"
    return ""
