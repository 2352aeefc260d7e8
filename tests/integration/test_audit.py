"""The auditor's statement: it agrees with an honest ledger, and finds whatever is changed in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg.errors import ReadOnlySqlTransaction
from stratforge.application.audit_ledger import audit_ledger, is_audited
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.portfolio.books import SymbolBooks
from stratforge.storage.ledger import audits, records
from stratforge.storage.ledger.audits import StatementFill
from stratforge.storage.ledger.invariants import INVARIANTS, Part, broken_invariants, parts_to_look_at
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.rows import fetch_value

from tests.support.ledger import OPEN, Trader, add_signal, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def world(migrated: str) -> Iterator[World]:
    """A world in which two people bought, sold to each other and to the market, paid fees in coins and dollars, and saw a split."""
    found = World(migrated)
    found.broker.prices.update({"AAPL": Decimal(100), "BTC/USD": Decimal(60_000)})
    with found.database.transaction() as connection:
        ada, bob = add_trader(connection, "ada"), add_trader(connection, "bob")
        coins = add_trader(connection, "coins", "BTC/USD")
        time = set_price(connection, "100")
        set_price(connection, "60000", symbol="BTC/USD")
        add_signal(connection, ada, "buy", time, quantity=100)
        add_signal(connection, coins, "buy", time, "BTC/USD", quantity=0.5)
    trade(found, "AAPL", "BTC/USD")
    _both(found, ada, bob)
    with found.database.transaction() as connection:
        add_signal(connection, coins, "sell", set_price(connection, "60000", 1, "BTC/USD"), "BTC/USD", quantity=0.2)
    trade(found, "BTC/USD")
    # Overnight, as splits are.
    found.broker.now_at += timedelta(hours=15)
    split = CorporateAction("split-1", "AAPL", ActionKind.SPLIT, found.broker.now_at.date(), Decimal(2))
    found.broker.actions.append(split)
    found.exchange.split("AAPL", Decimal(2), found.broker.now_at)
    found.broker.prices["AAPL"] = Decimal(50)
    found.quiet()
    (order, *_) = [each for each in found.exchange.orders.values() if each.symbol == "AAPL" and each.side == "buy"]
    found.exchange.correct_last_fill(order, Decimal(order.fills[-1]["qty"]), Decimal("100.05"), found.broker.now_at)
    found.quiet()
    yield found
    found.close()


def _both(world: World, ada: Trader, bob: Trader) -> None:
    """Ada sells a part to Bob and a part to the market."""
    with world.database.transaction() as connection:
        time = set_price(connection, "101", 1)
        world.broker.prices["AAPL"] = Decimal(101)
        add_signal(connection, ada, "sell", time, quantity=60)
        add_signal(connection, bob, "buy", time, quantity=25)
    trade(world, "AAPL")


def trade(world: World, *symbols: str) -> None:
    """Everything that waits is traded."""
    world.work = list(symbols)
    world.quiet()


def differences(world: World) -> set[str]:
    """What the auditor finds."""
    return {each.what for each in audit_ledger(world.database, world.broker, quiet=-_AGES).differences}


_AGES = OPEN - OPEN.replace(year=OPEN.year - 20)


def test_an_honest_ledger_has_no_difference(world: World) -> None:
    statement = audit_ledger(world.database, world.broker, quiet=-_AGES)
    assert statement.differences == ()
    assert (statement.accounts, statement.positions, statement.activities) == (3, 3, 4)
    assert statement.trades >= 6
    assert statement.adjustments >= 3


TAMPERINGS: list[tuple[str, set[str]]] = [
    ("UPDATE users SET virtual_balance = virtual_balance + 0.01 WHERE email LIKE 'ada%'", {"cash"}),
    ("UPDATE users SET reserved_cash = reserved_cash + 1 WHERE email LIKE 'bob%'", {"cash"}),
    ("UPDATE positions SET quantity = quantity + 0.000000001 WHERE symbol = 'AAPL' AND quantity > 0", {"quantity"}),
    ("UPDATE positions SET cost_basis = cost_basis + 0.01 WHERE symbol = 'BTC/USD'", {"cost"}),
    ("UPDATE positions SET realized_pnl = realized_pnl - 0.01 WHERE symbol = 'AAPL'", {"realized profit"}),
    ("DELETE FROM positions WHERE symbol = 'BTC/USD'", {"quantity", "cost", "realized profit"}),
    (
        "DELETE FROM adjustments WHERE kind = 'SPLIT'",
        {"quantity", "position at the broker", "cost", "realized profit"},
    ),
    ("DELETE FROM adjustments WHERE kind = 'FILL_CORRECTION'", {"cash", "realized profit", "value of an order"}),
    ("UPDATE corporate_actions SET ratio = 3", {"split split-1"}),
    # Each of these moves the money or the shares with it, so that only the cause can tell.
    (
        """
        WITH gift AS (
            INSERT INTO adjustments (user_id, symbol, kind, quantity, cash, cause)
            SELECT id, 'AAPL', 'ODD_LOTS', 0, 50000, 'odd' FROM users WHERE email LIKE 'ada%' RETURNING user_id)
        UPDATE users SET virtual_balance = virtual_balance + 50000 WHERE id = (SELECT user_id FROM gift)
        """,
        {"odd lots", "realized profit"},
    ),
    (
        """
        WITH moved AS (
            INSERT INTO adjustments (user_id, session_id, symbol, kind, quantity, cash, cause)
            SELECT user_id, session_id, symbol, 'CORPORATE_ACTION', CASE WHEN quantity > 60 THEN -10 ELSE 10 END, 0, 'x'
            FROM positions WHERE symbol = 'AAPL' RETURNING user_id, quantity)
        UPDATE positions p SET quantity = p.quantity + m.quantity FROM moved m WHERE m.user_id = p.user_id AND p.symbol = 'AAPL'
        """,
        {"CORPORATE_ACTION of no known cause"},
    ),
    (
        """
        WITH paid AS (UPDATE adjustments SET cash = cash + 50000 WHERE kind = 'SPLIT' RETURNING user_id, session_id),
        kept AS (UPDATE users SET virtual_balance = virtual_balance + 50000 WHERE id IN (SELECT user_id FROM paid))
        UPDATE positions p SET realized_pnl = realized_pnl + 50000 FROM paid
        WHERE p.user_id = paid.user_id AND p.session_id = paid.session_id AND p.symbol = 'AAPL'
        """,
        {"money of split split-1"},
    ),
    (
        "UPDATE adjustments SET cash = cash + 1, cause = split_part(cause, '/', 1) WHERE kind = 'FILL_CORRECTION'",
        {"cash", "realized profit", "value of an order"},
    ),
    (
        "UPDATE trades SET fee_quantity = fee_quantity * 2 WHERE fee_quantity > 0",
        {"fee in coins", "quantity", "position at the broker", "cost", "realized profit"},
    ),
    ("UPDATE trades SET fee_cash = fee_cash * 2 WHERE fee_cash > 0", {"fee in dollars", "cash", "realized profit"}),
    (
        "UPDATE trades SET price = price + 1 WHERE inside",
        {"price of an execution", "cash", "cost", "realized profit"},
    ),
    ("UPDATE trades SET inside = false WHERE inside AND side = 'buy'", {"crossing", "quantity of an order"}),
    (
        "UPDATE trades SET quantity = quantity + 1 WHERE inside AND side = 'buy'",
        {"crossing", "quantity", "cash", "cost", "position at the broker", "realized profit", "split split-1"},
    ),
]


# Nothing is recomputed otherwise than it is written: what stands beside it, in another row, tells.
AT_ODDS: list[tuple[str, set[str]]] = [
    ("UPDATE trades SET realized_pnl = realized_pnl + 0.01 WHERE side = 'sell'", {"profit of a trade"}),
    ("UPDATE trades SET realized_pnl = 1 WHERE side = 'buy'", {"profit of a trade"}),
    (
        "UPDATE trades SET executed_at = executed_at + interval '3 days' WHERE symbol = 'BTC/USD' AND side = 'sell'",
        {"execution of a trade"},
    ),
    (
        "UPDATE trades SET execution_id = execution_id || '-x' WHERE NOT inside AND symbol = 'BTC/USD'",
        {"execution of a trade"},
    ),
    (
        "UPDATE trades SET order_id = (SELECT id FROM orders WHERE symbol = 'AAPL' LIMIT 1) WHERE symbol = 'BTC/USD'",
        {"order of a trade", "an order's trades add up to what it filled"},
    ),
    (
        "UPDATE orders SET user_id = (SELECT id FROM users WHERE email LIKE 'bob%') WHERE symbol = 'BTC/USD'",
        {"order of a trade"},
    ),
    (
        "UPDATE trades SET session_id = NULL WHERE symbol = 'BTC/USD'; UPDATE positions SET session_id = NULL WHERE symbol = 'BTC/USD'",
        {"order of a trade"},
    ),
    (
        "UPDATE adjustments SET created_at = created_at + interval '1 year' WHERE id = (SELECT max(id) FROM adjustments)",
        {"time of an adjustment"},
    ),
    (
        "UPDATE adjustments SET created_at = created_at + interval '1 year' WHERE id = (SELECT min(id) FROM adjustments)",
        {"time of an adjustment"},
    ),
    (
        "UPDATE positions SET opened_at = opened_at - interval '1 minute' WHERE symbol = 'BTC/USD'",
        {"time of a position"},
    ),
    (
        "UPDATE positions SET reserved_quantity = 1 WHERE symbol = 'AAPL'",
        {"reserved shares are what working orders hold back"},
    ),
    (
        "UPDATE users SET virtual_balance = virtual_balance - 7, reserved_cash = reserved_cash + 7 WHERE email LIKE 'ada%'",
        {"reserved cash is what working orders hold back"},
    ),
    # Half a share for 4000 dollars, and everything else in the books goes with it.
    (
        """
        CREATE TEMPORARY TABLE forged ON COMMIT DROP AS
        SELECT p.user_id, p.session_id, CASE WHEN u.email LIKE 'ada%' THEN -0.5 ELSE 0.5 END AS units FROM positions p JOIN users u ON u.id = p.user_id
        WHERE p.symbol = 'AAPL';
        INSERT INTO adjustments (user_id, session_id, symbol, kind, quantity, cash, cause)
        SELECT user_id, session_id, 'AAPL', 'ODD_LOTS', units, -8000 * units, 'odd' FROM forged;
        UPDATE users u SET virtual_balance = virtual_balance - 8000 * f.units FROM forged f WHERE f.user_id = u.id;
        UPDATE positions p SET quantity = quantity + f.units, realized_pnl = realized_pnl - 8000 * f.units FROM forged f
        WHERE p.user_id = f.user_id AND p.symbol = 'AAPL'
        """,
        {"price of odd lots"},
    ),
]


def test_whatever_is_changed_in_the_ledger_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for tampering, what in TAMPERINGS:
        found = tampered(world, monkeypatch, tampering) - {*INVARIANTS} - {"profit of a trade", "execution of a trade"}
        assert found <= what, tampering
        # What was sold before, and with it these two, is drawn.
        assert what - found <= {"cost", "realized profit"}, tampering


def test_what_does_not_fit_what_stands_beside_it_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for tampering, what in AT_ODDS:
        assert what <= tampered(world, monkeypatch, tampering), tampering


def test_what_breaks_the_ledger_is_in_one_of_its_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stratforge.storage.ledger.invariants._RECENT", 0)
    for tampering, _ in (*TAMPERINGS, *AT_ODDS):
        with world.database.transaction() as connection, connection.transaction(force_rollback=True):
            connection.execute(tampering)
            parts = [broken_invariants(connection, Part(number, 7)) for number in range(7)]
            assert {name for part in parts for name in part} >= set(broken_invariants(connection)), tampering


def test_what_was_done_just_now_is_looked_at_with_every_part(world: World) -> None:
    with world.database.transaction() as connection, connection.transaction(force_rollback=True):
        connection.execute("UPDATE users SET virtual_balance = virtual_balance + 1 WHERE email LIKE 'ada%'")
        assert all(broken_invariants(connection, Part(number, 64)) for number in range(64))


def test_each_report_is_followed_by_another_part_of_a_large_ledger(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.database.transaction() as connection:
        assert [part.of for part in parts_to_look_at(connection)] == [1]
    monkeypatch.setattr("stratforge.storage.ledger.invariants._TRADES_OF_PART", 2)
    numbers = []
    for _ in range(8):
        with world.database.transaction() as connection:
            connection.execute("ANALYZE trades")
            numbers += parts_to_look_at(connection)
        assert world.reconciler.run().clean
    assert {part.of for part in numbers} == {4}
    assert {part.number for part in numbers} == {0, 1, 2, 3}


def tampered(world: World, monkeypatch: pytest.MonkeyPatch, tampering: str) -> set[str]:
    """What an audit finds of a change. It is undone afterwards, so the audit looks from inside its transaction."""
    with monkeypatch.context() as inside:
        inside.setattr(records, "begin_reading", lambda connection: None)
        with world.database.transaction() as connection, connection.transaction(force_rollback=True):
            assert connection.execute(tampering).rowcount != 0
            inside.setattr(world.database, "transaction", lambda: nullcontext(connection))
            return differences(world)


def test_a_pair_of_changes_that_the_invariants_do_not_see_is_found(world: World) -> None:
    """A trade made up with the money and the shares that go with it: only the broker knows better."""
    with world.database.transaction() as connection:
        connection.execute(
            """
            UPDATE trades SET price = price - 1 WHERE id = (SELECT min(id) FROM trades);
            UPDATE users u SET virtual_balance = u.virtual_balance + t.quantity FROM trades t
            WHERE t.id = (SELECT min(id) FROM trades) AND u.id = t.user_id;
            """
        )
    assert "value of an order" in differences(world)


def test_what_the_broker_did_and_nobody_knows_of_is_found(world: World) -> None:
    request = {"client_order_id": "by-hand", "symbol": "AAPL", "side": "buy", "qty": "1", "type": "market"}
    order = world.exchange.submit(request, world.broker.now_at, Decimal(50))
    world.exchange.fill(order, Decimal(1), Decimal(50), world.broker.now_at)
    assert differences(world) == {"quantity of an order", "position at the broker"}


def test_symbols_that_just_traded_are_not_compared_with_the_broker(world: World) -> None:
    world.exchange.positions["AAPL"] += 1
    assert differences(world) == {"position at the broker"}
    assert audit_ledger(world.database, world.broker, quiet=_AGES).differences == ()


def test_an_audit_cannot_write(world: World) -> None:
    with world.database.transaction() as connection:
        records.begin_reading(connection)
        with pytest.raises(ReadOnlySqlTransaction):
            connection.execute("UPDATE users SET virtual_balance = 0")


def test_operators_see_the_statement_among_the_reports(world: World, database: Database) -> None:
    audit_ledger(world.database, world.broker)
    with database.transaction() as connection:
        row = connection.execute(
            "SELECT clean, report -> 'audit' ->> 'trades' FROM reconciliations ORDER BY id DESC LIMIT 1"
        )
        clean, trades = row.fetchone() or (False, "0")
    assert clean
    assert int(trades) >= 6


def test_a_correction_belongs_to_all_who_had_of_the_order(world: World) -> None:
    """Money moved from one to the other with the cause of a true correction, and both balances to match."""
    with world.database.transaction() as connection:
        connection.execute(
            """
            INSERT INTO adjustments (user_id, session_id, symbol, kind, cash, cause)
            SELECT p.user_id, p.session_id, 'AAPL', 'FILL_CORRECTION', CASE WHEN u.email LIKE 'ada%' THEN 5000 ELSE -5000 END,
                   (SELECT cause || '/again' FROM adjustments WHERE kind = 'FILL_CORRECTION' LIMIT 1)
            FROM positions p JOIN users u ON u.id = p.user_id WHERE p.symbol = 'AAPL';
            UPDATE users u SET virtual_balance = virtual_balance + a.cash FROM adjustments a WHERE a.user_id = u.id AND a.cause LIKE '%again';
            UPDATE positions p SET realized_pnl = realized_pnl + a.cash FROM adjustments a WHERE a.user_id = p.user_id AND a.cause LIKE '%again'
            """
        )
    assert differences(world) == {"money of a correction"}


def test_executions_of_what_the_broker_put_in_an_orders_place_are_the_orders(world: World) -> None:
    (order, *others) = world.broker.orders_since(OPEN)
    fills = world.broker.fills_since(OPEN)
    earlier = replace(fills[0], broker_order_id="replaced")
    chain = replace(order, replaced_ids=("replaced",))
    world.broker.orders_since = lambda since, until=None: [chain, *others]  # type: ignore[method-assign]
    world.broker.fills_since = lambda since, until=None: [earlier, *fills[1:]]  # type: ignore[method-assign]
    assert fills[0].broker_order_id == order.broker_order_id
    assert differences(world) == set()


def test_an_audit_that_runs_out_of_time_goes_on_where_it_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    reading = records.read_symbol

    def note(connection: Connection, family: records.Family, since: datetime, scale: Decimal) -> SymbolBooks:
        read.append(family.name)
        return reading(connection, family, since, scale)

    monkeypatch.setattr(records, "read_symbol", note)
    began_at = datetime.now(UTC)
    statement = audit_ledger(world.database, world.broker, since=began_at, enough=lambda: bool(read))
    assert (statement.left, read) == (1, ["AAPL"])
    assert not is_audited(world.database, began_at)
    with world.database.transaction() as connection:
        connection.execute("UPDATE positions SET quantity = quantity + 1 WHERE symbol = 'BTC/USD'")
    statement = audit_ledger(world.database, world.broker, since=began_at, quiet=-_AGES)
    assert (statement.left, read) == (0, ["AAPL", "BTC/USD"])
    assert {each.what for each in statement.differences} - {*INVARIANTS} == {"quantity"}
    assert is_audited(world.database, began_at)
    assert statement.positions == 3


def test_a_kept_statement_is_read_again_where_it_does_not_agree_and_where_it_is_oldest(world: World) -> None:
    assert differences(world) == set()
    with world.database.transaction() as connection:
        # Of long ago, so that it is not read anew with what is new.
        connection.execute("UPDATE statement_fills SET price = price + 1, read_at = now() - interval '1 year'")
        assert connection.execute("SELECT count(*) FROM statement_fills").fetchone() == (4,)
    world.broker.now_at += timedelta(days=30)
    assert differences(world) == set()
    order = next(each for each in world.exchange.orders.values() if each.symbol == "BTC/USD")
    fill = Decimal(order.fills[-1]["qty"])
    world.exchange.correct_last_fill(order, fill, Decimal(1), world.broker.now_at)
    with world.database.transaction() as connection:
        connection.execute("UPDATE statement_fills SET read_at = now() - interval '1 year'")
    assert differences(world) == {"value of an order"}
    assert audit_ledger(world.database, world.broker, anew=True).activities == 4


def test_what_the_broker_changes_within_ten_days_the_next_audit_finds(world: World) -> None:
    assert differences(world) == set()
    order = next(each for each in world.exchange.orders.values() if each.symbol == "BTC/USD")
    world.broker.now_at += timedelta(days=9)
    # Much was traded on every day since, and read in its night.
    with world.database.transaction() as connection:
        connection.execute("UPDATE statement_fills SET read_at = now() + interval '1 day' WHERE symbol = 'BTC/USD'")
    world.exchange.correct_last_fill(order, order.filled_quantity, Decimal(1), world.broker.now_at)
    assert differences(world) == {"value of an order"}


def test_a_week_of_audits_reads_the_whole_statement_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stratforge.application.audit_ledger._READ_AGAIN", 0)
    assert differences(world) == set()
    (first, *_) = world.broker.fills_since(OPEN)
    days = [replace(first, activity_id=f"day-{n}", at=world.broker.now_at - timedelta(days=n)) for n in range(20, 120)]
    world.broker.fills_since = lambda since, until=None: [  # type: ignore[method-assign]
        each for each in days if since < each.at and (until is None or each.at < until)
    ]
    began_at = datetime.now(UTC)
    with world.database.transaction() as connection:
        audits.keep_statement(
            connection,
            days[-1].at,
            days[0].at,
            [StatementFill(each.activity_id, "x", "AAPL", Decimal(1), Decimal(1), each.at) for each in days],
            began_at - timedelta(days=1),
        )
    left = []
    for _ in range(7):
        differences(world)
        with world.database.transaction() as connection:
            left.append(fetch_value(connection, "SELECT count(*) FROM statement_fills WHERE read_at < %s", (began_at,)))
    assert left[0] > 80
    assert left[-1] == 0


@pytest.mark.parametrize("days", [0.5, 3])
def test_an_order_that_rested_over_a_night_or_a_weekend_is_known_by_its_own_name(world: World, days: float) -> None:
    for order in world.exchange.orders.values():
        order.created_at = (datetime.fromisoformat(order.created_at) - timedelta(days=days)).isoformat()
    assert differences(world) == set()


def test_an_order_that_was_filled_over_a_midnight_is_kept_whole(world: World) -> None:
    """What is read of the statement at a time ends somewhere between the two executions."""
    order = next(each for each in world.exchange.orders.values() if each.symbol == "BTC/USD")
    (fill,) = order.fills
    half = Decimal(fill["qty"]) / 2
    order.created_at = earlier = (datetime.fromisoformat(fill["time"]) - timedelta(days=1, seconds=1)).isoformat()
    order.fills = [{**fill, "execution_id": "earlier", "qty": f"{half}", "time": earlier}, {**fill, "qty": f"{half}"}]
    for night in range(4):
        assert differences(world) == set(), night
        world.broker.now_at += timedelta(days=1)


def test_what_an_order_tells_is_what_its_trades_came_to(world: World) -> None:
    for lie in ("filled_value = filled_value * 2", "fee_cash = fee_cash + 7", "fee_quantity = fee_quantity + 1"):
        with world.database.transaction() as connection, connection.transaction(force_rollback=True):
            assert broken_invariants(connection) == {}
            connection.execute(f"UPDATE orders SET {lie} WHERE filled_quantity > 0")
            assert broken_invariants(connection) != {}


def test_a_trade_as_an_earlier_release_writes_it_is_the_same_trade(world: World) -> None:
    """While a release is deployed, a settler of the one before says of what crossed that its execution is called so."""
    query = "SELECT id, execution_id, inside FROM trades ORDER BY id"
    with world.database.transaction() as connection, connection.transaction(force_rollback=True):
        before = connection.execute(query).fetchall()
        assert {inside for _, _, inside in before} == {True, False}
        connection.execute(
            """
            CREATE TEMPORARY TABLE written AS SELECT * FROM trades;
            UPDATE written SET execution_id = 'cross:' || execution_id, inside = false WHERE inside;
            DELETE FROM trades;
            INSERT INTO trades OVERRIDING SYSTEM VALUE SELECT * FROM written
            """
        )
        assert connection.execute(query).fetchall() == before
