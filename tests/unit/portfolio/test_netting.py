"""Netting and allocation, by property."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stratforge.market.sizes import Side
from stratforge.portfolio.allocation import allocate
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.netting import Block, ExecutableOrder, may_cross, net_orders, within

from tests.support.values import COLLAR, PRICE, STOCK, ZERO, quantities

limits = st.one_of(st.none(), st.integers(0, 40).map(lambda cents: Decimal(cents) / 100))
sides = st.sampled_from(["buy", "sell"])


def order(side: Side, quantity: str, limit: str | None = None) -> ExecutableOrder:
    """An executable order."""
    return ExecutableOrder(side, Decimal(quantity), Decimal(limit) if limit else None)


def net(*orders: ExecutableOrder, balanced: Side = Side.BUY, limits_first: bool = False) -> Block:
    """The block of orders in a stock at ten."""
    block = net_orders(orders, PRICE, COLLAR, STOCK, balanced=balanced, limits_first=limits_first)
    assert block is not None
    return block


@given(st.lists(st.tuples(sides, quantities), min_size=1, max_size=20), sides)
def test_what_is_bought_is_sold_or_goes_to_the_broker(orders: list[tuple[Side, Decimal]], balanced: Side) -> None:
    bought = sum((q for side, q in orders if side == "buy"), ZERO)
    sold = sum((q for side, q in orders if side == "sell"), ZERO)
    block = net(*(ExecutableOrder(side, quantity) for side, quantity in orders), balanced=balanced)
    larger = max(bought, sold)
    if block.side is None:
        assert not STOCK.is_large_enough(min(larger, Decimal(1)), PRICE)
        return
    assert block.side == (balanced if bought == sold else "buy" if bought > sold else "sell")
    # The larger side is filled whole: by the broker and by what crosses.
    assert block.quantity + block.cross_quantity == larger
    assert STOCK.is_large_enough(block.quantity, PRICE)
    small = not STOCK.is_large_enough(abs(bought - sold), PRICE)
    assert block.quantity == (min(Decimal(1), larger) if small else abs(bought - sold))
    assert ZERO <= block.cross_quantity <= min(bought, sold)


@given(st.lists(st.tuples(sides, quantities, limits), min_size=1, max_size=20), st.booleans(), sides)
def test_the_broker_never_gets_a_price_beyond_a_limit_of_its_side_or_the_collar(
    orders: list[tuple[Side, Decimal, Decimal | None]], limits_first: bool, balanced: Side
) -> None:
    executable = [
        ExecutableOrder(side, quantity, None if room is None else PRICE + room if side == "buy" else PRICE - room)
        for side, quantity, room in orders
    ]
    block = net(*executable, limits_first=limits_first, balanced=balanced)
    assert (block.cross_low, block.cross_high) == (PRICE * (1 - COLLAR), PRICE * (1 + COLLAR))
    assert len(block.left_out) < len(executable)
    if block.limit_price is None:
        return
    assert block.cross_low <= block.limit_price <= block.cross_high
    for index, each in enumerate(executable):
        if index not in block.left_out and each.side == block.side and each.limit is not None:
            assert block.limit_price <= each.limit if block.side == "buy" else block.limit_price >= each.limit


@pytest.mark.parametrize(
    ("unfilled", "orders", "goes"),
    [
        # Nothing was tried in vain: both sides, and whatever seems as good as at the market.
        (None, ("buy 10.01", "buy 10.02", "sell 9.99", "sell 9.98"), {0, 1, 2, 3}),
        # The other side's turn, its best alone; the same side's again where there is no other.
        (Side.BUY, ("buy 10.01", "buy 10.02", "sell 9.99", "sell 9.98"), {3}),
        (Side.SELL, ("buy 10.01", "buy 10.02", "sell 9.99", "sell 9.98"), {1}),
        (Side.BUY, ("buy 10.01", "buy 10.02"), {1}),
        (Side.SELL, ("sell 9.99", "sell 9.98"), {1}),
    ],
)
def test_after_limits_that_found_nobody_the_best_of_the_other_side_goes_alone(
    unfilled: Side | None, orders: tuple[str, ...], goes: set[int]
) -> None:
    waiting = [order(Side(side), "5", limit) for side, limit in (each.split() for each in orders)]
    block = net_orders(waiting, PRICE, COLLAR, STOCK, balanced=Side.BUY, limits_first=True, unfilled=unfilled)
    assert block is not None
    assert set(range(len(orders))) - block.left_out == goes


def test_orders_at_the_market_and_limit_orders_take_turns() -> None:
    orders = (order(Side.BUY, "5", "10"), order(Side.BUY, "7"), order(Side.SELL, "3", "10"))
    block = net(*orders)
    assert (block.left_out, block.quantity, block.cross_quantity, block.owes_turn) == (
        frozenset({0, 2}),
        Decimal(7),
        ZERO,
        True,
    )
    block = net(*orders, limits_first=True)
    assert (block.left_out, block.quantity, block.cross_quantity) == (frozenset({1}), Decimal(2), Decimal(3))
    assert not block.owes_turn
    assert block.limit_price == PRICE


def test_a_limit_beyond_the_collar_is_an_order_at_the_market() -> None:
    block = net(order(Side.BUY, "5", "10.20"), order(Side.BUY, "7"))
    assert (block.left_out, block.limit_price, block.owes_turn) == (frozenset(), Decimal("10.20"), False)


def test_nobody_owes_limits_a_turn_where_there_are_none() -> None:
    assert not net(order(Side.BUY, "1"), limits_first=True).owes_turn
    assert not net(order(Side.BUY, "1", "10"), order(Side.BUY, "1", "10.005"), limits_first=False).owes_turn


@pytest.mark.parametrize(("side", "better", "worse"), [("buy", "10.005", "10"), ("sell", "9.995", "10")])
def test_the_better_limit_goes_first_and_is_not_bound_by_the_other(side: Side, better: str, worse: str) -> None:
    block = net(order(side, "1", worse), order(side, "2", better), order(side, "4", better))
    assert (block.left_out, block.quantity) == (frozenset({0}), Decimal(6))
    assert block.limit_price == STOCK.round_limit(Decimal(better), up=side == "sell")


@pytest.mark.parametrize(
    ("side", "at", "beyond", "short"), [("buy", "10.01", "10.05", "10"), ("sell", "9.99", "9.95", "10")]
)
def test_limits_that_are_filled_at_once_go_together(side: Side, at: str, beyond: str, short: str) -> None:
    block = net(order(side, "1", at), order(side, "2", beyond), order(side, "4", short))
    assert (block.left_out, block.quantity, block.limit_price) == (frozenset({2}), Decimal(3), Decimal(at))


@pytest.mark.parametrize("balanced", ["buy", "sell"])
def test_equal_sides_send_a_share_to_have_a_price(balanced: Side) -> None:
    block = net(order(Side.BUY, "100"), order(Side.SELL, "100"), balanced=balanced)
    assert (block.side, block.quantity, block.cross_quantity) == (balanced, Decimal(1), Decimal(99))


@pytest.mark.parametrize(
    ("price", "smallest", "quantity"), [("10", "0.0001", "1"), ("10", "3", "3"), ("9.9", "0.0001", "1.02")]
)
def test_coins_for_ten_dollars_are_sent_to_have_a_price(price: str, smallest: str, quantity: str) -> None:
    coin = AssetRules("BTC/USD", crypto=True, min_order_size=Decimal(smallest), quantity_increment=Decimal("0.01"))
    orders = [order(Side.BUY, "100"), order(Side.SELL, "100")]
    block = net_orders(orders, Decimal(price), COLLAR, coin, balanced=Side.BUY, limits_first=False)
    assert block is not None
    assert (block.quantity, block.cross_quantity) == (Decimal(quantity), 100 - Decimal(quantity))


def test_less_than_a_share_on_each_side_does_not_cross() -> None:
    block = net(order(Side.BUY, "0.5"), order(Side.SELL, "0.4999"))
    assert (block.side, block.quantity, block.cross_quantity) == ("buy", Decimal("0.5"), ZERO)


def test_what_is_too_small_for_the_broker_goes_nowhere() -> None:
    block = net(order(Side.BUY, "0.05"), order(Side.SELL, "0.06"))
    assert (block.side, block.quantity, block.cross_quantity, block.limit_price) == (None, ZERO, ZERO, None)
    assert block.left_out == frozenset()


def test_no_orders_make_no_block() -> None:
    assert net_orders([], PRICE, COLLAR, STOCK, balanced=Side.BUY, limits_first=False) is None


def test_the_order_of_arrival_decides_nothing() -> None:
    orders = [order(Side.BUY, "3"), order(Side.SELL, "5"), order(Side.BUY, "1"), order(Side.SELL, "9", "10")]
    there, back = net(*orders), net(*orders[::-1])
    assert (there.side, there.quantity, there.limit_price) == (back.side, back.quantity, back.limit_price)


@given(st.decimals(Decimal("0.0101"), Decimal(100000), places=4))
def test_a_limit_never_lies_beyond_the_collar(price: Decimal) -> None:
    for side in Side:
        block = net_orders(
            [ExecutableOrder(side, Decimal(1000))], price, COLLAR, STOCK, balanced=Side.BUY, limits_first=False
        )
        assert block is not None
        assert block.limit_price is not None
        assert STOCK.on_tick(block.limit_price)
        assert block.limit_price <= price * (1 + COLLAR) if side == "buy" else block.limit_price >= price * (1 - COLLAR)


@pytest.mark.parametrize(
    ("side", "limit", "price", "may"),
    [
        ("buy", None, "10.2", True),
        ("buy", None, "10.21", False),
        ("buy", "10.1", "10.1", True),
        ("buy", "10.1", "10.11", False),
        ("buy", "11", "10.21", False),
        ("sell", None, "9.8", True),
        ("sell", None, "9.79", False),
        ("sell", "9.9", "9.9", True),
        ("sell", "9.9", "9.89", False),
        ("sell", "9", "9.79", False),
    ],
)
def test_nobody_crosses_beyond_his_limit_or_the_collar(side: Side, limit: str | None, price: str, may: bool) -> None:
    own = Decimal(limit) if limit else None
    assert may_cross(side, own, Decimal(price), Decimal("9.8"), Decimal("10.2")) is may


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


@pytest.mark.parametrize(
    ("dollars", "quantity"),
    [("1000000", "100"), ("1020", "100"), ("510", "50"), ("10.2", "1"), ("0", None), ("-5", None)],
)
def test_a_purchase_is_cut_to_what_the_account_can_pay(dollars: str, quantity: str | None) -> None:
    block = net(order(Side.BUY, "100"))
    cut = within(block, Decimal(dollars), PRICE, STOCK)
    assert (None if cut is None else cut.quantity) == (None if quantity is None else Decimal(quantity))
    if cut is not None:
        assert (cut.limit_price, cut.side, cut.cross_quantity) == (block.limit_price, "buy", block.cross_quantity)


def test_an_account_that_owes_buys_nothing_at_a_limit_below_the_price() -> None:
    assert within(net(order(Side.BUY, "100", "5")), Decimal(-5), PRICE, AssetRules("AAPL")) is None


def test_what_is_no_order_of_an_asset_is_not_cut() -> None:
    assert within(net(order(Side.BUY, "100")), Decimal(1000), PRICE, None) is None
    assert within(net(order(Side.BUY, "0.05")), Decimal(1000), PRICE, STOCK) is None
