"""Sizing, netting, allocation and settlement, by property."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.portfolio.allocation import allocate
from stratforge.portfolio.netting import collar_price, net_orders
from stratforge.portfolio.reasons import Reason
from stratforge.portfolio.settlement import BlockState, OrderProgress, OrderState, settle
from stratforge.portfolio.sizing import Account, SignalRequest, SizedOrder, size_orders

NOW = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
COLLAR = Decimal("0.02")
ZERO = Decimal(0)
quantities = st.integers(1, 10**13).map(lambda n: Decimal(n) / 10**9)


def signal(side: str = "buy", **changes: object) -> SignalRequest:
    """A signal of a user of its own."""
    values = {
        "signal_id": 1,
        "user_id": uuid4(),
        "session_id": uuid4(),
        "side": side,
        "confidence": Decimal(1),
        "size_kind": "default",
        "size": ZERO,
        "sizing_rule": "EQUITY_FRACTION",
        "sizing_value": Decimal("0.1"),
    }
    return SignalRequest(**{**values, **changes})


def size_one(request: SignalRequest, cash: str = "1000", held: str = "0", state: str = "ACTIVE") -> SizedOrder:
    """Sizes one signal at a price of 10."""
    account = Account(request.user_id, Decimal(cash), Decimal(cash) + Decimal(held) * 10, state)
    (order,) = size_orders(
        [request], {request.user_id: account}, {request.session_id: Decimal(held)}, Decimal(10), COLLAR
    )
    return order


def test_a_fraction_of_equity_is_scaled_by_confidence() -> None:
    assert size_one(signal(confidence=Decimal("0.5"))).quantity == Decimal(5)


def test_a_purchase_reserves_its_worst_price() -> None:
    assert size_one(signal()).reserved_cash == Decimal(10) * 10 * (1 + COLLAR)


@pytest.mark.parametrize(
    ("request_", "arguments", "reason"),
    [
        (signal(size_kind="notional", size=Decimal(5000)), {}, Reason.INSUFFICIENT_CASH),
        (signal(size_kind="notional", size=Decimal("0.5")), {}, Reason.BELOW_MINIMUM),
        (signal("sell"), {}, Reason.NO_POSITION),
        (signal(), {"state": "HALTED"}, Reason.USER_HALTED),
        (signal(), {"state": "REDUCING"}, Reason.REDUCING_ONLY),
    ],
)
def test_refusals_have_a_reason(request_: SignalRequest, arguments: dict[str, str], reason: Reason) -> None:
    order = size_one(request_, **arguments)
    assert order.reason is reason
    assert order.reserved_cash == order.reserved_quantity == 0


def test_a_share_of_the_equity_is_cut_to_the_free_cash() -> None:
    order = size_one(signal(sizing_value=Decimal(1)))
    assert order.reason is None
    assert Decimal(999) < order.reserved_cash <= Decimal(1000)


def test_a_reducing_account_may_sell() -> None:
    assert size_one(signal("sell"), held="5", state="REDUCING").quantity == 5


def test_what_would_be_left_too_small_to_sell_goes_along() -> None:
    assert size_one(signal("sell", size_kind="quantity", size=Decimal("4.95")), held="5").quantity == 5


def test_two_purchases_of_one_user_never_spend_the_same_cash() -> None:
    user = uuid4()
    requests = [signal(user_id=user, size_kind="notional", size=Decimal(600)) for _ in range(2)]
    account = Account(user, Decimal(1000), Decimal(1000))
    first, second = size_orders(requests, {user: account}, {}, Decimal(10), COLLAR)
    assert first.reason is None
    assert second.reason is Reason.INSUFFICIENT_CASH


@given(st.lists(st.tuples(st.sampled_from(["buy", "sell"]), quantities), min_size=1, max_size=20))
def test_the_net_is_the_difference_of_the_sides_and_the_smaller_side_crosses(orders: list[tuple[str, Decimal]]) -> None:
    sized = [SizedOrder(signal(side), quantity) for side, quantity in orders]
    bought = sum((q for side, q in orders if side == "buy"), ZERO)
    sold = sum((q for side, q in orders if side == "sell"), ZERO)
    block = net_orders(sized, Decimal(10), COLLAR)
    assert block.quantity == abs(bought - sold)
    assert block.cross_quantity == min(bought, sold)
    assert block.side == (None if bought == sold else "buy" if bought > sold else "sell")


@given(st.decimals(Decimal("0.0101"), Decimal(100000), places=4))
def test_a_limit_never_lies_beyond_the_collar(price: Decimal) -> None:
    assert collar_price("buy", price, COLLAR) <= price * (1 + COLLAR)
    assert collar_price("sell", price, COLLAR) >= price * (1 - COLLAR)


@given(st.lists(quantities, min_size=1, max_size=30), st.data())
def test_allocation_is_exact_and_never_exceeds_a_demand(sizes: list[Decimal], data: st.DataObject) -> None:
    demands = {UUID(int=index): size for index, size in enumerate(sizes)}
    steps = int(sum(sizes, ZERO) * 10**9)
    total = Decimal(data.draw(st.integers(0, steps))) / 10**9
    parts = allocate(total, demands, key="block")
    assert sum(parts.values(), ZERO) == total
    assert all(ZERO <= parts[each] <= demands[each] for each in demands)
    for each in demands:
        exact = total * demands[each] / sum(sizes, ZERO)
        assert abs(parts[each] - exact) <= Decimal("0.000000002") * len(sizes)


def test_rounding_favors_nobody_over_many_blocks() -> None:
    users = [UUID(int=index) for index in range(3)]
    given_more = dict.fromkeys(users, 0)
    for block in range(3000):
        parts = allocate(Decimal("0.000000001"), dict.fromkeys(users, Decimal(1)), key=str(block))
        given_more[max(parts, key=lambda each: parts[each])] += 1
    assert all(850 < count < 1150 for count in given_more.values())


@given(
    st.lists(st.tuples(st.sampled_from(["buy", "sell"]), quantities), min_size=1, max_size=12),
    st.lists(st.integers(0, 100), max_size=6),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_settlement_is_exact_whatever_the_order_of_events(
    orders: list[tuple[str, Decimal]], cuts: list[int], complete: bool, doubled: bool
) -> None:
    states = [OrderState(UUID(int=index + 1), side, quantity, ZERO) for index, (side, quantity) in enumerate(orders)]
    net = net_orders([SizedOrder(signal(side), quantity) for side, quantity in orders], Decimal(10), COLLAR)
    block = BlockState(
        UUID(int=99), "AAPL", net.side, net.quantity, net.cross_quantity, Decimal(10), COLLAR, ZERO, ZERO
    )
    price = Decimal("10.01")
    cumulative = sorted((net.quantity * cut / 100).quantize(Decimal("0.000000001")) for cut in cuts)
    events = [OrderProgress(q, q * price, NOW) for q in cumulative]
    last = net.quantity if complete else (cumulative[-1] if cumulative else ZERO)
    events.append(OrderProgress(last, last * price, NOW, terminal="FILLED" if complete else "CANCELED"))
    if doubled:
        events = [event for event in events for _ in range(2)]
    trades = []
    for event in events:
        done = settle(block, states, event)
        trades += done.trades
        filled = {each.order_id: each.filled_quantity for each in states}
        for trade in done.trades:
            filled[trade.order_id] += trade.quantity
        states = [OrderState(each.order_id, each.side, each.quantity, filled[each.order_id]) for each in states]
        if done.execution:
            block = BlockState(
                block.block_id,
                block.symbol,
                block.side,
                block.quantity,
                block.cross_quantity,
                block.reference_price,
                block.collar,
                event.filled_quantity,
                event.filled_value,
            )
        if done.completed:
            break
    assert all(ZERO <= each.filled_quantity <= each.quantity for each in states)
    at_broker = sum((t.quantity for t in trades if not t.execution_id.startswith("cross")), ZERO)
    assert at_broker == last
    for side in ("buy", "sell"):
        crossed = sum((t.quantity for t in trades if t.execution_id.startswith("cross") and t.side == side), ZERO)
        assert crossed == net.cross_quantity
    if complete:
        assert all(each.filled_quantity == each.quantity for each in states)


def test_every_reason_has_an_explanation() -> None:
    assert all(reason.explanation for reason in Reason)
