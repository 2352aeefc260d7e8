"""From a plan to the program: constants, columns, the rules in order, and for every rule the lines that carry it out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from simulators.gemini.author.rules import (
    Both,
    Compare,
    Condition,
    Cross,
    Held,
    Lasting,
    Not,
    Number,
    Operand,
    Plan,
    Result,
    Rule,
    Series,
    Setting,
    TimeOfDay,
    Trail,
    Turn,
    Weekdays,
    nodes,
    plain,
)
from simulators.gemini.author.series import SEEN

_MINUTE = "bar.time.hour * 60 + bar.time.minute"


@dataclass(slots=True)
class Program:
    """A strategy in the making: constants, columns, statements and what each does."""

    constants: dict[str, float] = field(default_factory=dict)
    meanings: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    on_buy: list[str] = field(default_factory=list)
    on_sell: list[str] = field(default_factory=list)
    code: str = ""
    # Two averages of a plan are called fast and slow: the column and the constant of each.
    aliases: dict[tuple[str, tuple[float, ...]], tuple[str, str]] = field(default_factory=dict)
    places: list[tuple[tuple[int, int], str, str, list[int]]] = field(default_factory=list)

    def constant(self, name: str, value: float, meaning: str) -> str:
        """A constant of that value; a name that stands for another value gets a number."""
        chosen, count = name, 2
        while chosen in self.constants and self.constants[chosen] != value:
            chosen, count = f"{name}_{count}", count + 1
        self.constants[chosen] = value
        self.meanings.setdefault(chosen, meaning)
        return chosen

    def column(self, series: Series) -> str:
        """A series as an expression of `on_bar`."""
        if alias := self.aliases.get((series.call, series.parameters)):
            series = replace(series, name=alias[0], names=(alias[1],))
        names = [
            self.constant(name, value, f"of {series.words}")
            for name, value in zip(series.names, series.parameters, strict=True)
        ]
        call = series.call.format(*names)
        if series.day:
            for line in series.day:
                target = self.after if line == SEEN else self.before
                if line not in target:
                    target.append(line)
        if series.day or call.startswith("bar."):
            return call
        name, count = series.name, 2
        while self.columns.get(name, call) != call:
            name, count = f"{series.name}_{count}", count + 1
        self.columns[name] = call
        return f"bar.{name}"

    def operand(self, operand: Operand, name: str, meaning: str) -> str:
        """A level or a series as an expression of `on_bar`."""
        if isinstance(operand, Number):
            return "0" if operand.value == 0 else self.constant(name, operand.value, meaning)
        text = self.column(operand)
        if operand.times != 1:
            text = f"{text} * {self.constant('FACTOR', round(operand.times, 10), f'times that {operand.said.format(*map(plain, operand.parameters))} is taken')}"
        if operand.plus:
            text = f"{text} + {plain(operand.plus)}"
        return text

    def expression(self, condition: Condition) -> str:
        """A condition as an expression of `on_bar`."""
        if isinstance(condition, Compare):
            level = f"{condition.left.name.upper()}_{'MIN' if condition.op in ('>', '>=') else 'MAX'}"
            right = self.operand(condition.right, level, f"level of {condition.left.words}")
            return f"{self.column(condition.left)} {condition.op} {right}"
        if isinstance(condition, Cross):
            left = self.column(condition.left)
            level = f"{condition.left.name.upper()}_CROSSING"
            right = self.operand(condition.right, level, f"level of {condition.left.words}")
            past = [re.sub(r"\bbar\.(?!previous|time)(\w+)", r"bar.previous.\1", each) for each in (left, right)]
            now, before = (">", "<=") if condition.up else ("<", ">=")
            return f"{left} {now} {right} and {past[0]} {before} {past[1]}"
        if isinstance(condition, Turn):
            left = self.column(condition.left)
            return f"{left} {'>' if condition.up else '<'} {left.replace('bar.', 'bar.previous.', 1)}"
        if isinstance(condition, TimeOfDay):
            if condition.to_close:
                return condition.rule.replace("minutes_to_close", "bar.time.minutes_to_close")
            minute = f"bar.time.{condition.fact}" if condition.place else _MINUTE
            return f"{minute} {'<' if condition.until else '>='} {condition.there}"
        if isinstance(condition, Weekdays):
            return (
                _one_of(" or ".join(f"bar.time.weekday == {day}" for day in condition.days))
                if condition.days
                else "False"
            )
        if isinstance(condition, Held):
            return f"position.bars_held >= {self.constant('HOLD_BARS', condition.bars, 'bars after which it sells')}"
        if isinstance(condition, Result):
            return self._result(condition)
        if isinstance(condition, Trail):
            return self._trail(condition)
        if isinstance(condition, Lasting):
            return self._lasting(condition)
        if isinstance(condition, Not):
            return f"not ({self.expression(condition.part)})"
        parts = [self.expression(each) for each in condition.parts]
        if isinstance(condition, Both):
            return " and ".join(_one_of(each) for each in parts)
        return " or ".join(f"({each})" if " and " in each else each for each in parts)

    def _atr(self) -> str:
        return self.column(Series("atr", "ta.atr(bars.high, bars.low, bars.close, length=14)", "the 14-bar ATR"))

    def _result(self, condition: Result) -> str:
        name, meaning = (
            ("TARGET", "gain of a position at which it sells")
            if condition.gain
            else ("STOP_LOSS", "loss of a position at which it sells")
        )
        op, sign = (">=", "") if condition.gain else ("<=", "-")
        if condition.unit == "%":
            return f"position.unrealized_return * 100 {op} {sign}{self.constant(f'{name}_PERCENT', condition.amount, f'{meaning}, in percent')}"
        unit = "DOLLARS" if condition.unit == "$" else "ATRS"
        amount = self.constant(
            f"{name}_{unit}",
            condition.amount,
            f"{meaning}, in {'dollars a share' if condition.unit == '$' else 'average true ranges'}",
        )
        far = amount if condition.unit == "$" else f"{amount} * {self._atr()}"
        return f"bar.close - position.average_entry_price {op} {sign}{far}"

    def _trail(self, condition: Trail) -> str:
        for line in (
            'peak = max(state.get("peak", bar.close), bar.close) if position.quantity > 0 else bar.close',
            'state["peak"] = peak',
        ):
            if line not in self.before:
                self.before.append(line)
        meaning = "fall from the highest close since the purchase at which it sells"
        if condition.unit == "%":
            return f"bar.close <= peak * (1 - {self.constant('TRAIL_PERCENT', condition.amount, f'{meaning}, in percent')} / 100)"
        if condition.unit == "$":
            return f"bar.close <= peak - {self.constant('TRAIL_DOLLARS', condition.amount, f'{meaning}, in dollars')}"
        return f"bar.close <= peak - {self.constant('TRAIL_ATRS', condition.amount, f'{meaning}, in average true ranges')} * {self._atr()}"

    def _lasting(self, condition: Lasting) -> str:
        inner = self.expression(condition.part)
        key = f"run_{sum('run_' in each for each in self.before) + 1}"
        self.before.append(f'state["{key}"] = state.get("{key}", 0) + 1 if {inner} else 0')
        return f'state["{key}"] >= {self.constant("RUN_BARS", condition.bars, "bars in a row")}'


def _one_of(text: str) -> str:
    return f"({text})" if re.search(r" or ", text) and not re.fullmatch(r"not \(.*\)", text) else text


def write_program(plan: Plan) -> Program:
    """The program of a plan that has a rule to buy by and one to sell by."""
    program = Program(aliases=_fast_and_slow(plan))
    written = [(each, program.expression(each.condition)) for each in plan.rules]
    entries = _once([pair for pair in written if pair[0].kind == "entry"])
    filters = _once([pair for pair in written if pair[0].kind == "filter"])
    exits = _once([pair for pair in written if pair[0].kind == "exit" and pair[0].part == 1])
    partial = _once([pair for pair in written if pair[0].kind == "exit" and pair[0].part != 1])
    size = _size(program, plan)
    guards = _guards(program, plan)
    lines = _head(program)
    lines += ["def on_bar(bar, position, state):"]
    lines += [f"    {part}" for each in program.before for part in each.split("\n")]
    if program.after:
        lines += [f"    {each}" for each in program.after]
    for number in range(1, len(partial) + 1):
        lines += ["    if position.quantity == 0:", f'        state["sold_{number}"] = 0']
    lines += [
        "    if position.quantity == 0 and (",
        *_joined("or", [text for _, text in entries]),
        "    ) and (" if filters or guards else "    ):",
    ]
    if filters or guards:
        lines += [*_joined("and", [text for _, text in filters] + guards), "    ):"]
    lines += [*(f"        {each}" for each in program.on_buy), f"        return buy({size})"]
    if exits:
        lines += ["    if position.quantity > 0 and (", *_joined("or", [text for _, text in exits]), "    ):"]
        lines += [*(f"        {each}" for each in program.on_sell), "        return sell()"]
    for number, (rule, text) in enumerate(partial, 1):
        # Once a position; the mark was taken away when nothing was held.
        lines += [
            f'    if position.quantity > 0 and state.get("sold_{number}", 0) == 0 and ({text}):',
            f'        state["sold_{number}"] = 1',
            f"        return sell(fraction={rule.part:.6g})",
        ]
    program.code = "\n".join(lines).strip("\n") + "\n"
    for rule, text in written:
        part = f"it sells {plain(round(rule.part * 100, 2))} % of the position when " if rule.part != 1 else ""
        lead = {"entry": "it buys when ", "exit": "" if part else "it sells when ", "filter": "it buys only when "}[
            rule.kind
        ]
        named = set(_lines_of(program, text))
        for setting in plan.settings:
            if rule.place[0] <= setting.place[0] and setting.place[1] <= rule.place[1]:
                named |= set(setting_lines(program, setting))
        program.places.append(
            (rule.place, f"{part}{lead}{rule.condition.words}", "; ".join(rule.assumed), sorted(named))
        )
    return program


def _fast_and_slow(plan: Plan) -> dict[tuple[str, tuple[float, ...]], tuple[str, str]]:
    averages = {
        (each.call, each.parameters)
        for rule in plan.rules
        for each in nodes(rule.condition)
        if isinstance(each, Series) and each.name in ("sma", "ema", "wma", "hma", "rma", "dema", "tema")
    }
    if len(averages) != 2 or len({lengths for _, lengths in averages}) != 2:
        return {}
    fast, slow = sorted(averages, key=lambda each: each[1])
    return {fast: ("fast", "FAST"), slow: ("slow", "SLOW")}


def _once(pairs: list[tuple[Rule, str]]) -> list[tuple[Rule, str]]:
    """Rules that say the same, once."""
    return [
        pair
        for index, pair in enumerate(pairs)
        if not any((other[1], other[0].part) == (pair[1], pair[0].part) for other in pairs[:index])
    ]


# Exits that go with the order: their arguments and constants.
ORDERS = {
    "stop order": ("stop_loss", "STOP_LOSS"),
    "target order": ("take_profit", "TAKE_PROFIT"),
    "trail order": ("trailing_stop", "TRAILING_STOP"),
}


def setting_lines(program: Program, setting: Setting) -> list[int]:
    """Lists the lines of the code in which a setting stands."""
    if setting.kind in ORDERS:
        name = ORDERS[setting.kind][1]
        return [index for index, line in enumerate(program.code.split("\n"), 1) if re.search(rf"\b{name}\b", line)]
    sign = {"equity": "FRACTION", "cash": "CASH", "shares": "SHARES", "a day": "TRADES_A_DAY", "pause": "PAUSE_BARS"}[
        setting.kind
    ]
    state = {"a day": "bought|trade_day", "pause": "flat"}.get(setting.kind, sign)
    return [
        index
        for index, line in enumerate(program.code.split("\n"), 1)
        if re.search(rf'\b{sign}\b|state\["(?:{state})"\]', line)
    ]


def _head(program: Program) -> list[str]:
    lines = [f"{name} = {plain(value)}" for name, value in program.constants.items()]
    lines += ["", ""] if lines else []
    if program.columns:
        lines += [
            "def indicators(bars):",
            "    return {",
            *(f'        "{name}": {call},' for name, call in program.columns.items()),
            "    }",
            "",
            "",
        ]
    return lines


def _joined(word: str, texts: list[str]) -> list[str]:
    return [
        f"        {'' if index == 0 else word + ' '}{f'({text})' if len(texts) > 1 and (' or ' in text or ' and ' in text) else text}"
        for index, text in enumerate(texts)
    ]


def _size(program: Program, plan: Plan) -> str:
    return ", ".join(filter(None, [_amount(program, plan), *_orders(program, plan)]))


def _orders(program: Program, plan: Plan) -> Iterator[str]:
    for kind, (argument, name) in ORDERS.items():
        if setting := plan.setting(kind):
            meaning = f"{argument.replace('_', ' ')} of a purchase, as a part of its price"
            yield f"{argument}={program.constant(name, round(setting.value / 100, 10), meaning)}"


def _amount(program: Program, plan: Plan) -> str:
    setting = plan.setting("equity", "cash", "shares")
    if setting is None:
        return ""
    name, argument, meaning = {
        "equity": ("FRACTION", "fraction", "part of the equity that a purchase takes"),
        "cash": ("CASH", "notional", "dollars that a purchase takes"),
        "shares": ("SHARES", "quantity", "shares that a purchase takes"),
    }[setting.kind]
    return f"{argument}={program.constant(name, round(setting.value, 8), meaning)}"


def _guards(program: Program, plan: Plan) -> list[str]:
    guards = []
    often = plan.setting("a day")
    if often:
        name = program.constant("TRADES_A_DAY", often.value, "purchases a day at most")
        program.before += [
            'if bar.time.weekday != state.get("trade_day", -1):\n    state["bought"] = 0',
            'state["trade_day"] = bar.time.weekday',
        ]
        program.on_buy.append('state["bought"] = state["bought"] + 1')
        guards.append(f'state["bought"] < {name}')
    pause = plan.setting("pause")
    if pause:
        name = program.constant("PAUSE_BARS", pause.value, "bars it waits after a sale")
        program.before.append('state["flat"] = state.get("flat", 100000) + 1 if position.quantity == 0 else 0')
        guards.append(f'state["flat"] > {name}')
    return guards


def _lines_of(program: Program, text: str) -> list[int]:
    """Where a rule stands: the line of its expression, and those of the columns and constants in it."""
    lines = program.code.split("\n")
    found = {index for index, line in enumerate(lines, 1) if text in line}
    words = {
        word
        for index in found
        for word in re.findall(r"bar\.(?:previous\.)?(\w+)|\b([A-Z][A-Z_0-9]+)\b|state\[\"(\w+)\"\]", lines[index - 1])
    }
    names = {part for word in words for part in word if part}
    for index, line in enumerate(lines, 1):
        if re.match(r'\s+"(\w+)": ', line) and line.split('"')[1] in names:
            found.add(index)
            names |= set(re.findall(r"\b[A-Z][A-Z_0-9]+\b", line))
        elif match := re.match(r'\s+state\["(\w+)"\] = ', line):
            if match[1] in names:
                found.add(index)
                names |= set(re.findall(r"\b[A-Z][A-Z_0-9]+\b", line))
        elif re.match(r"\s+peak = ", line) and any("peak" in lines[each - 1] for each in found):
            found.add(index)
    return sorted(
        found
        | {
            index
            for index, line in enumerate(lines, 1)
            if (match := re.match(r"([A-Z][A-Z_0-9]*) = ", line)) and match[1] in names
        }
    )
