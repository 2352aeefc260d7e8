"""Closing an account erases what is the person's; what stays is named column by column, with the reason, and leads to nobody.

A new column fails the first test until somebody has said here what becomes of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from stratforge.application.equity_snapshots import snapshot_equity
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import accounts, export


@dataclass(frozen=True, slots=True)
class Stays:
    """A table whose rows stay: why, the columns that are kept as they are, and what the others hold afterwards (SQL)."""

    why: str
    kept: str
    blanked: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> set[str]:
        """Every column."""
        return {*self.kept.split(), *self.blanked}


# Tables whose rows of a user are deleted.
GONE = frozenset(
    [
        "webhooks",
        "webhook_deliveries",
        "backtests",
        "jobs",
        "events",
        "live_connections",
        "realtime_tickets",
        "idempotency_keys",
        "api_keys",
        "passkeys",
        "refresh_tokens",
        "known_devices",
        "logins",
        "authorization_codes",
        "risk_limits",
        "equity_snapshots",
        "equity_marks",
        "position_views",
        "session_gaps",
        "mails",
        "two_factor",
        "account_events",
        "shared_reports",
        "published_sessions",
        "session_standings",
        "watched_symbols",
        "studies",
        "study_parts",
        "rebalances",
        "price_alerts",
        "mail_notices",
        "mail_stops",
        "days_asked",
    ]
)
STAYS = {
    "users": Stays(
        "The number that trades stand under, with what of money belongs to it.",
        "id virtual_balance reserved_cash initial_balance trading_state created_at imposed_state is_operator closed_at erased_at email_confirmed_at short_selling",
        {"email": "'closed-' || id || '@closed.invalid'", "password_hash": "'!'"},
    ),
    "strategies": Stays(
        "A session names its strategy; the row says nothing any more.",
        "id user_id symbol version created_at updated_at deleted_at archived_at",
        {"name": "'erased'", "python_code": "''", "logic_explanation": "''"},
    ),
    "strategy_versions": Stays(
        "A session names its version; the row says nothing any more.",
        "strategy_id version user_id lookback created_at tokens lookback_edition day_lookback others bar_minutes symbol",
        {
            "python_code": "''",
            "logic_explanation": "''",
            "prompt": "NULL",
            "model": "NULL",
            "source_hash": "repeat('0', 64)",
            "parameters": "'{}'",
            "assumptions": "'[]'",
            "repairs": "'[]'",
            "parameter_meanings": "'{}'",
            "requirements": "'[]'",
        },
    ),
    "sessions": Stays(
        "Orders and trades name their session; symbols, capital, times and result are the ledger's.",
        (
            "id user_id strategy_id strategy_version symbol shard mode status sizing_rule sizing_value first_bar_time last_bar_time "
            "bars_evaluated bars_held consecutive_failures started_at ended_at final_pnl seen_quantity seen_entry_price seen_day_edition seen_other_editions stop_loss take_profit "
            "trailing_stop settling replayed_at replayed_bars missing_bars flatten_requested_at bars_symbol after_bar interfered_at "
            "universe symbols schedule daily capital decides_at decided_for"
        ),
        {"state": "'{}'", "failure_reason": "NULL", "replay_differences": "NULL"},
    ),
    "signals": Stays(
        "An order's cause: symbol, side, time and size.",
        "id session_id user_id symbol bar_time side confidence size_kind size status reason created_at limit_price stop_price expire_bars bar_number oco short",
    ),
    "orders": Stays(
        "The ledger: every share of a block order is somebody's.",
        (
            "id user_id session_id signal_id block_order_id symbol side quantity filled_quantity filled_value reserve_price reserved_cash "
            "reserved_quantity status reason created_at completed_at origin type time_in_force size_kind size limit_price stop_price "
            "trail_percent trail_price water_mark trigger_below trigger_above triggered_at retry_at last_bar active_from decided_at expires_at "
            "filled_before fee_quantity fee_cash cancel_requested_at replaces_order_id exit_level exit_fraction rebalance_id short"
        ),
        {"client_order_id": "NULL"},
    ),
    "trades": Stays(
        "The ledger: fills of the account add up to trades.",
        (
            "id order_id user_id session_id symbol side quantity price realized_pnl execution_id executed_at block_order_id fee_quantity "
            "fee_cash inside"
        ),
    ),
    "positions": Stays(
        "The ledger: what is held, which after closing is nothing.",
        "user_id session_id symbol quantity reserved_quantity cost_basis avg_entry_price realized_pnl opened_at high_water",
    ),
    "adjustments": Stays(
        "The ledger: what corrections and splits moved.",
        "id user_id session_id symbol kind quantity cash cause created_at",
    ),
    "operator_actions": Stays(
        "What operators did to the platform stays, without who it was.",
        "id at user_id action subject",
        {"actor": "'closed-' || user_id || '@closed.invalid'", "reason": "''"},
    ),
}
# Of nobody: the market's, the broker's and the platform's own.
NOBODYS = {
    "archived_bars": "symbol starts_at ends_at object_key rows sha256 fresh stored only_here complete archived_at edition same",
    "model_usage": "day model purpose calls prompt_tokens cached_tokens answer_tokens priced_calls dollars",
    "assets": "symbol name asset_class tradable fractionable min_order_size quantity_increment price_increment refreshed_at sell_only shortable easy_to_borrow",
    "block_orders": (
        "id symbol side quantity limit_price cross_quantity reference_price collar bar_time client_order_id alpaca_order_id status "
        "filled_quantity filled_value error created_at submitted_at completed_at cross_low cross_high fee_rate cancel_after claimed_until "
        "corrected_quantity corrected_value left_out trace step changed_at"
    ),
    "broker_account": "singleton buying_power cash_power equity read_at scale",
    "broker_budget": "singleton tokens updated_at",
    "broker_orders_read": "singleton new_since again_since differing_since waiting compared_at",
    "corporate_actions": "id symbol kind ratio new_symbol effective_on seen_at applied_at applied_by after_bar new_ratio cash approved_at dismissed_at obstacle step price of_earlier_owner close_before",
    "daily_bars": "symbol day edition open high low close volume",
    "daily_histories": "symbol through edition days refused read_at",
    "fills": "execution_id block_order_id quantity price cumulative_quantity filled_at",
    "house_orders": "client_order_id symbol asked_at ended_at outcome",
    "internal_requests": "nonce received_at",
    "kept_corrections": "client_order_id symbol quantity value noted_at ended_at accepted_quantity accepted_value side sent_at",
    "last_audit": "only_one began_at",
    "equity_rolled_up": "only_one quarters_until days_until",
    "latest_prices": "symbol price time bar_time bar_high bar_low received_at bid ask quoted_at exchange_state",
    "login_attempts": "bucket failures blocked_until last_at",
    "market_clock": "only_one market_time noted_at speed replayed wanted_speed",
    "market_clock_course": "began_at market_time speed",
    "market_data": "symbol timeframe time open high low close volume correction after_bar adjusted_at",
    "market_data_corrections": "symbol timeframe time correction after_bar made_by open high low close volume",
    "market_data_notes": "symbol kind detail noted_at",
    "market_days": "day opens_at closes_at",
    "platform_state": "singleton trading_state reason changed_at suspended_at suspension resumed_at sessions_a_shard sessions_a_symbol",
    "rate_limits": "bucket tokens updated_at",
    "reconciliations": "id started_at finished_at clean report",
    "audited_symbols": "symbol audited_at positions trades adjustments differences shown",
    "statement_fills": "activity_id order_id symbol quantity price filled_at read_at",
    "schema_migrations": "number name checksum applied_at",
    "symbol_halts": "symbol reason details halted_at",
    "vital_signs": "at price_silence session_lag signal_age order_age block_age job_age delivery_age decision_age",
}


# Whatever the person wrote, had written, or came from; found nowhere afterwards.
PRIVATE = "PRIVATE-7c1e"


def columns_of(connection: psycopg.Connection[Any]) -> dict[str, set[str]]:
    """The columns of every table."""
    rows = connection.execute(
        "SELECT c.table_name, array_agg(c.column_name::text) FROM information_schema.columns c JOIN information_schema.tables t "
        "USING (table_schema, table_name) WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE' GROUP BY 1"
    )
    # Months of bars are tables of their own.
    return {name: set(columns) for name, columns in rows if not name.startswith("market_data_2")}


def test_every_column_is_erased_or_stays_for_a_reason(migrated: str) -> None:
    with psycopg.connect(migrated) as connection:
        found = columns_of(connection)
    classified = {name: each.columns for name, each in STAYS.items()} | {
        name: set(columns.split()) for name, columns in NOBODYS.items()
    }
    assert set(found) == set(classified) | GONE, "say here what becomes of the table when an account is closed"
    for name, columns in classified.items():
        assert found[name] == columns, f"{name}: say here what becomes of the column when an account is closed"
    assert not {name for name in NOBODYS if "user_id" in found[name]}
    assert all(len(each.why) > 20 for each in STAYS.values())


def fill(connection: psycopg.Connection[Any], user: UUID) -> None:
    """Gives a user a row in every table that may have one, with private words wherever words fit."""
    values = {"user": user, "private": PRIVATE, "json": json.dumps({"said": PRIVATE}), "list": json.dumps([PRIVATE])}
    values |= {name: uuid4() for name in ("strategy", "session", "order", "block", "job", "login", "key", "hook")}
    for statement in (
        "INSERT INTO strategies (id, user_id, name, symbol, python_code, logic_explanation) VALUES (%(strategy)s, %(user)s, %(private)s, 'AAPL', %(private)s, %(private)s)",
        """INSERT INTO strategy_versions (strategy_id, version, user_id, python_code, source_hash, lookback, parameters, logic_explanation, prompt, model,
               assumptions, repairs, parameter_meanings, requirements)
           VALUES (%(strategy)s, 1, %(user)s, %(private)s, md5(%(private)s) || md5(%(private)s), 1, %(json)s, %(private)s, %(private)s, %(private)s,
               %(list)s, %(list)s, %(json)s, %(list)s)""",
        """INSERT INTO sessions (id, user_id, strategy_id, strategy_version, symbol, status, state, failure_reason, replay_differences, ended_at)
           VALUES (%(session)s, %(user)s, %(strategy)s, 1, 'AAPL', 'STOPPED', %(json)s, %(private)s, %(list)s, now())""",
        "INSERT INTO block_orders (id, symbol, side, quantity, cross_quantity, reference_price, collar, cross_low, cross_high, client_order_id, status) VALUES (%(block)s, 'AAPL', 'buy', 1, 0, 100, 0, 1, 1, %(block)s::text, 'FILLED')",
        "INSERT INTO orders (id, user_id, session_id, block_order_id, symbol, side, quantity, status, completed_at, client_order_id) VALUES (%(order)s, %(user)s, %(session)s, %(block)s, 'AAPL', 'buy', 1, 'CANCELED', now(), %(private)s)",
        "INSERT INTO trades (order_id, user_id, session_id, block_order_id, symbol, side, quantity, price, execution_id, executed_at) VALUES (%(order)s, %(user)s, %(session)s, %(block)s, 'AAPL', 'buy', 1, 100, 'execution', now())",
        "INSERT INTO jobs (id, user_id, kind, status, request, result, error, progress, partial, finished_at) VALUES (%(job)s, %(user)s, 'GENERATE', 'SUCCEEDED', %(json)s, %(json)s, %(json)s, %(private)s, %(private)s, now())",
        "INSERT INTO backtests (job_id, user_id, strategy_id, strategy_version, symbol, config, metrics, report) VALUES (%(job)s, %(user)s, %(strategy)s, 1, 'AAPL', %(json)s, %(json)s, %(json)s)",
        "INSERT INTO studies (job_id, user_id, version, points, part, seconds, bars) VALUES (%(job)s, %(user)s, 1, 1, 1, 1, %(private)s::text::bytea)",
        "INSERT INTO study_parts (job_id, user_id, part, points, seconds, results, best) VALUES (%(job)s, %(user)s, 0, 1, 1, %(json)s, %(json)s)",
        "INSERT INTO shared_reports (token, backtest_id, user_id, strategy_name) SELECT repeat('t', 32), id, user_id, %(private)s FROM backtests WHERE job_id = %(job)s",
        "INSERT INTO price_alerts (id, user_id, symbol, condition, upper_price, note, since) VALUES (%(hook)s, %(user)s, 'AAPL', 'above', 1, %(private)s, now())",
        "INSERT INTO watched_symbols (user_id, symbol) VALUES (%(user)s, 'AAPL')",
        "INSERT INTO published_sessions (session_id, user_id, name, name_key) VALUES (%(session)s, %(user)s, left(%(private)s, 40), %(private)s)",
        "SELECT compute_standings(ARRAY[%(session)s::uuid])",
        "INSERT INTO logins (id, user_id, address, client) VALUES (%(login)s, %(user)s, %(private)s, %(private)s)",
        "INSERT INTO authorization_codes (code_hash, user_id, login_id, grantee, client, address, redirect_uri, challenge, scopes) VALUES (%(private)s::text::bytea, %(user)s, %(login)s, '\\x00', %(private)s, %(private)s, %(private)s, %(private)s, '{read}')",
        "INSERT INTO refresh_tokens (token_hash, user_id, family_id, expires_at) VALUES (%(private)s::text::bytea, %(user)s, %(login)s, now())",
        "INSERT INTO known_devices (token_hash, user_id) VALUES (%(private)s::text::bytea, %(user)s)",
        "INSERT INTO api_keys (id, user_id, name, key_hash, hint, scopes) VALUES (%(key)s, %(user)s, %(private)s::text, %(private)s::text::bytea, 'sf_12', '{read}')",
        "INSERT INTO passkeys (user_id, credential_id, public_key, sign_count, name) VALUES (%(user)s, %(private)s::text::bytea, %(private)s::text::bytea, 0, %(private)s)",
        "INSERT INTO realtime_tickets (ticket_hash, user_id, login_id, origin, expires_at) VALUES (%(private)s::text::bytea, %(user)s, %(login)s, %(private)s, now())",
        "INSERT INTO live_connections (connection_id, user_id, login_id, cursor_tx, cursor_id) VALUES (%(private)s, %(user)s, %(login)s, 0, 0)",
        "INSERT INTO webhooks (id, user_id, url, kinds, secret, old_secret, last_error) VALUES (%(hook)s, %(user)s, %(private)s, '{order}', %(private)s, %(private)s, %(private)s)",
        "INSERT INTO webhook_deliveries (webhook_id, user_id, event_id, kind, data, last_error) VALUES (%(hook)s, %(user)s, 1, 'order', %(json)s, %(private)s)",
        "INSERT INTO mails (kind, address, user_id, site) VALUES ('RESET', %(private)s, %(user)s, %(private)s)",
        "INSERT INTO mail_notices (user_id, kinds, site, cursor_tx, cursor_id) VALUES (%(user)s, '{trade}', %(private)s, 0, 0)",
        "INSERT INTO days_asked (user_id, symbols, days) VALUES (%(user)s, ARRAY[%(private)s], 1)",
        "INSERT INTO mail_stops (user_id, token_hash) VALUES (%(user)s, %(private)s::text::bytea)",
        "INSERT INTO two_factor (user_id, secret, recovery_hashes) VALUES (%(user)s, %(private)s, ARRAY[%(private)s::text::bytea])",
        "INSERT INTO account_events (user_id, kind, subject, address, client) VALUES (%(user)s, 'SIGNED_IN', %(private)s, %(private)s, %(private)s)",
        "INSERT INTO events (user_id, kind, data) VALUES (%(user)s, 'job', %(json)s)",
        "INSERT INTO idempotency_keys (user_id, key, request_hash, status, headers, body) VALUES (%(user)s, %(private)s::text, '\\x00', 200, %(json)s, %(private)s::text::bytea)",
        "INSERT INTO positions (user_id, session_id, symbol, quantity) VALUES (%(user)s, %(session)s, 'AAPL', 0)",
        "INSERT INTO risk_limits (user_id, max_position) VALUES (%(user)s, 0.5)",
        "INSERT INTO equity_snapshots (user_id, time, cash, equity) VALUES (%(user)s, now(), 1, 1)",
        "INSERT INTO equity_marks (user_id, day, day_equity, peak_equity) VALUES (%(user)s, current_date, 1, 1)",
        "INSERT INTO position_views (session_id, user_id, bar_time, quantity, average_entry_price) VALUES (%(session)s, %(user)s, now(), 1, 1)",
        """INSERT INTO rebalances (session_id, user_id, moment, decided_at, status, missing, last_bars, editions, prices, known, held, parts, equity, cash,
               state_before, state_after, orders)
           VALUES (%(session)s, %(user)s, now(), now(), 'UNCHANGED', ARRAY[%(private)s], '{}', '{}', '{}', '{}', '{}', '{}', 1, 1, %(json)s, %(json)s, '{}')""",
        "INSERT INTO session_gaps (session_id, user_id, after_bar, before_bar, bars) VALUES (%(session)s, %(user)s, now() - interval '1 hour', now(), 5)",
        "INSERT INTO signals (session_id, user_id, symbol, bar_time, side, confidence, status) VALUES (%(session)s, %(user)s, 'AAPL', now(), 'buy', 1, 'EXECUTED')",
        "INSERT INTO adjustments (user_id, session_id, symbol, kind, quantity, cash, cause) VALUES (%(user)s, %(session)s, 'AAPL', 'SPLIT', 0, 0, 'execution')",
        "INSERT INTO operator_actions (user_id, actor, action, subject, reason) SELECT id, email, 'halt', 'AAPL', %(private)s FROM users WHERE id = %(user)s",
        "INSERT INTO operator_actions (actor, action, subject) SELECT 'an identity', 'grant operator', email FROM users WHERE id = %(user)s",
    ):
        connection.execute(statement, values)


@pytest.fixture
def ada(database: Database) -> UUID:
    """A user with something everywhere."""
    with database.transaction() as connection:
        found = accounts.register_user(connection, f"{PRIVATE.lower()}@example.com", PRIVATE, Decimal(1000))
        assert found is not None
        fill(connection, found)
    return found


def close(database: Database, user: UUID) -> None:
    """Closes an account, an hour and more ago."""
    with database.transaction(user) as connection:
        assert accounts.close_account(connection)
    with database.transaction() as connection:
        connection.execute("UPDATE users SET closed_at = closed_at - interval '2 hours' WHERE id = %s", (user,))
        connection.execute("UPDATE sessions SET settling = false WHERE user_id = %s", (user,))


def rows_that_say(database: Database, word: str) -> dict[str, int]:
    """Rows by table that hold a word, in whatever column, in text, JSON or bytes."""
    found = {}
    with database.transaction() as connection:
        for table in columns_of(connection):
            row = connection.execute(
                f"SELECT count(*) FROM {table} r WHERE strpos(lower(r::text), lower(%(word)s)) > 0 "
                "OR strpos(r::text, encode(%(word)s::bytea, 'hex')) > 0",
                {"word": word},
            ).fetchone()
            if row is not None and row[0]:
                found[table] = row[0]
    return found


def test_after_the_closing_nothing_private_is_left_anywhere(database: Database, ada: UUID) -> None:
    before = rows_that_say(database, PRIVATE)
    assert len(before) >= 17, "the attack of this test has lost its words"
    close(database, ada)
    snapshot_equity(database)
    assert rows_that_say(database, PRIVATE) == {}


def test_rows_that_are_to_go_have_gone_and_columns_that_are_to_say_nothing_say_nothing(
    database: Database, ada: UUID
) -> None:
    close(database, ada)
    with database.transaction() as connection:
        kept = {
            name: connection.execute(
                f"SELECT {', '.join(each.kept.split())} FROM {name} WHERE user_id = %s ORDER BY 1", (ada,)
            ).fetchall()
            for name, each in STAYS.items()
            if name not in ("users", "strategies")
        }
    snapshot_equity(database)
    with database.transaction() as connection:
        for name in GONE:
            assert connection.execute(f"SELECT FROM {name} WHERE user_id = %s", (ada,)).fetchall() == [], name
        for name, each in STAYS.items():
            key = "id" if name == "users" else "user_id"
            assert connection.execute(f"SELECT FROM {name} WHERE {key} = %s", (ada,)).fetchall(), name
            for column, value in each.blanked.items():
                other = f"SELECT FROM {name} WHERE {key} = %s AND {column} IS DISTINCT FROM {value}"
                assert connection.execute(other, (ada,)).fetchall() == [], f"{name}.{column}"
            if name in kept:
                now = connection.execute(
                    f"SELECT {', '.join(each.kept.split())} FROM {name} WHERE user_id = %s ORDER BY 1", (ada,)
                ).fetchall()
                assert now == kept[name], f"{name}: the ledger changed"


@pytest.mark.parametrize(
    "obstacle",
    [
        "UPDATE users SET closed_at = now() WHERE id = %(user)s",
        "UPDATE orders SET status = 'RESTING', completed_at = NULL WHERE user_id = %(user)s",
        "UPDATE sessions SET settling = true WHERE user_id = %(user)s",
        "INSERT INTO positions (user_id, session_id, symbol, quantity) SELECT user_id, id, 'MSFT', 1 FROM sessions WHERE user_id = %(user)s",
        "UPDATE jobs SET status = 'RUNNING', finished_at = NULL WHERE user_id = %(user)s",
    ],
    ids=["just closed", "an open order", "a session that ends", "a position", "a job at work"],
)
def test_what_the_ledger_still_needs_is_erased_later(database: Database, ada: UUID, obstacle: str) -> None:
    close(database, ada)
    with database.transaction() as connection:
        connection.execute(obstacle, {"user": ada})
        assert accounts.erase_closed(connection, timedelta(hours=1), 10) == 0
    assert rows_that_say(database, PRIVATE)


def test_an_account_is_erased_once_and_an_open_one_never(database: Database, ada: UUID) -> None:
    with database.transaction() as connection:
        assert accounts.erase_closed(connection, timedelta(0), 10) == 0
    close(database, ada)
    with database.transaction() as connection:
        assert [accounts.erase_closed(connection, timedelta(hours=1), 10) for _ in range(2)] == [1, 0]


def test_old_buckets_of_attempts_are_forgotten(database: Database) -> None:
    with database.transaction() as connection:
        for days in (0, 2):
            connection.execute(
                "INSERT INTO login_attempts VALUES (%s, 3, '-infinity', now() - make_interval(days => %s))",
                (f"a{days}", days),
            )
            connection.execute(
                "INSERT INTO rate_limits VALUES (%s, 3, now() - make_interval(days => %s))", (f"a{days}", days)
            )
    snapshot_equity(database)
    with database.transaction() as connection:
        for table in ("login_attempts", "rate_limits"):
            assert connection.execute(f"SELECT bucket FROM {table}").fetchall() == [("a0",)]


# What is not given to its owner, with the reason.
NOT_EXPORTED = {
    "refresh_tokens": "hashes that open the account",
    "authorization_codes": "good for a minute; what came of them is among the logins",
    "realtime_tickets": "hashes that open a connection",
    "live_connections": "open for minutes, and of use to nobody",
    "mail_stops": "hashes that end mails",
    "idempotency_keys": "copies of answers, kept for a day",
    "operator_actions": "of operators alone",
    "days_asked": "the symbols that somebody was shown a preview of last, good for minutes",
}


def test_the_export_holds_every_table_of_the_user_and_no_secret(database: Database, ada: UUID) -> None:
    with database.transaction() as connection:
        exported = export.export_user(connection, ada)
        tables = {name for name, columns in columns_of(connection).items() if "user_id" in columns}
    assert tables - set(exported) == set(NOT_EXPORTED)
    assert exported["left_out"] == []
    filled = {name for name, rows in exported.items() if rows}
    assert {
        "webhooks",
        "webhook_deliveries",
        "events",
        "equity_marks",
        "jobs",
        "backtests",
        "logins",
        "api_keys",
        "passkeys",
    } <= filled
    assert exported["backtests"][0]["report"] == {"said": PRIVATE}
    assert exported["strategy_versions"][0]["prompt"] == PRIVATE
    for rows in exported.values():
        for row in rows:
            assert not {"secret", "old_secret", "key_hash", "token_hash", "password_hash"} & set(row)


def test_an_export_that_is_too_much_keeps_the_newest_and_says_what_it_left_out(database: Database, ada: UUID) -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO events (user_id, kind, data) SELECT %s, 'job', jsonb_build_object('n', n, 'text', repeat('x', 1000)) FROM generate_series(1, 100) n",
            (ada,),
        )
        exported = export.export_user(connection, ada, max_bytes=50_000)
    numbers = [each["data"].get("n") for each in exported["events"]]
    assert numbers == list(range(100, 100 - len(numbers), -1))
    assert 10 < len(numbers) < 50
    assert exported["left_out"][0] == {"table": "events", "given": len(numbers)}
    assert len(json.dumps(exported)) < 55_000
