"""The chart of a portfolio session: its equity beside equal parts of its universe, and what it was made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np
import numpy.typing as npt

from stratforge.application.access import Caller, Scope
from stratforge.application.benchmark import closes_now, equal_parts
from stratforge.application.errors import Invalid, existing
from stratforge.market.corporate_actions import SplitScale, ratio_since
from stratforge.market.sizes import Side
from stratforge.storage.ledger import portfolio
from stratforge.storage.ledger.announced_actions import followed_splits
from stratforge.storage.ledger.portfolio import LedgerFilter
from stratforge.storage.market import clock, daily_bars
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.pages import NumberedPage
from stratforge.storage.strategies import rebalances, sessions
from stratforge.storage.strategies.sessions import ACTIVE, StoredSession
from stratforge.strategy.reach import Floats
from stratforge.strategy.rotation.schedule import Schedule

# The most points: a year of days, and of shorter spans as many decisions as a month of half hours has.
_DAYS, _DECISIONS = 260, 300
_MOVEMENTS = 5_000


@dataclass(frozen=True, slots=True)
class PortfolioChart:
    """The content of a portfolio session's chart: one value for each of its times.

    Attributes:
        time: Seconds since the epoch: the days up to yesterday, or the decisions of a session that decides more often; then now, while it has not ended.
        equity: Its worth at the end of each, in dollars.
        benchmark: The worth of equal parts of the universe, bought with the first value of the equity and held.
        weights: Of each symbol that it held the part of the equity that that was.
    """

    time: list[float]
    equity: list[float]
    benchmark: list[float]
    weights: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Movement:
    """Dollars and units of a symbol that came to a session, or left it, by a trade or otherwise; units on the scale of now."""

    at: float
    symbol: str
    quantity: float
    cash: float


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The points of a chart: when each stands, until when what moved is in it, and the prices of each symbol then, on the scale of now; NaN before there was one."""

    time: Floats
    until: Floats
    prices: dict[str, Floats]

    def since(self, time: float) -> Points:
        """The points that stand for what was after a time."""
        return self._only(self.until > time)

    def before(self, time: float) -> Points:
        """The points that stand before a time."""
        return self._only(self.time < time)

    def with_last(self, time: float, prices: Mapping[str, float]) -> Points:
        """The points with one more, in which all that moved is; where a price is not given the one before stands."""
        last = {name: float(each[-1]) if len(each) else math.nan for name, each in self.prices.items()}
        return Points(
            np.append(self.time, time),
            np.append(self.until, math.inf),
            {name: np.append(each, prices.get(name, last[name])) for name, each in self.prices.items()},
        )

    def _only(self, kept: npt.NDArray[np.bool_]) -> Points:
        return Points(self.time[kept], self.until[kept], {name: each[kept] for name, each in self.prices.items()})


def portfolio_chart(database: Database, caller: Caller, session_id: UUID) -> PortfolioChart:
    """The chart of a portfolio session up to now, or to its end.

    Raises:
        NotFound: if there is no such session.
        Invalid: if it is of a strategy of one symbol.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        return chart_of(connection, caller.user_id, existing(sessions.get_session(connection, session_id), "session"))


def chart_of(connection: Connection, user_id: UUID, session: StoredSession) -> PortfolioChart:
    """The chart of a user's session that was read.

    Raises:
        Invalid: if it is of a strategy of one symbol.
    """
    if session.universe is None or session.capital is None or session.schedule is None:
        raise Invalid("The session trades one symbol; see its own chart.", code="no-portfolio")
    held = rebalances.holdings(connection, session.session_id)
    cash = float(rebalances.cash_of(session.capital, held))
    symbols = [*session.universe, *(name for name in held if name not in session.universe)]
    splits = followed_splits(connection, symbols)
    movements = _movements(connection, user_id, session.session_id, splits)
    by_days = bool(Schedule.of(session.schedule).period)
    points = _days(connection, session, symbols) if by_days else _decisions(connection, session, symbols, splits)
    if session.status in ACTIVE or session.held_quantity:
        now = clock.market_clock(connection).now.timestamp()
        latest = rebalances.latest_prices(connection, symbols)
        points = points.before(now).with_last(now, {name: float(price) for name, price in latest.items()})
    else:
        # Nothing happens to it any more.
        decided = [session.last_bar_time.timestamp()] if session.last_bar_time else []
        ended = max([*decided, *(each.at for each in movements[:1])], default=-math.inf)
        points = points.before(ended).with_last(ended, {}) if math.isfinite(ended) else points.before(ended)
    # What came of a symbol whose prices nobody has, or before all that is read here, cannot be reckoned back.
    unknown = [each.at for each in movements if each.symbol not in points.prices]
    oldest = [movements[-1].at] if len(movements) == _MOVEMENTS else []
    points = points.since(max(unknown + oldest, default=-math.inf))
    quantities = {name: float(each.quantity) for name, each in held.items() if name in points.prices}
    return reckoned(points, quantities, cash, movements, session.universe)


def reckoned(
    points: Points, held: Mapping[str, float], cash: float, movements: Sequence[Movement], universe: Sequence[str]
) -> PortfolioChart:
    """Reckons backwards from what a session has now: at each point what moved after it is taken back.

    Args:
        points: The points, the oldest first.
        held: What it holds now.
        cash: What it has now, in dollars.
        movements: What came and left, the newest first.
        universe: The symbols that equal parts of are held beside it.
    """
    quantities, length = dict.fromkeys(points.prices, 0.0) | dict(held), len(points.time)
    worth = {name: np.zeros(length) for name in quantities}
    equity = np.zeros(length)
    later = iter(movements)
    movement = next(later, None)
    for place in reversed(range(length)):
        while movement is not None and movement.at >= points.until[place]:
            cash -= movement.cash
            quantities[movement.symbol] = quantities.get(movement.symbol, 0.0) - movement.quantity
            movement = next(later, None)
        for name, value in worth.items():
            price = points.prices[name][place]
            value[place] = quantities[name] * price if np.isfinite(price) else 0.0
        equity[place] = cash + sum(value[place] for value in worth.values())
    parts = {name: value / np.where(equity > 0, equity, np.inf) for name, value in worth.items()}
    return PortfolioChart(
        points.time.tolist(),
        np.round(equity, 2).tolist(),
        np.round(
            equal_parts([points.prices[each] for each in universe], float(equity[0]) if length else 0.0), 2
        ).tolist(),
        {name: np.round(each, 4).tolist() for name, each in parts.items() if (each > 5e-5).any()},
    )


def _days(connection: Connection, session: StoredSession, symbols: Sequence[str]) -> Points:
    """The days from the one before a session began, as its first decision saw them, up to yesterday."""
    first = daily_bars.exchange_day(symbols[0], session.began_at)
    before = dict.fromkeys(symbols, date.max)
    days = daily_bars.days_before(connection, before, _DAYS)
    columns = {name: each.bars for name, each in days.items()}
    time = np.unique(np.concatenate([each.time for each in columns.values()]))
    begins = daily_bars.begins_at(symbols[0], first).timestamp()
    time = time[max(0, int(np.searchsorted(time, begins)) - 1) :]
    prices = {name: _latest(each.time.astype(np.float64), each.close, time) for name, each in columns.items()}
    length = timedelta(days=1).total_seconds()
    return Points(time.astype(np.float64), time + length, prices)


def _decisions(
    connection: Connection, session: StoredSession, symbols: Sequence[str], splits: Mapping[str, list[SplitScale]]
) -> Points:
    """The decisions of a session, with the prices that they saw, and the last before them of what it holds beside its universe."""
    assert session.universe is not None
    found = rebalances.list_rebalances(connection, session.session_id, _DECISIONS)[::-1]
    time = np.array([each.decided_at.timestamp() for each in found], dtype=np.float64)
    prices = {}
    for place, name in enumerate(session.universe):
        seen = np.array([each.prices[place] for each in found], dtype=np.float64)
        known = np.isfinite(seen)
        scale = np.array([ratio_since(splits.get(name, ()), each) for each in time.tolist()], dtype=np.float64)
        prices[name] = _latest(time[known], (seen / scale)[known], time)
    # What got another name is held under that one.
    others = symbols[len(session.universe) :]
    prices |= closes_now(connection, others, [each.decided_at for each in found], splits)
    # What a decision orders is traded after its period began, and not before.
    begun = np.array([each.moment.timestamp() for each in found], dtype=np.float64)
    return Points(time, begun, prices)


def _latest(times: Floats, values: Floats, at: Floats) -> Floats:
    """The last of the values at each time; NaN before the first."""
    places = np.searchsorted(times, at, side="right") - 1
    return np.where(places >= 0, values[np.maximum(places, 0)], np.nan) if len(values) else np.full(len(at), np.nan)


def _movements(
    connection: Connection, user_id: UUID, session_id: UUID, splits: Mapping[str, list[SplitScale]]
) -> list[Movement]:
    """The trades of a session, and what changed its positions otherwise, the newest first; splits are in the scale."""
    trades = portfolio.list_trades(connection, user_id, LedgerFilter(session_id=session_id), NumberedPage(_MOVEMENTS))
    found = [
        _movement(
            each.executed_at,
            each.symbol,
            float((1 if each.side is Side.BUY else -1) * each.quantity - each.fee_quantity),
            float((-1 if each.side is Side.BUY else 1) * each.quantity * each.price - each.fee_cash),
            splits,
        )
        for each in trades
    ]
    changes = portfolio.adjustments_of_session(connection, user_id, session_id, _MOVEMENTS)
    found += [
        _movement(
            each.time, each.symbol, 0.0 if each.kind == "SPLIT" else float(each.quantity), float(each.cash), splits
        )
        for each in changes
    ]
    return sorted(found, key=lambda each: -each.at)[:_MOVEMENTS]


def _movement(
    at: datetime, symbol: str, quantity: float, cash: float, splits: Mapping[str, list[SplitScale]]
) -> Movement:
    time = at.timestamp()
    return Movement(time, symbol, quantity * ratio_since(splits.get(symbol, ()), time), cash)
