"""The messages. Numbers of money travel as decimal strings, times as RFC 3339 in UTC."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Protocol
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel

from stratforge.market import Bar, Quote, Trade
from stratforge.portfolio.order_states import meaning_of
from stratforge.portfolio.orders import ExchangeState
from stratforge.portfolio.settlement import OrderProgress


class Message(BaseModel):
    """Base of the messages between functions: immutable, and validated where they arrive."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class BarMessage(Message):
    """A bar of one symbol, for the sessions of one shard of so many. A "correction" replaces stored prices and is not evaluated."""

    kind: Literal["bar", "correction"]
    symbol: str
    shard: int = 0
    shards: int = 1
    time: AwareDatetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    again: str | None = None

    @classmethod
    def of(
        cls, bar: Bar, kind: Literal["bar", "correction"], shard: int, again: str | None = None, *, shards: int = 1
    ) -> BarMessage:
        """The message that carries `bar`. `again` makes one that is not taken for the same message sent before."""
        return cls(
            again=again,
            kind=kind,
            symbol=bar.symbol,
            shard=shard,
            shards=shards,
            time=bar.time,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
        )

    def bar(self) -> Bar:
        """The bar that the message carries, with exact decimals."""
        return Bar(self.symbol, self.time, self.open, self.high, self.low, self.close, self.volume)

    @property
    def group(self) -> str:
        """Message group: order holds within it."""
        return f"{self.symbol}/{self.shard}"

    @property
    def deduplication_id(self) -> str:
        """The same bar, published again, is the same message; a correction is known by its prices."""
        stamp = f"{self.symbol}-{self.time:%Y%m%dT%H%M%SZ}-{self.kind}-{self.shard}"
        detail = f"-{self.open}-{self.high}-{self.low}-{self.close}-{self.volume}" if self.kind == "correction" else ""
        repeated = f"-again-{self.again}" if self.again else ""
        return (stamp + detail + repeated).replace("/", "_")[:128]


class RebalanceDue(Message):
    """Portfolio sessions can decide, place purchases that waited for sales, or have gathered. `cause` makes the message unlike the ones before it.

    Sessions that were told of together stay a `batch`: told of again, they wait for the message before.
    """

    kind: Literal["rebalance"] = "rebalance"
    batch: str = ""
    session_ids: tuple[UUID, ...]
    cause: str

    @property
    def group(self) -> str:
        """Message group: sessions wait for no others than those of their batch."""
        return f"rebalance-{self.batch}"

    @property
    def deduplication_id(self) -> str:
        """The same sessions, told of again for the same cause, are the same message."""
        told = hashlib.sha256("".join(map(str, self.session_ids)).encode()).hexdigest()[:32]
        return f"rebalance-{told}-{self.cause}"[:128]


class EvaluatorMessage(RootModel[Annotated[BarMessage | RebalanceDue, Field(discriminator="kind")]]):
    """A message to the evaluator: a bar, or that portfolio sessions are due."""


class WorkReady(Message):
    """There may be something to execute on a symbol. `cause` makes the message unlike the ones before it.

    `bar_arrived_at` is when the bar that led to it came into its queue, where one did.
    """

    symbol: str
    cause: str
    correlation_id: str | None = None
    bar_arrived_at: AwareDatetime | None = None


class LookedUpOrder(Protocol):
    """An order as a broker answers for it; figures are cumulative."""

    @property
    def client_order_id(self) -> str:
        """Our id of the block order."""
        ...

    @property
    def symbol(self) -> str:
        """Symbol of the asset that the order buys or sells."""
        ...

    @property
    def status(self) -> str:
        """The broker's status of the order."""
        ...

    @property
    def filled_quantity(self) -> Decimal:
        """Shares or coins filled so far."""
        ...

    @property
    def filled_average_price(self) -> Decimal | None:
        """Average price of the fills; None before the first."""
        ...

    @property
    def updated_at(self) -> datetime:
        """Time of the order's last change at the broker."""
        ...


class MarketUpdate(Message):
    """News of a symbol, at most once a second.

    Attributes:
        time: The market's time of the newest thing in it; of the trade, when there is one.
        price: Price of the last print that makes the price; None when there was none.
        within_bands: The price lies between the exchange's limit-up and limit-down prices of the moment.
        bid: The best bid; None when no quote came.
        quoted_at: The market's time of bid and ask.
        exchange_state: What the exchange says now, when that has changed.
        voided_at: The time of a print that was taken back: `price`, of `time`, is the last one that stands.
    """

    symbol: str
    time: AwareDatetime
    price: Decimal | None = None
    size: Decimal | None = None
    within_bands: bool = False
    bid: Decimal | None = None
    ask: Decimal | None = None
    quoted_at: AwareDatetime | None = None
    exchange_state: ExchangeState | None = None
    voided_at: AwareDatetime | None = None

    def trade(self) -> Trade | None:
        """The trade that the update tells of; None if it tells of none."""
        if self.price is None:
            return None
        return Trade(self.symbol, self.price, self.size or Decimal(0), self.time)

    def quote(self) -> Quote | None:
        """The best bid and offer that the update tells of; None if it tells of none."""
        if self.bid is None or self.ask is None or self.quoted_at is None:
            return None
        return Quote(self.symbol, self.bid, self.ask, self.quoted_at)

    @property
    def deduplication_id(self) -> str:
        """The same news, published again, are the same message."""
        told = (self.price, self.bid, self.ask, self.exchange_state, self.voided_at and self.voided_at.timestamp())
        newest = max(self.time, self.quoted_at or self.time).timestamp()
        text = "-".join("" if each is None else str(each) for each in told)
        return f"{self.symbol}-{newest:.6f}-{text}".replace("/", "_")[:128]


class OrderUpdate(Message):
    """A broker's report on a block order: an event of its stream, or the answer to a look-up."""

    client_order_id: str
    symbol: str
    event: str
    filled_quantity: Decimal
    filled_average_price: Decimal | None
    occurred_at: AwareDatetime
    execution_id: str | None = None
    price: Decimal | None = None
    quantity: Decimal | None = None

    @classmethod
    def of_order(cls, order: LookedUpOrder) -> OrderUpdate:
        """The update that the answer to a look-up amounts to."""
        return cls(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            event=order.status,
            filled_quantity=order.filled_quantity,
            filled_average_price=order.filled_average_price,
            occurred_at=order.updated_at,
        )

    def progress(self) -> OrderProgress:
        """The update in the ledger's terms."""
        return OrderProgress(
            filled_quantity=self.filled_quantity,
            filled_value=self.filled_quantity * (self.filled_average_price or Decimal(0)),
            occurred_at=self.occurred_at,
            terminal=meaning_of(self.event).block,
            execution_id=self.execution_id,
            last_price=self.price,
            last_quantity=self.quantity,
        )

    @property
    def deduplication_id(self) -> str:
        """The same event, received twice, is the same message."""
        return f"{self.client_order_id}-{self.event}-{self.execution_id or self.filled_quantity}"[:128]


class SubscriptionUpdate(Message):
    """A session started or stopped: the ingestor looks at what it should stream."""

    symbol: str
    sent_at: datetime


class SomethingHappened(Message):
    """There may be something to tell: to the realtime connections of a shard of users, or, without a shard, to webhooks."""

    at: AwareDatetime
    shard: int | None = None

    @property
    def group(self) -> str:
        """The message group: nobody waits for another shard, and no realtime connection for webhooks."""
        return "webhooks" if self.shard is None else f"realtime-{self.shard}"


class DeliveriesDue(Message):
    """A webhook has deliveries whose time has come; whoever gets this delivers alone until then."""

    webhook_id: UUID
    leased_until: AwareDatetime


class MailsWait(Message):
    """A message that mails wait to be sent; which ones is said by the database."""


class JobReady(Message):
    """A message that a job waits to be run."""

    job_id: UUID


class StudyStep(StrEnum):
    """The steps of a study, as the state machine asks for them."""

    PART = "part"
    FINISH = "finish"
    FAIL = "fail"


class StudyTask(Message):
    """A step of a study; `part` is the number of the one to work on."""

    step: StudyStep
    job_id: UUID
    part: int = 0
