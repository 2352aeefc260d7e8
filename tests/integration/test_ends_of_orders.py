"""What the end of an order looks for among sessions is found by its symbol: however many sessions there are, nobody else's are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratforge.storage.ledger.session_pnl import fix_final_pnl
from stratforge.storage.postgres.database import Database

from tests.benchmarks.crowd import add_traders

SYMBOLS = [f"S{number:02}" for number in range(40)]


class Listening:
    """A connection that hears what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def execute(self, query: str, parameters: Mapping[str, Any]) -> None:
        """Notes a statement."""
        self.asked.append((query, parameters))


def scanned(plan: Mapping[str, Any], table: str) -> list[str]:
    """The ways in which a plan reads a table."""
    here = [str(plan["Node Type"])] if plan.get("Relation Name") == table and "Scan" in plan["Node Type"] else []
    return here + [each for part in plan.get("Plans", []) for each in scanned(part, table)]


def test_an_order_that_ends_has_no_sessions_read_but_those_of_its_symbol(database: Database) -> None:
    listening = Listening()
    fix_final_pnl(listening, "S07")  # type: ignore[arg-type] # what is asked of it
    assert len(listening.asked) == 2
    with database.transaction() as connection:
        add_traders(connection, range(1, 4_001), SYMBOLS)
        # All of them ended long ago, to hold nothing, and hold something: the worst that there may be to look through.
        connection.execute("UPDATE sessions SET status = 'STOPPED', ended_at = now(), flatten_requested_at = now()")
        connection.execute(
            "INSERT INTO positions (user_id, session_id, symbol, quantity) SELECT user_id, id, symbol, 1 FROM sessions"
        )
        connection.execute("UPDATE sessions SET settling = true WHERE symbol = 'S01'")
        connection.execute("ANALYZE")
        for query, parameters in listening.asked:
            row = connection.execute(f"EXPLAIN (FORMAT JSON) {query}", parameters).fetchone()
            assert row is not None
            found = scanned(row[0][0]["Plan"], "sessions")
            assert found
            assert "Seq Scan" not in found, query
