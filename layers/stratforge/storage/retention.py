"""The time for which the rows of every table are kept, and why; and the one statement that forgets them.

A test holds that every table has its word here. `python -m tests.benchmarks.database` measures what a day writes into each (db/TABLES.md).

Rows are deleted; only `market_data` has partitions, which are dropped. For the others that was measured and does not pay (`make bench ARGS=forgetting`; db/README.md has the figures and from where on it would).
"""

from __future__ import annotations

from dataclasses import dataclass

from stratforge.storage.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Kept:
    """A table whose rows stay, or go with what they belong to, or are taken away by whoever wrote them: why."""

    why: str

    @property
    def how_long(self) -> str:
        """The time for which rows are kept, in words."""
        return "see why"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A table whose rows are forgotten.

    Attributes:
        days: How long they are kept.
        why: Why so long.
        since: The time from which it is counted (SQL).
        old: Which rows have been kept as long (SQL), where that is not said by a column of theirs.
    """

    days: int
    why: str
    since: str = "created_at"
    old: str | None = None

    @property
    def how_long(self) -> str:
        """The time for which rows are kept, in words."""
        return f"{self.days} days"


_RECORD_DAYS = 400
# A market that is replayed is years behind: what was written at its time is not old yet. While nobody has read its clock, nothing is.
_NOW = "CASE WHEN (SELECT market_now()) < now() THEN (SELECT market_now()) WHEN (SELECT market_now()) IS NOT NULL THEN now() END"
# The record of a session is whole or not there: what it said, saw and missed goes together, when it has ended long ago.
ENDED_LONG_AGO = f"ended_at < ({_NOW}) - make_interval(days => {_RECORD_DAYS})"
_OF_OLD_SESSIONS = f"session_id IN (SELECT id FROM sessions WHERE {ENDED_LONG_AGO})"  # noqa: S608 - a condition of ours
_LEDGER = "The ledger: every balance is what these rows add up to, and the audit adds them up."
_ACCOUNT = "The account's, as long as there is one."
_ONE_ROW = "A row for each of a few things, written over."
_MARKET = "The market's, a row for each symbol, action or day."

WORDS: dict[str, Kept | Forgotten] = {
    # The ledger
    "adjustments": Kept(_LEDGER),
    "block_orders": Kept(_LEDGER),
    "fills": Kept(_LEDGER),
    "orders": Kept(_LEDGER),
    "positions": Kept(_LEDGER),
    "trades": Kept(_LEDGER),
    "kept_corrections": Kept(_LEDGER),
    "house_orders": Kept("What the account itself bought, which the audit counts."),
    "statement_fills": Kept("The broker's own statement, against which the audit holds the ledger; read anew when asked."),
    "audited_symbols": Kept(_ONE_ROW),
    "last_audit": Kept(_ONE_ROW),
    # Sessions and what they said
    "sessions": Kept("Orders and trades name their session."),
    "signals": Forgotten(_RECORD_DAYS, "A year and more after its end nobody replays a session.", old=_OF_OLD_SESSIONS),
    "position_views": Forgotten(_RECORD_DAYS, "What a replay needs beside the signals.", old=_OF_OLD_SESSIONS),
    "session_gaps": Forgotten(_RECORD_DAYS, "What a replay needs beside the signals.", old=_OF_OLD_SESSIONS),
    "rebalances": Forgotten(_RECORD_DAYS, "What a replay of a portfolio session needs.", old=_OF_OLD_SESSIONS),
    "published_sessions": Kept("Shown until its owner shows it no longer."),
    "session_standings": Kept("One row for each session that is shown, written over."),
    # What people wrote and had written
    "strategies": Kept(_ACCOUNT),
    "strategy_versions": Kept(_ACCOUNT),
    "backtests": Kept("A person's reports, which she deletes herself."),
    "shared_reports": Kept("Shown until its owner shows it no longer, and gone with the report."),
    "jobs": Forgotten(_RECORD_DAYS, "What came of a job is a report, a strategy or an answer that was read.", "finished_at"),
    "studies": Kept("Gone with its job."),
    "study_parts": Kept("All points of a large sweep, gone with its job."),
    "watched_symbols": Kept(_ACCOUNT),
    "days_asked": Kept("Of which symbols somebody wanted to see days last: a row a user, written over."),
    "price_alerts": Kept("The account's, so many at most, until they are deleted."),
    "model_usage": Kept("A row for each day, model and purpose."),
    # Equity
    "equity_snapshots": Kept(
        "Every minute for two days, one in fifteen for 93, then the last before each market day's close: what charts of a day, a quarter and years show. 11,888 rows in a user's first year, and 365 in each further one."
    ),
    "equity_rolled_up": Kept(_ONE_ROW),
    "equity_marks": Kept("One row a user, written over."),
    # Accounts
    "users": Kept("The number that trades stand under."),
    "api_keys": Kept(_ACCOUNT),
    "passkeys": Kept(_ACCOUNT),
    "authorization_codes": Kept("Good for a minute; whoever allows the next program takes his old ones away."),
    "risk_limits": Kept(_ACCOUNT),
    "two_factor": Kept(_ACCOUNT),
    "logins": Forgotten(400, "A person sees where she was logged in; no refresh token lives as long.", "last_seen_at"),
    "refresh_tokens": Forgotten(30, "A spent token that comes again is theft, until long after it has expired.", "expires_at"),
    "known_devices": Forgotten(400, "A device that was not seen for a year is a new one.", "last_seen_at"),
    "account_events": Forgotten(400, "A person sees what happened to her account.", "at"),
    "login_attempts": Forgotten(1, "Buckets say nothing any more.", "greatest(last_at, blocked_until)"),
    "rate_limits": Forgotten(1, "Buckets are full again.", "updated_at"),
    "mail_notices": Kept("Which mails somebody wants: a row a user, written over."),
    "mail_stops": Forgotten(90, "A link in a mail that is read late still ends such mails."),
    "mails": Forgotten(7, "Links in them have expired."),
    "idempotency_keys": Forgotten(1, "So long the same key is the same request."),
    "internal_requests": Forgotten(1, "A nonce is refused twice within the hour that its signature holds.", "received_at"),
    # Telling
    "events": Forgotten(7, "Who was away for longer reads the lists again."),
    "live_connections": Kept("Gone with the connection, and after two hours, which is as long as one lives."),
    "realtime_tickets": Forgotten(1, "A ticket holds for a minute.", "expires_at"),
    "webhooks": Kept(_ACCOUNT),
    "webhook_deliveries": Forgotten(30, "An owner sees how a month's deliveries went."),
    # The market
    "market_data": Kept("A partition for each month; after 14 whole months its bars are files in S3 (`archived_bars`), from which charts, exports, replays and backtests read them."),
    "archived_bars": Kept("A row for each symbol and month of the archive: where its bars are."),
    "daily_bars": Kept("A row for each symbol and day that sessions decided on or somebody was shown, and for each time that it was said otherwise: replays see it as it was known."),
    "daily_histories": Kept(_MARKET),
    "market_data_corrections": Kept("Replays see the prices that were known then; few bars are corrected."),
    "market_data_notes": Kept("What is not to be had at present, written anew when it changes."),
    "latest_prices": Kept(_MARKET),
    "market_days": Kept(_MARKET),
    "assets": Kept(_MARKET),
    "corporate_actions": Kept(_MARKET),
    "symbol_halts": Kept("Until the symbol is resumed."),
    "market_clock": Kept(_ONE_ROW),
    "market_clock_course": Kept("A row for each jump or change of speed of a replayed market's clock."),
    # The platform
    "broker_account": Kept(_ONE_ROW),
    "broker_budget": Kept(_ONE_ROW),
    "broker_orders_read": Kept(_ONE_ROW),
    "platform_state": Kept(_ONE_ROW),
    "operator_actions": Kept("Who did what to the platform is never forgotten."),
    "reconciliations": Forgotten(90, "A quarter of passes, one every five minutes.", "started_at"),
    "schema_migrations": Kept("A row for each migration."),
    "vital_signs": Forgotten(14, "Operators compare with last week.", "at"),
}  # fmt: skip


def forget(connection: Connection, table: str, rows: int) -> int:
    """Forgets rows of a table that have been kept as long as its word says, at most so many; returns how many."""
    word = WORDS[table]
    assert isinstance(word, Forgotten)
    old = word.old or f"{word.since} < ({_NOW}) - make_interval(days => {word.days})"
    found = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {old} LIMIT %s))"  # noqa: S608 - words of this module
    return connection.execute(found, (rows,)).rowcount
