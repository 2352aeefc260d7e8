"""Sweeps: one strategy under many parameter values.

The loop of a strategy is compiled once, by numba to machine code or by the interpreter (the same text), columns of indicators are
computed once for each distinct call, and points are spread over processes. Results can be kept in a file, from which an
interrupted sweep goes on.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import multiprocessing
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stratforge.backtest.config import BacktestConfig, BacktestError
from stratforge.backtest.engine import (
    bars_before,
    columns_given,
    loop_column,
    loop_parameters,
    own_bars,
    run_loop,
)
from stratforge.backtest.loop import loop_for
from stratforge.backtest.matching import FILL_COLUMNS, Target, config_arguments
from stratforge.backtest.metrics import Metrics, annual_return, bars_in_a_year, daily_returns, day_ends, days_in_a_year
from stratforge.backtest.report import metrics_of
from stratforge.market.columns import PRICE_COLUMNS, BarColumns
from stratforge.strategy import Strategy, StrategyError
from stratforge.strategy.graph import Values

Floats = npt.NDArray[np.float64]
Point = dict[str, float]
_CACHE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class PointResult:
    """The figures of one point; definitions as in `Metrics`. `error` says why a point could not run."""

    parameters: Point
    final_equity: float = math.nan
    total_return: float = math.nan
    annual_return: float = math.nan
    sharpe: float = math.nan
    max_drawdown: float = math.nan
    exposure: float = math.nan
    trades: int = 0
    win_rate: float = math.nan
    profit_factor: float = math.nan
    error: str | None = None

    @classmethod
    def of(cls, point: Point, metrics: Metrics) -> PointResult:
        """The result of a point that ran."""
        figures = (each.name for each in fields(cls) if each.name not in ("parameters", "error"))
        return cls(point, **{name: getattr(metrics, name) for name in figures})

    def as_dict(self) -> dict[str, Any]:
        """The result as plain data for JSON; what is not defined is None."""
        values = asdict(self)
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }


def grid(values: Mapping[str, Sequence[float]]) -> list[Point]:
    """All combinations, the last name changing fastest."""
    return [dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values())]


def random_points(values: Mapping[str, Sequence[float]], count: int, seed: int = 0) -> list[Point]:
    """Distinct combinations drawn at random (all of them when there are no more than `count`)."""
    total = math.prod(len(each) for each in values.values())
    if total <= count:
        return grid(values)
    generator = random.Random(seed)  # noqa: S311 - a sample, not a secret
    points = []
    for index in sorted(generator.sample(range(total), count)):
        point = {}
        for name in reversed(list(values)):
            index, place = divmod(index, len(values[name]))
            point[name] = float(values[name][place])
        points.append({name: point[name] for name in values})
    return points


class Sweepable(Protocol):
    """Runs points: what a sweep and a walk-forward need."""

    bars: BarColumns
    days_per_year: float

    def run(self, point: Point) -> PointResult:
        """Backtests one combination of parameters and gives its figures."""
        ...

    def run_between(self, point: Point, start: int, stop: int) -> PointResult:
        """The result of one point on bars `start` to `stop`; indicators know the bars before, and nothing is held at first."""
        ...

    def daily_returns(self, point: Point) -> Floats:
        """Returns of every day at one point, as fractions."""
        ...

    def identity(self) -> str:
        """A digest of all that results depend on besides the point."""
        ...


class Sweeper:
    """Runs points on one set of bars; holds the columns and the compiled loop."""

    def __init__(
        self,
        strategy: Strategy,
        bars: Any,
        config: BacktestConfig | None = None,
        *,
        symbol: str = "AAPL",
        since: int | None = None,
        target: Target = "numba",
        others: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            since: Where decisions begin, as `run_backtest` takes it: `bars` are those from then on, and indicators know the ones before.
            target: "numba" for many points, "python" where numba is not installed, or for a few.
            others: The bars of other symbols, as `run_backtest` takes them.

        Raises:
            BacktestError: if the bars cannot be used or numba is not installed.
        """
        self.strategy = strategy
        self.config = config or BacktestConfig()
        every = own_bars(strategy, columns_given(bars, symbol, others))
        self._since, self._before = since, bars_before(every, since)
        self.bars = every.slice(self._before, len(every))
        try:
            self._loop = loop_for(strategy, self.config, target)
            self._statistics = _compiled_statistics() if target == "numba" else None
        except ImportError as error:
            raise BacktestError("sweeps need numba; install the group research") from error
        self._values = Values(every, max(64 * len(every), _CACHE_BYTES // 8))
        self.per_year = self.config.bars_per_year or bars_in_a_year(self.bars.time)
        self.days_per_year = days_in_a_year(self.bars)
        self._day_ends = day_ends(self.bars)
        # On a bar an order and an exit, and of what goes short the fee of the nights before it.
        most = (3 if strategy.shorts else 2) * len(self.bars) + 2
        self._fills = tuple(np.empty(most) for _ in FILL_COLUMNS)

    def run(self, point: Point) -> PointResult:
        """Backtests one combination of parameters and gives its figures."""
        return self.run_between(point, 0, len(self.bars))

    def run_between(self, point: Point, start: int, stop: int) -> PointResult:
        """The result of one point on bars `start` to `stop`; indicators know the bars before, positions begin flat."""
        try:
            strategy = self.strategy.with_parameters(**point)
        except StrategyError as error:
            return PointResult(point, error=str(error.findings[0]))
        if self._statistics is None:
            return self._interpreted(strategy, point, start, stop)
        first, last_bar = self._before + start, self._before + stop
        columns = [loop_column(strategy, self._values, name)[first:last_bar] for name in self._loop.columns]
        parameters = loop_parameters(self._loop, strategy, self._values, first)
        count = self._loop.function(
            stop - start, self.config.cash, *columns, *parameters, *config_arguments(self.config), *self._fills
        )
        first_day, last_day = np.searchsorted(self._day_ends, (start, stop - 1))
        ends = np.append(self._day_ends[first_day:last_day], stop - 1) - start
        numbers = self._statistics(count, self.config.cash, self.bars.close[start:stop], ends, *self._fills)
        final, mean, deviation, deepest, held, closed, won, gained, lost = numbers
        total = final / self.config.cash - 1.0
        return PointResult(
            point,
            final_equity=final,
            total_return=total,
            annual_return=annual_return(total, (stop - start) / self.per_year),
            sharpe=mean / deviation * math.sqrt(self.days_per_year) if deviation > 0 else math.nan,
            max_drawdown=deepest,
            exposure=held,
            trades=int(closed),
            win_rate=won / closed if closed else math.nan,
            profit_factor=gained / lost if lost > 0 else (math.inf if gained > 0 else math.nan),
        )

    def _interpreted(self, strategy: Strategy, point: Point, start: int, stop: int) -> PointResult:
        """The same without machine code."""
        bars, before = self.bars.slice(start, stop), self._before
        fills = run_loop(self._loop, strategy, self._values, self.config, before + start, before + stop)
        return PointResult.of(point, metrics_of(bars, self.config, fills, self.per_year))

    def daily_returns(self, point: Point) -> Floats:
        """Returns of every day at one point, for statistics of their distribution."""
        from stratforge.backtest.engine import run_backtest

        report = run_backtest(self.strategy.with_parameters(**point), self._values.bars, self.config, since=self._since)
        return daily_returns(report.equity_values, day_ends(self.bars), self.config.cash)

    def identity(self) -> str:
        """A digest of all that results depend on besides the point: code, configuration and bars."""
        return digest_of(self.strategy.source, self.config, {"": self._values.bars}, self._before)


def digest_of(source: str, config: BacktestConfig, columns: Mapping[str, BarColumns], before: int = 0) -> str:
    """A digest of code, configuration and the bars of symbols, of which so many lie before the period."""
    digest = hashlib.sha256(source.encode())
    if before:
        digest.update(before.to_bytes(8))
    digest.update(json.dumps(config.as_dict(), sort_keys=True).encode())
    for symbol, bars in columns.items():
        for name, of_symbol in ((symbol, bars), *sorted(bars.others.items())):
            digest.update(name.encode())
            for each in (of_symbol, of_symbol.days):
                for column in ("time", *PRICE_COLUMNS) if each is not None else ():
                    digest.update(getattr(each, column).tobytes())
    return digest.hexdigest()[:32]


def run_sweep(
    sweeper: Sweepable,
    points: Sequence[Point],
    *,
    processes: int = 1,
    results: Path | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> list[PointResult]:
    """Runs all points; the results are in the order of the points, whatever the number of processes.

    Args:
        results: A file that keeps finished points; points it holds already are not run again.
        progress: Called with the number of points finished so far.

    Raises:
        BacktestError: if the file is of another strategy, configuration or bars.
    """
    known = _read_results(results, sweeper.identity()) if results is not None else {}
    todo = [point for point in points if _key(point) not in known]
    done = len(points) - len(todo)
    progress(done)
    sink = results.open("a", encoding="utf-8") if results is not None else None
    try:
        for result in _run_all(sweeper, todo, processes):
            known[_key(result.parameters)] = result
            if sink is not None:
                sink.write(json.dumps(asdict(result)) + "\n")
                sink.flush()
            done += 1
            progress(done)
    finally:
        if sink is not None:
            sink.close()
    return [known[_key(point)] for point in points]


_worker: Sweepable | None = None


def _run_in_worker(point: Point) -> PointResult:
    assert _worker is not None
    return _worker.run(point)


def _run_all(sweeper: Sweepable, points: Sequence[Point], processes: int) -> Iterator[PointResult]:
    global _worker
    if not points:
        return
    if processes <= 1 or len(points) < 2 * processes:
        yield from map(sweeper.run, points)
        return
    # Compiled before the fork, so that no process compiles again.
    sweeper.run_between(points[0], 0, min(64, len(sweeper.bars)))
    _worker = sweeper
    try:
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            yield from pool.imap(_run_in_worker, points, chunksize=max(1, len(points) // (16 * processes)))
    finally:
        _worker = None


def _key(point: Point) -> str:
    return json.dumps({name: float(value) for name, value in point.items()}, sort_keys=True)


def _read_results(path: Path, identity: str) -> dict[str, PointResult]:
    if not path.exists() or not path.stat().st_size:
        path.write_text(json.dumps({"sweep": identity}) + "\n", encoding="utf-8")
        return {}
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    if json.loads(head).get("sweep") != identity:
        raise BacktestError(f"{path} holds results of another strategy, configuration or bars; choose another file")
    known = {}
    for line in lines:
        try:
            result = PointResult(**json.loads(line))
        except (ValueError, TypeError):
            continue  # The last line of a sweep that was interrupted while it wrote.
        known[_key(result.parameters)] = result
    return known


@dataclass(frozen=True, slots=True)
class Fold:
    """One step of a walk-forward: the best point of the past, and how it did on bars it had not seen."""

    train_start: int
    test_start: int
    test_stop: int
    best: PointResult
    unseen: PointResult


def walk_forward(sweeper: Sweepable, points: Sequence[Point], *, folds: int = 5, metric: str = "sharpe") -> list[Fold]:
    """Chooses the best point on a window of bars, tries it on the next, and moves on.

    Args:
        folds: Number of steps; the bars are cut into `folds + 1` parts of equal length, the first of which is only learned from.
        metric: Field of `PointResult` that decides.

    Raises:
        BacktestError: if there are too few bars.
    """
    found = []
    for start, middle, stop in fold_windows(len(sweeper.bars), folds):
        trained = [sweeper.run_between(point, start, middle) for point in points]
        best = ranked_results(trained, metric)[0]
        found.append(Fold(start, middle, stop, best, sweeper.run_between(best.parameters, middle, stop)))
    return found


def fold_windows(bars: int, folds: int) -> list[tuple[int, int, int]]:
    """The bars on which each step of a walk-forward begins to learn, begins to be tried, and ends.

    Raises:
        BacktestError: if there are too few bars.
    """
    length = bars // (folds + 1)
    if folds < 1 or length < 2:
        raise BacktestError(f"{bars} bars are too few for {folds} folds; give fewer folds")
    return [
        (fold * length, (fold + 1) * length, bars if fold == folds - 1 else (fold + 2) * length)
        for fold in range(folds)
    ]


def ranked_results(results: Sequence[PointResult], metric: str = "sharpe") -> list[PointResult]:
    """The results, the highest value of a metric first; where it is equal or not defined (which comes last) the return decides."""
    return sorted(results, key=lambda result: (-_order(getattr(result, metric)), -_order(result.total_return)))


def _order(value: float) -> float:
    return value if not math.isnan(value) else -math.inf


def _compiled_statistics() -> Callable[..., tuple[float, ...]]:
    import numba

    return _jitted(numba)


_STATISTICS: list[Any] = []


def _jitted(numba: Any) -> Callable[..., tuple[float, ...]]:
    if not _STATISTICS:
        _STATISTICS.append(numba.njit(error_model="numpy", nogil=True)(_statistics))
    function: Callable[..., tuple[float, ...]] = _STATISTICS[0]
    return function


def _statistics(
    count: int, cash: float, close: Floats, ends: npt.NDArray[np.int64], bar: Floats, side: Floats, quantity: Floats, price: Floats,
    commission: Floats, _reason: Floats, cash_after: Floats, held_after: Floats,
) -> tuple[float, float, float, float, float, float, float, float, float]:  # fmt: skip
    """One pass over the equity curve, from fill to fill, and one over the fills: the same definitions as `compute_metrics`.

    Args:
        ends: Index of the last bar of each day, the last bar of all included.
    """
    n = len(close)
    money, held = cash, 0.0
    # The deepest fall so far, but for the one from the highest equity to the lowest since.
    before, highest, lowest, deepest = cash, cash, cash, 0.0
    mean, spread, exposed, days = 0.0, 0.0, 0, 0
    start = 0
    for following in range(count + 1):
        stop = int(bar[following]) if following < count else n
        while days < len(ends) and ends[days] < stop:
            equity = money + held * close[ends[days]]
            # What is lost beyond everything counts as everything.
            change = max(equity / before - 1.0, -1.0) if before > 0.0 else 0.0
            days += 1
            delta = change - mean
            mean += delta / days
            spread += delta * (change - mean)
            before = equity
        # Where nothing is held, one bar is as all of them.
        for index in range(start, stop if held != 0.0 else min(start + 1, stop)):
            equity = money + held * close[index]
            if equity > highest:
                deepest = max(deepest, 1.0 - lowest / highest)
                highest = lowest = equity
            elif equity < lowest:
                lowest = equity
        if held != 0.0:
            exposed += stop - start
        if following < count:
            money, held = cash_after[following], held_after[following]
        start = stop
    deepest = max(deepest, 1.0 - lowest / highest)
    size, cost, paid = 0.0, 0.0, 0.0
    # 1 while what is held was bought, -1 while it was sold short.
    way = 1.0
    closed, won, gained, lost = 0.0, 0.0, 0.0, 0.0
    for fill in range(count):
        if side[fill] == 1.0 or side[fill] == 3.0:
            way = 1.0 if side[fill] == 1.0 else -1.0
            size += quantity[fill]
            cost += quantity[fill] * price[fill]
            paid += commission[fill]
            continue
        if side[fill] == 0.0:
            paid += commission[fill]
            continue
        share = min(quantity[fill] / size, 1.0)
        entry = cost / size
        profit = way * (price[fill] - entry) * quantity[fill] - commission[fill] - paid * share
        closed += 1.0
        if profit > 0.0:
            won += 1.0
            gained += profit
        elif profit < 0.0:
            lost -= profit
        if share >= 1.0 - 1e-12:
            size, cost, paid = 0.0, 0.0, 0.0
        else:
            size -= quantity[fill]
            cost -= entry * quantity[fill]
            paid -= paid * share
    deviation = (spread / (days - 1)) ** 0.5 if days > 1 else 0.0
    return before, mean, deviation, min(deepest, 1.0), exposed / n, closed, won, gained, lost
