"""Sessions: started, changed, paused, stopped and flattened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stratforge.application import quotas
from stratforge.application.access import Caller, Scope
from stratforge.application.decimals import text_of, text_of_part
from stratforge.application.errors import Changed, Conflict, Invalid, NotFound, existing
from stratforge.application.idempotency import RequestKey
from stratforge.application.quotas import spend
from stratforge.application.strategies import Symbol
from stratforge.bus.outbox import Outbox
from stratforge.market.sizes import SizingRule, check_size
from stratforge.storage.ledger.symbols import lock_symbol
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import sessions, strategies
from stratforge.storage.strategies.sessions import SessionMode, SessionSettings, SessionStatus, StoredSession

SizingValue = Annotated[Decimal, Field(gt=0, le=Decimal(1_000_000_000), max_digits=20), text_of(9, 9)]
Part = Annotated[Decimal, Field(gt=0, lt=1, decimal_places=6), text_of_part(6)]
Gain = Annotated[Decimal, Field(gt=0, le=100, decimal_places=6), text_of(2, 6)]


class NewSession(BaseModel):
    """A request to start a session: its strategy, symbol, position size and stops."""

    model_config = ConfigDict(extra="forbid")

    strategy_id: UUID
    version: int | None = Field(None, ge=1, le=2_000_000_000, description="The version to run; without it the latest")
    symbol: Symbol | None = None
    mode: Literal[SessionMode.PAPER, SessionMode.MANUAL] = Field(
        SessionMode.PAPER,
        description="PAPER trades; MANUAL only says what it would do, and the orders are yours to place",
    )
    sizing_rule: SizingRule = SizingRule.EQUITY_FRACTION
    sizing_value: SizingValue = Decimal("0.1")
    stop_loss: Part | None = Field(None, description="Sells this far below the average entry price")
    take_profit: Gain | None = Field(None, description="Sells this far above the average entry price")
    trailing_stop: Part | None = Field(None, description="Sells this far below the highest price since the entry")

    @model_validator(mode="after")
    def part_of_the_equity(self) -> Self:
        """Refuses a position of more than the whole equity."""
        check_size(self.sizing_rule, self.sizing_value)
        return self


class SessionChange(BaseModel):
    """Other settings of a running session; what is left out stays, null switches a stop off."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"status": "PAUSED"}, {"stop_loss": "0.02"}]}
    )

    status: Literal[SessionStatus.RUNNING, SessionStatus.PAUSED] | None = None
    sizing_rule: SizingRule | None = None
    sizing_value: SizingValue | None = None
    stop_loss: Part | None = None
    take_profit: Gain | None = None
    trailing_stop: Part | None = None


def start_session(
    database: Database, outbox: Outbox, caller: Caller, new: NewSession, key: RequestKey
) -> StoredSession:
    """Starts a session of a strategy's version on live bars; the ingestor streams the symbol from then on.

    Raises:
        NotFound: if there is no such strategy or version.
    """
    caller.require(Scope.TRADE)
    settings = SessionSettings(new.sizing_rule, new.sizing_value, new.stop_loss, new.take_profit, new.trailing_stop)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.SESSIONS)
        strategy = existing(strategies.get_strategy(connection, new.strategy_id), "strategy")
        version = new.version or strategy.version
        if new.version and strategies.get_version(connection, new.strategy_id, new.version) is None:
            raise NotFound("version")
        started = sessions.start_session(
            connection,
            caller.user_id,
            strategy.strategy_id,
            version,
            new.symbol or strategy.symbol,
            settings,
            new.mode,
            key.new_id(connection, caller.user_id),
        )
    outbox.request_subscription(started.symbol)
    return started


def change_session(
    database: Database,
    caller: Caller,
    session_id: UUID,
    change: SessionChange,
    unchanged: Callable[[StoredSession], bool] = lambda _current: True,
) -> StoredSession:
    """Pauses, resumes or resizes a session. A paused one watches and does not trade; its stops stay in force.

    Args:
        unchanged: Whether the session is still the one that the change was based on.

    Raises:
        NotFound: if there is no such session.
        Conflict: if it has ended.
        Changed: if it is not the one that the change was based on.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        # Nobody executes what the session said while it is paused.
        lock_symbol(connection, _found(connection, session_id).symbol)
        current = _found(connection, session_id, lock=True)
        if current.status not in sessions.CHANGEABLE:
            raise Conflict(f"The session is {current.status}; start a new one.", code="session-ended")
        if not unchanged(current):
            raise Changed
        given = change.model_dump(exclude_unset=True)
        stops = ("stop_loss", "take_profit", "trailing_stop")
        settings = replace(
            current.settings,
            sizing_rule=change.sizing_rule or current.sizing_rule,
            sizing_value=change.sizing_value or current.sizing_value,
            **{name: given[name] for name in stops if name in given},
        )
        try:
            check_size(settings.sizing_rule, settings.sizing_value)
        except ValueError as error:
            raise Invalid(str(error)) from None
        paused = (change.status or current.status) == SessionStatus.PAUSED
        changed = sessions.change_session(connection, session_id, settings, paused=paused)
        assert changed is not None
        return changed


def toggle_strategy(database: Database, outbox: Outbox, caller: Caller, strategy_id: UUID) -> StoredSession:
    """Pauses what runs, resumes what is paused, and starts a session where there is none.

    Raises:
        NotFound: if there is no such strategy.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.SESSIONS)
        strategy = existing(strategies.lock_strategy(connection, strategy_id), "strategy")
        active = sessions.active_sessions(connection, strategy_id)
        if active:
            latest = active[0]
            lock_symbol(connection, latest.symbol)
            paused = latest.status != SessionStatus.PAUSED
            changed: StoredSession | None = sessions.change_session(
                connection, latest.session_id, latest.settings, paused=paused
            )
        else:
            changed = sessions.start_session(connection, caller.user_id, strategy_id, strategy.version, strategy.symbol)
    assert changed is not None
    outbox.request_subscription(changed.symbol)
    return changed


def stop_session(
    database: Database, outbox: Outbox, caller: Caller, session_id: UUID, *, flatten: bool = False
) -> StoredSession:
    """Stops a session; stopping again changes nothing. What it holds stays held unless it is flattened: then whatever its orders at work
    still bring is sold too, and it is settling until it holds nothing.

    Raises:
        NotFound: if there is no such session.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        lock_symbol(connection, _found(connection, session_id).symbol)
        stopped = existing(sessions.stop_session(connection, session_id, flatten=flatten), "session")
    _tell_of_end(outbox, stopped)
    return stopped


def stop_strategy(
    database: Database, outbox: Outbox, caller: Caller, strategy_id: UUID, *, flatten: bool = False
) -> list[StoredSession]:
    """Stops every session of a strategy.

    Raises:
        NotFound: if there is no such strategy.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        if strategies.get_strategy(connection, strategy_id) is None:
            raise NotFound("strategy")
        active = sessions.active_sessions(connection, strategy_id)
        for symbol in sorted({each.symbol for each in active}):
            lock_symbol(connection, symbol)
        ended = [sessions.stop_session(connection, each.session_id, flatten=flatten) for each in active]
    stopped = [each for each in ended if each is not None]
    for each in stopped:
        _tell_of_end(outbox, each)
    return stopped


def _tell_of_end(outbox: Outbox, stopped: StoredSession) -> None:
    if stopped.open_orders or stopped.flattening:
        outbox.wake_executor(stopped.symbol, f"stop-{stopped.session_id}")
    outbox.request_subscription(stopped.symbol)


def flatten_session(database: Database, outbox: Outbox, caller: Caller, session_id: UUID) -> StoredSession:
    """Places an order to sell what a session holds. A running session goes on.

    Raises:
        NotFound: if there is no such session.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        found = _found(connection, session_id)
        lock_symbol(connection, found.symbol)
        sessions.flatten_session(connection, session_id)
    outbox.wake_executor(found.symbol, f"flatten-{session_id}-{datetime.now(UTC):%H%M%S}")
    return found


def _found(connection: Connection, session_id: UUID, *, lock: bool = False) -> StoredSession:
    return existing(sessions.get_session(connection, session_id, lock=lock), "session")
