"""Running a portfolio strategy over the history of its symbols, decision by decision; what is meant is said in `strategy.rotation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from stratforge.backtest.config import BacktestConfig, BacktestError
from stratforge.backtest.engine import FrameTimes, check_columns, columns_of_frame
from stratforge.backtest.fills import Trades
from stratforge.backtest.portfolio_report import PortfolioReport, latest_close
from stratforge.market.columns import BarColumns, exchange_timezone
from stratforge.market.other_symbols import STALE
from stratforge.market.sizes import MINIMUM_VALUE
from stratforge.strategy.graph import OtherSymbols, Values
from stratforge.strategy.rotation import PortfolioStrategy
from stratforge.strategy.rotation.orders import orders_for, whole_shares
from stratforge.strategy.rotation.seen import Seen, decide_on
from stratforge.strategy.rotation.strategy import Decision

Floats = npt.NDArray[np.float64]
_MOST_CELLS = 64_000_000
_NOT_HERE = ("participation", "stop_loss", "take_profit", "trailing_stop")


def run_portfolio_backtest(
    strategy: PortfolioStrategy,
    bars: Mapping[str, Any],
    config: BacktestConfig | None = None,
    *,
    since: int | None = None,
) -> PortfolioReport:
    """Runs a portfolio strategy over historical bars of its symbols.

    Args:
        strategy: A compiled portfolio strategy.
        bars: For each of its symbols bars as `run_backtest` takes them, all of a minute or all of a day. They may begin and end at different
            times, and miss some.
        config: The assumptions; a portfolio strategy has no stops, and is not bound to a part of the volume.
        since: Where decisions begin, in seconds since the epoch: the bars before only say what columns are then. None begins with the first of all.

    Raises:
        BacktestError: if the bars cannot be used, or the configuration asks for what there is not.
    """
    market = Market.of(strategy, bars)
    begun = market if since is None else market.since(since, strategy.universe)
    return run_on_market(strategy, begun, config or BacktestConfig())


def run_on_market(strategy: PortfolioStrategy, market: Market, config: BacktestConfig) -> PortfolioReport:
    """Runs a portfolio strategy between the first and the last time of a market's clock; its columns know the bars before.

    Raises:
        BacktestError: if the configuration asks for what there is not, or the schedule does not go with the bars.
    """
    for name in _NOT_HERE:
        if getattr(config, name) is not None:
            raise BacktestError(
                f"{name} is not in backtests of portfolio strategies: weights say what is held; leave it out"
            )
    clock = market.clock
    if strategy.schedule.minutes and clock.daily:
        raise BacktestError(
            f"a schedule of {strategy.schedule.minutes} minutes needs bars of a minute; these are of days"
        )
    due = strategy.schedule.due(clock) if len(clock) > 1 else np.empty(0, dtype=np.int64)
    seen = Seen.of(strategy, market.columns, market.values, clock, due)
    run = _Run(strategy, market.columns, clock, config)
    targets = [run.decide(seen, index) for index in range(len(seen.due))]
    run.fill_until(len(clock))
    weights = np.array(targets).reshape(-1, len(strategy.universe))
    return PortfolioReport.build(strategy, config, market.columns, clock, Trades.of(run.rows), seen.due, weights)


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """The bars of the symbols of a strategy, with the times at which there is one.

    Attributes:
        columns: The bars of each symbol.
        clock: The times at which a bar of any of them begins; see `clock_of`.
        values: The columns that strategies compute on the bars of each symbol, kept for the next.
    """

    columns: Mapping[str, BarColumns]
    clock: BarColumns
    values: Mapping[str, Values]

    @classmethod
    def of(cls, strategy: PortfolioStrategy, bars: Mapping[str, Any]) -> Market:
        """Takes the bars of a strategy's symbols.

        Raises:
            BacktestError: if they cannot be used.
        """
        return cls.on(_columns(strategy, bars), strategy.universe)

    @classmethod
    def on(cls, columns: Mapping[str, BarColumns], universe: Sequence[str]) -> Market:
        """Takes bars as they are, whatever they hold."""
        cells = _MOST_CELLS // len(columns)
        others = OtherSymbols(columns, cells)
        values = {symbol: Values(each, cells, others) for symbol, each in columns.items()}
        return cls(columns, clock_of(columns, universe), values)

    def since(self, begins: int, universe: Sequence[str]) -> Market:
        """The same bars with a clock that begins at a time: the bars before it only say what columns are then.

        Args:
            begins: Seconds since the epoch.
            universe: The symbols whose equal parts the clock's prices are, of those that have a price then.

        Raises:
            BacktestError: if there are less than two bars from then on.
        """
        time = self.clock.time[np.searchsorted(self.clock.time, begins) :]
        if len(time) < 2:
            raise BacktestError("there are less than two bars in this period; choose a longer one")
        closes = [latest_close(self.columns[symbol], time) for symbol in universe]
        parts = [each / each[0] for each in closes if not np.isnan(each[0])]
        prices = np.asarray(np.mean(parts, axis=0)) if parts else np.ones(len(time))
        clock = self.clock
        cut = BarColumns(time, *(prices,) * 5, timezone=clock.timezone, daily=clock.daily, minutes=clock.minutes)
        return Market(self.columns, cut, self.values)

    def between(self, start: int, stop: int) -> Market:
        """The same bars with the clock from `start` (included) to `stop` (excluded)."""
        return Market(self.columns, self.clock.slice(start, stop), self.values)


def _columns(strategy: PortfolioStrategy, bars: Mapping[str, Any]) -> dict[str, BarColumns]:
    found: dict[str, BarColumns] = {}
    missing = [symbol for symbol in strategy.symbols if symbol not in bars]
    if missing:
        raise BacktestError(f"there are no bars of {', '.join(missing)}; give those of {', '.join(strategy.symbols)}")
    # Tables that were made together share their index; columns say how long their bars are, tables do not.
    times: dict[tuple[int, str], FrameTimes] = {}
    lengths: dict[str, int] = {}
    for symbol in strategy.symbols:
        each = bars[symbol]
        try:
            if isinstance(each, BarColumns):
                found[symbol], lengths[symbol] = each, each.seconds
            else:
                index = getattr(each, "index", None)
                key = id(index), exchange_timezone(symbol).key
                if key not in times:
                    times[key] = FrameTimes.of(index, symbol)
                found[symbol], lengths[symbol] = columns_of_frame(each, symbol, times[key]), times[key].bar_seconds
            check_columns(found[symbol])
        except BacktestError as error:
            raise BacktestError(f"{symbol}: {error}") from None
    if len({each.daily for each in found.values()}) > 1:
        days = ", ".join(symbol for symbol, each in found.items() if each.daily)
        raise BacktestError(f"bars of days ({days}) and of minutes do not go together; give one kind")
    for each in times.values():
        # Of columns it is known how far apart they may be.
        if len(each.seconds) > 1 and float(np.median(np.diff(each.seconds))) > STALE:
            symbol = next(name for name, bars_of in found.items() if bars_of.time is each.seconds)
            raise BacktestError(
                f"{symbol}: bars are more than a week apart, after which nothing is known; give days or minutes"
            )
    _check_together(found, lengths)
    return found


def _check_together(columns: Mapping[str, BarColumns], lengths: Mapping[str, int]) -> None:
    """Refuses bars of which one begins while another goes on: what that comes to would be known before it is over.

    Args:
        columns: The bars of each symbol.
        lengths: How long those of each are, in seconds.

    Raises:
        BacktestError: naming both symbols and what to give.
    """
    first = next(iter(columns.values()))
    if all(np.array_equal(each.time, first.time) for each in columns.values()):
        return
    clock = np.unique(np.concatenate([each.local_seconds for each in columns.values()]))
    for symbol, each in columns.items():
        length, begins = lengths[symbol], each.local_seconds
        ends = np.minimum(begins + length, np.append(begins[1:], begins[-1] + length))
        within = np.searchsorted(clock, ends) - np.searchsorted(clock, begins) > 1
        if within.any():
            place = int(within.argmax())
            moment = clock[np.searchsorted(clock, begins[place]) + 1]
            other = next(name for name, others in columns.items() if moment in others.local_seconds)
            raise BacktestError(
                f"{symbol}: its bar of {_wall_clock(begins[place])} is not over when that of {other} begins at {_wall_clock(moment)}; "
                "give bars of all symbols of one length and in one time zone"
            )


def _wall_clock(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def clock_of(columns: Mapping[str, BarColumns], universe: Sequence[str]) -> BarColumns:
    """The times at which a bar of any of the symbols begins; its prices are what a dollar became in equal parts of the symbols of the universe that
    have a bar at the first of them."""
    every = list(columns.values())
    first = every[0]
    same = all(len(each) == len(first) and np.array_equal(each.time, first.time) for each in every)
    time = first.time if same else np.unique(np.concatenate([each.time for each in every]))
    parts = [columns[symbol] for symbol in universe if columns[symbol].time[0] == time[0]]
    hold = np.asarray(np.mean([latest_close(each, time) / each.close[0] for each in parts], axis=0)) if parts else None
    prices = np.ones(len(time)) if hold is None else hold
    return BarColumns(time, *(prices,) * 5, timezone=first.timezone, daily=first.daily, minutes=first.minutes)


@dataclass(slots=True, eq=False)
class _Run:
    """The account of a backtest as it goes: cash, what is held of each symbol of the universe, and orders that are not filled yet."""

    strategy: PortfolioStrategy
    columns: Mapping[str, BarColumns]
    clock: BarColumns
    config: BacktestConfig
    cash: float = field(init=False)
    held: Floats = field(init=False)
    # Shares to buy, below 0 to sell.
    orders: Floats = field(init=False)
    state: dict[str, float] = field(default_factory=dict)
    rows: list[tuple[float, ...]] = field(default_factory=list)
    _filled: int = 0

    def __post_init__(self) -> None:
        self.cash = self.config.cash
        self.held, self.orders = (np.zeros(len(self.strategy.universe)) for _ in range(2))

    def decide(self, seen: Seen, index: int) -> Floats:
        """Takes one decision and fills what can be filled at once; returns the weights, NaN where nothing was decided."""
        place = int(seen.due[index])
        self.fill_until(place)
        count = len(self.held)
        price, known = seen.price[index, :count], seen.known[index, :count]
        worth = np.where(self.held > 0, self.held * price, 0.0)
        equity = self.cash + float(worth.sum())
        parts = worth / equity if equity > 0 else worth
        decision = decide_on(self.strategy, seen, parts, equity, self.cash, self.state, index)
        self.state = decision.state
        self._order(decision, equity, price, known)
        if self.orders.any():
            self._fill(place, seen.open[index, :count])
        return np.full(count, np.nan) if decision.weights is None else decision.weights

    def _order(self, decision: Decision, equity: float, price: Floats, known: npt.NDArray[np.bool_]) -> None:
        if decision.weights is not None:
            self.orders = orders_for(
                decision.weights, equity, price, known, self.held, fractional=self.config.fractional
            )

    def fill_until(self, place: int) -> None:
        """Fills orders that wait for a bar, at bars that begin before the one at `place` of the clock."""
        after = self._filled
        while self.orders.any():
            # Of each symbol with an order the first bar that has begun since.
            nexts = {}
            for each in np.flatnonzero(self.orders).tolist():
                time = self.columns[self.strategy.universe[each]].time
                found = int(np.searchsorted(time, self.clock.time[after], side="right"))
                if found < len(time):
                    nexts[each] = (int(np.searchsorted(self.clock.time, time[found])), found)
            first = min((begins for begins, _ in nexts.values()), default=place)
            if first >= place:
                return
            opens = np.full(len(self.held), np.nan)
            for each, (begins, found) in nexts.items():
                if begins == first:
                    opens[each] = self.columns[self.strategy.universe[each]].open[found]
            self._fill(first, opens)
            after = first

    def _fill(self, place: int, opens: Floats) -> None:
        """Fills the orders of symbols whose bar begins at `place` of the clock, sales first."""
        self._filled = place
        config, begins = self.config, ~np.isnan(opens)
        for each in np.flatnonzero(begins & (self.orders < 0)).tolist():
            quantity = min(-float(self.orders[each]), float(self.held[each]))
            price = float(opens[each]) * (1.0 - config.half_cost)
            # Whoever has nothing left cannot pay more.
            fee = min(self._fee(quantity, price), self.cash + quantity * price)
            self.cash = max(self.cash + quantity * price - fee, 0.0)
            self.held[each] -= quantity
            self.rows.append((place, each, 2.0, quantity, price, fee, self.cash))
        buying = np.flatnonzero(begins & (self.orders > 0))
        if len(buying):
            prices, quantities = opens[buying] * (1.0 + config.half_cost), self.orders[buying]
            fixed = len(buying) * config.commission_per_order
            needed = float(
                (quantities * (prices * (1.0 + config.commission_bps / 10_000.0) + config.commission_per_share)).sum()
            )
            if needed + fixed > self.cash:
                quantities = quantities * (max(self.cash - fixed, 0.0) / needed)
                if not config.fractional:
                    quantities = whole_shares(quantities)
            for each, quantity, price in zip(buying.tolist(), quantities.tolist(), prices.tolist(), strict=True):
                if quantity * price < MINIMUM_VALUE:
                    continue
                fee = self._fee(quantity, price)
                # Rounding may take the last cent below zero by an ulp.
                self.cash = max(self.cash - quantity * price - fee, 0.0)
                self.held[each] += quantity
                self.rows.append((place, each, 1.0, quantity, price, fee, self.cash))
        self.orders[begins] = 0.0

    def _fee(self, quantity: float, price: float) -> float:
        rate, config = self.config.commission_bps / 10_000.0, self.config
        return quantity * price * rate + quantity * config.commission_per_share + config.commission_per_order
