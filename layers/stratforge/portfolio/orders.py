"""The kinds of orders, and when a resting one wants to be looked at.

Limit, stop and trailing orders rest in our book, never at the broker, where they would block everybody else. Each is reduced to two
prices, its trigger: it is looked at when the market falls to `below` or rises to `above`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from stratforge.market.sizes import Side, SizeKind, SizingRule, opens_position


class OrderType(StrEnum):
    """The types of orders; all but those at the market rest in our book until their price comes."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    OCO = "oco"  # A limit and a stop, of which one cancels the other: what the market comes to first.
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """The times for which an order stands: the trading day, or until it is canceled."""

    DAY = "day"
    GTC = "gtc"


class OrderOrigin(StrEnum):
    """The causes of an order: a strategy's signal, a person, or an exit of a session."""

    SIGNAL = "SIGNAL"
    MANUAL = "MANUAL"
    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"
    TRAILING_STOP = "TRAILING_STOP"
    FLATTEN = "FLATTEN"  # All that a session or an account holds is sold, or bought back.
    MARGIN_CALL = "MARGIN_CALL"  # A short position without the margin that it needs is bought back.
    BUY_IN = "BUY_IN"  # A short position of what the broker lends no more is bought back.
    HOUSE = "HOUSE"  # The platform's own account takes, or gives, a part of a share that the broker does not lend.

    @property
    def words(self) -> str:
        """The cause as people say it, such as "stop loss"."""
        return "buy-in" if self is OrderOrigin.BUY_IN else self.value.lower().replace("_", " ")


EXIT_ORIGINS = frozenset(OrderOrigin) - {OrderOrigin.SIGNAL, OrderOrigin.MANUAL, OrderOrigin.HOUSE}
# What an account owes is the platform's too: no switch of its owner's holds these back.
FORCED_ORIGINS = frozenset((OrderOrigin.MARGIN_CALL, OrderOrigin.BUY_IN))


class ExchangeState(StrEnum):
    """The states of a symbol by the word of its exchange."""

    TRADING = "TRADING"
    HALTED = "HALTED"  # For news, or by regulation.
    PAUSED = "PAUSED"  # For minutes, because the price moved too fast (limit up, limit down).


class TradingState(StrEnum):
    """The trading that the platform, or a user, allows."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"  # Only what closes positions.
    HALTED = "HALTED"


class OrderStatus(StrEnum):
    """The lifecycle statuses of a user's order."""

    PENDING = "PENDING"  # Placed, and not decided on.
    RESTING = "RESTING"  # Accepted and paid for; waits in our book for its price.
    WORKING = "WORKING"  # In a block order.
    FILLED = "FILLED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"  # Ended with a part of it filled.
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class BlockStatus(StrEnum):
    """The lifecycle statuses of a block order, the net of many orders at the broker."""

    STORED = "STORED"  # Written, and not known to be sent.
    SUBMITTED = "SUBMITTED"
    UNKNOWN = "UNKNOWN"  # Sent, and the answer was lost.
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"


class Returns(StrEnum):
    """The orders of a block that came to nothing which go back to our book, instead of ending."""

    NONE = "NONE"
    RESTING = "RESTING"  # Those that rest by their nature (limits, stops), and those that close a position.
    ALL = "ALL"


class InvalidOrderTerms(ValueError):
    """An order's prices do not go with its type; says which and what to give."""


# The prices that an order of a type has to name; what a trailing stop trails by is no price.
PRICES_OF: dict[OrderType, tuple[str, ...]] = {
    OrderType.MARKET: (),
    OrderType.LIMIT: ("limit_price",),
    OrderType.STOP: ("stop_price",),
    OrderType.STOP_LIMIT: ("stop_price", "limit_price"),
    OrderType.OCO: ("limit_price", "stop_price"),
    OrderType.TRAILING_STOP: (),
}


def type_of(limit_price: Decimal | None, stop_price: Decimal | None, *, oco: bool = False) -> OrderType:
    """The type of an order that names these prices and no others; with `oco` one of them cancels the other."""
    if oco:
        return OrderType.OCO
    if limit_price is None:
        return OrderType.MARKET if stop_price is None else OrderType.STOP
    return OrderType.LIMIT if stop_price is None else OrderType.STOP_LIMIT


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """An order's side, type and price conditions; a sale that is `short` opens a short position or adds to it, a purchase that is buys it back."""

    side: Side
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    trail_price: Decimal | None = None
    short: bool = False

    @property
    def opens(self) -> bool:
        """True for what opens a position or adds to it: a purchase, or a short sale."""
        return opens_position(self.side, short=self.short)

    def check(self) -> None:
        """Checks that the prices given are those that the order's type needs.

        Raises:
            InvalidOrderTerms: if a price is missing or does not belong to the type.
        """
        wanted = PRICES_OF[self.type]
        given = [name for name in ("limit_price", "stop_price") if getattr(self, name) is not None]
        for name in wanted:
            if name not in given:
                raise InvalidOrderTerms(f"a {self.type} order needs {name}")
        for name in given:
            if name not in wanted:
                raise InvalidOrderTerms(f"a {self.type} order has no {name}; leave it out")
        trails = (self.trail_percent is not None) + (self.trail_price is not None)
        if self.type == OrderType.TRAILING_STOP and trails != 1:
            raise InvalidOrderTerms("a trailing_stop order needs trail_percent or trail_price, and not both")
        if self.type != OrderType.TRAILING_STOP and trails:
            raise InvalidOrderTerms(f"a {self.type} order does not trail; leave trail_percent and trail_price out")

    def stop(self, water_mark: Decimal | None) -> Decimal | None:
        """The price that triggers it: its stop, or what it trails from the best price so far."""
        if self.type != OrderType.TRAILING_STOP or water_mark is None:
            return self.stop_price
        sign = -1 if self.side == Side.SELL else 1
        if self.trail_price is not None:
            return max(water_mark + sign * self.trail_price, Decimal(0))
        assert self.trail_percent is not None
        return water_mark * (1 + sign * self.trail_percent / 100)


@dataclass(frozen=True, slots=True)
class Trigger:
    """The prices at which a resting order is looked at; None: never on that side."""

    below: Decimal | None = None
    above: Decimal | None = None

    def at(self, low: Decimal, high: Decimal) -> bool:
        """Returns whether a market that traded between `low` and `high` fires the trigger."""
        return (self.below is not None and low <= self.below) or (self.above is not None and high >= self.above)


NEVER = Trigger()


def trigger_of(terms: OrderTerms, *, triggered: bool, water_mark: Decimal | None = None) -> Trigger:
    """Returns the trigger at which an order has to be looked at. Once triggered, a stop-limit order is a limit order
    and one with a stop alone, or whose stop came before its limit, a market order."""
    if terms.type == OrderType.LIMIT or (triggered and terms.type == OrderType.STOP_LIMIT):
        return Trigger(below=terms.limit_price) if terms.side == Side.BUY else Trigger(above=terms.limit_price)
    if terms.type == OrderType.MARKET or triggered:
        # Executable whatever the price: every price is above this one.
        return Trigger(above=Decimal(0))
    stop = terms.stop(water_mark)
    # Named by an order of this kind alone, when its stop has not come.
    limit = terms.limit_price if terms.type == OrderType.OCO else None
    return Trigger(limit, stop) if terms.side == Side.BUY else Trigger(stop, limit)


def effective_limit(terms: OrderTerms, *, triggered: bool) -> Decimal | None:
    """The limit an executable order has, whose stop has `triggered` or not; None for what executes at the market."""
    limited = terms.type in (OrderType.LIMIT, OrderType.STOP_LIMIT) or (terms.type == OrderType.OCO and not triggered)
    return terms.limit_price if limited else None


def is_at_limit(terms: OrderTerms, price: Decimal) -> bool:
    """Returns whether the market is at the limit of an order that has one, or better."""
    if terms.limit_price is None:
        return False
    return price <= terms.limit_price if terms.side == Side.BUY else price >= terms.limit_price


def is_at_stop(terms: OrderTerms, price: Decimal) -> bool:
    """Returns whether the market is at the stop that an order names, or beyond it."""
    if terms.stop_price is None:
        return False
    return price >= terms.stop_price if terms.side == Side.BUY else price <= terms.stop_price


def worst_unit_price(
    terms: OrderTerms, reference: Decimal, collar: Decimal, water_mark: Decimal | None = None
) -> Decimal:
    """The most a unit of a buy order may cost: what is reserved for each unit; of a short sale the price that its margin is reserved for."""
    if terms.short:
        return max(reference, terms.limit_price or reference) * (1 + collar)
    if terms.type in (OrderType.LIMIT, OrderType.STOP_LIMIT) and terms.limit_price is not None:
        return terms.limit_price
    stop = terms.stop(water_mark)
    return max(reference, stop or reference) * (1 + collar)


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A signal or an order that wants to be executed or to rest.

    `order_id` is None for what has no row in the book yet. `size` is read by `size_kind`; `remaining` is what an order that was
    accepted before still wants, with its reservation. `last_bar` is the last bar of its session on which it may fill. `exit_level` is the price at which a session's stop or target sells, `exit_fraction` what
    it is set to.
    """

    user_id: UUID
    session_id: UUID | None
    terms: OrderTerms
    origin: OrderOrigin
    size_kind: SizeKind
    size: Decimal
    order_id: UUID | None = None
    signal_id: int | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    confidence: Decimal = Decimal(1)
    sizing_rule: SizingRule = SizingRule.EQUITY_FRACTION
    sizing_value: Decimal = Decimal(0)
    accepted: bool = False
    triggered: bool = False
    remaining: Decimal = Decimal(0)
    reserve_price: Decimal = Decimal(0)
    reserved_cash: Decimal = Decimal(0)
    reserved_quantity: Decimal = Decimal(0)
    water_mark: Decimal | None = None
    replaces: UUID | None = None
    exit_level: Decimal | None = None
    exit_fraction: Decimal | None = None
    last_bar: int | None = None

    @property
    def rests_for_a_strategy(self) -> bool:
        """Returns whether a strategy gave it a limit or a stop."""
        return self.origin is OrderOrigin.SIGNAL and self.terms.type is not OrderType.MARKET

    def makes_way_for_exits(self, leaving: Collection[UUID | None]) -> bool:
        """Returns whether it ends when all is sold that one of these sessions holds: what its strategy was still to buy, and what rests by a decision of it."""
        mine = self.origin is OrderOrigin.SIGNAL and self.session_id in leaving
        return mine and (self.terms.opens or self.rests_for_a_strategy)
