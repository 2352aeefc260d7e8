"""Sessions of a symbol are spread over shards, and moved between them without missing a bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg.types.json import Jsonb
from stratforge.application.evaluate_bar import evaluate_bar
from stratforge.market import Bar, BarColumns
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.storage.ledger import announced_actions, corporate_actions
from stratforge.storage.market import clock, market_data
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.rows import fetch_value
from stratforge.storage.strategies import evaluations
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.storage.strategies.sessions import start_session
from stratforge.strategy.exits import PRICE_KEYS
from stratforge.strategy.lookback import window_length

from tests.support.ledger import OPEN, Trader, add_trader


def a_shard_has(database: Database, sessions: int) -> None:
    """An operator says how many sessions a shard may have."""
    with database.transaction() as connection:
        connection.execute("UPDATE platform_state SET sessions_a_shard = %s", (sessions,))


def begin(database: Database, *names: str) -> list[Trader]:
    """People start a session each."""
    with database.transaction() as connection:
        return [add_trader(connection, name) for name in names]


def sizes(database: Database) -> dict[int, int]:
    """The number of sessions in each shard."""
    with database.transaction() as connection:
        return dict(
            connection.execute(
                "SELECT shard, count(*) FROM sessions WHERE status IN ('RUNNING', 'PAUSED') GROUP BY shard ORDER BY shard"
            ).fetchall()
        )


def published(database: Database) -> int:
    """How many messages each bar is published in."""
    with database.transaction() as connection:
        return evaluations.symbols_to_stream(connection)["AAPL"].shards


def bar(minute: int) -> Bar:
    return Bar("AAPL", OPEN + timedelta(minutes=minute), *[Decimal(100)] * 5)


@pytest.fixture
def history(database: Database) -> None:
    """A window of bars before the first."""
    with database.transaction() as connection:
        connection.execute("SELECT ensure_market_data_month(%s)", (OPEN,))
        clock.set_market_clock(connection, OPEN)
        market_data.add_bars(connection, [bar(minute) for minute in range(-window_length(1), 0)])


def gaps(database: Database) -> int:
    """How often a session missed bars."""
    with database.transaction() as connection:
        found: int = fetch_value(connection, "SELECT count(*) FROM session_gaps")
        return found


class Evaluator:
    """Evaluates bars as they are published."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def sandbox(self, window: BarColumns, sessions: Sequence[RunningSession]) -> list[Outcome]:
        """Nobody says anything."""
        assert len(window)
        return [Outcome(each, each.state) for each in sessions]

    def bar(self, minute: int, shards: int) -> None:
        """A bar, in so many messages."""
        for shard in range(shards):
            evaluate_bar(self.database, self.sandbox, lambda *_: None, bar(minute), shard, shards=shards)

    def seen(self) -> set[int]:
        """How many bars the sessions have seen."""
        with self.database.transaction() as connection:
            return {row[0] for row in connection.execute("SELECT bars_evaluated FROM sessions")}


def test_a_session_begins_where_the_fewest_are(database: Database) -> None:
    a_shard_has(database, 2)
    begin(database, *"abcde")
    assert sizes(database) == {0: 2, 1: 2, 2: 1}
    assert published(database) == 3
    with database.transaction() as connection:
        connection.execute("UPDATE sessions SET status = 'STOPPED', ended_at = now() WHERE shard = 1")
    begin(database, "f")
    assert sizes(database) == {0: 2, 1: 1, 2: 1}


def test_symbols_have_shards_of_their_own(database: Database) -> None:
    a_shard_has(database, 1)
    begin(database, "ada")
    with database.transaction() as connection:
        add_trader(connection, "bob", "MSFT")
    assert sizes(database) == {0: 2}


def test_a_symbol_is_wanted_by_its_users_of_each_as_much_as_it_is_of_his(database: Database) -> None:
    begin(database, "ada", "bob")
    with database.transaction() as connection:
        cat = add_trader(connection, "cat", "MSFT")
        strategy_id = fetch_value(connection, "SELECT strategy_id FROM sessions WHERE id = %s", (cat.session_id,))
        start_session(connection, cat.user_id, strategy_id, 1, "AAPL")
        wanted = evaluations.symbols_to_stream(connection)
    assert {symbol: each.weight for symbol, each in wanted.items()} == {"AAPL": 2.5, "MSFT": 0.5}
    assert wanted["AAPL"] == evaluations.Wanted(1, wanted["AAPL"].history), (
        "who else wants it changes nothing of what is wanted"
    )


@pytest.mark.usefixtures("history")
def test_more_shards_are_filled_and_fewer_are_emptied_without_a_bar_that_is_missed(database: Database) -> None:
    begin(database, *"abcdefg")
    evaluator = Evaluator(database)
    evaluator.bar(0, published(database))
    assert sizes(database) == {0: 7}
    a_shard_has(database, 2)
    # Until the ingestor has looked, bars are published for one shard, so nobody is moved.
    evaluator.bar(1, 1)
    assert (sizes(database), published(database)) == ({0: 7}, 4)
    evaluator.bar(2, 4)
    assert sizes(database) == {0: 2, 1: 2, 2: 2, 3: 1}
    a_shard_has(database, 4)
    evaluator.bar(3, published(database))
    assert sizes(database) == {0: 4, 1: 3}
    a_shard_has(database, 500)
    evaluator.bar(4, published(database))
    assert (sizes(database), published(database)) == ({0: 7}, 1)
    evaluator.bar(5, 1)
    assert evaluator.seen() == {6}
    assert gaps(database) == 0


@pytest.mark.usefixtures("history")
def test_a_shard_without_a_bound_costs_nothing(database: Database) -> None:
    begin(database, *"ab")
    evaluator = Evaluator(database)
    evaluator.bar(0, 1)
    a_shard_has(database, 1)
    evaluator.bar(1, 2)
    a_shard_has(database, 2**31 - 1)
    evaluator.bar(2, 2)
    assert sizes(database) == {0: 2}


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("dies", [False, True])
def test_a_bar_that_comes_while_sessions_are_moved_is_seen_by_them(
    database: Database, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    begin(database, *"abc")
    evaluator = Evaluator(database)
    evaluator.bar(0, 1)
    a_shard_has(database, 2)
    move = evaluations.move_sessions
    moving = [True]

    def slowly(*arguments: object) -> int:
        if moving:
            moving.clear()
            # The next bar comes, and whoever evaluates the other shard on it is done before anybody is in that.
            with database.transaction() as connection:
                market_data.add_bars(connection, [bar(2)])
            evaluate_bar(database, evaluator.sandbox, lambda *_: None, bar(2), 1, shards=2)
        return move(*arguments)  # type: ignore[arg-type]

    def dying(window: BarColumns, sessions: Sequence[RunningSession]) -> list[Outcome]:
        if datetime.fromtimestamp(int(window.time[-1]), UTC) == bar(2).time:
            raise RuntimeError("the sandbox died")
        return evaluator.sandbox(window, sessions)

    monkeypatch.setattr(evaluations, "move_sessions", slowly)
    if dies:
        with pytest.raises(RuntimeError):
            evaluate_bar(database, dying, lambda *_: None, bar(1), 0, shards=2)
    # The first delivery, or the second.
    evaluate_bar(database, evaluator.sandbox, lambda *_: None, bar(1), 0, shards=2)
    assert sizes(database) == {0: 2, 1: 1}
    evaluate_bar(database, evaluator.sandbox, lambda *_: None, bar(2), 0, shards=2)
    assert evaluator.seen() == {3}
    assert gaps(database) == 0


@pytest.mark.usefixtures("history")
def test_a_bar_that_comes_again_is_shown_to_nobody_who_began_after_it_was_stored(database: Database) -> None:
    begin(database, "ada")
    evaluator = Evaluator(database)
    evaluator.bar(0, 1)
    evaluator.bar(1, 1)
    (bob,) = begin(database, "bob")
    evaluator.bar(0, 1)
    evaluator.bar(2, 1)
    with database.transaction() as connection:
        seen = connection.execute(
            "SELECT first_bar_time, bars_evaluated FROM sessions WHERE id = %s", (bob.session_id,)
        ).fetchone()
    assert seen == (bar(2).time, 1)
    assert gaps(database) == 0


@pytest.mark.usefixtures("history")
def test_a_split_and_a_bar_wait_for_each_other_in_one_order(database: Database) -> None:
    traders = begin(database, *(f"user{number}" for number in range(30)))
    split = CorporateAction("split", "AAPL", ActionKind.SPLIT, OPEN.date(), Decimal(1))
    a_shard_has(database, 1)
    state = Jsonb(dict.fromkeys(PRICE_KEYS, 90))
    with database.transaction() as connection:
        announced_actions.note_action(connection, split)
        # The rows lie in the reverse order of their ids.
        for each in sorted(traders, key=lambda trader: trader.session_id, reverse=True):
            connection.execute(
                "UPDATE sessions SET state = %s, last_bar_time = %s WHERE id = %s",
                (state, bar(-1).time, each.session_id),
            )
    steps: list[Callable[[Connection], object]] = [
        lambda connection: corporate_actions.apply_action(connection, split),
        lambda connection: evaluations.move_sessions(connection, "AAPL", 0, bar(-1).time, 1),
    ]

    def done(step: Callable[[Connection], object]) -> None:
        with database.transaction() as connection:
            step(connection)

    blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with ThreadPoolExecutor(len(steps)) as pool:
        with database.transaction() as connection:
            # Both come as far as a session in the middle.
            connection.execute("SELECT FROM sessions ORDER BY id OFFSET 15 LIMIT 1 FOR NO KEY UPDATE")
            running = [pool.submit(done, step) for step in steps]
            while fetch_value(connection, blocked) < len(steps):
                assert not any(future.done() for future in running)
        for future in running:
            future.result()
