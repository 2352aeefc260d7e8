"""Netting and allocation, by property."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from stratforge.portfolio.allocation import allocate
from stratforge.portfolio.netting import ExecutableOrder, crossing_price, net_orders
from stratforge.portfolio.orders import Side

from tests.support.values import COLLAR, PRICE, STOCK, ZERO, quantities

limits = st.one_of(st.none(), st.integers(0, 40).map(lambda cents: Decimal(cents) / 100))


@given(st.lists(st.tuples(st.sampled_from(["buy", "sell"]), quantities), min_size=1, max_size=20))
def test_the_net_is_the_difference_of_the_sides_and_the_smaller_side_crosses(
    orders: list[tuple[Side, Decimal]],
) -> None:
    bought = sum((q for side, q in orders if side == "buy"), ZERO)
    sold = sum((q for side, q in orders if side == "sell"), ZERO)
    block = net_orders([ExecutableOrder(side, quantity) for side, quantity in orders], PRICE, COLLAR, STOCK)
    assert block is not None
    assert block.cross_quantity == min(bought, sold)
    net = abs(bought - sold)
    if STOCK.is_large_enough(net, PRICE):
        assert (block.side, block.quantity) == ("buy" if bought > sold else "sell", net)
    else:
        assert (block.side, block.quantity) == (None, ZERO)


@given(st.lists(st.tuples(st.sampled_from(["buy", "sell"]), quantities, limits), min_size=1, max_size=20), st.data())
def test_nobody_trades_beyond_his_limit_or_the_collar(
    orders: list[tuple[Side, Decimal, Decimal | None]], data: st.DataObject
) -> None:
    executable = [
        ExecutableOrder(side, quantity, None if room is None else PRICE + room if side == "buy" else PRICE - room)
        for side, quantity, room in orders
    ]
    block = net_orders(executable, PRICE, COLLAR, STOCK)
    assert block is not None
    inside = [each for index, each in enumerate(executable) if index not in block.left_out]
    worst = data.draw(st.integers(900, 1100).map(lambda cents: Decimal(cents) / 100))
    if block.limit_price is not None:
        worst = min(worst, block.limit_price) if block.side == "buy" else max(worst, block.limit_price)
        mine = [each.limit for each in inside if each.side == block.side and each.limit is not None]
        assert all(block.limit_price <= each if block.side == "buy" else block.limit_price >= each for each in mine)
    crossed = crossing_price(worst, block.cross_low, block.cross_high)
    assert PRICE * (1 - COLLAR) <= crossed <= PRICE * (1 + COLLAR)
    for each in inside:
        if each.limit is not None:
            assert crossed <= each.limit if each.side == "buy" else crossed >= each.limit


def test_a_tight_limit_does_not_hold_up_the_others() -> None:
    tight, free = ExecutableOrder("buy", Decimal(5), PRICE), ExecutableOrder("buy", Decimal(7))
    block = net_orders([tight, free], PRICE, COLLAR, STOCK)
    assert block is not None
    assert (block.left_out, block.quantity, block.tight) == (frozenset({0}), Decimal(7), False)
    alone = net_orders([tight], PRICE, COLLAR, STOCK)
    assert alone is not None
    assert (alone.limit_price, alone.tight) == (PRICE, True)


def test_the_order_of_arrival_decides_nothing() -> None:
    orders = [
        ExecutableOrder("buy", Decimal(3), PRICE),
        ExecutableOrder("sell", Decimal(5)),
        ExecutableOrder("buy", Decimal(1)),
    ]
    there = net_orders(orders, PRICE, COLLAR, STOCK)
    back = net_orders(orders[::-1], PRICE, COLLAR, STOCK)
    assert there is not None
    assert back is not None
    assert (there.side, there.quantity, there.limit_price) == (back.side, back.quantity, back.limit_price)


@given(st.decimals(Decimal("0.0101"), Decimal(100000), places=4))
def test_a_limit_never_lies_beyond_the_collar(price: Decimal) -> None:
    sides: tuple[Side, ...] = ("buy", "sell")
    for side in sides:
        block = net_orders([ExecutableOrder(side, Decimal(1000))], price, COLLAR, STOCK)
        assert block is not None
        assert block.limit_price is not None
        assert STOCK.on_tick(block.limit_price)
        assert block.limit_price <= price * (1 + COLLAR) if side == "buy" else block.limit_price >= price * (1 - COLLAR)


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
