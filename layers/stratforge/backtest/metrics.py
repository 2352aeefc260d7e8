"""The figures of a report, as pure functions of the equity curve and the trades.

Sources: Sharpe, "The Sharpe Ratio" (1994); Sortino and van der Meer, "Downside Risk" (1991); Young, "Calmar Ratio" (1991);
Tharp, "Definitive Guide to Position Sizing" (2008) for the SQN. Volatility, Sharpe and Sortino ratio are of daily returns (equity at
the last bar of each day of the exchange) and scaled by the root of the days in a year, as empyrical and quantstats do it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from stratforge.market.columns import BarColumns

Floats = npt.NDArray[np.float64]
SECONDS_PER_YEAR = 365.25 * 86_400


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of a backtest. Returns, drawdowns and rates are fractions of one; money is in the account's currency.

    A figure that is not defined (a Sharpe ratio over less than two days, a win rate without trades) is NaN. `profit_factor` is gross profit
    by gross loss, `expectancy` the average profit of a trade in money and `average_trade_return` as a fraction of what it cost; durations are
    in seconds: `max_drawdown_duration` from a high until it was reached again, `average_holding_time` from fill to fill. `exposure` is the part of the
    bars with a position, `short_exposure` that with a short one, and `short_trades` counts the trades that began short.
    """

    bars: int
    years: float
    final_equity: float
    total_return: float
    annual_return: float
    annual_volatility: float
    sharpe: float
    sortino: float
    calmar: float
    max_drawdown: float
    max_drawdown_bars: int
    max_drawdown_duration: float
    exposure: float
    turnover: float
    costs: float
    trades: int
    win_rate: float
    profit_factor: float
    expectancy: float
    average_trade_return: float
    best_trade_return: float
    worst_trade_return: float
    average_bars_held: float
    average_holding_time: float
    sqn: float
    buy_and_hold_return: float
    buy_and_hold_max_drawdown: float
    short_exposure: float
    short_trades: int

    def __getitem__(self, name: str) -> float | int:
        """A figure by its name."""
        value: float | int = getattr(self, name)
        return value

    def as_dict(self) -> dict[str, float | int | None]:
        """The figures by name, as JSON shows them; what is not defined is None."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}


def bars_in_a_year(time: npt.NDArray[np.int64]) -> float:
    """Estimates the number of bars like these in a year, by their number and the time they span."""
    if len(time) < 2:
        return 252.0
    span = float(time[-1] - time[0]) * len(time) / (len(time) - 1)
    return len(time) / (span / SECONDS_PER_YEAR)


def days_in_a_year(bars: BarColumns) -> float:
    """252 trading days for stocks, 365 for what trades every day; for bars longer than a day, how many of them a year has."""
    if len(bars) > 1 and float(np.median(np.diff(bars.time))) > 1.5 * 86_400:
        return bars_in_a_year(bars.time)
    return 365.0 if bars.timezone.key == "UTC" else 252.0


def day_ends(bars: BarColumns) -> npt.NDArray[np.int64]:
    """Index of the last bar of each day of the exchange."""
    return np.append(np.flatnonzero(np.diff(bars.day)), len(bars) - 1)


def daily_returns(equity: Floats, ends: npt.NDArray[np.int64], initial_cash: float) -> Floats:
    """The return of each day, the first from the initial cash; nothing returns nothing, and what is lost beyond everything counts as everything."""
    closing = equity[ends]
    before = np.concatenate(([initial_cash], closing[:-1]))
    return np.maximum(np.divide(closing, before, out=np.ones(len(closing)), where=before > 0) - 1.0, -1.0)


def drawdown_curve(equity: Floats) -> Floats:
    """Computes the distance of equity below its highest value so far, as a fraction (0 at a high, -0.1 at ten percent
    below)."""
    return equity / np.maximum.accumulate(equity) - 1.0


def longest_drawdown(drawdown: Floats, time: npt.NDArray[np.int64]) -> tuple[int, float]:
    """The most bars in a row below an earlier high, and the longest time in seconds from a high until it was reached again (or the end)."""
    below = drawdown < 0
    if not below.any():
        return 0, 0.0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], below.view(np.int8), [0]))))
    first, last = edges[::2], edges[1::2]
    seconds = time[np.minimum(last, len(time) - 1)] - time[np.maximum(first - 1, 0)]
    return int((last - first).max()), float(seconds.max())


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator != 0 and math.isfinite(denominator) else math.nan


def sharpe_ratio(returns: Floats, per_year: float) -> float:
    """Mean return over its standard deviation (ddof=1), times the root of the periods in a year; no risk-free rate is taken off (cash earns nothing)."""
    if len(returns) < 2:
        return math.nan
    return _ratio(float(returns.mean()), float(returns.std(ddof=1))) * math.sqrt(per_year)


def sortino_ratio(returns: Floats, per_year: float) -> float:
    """Mean return over the root mean square of the negative returns, times the root of the periods in a year."""
    if len(returns) < 2:
        return math.nan
    downside = np.minimum(returns, 0.0)
    return _ratio(float(returns.mean()), math.sqrt(float((downside * downside).mean()))) * math.sqrt(per_year)


def annual_return(total: float, years: float) -> float:
    """The constant yearly growth that gives the total return."""
    if years <= 0:
        return math.nan
    if total <= -1:
        return -1.0
    exponent = math.log1p(total) / years
    return math.expm1(exponent) if exponent < 700 else math.inf


def compute_metrics(
    *,
    bars: BarColumns,
    equity: Floats,
    held: Floats,
    initial_cash: float,
    traded_value: float,
    costs: float,
    trade_pnl: Floats,
    trade_returns: Floats,
    entry_bar: Floats,
    exit_bar: Floats,
    per_year: float,
    short_trades: int = 0,
) -> Metrics:
    """All figures of a backtest; arguments as in `BacktestReport`."""
    returns, days = daily_returns(equity, day_ends(bars), initial_cash), days_in_a_year(bars)
    years = len(equity) / per_year
    total = float(equity[-1] / initial_cash - 1.0)
    yearly = annual_return(total, years)
    drawdown = drawdown_curve(np.maximum(np.concatenate(([initial_cash], equity)), 1e-300))
    bars_below, time_below = longest_drawdown(drawdown[1:], bars.time)
    entry, exit_ = entry_bar.astype(np.int64), exit_bar.astype(np.int64)
    hold = bars.close / bars.close[0]
    wins, losses = trade_pnl[trade_pnl > 0], trade_pnl[trade_pnl < 0]
    count = len(trade_pnl)
    spread = float(trade_pnl.std(ddof=1)) if count > 1 else math.nan
    deepest = float(-drawdown.min())
    return Metrics(
        bars=len(equity),
        years=years,
        final_equity=float(equity[-1]),
        total_return=total,
        annual_return=yearly,
        annual_volatility=float(returns.std(ddof=1)) * math.sqrt(days) if len(returns) > 1 else math.nan,
        sharpe=sharpe_ratio(returns, days),
        sortino=sortino_ratio(returns, days),
        calmar=_ratio(yearly, deepest),
        max_drawdown=deepest,
        max_drawdown_bars=bars_below,
        max_drawdown_duration=time_below,
        exposure=float((held != 0).mean()),
        turnover=_ratio(traded_value, max(float(equity.mean()), 0.0)),
        costs=costs,
        trades=count,
        win_rate=_ratio(float(len(wins)), float(count)),
        profit_factor=_ratio(float(wins.sum()), float(-losses.sum()))
        if len(losses)
        else (math.inf if len(wins) else math.nan),
        expectancy=float(trade_pnl.mean()) if count else math.nan,
        average_trade_return=float(trade_returns.mean()) if count else math.nan,
        best_trade_return=float(trade_returns.max()) if count else math.nan,
        worst_trade_return=float(trade_returns.min()) if count else math.nan,
        average_bars_held=float((exit_bar - entry_bar).mean()) if count else math.nan,
        average_holding_time=float((bars.time[exit_] - bars.time[entry]).mean()) if count else math.nan,
        sqn=_ratio(float(trade_pnl.mean()), spread) * math.sqrt(count) if count > 1 else math.nan,
        buy_and_hold_return=float(hold[-1] - 1.0),
        buy_and_hold_max_drawdown=float(-drawdown_curve(hold).min()),
        short_exposure=float((held < 0).mean()),
        short_trades=short_trades,
    )
