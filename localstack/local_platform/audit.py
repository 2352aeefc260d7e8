"""Counting what happened and checking that nothing was lost or doubled, from the ledger and the simulator's own books."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
from stratforge.market import is_crypto
from stratforge.portfolio.corrections import is_rounding
from stratforge.storage.ledger import invariants, reconciliation
from stratforge.storage.strategies.evaluations import NEW_BARS

from local_platform.platform import Platform

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# Books that are compared while people trade differ for the time that a fill takes to be told; what stays apart for longer is a drift.
_HEALING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Audit:
    """Counts of a run, and what was found wrong, each in words."""

    bars_published: int
    bars_evaluated: int
    signals: int
    orders: int
    block_orders: int
    fills: int
    trades: int
    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    broken: dict[str, Any]
    drift: dict[str, Any]
    bar_to_order_ms: tuple[float, ...]

    def latency(self, quantile: float) -> float | None:
        """A quantile of the time from a bar leaving the simulator to its order reaching it, in milliseconds."""
        if not self.bar_to_order_ms:
            return None
        index = min(len(self.bar_to_order_ms) - 1, int(quantile * len(self.bar_to_order_ms)))
        return round(self.bar_to_order_ms[index], 1)

    @property
    def invariants_ok(self) -> bool:
        """Returns whether every invariant holds and nothing drifted."""
        return not self.broken and not self.drift


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, and what was wrong already then: an audit since a mark speaks of what came after it."""

    at: datetime = _LONG_AGO
    strangers: frozenset[str] = frozenset()
    broken: Mapping[str, list[str]] = field(default_factory=dict)
    drift: Mapping[str, Decimal] = field(default_factory=dict)


def count_trades(platform: Platform) -> int:
    """Counts the trades that the ledger holds so far."""
    with psycopg.connect(platform.conninfo("engine")) as connection:
        return _one(connection, "SELECT count(*) FROM trades")


def open_work(platform: Platform) -> int:
    """Block orders at work and signals that wait."""
    with psycopg.connect(platform.conninfo("engine")) as connection:
        return _one(
            connection,
            "SELECT (SELECT count(*) FROM block_orders WHERE completed_at IS NULL) "
            "+ (SELECT count(*) FROM signals WHERE status = 'PENDING')",
        )


def mark(platform: Platform) -> Mark:
    """Marks this moment, so that a later audit looks only at what came after it."""
    with psycopg.connect(platform.conninfo("engine")) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        return Mark(
            row[0],
            frozenset(_strangers(connection, platform.simulator("status"))),
            _broken(connection),
            {symbol: ours - theirs for symbol, (ours, theirs) in _drift(platform).items()},
        )


def audit(platform: Platform, since: Mark | None = None) -> Audit:
    """Audits the platform: all of it, or the sessions, signals and orders since a mark. Counts are of the whole run."""
    since = since or Mark()
    drift = {
        symbol: (ours, theirs)
        for symbol, (ours, theirs) in _drift(platform).items()
        if ours - theirs != since.drift.get(symbol)
    }
    with psycopg.connect(platform.conninfo("engine")) as connection:
        # The ledger first: what reaches the exchange meanwhile is not missing there.
        sent = _column(
            connection,
            "SELECT client_order_id FROM block_orders "
            "WHERE side IS NOT NULL AND status <> 'REJECTED' AND created_at >= %s",
            since.at,
        )
        status = platform.simulator("status")
        latencies = []
        for symbol, stamp, client_order_id in connection.execute(
            "SELECT symbol, extract(epoch FROM bar_time)::bigint, client_order_id FROM block_orders "
            "WHERE side IS NOT NULL AND created_at >= %s",
            (since.at,),
        ):
            left, reached = status["bars_sent"].get(f"{symbol}@{stamp}"), status["orders_received"].get(client_order_id)
            if left and reached:
                latencies.append((reached - left) / 1e6)
        at_the_exchange = set(status["orders"])
        lost = [f"the order {each} never reached the exchange" for each in sent if each not in at_the_exchange]
        doubled = [
            f"the exchange has an order {each} that is not ours"
            for each in _strangers(connection, status)
            if each not in since.strangers
        ]
        return Audit(
            bars_published=status["bars_published"],
            bars_evaluated=_one(connection, "SELECT coalesce(sum(bars_evaluated), 0) FROM sessions"),
            signals=_one(connection, "SELECT count(*) FROM signals"),
            orders=_one(connection, "SELECT count(*) FROM orders"),
            block_orders=_one(connection, "SELECT count(*) FROM block_orders"),
            fills=_one(connection, "SELECT count(*) FROM fills"),
            trades=_one(connection, "SELECT count(*) FROM trades"),
            lost=(*lost, *missed_bars(connection, since.at), *_column(connection, _WITHOUT_ORDER, since.at)),
            duplicated=(*doubled, *_column(connection, _MORE_ORDERS, since.at)),
            broken={
                name: new
                for name, rows in _broken(connection).items()
                if (new := [row for row in rows if row not in since.broken.get(name, [])])
            },
            drift=drift,
            bar_to_order_ms=tuple(sorted(latencies)),
        )


def missed_bars(connection: psycopg.Connection[Any], since: datetime) -> list[str]:
    """Says which sessions begun since then have not seen every bar between their first and their last.

    One that was stored after a later one had been evaluated filled a hole of history: nobody was to see it.
    """
    return _column(connection, _MISSED_BARS, since)


_MISSED_BARS = f"""
    SELECT format('session %%s of %%s saw %%s bars of %%s between %%s and %%s', s.id, s.symbol, s.bars_evaluated, m.bars,
                  s.first_bar_time, s.last_bar_time)
    FROM sessions s CROSS JOIN LATERAL (
        SELECT count(*) AS bars FROM {NEW_BARS} AND m.symbol = s.symbol
        AND m.time BETWEEN s.first_bar_time AND s.last_bar_time) m
    WHERE s.first_bar_time IS NOT NULL AND s.started_at >= %s AND m.bars <> s.bars_evaluated
"""  # noqa: S608 - a condition of ours
_WITHOUT_ORDER = """
    SELECT format('signal %%s was executed and has no order', g.id) FROM signals g
    WHERE g.status = 'EXECUTED' AND g.created_at >= %s
    AND NOT EXISTS (SELECT FROM orders o WHERE o.signal_id = g.id AND o.status <> 'REJECTED')
"""
_MORE_ORDERS = """
    SELECT format('signal %%s has %%s orders', o.signal_id, count(*)) FROM orders o
    WHERE o.signal_id IS NOT NULL AND o.status <> 'REJECTED' AND o.created_at >= %s
    GROUP BY o.signal_id HAVING count(*) > 1
"""


def _strangers(connection: psycopg.Connection[Any], status: dict[str, Any]) -> list[str]:
    """Orders that the exchange has and the ledger does not know: an order is written down before it is sent."""
    ours = {row[0] for row in connection.execute("SELECT client_order_id FROM block_orders WHERE side IS NOT NULL")}
    return [each for each in status["orders"] if each not in ours]


def _broken(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    return {name: [str(row) for row in rows] for name, rows in invariants.broken_invariants(connection).items() if rows}


def _drift(platform: Platform) -> dict[str, tuple[Decimal, Decimal]]:
    """Symbols whose users' positions together differ from the exchange's and go on to differ, as (ours, the exchange's)."""
    deadline = time.monotonic() + _HEALING_SECONDS
    apart, _ = _compare(platform)
    while apart and time.monotonic() < deadline:
        time.sleep(0.2)
        now, alike = _compare(platform)
        apart = {symbol: now.get(symbol, before) for symbol, before in apart.items() if symbol not in alike}
    return apart


def _compare(platform: Platform) -> tuple[dict[str, tuple[Decimal, Decimal]], set[str]]:
    """Symbols whose sums differ, and those whose sums are alike; while a block is at work nobody can say."""
    theirs = {symbol: Decimal(quantity) for symbol, quantity in platform.simulator("status")["positions"].items()}
    with psycopg.connect(platform.conninfo("engine")) as connection:
        ledger = reconciliation.ledger_by_symbol(connection)
        fills = {symbol: reconciliation.fills_of(connection, symbol) for symbol in theirs if is_crypto(symbol)}
    apart, alike = {}, set()
    for symbol in {*ledger, *theirs}:
        state, broker = ledger.get(symbol), theirs.get(symbol, Decimal(0))
        ours = state.quantity if state else Decimal(0)
        rounding = symbol in fills and is_rounding(ours, broker, fills[symbol])
        if ours == broker or rounding:
            alike.add(symbol)
        elif not (state and state.working):
            apart[symbol] = (ours, broker)
    return apart, alike


def _one(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _column(connection: psycopg.Connection[Any], query: str, since: datetime) -> list[str]:
    return [str(row[0]) for row in connection.execute(query, (since,))]
