"""Comparing the signals of a live session with those that its recorded bars give."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np

from stratforge.application.rebalance_bars import seen_again
from stratforge.market.sizes import Side, SizeKind
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import rebalances, replays
from stratforge.storage.strategies.rebalances import Recorded
from stratforge.storage.strategies.replays import RecordedSession
from stratforge.strategy import SignalValue
from stratforge.strategy.lookback import window_length
from stratforge.strategy.replay import Difference, replay
from stratforge.strategy.rotation import PortfolioStrategy, compile_portfolio
from stratforge.strategy.rotation.orders import orders_for
from stratforge.strategy.rotation.seen import Windows, decide_on
from stratforge.strategy.rotation.strategy import Decision


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome of evaluating a session's recorded bars again.

    Attributes:
        bars: How many recorded bars were evaluated.
        bars_evaluated: How many bars the session had seen.
        signals: How many signals it had given.
        differences: Bars on which the replay says something else; none are expected.
    """

    symbol: str
    bars: int
    bars_evaluated: int
    signals: int
    differences: list[Difference]

    @property
    def complete(self) -> bool:
        """True when every bar that the session saw is recorded; otherwise the replay proves nothing."""
        return self.bars == self.bars_evaluated


def compare_session(database: Database, session_id: UUID) -> Comparison | None:
    """Evaluates a session's recorded bars again; None if it has seen no bar, or ended so long ago that its record is forgotten. The database's role must see the session."""
    with database.transaction() as connection:
        session = replays.recorded_session(connection, session_id)
        if session is None:
            return None
    if session.symbols is not None:
        return replay_decisions(database, session)
    strategy = session.strategy()
    with database.transaction() as connection:
        signals = replays.recorded_signals(connection, session_id)
        bars = replays.recorded_bars(connection, session, strategy)
    count, differences = replay(strategy, bars, signals)
    return Comparison(session.symbol, count, session.bars_evaluated, len(signals), differences)


def replay_decisions(database: Database, session: RecordedSession) -> Comparison:
    """Has a portfolio session decide again about every period, on the bars and the account that it saw: state, weights and orders must be the same, bit for bit."""
    strategy = compile_portfolio(session.python_code).with_parameters(**session.parameters)
    symbols, window = list(strategy.symbols), window_length(strategy.lookback)
    with database.transaction() as connection:
        decisions = rebalances.all_rebalances(connection, session.session_id)
    differences, state = [], dict[str, float]()
    for each in decisions:
        with database.transaction() as connection:
            windows = seen_again(connection, symbols, each, window, daily=bool(session.daily))
        said, orders = _decided_again(strategy, windows, each, state)
        state = said.state
        weights = None if said.weights is None else said.weights.tolist()
        if (weights, said.state, orders) != (each.weights, each.state_after, each.orders):
            time = int(each.moment.timestamp())
            differences.append(Difference(time, _first(each.orders, orders), _first(orders, each.orders)))
    return Comparison(session.symbol, len(decisions), session.bars_evaluated, sum(map(_trades, decisions)), differences)


def _decided_again(
    strategy: PortfolioStrategy, windows: Windows, each: Recorded, state: dict[str, float]
) -> tuple[Decision, list[float]]:
    said = decide_on(
        strategy, windows.seen_by(strategy, windows.values()), np.array(each.parts), each.equity, each.cash, state
    )
    count = len(strategy.universe)
    if said.weights is None:
        return said, [0.0] * count
    prices, known = windows.prices
    alone = np.isin(strategy.universe, each.left_alone)
    return said, orders_for(
        said.weights, each.equity, prices[:count], known[:count], np.array(each.held), alone, fractional=True
    ).tolist()


def _trades(each: Recorded) -> bool:
    return any(each.orders)


def _first(orders: list[float], others: list[float]) -> SignalValue | None:
    """The first of some orders that others have differently, as a signal; None where that is none."""
    found = next((one for one, other in zip(orders, others, strict=True) if one != other), 0.0)
    if not found:
        return None
    return SignalValue(Side.BUY if found > 0 else Side.SELL, 1.0, SizeKind.QUANTITY, abs(found))
