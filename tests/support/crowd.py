"""A crowd that trades one symbol against itself, put straight into the database: registering one by one would take minutes."""

from __future__ import annotations

import itertools
from typing import Any

import psycopg
from local_platform.platform import Platform
from stratforge.strategy import compile_strategy

# Half of the crowd buys when the other half sells, and the other way round on the next bar.
CODE = """
PHASE = {phase}

def on_bar(bar, position, state):
    state["n"] = state.get("n", PHASE) + 1
    if state["n"] % 2 == 1:
        return buy(quantity=1)
    return sell()
"""


def add_crowd(platform: Platform, name: str, users: int, *symbols: str, sides: tuple[int, int] = (1, 1)) -> None:
    """Registers users who each run a session from the next bar on.

    Args:
        users: How many there are of each symbol.
        sides: The parts of them that buy first and that sell first. What is not equal is traded at the broker, bar by bar.
    """
    with psycopg.connect(platform.conninfo("owner"), autocommit=True) as connection:
        for symbol, phase in itertools.product(symbols, (0, 1)):
            strategy = compile_strategy(CODE.format(phase=phase))
            connection.execute(
                """
                WITH registered AS (
                    INSERT INTO users (email, password_hash, virtual_balance, initial_balance)
                    SELECT lower(%(name)s || '-' || %(symbol)s || '-') || %(phase)s || '-' || n || '@example.com', 'none', 100000, 100000
                    FROM generate_series(1, %(count)s) n RETURNING id),
                written AS (
                    INSERT INTO strategies (user_id, name, symbol, python_code)
                    SELECT id, 'crowd', %(symbol)s, %(code)s FROM registered RETURNING id, user_id),
                versions AS (
                    INSERT INTO strategy_versions (strategy_id, version, user_id, python_code, source_hash, lookback)
                    SELECT id, 1, user_id, %(code)s, %(hash)s, %(lookback)s FROM written RETURNING strategy_id, user_id)
                INSERT INTO sessions (user_id, strategy_id, strategy_version, symbol, status)
                SELECT user_id, strategy_id, 1, %(symbol)s, 'RUNNING' FROM versions
                """,
                {
                    "name": name,
                    "phase": str(phase),
                    "count": users * sides[phase] // sum(sides),
                    "symbol": symbol,
                    "code": strategy.source,
                    "hash": strategy.source_hash,
                    "lookback": strategy.lookback,
                },
            )
        # As after every bulk load: plans must not be those of the few rows that were there before.
        connection.execute("ANALYZE")


def one_side(platform: Platform) -> None:
    """Stops the half that would take the other side: what crosses inside never reaches the broker."""
    with psycopg.connect(platform.conninfo("owner")) as connection:
        connection.execute(
            """
            UPDATE sessions s SET status = 'STOPPED', ended_at = now() FROM strategy_versions v
            WHERE v.strategy_id = s.strategy_id AND s.status = 'RUNNING' AND v.python_code LIKE '%%PHASE = 1%%'
            """
        )


def stop_crowd(platform: Platform, name: str) -> None:
    """Stops the crowd's sessions."""
    with psycopg.connect(platform.conninfo("owner")) as connection:
        connection.execute(
            "UPDATE sessions SET status = 'STOPPED', ended_at = now() WHERE status = 'RUNNING' AND user_id IN "
            "(SELECT id FROM users WHERE email LIKE %s)",
            (f"{name}-%",),
        )


def minutes_of(platform: Platform, name: str) -> list[Any]:
    """For each bar the crowd signaled on: signals, orders that were executed, seconds from the first signal to the last settlement, the times
    of both, and the numbers of the first and the last trade: they are given while the symbol is locked, and times are those at which the transactions began."""
    with psycopg.connect(platform.conninfo("owner")) as connection:
        return connection.execute(
            """
            SELECT g.bar_time, count(*), count(*) FILTER (WHERE o.status = 'FILLED'),
                   extract(epoch FROM max(o.completed_at) - min(g.created_at))::float8, min(g.created_at), max(o.completed_at), min(t.first), max(t.last)
            FROM signals g JOIN users u ON u.id = g.user_id LEFT JOIN orders o ON o.signal_id = g.id
            CROSS JOIN LATERAL (SELECT min(id) AS first, max(id) AS last FROM trades WHERE order_id = o.id) t
            WHERE u.email LIKE %s GROUP BY g.bar_time ORDER BY g.bar_time
            """,
            (f"{name}-%",),
        ).fetchall()


def unsettled(platform: Platform, name: str) -> int:
    """Signals and orders of the crowd that something will still happen to."""
    with psycopg.connect(platform.conninfo("owner")) as connection:
        row = connection.execute(
            """
            SELECT (SELECT count(*) FROM signals g JOIN users u ON u.id = g.user_id WHERE u.email LIKE %(name)s AND g.status = 'PENDING')
                 + (SELECT count(*) FROM orders o JOIN users u ON u.id = o.user_id WHERE u.email LIKE %(name)s AND o.status IN ('PENDING', 'RESTING', 'WORKING'))
            """,
            {"name": f"{name}-%"},
        ).fetchone()
    assert row is not None
    return int(row[0])
