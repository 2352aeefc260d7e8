"""Rules in words, made from the rules alone: what a person is told of how their words were read."""

from __future__ import annotations

import ast
import re

from stratforge.intent.rules import EXIT_KINDS, FACTS, TERM_KINDS, Rule, RuleKind
from stratforge.market.clocks import CLOCKS, clock_field, place_in_words
from stratforge.strategy.explanation.expressions import COMPARED
from stratforge.strategy.explanation.wording import counted
from stratforge.strategy.vocabulary import DAYS

# Of the facts that are clocks, where they hang.
_CLOCKS = {"minute": ""} | {clock_field(each): f" in {place_in_words(each)}" for each in CLOCKS}
_CHANGE = re.compile(r"bars\.(\w+)\.pct_change\((\d+)\) \* 100")
_OF_ANOTHER = re.compile(r"bars\.of\('([^']+)'\)\.")
_FACTS = {
    "gain": "the position's gain in percent",
    "gain_dollars": "its gain in dollars a share",
    "gain_risks": "its gain as a multiple of what the stop is away",
    "drop": "its fall from the highest close in percent",
    "drop_dollars": "its fall from the highest close in dollars a share",
    "bars_held": "the number of bars it is held",
    "days_held": "the number of trading days it is held",
    "entry_price": "the price that was paid",
    "account_cash": "the account's cash",
    "account_equity": "the account's equity",
}


def in_words(rule: Rule) -> str:
    """The rule as a short sentence without its period: “sell when RSI(14) is above 70”."""
    if rule.dropped is not None:
        return f"no longer {in_words(rule.dropped)}"
    condition = _condition(rule.condition) if rule.condition is not None else ""
    if rule.kind is RuleKind.SYMBOL:
        return f"trade {rule.unit}"
    if rule.kind is RuleKind.SELL and rule.value != 100:
        return f"sell {rule.value:g} % of the position, once, when {condition}"
    if rule.kind is RuleKind.LIMIT:
        return f"buy at most {rule.value:g} {'time' if rule.value == 1 else 'times'} a day"
    if rule.kind is RuleKind.PAUSE:
        return _pause(rule)
    if rule.kind is RuleKind.LOSSES:
        what = {"stops": "sale by the stop", "losses": "sale at a loss", "losses in a row": "sale at a loss in a row"}[rule.unit]  # fmt: skip
        many = what if rule.value == 1 else what.replace("sale", "sales", 1)
        return f"buy nothing more on a day after {rule.value:g} {many}"
    if rule.unit == "R":
        return f"take profit at {rule.value:g} times what the stop is away"
    if rule.kind is RuleKind.SIZE and rule.unit.endswith("at risk"):
        amount = f"{rule.value:g} dollars" if rule.unit[0] == "d" else f"{rule.value:g} % of the account's equity"
        return f"buy as many shares as lose {amount} between the close and the stop"
    if rule.kind is RuleKind.SIZE:
        unit = {"% of equity": "% of the session's equity", "dollars": "dollars", "shares": "shares"}[rule.unit]
        return f"buy for {rule.value:g} {unit}" if rule.unit != "shares" else f"buy {rule.value:g} shares"
    if rule.kind in TERM_KINDS and rule.level is not None:
        away = f"{rule.value:g} % {rule.unit} " if rule.unit else ""
        rests = f", resting for {counted(float(rule.bars), 'bar')}" if rule.bars else ""
        return f"{rule.kind.value} {away}{_side(rule.level)}{rests}"
    if rule.kind is RuleKind.STOP and rule.level is None and not rule.value and (gain := re.fullmatch(r"(gain|gain_risks) >= (\S+)", ast.unparse(rule.condition) if rule.condition else "")):  # fmt: skip
        return f"move the stop loss to the price that was paid once the gain is {gain[2]} {'%' if gain[1] == 'gain' else 'times what the stop was away'}"
    if rule.kind in EXIT_KINDS:
        far = f"{rule.value:g} %" if rule.level is None else f"at {_side(rule.level)}"
        return f"{rule.kind.value} {far}{f' when {condition}' if condition else ''}"
    return f"{rule.kind.value} {condition}"


def _pause(rule: Rule) -> str:
    if not rule.unit:
        return f"after a sale buy nothing for {rule.value:g} bars (minutes)"
    span, _, event = rule.unit.partition(" after a ")
    after = {"sale": "a sale", "loss": "a sale at a loss", "stop": "a sale by the stop"}[event]
    if span == "bars":
        return f"after {after} buy nothing for {rule.value:g} bars (minutes)"
    return (
        f"after {after} buy nothing before the next trading day"
        if rule.value == 1
        else f"after {after} buy nothing until {rule.value:g} trading days have begun"
    )


def _condition(node: ast.expr, *, inner: bool = False) -> str:
    if isinstance(node, ast.BoolOp):
        days = [_day(each) for each in node.values]
        if isinstance(node.op, ast.Or) and all(days):
            return f"it is {' or '.join(days)}"
        word = " and " if isinstance(node.op, ast.And) else " or "
        text = word.join(_condition(each, inner=True) for each in node.values)
        return f"({text})" if inner else text
    if isinstance(node, ast.UnaryOp):
        return f"not ({_condition(node.operand)})"
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name == "for_bars":
            return f"for {ast.unparse(node.args[0])} bars {_condition(node.args[1], inner=True)}"
        if name == "within_bars":
            return f"at one of the last {ast.unparse(node.args[0])} bars {_condition(node.args[1], inner=True)}"
        one, other = map(_side, node.args)
        return f"{one} crosses {'above' if name == 'crosses_above' else 'below'} {other}"
    assert isinstance(node, ast.Compare)
    if day := _day(node):
        return f"it is {day}"
    parts, left = list[str](), node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        parts.append(_compared(left, COMPARED[type(operator)].removeprefix("is "), right))
        left = right
    return " and ".join(parts)


def _compared(left: ast.expr, sign: str, right: ast.expr) -> str:
    clock = _CLOCKS.get(ast.unparse(left))
    if clock is not None and isinstance(right, ast.Constant) and isinstance(right.value, int | float):
        hour, minute = divmod(int(right.value), 60)
        when = {"above": "after", "at or above": "at or after", "below": "before", "at or below": "at or before"}
        return f"the time{clock} is {when.get(sign, sign)} {hour:02}:{minute:02}"
    if (
        ast.unparse(left) == "minutes_to_close"
        and isinstance(right, ast.Constant)
        and isinstance(right.value, int | float)
    ):
        left_over = {"at or below": "at most", "below": "less than", "at or above": "at least", "above": "more than"}
        return f"{left_over.get(sign, sign)} {counted(float(right.value), 'minute')} {'is' if right.value == 1 else 'are'} left until the close"
    if ast.unparse(left) == "gain" and ast.unparse(right) == "0":
        states = {
            "above": "in profit",
            "below": "at a loss",
            "at or below": "not in profit",
            "at or above": "not at a loss",
        }
        return f"the position is {states.get(sign, sign)}"
    return f"{_side(left)} is {sign} {_side(right)}"


def _day(node: ast.expr) -> str:
    match = re.fullmatch(r"weekday (==|!=) (\d)", ast.unparse(node))
    if match is None or int(match[2]) > 6:
        return ""
    return ("" if match[1] == "==" else "not ") + DAYS[int(match[2])]


def _part(node: ast.expr, sign: str, *, right: bool) -> str:
    """One side of a calculation, in brackets where they change what it is."""
    sums = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)
    loose = (sums and sign in "×/") or (isinstance(node, ast.BinOp) and right and sign in "-/")
    return f"({_side(node)})" if loose else _side(node)


def _side(node: ast.expr) -> str:
    text = ast.unparse(node)
    if text in _FACTS:
        return _FACTS[text]
    if text in FACTS:
        return f"the {text.replace('_', ' ')}"
    if match := re.fullmatch(r"opening_(high|low)\((\d+)\)", text):
        return f"the {match[1]} of the day's first {match[2]} minutes"
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "previous":
        return f"{_side(node.args[0])} a bar before"
    another = _OF_ANOTHER.search(text)
    own = _OF_ANOTHER.sub("bars.", text)
    if another and (not isinstance(node, ast.BinOp) or _CHANGE.fullmatch(own)):
        # A column is of one symbol.
        price = re.fullmatch(r"bars\.(open|high|low|close|volume)", own)
        said = price[1] if price else _side(ast.parse(own, mode="eval").body)
        return f"{another[1]}'s {said.removeprefix('the ')}"
    if match := _CHANGE.fullmatch(text):
        return f"the change of the {match[1]} over {counted(float(match[2]), 'bar')} in percent"
    if isinstance(node, ast.BinOp):
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "×", ast.Div: "/"}[type(node.op)]
        left, right = (_part(each, sign, right=each is node.right) for each in (node.left, node.right))
        return f"{left} {sign} {right}"
    if match := re.fullmatch(r"bars\.(\w+)\.rolling\((\d+)\)\.(max|min)\(\)(\.shift\(1\))?", text):
        most = "highest" if match[3] == "max" else "lowest"
        return f"the {most} {match[1]} of the {match[2]} bars{' before' if match[4] else ''}"
    if match := re.fullmatch(r"ta\.(\w+)\(bars\.resample\('1d'\)\.close, length=(\d+)\)", text):
        return f"the {match[2]}-day {match[1].upper()}"
    if match := re.fullmatch(r"ta\.(\w+)\(([^()]*)\)(?:\.(\w+))?", text):
        numbers = re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", match[2])
        of = re.search(r"bars\.(open|high|low|volume)", match[2]) if match[1] in ("sma", "ema", "rsi", "wma") else None
        brackets = f"({', '.join(numbers)})" if numbers else ""
        line = f" {match[3]}" if match[3] and match[3] != match[1] else ""
        return f"{match[1].upper()}{f' of the {of[1]}' if of else ''}{brackets}{line}"
    return text
