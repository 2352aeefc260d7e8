"""A portfolio session whose one symbol seldom trades beside one that trades every minute: it decides as its backtest does, waits for nothing longer than it says, and is replayed on what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from stratforge.application.rebalance_bars import seen_again
from stratforge.application.replays import compare_session
from stratforge.market import BarColumns
from stratforge.market.columns import exchange_timezone
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations
from stratforge.strategy.lookback import EDITION, window_length
from stratforge.strategy.rotation import compile_portfolio
from stratforge.strategy.rotation.seen import Windows

from tests.support.rotating import FIRST, Rotating, at
from tests.support.world import World

# IBM trades in two minutes of an hour and AAPL in each; what is decided hangs on what AAPL was with IBM's bars.
BESIDE = """
UNIVERSE = ["AAPL", "IBM"]
SCHEDULE = 30

def indicators(bars):
    aapl = bars.of("AAPL")
    return {"ratio": (bars.close / ta.sma(aapl.close, 4)).rolling(3).mean()}

def rebalance(universe, portfolio, state):
    state["ratio"] = universe.of("IBM").ratio
    if universe.ratio.count() == 2:
        return weights.proportional(universe.ratio) * 0.5
"""
OPENING = at(FIRST)
pytestmark = pytest.mark.usefixtures("sandboxed")


@pytest.fixture
def rotating(database: Database, migrated: str) -> Iterator[Rotating]:
    world = World(migrated)
    found = Rotating(database, world)
    found.clock(OPENING)
    yield found
    world.close()


def price(symbol: str, number: int) -> float:
    """The price of a minute."""
    return 100.0 + number % 7 - number % 5 + (50 if symbol == "IBM" else 0)


def trades(symbol: str, number: int) -> bool:
    """Whether a symbol trades in a minute after the open."""
    return symbol == "AAPL" or number % 31 == 3


def goes_on(rotating: Rotating, first: int, last: int) -> None:
    """The minutes of the market from one after the open to another."""
    for number in range(first, last):
        prices = {symbol: price(symbol, number) for symbol in ("AAPL", "IBM") if trades(symbol, number)}
        rotating.minute(OPENING + timedelta(minutes=number), prices)


def decided_at(rotating: Rotating, number: int, seconds: int) -> int:
    """How many decisions are taken so many seconds after a minute after the open."""
    rotating.clock(OPENING + timedelta(minutes=number, seconds=seconds))
    sessions = [each for message in rotating.told(60.0 * number + seconds) for each in message.session_ids]
    return rotating.decide(*sessions).decided if sessions else 0


def backtested(number: int) -> float:
    """What a backtest, which has all bars, knows of IBM's ratio before a minute."""
    strategy = compile_portfolio(BESIDE)
    bars = {}
    for symbol in strategy.symbols:
        rows = [
            (OPENING + timedelta(minutes=each), *(price(symbol, each),) * 4, 1000.0)
            for each in range(number)
            if trades(symbol, each)
        ]
        bars[symbol] = BarColumns.from_rows(rows, exchange_timezone(symbol))
    windows = Windows(bars, int((OPENING + timedelta(minutes=number)).timestamp()))
    return float(windows.seen_by(strategy, windows.values()).values["ratio"][0][1])


def test_it_decides_as_its_backtest_and_its_replay_sees_what_it_saw(rotating: Rotating) -> None:
    goes_on(rotating, 0, 210)
    rotating.clock(OPENING + timedelta(minutes=209))
    session = rotating.start(BESIDE)
    for number in (210, 240, 270):
        goes_on(rotating, number - 30, number)
        # Nobody knows that there will be no bar: it is waited for five seconds.
        assert decided_at(rotating, number, 2) == 0
        assert decided_at(rotating, number, 6) == 1
        rotating.settle(session.session_id)
    decisions = list(reversed(rotating.decisions(session.session_id)))
    assert [each.missing for each in decisions] == [["IBM"]] * 3
    for decision, number in zip(decisions, (210, 240, 270), strict=True):
        assert decision.moment == OPENING + timedelta(minutes=number)
        assert np.isfinite(backtested(number))
        assert decision.state_after["ratio"] == backtested(number)
        assert decision.weights is not None
        assert decision.first_bars is not None
        assert decision.first_bars[1] is None
        # A window of AAPL has 64 bars; the third last bar of IBM and four of AAPL lie before it.
        begun = decision.first_bars[0]
        assert begun is not None
        assert begun < decision.moment - timedelta(minutes=64)
    comparison = compare_session(rotating.database, session.session_id)
    assert comparison is not None
    assert (comparison.bars, comparison.complete, comparison.differences) == (3, True, [])


def test_decisions_of_before_that_was_kept_are_replayed_on_windows_alone(rotating: Rotating) -> None:
    goes_on(rotating, 0, 210)
    rotating.clock(OPENING + timedelta(minutes=209))
    session = rotating.start(BESIDE)
    assert decided_at(rotating, 210, 6) == 1
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE rebalances SET first_bars = NULL")
    (decision,) = rotating.decisions(session.session_id)
    window = window_length(compile_portfolio(BESIDE).lookback)
    with rotating.database.transaction() as connection:
        seen = seen_again(connection, ["AAPL", "IBM"], decision, window, daily=False)
    assert len(seen.bars["AAPL"]) == window
    rotating.settle(session.session_id)


def test_a_session_whose_lookback_another_edition_measured_sees_as_far(rotating: Rotating) -> None:
    goes_on(rotating, 0, 210)
    rotating.clock(OPENING + timedelta(minutes=209))
    session = rotating.start(BESIDE)
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE strategy_versions SET others = '{}', lookback_edition = %s", (EDITION - 1,))
    assert decided_at(rotating, 210, 6) == 1
    (decision,) = rotating.decisions(session.session_id)
    assert decision.state_after["ratio"] == backtested(210)
    with rotating.database.transaction() as connection:
        stored = connection.execute("SELECT DISTINCT others, lookback_edition FROM strategy_versions").fetchall()
    assert stored == [({"AAPL": {"bars": 4, "days": 0, "back": 2}}, EDITION)]
    rotating.settle(session.session_id)


def test_history_is_wanted_as_far_back_as_the_one_that_seldom_trades_looks(rotating: Rotating) -> None:
    rotating.start(BESIDE)

    def wanted() -> dict[str, int]:
        with rotating.database.transaction() as connection:
            return {symbol: each.history for symbol, each in evaluations.symbols_to_stream(connection).items()}

    assert wanted() == {"AAPL": 64, "IBM": 64}
    goes_on(rotating, 0, 200)
    rotating.clock(OPENING + timedelta(minutes=200))
    # The third last bar of IBM began 104 minutes ago, and four bars of AAPL are looked at with it.
    assert wanted() == {"AAPL": 128, "IBM": 64}
    rotating.clock(OPENING + timedelta(days=40))
    assert wanted() == {"AAPL": 64, "IBM": 64}
