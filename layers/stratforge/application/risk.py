"""A user's own limits and trading state."""

from __future__ import annotations

from collections.abc import Callable

from stratforge.application import quotas
from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Changed, Conflict
from stratforge.application.quotas import spend
from stratforge.portfolio.orders import TradingState
from stratforge.portfolio.protections import RiskLimits
from stratforge.storage.ledger import borrowing, halts, risk
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import accounts


def set_limits(
    database: Database,
    caller: Caller,
    limits: RiskLimits,
    unchanged: Callable[[RiskLimits], bool] = lambda _current: True,
) -> RiskLimits:
    """Replaces all limits; they hold from the next order on.

    Args:
        unchanged: Whether the limits are still those that the change was based on.

    Returns:
        The limits as they are stored.

    Raises:
        Changed: if they are not.
        LimitReached: if they were changed too often: each change is a line of the account's log.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.LIMITS)
        if not unchanged(risk.read_limits(connection, caller.user_id)):
            raise Changed
        risk.set_limits(connection, caller.user_id, limits)
        return risk.read_limits(connection, caller.user_id)


def choose_trading_state(database: Database, caller: Caller, state: TradingState) -> None:
    """Sets the user's own switch; of it and what an operator imposed, the stricter counts.

    Raises:
        LimitReached: if it was set too often.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        # Apart from the limits' own: whoever has used those up can still stop everything.
        spend(connection, caller, quotas.SWITCHES)
        halts.choose_state(connection, caller.user_id, state)


def choose_short_selling(database: Database, caller: Caller, *, enabled: bool) -> None:
    """Lets the account go short, or be long only again.

    Raises:
        LimitReached: if it was set too often.
        Conflict: if it is to be long only while it is short of something, is about to be or was within a day, owes money, or is still to be charged for a night.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.SWITCHES)
        if not enabled and accounts.owes(connection, caller.user_id):
            raise Conflict(
                "The account is short of something, or owes money. Buy back what is short first.", code="short-position"
            )
        if not enabled and (
            borrowing.bought_back_lately(connection, caller.user_id)
            or borrowing.uncharged_nights(connection, user_id=caller.user_id)
        ):
            raise Conflict(
                "A short position is settled for a day after it was bought back, and its last night's borrow fee is charged. Try again then.",
                code="short-position",
            )
        accounts.set_short_selling(connection, caller.user_id, enabled=enabled)
