"""Settlement and reconciliation, by property."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stratforge.broker import BrokerOrder
from stratforge.bus.messages import OrderUpdate
from stratforge.market.sizes import Side
from stratforge.portfolio.corrections import Share, correct_fills, split_positions
from stratforge.portfolio.netting import ExecutableOrder, net_orders
from stratforge.portfolio.orders import BlockStatus
from stratforge.portfolio.settlement import BlockState, NewTrade, OrderProgress, OrderState, settle

from tests.support.tiers import examples
from tests.support.values import COLLAR, NOW, PRICE, STOCK, ZERO, quantities


@given(
    st.lists(st.tuples(st.sampled_from(["buy", "sell"]), quantities), min_size=1, max_size=12),
    st.lists(st.integers(0, 100), max_size=6),
    st.booleans(),
    st.booleans(),
    st.sampled_from([ZERO, Decimal("0.0025")]),
)
@settings(max_examples=examples(200), deadline=None)
def test_settlement_is_exact_whatever_the_order_of_events(
    orders: list[tuple[Side, Decimal]], cuts: list[int], complete: bool, doubled: bool, fee_rate: Decimal
) -> None:
    states = [OrderState(UUID(int=index + 1), side, quantity, ZERO) for index, (side, quantity) in enumerate(orders)]
    net = net_orders(
        [ExecutableOrder(side, quantity) for side, quantity in orders],
        PRICE,
        COLLAR,
        STOCK,
        balanced=Side.BUY,
        limits_first=False,
    )
    assume(net is not None and net.side is not None)
    assert net is not None
    assert net.side is not None
    block = BlockState(
        UUID(int=99),
        "AAPL",
        net.side,
        net.quantity,
        net.cross_quantity,
        net.cross_low,
        net.cross_high,
        fee_rate,
        net.limit_price,
        ZERO,
        ZERO,
    )
    price = Decimal("10.01") if net.side == "buy" else Decimal("9.99")
    cumulative = sorted((net.quantity * cut / 100).quantize(Decimal("0.000000001")) for cut in cuts)
    events = [OrderProgress(q, q * price, NOW) for q in cumulative]
    last = net.quantity if complete else (cumulative[-1] if cumulative else ZERO)
    events.append(
        OrderProgress(last, last * price, NOW, terminal=BlockStatus.FILLED if complete else BlockStatus.CANCELED)
    )
    if doubled:
        events = [event for event in events for _ in range(2)]
    trades: list[NewTrade] = []
    for event in events:
        done = settle(block, states, event)
        trades += done.trades
        filled = {each.order_id: each.filled_quantity for each in states}
        for trade in done.trades:
            filled[trade.order_id] += trade.quantity
        states = [replace(each, filled_quantity=filled[each.order_id]) for each in states]
        if done.execution:
            block = replace(block, filled_quantity=event.filled_quantity, filled_value=event.filled_value)
        if done.completed:
            break
    assert all(ZERO <= each.filled_quantity <= each.quantity for each in states)
    executed = [trade for trade in trades if not trade.inside]
    assert sum((trade.quantity for trade in executed), ZERO) == last
    crossed = [trade for trade in trades if trade.inside]
    assert all(trade.fee_quantity == trade.fee_cash == 0 for trade in crossed)
    assert {trade.price for trade in crossed} <= {price}
    for side in ("buy", "sell"):
        quantity = sum((trade.quantity for trade in crossed if trade.side == side), ZERO)
        exact = net.cross_quantity * last / net.quantity
        assert exact - Decimal("0.000000001") * len(orders) <= quantity <= exact
    fees = sum((trade.fee_quantity for trade in executed if trade.side == "buy"), ZERO)
    bought = sum((trade.quantity for trade in executed if trade.side == "buy"), ZERO)
    assert bought * fee_rate <= fees <= bought * fee_rate + Decimal("0.00000001") * len(events)
    if complete:
        assert all(each.filled_quantity == each.quantity for each in states if each.side == net.side)
        left = sum((each.quantity - each.filled_quantity for each in states if each.side != net.side), ZERO)
        # Nothing, or what takes the place of the share that was sent to have a price.
        sold = sum((each.quantity for each in states if each.side != net.side), ZERO)
        assert left == sold - net.cross_quantity <= 1


shares = st.lists(st.tuples(quantities, quantities, quantities, st.integers(0, 2)), min_size=1, max_size=8)


@given(shares, st.sampled_from(["buy", "sell"]), st.integers(-(10**10), 10**10), st.integers(-(10**6), 10**6))
def test_a_correction_is_divided_exactly_or_not_at_all(
    parts: list[tuple[Decimal, Decimal, Decimal, int]], side: str, billionths: int, cents: int
) -> None:
    quantity, value = Decimal(billionths) / 10**9, Decimal(cents) / 100
    cash = {user: next(each[1] for each in parts if each[3] == user) for user in {each[3] for each in parts}}
    held = {user: next(each[2] for each in parts if each[3] == user) for user in cash}
    given_ = [
        Share(UUID(int=index), UUID(int=user), None, filled, cash[user], held[user])
        for index, (filled, _, _, user) in enumerate(parts)
    ]
    adjustments = correct_fills(side, quantity, value, given_, key="block")  # type: ignore[arg-type]
    if adjustments is None:
        return
    sign = 1 if side == "buy" else -1
    assert sum((each.quantity for each in adjustments), ZERO) == sign * quantity
    assert sum((each.cash for each in adjustments), ZERO) == -sign * value
    for user in cash:
        mine = [each for each in adjustments if each.user_id == UUID(int=user)]
        assert cash[user] + sum((each.cash for each in mine), ZERO) >= 0
        assert held[user] + sum((each.quantity for each in mine), ZERO) >= 0


@given(st.lists(quantities, min_size=1, max_size=10), st.sampled_from(["2", "3", "0.5", "0.1", "1.5"]))
def test_a_split_keeps_everybodys_part(holdings: list[Decimal], ratio: str) -> None:
    before = {UUID(int=index): quantity for index, quantity in enumerate(holdings)}
    after = split_positions(before, Decimal(ratio))
    total = sum(after.values(), ZERO)
    assert ZERO <= sum(before.values(), ZERO) * Decimal(ratio) - total < Decimal("0.000000001")
    for holder, quantity in after.items():
        assert abs(quantity - before[holder] * Decimal(ratio)) <= Decimal("0.00000002")


@pytest.mark.parametrize(
    ("status", "final"),
    [
        ("filled", True),
        ("canceled", True),
        ("expired", True),
        ("rejected", True),
        ("done_for_day", True),
        ("calculated", True),
        ("replaced", False),
        ("suspended", False),
        ("stopped", False),
        ("held", False),
        ("something_new", False),
        ("new", False),
        ("partially_filled", False),
        ("pending_cancel", False),
    ],
)
def test_a_look_up_and_an_event_agree_on_which_statuses_are_final(status: str, final: bool) -> None:
    order = BrokerOrder("b-1", "sf-1", "AAPL", status, ZERO, None, NOW, NOW)
    assert order.ended is final
    assert (OrderUpdate.of_order(order).progress().terminal is not None) is final
