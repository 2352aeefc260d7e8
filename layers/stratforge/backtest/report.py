"""The report of a backtest: figures, trades, curves, and the assumptions they rest on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stratforge.backtest.analysis import analyze
from stratforge.backtest.config import BacktestConfig
from stratforge.backtest.fills import Fills, RoundTrips, Trades, curves
from stratforge.backtest.matching import EXIT_REASONS
from stratforge.backtest.metrics import Metrics, bars_in_a_year, compute_metrics, drawdown_curve
from stratforge.backtest.presentation import chart_data, monthly_returns, trade_rows
from stratforge.backtest.text import report_text
from stratforge.backtest.way import BOUGHT, COVERED
from stratforge.market.columns import BarColumns, Integers
from stratforge.strategy import Strategy
from stratforge.strategy.graph import Values

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]


class Curves(ABC):
    """The equity of a report by time, and its drawdown."""

    equity_values: Floats

    @property
    @abstractmethod
    def _time(self) -> Integers:
        """The times of the equity, in seconds since the epoch."""

    @property
    def begins_at(self) -> int:
        """The beginning of its first bar, in seconds since the epoch."""
        return int(self._time[0])

    @cached_property
    def equity(self) -> pd.Series:
        """Equity at the close of every bar, by time."""
        import pandas as pd

        return pd.Series(self.equity_values, index=self._index, name="equity")

    @cached_property
    def drawdown(self) -> pd.Series:
        """Drawdown of the equity by time, as a fraction (0 at a high, -0.1 at ten percent below)."""
        import pandas as pd

        return pd.Series(drawdown_curve(self.equity_values), index=self._index, name="drawdown")

    @cached_property
    def _index(self) -> pd.DatetimeIndex:
        import pandas as pd

        return pd.DatetimeIndex(pd.to_datetime(self._time, unit="s", utc=True), name="time")


@dataclass(frozen=True, eq=False)
class BacktestReport(Curves):
    """The outcome of a backtest.

    Attributes:
        metrics: The figures.
        assumptions: What they rest on, in sentences.
        fills: Every fill.
        round_trips: The closed trades.
        values: The indicators over the bars, and over those before them.
        before: How many bars there are before these: indicators know them, and nothing was decided on them.
    """

    strategy: Strategy
    config: BacktestConfig
    bars: BarColumns
    metrics: Metrics
    assumptions: list[str]
    fills: Fills
    round_trips: RoundTrips
    equity_values: Floats
    held: Floats
    values: Values = field(repr=False)
    before: int = 0

    @classmethod
    def build(
        cls, strategy: Strategy, values: Values, config: BacktestConfig, fills: Fills, before: int = 0
    ) -> BacktestReport:
        """The report of the fills of a run that began after so many bars."""
        bars = values.bars.slice(before, len(values.bars))
        equity, held = curves(bars, config, fills)
        trips = RoundTrips.of(fills)
        metrics = figures(bars, config, fills, trips, equity, held, bars_in_a_year(bars.time))
        assumptions = config.assumptions(shorts=strategy.shorts)
        return cls(strategy, config, bars, metrics, assumptions, fills, trips, equity, held, values, before)

    @property
    def _time(self) -> Integers:
        return self.bars.time

    @cached_property
    def buy_and_hold(self) -> pd.Series:
        """Equity of the same cash invested in the symbol itself all the time, without costs, by time."""
        import pandas as pd

        close = self.bars.close
        return pd.Series(self.config.cash * close / close[0], index=self._index, name="buy and hold")

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Closed trades: side ("long" or "short"), entry and exit time and price, quantity, profit and loss, return, bars held, why it was closed."""
        import pandas as pd

        trips = self.round_trips
        entry, exit_ = trips.entry_bar.astype(int), trips.exit_bar.astype(int)
        return pd.DataFrame(
            {
                "entry_time": self._index[entry],
                "exit_time": self._index[exit_],
                "side": np.where(trips.way > 0, "long", "short"),
                "quantity": trips.quantity,
                "entry_price": trips.entry_price,
                "exit_price": trips.exit_price,
                "pnl": trips.pnl,
                "return": trips.returns,
                "bars": exit_ - entry,
                "exit_reason": [EXIT_REASONS[int(code)] for code in trips.reason],
            }
        )

    def indicator(self, name: str) -> Floats:
        """The values of one of the strategy's indicators over the bars."""
        return self.values.series(self.strategy.columns[name])[self.before :]

    def as_dict(self, *, points: int = 1_000) -> dict[str, Any]:
        """The report as plain data for JSON, its curves thinned to at most `points`; what is not defined is None."""
        indicators = {name: np.asarray(self.indicator(name)) for name in self.strategy.indicators}
        return {
            "metrics": self.metrics.as_dict(),
            "assumptions": self.assumptions,
            "config": self.config.as_dict(),
            "curve": chart_data(self.bars, self.equity_values, self.config.cash, indicators, points),
            "analysis": analyze(self.bars, self.equity_values, self.config.cash, self.round_trips),
            "months": monthly_returns(self.bars, self.equity_values, self.config.cash),
            "trades": trade_rows(self.bars.time, self.round_trips),
            "trades_in_all": len(self.round_trips.pnl),
        }

    def __str__(self) -> str:
        return report_text(self.metrics, self.bars.time, self.config.cash, self.assumptions)


def metrics_of(bars: BarColumns, config: BacktestConfig, fills: Fills, per_year: float) -> Metrics:
    """The figures of fills, without the rest of a report."""
    return figures(bars, config, fills, RoundTrips.of(fills), *curves(bars, config, fills), per_year)


def figures(
    bars: BarColumns,
    config: BacktestConfig,
    fills: Fills | Trades,
    trips: RoundTrips,
    equity: Floats,
    held: Floats,
    per_year: float,
) -> Metrics:
    """The figures of fills and what came of them: round trips, and equity and quantity held at the close of every bar."""
    half = config.half_cost
    # What slippage and spread took of each dollar.
    buys = (fills.side == BOUGHT) | (fills.side == COVERED)
    lost = np.where(buys, half / (1.0 + half), half / (1.0 - half))
    return compute_metrics(
        bars=bars,
        equity=equity,
        held=held,
        initial_cash=config.cash,
        traded_value=float((fills.quantity * fills.price).sum()),
        costs=float(fills.commission.sum() + (fills.quantity * fills.price * lost).sum()),
        trade_pnl=trips.pnl,
        trade_returns=trips.returns,
        entry_bar=trips.entry_bar,
        exit_bar=trips.exit_bar,
        per_year=config.bars_per_year or per_year,
        short_trades=int((trips.way < 0).sum()),
    )
