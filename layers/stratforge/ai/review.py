"""The second gate, after the compiler: a draft must run, and its explanation must say what its code does."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

import numpy as np

from stratforge.ai.draft import StrategyDraft
from stratforge.backtest import BacktestConfig, BacktestError, run_backtest
from stratforge.market import BarColumns
from stratforge.strategy import Strategy

_BARS = 3_000
# How people call an indicator when they do not use its name.
_ALSO_CALLED = {
    "sma": ("average", "mean", "durchschnitt", "moyenne", "media", "média"),
    "ema": ("average", "durchschnitt", "moyenne", "media", "média"),
    "wma": ("average",),
    "hma": ("average",),
    "rma": ("average",),
    "dema": ("average",),
    "tema": ("average",),
    "bbands": ("bollinger", "band"),
    "donchian": ("channel", "high", "low", "breakout"),
    "atr": ("true range", "volatility"),
    "stoch": ("stochastic",),
    "roc": ("rate of change", "momentum"),
    "mom": ("momentum",),
    "stdev": ("deviation", "volatility"),
    "kc": ("keltner",),
    "psar": ("parabolic",),
    "supertrend": ("super trend",),
    "willr": ("williams",),
    "obv": ("on-balance", "on balance"),
    "vwap": ("volume-weighted", "volume weighted"),
    "cross": ("cross",),
}


@lru_cache(maxsize=1)
def _made_up_bars() -> BarColumns:
    """A few days of a seeded random walk, in exchange hours."""
    generator = np.random.default_rng(7)
    steps = generator.normal(0, 0.0012, _BARS + 1)
    path = 100 * np.exp(np.cumsum(steps))
    open_, close = path[:-1], path[1:]
    wick = np.abs(generator.normal(0, 0.05, (2, _BARS)))
    minutes = np.concatenate([1_767_623_400 + 86_400 * day + 60 * np.arange(390) for day in range(_BARS // 390 + 1)])
    return BarColumns(
        minutes[:_BARS].astype(np.int64),
        open_.copy(),
        np.maximum(open_, close) + wick[0],
        np.minimum(open_, close) - wick[1],
        close.copy(),
        np.round(generator.lognormal(8, 0.5, _BARS)),
    )


def review(draft: StrategyDraft, strategy: Strategy) -> list[str]:
    """What is wrong with a draft that compiled; empty when nothing is."""
    return [*_smoke(strategy), *_explanation(draft), *_parameters(draft, strategy)]


def _smoke(strategy: Strategy) -> list[str]:
    try:
        run_backtest(strategy, _made_up_bars(), BacktestConfig())
    except BacktestError as error:
        return [f"The strategy cannot be backtested: {error}"]
    return []


def _explanation(draft: StrategyDraft) -> list[str]:
    """Indicators and numbers of the code that neither explanation nor assumptions mention."""
    meanings = [each.meaning for each in draft.parameters]
    text = " ".join([draft.logic_explanation, *draft.assumptions, *meanings]).lower()
    # 1,000 and, where it is written so, 2,5.
    said = {float(each) for form in ("", ".") for each in re.findall(r"\d+(?:\.\d+)?", text.replace(",", form))}
    tree = ast.parse(draft.python_code)
    findings = []
    for name in sorted(_indicators(tree)):
        if not any(word in text for word in (name, name.replace("_", " "), *_ALSO_CALLED.get(name, ()))):
            findings.append(f"The code uses ta.{name}, and the explanation does not mention it.")
    for name, value in _constants(tree).items():
        # A percentage may be said as one.
        if not {value, abs(value), round(abs(value) * 100, 6)} & said:
            findings.append(f"The code has {name} = {value:g}, and the explanation does not mention {abs(value):g}.")
    return findings


def _parameters(draft: StrategyDraft, strategy: Strategy) -> list[str]:
    """Parameters that the answer lists and the code does not have so."""
    findings = []
    for each in draft.parameters:
        value = strategy.parameters.get(each.name)
        if value is None:
            findings.append(f"parameters lists {each.name}, and the code has no such constant.")
        elif value != each.value:
            findings.append(f"parameters says {each.name} = {each.value:g}, and the code has {value:g}.")
    return findings


def _indicators(tree: ast.Module) -> set[str]:
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "ta"
    }


def _constants(tree: ast.Module) -> dict[str, float]:
    """The tunable numbers of the module."""
    found: dict[str, float] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                values = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
                for name, value in zip(names, values, strict=False):
                    try:
                        number = ast.literal_eval(value)
                    except ValueError:
                        continue
                    if isinstance(name, ast.Name) and isinstance(number, int | float) and not isinstance(number, bool):
                        found[name.id] = float(number)
    return found
