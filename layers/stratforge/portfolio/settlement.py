"""Settlement: what one event of a block order means for the orders in it.

Alpaca can send an execution twice, in the wrong order, or not at all, but every event and every look-up tells the
order's cumulative filled quantity and average price. So progress is taken from the cumulative figures: what was already applied
is never applied again, and what was missed arrives with the next event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from uuid import UUID

from stratforge.market.sizes import Side
from stratforge.portfolio.allocation import allocate, drawn
from stratforge.portfolio.assets import QUANTITY_STEP, ZERO
from stratforge.portfolio.netting import may_cross
from stratforge.portfolio.orders import BlockStatus, Returns
from stratforge.portfolio.reasons import Reason

_REASONS = {BlockStatus.REJECTED: Reason.BROKER_REJECTED, BlockStatus.CANCELED: Reason.BROKER_CANCELED}
PRICE_STEP = Decimal("0.000000000001")
FEE_STEP = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """Progress of a block order at the broker: cumulative figures, and the final status once there is one.

    `reason` and `returns` say of a block that came to nothing why, and which of its orders wait on.
    """

    filled_quantity: Decimal
    filled_value: Decimal
    occurred_at: datetime
    terminal: BlockStatus | None = None
    execution_id: str | None = None
    last_price: Decimal | None = None
    last_quantity: Decimal | None = None
    reason: Reason | None = None
    returns: Returns = Returns.NONE


@dataclass(frozen=True, slots=True)
class BlockState:
    """A block order as the ledger has it; `step` is what its fills are divided in."""

    block_id: UUID
    symbol: str
    side: Side
    quantity: Decimal
    cross_quantity: Decimal
    cross_low: Decimal
    cross_high: Decimal
    fee_rate: Decimal
    limit_price: Decimal | None
    filled_quantity: Decimal
    filled_value: Decimal
    step: Decimal = QUANTITY_STEP


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order of the block as the ledger has it: what it brought into the block, what it got there, and its own limit; `short` if it is of a short position."""

    order_id: UUID
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    limit: Decimal | None = None
    short: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """A part of the broker's fills that is new to the ledger; the cumulative figures are the block's after it."""

    execution_id: str
    quantity: Decimal
    price: Decimal
    cumulative_quantity: Decimal
    cumulative_value: Decimal
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class NewTrade:
    """A trade to write for one order. What the broker keeps comes out of what is received: coins or money; `inside` trades were crossed, `short` ones are of
    short positions."""

    order_id: UUID
    side: Side
    quantity: Decimal
    price: Decimal
    execution_id: str
    executed_at: datetime
    fee_quantity: Decimal = ZERO
    fee_cash: Decimal = ZERO
    inside: bool = False
    short: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """The effects of a broker event: the new execution if any, the trades, and the final status if the block has
    ended."""

    execution: Execution | None
    trades: tuple[NewTrade, ...]
    completed: BlockStatus | None
    reason: Reason | None
    returns: Returns = Returns.NONE


def settle(block: BlockState, orders: Sequence[OrderState], progress: OrderProgress) -> Settlement:
    """Applies the broker's progress to a block that is not finished yet.

    What crosses inside crosses with the fills: a fill of a tenth of the block brings a tenth of the crossing, at its price. So the price is
    the market's own at a moment when the account traded in it, nobody knows it when the orders are netted, and it is the same for both
    sides. What the block does not fill does not cross either.
    """
    progress = _no_more_than_ordered(block, progress)
    trades: list[NewTrade] = []
    filled = {order.order_id: order.filled_quantity for order in orders}
    new_quantity = progress.filled_quantity - block.filled_quantity
    execution = None
    if new_quantity > 0:
        execution = _execution(block, progress, new_quantity)
        trades = _traded(block, orders, filled, execution)
    if progress.terminal is None:
        return Settlement(execution, tuple(trades), None, None)
    # A last status may come late: an order that was filled whole is filled, even if it is "done for the day" or "calculated" by now.
    whole = max(progress.filled_quantity, block.filled_quantity) >= block.quantity
    ended = BlockStatus.FILLED if whole else progress.terminal
    return Settlement(execution, tuple(trades), ended, progress.reason or _REASONS.get(ended), progress.returns)


def _no_more_than_ordered(block: BlockState, progress: OrderProgress) -> OrderProgress:
    """Progress up to the block's quantity: what a later correction put on top belongs to no order, and is the reconciler's."""
    if progress.filled_quantity <= block.quantity:
        return progress
    value = progress.filled_value * block.quantity / progress.filled_quantity
    return replace(progress, filled_quantity=block.quantity, filled_value=value, last_quantity=None)


def _execution(block: BlockState, progress: OrderProgress, new_quantity: Decimal) -> Execution:
    identified = progress.execution_id is not None and progress.last_quantity == new_quantity
    if identified and progress.execution_id is not None and progress.last_price is not None:
        execution_id, price = progress.execution_id, progress.last_price
    else:
        # An execution was missed: this one stands for all that is new, at its average price.
        execution_id = f"recovered:{block.block_id}:{progress.filled_quantity.normalize():f}"
        price = ((progress.filled_value - block.filled_value) / new_quantity).quantize(PRICE_STEP)
    value = progress.filled_value
    possible = _within_limit(block, price)
    if price != possible:
        # The broker changed an earlier fill meanwhile, and the difference is in this one. Nobody reserved money for that: the ledger
        # takes the nearest possible price, and the reconciler divides the rest when the broker's statement confirms it.
        price, value = possible, block.filled_value + new_quantity * possible
    return Execution(execution_id, new_quantity, price, progress.filled_quantity, value, progress.occurred_at)


def _within_limit(block: BlockState, price: Decimal) -> Decimal:
    """The price nearest to `price` at which the broker can have filled the block."""
    if block.limit_price is None:
        return price
    if block.side == Side.BUY:
        return min(max(price, PRICE_STEP), block.limit_price)
    return max(price, block.limit_price)


def _traded(
    block: BlockState, orders: Sequence[OrderState], filled: Mapping[UUID, Decimal], execution: Execution
) -> list[NewTrade]:
    """Divides an execution, and what crosses with it at its price, among the orders.

    Every order of the block's side gets the same proportion of what it still wants, filled by the broker to the extent of the net and inside
    for the rest; nothing is paid for what crosses.
    """
    crossing = _crossing(block, orders, filled, execution)
    wanted = {order.order_id: order.quantity - filled[order.order_id] for order in orders if order.side == block.side}
    total = execution.quantity + sum(crossing.values(), ZERO)
    parts = allocate(total, wanted, key=f"{block.block_id}/{execution.execution_id}", step=block.step)
    at_broker = _at_broker(block, parts, execution)
    fees = _fees(block, execution, at_broker)
    price, at = execution.price, execution.filled_at
    trades = []
    for order in orders:
        part = at_broker.get(order.order_id, ZERO)
        inside = parts.get(order.order_id, ZERO) - part + crossing.get(order.order_id, ZERO)
        if part > 0:
            sold = order.side == Side.SELL
            fee_quantity = ZERO if sold else fees[order.order_id]
            fee_cash = (part * price * block.fee_rate).quantize(PRICE_STEP) if sold else ZERO
            trades.append(
                NewTrade(
                    order.order_id,
                    order.side,
                    part,
                    price,
                    execution.execution_id,
                    at,
                    fee_quantity,
                    fee_cash,
                    short=order.short,
                )
            )
        if inside > 0:
            trades.append(
                NewTrade(
                    order.order_id,
                    order.side,
                    inside,
                    price,
                    execution.execution_id,
                    at,
                    inside=True,
                    short=order.short,
                )
            )
    return trades


def _at_broker(block: BlockState, parts: Mapping[UUID, Decimal], execution: Execution) -> dict[UUID, Decimal]:
    """How much of each order's part the broker filled.

    Where the broker takes a fee, everybody has it in the same proportion. Else it is all one to everybody, since the price is the same and
    a correction is divided among all orders of the side; so it goes to as few orders as can be, and hardly any has two trades of one fill.
    """
    if block.fee_rate > 0:
        return allocate(
            execution.quantity, parts, key=f"{block.block_id}/broker/{execution.execution_id}", step=block.step
        )
    left, taken = execution.quantity, {}
    for order_id, part in parts.items():
        taken[order_id] = min(left, part)
        left -= taken[order_id]
    return taken


def _fees(block: BlockState, execution: Execution, parts: Mapping[UUID, Decimal]) -> dict[UUID, Decimal]:
    """The coins the broker keeps of a purchase, divided among the orders that got the rest."""
    fee = fee_quantity(execution.quantity, block.fee_rate, FEE_STEP * block.step / QUANTITY_STEP)
    # Of a few billionths of a coin nothing is left.
    fee = min(fee, execution.quantity)
    return allocate(fee, parts, key=f"{block.block_id}/fee/{execution.execution_id}")


def fee_quantity(quantity: Decimal, rate: Decimal, step: Decimal = FEE_STEP) -> Decimal:
    """Computes the fee, in coins, of a crypto purchase, rounded up a little more coarsely than the broker does.

    It rounds the fee of every fill by itself, and a recovered execution may stand for several. Rounding up makes sure that the
    ledger never holds more coins than the account, so that what is sold is there.
    """
    return (quantity * rate / step).to_integral_value(ROUND_UP) * step


def _crossing(
    block: BlockState, orders: Sequence[OrderState], filled: Mapping[UUID, Decimal], execution: Execution
) -> dict[UUID, Decimal]:
    """How much of each order of the smaller side crosses with an execution: the same proportion as is filled of the block.

    Where the price is beyond an order's limit, that order does not cross now, and what stood against it waits for another block.
    """
    before = execution.cumulative_quantity - execution.quantity
    crossing = _crossing_parts(block, orders)
    left = {
        order.order_id: max(crossing[order.order_id] - filled[order.order_id], ZERO)
        for order in orders
        if order.side != block.side
        and may_cross(order.side, order.limit, execution.price, block.cross_low, block.cross_high)
    }
    total = sum((crossing[order_id] for order_id in left), ZERO)
    share = _share(total, execution.cumulative_quantity, block) - _share(total, before, block)
    now = min(share, sum(left.values(), ZERO))
    return allocate(now, left, key=f"{block.block_id}/cross:{execution.execution_id}", step=block.step)


def _crossing_parts(block: BlockState, orders: Sequence[OrderState]) -> dict[UUID, Decimal]:
    """How much of each order of the smaller side crosses when the block is filled whole.

    That is all of it, but where the sides were nearly equal and a little went to the broker to have a price: what that leaves over on the
    smaller side stays with few orders, drawn by the block, and goes out next.
    """
    smaller = {order.order_id: order.quantity for order in orders if order.side != block.side}
    over = sum(smaller.values(), ZERO) - block.cross_quantity
    for order_id in drawn(smaller, str(block.block_id)):
        kept = min(over, smaller[order_id])
        smaller[order_id] -= kept
        over -= kept
    return smaller


def _share(quantity: Decimal, filled: Decimal, block: BlockState) -> Decimal:
    """What of a quantity crosses until so much of the block is filled."""
    if filled == block.quantity:
        return quantity
    return (quantity * filled / block.quantity / block.step).to_integral_value(ROUND_DOWN) * block.step
