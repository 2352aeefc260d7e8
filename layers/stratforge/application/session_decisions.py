"""The decisions of a portfolio session, as its owner sees them: what was seen, wanted and ordered of each symbol."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Invalid, existing
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import rebalances, sessions
from stratforge.storage.strategies.rebalances import RebalanceStatus, Recorded
from stratforge.storage.strategies.sessions import StoredSession
from stratforge.strategy.lookback import DAY_MINUTES


@dataclass(frozen=True, slots=True)
class SymbolDecision:
    """A symbol in a decision: as it was seen, wanted and ordered.

    Attributes:
        seen_until: The beginning of the last bar that was seen; null where there was none.
        price: The close of that bar, in dollars; null where there was none.
        known: Whether that bar is of the seven days before; unknown symbols are in no choice.
        missing: Whether a later bar was waited for in vain.
        left_alone: Whether nothing was ordered of it since an order of the owner's was open there.
        held: Shares or coins that were held; null for a symbol that is only looked at.
        weight_before: The part of the equity that that was.
        weight: The part that it is to be; null where nothing was to change.
        order: Shares or coins to buy, below 0 to sell; purchases before they were cut to the cash there was.
    """

    symbol: str
    seen_until: datetime | None
    price: float | None
    known: bool
    missing: bool
    left_alone: bool
    held: float | None
    weight_before: float | None
    weight: float | None
    order: float | None


@dataclass(frozen=True, slots=True)
class SessionDecision:
    """A decision of a portfolio session.

    Attributes:
        moment: The beginning of the period that was decided about.
        decided_at: When it was taken, by the market's clock.
        equity: What the session had, in dollars, at the prices that were seen.
        cash: What of it was cash.
        state_before: What the strategy remembered from the decision before.
        state: What it remembers after this one.
        bought_part: By what part purchases were cut because they cost more than there was; null before they were placed.
        symbols: Each symbol of the universe, then those that it only looks at.
    """

    moment: datetime
    decided_at: datetime
    status: RebalanceStatus
    equity: float
    cash: float
    state_before: dict[str, float]
    state: dict[str, float]
    bought_part: float | None
    symbols: list[SymbolDecision]


@dataclass(frozen=True, slots=True)
class OrderDecision:
    """The decision of a portfolio session that an order is of.

    Attributes:
        moment: The beginning of the period that was decided about.
        decided_at: When it was taken, by the market's clock.
        equity: What the session had, in dollars, at the prices that were seen.
        cash: What of it was cash.
        bought_part: By what part purchases were cut because they cost more than there was; null before they were placed.
        bar_minutes: How long the bars are that were seen; 1,440 are days.
        part: The order's symbol in it.
    """

    moment: datetime
    decided_at: datetime
    equity: float
    cash: float
    bought_part: float | None
    bar_minutes: int
    part: SymbolDecision


@dataclass(frozen=True, slots=True)
class Weight:
    """The part of a session that a symbol of its universe is now, beside the part that its last decision wanted.

    Attributes:
        quantity: Shares or coins.
        value: Dollars, at the latest price.
        weight: The part of the session's equity that that is.
        wanted: The part that its last decision to change anything wanted; null before there was one.
        realized_pnl: What it made with the symbol, in dollars.
    """

    symbol: str
    quantity: Decimal
    value: Decimal
    weight: float
    wanted: float | None
    realized_pnl: Decimal


def session_decisions(
    database: Database, caller: Caller, session_id: UUID, at_most: int = 50, before: datetime | None = None
) -> list[SessionDecision]:
    """The last decisions of a portfolio session, the newest first.

    Raises:
        NotFound: if there is no such session.
        Invalid: if it is of a strategy of one symbol.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        session = existing(sessions.get_session(connection, session_id), "session")
        return decisions_of(connection, session, at_most, before)


def decisions_of(
    connection: Connection, session: StoredSession, at_most: int, before: datetime | None = None
) -> list[SessionDecision]:
    """The last decisions of a session that was read.

    Raises:
        Invalid: if it is of a strategy of one symbol.
    """
    if session.symbols is None:
        raise Invalid("The session trades one symbol on every bar; see its signals.", code="no-portfolio")
    found = rebalances.list_rebalances(connection, session.session_id, at_most, before)
    return [shown(session.symbols, each) for each in found]


def decision_of_order(connection: Connection, order_id: UUID, symbol: str) -> OrderDecision | None:
    """The decision that an order of a symbol is of; None for other orders, and where it was about the symbol by another name."""
    found = rebalances.decision_of_order(connection, order_id)
    session = sessions.get_session(connection, found.session_id) if found else None
    if found is None or session is None or session.symbols is None or symbol not in session.symbols:
        return None
    told, place = shown(session.symbols, found), session.symbols.index(symbol)
    return OrderDecision(
        told.moment,
        told.decided_at,
        told.equity,
        told.cash,
        told.bought_part,
        DAY_MINUTES if found.editions[place] else 1,
        told.symbols[place],
    )


def weights_now(connection: Connection, session: StoredSession, decisions: list[SessionDecision]) -> list[Weight]:
    """The parts of a portfolio session now, symbol by symbol of its universe, and after them of whatever else it holds."""
    assert session.universe is not None
    assert session.capital is not None
    held = rebalances.holdings(connection, session.session_id)
    values = {symbol: each.quantity * (each.latest_price or Decimal(0)) for symbol, each in held.items()}
    equity = float(rebalances.cash_of(session.capital, held) + sum(values.values()))
    last = next((each for each in decisions if any(part.weight is not None for part in each.symbols)), None)
    wanted = {each.symbol: each.weight for each in last.symbols} if last else {}
    besides = sorted(symbol for symbol, each in held.items() if each.quantity and symbol not in session.universe)
    return [
        Weight(
            symbol,
            held[symbol].quantity if symbol in held else Decimal(0),
            values.get(symbol, Decimal(0)),
            float(values.get(symbol, 0)) / equity if equity > 0 else 0.0,
            wanted.get(symbol),
            held[symbol].realized_pnl if symbol in held else Decimal(0),
        )
        for symbol in (*session.universe, *besides)
    ]


def shown(symbols: list[str], each: Recorded) -> SessionDecision:
    """A decision as its owner sees it; `symbols` are those of its session."""
    count = len(each.held)
    found = [
        SymbolDecision(
            symbol,
            each.last_bars[place],
            each.prices[place] if math.isfinite(each.prices[place]) else None,
            each.known[place],
            symbol in each.missing,
            symbol in each.left_alone,
            each.held[place] if place < count else None,
            each.parts[place] if place < count else None,
            each.weights[place] if each.weights is not None and place < count else None,
            each.orders[place] if place < count else None,
        )
        for place, symbol in enumerate(symbols)
    ]
    return SessionDecision(
        each.moment,
        each.decided_at,
        each.status,
        each.equity,
        each.cash,
        each.state_before,
        each.state_after,
        each.bought_part,
        found,
    )
