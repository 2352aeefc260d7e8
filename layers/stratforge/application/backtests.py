"""Finished backtests: thrown away by whoever had them made."""

from __future__ import annotations

from uuid import UUID

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import NotFound
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests


def delete_backtest(database: Database, caller: Caller, backtest_id: UUID) -> None:
    """Throws a backtest's report away.

    Raises:
        NotFound: if there is none.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        if not backtests.delete_backtest(connection, backtest_id):
            raise NotFound("backtest")
