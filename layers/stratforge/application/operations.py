"""Use cases for operators: the kill switch, halted symbols, dead letters. Other users get "not found"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from stratforge.application.access import Caller
from stratforge.application.decimals import text_of
from stratforge.application.errors import Conflict, NotFound
from stratforge.application.strategies import Symbol
from stratforge.bus import dead_letters
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.portfolio.orders import TradingState
from stratforge.storage.ledger import operations
from stratforge.storage.market import clock
from stratforge.storage.postgres.database import Connection, Database

Why = Annotated[str, Field(min_length=3, max_length=300, pattern=r"^[^\x00]*$")]
Units = Annotated[
    Decimal,
    Field(ge=0, le=1_000_000, max_digits=24),
    WithJsonSchema({"type": "string", "format": "decimal", "pattern": r"^\d{1,6}(\.\d{1,12})?$"}),
]
# How much more or less: as many digits as products of quantities and prices have.
Difference = Annotated[
    Decimal,
    Field(max_digits=60),
    WithJsonSchema({"type": "string", "format": "decimal", "pattern": r"^-?\d{1,20}(\.\d{1,40})?$"}),
]
_Positive = Annotated[Units, Field(gt=0), text_of(6, 12)]


class ActionBody(BaseModel):
    """A corporate action that was not announced: what a unit of a symbol becomes on a day of the exchange."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "action_id": "by-hand-2026-03-02-xyz",
                    "symbol": "XYZ",
                    "kind": ActionKind.SPLIT.value,
                    "effective_on": "2026-03-02",
                    "ratio": "2",
                    "reason": "Split two for one, by the company's notice",
                }
            ]
        },
    )

    action_id: str = Field(min_length=3, max_length=100, pattern=r"^[\w.:-]+$", examples=["by-hand-2026-03-02-xyz"])
    symbol: Symbol
    kind: ActionKind
    effective_on: date
    ratio: Units | None = Field(
        None, description="Units of the symbol for one old; 0 where it goes, null where it stays"
    )
    new_symbol: Symbol | None = None
    new_ratio: _Positive | None = None
    cash: _Positive | None = None
    reason: Why

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind is ActionKind.SPLIT and not self.ratio:
            raise ValueError("a split needs a ratio: new units for one old")
        if self.kind is ActionKind.SYMBOL_CHANGE and self.new_symbol is None:
            raise ValueError("a change of symbol needs the new symbol")
        if (self.new_symbol is None) != (self.new_ratio is None) and self.kind is not ActionKind.SYMBOL_CHANGE:
            raise ValueError("a new_symbol and a new_ratio are given together")
        return self

    @property
    def action(self) -> CorporateAction:
        """The corporate action that was entered."""
        return CorporateAction(**self.model_dump(exclude={"reason"}))


def require_operator(database: Database, caller: Caller) -> None:
    """Checks that the caller is an operator who logged in.

    Raises:
        Forbidden: if he came with an API key.
        NotFound: if he is no operator, as if there was no such address.
    """
    caller.require_login()
    with database.reading(caller) as connection:
        _check_operator(connection)


def _check_operator(connection: Connection) -> None:
    if not operations.is_operator(connection):
        raise NotFound("address")


@contextmanager
def _operating(database: Database, caller: Caller) -> Iterator[Connection]:
    """A transaction of an operator."""
    caller.require_login()
    with database.transaction(caller) as connection:
        _check_operator(connection)
        yield connection


def set_platform_state(database: Database, caller: Caller, state: TradingState, reason: str) -> None:
    """Sets the kill switch of the platform: ACTIVE trades, REDUCING only closes positions, HALTED does nothing but what a margin call or a buy-in forces.

    Raises:
        NotFound: if the caller is no operator.
    """
    with _operating(database, caller) as connection:
        operations.set_state(connection, state, reason)


def halt_symbol(database: Database, caller: Caller, symbol: str, reason: str) -> None:
    """Stops trading a symbol until somebody resumes it.

    Raises:
        NotFound: if the caller is no operator.
    """
    with _operating(database, caller) as connection:
        operations.halt(connection, symbol, reason)


def resume_symbol(database: Database, caller: Caller, symbol: str) -> None:
    """Ends the halt of a symbol, so that it is traded again.

    Raises:
        NotFound: if the caller is no operator, or the symbol is not halted.
    """
    with _operating(database, caller) as connection:
        if not operations.resume(connection, symbol):
            raise NotFound("halt")


def buy_missing_units(database: Database, caller: Caller, symbol: str, reason: str) -> None:
    """Has the account buy, for itself, what it lacks of a symbol whose last holders cannot sell; the reconciler does it within minutes, while the market is open.

    Raises:
        NotFound: if the caller is no operator.
        Conflict: if the symbol is not halted for missing units, or they are being bought already.
    """
    with _operating(database, caller) as connection:
        if not operations.buy_missing(connection, symbol, reason):
            raise Conflict(
                "The symbol is not halted for missing units, or they are being bought already.", code="nothing-missing"
            )


def change_market_speed(database: Database, caller: Caller, speed: float) -> None:
    """Has a replayed market run at another speed, in its seconds for each of ours; 0 stops it. The ingestor follows with its next reading of the clock.

    Raises:
        NotFound: if the caller is no operator, or the market is real.
    """
    with _operating(database, caller) as connection:
        if not clock.change_speed(connection, speed):
            raise NotFound("replayed market")


def accept_correction(
    database: Database, caller: Caller, order_id: str, quantity: Decimal, value: Decimal, reason: str
) -> None:
    """Accepts that the broker has so much more of an order than the ledger, which came to so much more.

    Raises:
        NotFound: if the caller is no operator.
        Conflict: if these are not the amounts by which the order differs.
    """
    with _operating(database, caller) as connection:
        if not operations.accept_correction(connection, order_id, quantity, value, reason):
            raise Conflict(
                "The order does not differ by these amounts. Read the list again.", code="correction-changed"
            )


def decide_corporate_action(database: Database, caller: Caller, action_id: str, reason: str, *, follow: bool) -> None:
    """Approves a corporate action, which the reconciler follows within minutes, or dismisses it, which lifts its halt.

    Raises:
        NotFound: if the caller is no operator, or there is no such action that was not followed yet.
    """
    with _operating(database, caller) as connection:
        if not operations.decide_action(connection, action_id, reason, follow=follow):
            raise NotFound("corporate action")


def enter_corporate_action(database: Database, caller: Caller, action: CorporateAction, reason: str) -> None:
    """Enters a corporate action that the broker does not announce; the reconciler follows it from its day on.

    Raises:
        NotFound: if the caller is no operator.
        Conflict: if there is one of this id.
    """
    with _operating(database, caller) as connection:
        if not operations.enter_action(connection, action, reason):
            raise Conflict("There is a corporate action of this id.", code="action-exists")


def redrive_queue(
    database: Database, caller: Caller, redrive: Callable[[dead_letters.QueueName], int], name: str
) -> int:
    """Has the dead letters of a queue sent again, after what made them fail was mended; returns how many.

    Args:
        redrive: Has it done, by who may.

    Raises:
        NotFound: if the caller is no operator, or there is no such queue.
    """
    require_operator(database, caller)
    if name not in dead_letters.QUEUES:
        raise NotFound("queue")
    sent = redrive(name)
    with _operating(database, caller) as connection:
        operations.note(connection, "redrive", name, f"{sent} messages")
    return sent
