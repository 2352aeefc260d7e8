"""The report of a portfolio strategy's backtest: figures, weights over time, trades, and the assumptions they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stratforge.backtest.config import BacktestConfig
from stratforge.backtest.fills import RoundTrips, Trades
from stratforge.backtest.metrics import Metrics, bars_in_a_year
from stratforge.backtest.portfolio_analysis import analyze_portfolio, symbol_row, turnover
from stratforge.backtest.presentation import MAX_TRADES, chart_data, monthly_returns, trade_rows
from stratforge.backtest.report import Curves, figures
from stratforge.backtest.text import report_text
from stratforge.market.columns import BarColumns, Integers
from stratforge.market.other_symbols import STALE
from stratforge.strategy.rotation import PortfolioStrategy

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
_SHOWN_WEIGHTS = 0.0005
# Decisions of a report, the latest.
MAX_DECISIONS = 2_000


@dataclass(frozen=True, eq=False)
class PortfolioReport(Curves):
    """The outcome of a portfolio strategy's backtest.

    Attributes:
        columns: The bars of each symbol.
        clock: The times at which a bar of any symbol begins; its prices are those of equal parts of the universe, bought at the beginning.
        metrics: The figures, over the bars of the clock.
        assumptions: What they rest on, in sentences.
        fills: Every fill.
        due: The places of the decisions on the clock.
        targets: The weights that each decision gave, by symbol of the universe; NaN where it changed nothing.
        equity_values: Equity at the close of every bar of the clock.
        held: The quantity of each symbol of the universe that is held then.
    """

    strategy: PortfolioStrategy
    config: BacktestConfig
    columns: Mapping[str, BarColumns]
    clock: BarColumns
    metrics: Metrics
    assumptions: list[str]
    fills: Trades
    round_trips: dict[str, RoundTrips]
    due: Integers
    targets: Floats
    equity_values: Floats
    held: dict[str, Floats]

    @classmethod
    def build(
        cls,
        strategy: PortfolioStrategy,
        config: BacktestConfig,
        columns: Mapping[str, BarColumns],
        clock: BarColumns,
        fills: Trades,
        due: Integers,
        targets: Floats,
    ) -> PortfolioReport:
        """The report of a run's fills and decisions."""
        equity = _steps(fills.bar, fills.cash, len(clock), config.cash)
        held: dict[str, Floats] = {}
        trips: dict[str, RoundTrips] = {}
        invested = np.zeros(len(clock), dtype=bool)
        for place, symbol in enumerate(strategy.universe):
            mine = fills.of_symbol(place)
            held[symbol] = _steps(mine.bar.astype(np.int64), mine.held, len(clock), 0.0)
            if len(mine.bar):
                trips[symbol] = RoundTrips.of(mine)
                has = held[symbol] > 0
                invested |= has
                equity[has] += (held[symbol] * latest_close(columns[symbol], clock.time))[has]
        every = _together(list(trips.values()))
        per_year = bars_in_a_year(clock.time)
        metrics = figures(clock, config, fills, every, equity, invested.astype(np.float64), per_year)
        assumptions = [*config.assumptions(), *_assumptions(strategy, columns, clock, held)]
        return cls(strategy, config, columns, clock, metrics, assumptions, fills, trips, due, targets, equity, held)

    @property
    def _time(self) -> Integers:
        return self.clock.time

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """The target weights by time of the decision and symbol; NaN where a decision changed nothing."""
        import pandas as pd

        return pd.DataFrame(self.targets, self._index[self.due], list(self.strategy.universe))

    @cached_property
    def weights(self) -> pd.DataFrame:
        """The part of the equity that each symbol is at the close of every bar of the clock, by time and symbol."""
        import pandas as pd

        parts = {symbol: self._part(symbol) for symbol in self.strategy.universe}
        return pd.DataFrame(parts, index=self._index)

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Closed trades of all symbols by their exit: symbol, entry and exit time and price, quantity, profit and loss, return, bars held."""
        import pandas as pd

        every = _together(list(self.round_trips.values()))
        symbols = np.repeat(list(self.round_trips), [len(each.pnl) for each in self.round_trips.values()])
        index = self._index
        return pd.DataFrame(
            {
                "symbol": symbols[_by_exit(list(self.round_trips.values()))],
                "entry_time": index[every.entry_bar.astype(int)],
                "exit_time": index[every.exit_bar.astype(int)],
                "quantity": every.quantity,
                "entry_price": every.entry_price,
                "exit_price": every.exit_price,
                "pnl": every.pnl,
                "return": every.returns,
                "bars": (every.exit_bar - every.entry_bar).astype(int),
            }
        )

    def as_dict(self, *, points: int = 1_000) -> dict[str, Any]:
        """The report as plain data for JSON, its curves thinned to at most `points`; what is not defined is None."""
        trades = [
            {"symbol": symbol, **row}
            for symbol, trips in self.round_trips.items()
            for row in trade_rows(self.clock.time, trips)
        ]
        curve = chart_data(self.clock, self.equity_values, self.config.cash, {}, points)
        ends = (
            np.minimum(
                np.arange(0, len(self.clock), curve["bars_per_candle"]) + curve["bars_per_candle"], len(self.clock)
            )
            - 1
        )
        every = _together(list(self.round_trips.values()))
        decided = [int(each) for each in self.due[-MAX_DECISIONS:]]
        return {
            "metrics": self.metrics.as_dict(),
            "assumptions": self.assumptions,
            "config": self.config.as_dict(),
            "universe": list(self.strategy.universe),
            "schedule": str(self.strategy.schedule),
            "curve": {name: curve[name] for name in ("time", "equity", "buy_and_hold", "drawdown")},
            "weights": {
                symbol: np.round(self._part(symbol)[ends], 6).tolist()
                for symbol in self.strategy.universe
                if symbol in self.round_trips or self.held[symbol].any()
            },
            "decisions": [
                {"time": int(time), "weights": self._said(row)}
                for time, row in zip(
                    self.clock.time[decided].tolist(), self.targets[len(self.due) - len(decided) :], strict=True
                )
            ],
            "decisions_in_all": len(self.due),
            "turnover": turnover(self.clock, self.equity_values, self.config.cash, self.fills),
            "symbols": [self._of_symbol(place, symbol) for place, symbol in enumerate(self.strategy.universe)],
            "analysis": analyze_portfolio(self.clock, self.equity_values, self.config.cash, every),
            "months": monthly_returns(self.clock, self.equity_values, self.config.cash),
            "trades": sorted(trades, key=lambda row: row["exit_time"])[-MAX_TRADES:],
            "trades_in_all": len(every.pnl),
        }

    def _of_symbol(self, place: int, symbol: str) -> dict[str, Any]:
        """The part that one symbol of the universe has in the result."""
        part, last = self._part(symbol), float(latest_close(self.columns[symbol], self.clock.time)[-1])
        return symbol_row(symbol, self.fills.of_symbol(place), self.round_trips.get(symbol), part, last)

    def _part(self, symbol: str) -> Floats:
        held = self.held[symbol]
        worth = np.where(held > 0, held * latest_close(self.columns[symbol], self.clock.time), 0.0)
        return np.asarray(np.divide(worth, self.equity_values, out=np.zeros(len(worth)), where=self.equity_values > 0))

    def _said(self, row: Floats) -> dict[str, float] | None:
        """The weights of a decision, without those that are 0; None where it changed nothing."""
        if np.isnan(row).any():
            return None
        pairs = zip(self.strategy.universe, row.tolist(), strict=True)
        return {symbol: weight for symbol, weight in pairs if weight > 0}

    def __str__(self) -> str:
        decided = self.targets[~np.isnan(self.targets).any(axis=1)]
        rows = [("Decisions", f"{len(self.due):,} ({self.strategy.schedule}), {len(decided):,} gave weights")]
        if len(decided):
            rows.append(
                (
                    "Symbols / cash",
                    f"{(decided > 0).sum(axis=1).mean():.1f} of {decided.shape[1]} / {1 - decided.sum(axis=1).mean():.1%} on average",
                )
            )
        now = {symbol: float(self._part(symbol)[-1]) for symbol in self.strategy.universe}
        held = sorted(((part, symbol) for symbol, part in now.items() if part > _SHOWN_WEIGHTS), reverse=True)
        rows.append(("Held at the end", ", ".join(f"{symbol} {part:.1%}" for part, symbol in held) or "nothing"))
        return report_text(self.metrics, self.clock.time, self.config.cash, self.assumptions, rows)


def _assumptions(
    strategy: PortfolioStrategy, columns: Mapping[str, BarColumns], clock: BarColumns, held: Mapping[str, Floats]
) -> list[str]:
    lines = [
        "Weights are of the equity at the last closes; sales are filled first, and where cash does not suffice all purchases are cut by the same part.",
        "A symbol without a bar is traded at its next one's open, at its last price until then; a change worth less than a dollar is not traded.",
        "Buy and hold is equal parts of the symbols of the universe that have a bar at the beginning, without costs.",
        "The universe was chosen knowing today: symbols that are gone since then are missing in it.",
    ]
    for symbol in strategy.universe:
        last = int(columns[symbol].time[-1])
        if held[symbol][-1] > 0 and int(clock.time[-1]) - last > STALE:
            lines.append(
                f"{symbol} has no bars after {datetime.fromtimestamp(last, UTC):%Y-%m-%d} and is held at its last price: it could not be sold."
            )
    return lines


def _steps(places: Integers, values: Floats, length: int, before: float) -> Floats:
    """A curve that has the latest of `values` from its place on, and `before` until the first."""
    found = np.full(length, float(before))
    if len(places):
        found[places[0] :] = np.repeat(values, np.diff(np.append(places, length)))
    return found


def latest_close(bars: BarColumns, time: Integers) -> Floats:
    """The latest close at each of some times on the clock of the bars; NaN before the first."""
    # The clock has every time of the bars: as many between the same ends are the same.
    if len(bars) == len(time) and bars.time[0] == time[0] and bars.time[-1] == time[-1]:
        return bars.close
    places = np.searchsorted(bars.time, time, side="right") - 1
    return np.where(places < 0, np.nan, bars.close[np.maximum(places, 0)])


def _by_exit(trips: Sequence[RoundTrips]) -> Integers:
    """The order of the round trips of several symbols, one after the other, by their exits."""
    return np.argsort(np.concatenate([each.exit_bar for each in trips] or [np.empty(0)]), kind="stable")


def _together(trips: Sequence[RoundTrips]) -> RoundTrips:
    """The round trips of several symbols, by their exits."""
    order, names = _by_exit(trips), RoundTrips.__slots__
    columns = (np.concatenate([getattr(each, name) for each in trips] or [np.empty(0)]) for name in names)
    return RoundTrips(*(column[order] for column in columns))
