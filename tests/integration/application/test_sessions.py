"""Sessions start, change and stop under their row's lock, and the rest of the platform hears of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from stratforge.application import sessions as application
from stratforge.application import strategies
from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Changed, Conflict, Forbidden, Invalid, NotFound
from stratforge.application.session_chart import PriceLevel, session_chart
from stratforge.application.session_condition import session_condition
from stratforge.application.sessions import NewSession, SessionChange
from stratforge.application.strategies import StrategyChange
from stratforge.market import Bar
from stratforge.portfolio.assets import AssetRules
from stratforge.storage.market import assets, market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.sessions import SessionMode, SessionStatus, StoredSession
from stratforge.storage.strategies.strategies import StoredStrategy

from tests.support.asking import BOTH_WAYS, NEW, Told, is_locked
from tests.support.ledger import OPEN, set_price


@pytest.fixture
def session(database: Database, outbox: Told, ada: Caller, strategy: StoredStrategy) -> StoredSession:
    """A running session of hers."""
    new = NewSession(strategy_id=strategy.strategy_id, stop_loss=Decimal("0.02"), trailing_stop=Decimal("0.05"))
    return application.start_session(database, outbox, ada, new, NEW)


def test_a_session_starts_and_the_ingestor_hears_of_it(session: StoredSession, outbox: Told) -> None:
    assert (session.status, session.symbol, session.sizing_value) == (SessionStatus.RUNNING, "AAPL", Decimal("0.1"))
    assert outbox.messages == [("ingestor", "AAPL")]


def test_a_session_runs_the_version_that_is_named_or_none(
    database: Database, outbox: Told, ada: Caller, strategy: StoredStrategy
) -> None:
    strategies.set_parameters(database, ada, strategy.strategy_id, {"LENGTH": 7.0})
    started = [
        application.start_session(
            database, outbox, ada, NewSession(strategy_id=strategy.strategy_id, version=version), NEW
        )
        for version in (1, 2, None)
    ]
    assert [each.strategy_version for each in started] == [1, 2, 2]
    with pytest.raises(NotFound, match="version"):
        application.start_session(database, outbox, ada, NewSession(strategy_id=strategy.strategy_id, version=3), NEW)


def test_what_a_change_was_based_on_cannot_change_meanwhile(
    database: Database, migrated: str, ada: Caller, session: StoredSession
) -> None:
    locked = []

    def unchanged(current: StoredSession) -> bool:
        locked.append(is_locked(migrated, "SELECT 1 FROM sessions"))
        return current.stop_loss == Decimal("0.01")

    with pytest.raises(Changed):
        application.change_session(
            database, ada, session.session_id, SessionChange(stop_loss=Decimal("0.03")), unchanged
        )
    assert locked == [True]


def test_what_is_left_out_of_a_change_stays_and_null_switches_a_stop_off(
    database: Database, ada: Caller, session: StoredSession
) -> None:
    change = SessionChange(stop_loss=None, sizing_value=Decimal("0.2"))
    changed = application.change_session(database, ada, session.session_id, change)
    assert (changed.stop_loss, changed.trailing_stop, changed.sizing_value) == (None, Decimal("0.05"), Decimal("0.2"))


def test_a_session_that_has_ended_is_not_changed(
    database: Database, outbox: Told, ada: Caller, session: StoredSession
) -> None:
    application.stop_session(database, outbox, ada, session.session_id)
    with pytest.raises(Conflict, match="STOPPED"):
        application.change_session(database, ada, session.session_id, SessionChange(status=SessionStatus.PAUSED))


def test_a_toggle_starts_pauses_and_resumes(
    database: Database, outbox: Told, ada: Caller, strategy: StoredStrategy
) -> None:
    said = [application.toggle_strategy(database, outbox, ada, strategy.strategy_id) for _ in range(3)]
    assert [each.status for each in said] == [SessionStatus.RUNNING, SessionStatus.PAUSED, SessionStatus.RUNNING]
    assert len({each.session_id for each in said}) == 1


def test_a_strategy_that_goes_short_has_no_session_and_what_runs_goes_on(
    database: Database, outbox: Told, ada: Caller, session: StoredSession
) -> None:
    """However it is started; an earlier version that is long only still runs, and is paused and resumed."""
    of = session.strategy_id
    changed = StrategyChange(python_code=BOTH_WAYS)
    strategies.change_strategy(database, ada, of, changed)
    said = [application.toggle_strategy(database, outbox, ada, of).status for _ in range(2)]
    assert said == [SessionStatus.PAUSED, SessionStatus.RUNNING]
    application.stop_session(database, outbox, ada, session.session_id)
    outbox.messages.clear()
    starts: list[Callable[[], StoredSession]] = [
        lambda: application.start_session(database, outbox, ada, NewSession(strategy_id=of), NEW),
        lambda: application.start_session(
            database, outbox, ada, NewSession(strategy_id=of, mode=SessionMode.MANUAL), NEW
        ),
        lambda: application.toggle_strategy(database, outbox, ada, of),
    ]
    for start in starts:
        with pytest.raises(Invalid, match=r"your account is long only\. Enable short selling") as refused:
            start()
        assert refused.value.code == "short-strategy"
    assert outbox.messages == []
    earlier = application.start_session(database, outbox, ada, NewSession(strategy_id=of, version=1), NEW)
    assert earlier.strategy_version == 1


LOOKS_AT_SPY = "def indicators(bars):\n    return {'x': bars.of('SPY').close}\ndef on_bar(bar, position, state):\n    if bar.x > 1:\n        return buy()\n"


def test_a_strategy_that_looks_at_another_symbol_starts_where_it_can(
    database: Database, outbox: Told, ada: Caller, session: StoredSession
) -> None:
    """On no symbol that it looks at as another, beside none of another exchange, and at none that the broker does not have; however it is started."""
    of = session.strategy_id
    strategies.change_strategy(database, ada, of, StrategyChange(python_code=LOOKS_AT_SPY))
    application.stop_session(database, outbox, ada, session.session_id)

    def started(symbol: str | None = None) -> StoredSession:
        return application.start_session(database, outbox, ada, NewSession(strategy_id=of, symbol=symbol), NEW)

    for symbol, code in (("SPY", "looks-at-itself"), ("BTC/USD", "looks-elsewhere")):
        with pytest.raises(Invalid) as refused:
            started(symbol)
        assert refused.value.code == code
    assert started().looked_at == ["SPY"]
    with database.transaction() as connection:
        rules = [AssetRules(each) for each in ("AAPL", "MSFT")]
        assets.store_assets(connection, [(each, each.symbol) for each in rules])
    with pytest.raises(Invalid, match="the broker does not have") as refused:
        started()
    assert refused.value.code == "looks-at-unknown"
    for each in application.stop_strategy(database, outbox, ada, of):
        assert each.status is SessionStatus.STOPPED
    with pytest.raises(Invalid, match="the broker does not have"):
        application.toggle_strategy(database, outbox, ada, of)
    with database.transaction() as connection:
        assets.store_assets(connection, [(AssetRules("SPY"), "SPY")])
    assert application.toggle_strategy(database, outbox, ada, of).looked_at == ["SPY"]


@pytest.mark.parametrize(
    "call", ['bars.of \\\n    ("SPY")', '(bars.of  # the market\n     ("SPY"))'], ids=["a line goes on", "a comment"]
)
def test_a_strategy_that_looks_at_another_symbol_is_refused_however_that_is_written(
    database: Database, outbox: Told, ada: Caller, session: StoredSession, call: str
) -> None:
    code = LOOKS_AT_SPY.replace("bars.of('SPY')", call)
    strategies.change_strategy(database, ada, session.strategy_id, StrategyChange(python_code=code))
    for symbol, refusal in (("SPY", "looks-at-itself"), ("BTC/USD", "looks-elsewhere")):
        with pytest.raises(Invalid) as refused:
            application.start_session(
                database, outbox, ada, NewSession(strategy_id=session.strategy_id, symbol=symbol), NEW
            )
        assert refused.value.code == refusal


def test_stopping_a_strategy_with_its_positions_wakes_the_executor(
    database: Database, outbox: Told, ada: Caller, session: StoredSession
) -> None:
    outbox.messages.clear()
    (stopped,) = application.stop_strategy(database, outbox, ada, session.strategy_id, flatten=True)
    assert stopped.status == SessionStatus.STOPPED
    assert outbox.messages == [("executor", "AAPL"), ("ingestor", "AAPL")]
    assert application.stop_strategy(database, outbox, ada, session.strategy_id) == []


def test_a_key_that_may_not_trade_moves_nothing(
    database: Database, outbox: Told, ada: Caller, session: StoredSession
) -> None:
    writer = Caller(ada.user_id, frozenset({Scope.READ, Scope.WRITE, Scope.AI}))
    new = NewSession(strategy_id=session.strategy_id)
    outbox.messages.clear()
    calls: list[Any] = [
        lambda: application.start_session(database, outbox, writer, new, NEW),
        lambda: application.change_session(database, writer, session.session_id, SessionChange()),
        lambda: application.toggle_strategy(database, outbox, writer, session.strategy_id),
        lambda: application.stop_session(database, outbox, writer, session.session_id),
        lambda: application.stop_strategy(database, outbox, writer, session.strategy_id),
        lambda: application.flatten_session(database, outbox, writer, session.session_id),
    ]
    for call in calls:
        with pytest.raises(Forbidden):
            call()
    assert outbox.messages == []


def test_what_is_not_there_is_not_found(database: Database, outbox: Told, ada: Caller) -> None:
    with pytest.raises(NotFound):
        application.stop_session(database, outbox, ada, uuid4())
    with pytest.raises(NotFound):
        session_chart(database, ada, uuid4())


def test_the_chart_shows_bars_indicators_and_where_the_position_would_be_sold(
    database: Database, ada: Caller, session: StoredSession
) -> None:
    with database.transaction() as connection:
        prices = [Decimal(100 + minute) for minute in range(5)]
        market_data.ensure_months(connection, [OPEN])
        market_data.add_bars(
            connection,
            [
                Bar("AAPL", OPEN + timedelta(minutes=minute), price, price, price, price, Decimal(10))
                for minute, price in enumerate(prices)
            ],
        )
        set_price(connection, "104", 4)
        connection.execute(
            "INSERT INTO positions (user_id, session_id, symbol, quantity, cost_basis, high_water) "
            "VALUES (%s, %s, 'AAPL', 2, 200, 110)",
            (ada.user_id, session.session_id),
        )
        condition = session_condition(connection, ada.user_id, session.session_id)
    assert condition.position is not None
    assert (condition.position.quantity, condition.position.unrealized_pnl) == (Decimal(2), Decimal(8))
    chart = session_chart(database, ada, session.session_id)
    assert chart.bars.close.tolist() == [100, 101, 102, 103, 104]
    assert [(each["name"], each["values"]) for each in chart.indicators] == [("average", [None, None, 101, 102, 103])]
    assert chart.levels == [PriceLevel("entry", 100), PriceLevel("stop", 98), PriceLevel("trailing stop", 104.5)]


def test_an_order_of_a_signal_stands_in_the_log_at_the_bar_of_the_signal(
    database: Database, ada: Caller, session: StoredSession
) -> None:
    with database.transaction() as connection:
        signal = connection.execute(
            "INSERT INTO signals (session_id, user_id, symbol, bar_time, side, confidence, size_kind, size) "
            "VALUES (%s, %s, 'AAPL', %s, 'buy', 1, 'default', 0) RETURNING id",
            (session.session_id, ada.user_id, OPEN),
        ).fetchone()
        assert signal is not None
        connection.execute(
            "INSERT INTO orders (user_id, session_id, signal_id, symbol, side, origin, type, time_in_force, size_kind, size) "
            "VALUES (%s, %s, %s, 'AAPL', 'buy', 'SIGNAL', 'market', 'day', 'fraction', 1)",
            (ada.user_id, session.session_id, signal[0]),
        )
        condition = session_condition(connection, ada.user_id, session.session_id)
    assert [entry.time for entry in condition.log] == [OPEN, OPEN]
