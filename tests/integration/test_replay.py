"""A replay sees exactly what the live session saw: after a split, a missed bar, late history and a correction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.application import lookbacks
from stratforge.application.evaluate_bar import correct_bar, evaluate_bar
from stratforge.market import Bar, BarColumns
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.storage.ledger import announced_actions, corporate_actions
from stratforge.storage.ledger.portfolio import read_portfolio
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.rows import fetch_value
from stratforge.storage.strategies import replays, sessions
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy import PositionView, compile_strategy, evaluate_last_bar
from stratforge.strategy.exits import EXIT_KEYS, PRICE_KEYS
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import Lookbacks
from stratforge.strategy.replay import Difference, replay
from stratforge.strategy.signals import order_side

from tests.support.ledger import OPEN, add_trader
from tests.support.order_management import meanwhile

CODE = """
def indicators(bars):
    return {"mean": ta.sma(bars.close, length=50), "volume_mean": ta.sma(bars.volume, length=50)}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    if bar.close > bar.mean:
        return buy(confidence=0.5, quantity=state["n"] + bar.mean + bar.volume_mean)
"""
# What it says depends on the highest and lowest price since the entry, and it moves its stop.
HOLDS = """
def indicators(bars):
    return {"mean": ta.sma(bars.close, length=50)}

def on_bar(bar, position, state):
    if position.quantity > 0 and bar.time.minute % 2:
        return adjust(stop_loss_price=bar.low, trailing_stop=0.1)
    if position.quantity > 0:
        return sell(quantity=position.max_favorable + position.max_adverse / bar.mean)
"""
HISTORY = 70


def sandbox(window: BarColumns, sessions: Sequence[RunningSession]) -> list[Outcome]:
    """Runs the strategies in this process."""
    outcomes = []
    for session in sessions:
        strategy = compile_strategy(session.python_code).with_parameters(**session.parameters)
        position = PositionView(session.quantity, session.average_entry_price, float(session.bars_held))
        done = evaluate_last_bar(strategy, Values(window), position, session.state)
        if done.signal is None:
            outcomes.append(Outcome(session, done.state))
        else:
            signal, (side, short) = done.signal, order_side(done.signal.side)
            outcomes.append(
                Outcome(session, done.state, side, signal.confidence, signal.size_kind, signal.size, short=short)
            )
    return outcomes


def bar(minute: int, *, ratio: int = 1, extra: int = 0, symbol: str = "AAPL") -> Bar:
    """A bar of a market that goes up and down, on the scale of a split with `ratio` new shares for one old."""
    close = Decimal(100 + minute % 7 - minute % 3 + extra) / ratio
    volume = Decimal(1000 + minute % 11) * ratio
    return Bar(symbol, time_of(minute), close, close + 1, close - 1, close, volume)


def time_of(minute: int) -> datetime:
    """The start of a minute; from 300 on it is the next day."""
    return OPEN + timedelta(minutes=minute) + (timedelta(days=1) if minute >= 300 else timedelta(0))


class Live:
    """A session that runs, and its market."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tests.support.ledger.CODE", CODE)
        self.database = database
        with database.transaction() as connection:
            connection.execute("SELECT ensure_market_data_month(%s)", (OPEN,))
            market_data.add_bars(connection, [bar(minute) for minute in range(-HISTORY, 0)], adjusted_at=OPEN)
            self.session_id: UUID = add_trader(connection, "ada").session_id

    def evaluate(self, *bars: Bar) -> int:
        """Evaluates bars; returns how many evaluations there were."""
        return sum(evaluate_bar(self.database, sandbox, lambda *_: None, each, 0).sessions for each in bars)

    def split(self, ratio: int, effective: datetime) -> None:
        """Follows a split."""
        self.follow(CorporateAction("split-1", "AAPL", ActionKind.SPLIT, effective.date(), ratio=Decimal(ratio)))

    def rename(self) -> None:
        """Follows a change of symbol that takes effect on the second day."""
        self.follow(
            CorporateAction("new-name", "AAPL", ActionKind.SYMBOL_CHANGE, time_of(300).date(), new_symbol="NEWA")
        )

    def follow(self, action: CorporateAction) -> None:
        """Follows a corporate action."""
        with self.database.transaction() as connection:
            announced_actions.note_action(connection, action)
            assert corporate_actions.apply_action(connection, action) is None

    def replay(self) -> tuple[int, int, int, list[Difference]]:
        """Bars of the replay, bars and signals of the live session, and the differences."""
        with self.database.transaction() as connection:
            session = replays.recorded_session(connection, self.session_id)
            assert session is not None
            signals = replays.recorded_signals(connection, self.session_id)
            strategy = session.strategy()
            bars = replays.recorded_bars(connection, session, strategy)
            count, differences = replay(strategy, bars, signals)
        return count, session.bars_evaluated, len(signals), differences


@pytest.fixture
def live(database: Database, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A running session."""
    return Live(database, monkeypatch)


def same(live: Live, bars: int) -> None:
    """The replay agrees with so many bars, some of which gave signals."""
    replayed, evaluated, signals, differences = live.replay()
    assert (replayed, evaluated, differences) == (bars, bars, [])
    assert signals > 0


def test_after_a_split_no_session_waits_and_windows_are_on_one_scale(live: Live) -> None:
    assert live.evaluate(*(bar(minute) for minute in range(10))) == 10
    live.split(2, time_of(300))
    assert live.evaluate(*(bar(minute, ratio=2) for minute in range(300, 310))) == 10
    with live.database.transaction() as connection:
        window = market_data.trailing_window(connection, "AAPL", time_of(309), 64)
    assert len(window) == 64
    assert 45 < window.close.min() <= window.close.max() < 55
    assert 2000 <= window.volume.min() <= window.volume.max() < 2030
    same(live, 20)


def test_extremes_and_exits_of_a_position_change_with_a_split(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    with live.database.transaction() as connection:
        connection.execute("UPDATE strategy_versions SET python_code = %s", (HOLDS,))
    live.evaluate(*(bar(minute) for minute in range(5)))
    with live.database.transaction() as connection:
        connection.execute(
            "INSERT INTO positions (user_id, session_id, symbol, quantity, cost_basis, opened_at) SELECT user_id, id, 'AAPL', 2, 200, %s FROM sessions",
            (time_of(5),),
        )
    live.evaluate(*(bar(minute) for minute in range(5, 20)))
    with live.database.transaction() as connection:
        before = fetch_value(connection, "SELECT state FROM sessions", ())
    live.split(2, time_of(300))
    with live.database.transaction() as connection:
        after = fetch_value(connection, "SELECT state FROM sessions", ())
    prices = {key for key in before if key in PRICE_KEYS}
    assert len(prices) == 4
    assert after == {key: value / 2 if key in prices else value for key, value in before.items()}
    live.evaluate(*(bar(minute, ratio=2) for minute in range(300, 310)))
    same(live, 30)


def test_exits_that_were_decided_on_before_a_split_count_on_its_scale_when_the_purchase_fills(live: Live) -> None:
    code = """
def on_bar(bar, position, state):
    if position.quantity == 0:
        return buy(quantity=1, stop_loss_price=bar.close - 1)
    return sell(quantity=position.max_favorable)
"""
    with live.database.transaction() as connection:
        connection.execute("UPDATE strategy_versions SET python_code = %s", (code,))
    live.evaluate(*(bar(minute) for minute in range(20)))
    live.split(2, time_of(300))
    with live.database.transaction() as connection:
        connection.execute(
            "INSERT INTO positions (user_id, session_id, symbol, quantity, cost_basis, opened_at) SELECT user_id, id, 'AAPL', 2, 200, %s FROM sessions",
            (time_of(300),),
        )
        state = fetch_value(connection, "SELECT state FROM sessions", ())
    assert state[EXIT_KEYS["stop_loss_price"]] == float((bar(19).close - 1) / 2)
    live.evaluate(*(bar(minute, ratio=2) for minute in range(300, 310)))
    same(live, 30)


def test_what_a_session_saw_of_its_account_is_recorded_and_replayed(live: Live) -> None:
    with live.database.transaction() as connection:
        code = "def on_bar(bar, position, state):\n    return buy(quantity=account.equity / account.cash + account.buying_power)\n"
        connection.execute("UPDATE strategy_versions SET python_code = %s", (code,))
    live.evaluate(*(bar(minute) for minute in range(3)))
    with live.database.transaction() as connection:
        connection.execute("UPDATE users SET virtual_balance = virtual_balance - 1000.25, reserved_cash = 200")
        connection.execute(
            "INSERT INTO positions (user_id, session_id, symbol, quantity, cost_basis, opened_at) SELECT user_id, NULL, 'AAPL', 7, 700, %s FROM sessions",
            (time_of(3),),
        )
    live.evaluate(*(bar(minute) for minute in range(3, 6)))
    with live.database.transaction() as connection:
        connection.execute("UPDATE positions SET quantity = -100, cost_basis = -10000")
    live.evaluate(bar(6))
    with live.database.transaction() as connection:
        account = read_portfolio(connection, fetch_value(connection, "SELECT user_id FROM sessions"))
        assert account is not None
        shown = float(account.buying_power)
        assert shown == 98_999.75 - 150 * float(bar(6).close)
        sizes = connection.execute("SELECT size FROM signals ORDER BY bar_time").fetchall()
        assert not any("account" in key for key in sessions.state_of(connection, live.session_id))
    worth = [100_000.0] * 3 + [98_999.75 + 200 + 7 * float(bar(minute).close) for minute in range(3, 6)]
    worth.append(98_999.75 + 200 - 100 * float(bar(6).close))
    cash = [100_000.0] * 3 + [98_999.75] * 4
    power = [*cash[:6], shown]
    assert [size for (size,) in sizes] == [a / b + c for a, b, c in zip(worth, cash, power, strict=True)]
    same(live, 7)
    with live.database.transaction() as connection:
        # What was recorded before buying power was had been told the cash.
        connection.execute(
            "UPDATE position_views SET account_buying_power = NULL WHERE account_buying_power = account_cash"
        )
    same(live, 7)


def test_a_split_that_is_followed_late_is_replayed_as_it_was_seen(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(10)))
    live.evaluate(*(bar(minute, ratio=2) for minute in range(300, 305)))
    live.split(2, time_of(300))
    live.evaluate(*(bar(minute, ratio=2) for minute in range(305, 310)))
    same(live, 20)


def test_history_that_is_adjusted_already_is_not_scaled_twice(live: Live) -> None:
    live.split(2, time_of(300))
    with live.database.transaction() as connection:
        deeper = [bar(minute, ratio=2) for minute in range(-HISTORY - 10, -HISTORY)]
        market_data.add_bars(connection, deeper, adjusted_at=time_of(301))
        window = market_data.bars_between(connection, "AAPL", time_of(-HISTORY - 10), time_of(0), 100)
    assert len(window) == HISTORY + 10
    assert 45 < window.close.min() <= window.close.max() < 55


def test_a_split_begins_at_midnight_in_new_york(live: Live) -> None:
    evening = datetime.combine(time_of(300).date(), datetime.min.time(), OPEN.tzinfo) + timedelta(hours=2)
    before = Bar("AAPL", evening, *[Decimal(100)] * 5)
    with live.database.transaction() as connection:
        market_data.add_bars(connection, [before])
        market_data.set_bar_price(connection, before)
    live.split(2, time_of(300))
    with live.database.transaction() as connection:
        window = market_data.trailing_window(connection, "AAPL", time_of(300), 1)
        latest = market_data.latest_price(connection, "AAPL")
    assert latest is not None
    assert (window.close[-1], latest.price) == (50.0, Decimal(50)), "two in the morning in UTC is the evening before"


def test_a_bar_that_the_session_never_saw_is_not_replayed(live: Live) -> None:
    """As earlier versions left it, which went on after a gap."""
    live.evaluate(*(bar(minute) for minute in range(5)))
    with live.database.transaction() as connection:
        market_data.add_bars(connection, [bar(minute) for minute in range(5, 8)])
        connection.execute(
            "INSERT INTO session_gaps (session_id, user_id, after_bar, before_bar) SELECT id, user_id, %s, %s FROM sessions",
            (time_of(4), time_of(8)),
        )
        connection.execute("UPDATE sessions SET last_bar_time = %s", (time_of(7),))
    live.evaluate(*(bar(minute) for minute in range(8, 14)))
    same(live, 11)


def test_history_that_fills_a_hole_later_is_seen_from_then_on(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(5)), *(bar(minute) for minute in range(7, 12)))
    with live.database.transaction() as connection:
        market_data.add_bars(connection, [bar(5, extra=9), bar(6, extra=9)], adjusted_at=time_of(12))
    live.evaluate(*(bar(minute) for minute in range(12, 17)))
    same(live, 15)


def test_a_corrected_bar_is_replayed_as_it_was(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(8)))
    assert correct_bar(live.database, bar(6, extra=20))
    live.evaluate(*(bar(minute) for minute in range(8, 14)))
    same(live, 14)


def test_a_correction_that_comes_while_a_bar_is_evaluated_is_replayed_as_it_was_seen(migrated: str, live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(12)))
    corrected, evaluated = meanwhile(
        migrated,
        live.database,
        lambda held: correct_bar(held, bar(10, extra=20)),
        lambda: live.evaluate(bar(12)),
    )
    assert (corrected, evaluated) == (True, 1)
    live.evaluate(bar(13))
    same(live, 14)


def test_a_correction_that_comes_while_a_lookback_is_measured_is_replayed_as_it_was_seen(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live.database.transaction() as connection:
        connection.execute("UPDATE strategy_versions SET lookback_edition = lookback_edition - 1")
    measured = lookbacks._measure

    def corrects(source: str, source_hash: str) -> Lookbacks | str:
        """Measures, while the bar before is corrected."""
        assert correct_bar(live.database, bar(-1, extra=20))
        return measured(source, source_hash)

    monkeypatch.setattr(lookbacks, "_measure", corrects)
    live.evaluate(bar(5))
    live.evaluate(*(bar(minute) for minute in range(6, 14)))
    same(live, 9)


def hold(live: Live, quantity: int) -> None:
    """Gives the session something to see in its position."""
    with live.database.transaction() as connection:
        connection.execute(
            """
            INSERT INTO positions (user_id, session_id, symbol, quantity, cost_basis, opened_at)
            SELECT user_id, id, 'AAPL', %(quantity)s, 100 * %(quantity)s, %(at)s FROM sessions
            """,
            {"quantity": quantity, "at": OPEN},
        )


def test_a_change_of_symbol_is_replayed_with_what_was_corrected_split_and_held_before(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(4)))
    hold(live, 5)
    live.evaluate(*(bar(minute) for minute in range(4, 8)))
    assert correct_bar(live.database, bar(6, extra=20))
    live.evaluate(*(bar(minute) for minute in range(8, 12)))
    live.split(2, time_of(300))
    live.rename()
    assert live.evaluate(*(bar(minute, symbol="NEWA", ratio=2) for minute in range(300, 306))) == 6
    same(live, 18)


def test_a_change_of_symbol_that_is_followed_late_is_replayed_as_the_session_caught_up(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(10)))
    assert live.evaluate(*(bar(minute, symbol="NEWA") for minute in range(300, 303))) == 0
    live.rename()
    live.evaluate(bar(303, symbol="NEWA"))
    same(live, 14)


def test_what_another_company_did_under_the_name_is_neither_seen_nor_replayed(live: Live) -> None:
    """Its bars lie on minutes that the session saw, and between them."""
    with live.database.transaction() as connection:
        theirs = [bar(minute, extra=400, symbol="NEWA") for minute in range(-HISTORY - 20, 20)]
        market_data.add_bars(connection, theirs)
        market_data.correct_bar(connection, bar(3, extra=500, symbol="NEWA"))
    live.evaluate(*(bar(minute) for minute in range(10)))
    live.rename()
    live.evaluate(*(bar(minute, symbol="NEWA") for minute in range(300, 305)))
    with live.database.transaction() as connection:
        window = market_data.trailing_window(connection, "NEWA", time_of(304), 64)
    assert window.close.max() < 200
    same(live, 15)


def test_a_session_of_the_earlier_owner_of_a_name_keeps_its_bars(live: Live) -> None:
    live.evaluate(*(bar(minute) for minute in range(10)))
    live.split(2, time_of(300))
    live.evaluate(*(bar(minute, ratio=2) for minute in range(300, 306)))
    assert correct_bar(live.database, bar(304, ratio=2, extra=9))
    live.evaluate(*(bar(minute, ratio=2) for minute in range(306, 310)))
    with live.database.transaction() as connection:
        sessions.stop_session(connection, live.session_id)
        later = time_of(310) + timedelta(days=1)
        theirs = [bar(minute, extra=400, symbol="OLDB") for minute in range(20)]
        market_data.add_bars(connection, theirs)
    same(live, 20)
    live.follow(CorporateAction("take-over", "OLDB", ActionKind.SYMBOL_CHANGE, later.date(), new_symbol="AAPL"))
    with live.database.transaction() as connection:
        window = market_data.trailing_window(connection, "AAPL", later, 20)
    assert window.close.min() > 400, "the new owner sees its own"
    same(live, 20)
