"""`make bench ARGS=audit`: the nightly audit against a plain count of the rows, and its memory against that for a fourth of the trades."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from stratforge.application.audit_ledger import audit_ledger
from stratforge.broker import BrokerOrder, FillActivity
from stratforge.market.sizes import Side
from stratforge.storage.postgres.database import Database

from tests.benchmarks.database import migrated

_BEGAN = datetime.now(UTC) - timedelta(minutes=1_000_000)
_TRADES, _PEOPLE, _SYMBOLS, _BLOCK = 200_000, 1000, 30, 20
# Each buys a share of each symbol and sells it again, twenty in a block.
_FILL = f"""
INSERT INTO users (email, password_hash, virtual_balance, initial_balance)
SELECT n || '@example.com', '!', 1000000, 1000000 FROM generate_series(1, {_PEOPLE}) n ON CONFLICT DO NOTHING;
CREATE TEMPORARY TABLE people AS SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM users;
CREATE TEMPORARY TABLE planned AS
SELECT n AS number, n / {_BLOCK} AS block, 'S' || n / {_BLOCK} % {_SYMBOLS} AS symbol, (n / ({_BLOCK} * {_SYMBOLS}) * {_BLOCK} + n % {_BLOCK}) % {_PEOPLE} AS who,
       (CASE WHEN n / ({_PEOPLE} * {_SYMBOLS}) % 2 = 0 THEN 'buy' ELSE 'sell' END)::trade_side AS side, %(began)s::timestamptz + n * interval '1 minute' AS at
FROM generate_series(%(from)s, %(to)s - 1) n;
INSERT INTO block_orders (id, symbol, client_order_id, side, quantity, cross_quantity, reference_price, collar, cross_low, cross_high, status, filled_quantity, filled_value, created_at, completed_at)
SELECT md5('b' || block)::uuid, symbol, 'o' || block, side, {_BLOCK}, 0, 100, 0, 100, 100, 'FILLED', {_BLOCK}, 100 * {_BLOCK}, at, at FROM planned WHERE number % {_BLOCK} = 0;
INSERT INTO fills (execution_id, block_order_id, quantity, price, cumulative_quantity, filled_at)
SELECT 'x' || block, md5('b' || block)::uuid, {_BLOCK}, 100, {_BLOCK}, at FROM planned WHERE number % {_BLOCK} = 0;
INSERT INTO orders (id, user_id, block_order_id, symbol, side, quantity, status, filled_quantity, filled_value, completed_at)
SELECT md5('t' || number)::uuid, p.id, md5('b' || block)::uuid, symbol, side, 1, 'FILLED', 1, 100, at FROM planned JOIN people p ON p.n = who;
INSERT INTO trades (order_id, block_order_id, user_id, symbol, side, quantity, price, realized_pnl, execution_id, executed_at)
SELECT md5('t' || number)::uuid, md5('b' || block)::uuid, p.id, symbol, side, 1, 100, 0, 'x' || block, f.filled_at FROM planned JOIN people p ON p.n = who JOIN fills f ON f.execution_id = 'x' || block ORDER BY number;
DELETE FROM positions;
INSERT INTO positions (user_id, symbol, quantity, cost_basis, opened_at)
SELECT user_id, symbol, sum(CASE side WHEN 'buy' THEN 1 ELSE -1 END) AS held, 100 * sum(CASE side WHEN 'buy' THEN 1 ELSE -1 END),
       max(executed_at) FILTER (WHERE side = 'buy') FROM trades GROUP BY 1, 2;
UPDATE users u SET virtual_balance = 1000000 - 100 * t.held FROM (SELECT user_id, sum(quantity) AS held FROM positions GROUP BY 1) t WHERE t.user_id = u.id;
INSERT INTO statement_fills (activity_id, order_id, symbol, quantity, price, filled_at, read_at)
SELECT block::text, 'o' || block, symbol, CASE side WHEN 'buy' THEN 1 ELSE -1 END * {_BLOCK}, 100, at, now()
FROM planned WHERE number % {_BLOCK} = 0;
"""


class _Quiet:
    """A broker with nothing new to say, as in most nights."""

    scale = Decimal(1)

    def __init__(self, held: dict[str, Decimal], trades: int) -> None:
        self._held, self._trades = held, trades

    def now(self) -> datetime:
        return datetime.now(UTC)

    def positions(self) -> dict[str, Decimal]:
        return self._held

    def orders_since(self, since: datetime, until: datetime | None = None) -> list[BrokerOrder]:
        return []

    def fills_since(self, since: datetime, until: datetime | None = None) -> list[FillActivity]:
        found = []
        first = max(0, (since - _BEGAN) // timedelta(minutes=_BLOCK))
        for block in range(first, self._trades // _BLOCK):
            at = _BEGAN + block * timedelta(minutes=_BLOCK)
            if until is not None and at >= until:
                break
            if at >= since:
                side = Side.BUY if block * _BLOCK // (_PEOPLE * _SYMBOLS) % 2 == 0 else Side.SELL
                found.append(
                    FillActivity(
                        str(block), f"o{block}", f"S{block % _SYMBOLS}", side, Decimal(_BLOCK), Decimal(100), at
                    )
                )
        return found


def run() -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of the benchmark's table: seconds against a plain count, and megabytes against a fourth of the trades."""
    before, peaks = 0, []
    with migrated() as postgres:
        database = Database(postgres.conninfo, application="bench")
        for count in (_TRADES // 4, _TRADES):
            held = _fill(database, before, count)
            before = count
            with database.transaction() as connection:
                began = time.perf_counter()
                connection.execute("SELECT count(*) FROM trades")
                floor = time.perf_counter() - began
            began, worked = time.perf_counter(), time.process_time()
            statement = audit_ledger(database, _Quiet(held, count))  # type: ignore[arg-type]
            seconds, worked = time.perf_counter() - began, time.process_time() - worked
            assert (statement.found, statement.trades) == (0, count), statement.differences[:3]
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            measured = f"{seconds:.1f} s, {worked / count * 1e6:.0f} µs of the processor a trade"
            yield f"audit of {count:,} trades", measured, f"count(*): {floor:.3f} s", f"{seconds / floor:.0f}", ""
        database.close()
    yield (
        "its memory",
        f"{peaks[1]:.0f} MB",
        f"a fourth of the trades: {peaks[0]:.0f} MB",
        f"{peaks[1] / peaks[0]:.2f}",
        "< 1.2",
    )


def _fill(database: Database, before: int, count: int) -> dict[str, Decimal]:
    """Has more trades written, up to so many; returns what is held of each symbol."""
    values = {"%(from)s": str(before), "%(to)s": str(count), "%(began)s": f"'{_BEGAN.isoformat()}'"}
    with database.transaction() as connection:
        connection.execute("SET LOCAL statement_timeout = 0")
        script = _FILL
        for name, value in values.items():
            script = script.replace(name, value)
        connection.execute(script)
        connection.execute("DROP TABLE people, planned")
        connection.execute("ANALYZE")
        held = "SELECT symbol, sum(quantity) FROM positions GROUP BY 1 HAVING sum(quantity) > 0"
        return dict(connection.execute(held).fetchall())
