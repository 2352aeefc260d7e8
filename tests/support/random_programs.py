"""Random strategies and awkward markets, by a seed: for tests that hold for every program on every kind of bars."""

from __future__ import annotations

import random
import re

import numpy as np
from stratforge.market import BarColumns
from stratforge.strategy.indicators import REGISTRY

_COLUMNS = ("bars.close", "bars.open", "bars.high", "bars.low", "bars.volume")
_SINGLE = sorted(name for name, each in REGISTRY.items() if not each.logical)


def awkward_bars(seed: int, length: int) -> BarColumns:
    """Minute bars with stretches of one price, pauses, halts without volume, splits, bars without volume, and penny prices."""
    chance = np.random.default_rng(seed)
    level = float(chance.choice([0.0123, 0.9, 37.0, 412.5, 65_000.0]))
    tick = 0.0001 if level < 1 else 0.01
    moves = chance.normal(0, 0.002, length)
    volume = np.floor(chance.lognormal(6, 1.5, length))
    volume[chance.random(length) < 0.05] = 0.0
    for _ in range(length // 150):
        first = int(chance.integers(length))
        calm = slice(first, first + int(chance.integers(2, 120)))
        moves[calm] = 0.0
        if chance.random() < 0.5:
            volume[calm] = 0.0
    moves[chance.integers(0, length, max(length // 2_000, 1))] += np.log(chance.choice([0.25, 0.5, 2.0]))
    close = np.maximum(np.round(level * np.exp(np.cumsum(moves)) / tick) * tick, tick)
    open_ = np.concatenate((close[:1], close[:-1]))
    spread = np.where(moves == 0.0, 0.0, np.abs(chance.normal(0, 0.001, length)))
    high = np.round(np.maximum(open_, close) * (1 + spread) / tick) * tick
    low = np.maximum(np.round(np.minimum(open_, close) * (1 - spread) / tick) * tick, tick)
    minutes = np.ones(length, dtype=np.int64)
    minutes[chance.random(length) < 0.01] += chance.integers(1, 4_000)
    time = 1_700_000_040 + 60 * np.cumsum(minutes)
    columns = [
        np.round(each, 6)
        for each in (
            open_,
            np.maximum(high, np.maximum(open_, close)),
            np.minimum(low, np.minimum(open_, close)),
            close,
        )
    ]
    columns.append(volume)
    return BarColumns(time, *columns)


def column(chance: random.Random, depth: int) -> str:
    """An expression of `indicators`."""
    if depth == 0 or chance.random() < 0.1:
        return chance.choice(_COLUMNS)
    a, b = column(chance, depth - 1), column(chance, depth - 1)
    kind = chance.randrange(12)
    if kind <= 4:
        return _indicator(chance, depth)
    return {
        5: f"({a} {chance.choice('+-*/')} {b})",
        6: f"{a}.{chance.choice(('shift', 'diff', 'pct_change'))}({chance.randint(1, 9)})",
        7: f"{a}.rolling({chance.randint(2, 60)}).{chance.choice(('mean', 'std', 'max', 'min', 'sum', 'median'))}()",
        8: f"{a}.ewm(span={chance.randint(2, 40)}, adjust={chance.choice((True, False))}).mean()",
        9: f"np.where({a} {chance.choice(('>', '>=', '==', '<'))} {b}, {a}, {chance.choice((b, 'np.nan', 'np.inf', '0'))})",
        10: f"{a}.ffill()",
        11: f"np.{chance.choice(('log', 'sqrt', 'abs', 'sign'))}({a})",
    }[kind]


def _indicator(chance: random.Random, depth: int) -> str:
    each = REGISTRY[chance.choice(_SINGLE)]
    inputs = [column(chance, depth - 1) if chance.random() < 0.4 else f"bars.{name}" for name in each.inputs]
    made_up = {
        **dict.fromkeys(("bars.a", "bars.b", "bars.benchmark", "bars.source"), "bars.open"),
        "bars.condition": "(bars.close > bars.open)",
    }
    inputs = [made_up.get(text, text) for text in inputs]
    output = f".{chance.choice(each.outputs)}" if each.outputs else ""
    return f"ta.{each.name}({', '.join(inputs)}){output}"


def _number(chance: random.Random, depth: int) -> str:
    if depth == 0:
        return chance.choice(
            (
                "bar.x", "bar.y", "bar.previous.x", "bar.previous.y", "bar.close", "bar.previous.close", "bar.volume", "position.bars_held",
                "position.unrealized_return", "state.get('k')", "state.get('k', 1)", "state['n']", "v", "1", "0.5", "1e15", "bar.time.minute",
                "bar.time.day", "bar.time.minutes_to_close", "bar.time.minute_in_berlin", "position.max_favorable", "position.max_adverse", "account.equity / 1e5", "account.cash / 1e5",
                "account.buying_power / account.equity", "f(bar.close)", "f(v, 2 * 3)",
            )
        )  # fmt: skip
    a, b = _number(chance, depth - 1), _number(chance, depth - 1)
    return chance.choice(
        (
            a, f"({a} {chance.choice('+-*/')} {b})", f"({a} {chance.choice(('//', '%', '**'))} {b})", f"min({a}, {b})", f"max({a}, {b})",
            f"round({a}, 2)", f"({a} or {b})", f"({a} and {b})", f"({a} if {a} > {b} else {b})", f"abs({a})", f"np.sqrt({a})",
        )
    )  # fmt: skip


def _condition(chance: random.Random) -> str:
    a, b = _number(chance, 1), _number(chance, 1)
    return chance.choice(
        (
            f"{a} > {b}", f"{a} >= {b}", f"{a} == {b}", f"{a} != {b}", a, f"not {a}", "bar.x > bar.previous.x", "bar.x >= bar.y", "bar.close > bar.x",
            "bar.close == bar.x", "bar.x == bar.previous.x", "'k' in state", "position.bars_held >= 3", "bar.x > bar.y and bar.previous.x <= bar.previous.y",
        )
    )  # fmt: skip


def _with_terms(chance: random.Random, lines: list[str]) -> list[str]:
    """The lines with limits and stops in some of the decisions: near the price, of anything, or unknown now and then."""

    def price(share: str) -> str:
        return chance.choice(
            (f"bar.close * {share}", f"bar.close * {share}", "bar.x", "bar.low", "bar.high", _number(chance, 1))
        )

    if chance.random() > 0.4:
        return lines
    found = []
    for line in lines:
        below, above = (chance.choice(shares) for shares in (("0.999", "0.9995"), ("1.001", "1.0005")))
        limit, stop = (below, above) if "buy(" in line or "cover(" in line else (above, below)
        terms = [
            f"limit={price(limit)}",
            f"stop={price(stop)}",
            f"limit={price(limit)}, expire_bars={chance.choice(('3', 'abs(bar.x) % 5', '1.5'))}",
            f"stop={price(stop)}, limit={price(stop)}",
            f"limit={price(limit)}, or_stop={price(stop)}",
        ]
        word = next((each for each in ("buy(", "sell(", "short(", "cover(") if each in line), "sell(")
        found.append(
            line.replace(word, f"{word}{chance.choice(terms)}, ", 1).replace(", )", ")")
            if chance.random() < 0.7
            else line
        )
    return found


def _short(chance: random.Random, lines: list[str]) -> list[str]:
    """The lines with short positions in some of the programs: in place of long ones, or beside them."""
    if chance.random() > 0.4:
        return lines
    if chance.random() < 0.4:
        return [each.replace("buy(", "short(").replace("sell(", "cover(") for each in lines]
    size = chance.choice(("", "fraction=0.7", "notional=account.buying_power / 3", "quantity=40"))
    mine = [
        f"if position.quantity <= 0 and ({_condition(chance)}):\n        return short({size})",
        f"if position.quantity < 0 and ({_condition(chance)}):\n        return cover({chance.choice(('', 'fraction=0.5'))})",
    ]
    place = lines.index("state['v'] = v") + 1
    return [*lines[:place], *mine, *lines[place:]] if chance.random() < 0.5 else [*lines, *mine]


def program(seed: int) -> str:
    """A whole strategy with two indicators, state, and conditions that ties decide."""
    chance = random.Random(seed)
    lines = ["v = state.get('v', 0)"]
    for _ in range(chance.randint(1, 4)):
        lines.append(
            chance.choice(
                (
                    f"v = {_number(chance, 2)}",
                    f"state['k'] = {_number(chance, 2)}",
                    "state['n'] += 1",
                    f"if {_condition(chance)}:\n        state['k'] = state['k'] * 1e9 + 1e15",
                    f"if {_condition(chance)}:\n        v += 1",
                )
            )
        )
    lines.append("state['v'] = v")
    side = "position.quantity == 0 and " if chance.random() < 0.7 else ""
    lines.append(f"if {side}({_condition(chance)}):\n        return buy(confidence=0.5)")
    lines.append(f"if {_condition(chance)}:\n        return sell({chance.choice(('', 'fraction=0.5'))})")
    if chance.random() < 0.3:
        lines[-2] = lines[-2].replace(
            "confidence=0.5",
            # A constant that is out of range would be refused.
            f"stop_loss=min(abs({_number(chance, 1)}), 50) / 100, take_profit_price=bar.close * (1 + 0.001 * {_number(chance, 0)}), trailing_stop=0.004",
        )
        lines.append(
            f"if {_condition(chance)}:\n        return adjust({chance.choice(('trailing_stop=0.002', 'trailing_stop_distance=bar.high - bar.low'))}, stop_loss_price=bar.low - 0.0003 * {_number(chance, 0)})"
        )
    lines = _short(random.Random(f"{seed} shorts"), lines)
    lines = _with_terms(random.Random(f"{seed} rests"), lines)
    body = "\n".join(f"    {line}" for line in lines)
    x, y = column(chance, 2), column(chance, 1)
    if chance.random() < 0.15:
        # All of it on longer bars, or some of it.
        longer = f"bars.resample('{chance.choice(('5min', '15min', '1h'))}')."
        x = x.replace("bars.", longer, chance.choice((-1, 1)))
    helper = (
        "def f(a, b=1.5):\n    c = a * b\n    if c > 40:\n        return c - a\n    return c\n\n\n"
        if re.search(r"\bf\(", body)
        else ""
    )
    return f"{helper}def indicators(bars):\n    return {{'x': {x} + 0, 'y': {y} + 0}}\n\n\ndef on_bar(bar, position, state):\n{body}\n"
