"""Whether an answer does what was asked for: on made price paths, it holds the symbol when the reference does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.market import BarColumns
from stratforge.strategy import Strategy, compile_strategy

from tests.evaluation.cases import Case

# The part of bars at which both hold or both do not, on average over the paths; and of bars at which either holds, so that mostly being out is no
# agreement by itself.
AGREEMENT, OVERLAP = 0.9, 0.7
EXACT_AGREEMENT, EXACT_OVERLAP = 0.98, 0.92
_DAYS, _OPEN, _MINUTES = 10, 1_767_623_400, 390


@lru_cache(maxsize=1)
def paths() -> tuple[BarColumns, ...]:
    """Ten trading days each: a wave, a random walk with jumps, and a trend with pullbacks. Seeded."""
    count = _DAYS * _MINUTES
    position = np.arange(count + 1)
    generator = np.random.default_rng(11)
    noise = np.cumsum(generator.normal(0, 0.0006, (3, count + 1)), axis=1)
    jumps = np.cumsum(np.where(generator.random(count + 1) < 0.004, generator.normal(0, 0.006, count + 1), 0))
    shapes = (
        0.03 * np.sin(position / 45) + noise[0],
        2 * noise[1] + jumps,
        0.00004 * position + 0.015 * np.sin(position / 70) + noise[2],
    )
    return tuple(_bars(100 * np.exp(shape), generator) for shape in shapes)


def _bars(path: npt.NDArray[np.float64], generator: np.random.Generator) -> BarColumns:
    open_, close = path[:-1], path[1:]
    wick = np.abs(generator.normal(0, 0.03, (2, len(close))))
    # Two weeks of weekdays from a Monday.
    days = [day for day in range(14) if day % 7 < 5][:_DAYS]
    time = np.concatenate([_OPEN + 86_400 * day + 60 * np.arange(_MINUTES) for day in days]).astype(np.int64)
    volume = np.round(generator.lognormal(8, 0.6, len(close)))
    return BarColumns(
        time, open_.copy(), np.maximum(open_, close) + wick[0], np.minimum(open_, close) - wick[1], close.copy(), volume
    )


def held(strategy: Strategy, bars: BarColumns) -> npt.NDArray[np.float64]:
    """The part of equity that is in the symbol, bar by bar; of a strategy on longer bars on each bar of a minute in them. Other symbols that it looks at have other paths, in alphabetical order."""
    others = [each for each in paths() if each is not bars]
    beside = dict(zip(strategy.other_symbols, others, strict=False))
    report = run_backtest(strategy, bars, BacktestConfig(sizing_value=0.8), others=beside)
    part: npt.NDArray[np.float64] = report.held * report.bars.close / report.equity_values
    return part[np.searchsorted(report.bars.time, bars.time, side="right") - 1]


def difference(case: Case, strategy: Strategy, symbol: str) -> str | None:
    """What is wrong with an answer; None when nothing is."""
    if case.symbol is not None and symbol != case.symbol:
        return f"it is for {symbol}, not for {case.symbol}"
    if case.indicators and not case.indicators & _indicators(strategy):
        return f"it uses none of {', '.join(sorted(case.indicators))}"
    bounds = (EXACT_AGREEMENT, EXACT_OVERLAP) if case.exact else (AGREEMENT, OVERLAP)
    got = [held(strategy, bars) for bars in paths()]
    told = [_disagreement(reference.code, bool(reference.size), got, bounds) for reference in case.references]
    return None if None in told else told[0]


@cache
def _expected(code: str) -> tuple[npt.NDArray[np.float64], ...]:
    strategy = compile_strategy(code)
    return tuple(held(strategy, bars) for bars in paths())


def _disagreement(
    code: str, sized: bool, answered: Sequence[npt.NDArray[np.float64]], bounds: tuple[float, float]
) -> str | None:
    same, both, either, sizes = [], 0, 0, []
    for got, expected in zip(answered, _expected(code), strict=True):
        first, second = expected > 0.001, got > 0.001
        same.append(float((first == second).mean()))
        both += int((first & second).sum())
        either += int((first | second).sum())
        sizes += list(zip(expected[first & second], got[first & second], strict=True))
    if not either:
        return "nothing is ever bought"
    agreement, overlap = bounds
    if np.mean(same) < agreement or both / either < overlap:
        return f"it holds at other bars (same {np.mean(same):.1%}, overlap {both / either:.1%})"
    if sized:
        ratio = float(np.median([got / expected for expected, got in sizes]))
        if not 0.8 < ratio < 1.25:
            return f"it buys {ratio:.2f} times as much"
    return None


def _indicators(strategy: Strategy) -> set[str]:
    import re

    return set(re.findall(r"\bta\.(\w+)", strategy.source))
