"""`python -m tests.benchmarks.known`: writes the table of well-known strategies, with what each takes and what it would have made."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from stratforge.application.gallery import CONFIG, SYMBOLS, read_sources
from stratforge.backtest import run_backtest
from stratforge.backtest.metrics import Metrics
from stratforge.backtest.portfolio import run_portfolio_backtest
from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.market.resampling import DAY, resample
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.lookback import _random_history
from stratforge.strategy.rotation import PortfolioStrategy, compile_portfolio, is_portfolio

from tests.benchmarks.gallery import daily_bars
from tests.support.known_scripts import DAILY, INTRADAY

EXAMPLES = Path(__file__).parents[2] / "examples"
TABLE = EXAMPLES / "README.md"
# Strategies whose scripts stand elsewhere, in modules that hold them against the very files.
ELSEWHERE = {
    "roi_table": "tests.unit.backtest.test_known_strategies",
    "trailing_offset": "tests.unit.backtest.test_known_strategies",
    "atr_bracket": "tests.unit.backtest.test_known_strategies",
    "month_end_at_the_close": "tests.unit.backtest.test_known_strategies",
    "monthly_rotation": "tests.support.monthly_rotation",
    "pair": "tests.unit.backtest.test_known_rotations",
    "sixty_forty": "tests.unit.backtest.test_known_rotations",
}
CHECKED = {*DAILY, *INTRADAY, *ELSEWHERE}


@lru_cache(maxsize=1)
def stocks() -> dict[str, BarColumns]:
    """The real daily bars of the gallery."""
    return {symbol: daily_bars(symbol) for symbol in SYMBOLS}


@lru_cache(maxsize=1)
def five_minutes() -> BarColumns:
    """A made-up market: bars of five minutes of the regular hours of ten weeks, and its days in these and a year before."""
    first = datetime(2026, 1, 5, 9, 30, tzinfo=ZoneInfo("America/New_York"))
    days = [first + timedelta(days=day) for day in range(70) if (first + timedelta(days=day)).weekday() < 5]
    time = np.array([int(day.timestamp()) + 300 * index for day in days for index in range(78)], dtype=np.int64)
    walk = _random_history(5, len(time), 0.002, 50.0)
    bars = BarColumns(time, walk.open, walk.high, walk.low, walk.close, walk.volume, minutes=5)
    return replace(bars, days=_days_of(bars))


def _days_of(bars: BarColumns) -> BarColumns:
    within, before = resample(bars, DAY).bars, _random_history(6, 260, 0.015, 50.0)
    scale = within.open[0] / before.close[-1]
    time = within.time[0] - 86_400 * np.arange(len(before), 0, -1)
    prices = {name: scale * getattr(before, name) for name in ("open", "high", "low", "close")}
    columns = {**prices, "volume": before.volume}
    joined = (np.concatenate((columns[name], getattr(within, name))) for name in PRICE_COLUMNS)
    return BarColumns(np.concatenate((time, within.time)), *joined, daily=True)


def minutes() -> BarColumns:
    """Another made-up market: minutes around the clock of three days."""
    return _random_history(3, 4_000, 0.006, 50.0)


@dataclass(frozen=True)
class Known:
    """A strategy of the table, and its bars."""

    name: str
    title: str
    source: str
    bars: str
    strategy: Strategy | PortfolioStrategy
    backtest: Callable[[], Metrics]

    @property
    def lines(self) -> int:
        """Lines of code, without blank ones, comments and what it is called."""
        tree = ast.parse(self.source)
        skipped = tree.body[0].end_lineno or 0 if ast.get_docstring(tree) else 0
        return sum(
            bool(line.strip()) and not line.strip().startswith("#") for line in self.source.split("\n")[skipped:]
        )


def known() -> Iterator[Known]:
    """Every strategy of the gallery, and every example."""
    for each in read_sources():
        yield _single(each["key"], each["name"], each["code"], "days of MSFT", stocks()["MSFT"])
    for path in sorted(EXAMPLES.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        title = (ast.get_docstring(ast.parse(source)) or "").split(":")[0].rstrip(".")
        if is_portfolio(source):
            yield _portfolio(path.stem, title, source)
        elif 'TIMEFRAME = "1d"' in source:
            yield _single(path.stem, title, source, "days of MSFT", stocks()["MSFT"])
        elif "TIMEFRAME" in source or path.stem == "month_end_at_the_close":
            yield _single(path.stem, title, source, "made-up 5 minutes", five_minutes())
        else:
            yield _single(path.stem, title, source, "made-up minutes", minutes())


def _single(name: str, title: str, source: str, bars: str, columns: BarColumns) -> Known:
    strategy = compile_strategy(source)
    if strategy.other_symbols:
        columns = replace(columns, others={each: stocks()[each] for each in strategy.other_symbols})
    return Known(name, title, source, bars, strategy, lambda: run_backtest(strategy, columns, CONFIG).metrics)


def _portfolio(name: str, title: str, source: str) -> Known:
    strategy = compile_portfolio(source)
    return Known(
        name, title, source, f"days of {len(strategy.symbols)} stocks", strategy,
        lambda: run_portfolio_backtest(strategy, {each: stocks()[each] for each in strategy.symbols}, CONFIG).metrics,
    )  # fmt: skip


def table() -> str:
    """The page."""
    rows = list(known())
    days = stocks()["MSFT"]
    first, last = (datetime.fromtimestamp(int(days.time[place]), days.timezone) for place in (0, -1))
    lines = [
        "# Well-known strategies",
        "",
        f"{len(rows)} strategies that people trade, in the language. Written by `make examples`; a test makes the table again. The examples are files here",
        "(`stratforge backtest examples/pair.py --bars FOLDER`); those named with hyphens are the gallery's, on the dashboard and in",
        "[gallery.toml](../layers/stratforge/application/gallery.toml).",
        "",
        f"Figures: all of the equity in every trade, 5 basis points of slippage, no commission, a quarter of a percent a year for what is sold short. Days are real ones, {first:%Y-%m-%d} to {last:%Y-%m-%d}, adjusted for splits",
        "and dividends; made-up markets are walks that go nowhere, on which nothing can be earned but by chance. They show what a strategy did, not that it is worth",
        f"anything. ✓: {len(CHECKED)} of them are held against an independent script in pandas or a plain loop that trades, bar for bar, the same",
        "(`tests/support/known_scripts.py` and the tests of the backtester). 31 are reached through the assistant in plain words, past every gate between a request and its code",
        "(`tests/unit/intent/test_well_known_in_words.py`).",
        "",
        "| strategy | what it does | bars | lines | ms a bar | return | drawdown | trades | script |",
        "|---|---|---|---:|---:|---:|---:|---:|:-:|",
    ]
    for each in rows:
        metrics = each.backtest()
        link = (
            f"[{each.name}]({each.name}.py)"
            if "-" not in each.name and (EXAMPLES / f"{each.name}.py").exists()
            else each.name
        )
        check = "✓" if each.name in CHECKED else ""
        lines.append(
            f"| {link} | {each.title} | {each.bars} | {each.lines} | {each.strategy.cost.milliseconds:.2g} | {metrics.total_return:+.0%} "
            f"| {metrics.max_drawdown:.0%} | {metrics.trades:,} | {check} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
