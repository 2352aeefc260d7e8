"""Platform state, halts and reports as operators see and change them. The database checks the role: other users see and
change nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from stratforge.market.corporate_actions import CorporateAction
from stratforge.portfolio.orders import TradingState
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report of the reconciler as it is stored: when it ran, whether all was well, and what it found."""

    report_id: int
    started_at: datetime
    finished_at: datetime
    clean: bool
    report: dict[str, Any]


def is_operator(connection: Connection) -> bool:
    """Returns whether the transaction's user is an operator."""
    return bool(fetch_value(connection, "SELECT is_operator()"))


def reports(connection: Connection, limit: int) -> list[StoredReport]:
    """The reconciler's latest reports, the newest first."""
    query = "SELECT id AS report_id, started_at, finished_at, clean, report FROM operator_reports(%s)"
    return fetch_all(connection, StoredReport, query, (limit,))


def set_state(connection: Connection, state: TradingState, reason: str) -> bool:
    """The kill switch; False when the user is no operator."""
    return bool(fetch_value(connection, "SELECT operator_set_state(%s::trading_state, %s)", (state, reason)))


def halt(connection: Connection, symbol: str, reason: str) -> bool:
    """Halts a symbol; False when the user is no operator."""
    return bool(fetch_value(connection, "SELECT operator_halt_symbol(%s, %s)", (symbol, reason)))


def resume(connection: Connection, symbol: str) -> bool:
    """Trades a symbol again; False when it was not halted, or the user is no operator."""
    return bool(fetch_value(connection, "SELECT operator_resume_symbol(%s)", (symbol,)))


def buy_missing(connection: Connection, symbol: str, reason: str) -> bool:
    """Has the account buy what it lacks of a symbol that is halted for it; False when it is not, or that was asked for already, or the user is no operator."""
    return bool(fetch_value(connection, "SELECT operator_buy_missing(%s, %s)", (symbol, reason)))


@dataclass(frozen=True, slots=True)
class OpenCorrection:
    """A difference between the broker and the ledger in a finished order that the ledger could not follow.

    Attributes:
        order_id: The platform's id of the order at the broker.
        quantity: How much more the broker has of the order than the ledger; negative for less.
        value: Dollars that it came to more.
        noted_at: Since when it is known.
    """

    order_id: str
    symbol: str
    quantity: Decimal
    value: Decimal
    noted_at: datetime


def corrections(connection: Connection) -> list[OpenCorrection]:
    """The differences that the ledger could not follow and nobody accepted, the oldest first; none when the user is no operator."""
    return fetch_all(connection, OpenCorrection, "SELECT * FROM operator_corrections()")


def accept_correction(connection: Connection, order_id: str, quantity: Decimal, value: Decimal, reason: str) -> bool:
    """Accepts that an order differs by these amounts, and lifts the halt for it; False when it differs by others now or by none, or the user is no operator."""
    query = "SELECT operator_accept_correction(%s, %s, %s, %s)"
    return bool(fetch_value(connection, query, (order_id, quantity, value, reason)))


def note(connection: Connection, action: str, subject: str, reason: str = "") -> bool:
    """A line in the operators' audit for what the database does not do itself; False when the user is no operator."""
    return bool(fetch_value(connection, "SELECT note_operator_action(%s, %s, %s)", (action, subject, reason)))


@dataclass(frozen=True, slots=True)
class OperatorDeed:
    """A line of the operators' audit: who did what to what, when and why."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    reason: str


def deeds(connection: Connection, limit: int) -> list[OperatorDeed]:
    """The latest lines of the operators' audit, the newest first; none when the user is no operator."""
    return fetch_all(connection, OperatorDeed, "SELECT * FROM operator_audit(%s)", (limit,))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAction(CorporateAction):
    """A corporate action, and whether the ledger has followed it.

    Attributes:
        effective_on: The exchange's day from which it counts; from then on the symbol is halted until it is followed or dismissed.
        ratio: Units of the symbol for one old; null for one, zero where the symbol goes.
        new_symbol: What holders get besides or instead.
        new_ratio: Units of it for one old.
        cash: Dollars for one old unit.
        approved_at: When an operator approved it. Splits and changes of symbol need no approval.
        dismissed_at: When an operator decided that the ledger does not follow it.
        applied_at: When the ledger followed it.
        obstacle: Why it could not be followed yet.
    """

    seen_at: datetime
    approved_at: datetime | None
    dismissed_at: datetime | None
    applied_at: datetime | None
    obstacle: str | None

    @property
    def undecided(self) -> bool:
        """True while the action is neither followed nor dismissed."""
        return self.applied_at is None and self.dismissed_at is None


def corporate_actions(connection: Connection) -> list[StoredAction]:
    """Corporate actions that are undecided, and those of the last month, the latest first. For operators."""
    query = """
        SELECT id AS action_id, symbol, kind, effective_on, ratio, new_symbol, new_ratio, cash, seen_at, approved_at, dismissed_at, applied_at,
               obstacle FROM operator_corporate_actions()
    """
    return fetch_all(connection, StoredAction, query)


def decide_action(connection: Connection, action_id: str, reason: str, *, follow: bool) -> bool:
    """Approves or dismisses a corporate action; False when there is none to decide on, or the user is no operator."""
    return bool(fetch_value(connection, "SELECT operator_decide_action(%s, %s, %s)", (action_id, follow, reason)))


def enter_action(connection: Connection, action: CorporateAction, reason: str) -> bool:
    """Enters a corporate action that was not announced, approved; False when there is one of this id, or the user is no operator."""
    query = (
        "SELECT operator_enter_action(%(action_id)s, %(symbol)s, %(kind)s, %(effective_on)s, %(ratio)s, %(new_symbol)s, "
        "%(new_ratio)s, %(cash)s, %(reason)s)"
    )
    return bool(fetch_value(connection, query, {**asdict(action), "reason": reason}))


@dataclass(frozen=True, slots=True)
class PriceLag:
    """A symbol that sessions wait for, and how long ago its last price came."""

    symbol: str
    bar_time: datetime | None
    seconds: float | None
    sessions: int


def price_lags(connection: Connection) -> list[PriceLag]:
    """Symbols with running sessions of anybody, the longest silent first. For operators."""
    query = "SELECT symbol, bar_time, seconds, sessions FROM operator_price_lags()"
    return fetch_all(connection, PriceLag, query)
