"""Random portfolio strategies and markets of several symbols, by a seed."""

from __future__ import annotations

import random

import numpy as np
from stratforge.market import BarColumns

from tests.support.random_programs import column

SYMBOLS = ("AA", "BB", "CC", "DD", "EE")
OUTSIDE = "ZZ"
_PERIODS = ('"daily"', '"weekly"', '"monthly"', '"quarterly"')
_FIGURES = ("mean", "sum", "min", "max", "median", "std", "count")


_MINUTES = ("1", "5", "30", "60", "390")


def rotation(seed: int, *, minutes: bool = False) -> str:
    """A portfolio strategy that uses what the language has, on days or on spans of minutes."""
    chance = random.Random(seed)
    names = [f"i{number}" for number in range(3)]
    rows = [f'"{name}": {column(chance, 2).replace("bars.", _whose(chance))},' for name in names]
    lines = ["state['n'] += 1", f"x = {_column(chance, names, 2)}", f"c = {_condition(chance, names, 2)}"]
    lines += [f"if {_truth(chance, names)}:", f"    return {_weights(chance)}", f"return {_weights(chance)}"]
    body = "\n    ".join(lines)
    schedule = chance.choice(_PERIODS)
    schedule = chance.choice(_MINUTES) if minutes else schedule
    return f"""
UNIVERSE = {list(SYMBOLS)}
SCHEDULE = {schedule}


def indicators(bars):
    return {{{" ".join(rows)}}}


def rebalance(universe, portfolio, state):
    {body}
"""


def _whose(chance: random.Random) -> str:
    return chance.choice(("bars.", "bars.", f'bars.of("{chance.choice((OUTSIDE, SYMBOLS[0]))}").'))


def _column(chance: random.Random, names: list[str], depth: int) -> str:
    if depth == 0:
        return chance.choice(["universe.close", "portfolio.weights", *(f"universe.{name}" for name in names)])
    a, b = _column(chance, names, depth - 1), _column(chance, names, depth - 1)
    return chance.choice(
        (
            f"({a} {chance.choice('+-*/')} {b})",
            f"({a} {chance.choice('+-*/%')} {_number(chance, names)})",
            f"{a}.rank(ascending={chance.choice((True, False))})",
            f"{a}.where({_condition(chance, names, depth - 1)})",
            f"{a}.fillna({_number(chance, names)})",
            f"{a}.clip(lower={_number(chance, names)})",
            f"np.where({_condition(chance, names, depth - 1)}, {a}, {chance.choice((b, '0', 'np.nan'))})",
            f"np.{chance.choice(('log', 'sqrt', 'abs', 'sign', 'exp'))}({a})",
            f"weights.inverse_volatility({a})",
            f"({a} if {_truth(chance, names)} else {b})",
        )
    )


def _condition(chance: random.Random, names: list[str], depth: int) -> str:
    a, b = _column(chance, names, depth), _column(chance, names, 0)
    return chance.choice(
        (
            f"({a} {chance.choice(('>', '<=', '==', '!='))} {chance.choice((b, _number(chance, names)))})",
            f"{a}.{chance.choice(('top', 'bottom'))}({chance.randint(1, 4)}, where={b} > {_number(chance, names)})",
            f"~{a}.isna()",
            f"(({a} > {b}) {chance.choice('&|^')} {b}.notna())",
        )
    )


def _number(chance: random.Random, names: list[str]) -> str:
    return chance.choice(
        (
            f"{chance.uniform(-2, 50):.3f}",
            f'universe.of("{chance.choice((OUTSIDE, *SYMBOLS))}").{chance.choice(names)}',
            f"universe.{chance.choice(names)}.{chance.choice(_FIGURES)}()",
            f'portfolio.of("{chance.choice(SYMBOLS)}").weight',
            "state.get('n', 3)",
            "universe.time.month",
            "portfolio.cash",
        )
    )


def _truth(chance: random.Random, names: list[str]) -> str:
    return f"{_number(chance, names)} > {_number(chance, names)}"


def _weights(chance: random.Random) -> str:
    return chance.choice(
        (
            "weights.equal(c)",
            "weights.proportional(x, where=c)",
            "weights.inverse_volatility(x)",
            "x",
            "c / 3",
            f'{{"{SYMBOLS[1]}": 0.4, "{SYMBOLS[3]}": state["n"] / 20}}',
            "cash()",
            "None",
        )
    )


def _trading_minutes(count: int) -> np.ndarray:
    """The starts of minutes while the exchange is open, of weekdays from 13 November 2023 on."""
    day, minute = np.divmod(np.arange(count), 390)
    return np.asarray(1_699_885_800 + 86_400 * (day + 2 * (day // 5)) + 60 * minute)


def markets(
    seed: int, count: int, *, broken: bool, minutes: bool = False, seldom: bool = True
) -> dict[str, BarColumns]:
    """Bars of so many days or minutes of every symbol. Broken ones hold unknown, infinite and negative prices too.

    Args:
        seldom: Whether bars are missing, some symbols begin late, and some end early.
    """
    chance = np.random.default_rng(seed)
    days = (
        1_577_854_800
        + 1_577_854_800
        + 86_400 * np.array([day for day in range(count * 7 // 5) if day % 7 not in (3, 4)])
    )
    calendar = _trading_minutes(count) if minutes else days
    found = {}
    for place, symbol in enumerate((*SYMBOLS, OUTSIDE)):
        there = chance.random(len(calendar)) > 0.06 * place * seldom
        if place == 2 and seldom:
            there[: len(calendar) // 3] = False
        if place == 3 and seldom:
            there[-len(calendar) // 4 :] = False
        there[0] |= not there.any()
        time = calendar[there]
        close = 10.0 * (place + 1) * np.exp(np.cumsum(chance.normal(0, 0.02, len(time))))
        open_ = close * np.exp(chance.normal(0, 0.01, len(time)))
        columns = [
            open_,
            np.maximum(open_, close),
            np.minimum(open_, close),
            close,
            chance.integers(0, 9, len(time)) * 1e3,
        ]
        if broken:
            columns = [_spoilt(each, chance) for each in columns]
        found[symbol] = BarColumns(time, *columns, daily=not minutes)
    return found


def _spoilt(values: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    wrong = chance.random(len(values)) < 0.05
    return np.where(wrong, chance.choice([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e308], len(values)), values)


def with_another_future(bars: dict[str, BarColumns], moment: int, seed: int, *, broken: bool) -> dict[str, BarColumns]:
    """The same bars, but from `moment` on with other prices; every third symbol has none from then on."""
    chance = np.random.default_rng(seed)
    found = {}
    for place, (symbol, each) in enumerate(bars.items()):
        before = int(np.searchsorted(each.time, moment))
        factor = np.ones(len(each))
        factor[before:] = np.exp(chance.normal(0, 1, len(each) - before))
        with np.errstate(over="ignore"):
            columns = [each.open * factor, each.high * factor, each.low * factor, each.close * factor, each.volume]
        if broken:
            columns = [np.concatenate((column[:before], _spoilt(column[before:], chance))) for column in columns]
        stop = before if place % 3 == 2 and before else len(each)
        found[symbol] = BarColumns(each.time, *columns, daily=each.daily).slice(0, stop)
    return found
