"""A user's account at a glance: what it is made of, who made what, what wants to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import fmean
from types import MappingProxyType
from uuid import UUID

from stratforge.application.errors import existing
from stratforge.application.session_names import session_called
from stratforge.market.amounts import units
from stratforge.market.symbols import PORTFOLIO
from stratforge.storage.ledger import portfolio
from stratforge.storage.ledger.portfolio import DayEquity, PortfolioRow
from stratforge.storage.market import watchlist
from stratforge.storage.market.watchlist import DayPrice
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies import sessions
from stratforge.storage.strategies.sessions import ACTIVE, SessionStatus, StoredSession

_SESSIONS_READ = 50
_DAYS = 260
# Of a universe of many the first are enough for who watches nothing of his own.
_SHOWN_SYMBOLS = 12
# Of equity in one symbol: more is worth a word.
_CONCENTRATED = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the equity: a symbol, or cash."""

    name: str
    value: Decimal
    share: Decimal


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that wants to be looked at, and where."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class DayProfit:
    """The profit of a market day, in dollars and as a fraction of the equity before it."""

    day: date
    profit: Decimal
    rate: float


@dataclass(frozen=True, slots=True)
class Overview:
    """An account at a glance.

    Attributes:
        active: Sessions that have not ended, those that made most first.
        ended: The last ones that have.
        parts: What the equity is in, the largest first; cash last.
        benchmark: The day's change of the symbols of the active sessions on average, as if they were held; None while it is not known.
        watched: What the user watches, or else the symbols of his sessions.
        days: What each market day made, oldest first.
    """

    portfolio: PortfolioRow
    active: list[StoredSession]
    ended: list[StoredSession]
    parts: list[Part]
    concerns: list[Concern]
    benchmark: float | None
    watched: list[DayPrice]
    days: list[DayProfit]


def read_overview(connection: Connection, user_id: UUID) -> Overview:
    """Reads a user's account at a glance.

    Raises:
        NotFound: if there is no such user.
    """
    held = existing(portfolio.read_portfolio(connection, user_id), "portfolio")
    recent = _recent(connection, user_id)
    active = sorted((each for each in recent if each.status in ACTIVE), key=lambda each: -_made(each))
    traded = _traded(active)
    watched = watchlist.watched(connection, user_id) or traded[:_SHOWN_SYMBOLS]
    prices = {each.symbol: each for each in watchlist.day_prices(connection, list(dict.fromkeys([*watched, *traded])))}
    changes = [float(change) for symbol in traded if (change := prices[symbol].change) is not None]
    parts = parts_of(held)
    return Overview(
        portfolio=held,
        active=active,
        ended=[each for each in recent if each.status not in ACTIVE][:5],
        parts=parts,
        concerns=concerns_of(recent, parts, sessions.strategy_names(connection, [each.session_id for each in recent])),
        benchmark=fmean(changes) if changes else None,
        watched=[prices[symbol] for symbol in watched],
        days=_days(connection, user_id, held.initial_balance),
    )


def traded_symbols(connection: Connection, user_id: UUID) -> list[str]:
    """The symbols of a user's active sessions."""
    return _traded(sessions.active_of(connection, user_id))


def _recent(connection: Connection, user_id: UUID) -> list[StoredSession]:
    """All that have not ended, and those of the last ones that have."""
    found = sessions.list_sessions(connection, user_id, sessions.SessionFilter(), Page(_SESSIONS_READ))
    return [*sessions.active_of(connection, user_id), *(each for each in found if each.status not in ACTIVE)]


def _days(connection: Connection, user_id: UUID, initial: Decimal) -> list[DayProfit]:
    noted = portfolio.daily_equity(connection, user_id, _DAYS + 1)
    # Where there are more days than are shown, the first that is shown has one before it.
    before = noted.pop(0).equity if len(noted) > _DAYS else initial
    return day_profits(noted, before)


def _traded(active: Iterable[StoredSession]) -> list[str]:
    return list(dict.fromkeys(symbol for each in active for symbol in each.traded_symbols))


def _made(session: StoredSession) -> Decimal:
    return session.realized_pnl + session.unrealized_pnl


def parts_of(held: PortfolioRow) -> list[Part]:
    """Splits the equity into its parts: each symbol, the largest first, and cash with what open orders reserve, less what is owed of symbols that are short."""
    if held.equity <= 0:
        return []
    values: dict[str, Decimal] = {}
    for each in held.positions:
        values[each.symbol] = values.get(each.symbol, Decimal(0)) + each.market_value
    ordered = sorted([item for item in values.items() if item[1] >= 0], key=lambda item: -item[1])
    cash = held.cash + held.reserved_cash + sum((value for value in values.values() if value < 0), Decimal(0))
    return [Part(name, value, value / held.equity) for name, value in [*ordered, ("Cash", cash)]]


def day_profits(noted: Sequence[DayEquity], initial: Decimal) -> list[DayProfit]:
    """Holds each day against the one before; the first against the money that there was before it. Of a debt there is no return: it is no capital."""
    found, before = [], initial
    for each in noted:
        found.append(DayProfit(each.day, each.equity - before, float(each.equity / before - 1) if before > 0 else 0.0))
        before = each.equity
    return found


def concerns_of(
    recent: Sequence[StoredSession], parts: Sequence[Part], names: Mapping[UUID, str] = MappingProxyType({})
) -> list[Concern]:
    """Lists what wants to be looked at: failures, sessions that lag, wait or differ from their replay, what ended and still holds, and one symbol that is most of it all.

    Args:
        names: What the strategies of sessions are called.
    """
    found = []
    for each in recent:
        here, called = f"/sessions/{each.session_id}", session_called(names.get(each.session_id), each.symbol)
        if each.status is SessionStatus.FAILED:
            found.append(Concern(f"{called} failed: {each.failure_reason or 'see its page'}", here))
        elif each.status in ACTIVE:
            if each.failure_reason:
                found.append(Concern(f"{called} had a problem: {each.failure_reason}", here))
            if each.bars_behind > 1:
                found.append(Concern(f"{called} is {each.bars_behind} bars behind the market", here))
            if each.missing_bars:
                found.append(Concern(f"{called} waits for {each.missing_bars:,} bars of history", here))
        elif each.held_quantity and not each.settling:
            kept = "holds" if each.held_quantity > 0 else "owes"
            much = "positions" if each.symbol == PORTFOLIO else units(abs(each.held_quantity))
            found.append(Concern(f"{called} has ended and still {kept} {much}", here))
        if each.replay_differences:
            found.append(Concern(f"{called} did something else than its replay does", here))
    for part in parts[:-1]:
        if part.share > _CONCENTRATED:
            found.append(Concern(f"{part.name} is {part.share:.0%} of your equity", "/portfolio"))
    return found
