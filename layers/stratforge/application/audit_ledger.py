"""Audit the ledger: every balance, position and profit recomputed from what happened, and compared with the books and the broker's statement."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import localcontext

from stratforge.broker import BrokerStatement
from stratforge.portfolio.books import Activity
from stratforge.portfolio.statement import Statement, audit
from stratforge.storage.ledger.reconciliation import store_report
from stratforge.storage.ledger.records import begin_reading, read_books
from stratforge.storage.postgres.database import Database

# From before the first trade on: the broker's statement is asked for all of it.
_EVER = timedelta(days=3650)
# Differences that a report shows; it says how many there are in all.
_SHOWN = 200


def audit_ledger(database: Database, broker: BrokerStatement, *, quiet: timedelta = timedelta(minutes=1)) -> Statement:
    """Audits, reading only, but for the report that operators see beside the reconciler's.

    Args:
        database: The ledger, as the engine's role.
        broker: The account that all users share.
        quiet: Symbols that traded since so long before the broker was asked are not compared with him.

    Raises:
        BrokerUnavailable: if the broker does not answer.
    """
    started_at = datetime.now(UTC)
    activities = activities_of(broker)
    positions = broker.positions()
    with database.transaction() as connection:
        begin_reading(connection)
        books = replace(read_books(connection, started_at - quiet), scale=broker.scale)
    # PostgreSQL adds exactly, whatever a split by a third left behind the point; so must whoever adds it up again.
    with localcontext(prec=100):
        statement = audit(books, activities, positions)
    report = {
        "audit": {
            **{
                name: getattr(statement, name)
                for name in ("accounts", "positions", "trades", "adjustments", "activities")
            },
            "differences": len(statement.differences),
            "shown": [
                {name: str(value) for name, value in asdict(each).items()} for each in statement.differences[:_SHOWN]
            ],
        }
    }
    with database.transaction() as connection:
        store_report(connection, started_at, not statement.differences, report)
    return statement


def activities_of(broker: BrokerStatement) -> list[Activity]:
    """The account's executions, by our ids of the orders. Raises `BrokerUnavailable`."""
    ever = broker.now() - _EVER
    names = {name: each.client_order_id for each in broker.orders_since(ever) for name in each.broker_order_ids}
    return [
        Activity(
            names.get(each.broker_order_id, each.broker_order_id), each.symbol, each.side, each.quantity, each.price
        )
        for each in broker.fills_since(ever)
    ]
