"""From a signal to an order: how much, and whether the user may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Literal
from uuid import UUID

from stratforge.portfolio.reasons import Reason

Side = Literal["buy", "sell"]
SizingRule = Literal["FIXED_CASH", "EQUITY_FRACTION", "FIXED_QUANTITY"]
TradingState = Literal["ACTIVE", "REDUCING", "HALTED"]

# Alpaca takes quantities of up to nine decimals and no order under one dollar.
QUANTITY_STEP = Decimal("0.000000001")
MINIMUM_NOTIONAL = Decimal(1)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class SignalRequest:
    """A pending signal with the sizing rule of its session. `size` is read by `size_kind` (see the strategy language)."""

    signal_id: int
    user_id: UUID
    session_id: UUID
    side: Side
    confidence: Decimal
    size_kind: Literal["default", "fraction", "quantity", "notional"]
    size: Decimal
    sizing_rule: SizingRule
    sizing_value: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """A user's money: free cash, equity (cash, reservations and positions at the latest prices) and trading state."""

    user_id: UUID
    cash: Decimal
    equity: Decimal
    trading_state: TradingState = "ACTIVE"


@dataclass(frozen=True, slots=True)
class SizedOrder:
    """What becomes of a signal: an order with its reservation, or a refusal with its reason."""

    signal: SignalRequest
    quantity: Decimal
    reserved_cash: Decimal = ZERO
    reserved_quantity: Decimal = ZERO
    reason: Reason | None = None


def size_orders(
    signals: Sequence[SignalRequest],
    accounts: Mapping[UUID, Account],
    free_quantities: Mapping[UUID, Decimal],
    price: Decimal,
    collar: Decimal,
) -> list[SizedOrder]:
    """Sizes and checks the signals on one symbol.

    Args:
        signals: The signals. Their order decides only between signals of one user that compete for the same cash.
        accounts: The accounts of all users who signaled.
        free_quantities: What each session holds and is not already selling, by session.
        price: The reference price.
        collar: How far the execution may lie from the reference price, as a fraction; buys reserve that much more.
    """
    cash = {user_id: account.cash for user_id, account in accounts.items()}
    free = dict(free_quantities)
    sized = []
    for signal in signals:
        account = accounts[signal.user_id]
        order = _size(signal, account, cash[signal.user_id], free.get(signal.session_id, ZERO), price, collar)
        cash[signal.user_id] -= order.reserved_cash
        free[signal.session_id] = free.get(signal.session_id, ZERO) - order.reserved_quantity
        sized.append(order)
    return sized


def _size(
    signal: SignalRequest, account: Account, cash: Decimal, free: Decimal, price: Decimal, collar: Decimal
) -> SizedOrder:
    if account.trading_state == "HALTED":
        return SizedOrder(signal, ZERO, reason=Reason.USER_HALTED)
    if signal.side == "sell":
        quantity = min(_sell_quantity(signal, free), free)
        if free <= 0 or quantity <= 0:
            return SizedOrder(signal, ZERO, reason=Reason.NO_POSITION)
        # What is left over would be too small to sell on its own, so it goes along.
        if (free - quantity) * price < MINIMUM_NOTIONAL:
            quantity = free
        return SizedOrder(signal, quantity, reserved_quantity=quantity)
    if account.trading_state == "REDUCING":
        return SizedOrder(signal, ZERO, reason=Reason.REDUCING_ONLY)
    quantity = _buy_quantity(signal, account, price)
    if signal.size_kind in ("default", "fraction"):
        # A share of the equity means as much of it as is free; a quantity or an amount means what it says, or nothing.
        quantity = min(quantity, cash / (price * (1 + collar)))
    quantity = quantity.quantize(QUANTITY_STEP, ROUND_DOWN)
    if quantity * price < MINIMUM_NOTIONAL:
        return SizedOrder(signal, quantity, reason=Reason.BELOW_MINIMUM)
    reserve = quantity * price * (1 + collar)
    if reserve > cash:
        return SizedOrder(signal, quantity, reason=Reason.INSUFFICIENT_CASH)
    return SizedOrder(signal, quantity, reserved_cash=reserve)


def _sell_quantity(signal: SignalRequest, free: Decimal) -> Decimal:
    if signal.size_kind == "fraction":
        return (free * signal.size).quantize(QUANTITY_STEP, ROUND_DOWN)
    if signal.size_kind == "quantity":
        return signal.size.quantize(QUANTITY_STEP, ROUND_DOWN)
    return free


def _buy_quantity(signal: SignalRequest, account: Account, price: Decimal) -> Decimal:
    if signal.size_kind == "quantity":
        return signal.size
    if signal.size_kind == "notional":
        return signal.size / price
    if signal.size_kind == "fraction":
        return account.equity * signal.size / price
    if signal.sizing_rule == "FIXED_QUANTITY":
        return signal.sizing_value
    if signal.sizing_rule == "FIXED_CASH":
        return signal.sizing_value / price
    return account.equity * signal.sizing_value * signal.confidence / price
