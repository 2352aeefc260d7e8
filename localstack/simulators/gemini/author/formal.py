"""The plan that was read, as the formal rules of the intent contract."""

from __future__ import annotations

from simulators.gemini.author.rules import (
    Both,
    Compare,
    Condition,
    Cross,
    Either,
    Held,
    Lasting,
    Not,
    Number,
    Operand,
    Result,
    Rule,
    Series,
    Setting,
    TimeOfDay,
    Trail,
    Turn,
    plain,
)

_ATR = "ta.atr(bars.high, bars.low, bars.close, length=14)"


def rule_text(rule: Rule) -> str:
    """A rule in the contract's vocabulary."""
    part = f" {plain(round(rule.part * 100, 4))}%" if rule.part != 1 else ""
    lead = {"entry": "buy when", "filter": "buy only when", "exit": f"sell{part} when"}[rule.kind]
    return f"{lead} {_said(rule.condition)}"


def setting_text(setting: Setting) -> str:
    """A size, a limit, a pause or an exit of the order in the contract's vocabulary."""
    return {
        "equity": f"size {plain(round(setting.value * 100, 8))}% of equity",
        "cash": f"size {plain(setting.value)} dollars",
        "shares": f"size {plain(setting.value)} shares",
        "a day": f"at most {plain(setting.value)} buys a day",
        "stop order": f"stop loss {plain(setting.value)}%",
        "target order": f"take profit {plain(setting.value)}%",
        "trail order": f"trailing stop {plain(setting.value)}%",
        "pause": f"wait {plain(setting.value)} bars after a sale",
    }[setting.kind]


def _said(condition: Condition) -> str:
    if isinstance(condition, Compare):
        return f"{_series(condition.left)} {condition.op} {_operand(condition.right)}"
    if isinstance(condition, Cross):
        return f"crosses_{'above' if condition.up else 'below'}({_series(condition.left)}, {_operand(condition.right)})"
    if isinstance(condition, Turn):
        return f"{_series(condition.left)} {'>' if condition.up else '<'} previous({_series(condition.left)})"
    if isinstance(condition, TimeOfDay):
        return condition.rule
    if isinstance(condition, Held):
        return f"bars_held >= {plain(condition.bars)}"
    if isinstance(condition, Result):
        op, sign = (">=", "") if condition.gain else ("<=", "-")
        if condition.unit == "%":
            return f"gain {op} {sign}{plain(condition.amount)}"
        far = plain(condition.amount) if condition.unit == "$" else f"{plain(condition.amount)} * {_ATR}"
        return f"gain_dollars {op} {sign}{far}"
    if isinstance(condition, Trail):
        if condition.unit == "%":
            return f"drop >= {plain(condition.amount)}"
        far = plain(condition.amount) if condition.unit == "$" else f"{plain(condition.amount)} * {_ATR}"
        return f"drop_dollars >= {far}"
    if isinstance(condition, Not):
        return f"not ({_said(condition.part)})"
    if isinstance(condition, Lasting):
        return f"for_bars({plain(condition.bars)}, {_said(condition.part)})"
    if isinstance(condition, Both | Either):
        word = " and " if isinstance(condition, Both) else " or "
        return word.join(f"({_said(each)})" for each in condition.parts)
    return " or ".join(f"weekday == {day}" for day in condition.days) or "weekday == 9"


def _operand(operand: Operand) -> str:
    return plain(operand.value) if isinstance(operand, Number) else _series(operand)


def _series(series: Series) -> str:
    call = series.call.format(*map(plain, series.parameters))
    if series.day:
        call = series.name
    elif call.startswith("bar.previous."):
        call = f"previous({call.removeprefix('bar.previous.')})"
    elif call.startswith("bar."):
        call = call.removeprefix("bar.")
    if series.times != 1:
        call = f"{call} * {plain(round(series.times, 10))}"
    if series.plus:
        call = f"{call} {'+' if series.plus > 0 else '-'} {plain(abs(series.plus))}"
    return call
