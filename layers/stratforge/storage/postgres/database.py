"""Connections: opened lazily, kept between invocations, opened again when they broke."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import UUID

import psycopg

from stratforge.configuration import DatabaseSecret, Settings, read_secret, reread_secret

Connection = psycopg.Connection[Any]
# A connection that was used less long ago than this is taken to be alive.
_TRUSTED_SECONDS = 20.0


class LoginEnded(RuntimeError):
    """The login or the account that a transaction was begun for has ended; nothing was read or written."""


class Identity(Protocol):
    """Whoever a transaction is for: a user and, when he came with one, the login that must still be open."""

    @property
    def user_id(self) -> UUID:
        """The user whose rows are visible."""
        ...

    @property
    def login_id(self) -> str | None:
        """The login; None for a program with an API key, which was looked up already."""
        ...


class _Environment(Settings):
    database_secret: str


class Database:
    """A database that is connected to when it is first needed.

    Lambda keeps an environment alive between invocations, so a connection is kept too; one that broke meanwhile
    (a failover, an idle timeout, a restored snapshot) is replaced before work begins. Whoever works takes the connection that was used
    last, so one thing at a time means one connection, whatever thread does it.
    """

    def __init__(
        self, conninfo: Callable[[], str], *, application: str, renewed: Callable[[], str] | None = None
    ) -> None:
        """
        Args:
            conninfo: Gives the connection string; asked again for every new connection, so rotated secrets are met.
            application: Name shown in pg_stat_activity.
            renewed: Gives the connection string after the other one did not connect, where `conninfo` remembers one for a while.
        """
        self._conninfo = conninfo
        self._renewed = renewed or conninfo
        self._application = application
        self._idle: list[tuple[Connection, float]] = []
        self._lock = threading.Lock()

    @classmethod
    def of_secret(cls, secret_name: str, *, application: str) -> Database:
        """The database that a secret of Secrets Manager names."""
        return cls._of(lambda: secret_name, application)

    @classmethod
    def of_environment(cls, application: str) -> Database:
        """The database of the secret that the variable DATABASE_SECRET names; the variable is read with the first connection."""
        return cls._of(lambda: _Environment.from_environment().database_secret, application)

    @classmethod
    def _of(cls, secret_name: Callable[[], str], application: str) -> Database:
        return cls(
            lambda: read_secret(DatabaseSecret, secret_name()).conninfo(),
            application=application,
            renewed=lambda: reread_secret(DatabaseSecret, secret_name()).conninfo(),
        )

    def prepare(self) -> None:
        """Connects, so that whoever comes first need not wait for it."""
        with self.transaction():
            pass

    def _connect(self, **settings: Any) -> Connection:
        """A new connection. What does not connect is tried once more where the secret says something else meanwhile: a failover ends
        connections, and who then comes with a password that was rotated is not to fail for minutes.
        """
        conninfo = self._conninfo()
        given = {"autocommit": True, "connect_timeout": 5, "keepalives_idle": 30, **settings}
        try:
            return psycopg.connect(conninfo, **given)
        except psycopg.OperationalError:
            renewed = self._renewed()
            if renewed == conninfo:
                raise
            return psycopg.connect(renewed, **given)

    def _take(self) -> Connection:
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection, used = self._idle.pop()
            if connection.closed:
                continue
            if time.monotonic() - used < _TRUSTED_SECONDS:
                return connection
            try:
                connection.execute("SELECT 1")
            except psycopg.OperationalError:
                connection.close()
            else:
                return connection
        return self._connect(
            application_name=self._application,
            options="-c statement_timeout=20s -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s -c timezone=UTC",
        )

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        connection = self._take()
        try:
            yield connection
        finally:
            # What is not idle again was interrupted in the middle of something and cannot be used any more.
            if not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                with self._lock:
                    self._idle.append((connection, time.monotonic()))
            else:
                connection.close()

    @contextmanager
    def transaction(self, who: UUID | Identity | None = None) -> Iterator[Connection]:
        """One transaction; with `who`, row-level security shows the rows of that user.

        Raises:
            LoginEnded: if the login or the account is not open any more.
        """
        with self._connection() as connection, _as_login_ended(), connection.transaction():
            if who is not None:
                _enter(connection, who)
            yield connection

    @contextmanager
    def reading(self, who: UUID | Identity) -> Iterator[Connection]:
        """A transaction of a user that only reads. Beginning it, saying who the user is and the first question travel together, so that
        one question costs two round trips: the question and the end.

        Raises:
            LoginEnded: with the first question, if the login or the account is not open any more.
        """
        with self._connection() as connection, _as_login_ended():
            try:
                # Not `connection.transaction()`, which waits for an answer at its beginning and twice at its end.
                with connection.pipeline():
                    connection.execute("BEGIN READ ONLY")
                    _enter(connection, who)
                    yield connection
                    connection.execute("COMMIT")
            finally:
                if not connection.closed and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                    connection.rollback()

    @contextmanager
    def listening(self, channel: str) -> Iterator[Connection]:
        """A connection of its own that hears notifications of a channel."""
        with self._connect(application_name=f"{self._application}-listener") as connection:
            connection.execute(f"LISTEN {channel}")
            yield connection

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()


def _enter(connection: Connection, who: UUID | Identity) -> None:
    """Says whose transaction it is, and that his login must be open, in one statement."""
    user_id, login_id = (who, None) if isinstance(who, UUID) else (who.user_id, who.login_id)
    if login_id is None:
        connection.execute("SELECT set_config('app.user_id', %s, true)", (str(user_id),))
    else:
        connection.execute(
            "SELECT require_login(%(user)s, %(login)s), set_config('app.user_id', %(user)s::text, true), "
            "set_config('app.login_id', %(login)s::text, true)",
            {"user": user_id, "login": UUID(login_id)},
        )


@contextmanager
def _as_login_ended() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InvalidAuthorizationSpecification as error:
        raise LoginEnded(str(error)) from None
