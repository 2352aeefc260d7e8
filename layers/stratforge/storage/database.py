"""Connections: one per thread of an environment, opened lazily, opened again when it broke."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

from stratforge.configuration import DatabaseSecret, read_secret

Connection = psycopg.Connection[Any]
# A connection that was used less long ago than this is taken to be alive.
_TRUSTED_SECONDS = 20.0


class Database:
    """A database that is connected to when it is first needed.

    Lambda keeps an environment alive between invocations, so a connection is kept too; one that broke meanwhile
    (a failover, an idle timeout, a restored snapshot) is replaced before work begins.
    """

    def __init__(self, conninfo: Callable[[], str], *, application: str) -> None:
        """
        Args:
            conninfo: Gives the connection string; asked again for every new connection, so rotated secrets are met.
            application: Name shown in pg_stat_activity.
        """
        self._conninfo = conninfo
        self._application = application
        self._local = threading.local()

    @classmethod
    def of_secret(cls, secret_name: str, *, application: str) -> Database:
        """The database that a secret of Secrets Manager names."""
        return cls(lambda: read_secret(DatabaseSecret, secret_name).conninfo(), application=application)

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None and not connection.closed:
            if time.monotonic() - self._local.used < _TRUSTED_SECONDS:
                return connection
            try:
                connection.execute("SELECT 1")
            except psycopg.OperationalError:
                connection.close()
            else:
                return connection
        connection = psycopg.connect(
            self._conninfo(),
            autocommit=True,
            connect_timeout=5,
            application_name=self._application,
            options="-c statement_timeout=20s -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s -c timezone=UTC",
            keepalives_idle=30,
        )
        self._local.connection = connection
        return connection

    @contextmanager
    def transaction(self, user_id: UUID | None = None) -> Iterator[Connection]:
        """One transaction; with `user_id`, row-level security shows the rows of that user."""
        connection = self._connection()
        self._local.used = 0.0
        with connection.transaction():
            if user_id is not None:
                connection.execute("SELECT set_config('app.user_id', %s, true)", (str(user_id),))
            yield connection
        self._local.used = time.monotonic()

    def close(self) -> None:
        """Closes this thread's connection."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
