"""Audit the ledger: every balance, position and profit recomputed from what happened, and compared with the books and the broker's statement.

It goes symbol by symbol in memory that grows with the holders of one of them, keeps what it found of each, and goes on there when it is called again; of the
broker's statement, which it keeps too, it reads what is new, the days before that, a part of what it read longest ago, and whatever does not agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import localcontext
from typing import Any

from stratforge.broker import BrokerStatement
from stratforge.market.sizes import Side
from stratforge.portfolio.books import OrderRecord
from stratforge.portfolio.statement import ZERO, Difference, audit_cash, audit_order, audit_symbol
from stratforge.storage.ledger import audits, records
from stratforge.storage.ledger.audits import StatementFill
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.reconciliation import hand_over_correction, store_report
from stratforge.storage.postgres.database import Database

# How much of the broker's statement is read at a time, more where there is nothing; how long before that most orders were sent that were filled in
# it; and for how long each audit looks whether the broker has changed what he said. Of what is older it reads a part, all of it in so many audits.
_WINDOW, _OVERLAP, _LATE = timedelta(days=1), timedelta(hours=1), timedelta(days=10)
_AUDITS = 7
# What was sent before a night, a weekend or a holiday may rest until after it.
_RESTED = timedelta(days=7)
# Differences of a symbol that a report shows; it says how many there are in all.
_SHOWN = 200
# Days of the statement that are read again because of orders that do not agree.
_READ_AGAIN = 20
# Orders of a part of the statement that are asked for one by one, because none of the days before has them.
_LOOKED_UP = 20


@dataclass(frozen=True, slots=True)
class Statement:
    """The outcome of an audit: what was looked at, how many differences there are in all, and those that are shown.

    `left` is the number of symbols that there was no time for, and one more if there was none for all of the broker's statement; the audit goes on there when it is
    called again.
    """

    accounts: int
    positions: int
    trades: int
    adjustments: int
    activities: int
    found: int
    differences: tuple[Difference, ...]
    left: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The statement as plain data, for the log, the store and whoever asked."""
        return {**asdict(self), "differences": [each.as_text() for each in self.differences]}


def audit_ledger(
    database: Database,
    broker: BrokerStatement,
    *,
    quiet: timedelta = timedelta(minutes=1),
    since: datetime | None = None,
    anew: bool = False,
    enough: Callable[[], bool] = lambda: False,
) -> Statement:
    """Audits, reading only, but for how far it came and the report that operators see beside the reconciler's when all was looked at.

    Args:
        database: The ledger, as the engine's role.
        broker: The account that all users share.
        quiet: Symbols that traded since so long before the broker was asked are not compared with him.
        since: When this audit began: what was looked at since then is not looked at again. Without it, it begins now.
        anew: Reads the broker's statement from the first trade on, instead of what is new in it.
        enough: Says after each part whether to stop for now.

    Raises:
        BrokerUnavailable: if the broker does not answer.
    """
    started_at = datetime.now(UTC)
    since = since or started_at
    if anew:
        with database.transaction() as connection:
            audits.forget_statement(connection)
    left = 0 if _read_statement(database, broker, enough) else 1
    theirs = broker.positions()
    quiet_since = started_at - quiet
    with database.transaction() as connection:
        families = records.families(connection)
        audited = audits.audited_since(connection, since)
    # PostgreSQL adds exactly, whatever a split by a third left behind the point; so must whoever adds it up again.
    with localcontext(prec=100):
        for family in families:
            if family.name in audited:
                continue
            if enough():
                left += 1
                continue
            with database.transaction() as connection:
                records.begin_reading(connection)
                findings = audit_symbol(records.read_symbol(connection, family, quiet_since, broker.scale), theirs)
            with database.transaction() as connection:
                audits.keep_findings(connection, family.name, started_at, findings, _SHOWN)
        known = {symbol for family in families for symbol in family.symbols}
        others = [
            Difference("position at the broker", symbol, ZERO, held)
            for symbol, held in sorted(theirs.items())
            if symbol not in known and held
        ]
        with database.transaction() as connection:
            records.begin_reading(connection)
            accounts = 0
            for account in records.read_accounts(connection):
                accounts += 1
                others += audit_cash([account])
            if left == 0:
                others += records.read_at_odds(connection)
                others += [
                    Difference(name, str(row[0]), ZERO, ZERO)
                    for name, rows in broken_invariants(connection).items()
                    for row in rows
                ]
        if left == 0:
            others += _orders(database, broker, quiet_since)
    with database.transaction() as connection:
        kept, differences = audits.findings_kept(connection, [family.name for family in families])
        statement = Statement(
            accounts,
            kept.positions,
            kept.trades,
            kept.adjustments,
            audits.executions_kept(connection),
            kept.differences + len(others),
            (*differences, *others),
            left,
        )
        if left == 0:
            audits.note_audit(connection, started_at)
            store_report(connection, started_at, not statement.found, {"audit": statement.as_dict()})
    return statement


def is_audited(database: Database, since: datetime) -> bool:
    """Tells whether an audit that began since then has come to its end."""
    with database.transaction() as connection:
        return audits.last_audit(connection) >= since


# The broker's statement ---------------------------------------------------------------------------------------------


def _read_statement(database: Database, broker: BrokerStatement, enough: Callable[[], bool]) -> bool:
    """Reads what is new in the statement and the last days before it, and a part of what was read longest ago; False if there was no time for all of it."""
    now = broker.now()
    with database.transaction() as connection:
        start = audits.unread_since(connection, _LATE) or now - _LATE
        days = audits.days_kept(connection)
    for _ in range(-(-days // _AUDITS)):
        with database.transaction() as connection:
            oldest = audits.read_longest_ago(connection)
        if oldest is None or oldest >= start:
            break
        if enough():
            return False
        _read_window(database, broker, oldest, oldest + _WINDOW)
    window = _WINDOW
    while True:
        if enough():
            return False
        found = _read_window(database, broker, start, start + window)
        start += window
        if start > now:
            return True
        window = _WINDOW if found else 4 * window


def _read_window(database: Database, broker: BrokerStatement, since: datetime, until: datetime) -> bool:
    """Keeps the executions that the statement has between the two times; tells whether there were any."""
    read_at = datetime.now(UTC)
    fills = broker.fills_since(since - _OVERLAP, until)
    with database.transaction() as connection:
        kept_orders = audits.orders_kept(connection, [each.activity_id for each in fills])
    names = {each.broker_order_id: kept_orders.get(each.activity_id, each.broker_order_id) for each in fills}
    # What was kept under the broker's own id is of no order that was known then.
    names = {theirs: ours for theirs, ours in names.items() if theirs != ours}
    for sent_since, sent_until in ((since - _OVERLAP, until), (since - _RESTED, since - _OVERLAP)):
        if any(each.broker_order_id not in names for each in fills):
            orders = broker.orders_since(sent_since, sent_until)
            names |= {name: each.client_order_id for each in orders for name in each.broker_order_ids}
    # What the broker booked anew long after its order was sent.
    if unknown := {each.broker_order_id for each in fills} - names.keys():
        with database.transaction() as connection:
            names |= audits.orders_sent(connection, sorted(unknown))
    for stranger in sorted(unknown - names.keys())[:_LOOKED_UP]:
        names |= {stranger: name} if (name := broker.name_of_order(stranger)) else {}
    kept = [
        StatementFill(
            each.activity_id,
            names.get(each.broker_order_id, each.broker_order_id),
            each.symbol,
            each.quantity if each.side == Side.BUY else -each.quantity,
            each.price,
            each.at,
        )
        for each in fills
    ]
    with database.transaction() as connection:
        audits.keep_statement(connection, since, until, kept, read_at)
    return bool(kept)


def _orders(database: Database, broker: BrokerStatement, since: datetime) -> list[Difference]:
    """The orders of which users got otherwise than the broker says, after he was asked again about them."""
    differing = _differing_orders(database, since)
    days = sorted({day for each in differing for day in each.days if day is not None})
    for start in days[:_READ_AGAIN]:
        _read_window(database, broker, start, start + _WINDOW)
    if days:
        differing = _differing_orders(database, since)
    # What the broker changed later than the reconciler looks by itself is his to follow.
    with database.transaction() as connection:
        for each in differing:
            more, cost = each.broker_quantity - each.quantity, each.broker_value - each.value
            hand_over_correction(connection, each.client_order_id, more, cost)
    return [difference for each in differing for difference in audit_order(each)]


def _differing_orders(database: Database, since: datetime) -> list[OrderRecord]:
    with database.transaction() as connection:
        records.begin_reading(connection)
        return [each for each in records.read_orders(connection, since) if any(audit_order(each)) or each.is_taken_back]
