"""Many users whose portfolio strategies decide about the same period trade together: one order of each symbol and side at the broker, as the timer and the evaluator do it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any
from uuid import UUID

import psycopg
import pytest
from stratforge.application.rebalance import rebalance
from stratforge.application.session_windows import SandboxFailed
from stratforge.bus.messages import RebalanceDue
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import gathering, rebalances
from stratforge.storage.strategies.rebalances import Asking, Said
from stratforge.strategy.rotation.seen import Windows

from functions.ingestor.rebalance_timer import Told
from tests.support.rotating import Rotating, at, copies
from tests.support.world import World

SYMBOLS = [f"S{letter}" for letter in "ABCDEFGHIJKLMNOPQRST"]
SOURCE = f"""
UNIVERSE = {SYMBOLS}
SCHEDULE = "monthly"


def indicators(bars):
    return {{"momentum": bars.close.pct_change(5)}}


def rebalance(universe, portfolio, state):
    return weights.equal(universe.momentum.top(10)) * 0.9
"""
FIRST, SECOND = date(2026, 2, 2), date(2026, 3, 2)
USERS = 60
pytestmark = pytest.mark.usefixtures("sandboxed")


def crowd(database: Database, conninfo: str, users: int) -> tuple[Rotating, list[UUID]]:
    """So many users with a session each of one strategy, on a market of twenty symbols that has just opened."""
    rotating = Rotating(database, World(conninfo))
    opens(rotating, FIRST, lambda number: number)
    session_ids = [rotating.start(SOURCE).session_id]
    with database.transaction() as connection:
        session_ids += copies(connection, session_ids[0], users - 1)
    return rotating, session_ids


def opens(rotating: Rotating, day: date, rise: Callable[[int], float]) -> None:
    """A day begins, before which each symbol had risen so much."""
    rotating.clock(at(day, 9, 31))
    rotating.days(day, {each: [100.0 + rise(number) * step / 10 for step in range(9)] for number, each in enumerate(SYMBOLS)})  # fmt: skip
    rotating.minute(at(day), dict.fromkeys(SYMBOLS, 100.0))


def live(rotating: Rotating) -> int:
    """The timer looks until nobody is due any more; each message is handled by itself, and whatever it wakes the executor for is executed and filled at once: as
    fast as the executor can be. Returns how many messages there were."""
    world, seen = rotating.world, 0

    def wake(symbol: str, _cause: str) -> None:
        world.executor.execute(symbol)
        for order in [each for each in world.exchange.orders.values() if each.open]:
            world.exchange.fill(order, order.quantity, world.broker.prices[order.symbol], world.broker.now_at)
        while world.updates:
            assert world.settle(0)

    for look in range(200):
        told = rotating.told(2.0 * look)
        if not told:
            return seen
        for message in told:
            rebalance(rotating.database, rotating.sandbox, wake, message.session_ids)
        seen += len(told)
    raise AssertionError("they are due for ever")


def blocks(rotating: Rotating) -> Counter[tuple[str, str]]:
    """The orders that the broker was sent, by symbol and side."""
    return Counter((each.symbol, each.side) for each in rotating.world.exchange.orders.values())


def adds_up(connection: Connection, rotating: Rotating) -> None:
    """The ledger, and the broker's positions beside it."""
    assert broken_invariants(connection) == {}
    held = dict(
        connection.execute("SELECT symbol, sum(quantity) FROM positions WHERE quantity <> 0 GROUP BY 1").fetchall()
    )
    assert held == {symbol: each for symbol, each in rotating.world.exchange.positions.items() if each}


def test_a_rotation_of_many_users_is_one_order_a_symbol_and_side(
    database: Database, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine that handles one message after another.
    monkeypatch.setattr(gathering, "GATHERING", timedelta(hours=1))
    rotating, session_ids = crowd(database, migrated, USERS)
    assert live(rotating) <= 8
    assert blocks(rotating) == dict.fromkeys([(symbol, "buy") for symbol in SYMBOLS[10:]], 1)
    opens(rotating, SECOND, lambda number: -number)
    rotating.world.exchange.orders.clear()
    live(rotating)
    sold, bought = SYMBOLS[10:], SYMBOLS[:10]
    assert blocks(rotating) == {**dict.fromkeys([(each, "sell") for each in sold], 1), **dict.fromkeys([(each, "buy") for each in bought], 1)}  # fmt: skip
    with database.transaction() as connection:
        decisions = connection.execute("SELECT session_id, count(*) FROM rebalances GROUP BY 1").fetchall()
        assert sorted(decisions) == sorted((each, 2) for each in session_ids)
        assert connection.execute("SELECT DISTINCT status FROM rebalances").fetchall() == [("ORDERED",)]
        adds_up(connection, rotating)
    rotating.world.close()


def test_what_a_message_asks_of_the_database_is_as_much_whatever_the_number_of_its_sessions(
    database: Database, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotating, session_ids = crowd(database, migrated, 9)
    asked = [0]
    execute = psycopg.Cursor.execute

    def counted(cursor: psycopg.Cursor[Any], *given: Any, **more: Any) -> psycopg.Cursor[Any]:
        asked[0] += 1
        return execute(cursor, *given, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    found = []
    for some in (session_ids[:1], session_ids[1:8]):
        asked[0] = 0
        assert rebalance(database, rotating.sandbox, lambda *_: None, some).decided == len(some)
        found.append(asked[0])
    assert found[0] == found[1]
    with database.transaction() as connection:
        rows = connection.execute("SELECT count(*) FROM orders GROUP BY session_id").fetchall()
    assert rows == [(10,)] * 8
    rotating.world.close()


def messages(
    rotating: Rotating, monkeypatch: pytest.MonkeyPatch, together: int, seconds: float = 0.0, before: Told | None = None
) -> list[RebalanceDue]:
    """What the timer tells at one look, so many sessions in a message."""
    monkeypatch.setattr("functions.ingestor.rebalance_timer._TOGETHER", together)
    return rotating.told(seconds, before)


def test_who_never_comes_to_his_decision_holds_up_nobody_for_long(
    database: Database, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotating, _ = crowd(database, migrated, 2)
    before = Told()
    first, second = messages(rotating, monkeypatch, 1, 0.0, before)
    woken: list[str] = []

    def handle(message: RebalanceDue) -> None:
        rebalance(database, rotating.sandbox, lambda symbol, _: woken.append(symbol), message.session_ids)

    handle(first)
    assert woken == []
    with database.transaction() as connection:
        connection.execute("UPDATE orders SET created_at = created_at - interval '5 seconds'")
    again = [each for each in messages(rotating, monkeypatch, 1, 2.0, before) if each.session_ids == first.session_ids]
    assert len(again) == 1, "told of although it has decided"
    handle(again[0])
    assert woken == SYMBOLS[10:]
    with database.transaction() as connection:
        connection.execute("UPDATE orders SET created_at = created_at - interval '20 seconds'")
    assert [each.session_ids for each in messages(rotating, monkeypatch, 1, 4.0, before)] == [second.session_ids]
    rotating.world.close()


def test_whichever_of_two_ends_last_wakes_the_executor(
    database: Database, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotating, _ = crowd(database, migrated, 2)
    meeting, woken = Barrier(2), list[str]()
    place = rebalances.place_orders

    def together(connection: Connection, *given: Any) -> int:
        with suppress(BrokenBarrierError):
            meeting.wait(5)
        return place(connection, *given)

    monkeypatch.setattr(rebalances, "place_orders", together)
    told = messages(rotating, monkeypatch, 1)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: rebalance(database, rotating.sandbox, lambda symbol, _: woken.append(symbol), each.session_ids), told))  # fmt: skip
    assert set(woken) == set(SYMBOLS[10:])
    rotating.world.close()


def test_one_who_fails_in_company_fails_alone(
    database: Database, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotating, session_ids = crowd(database, migrated, 3)
    (message,) = messages(rotating, monkeypatch, 50)

    def sandbox(windows: Windows, universe: int, asking: Sequence[Asking]) -> list[Said]:
        if any(each.session.session_id == session_ids[1] for each in asking):
            raise SandboxFailed("the sandbox failed")
        return rotating.sandbox(windows, universe, asking)

    woken: list[str] = []
    for apart, decided in ((False, set()), (True, {session_ids[0], session_ids[2]})):
        with pytest.raises(SandboxFailed):
            rebalance(database, sandbox, lambda symbol, _: woken.append(symbol), message.session_ids, apart=apart)
        with database.transaction() as connection:
            rows = connection.execute("SELECT session_id FROM rebalances").fetchall()
        assert {row[0] for row in rows} == decided
    rotating.world.close()
