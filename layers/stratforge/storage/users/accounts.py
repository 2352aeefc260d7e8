"""Users, their credentials and refresh tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from stratforge.portfolio.orders import TradingState
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one, fetch_value


@dataclass(frozen=True, slots=True)
class User:
    """A user's profile. Balances are dollars.

    Attributes:
        email_confirmed_at: When somebody who reads its mailbox confirmed the address; null until then.
        imposed_state: What an operator imposed; the stricter of the two counts.
        short_selling: Whether the account may go short; without it it is long only.
    """

    user_id: UUID
    email: str
    email_confirmed_at: datetime | None
    virtual_balance: Decimal
    initial_balance: Decimal
    trading_state: TradingState
    imposed_state: TradingState
    short_selling: bool
    is_operator: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user's id and the hash that a password is checked against.

    Attributes:
        confirmed: Whether the address is.
    """

    user_id: UUID
    password_hash: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as it is stored: by its hash."""

    user_id: UUID
    family_id: UUID
    expires_at: datetime
    spent_at: datetime | None


def register_user(connection: Connection, email: str, password_hash: str, starting_balance: Decimal) -> UUID | None:
    """Creates a user; None when the address is taken."""
    new: UUID | None = fetch_value(
        connection, "SELECT register_user(%s, %s, %s)", (email, password_hash, starting_balance)
    )
    return new


def register_by_mail(
    connection: Connection, email: str, password_hash: str, starting_balance: Decimal, site: str | None
) -> None:
    """Creates a user unless the address is taken, and asks for a mail to it that says how to go on; for none when there is no site to lead to."""
    connection.execute("SELECT register_by_mail(%s, %s, %s, %s)", (email, password_hash, starting_balance, site))


def find_credentials(connection: Connection, email: str) -> Credentials | None:
    """The credentials of the user with this address."""
    return fetch_one(connection, Credentials, "SELECT * FROM find_credentials(%s)", (email,))


def get_user(connection: Connection, user_id: UUID) -> User | None:
    """A user's profile; None when the account is closed."""
    return fetch_one(
        connection,
        User,
        """
        SELECT id AS user_id, email, email_confirmed_at, virtual_balance, initial_balance, trading_state::text, imposed_state::text, short_selling, is_operator, created_at
        FROM users WHERE id = %s AND closed_at IS NULL
        """,
        (user_id,),
    )


def add_refresh_token(
    connection: Connection, token_hash: bytes, user_id: UUID, family_id: UUID, expires_at: datetime
) -> None:
    """Stores a refresh token by its hash, as a member of its login's family."""
    connection.execute(
        "INSERT INTO refresh_tokens (token_hash, user_id, family_id, expires_at) VALUES (%s, %s, %s, %s)",
        (token_hash, user_id, family_id, expires_at),
    )


def find_refresh_token(connection: Connection, token_hash: bytes) -> RefreshToken | None:
    """The refresh token with this hash."""
    query = "SELECT user_id, family_id, expires_at, spent_at FROM find_refresh_token(%s)"
    return fetch_one(connection, RefreshToken, query, (token_hash,))


def spend_refresh_token(connection: Connection, token_hash: bytes) -> bool:
    """Marks a token as used; False when it had been used before."""
    cursor = connection.execute(
        "UPDATE refresh_tokens SET spent_at = now() WHERE token_hash = %s AND spent_at IS NULL", (token_hash,)
    )
    return cursor.rowcount == 1


def forgive_refresh_token(connection: Connection, token: RefreshToken, token_hash: bytes, seconds: int) -> bool:
    """Takes a spent token once more, within seconds and only while nothing that came of it was used; what came of it is spent then, for longer than is forgiven."""
    forgiven = connection.execute(
        """
        UPDATE refresh_tokens t SET forgiven_at = now()
        WHERE token_hash = %s AND forgiven_at IS NULL AND spent_at > now() - make_interval(secs => %s) AND NOT EXISTS (
            SELECT FROM refresh_tokens later WHERE later.family_id = t.family_id AND later.token_hash <> t.token_hash
                AND later.created_at >= t.spent_at AND later.spent_at IS NOT NULL)
        """,
        (token_hash, seconds),
    ).rowcount
    if forgiven:
        connection.execute(
            "UPDATE refresh_tokens SET spent_at = now() - make_interval(secs => %s) WHERE family_id = %s AND spent_at IS NULL",
            (2 * seconds, token.family_id),
        )
    return forgiven == 1


def password_hash(connection: Connection, user_id: UUID) -> str | None:
    """Reads the hash of a user's password; None if there is no such user."""
    found: str | None = fetch_value(connection, "SELECT password_hash FROM users WHERE id = %s", (user_id,))
    return found


def hold(connection: Connection, user_id: UUID) -> str | None:
    """Holds the row of the transaction's user, so that nobody sets another password meanwhile; the hash of the one in force, None when the account is closed."""
    query = "SELECT password_hash FROM users WHERE id = %s AND closed_at IS NULL FOR NO KEY UPDATE"
    found: str | None = fetch_value(connection, query, (user_id,))
    return found


def set_password_hash(connection: Connection, user_id: UUID, hashed: str) -> None:
    """Replaces the hash that a user's password is checked against. It ends every login, and what mails still offer."""
    connection.execute("UPDATE users SET password_hash = %s WHERE id = %s", (hashed, user_id))


def set_short_selling(connection: Connection, user_id: UUID, *, enabled: bool) -> None:
    """Lets an account go short, or be long only."""
    connection.execute("UPDATE users SET short_selling = %s WHERE id = %s", (enabled, user_id))


def owes(connection: Connection, user_id: UUID) -> bool:
    """Tells whether an account is short of something, is about to be, or owes money. Locks it."""
    connection.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (user_id,))
    query = """
        SELECT EXISTS (SELECT FROM users WHERE id = %(user)s AND virtual_balance < 0)
            OR EXISTS (SELECT FROM positions WHERE user_id = %(user)s AND quantity < 0)
            OR EXISTS (SELECT FROM orders WHERE user_id = %(user)s AND short AND status IN ('PENDING', 'RESTING', 'WORKING'))
    """
    return bool(fetch_value(connection, query, {"user": user_id}))


def close_account(connection: Connection) -> bool:
    """Closes the account of the transaction's user: sessions stop, positions are ordered to be sold or bought back, the name goes."""
    return bool(fetch_value(connection, "SELECT close_account()"))


def erase_closed(connection: Connection, after: timedelta, how_many: int) -> int:
    """Erases accounts that were closed for as long and hold nothing any more; returns how many.

    Orders, trades and what they stand on stay under the user's number, which leads to nobody. An account that still holds something is
    erased later.
    """
    return int(fetch_value(connection, "SELECT erase_closed_accounts(%s, %s)", (after, how_many)) or 0)


def symbols_of(connection: Connection, user_id: UUID) -> list[str]:
    """Symbols the user has anything in."""
    rows = connection.execute(
        """
        SELECT symbol FROM positions WHERE user_id = %(user)s AND quantity <> 0
        UNION SELECT symbol FROM orders WHERE user_id = %(user)s AND status IN ('PENDING', 'RESTING', 'WORKING') ORDER BY 1
        """,
        {"user": user_id},
    )
    return [row[0] for row in rows]
