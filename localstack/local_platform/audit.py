"""Counting what happened and checking that nothing was lost or doubled, from the ledger and the simulator's own books."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from stratforge.market import is_crypto
from stratforge.portfolio.corrections import is_rounding
from stratforge.storage.ledger import invariants, reconciliation

from local_platform.platform import Platform


@dataclass(frozen=True, slots=True)
class Audit:
    """Counts of a run."""

    bars_published: int
    bars_evaluated: int
    signals: int
    orders: int
    block_orders: int
    fills: int
    trades: int
    lost: int
    duplicated: int
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


def count_trades(platform: Platform) -> int:
    """Trades written so far."""
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


def audit(platform: Platform) -> Audit:
    """Audits the platform when nothing is at work."""
    status = platform.simulator("status")
    with psycopg.connect(platform.conninfo("engine")) as connection:
        # A session must have seen every bar between its first and its last.
        missed = _one(
            connection,
            """
            SELECT coalesce(sum(abs((SELECT count(*) FROM market_data m WHERE m.symbol = s.symbol AND m.timeframe = '1Min'
                                 AND m.time BETWEEN s.first_bar_time AND s.last_bar_time) - s.bars_evaluated)), 0)
            FROM sessions s WHERE s.first_bar_time IS NOT NULL
            """,
        )
        sent = _one(connection, "SELECT count(*) FROM block_orders WHERE side IS NOT NULL AND status <> 'REJECTED'")
        executed = _one(connection, "SELECT count(*) FROM signals WHERE status = 'EXECUTED'")
        ordered = _one(connection, "SELECT count(*) FROM orders WHERE signal_id IS NOT NULL AND status <> 'REJECTED'")
        latencies = []
        for symbol, stamp, client_order_id in connection.execute(
            "SELECT symbol, extract(epoch FROM bar_time)::bigint, client_order_id FROM block_orders WHERE side IS NOT NULL"
        ):
            left, reached = status["bars_sent"].get(f"{symbol}@{stamp}"), status["orders_received"].get(client_order_id)
            if left and reached:
                latencies.append((reached - left) / 1e6)
        broken = invariants.broken_invariants(connection)
        positions = {symbol: Decimal(quantity) for symbol, quantity in status["positions"].items()}
        return Audit(
            bars_published=status["bars_published"],
            bars_evaluated=_one(connection, "SELECT coalesce(sum(bars_evaluated), 0) FROM sessions"),
            signals=_one(connection, "SELECT count(*) FROM signals"),
            orders=_one(connection, "SELECT count(*) FROM orders"),
            block_orders=_one(connection, "SELECT count(*) FROM block_orders"),
            fills=_one(connection, "SELECT count(*) FROM fills"),
            trades=_one(connection, "SELECT count(*) FROM trades"),
            lost=missed + max(0, sent - status["orders"]) + max(0, executed - ordered),
            duplicated=max(0, status["orders"] - sent) + max(0, ordered - executed),
            broken={name: [str(row) for row in rows] for name, rows in broken.items()},
            drift=_drift(connection, positions),
            bar_to_order_ms=tuple(sorted(latencies)),
        )


def _drift(connection: psycopg.Connection[Any], theirs: dict[str, Decimal]) -> dict[str, Any]:
    """Symbols whose users' positions together differ from the exchange's, as (ours, the exchange's)."""
    ledger = reconciliation.ledger_by_symbol(connection)
    found = {}
    for symbol in {*ledger, *theirs}:
        state, broker = ledger.get(symbol), theirs.get(symbol, Decimal(0))
        ours = state.quantity if state else Decimal(0)
        rounding = is_crypto(symbol) and state is not None and is_rounding(ours, broker, state.fills)
        if ours != broker and not rounding and not (state and state.working):
            found[symbol] = (ours, broker)
    return found


def _one(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
