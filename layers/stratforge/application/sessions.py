"""Sessions: started, changed, paused, stopped and flattened."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stratforge.application import quotas
from stratforge.application.access import Caller, Scope
from stratforge.application.caps import require_room_for_session
from stratforge.application.decimals import text_of, text_of_part
from stratforge.application.errors import Changed, Conflict, Invalid, NotFound, existing
from stratforge.application.idempotency import RequestKey
from stratforge.application.looked_at import check_looked_at
from stratforge.application.portfolio_setup import capital_of, check_portfolio_setup
from stratforge.application.quotas import spend
from stratforge.application.strategies import Symbol, compiled, read_version
from stratforge.bus.outbox import Outbox
from stratforge.market.sizes import SizingRule, check_size
from stratforge.market.symbols import PORTFOLIO, is_crypto
from stratforge.storage.ledger.symbols import lock_symbol
from stratforge.storage.market.assets import read_asset, that_may_exist
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import sessions, strategies
from stratforge.storage.strategies.sessions import (
    PortfolioTerms,
    SessionMode,
    SessionSettings,
    SessionStatus,
    StoredSession,
)
from stratforge.storage.users import accounts
from stratforge.strategy import Strategy
from stratforge.strategy.lookback import window_length
from stratforge.strategy.rotation import PortfolioStrategy, is_portfolio

LONG_ONLY = "This strategy goes short, and your account is long only. Enable short selling in the account's settings, or run a version without short()."
COINS = "This strategy goes short, and coins cannot be sold short. Run it on a stock, or a version without short()."
NOT_LENT = "This strategy goes short, and the broker does not lend {}, or has it not always at hand. Run it on another stock, or a version without short()."
_DEMANDS = re.compile(r"short|\bof\b")
# Bars of all symbols together that a live decision looks at: 48 bytes each, in base64, within what Lambda takes.
_MOST_BARS = 65_536
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
    """Starts a session of a strategy's version on live bars; the ingestor streams its symbol, or those of its universe, from then on.

    Raises:
        NotFound: if there is no such strategy or version.
        Invalid: if the strategy goes short and the account or the asset does not, or looks at symbols that it cannot, or a portfolio strategy is given a symbol, stops or a size that it has no use for.
        Conflict: if as many sessions run as may, of the caller or on the symbol.
    """
    caller.require(Scope.TRADE)
    settings = SessionSettings(new.sizing_rule, new.sizing_value, new.stop_loss, new.take_profit, new.trailing_stop)
    with database.reading(caller) as connection:
        strategy, stored = read_version(connection, new.strategy_id, new.version)
    portfolio, demanding = _portfolio(stored.python_code, new), _demanding(stored.python_code)
    symbol = PORTFOLIO if portfolio else new.symbol or stored.symbol
    with database.transaction(caller) as connection:
        if demanding is not None:
            _check_demands(connection, caller, demanding, symbol)
        spend(connection, caller, quotas.SESSIONS)
        session_id = key.new_id(connection, caller.user_id)
        # A repetition finds what it made, however many there are by now.
        if sessions.get_session(connection, session_id) is None:
            require_room_for_session(connection, caller.user_id, None if portfolio else symbol)
        started = sessions.start_session(
            connection,
            caller.user_id,
            strategy.strategy_id,
            stored.version,
            symbol,
            settings,
            new.mode,
            session_id,
            _terms(connection, caller, portfolio, new),
        )
    outbox.request_subscription(started.symbol)
    return started


def _portfolio(source: str, new: NewSession) -> PortfolioStrategy | None:
    """The portfolio strategy that a session is to run; None where it is one of one symbol. Compiles it, so no transaction is open.

    Raises:
        Invalid: if the request holds what such a session has no use for.
    """
    if not is_portfolio(source):
        return None
    strategy = compiled(source)
    assert isinstance(strategy, PortfolioStrategy)
    stops = bool(new.stop_loss or new.take_profit or new.trailing_stop)
    check_portfolio_setup(new.symbol, new.sizing_rule, stops=stops)
    check_live(strategy)
    return strategy


def _terms(
    connection: Connection, caller: Caller, strategy: PortfolioStrategy | None, new: NewSession
) -> PortfolioTerms | None:
    """The terms on which a session of a portfolio strategy starts.

    Raises:
        Invalid: if it would begin with next to nothing.
    """
    if strategy is None:
        return None
    capital = capital_of(new.sizing_rule, new.sizing_value, sessions.equity_of(connection, caller.user_id))
    schedule = strategy.schedule
    return PortfolioTerms(
        list(strategy.universe), list(strategy.symbols), schedule.stored, not schedule.minutes, capital
    )


def _check_demands(connection: Connection, caller: Caller, strategy: Strategy, symbol: str) -> None:
    """Refuses a strategy that goes short, or looks at other symbols, where it cannot.

    Raises:
        Invalid: saying why, and what to do.
    """
    if strategy.shorts:
        _check_short(connection, caller, symbol)
    check_looked_at(symbol, strategy)
    known = that_may_exist(connection, strategy.other_symbols)
    unknown = [each for each in strategy.other_symbols if each not in known]
    if unknown:
        message = f"The strategy looks at {', '.join(unknown)}, which the broker does not have. Write another symbol in bars.of(…)."
        raise Invalid(message, code="looks-at-unknown")


def _check_short(connection: Connection, caller: Caller, symbol: str) -> None:
    """Refuses a strategy that goes short where the account or the asset may not.

    Raises:
        Invalid: saying which, and what to do.
    """
    user = accounts.get_user(connection, caller.user_id)
    if user is None or not user.short_selling:
        raise Invalid(LONG_ONLY, code="short-strategy")
    if is_crypto(symbol):
        raise Invalid(COINS, code="short-coins")
    asset = read_asset(connection, symbol)
    if asset is not None and not (asset.shortable and asset.easy_to_borrow):
        raise Invalid(NOT_LENT.format(symbol), code="not-shortable")


def _demanding(source: str) -> Strategy | None:
    """The strategy of one symbol if it may go short or look at other symbols. Compiles it, so no transaction is open."""
    # Whatever does so has the words; most have not, and need not be compiled.
    if not _DEMANDS.search(source) or is_portfolio(source):
        return None
    strategy = compiled(source)
    return strategy if isinstance(strategy, Strategy) else None


def check_live(strategy: PortfolioStrategy) -> None:
    """Refuses a strategy whose bars are more than a live decision takes.

    Raises:
        Invalid: saying how many there may be.
    """
    bars = window_length(strategy.lookback) * len(strategy.symbols)
    if bars > _MOST_BARS:
        message = f"A decision would look at {bars:,} bars of {len(strategy.symbols)} symbols; live it may look at {_MOST_BARS:,}. Use fewer symbols or shorter lengths."
        raise Invalid(message, code="portfolio-too-large")


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
        _lock_symbols(connection, [_found(connection, session_id)])
        current = _found(connection, session_id, lock=True)
        if current.status not in sessions.CHANGEABLE:
            raise Conflict(f"The session is {current.status}; start a new one.", code="session-ended")
        if not unchanged(current):
            raise Changed
        given = change.model_dump(exclude_unset=True)
        stops = ("stop_loss", "take_profit", "trailing_stop")
        if current.universe is not None and set(given) - {"status"}:
            message = (
                "A portfolio session keeps the capital that it began with, and has no stops; start another one instead."
            )
            raise Invalid(message, code="portfolio-size")
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
        Conflict: if one is to start and as many run as may, of the caller or on the symbol.
        Invalid: if a session would start of a strategy that goes short where the account or the asset may not, or looks at symbols that it cannot.
    """
    caller.require(Scope.TRADE)
    new = NewSession(strategy_id=strategy_id)
    with database.reading(caller) as connection:
        current = existing(strategies.get_strategy(connection, strategy_id), "strategy")
    portfolio, demanding = _portfolio(current.python_code, new), _demanding(current.python_code)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.SESSIONS)
        strategy = existing(strategies.lock_strategy(connection, strategy_id), "strategy")
        if strategy.version != current.version:
            raise Changed
        active = sessions.active_sessions(connection, strategy_id)
        if active:
            latest = active[0]
            _lock_symbols(connection, [latest])
            paused = latest.status != SessionStatus.PAUSED
            changed: StoredSession | None = sessions.change_session(
                connection, latest.session_id, latest.settings, paused=paused
            )
        else:
            if demanding is not None:
                _check_demands(connection, caller, demanding, strategy.symbol)
            require_room_for_session(connection, caller.user_id, None if portfolio else strategy.symbol)
            changed = sessions.start_session(
                connection,
                caller.user_id,
                strategy_id,
                strategy.version,
                strategy.symbol,
                portfolio=_terms(connection, caller, portfolio, new),
            )
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
        _lock_symbols(connection, [_found(connection, session_id)])
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
        _lock_symbols(connection, active)
        ended = [sessions.stop_session(connection, each.session_id, flatten=flatten) for each in active]
    stopped = [each for each in ended if each is not None]
    for each in stopped:
        _tell_of_end(outbox, each)
    return stopped


def _tell_of_end(outbox: Outbox, stopped: StoredSession) -> None:
    if stopped.open_orders or stopped.flattening:
        for symbol in stopped.traded_symbols:
            outbox.wake_executor(symbol, f"stop-{stopped.session_id}")
    outbox.request_subscription(stopped.symbol)


def flatten_session(
    database: Database, outbox: Outbox, caller: Caller, session_id: UUID, symbol: str | None = None
) -> StoredSession:
    """Places orders to sell what a session holds, or what it holds of one symbol. A running session goes on.

    Raises:
        NotFound: if there is no such session.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        found = _found(connection, session_id)
        _lock_symbols(connection, [found])
        sessions.flatten_session(connection, session_id, symbol)
    for each in found.traded_symbols:
        outbox.wake_executor(each, f"flatten-{session_id}-{datetime.now(UTC):%H%M%S}")
    return found


def _lock_symbols(connection: Connection, found: Sequence[StoredSession]) -> None:
    """Makes this transaction the only one that executes or settles the symbols of sessions, in the order in which everybody takes several."""
    for symbol in sorted({symbol for each in found for symbol in each.traded_symbols}):
        lock_symbol(connection, symbol)


def session_on_bars(connection: Connection, session_id: UUID) -> StoredSession:
    """A session that decides on bars of one symbol.

    Raises:
        NotFound: if there is no such session.
        Conflict: if it is of a portfolio strategy.
    """
    session = _found(connection, session_id)
    if session.universe is not None:
        raise Conflict(
            "The session decides about a universe, not on every bar; see its decisions.", code="portfolio-session"
        )
    return session


def _found(connection: Connection, session_id: UUID, *, lock: bool = False) -> StoredSession:
    return existing(sessions.get_session(connection, session_id, lock=lock), "session")
