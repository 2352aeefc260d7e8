"""A report's further figures: returns by day, drawdowns, the distribution of returns, the benchmark, and trades by time and excursion.

Sources: Jensen, "The Performance of Mutual Funds" (1968) for alpha and beta; Rockafellar and Uryasev, "Optimization of Conditional Value-at-Risk"
(2000); Sweeney, "Maximum Adverse Excursion" (1997). Definitions are those of empyrical and quantstats where these have the figure.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stratforge.backtest.fills import RoundTrips
from stratforge.backtest.metrics import daily_returns, day_ends, days_in_a_year, drawdown_curve, sharpe_ratio
from stratforge.market.columns import BarColumns

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
ROLLING_DAYS = 21
_MOST_DAYS, _MOST_DRAWDOWNS, _BINS, _MOST_TRADES = 2_000, 5, 21, 2_000
_TAIL = 0.05
# The part of the days that counts as seen; the rest is the strategy's test.
_SEEN = 0.7

# Of what e is raised to without an overflow.
_LARGEST_EXPONENT = 700.0


@dataclass(frozen=True, slots=True)
class Drawdown:
    """A fall below an earlier high.

    Attributes:
        start: When the high was, in seconds since the epoch, as the other times.
        bottom: When it was deepest.
        end: When the high was reached again; None if it was not.
        depth: The deepest it went, as a fraction of the high.
    """

    start: int
    bottom: int
    end: int | None
    depth: float


def drawdowns(equity: Floats, time: Integers, initial_cash: float) -> list[Drawdown]:
    """The deepest drawdowns of an equity curve, the deepest first.

    Args:
        equity: Equity at the close of every bar.
        time: The bars' starts, in seconds since the epoch.
        initial_cash: The equity before the first bar.
    """
    curve = drawdown_curve(np.concatenate(([initial_cash], equity)))
    below = curve < 0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], below.view(np.int8), [0]))))
    found = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        bottom = first + int(curve[first:last].argmin())
        # Places count the initial cash: bar n stands at n + 1.
        found.append(
            Drawdown(
                start=int(time[max(first - 2, 0)]),
                bottom=int(time[bottom - 1]),
                end=int(time[last - 1]) if last < len(curve) else None,
                depth=float(-curve[bottom]),
            )
        )
    return sorted(found, key=lambda each: -each.depth)[:_MOST_DRAWDOWNS]


def alpha_beta(returns: Floats, benchmark: Floats, per_year: float) -> tuple[float, float]:
    """Yearly alpha and beta of daily returns against a benchmark's; NaN where the benchmark does not move or is shorter than two days.

    An alpha that loses everything within a day, or is more than a number can be in a year, is none: NaN.
    """
    if len(returns) < 2 or not float(benchmark.var()) > 0:
        return math.nan, math.nan
    beta = float(((returns - returns.mean()) * (benchmark - benchmark.mean())).mean() / benchmark.var())
    daily = float((returns - beta * benchmark).mean())
    exponent = math.log1p(daily) * per_year if daily > -1 else math.nan
    return math.expm1(exponent) if exponent < _LARGEST_EXPONENT else math.nan, beta


def correlation(returns: Floats, benchmark: Floats) -> float:
    """Pearson's correlation of daily returns with a benchmark's; NaN where one of them does not move."""
    if len(returns) < 2 or not (returns.std() > 0 and benchmark.std() > 0):
        return math.nan
    return float(np.corrcoef(returns, benchmark)[0, 1])


def value_at_risk(returns: Floats) -> float:
    """The return that a day falls short of once in twenty days, as a fraction."""
    return float(np.percentile(returns, 100 * _TAIL)) if len(returns) else math.nan


def conditional_value_at_risk(returns: Floats) -> float:
    """The average of the worst twentieth of all days, as a fraction."""
    if not len(returns):
        return math.nan
    worst = int((len(returns) - 1) * _TAIL)
    return float(np.partition(returns, worst)[: worst + 1].mean())


def skewness(returns: Floats) -> float:
    """The skewness of daily returns, corrected for the size of the sample; NaN below three days."""
    count = len(returns)
    if count < 3 or not returns.std() > 0:
        return math.nan
    return float(
        ((returns - returns.mean()) ** 3).mean() / returns.std() ** 3 * math.sqrt(count * (count - 1)) / (count - 2)
    )


def excess_kurtosis(returns: Floats) -> float:
    """The excess kurtosis of daily returns, corrected for the size of the sample; NaN below four days."""
    count = len(returns)
    if count < 4 or not returns.std() > 0:
        return math.nan
    plain = float(((returns - returns.mean()) ** 4).mean() / returns.var() ** 2)
    return (count - 1) / ((count - 2) * (count - 3)) * ((count + 1) * plain - 3 * (count - 1))


def rolling_sharpe(returns: Floats, per_year: float, length: int = ROLLING_DAYS) -> Floats:
    """The Sharpe ratio of each `length` days in a row, by their last day; NaN for those before and where nothing moved."""
    found = np.full(len(returns), math.nan)
    if len(returns) >= length:
        windows = np.lib.stride_tricks.sliding_window_view(returns, length)
        spread = windows.std(axis=1, ddof=1)
        mean = windows.mean(axis=1)
        found[length - 1 :] = np.divide(
            mean, spread, out=np.full(len(mean), math.nan), where=spread > 1e-15
        ) * math.sqrt(per_year)
    return found


def excursions(bars: BarColumns, trips: RoundTrips) -> tuple[Floats, Floats]:
    """Computes how far each trade went against its entry price (MAE, at most zero) and for it (MFE, at least zero), as fractions of it; against a short one is up.

    The bar of the exit counts with the price of the exit only: what came after it was no part of the trade.
    """
    against, in_favor = np.zeros(len(trips.pnl)), np.zeros(len(trips.pnl))
    rows = zip(
        trips.entry_bar.tolist(),
        trips.exit_bar.tolist(),
        trips.entry_price.tolist(),
        trips.exit_price.tolist(),
        trips.way.tolist(),
        strict=True,
    )
    for place, (entry, exit_, paid, got, way) in enumerate(rows):
        first, last = int(entry), int(exit_)
        low = min(float(bars.low[first:last].min()) if last > first else got, got)
        high = max(float(bars.high[first:last].max()) if last > first else got, got)
        if way > 0:
            against[place], in_favor[place] = min(low / paid - 1.0, 0.0), max(high / paid - 1.0, 0.0)
        else:
            against[place], in_favor[place] = min(1.0 - high / paid, 0.0), max(1.0 - low / paid, 0.0)
    return against, in_favor


def analyze(bars: BarColumns, equity: Floats, initial_cash: float, trips: RoundTrips) -> dict[str, Any]:
    """All of it as plain data for JSON; what is not defined is None. Times are seconds since the epoch, returns fractions.

    Args:
        bars: The bars of the backtest.
        equity: Equity at the close of every bar, in dollars.
        initial_cash: What it was at the beginning.
        trips: The closed trades.
    """
    ends = day_ends(bars)
    returns = daily_returns(equity, ends, initial_cash)
    # The symbol's own first day is from its first price, as the curve of buying and holding is.
    benchmark = daily_returns(bars.close / bars.close[0], ends, 1.0)
    per_year = days_in_a_year(bars)
    alpha, beta = alpha_beta(returns, benchmark, per_year)
    days = [str(day) for day in bars.day[ends].astype("datetime64[D]").tolist()]
    counts, edges = np.histogram(returns, bins=_BINS)
    rolling = rolling_sharpe(returns, per_year)
    seen = max(1, round(len(returns) * _SEEN))
    return {
        "days": [{"day": day, "return": value} for day, value in zip(days, returns.tolist(), strict=True)][
            -_MOST_DAYS:
        ],
        "drawdowns": [asdict(each) for each in drawdowns(equity, bars.time, initial_cash)],
        "distribution": {
            "edges": edges.tolist(),
            "counts": counts.tolist(),
            **_known(
                best_day=float(returns.max()),
                worst_day=float(returns.min()),
                positive_days=float((returns > 0).mean()),
                value_at_risk=value_at_risk(returns),
                conditional_value_at_risk=conditional_value_at_risk(returns),
                skewness=skewness(returns),
                excess_kurtosis=excess_kurtosis(returns),
            ),
        },
        "benchmark": _known(alpha=alpha, beta=beta, correlation=correlation(returns, benchmark)),
        "rolling_sharpe": {
            "days": ROLLING_DAYS,
            "time": bars.time[ends].tolist(),
            "values": [value if math.isfinite(value) else None for value in rolling.tolist()],
        },
        "parts": [
            {"from": days[first], "to": days[last - 1], **_part(returns[first:last], per_year)}
            for first, last in ((0, seen), (seen, len(returns)))
            if last > first
        ],
        "hours": _groups(bars.hour, trips, range(24)),
        "weekdays": _groups(bars.weekday, trips, range(7)),
        "excursions": _excursion_rows(bars, trips),
    }


def _part(returns: Floats, per_year: float) -> dict[str, float | None]:
    growth = np.cumprod(1.0 + returns)
    return _known(
        total_return=float(growth[-1] - 1.0),
        sharpe=sharpe_ratio(returns, per_year),
        max_drawdown=float(-drawdown_curve(np.concatenate(([1.0], growth))).min()),
    )


def _groups(key: Floats, trips: RoundTrips, names: range) -> list[dict[str, Any]]:
    """Trades by a field of the bar that they began on; without the names that have none."""
    keys = key[trips.entry_bar.astype(np.int64)]
    return [
        {
            "name": name,
            "trades": int(mine.sum()),
            "pnl": float(trips.pnl[mine].sum()),
            "win_rate": float((trips.pnl[mine] > 0).mean()),
        }
        for name in names
        if (mine := keys == name).any()
    ]


def _excursion_rows(bars: BarColumns, trips: RoundTrips) -> list[list[float]]:
    """MAE, MFE and return of each of the latest trades."""
    latest = RoundTrips(*(getattr(trips, name)[-_MOST_TRADES:] for name in trips.__slots__))
    against, in_favor = excursions(bars, latest)
    rows: list[list[float]] = np.round(np.column_stack((against, in_favor, latest.returns)), 6).tolist()
    return rows


def _known(**figures: float) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}
