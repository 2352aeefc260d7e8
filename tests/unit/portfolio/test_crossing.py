"""Fills and what crosses with them, by example: who gets how much, at which price, and what he pays for it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from stratforge.market.sizes import Side
from stratforge.portfolio.allocation import allocate, drawn
from stratforge.portfolio.corrections import Adjustment, Share, correct_fills, is_rounding, split_positions
from stratforge.portfolio.orders import BlockStatus
from stratforge.portfolio.reasons import Reason
from stratforge.portfolio.settlement import BlockState, OrderProgress, OrderState, fee_quantity, settle

from tests.support.values import NOW, ZERO

A, B, C, D = (UUID(int=number) for number in range(1, 5))
BLOCK = BlockState(
    block_id=UUID(int=99),
    symbol="AAPL",
    side=Side.BUY,
    quantity=Decimal(10),
    cross_quantity=Decimal(20),
    cross_low=Decimal("9.8"),
    cross_high=Decimal("10.2"),
    fee_rate=ZERO,
    limit_price=Decimal("10.2"),
    filled_quantity=ZERO,
    filled_value=ZERO,
)


def order(order_id: UUID, side: Side, quantity: str, limit: str | None = None, filled: str = "0") -> OrderState:
    """An order of the block."""
    return OrderState(order_id, side, Decimal(quantity), Decimal(filled), Decimal(limit) if limit else None)


def progress(filled: str, price: str, terminal: BlockStatus | None = None, **told: Any) -> OrderProgress:
    """What the broker says: so much in all, at an average of so much."""
    return OrderProgress(Decimal(filled), Decimal(filled) * Decimal(price), NOW, terminal, **told)


def got(block: BlockState, orders: list[OrderState], event: OrderProgress) -> dict[tuple[UUID, bool], tuple[str, str]]:
    """Quantity and price of every trade, by order and whether it is inside."""
    done = settle(block, orders, event)
    assert all(trade.executed_at == NOW for trade in done.trades)
    assert all(trade.side == next(o.side for o in orders if o.order_id == trade.order_id) for trade in done.trades)
    return {
        (trade.order_id, trade.inside): (
            f"{trade.quantity.normalize():f}",
            f"{trade.price.normalize():f}",
        )
        for trade in done.trades
    }


ORDERS = [order(A, Side.BUY, "10"), order(B, Side.BUY, "20"), order(C, Side.SELL, "5"), order(D, Side.SELL, "15")]


def whole(found: dict[tuple[UUID, bool], tuple[str, str]], who: UUID) -> Decimal:
    """All that somebody got, to the rounding step."""
    return sum((Decimal(quantity) for (each, _), (quantity, _) in found.items() if each == who), ZERO).quantize(STEP)


STEP = Decimal("0.00000001")


def test_half_a_block_brings_half_of_the_crossing_at_its_price() -> None:
    found = got(BLOCK, ORDERS, progress("5", "10.1"))
    assert {price for _, price in found.values()} == {"10.1"}
    assert (found[C, True], found[D, True]) == (("2.5", "10.1"), ("7.5", "10.1"))
    assert [whole(found, who) for who in (A, B)] == [Decimal(5), Decimal(10)]
    broker = sum((Decimal(quantity) for (_, inside), (quantity, _) in found.items() if not inside), ZERO)
    assert broker == 5


def test_the_rest_of_a_block_brings_the_rest_at_its_own_price() -> None:
    block = replace(BLOCK, filled_quantity=Decimal(6), filled_value=Decimal(60))
    orders = [
        order(A, Side.BUY, "10", filled="6"),
        order(B, Side.BUY, "20", filled="12"),
        order(C, Side.SELL, "5", filled="3"),
        order(D, Side.SELL, "15", filled="9"),
    ]
    found = got(block, orders, OrderProgress(Decimal(10), Decimal("100.4"), NOW, BlockStatus.FILLED))
    assert {price for _, price in found.values()} == {"10.1"}
    assert (found[C, True], found[D, True]) == (("2", "10.1"), ("6", "10.1"))
    assert [whole(found, who) for who in (A, B)] == [Decimal(4), Decimal(8)]


def test_a_sale_crosses_in_the_same_way() -> None:
    block = replace(BLOCK, side=Side.SELL, limit_price=Decimal("9.8"))
    orders = [order(A, Side.SELL, "30"), order(C, Side.BUY, "20")]
    assert got(block, orders, progress("10", "9.9", BlockStatus.FILLED)) == {
        (A, False): ("10", "9.9"),
        (A, True): ("20", "9.9"),
        (C, True): ("20", "9.9"),
    }


@pytest.mark.parametrize("price", ["9.9", "9.91"])
def test_who_would_cross_beyond_his_limit_does_not_and_what_stood_against_him_waits(price: str) -> None:
    orders = [order(A, Side.BUY, "30"), order(C, Side.SELL, "5", limit="9.91"), order(D, Side.SELL, "15")]
    found = got(BLOCK, orders, progress("10", price, BlockStatus.FILLED))
    crossed = {who: quantity for (who, inside), (quantity, _) in found.items() if inside}
    assert crossed == ({A: "15", D: "15"} if price == "9.9" else {A: "20", C: "5", D: "15"})


def test_what_was_missed_beyond_a_limit_is_not_made_up_later() -> None:
    orders = [order(A, Side.BUY, "30", filled="5"), order(C, Side.SELL, "20", limit="10")]
    block = replace(BLOCK, filled_quantity=Decimal(5), filled_value=Decimal("49.5"))
    found = got(block, orders, OrderProgress(Decimal(10), Decimal("99.5"), NOW, BlockStatus.FILLED))
    assert found[C, True] == ("10", "10")


def test_what_the_block_does_not_fill_does_not_cross() -> None:
    done = settle(BLOCK, ORDERS, progress("0", "0", BlockStatus.CANCELED))
    assert (done.trades, done.execution, done.completed, done.reason) == (
        (),
        None,
        BlockStatus.CANCELED,
        Reason.BROKER_CANCELED,
    )
    done = settle(BLOCK, ORDERS, progress("0", "0", BlockStatus.REJECTED))
    assert (done.trades, done.reason) == ((), Reason.BROKER_REJECTED)
    done = settle(BLOCK, ORDERS, progress("10", "10", BlockStatus.FILLED))
    assert (done.completed, done.reason) == (BlockStatus.FILLED, None)


def test_the_share_sent_for_a_price_is_left_with_one_order_of_the_other_side() -> None:
    block = replace(BLOCK, quantity=Decimal(1), cross_quantity=Decimal(19))
    orders = [order(A, Side.BUY, "20"), *(order(UUID(int=10 + n), Side.SELL, "2") for n in range(10))]
    found = got(block, orders, progress("1", "10", BlockStatus.FILLED))
    assert found[A, True] == ("19", "10")
    quantities = sorted(quantity for (who, _), (quantity, _) in found.items() if who != A)
    assert quantities == ["1"] + ["2"] * 9
    kept = next(who for (who, _), (quantity, _) in found.items() if quantity == "1" and who != A)
    assert kept == drawn([each.order_id for each in orders[1:]], str(block.block_id))[0]


def test_more_than_one_order_keeps_a_part_where_one_is_too_small() -> None:
    block = replace(BLOCK, quantity=Decimal(1), cross_quantity=Decimal("0.8"))
    orders = [order(A, Side.BUY, "1.8"), *(order(UUID(int=10 + n), Side.SELL, "0.6") for n in range(3))]
    found = got(block, orders, progress("1", "10", BlockStatus.FILLED))
    sold = sorted(quantity for (who, inside), (quantity, _) in found.items() if inside and who != A)
    assert sold == ["0.2", "0.6"]


def test_the_same_word_again_changes_nothing_and_less_than_before_neither() -> None:
    block = replace(BLOCK, filled_quantity=Decimal(5), filled_value=Decimal(50))
    assert settle(block, ORDERS, progress("5", "10")).trades == ()
    done = settle(block, ORDERS, progress("4", "10"))
    assert (done.trades, done.execution, done.completed) == ((), None, None)


def test_an_execution_that_is_named_keeps_its_name_and_price() -> None:
    told: dict[str, Any] = {"execution_id": "x-1", "last_price": Decimal("10.05"), "last_quantity": Decimal(5)}
    execution = settle(BLOCK, ORDERS, progress("5", "10.05", **told)).execution
    assert execution is not None
    assert (execution.execution_id, execution.price, execution.quantity) == ("x-1", Decimal("10.05"), Decimal(5))
    assert (execution.cumulative_quantity, execution.cumulative_value) == (Decimal(5), Decimal("50.25"))


@pytest.mark.parametrize(
    "told",
    [
        {"execution_id": "x-2", "last_price": Decimal(10), "last_quantity": Decimal(3)},
        {"execution_id": None, "last_price": Decimal(10), "last_quantity": Decimal(5)},
        {"execution_id": "x-2", "last_price": None, "last_quantity": Decimal(5)},
    ],
)
def test_missed_executions_are_recovered_at_their_average_price(told: dict[str, Any]) -> None:
    block = replace(BLOCK, filled_quantity=Decimal(5), filled_value=Decimal(50))
    execution = settle(block, ORDERS, progress("10", "10.04", **told)).execution
    assert execution is not None
    assert execution.execution_id == f"recovered:{BLOCK.block_id}:10"
    assert execution.price == Decimal("10.08")


@pytest.mark.parametrize(
    ("side", "limit", "average", "price"),
    [("buy", "10.2", "10.5", "10.2"), ("buy", "10.2", "-1", "0.000000000001"), ("sell", "9.8", "9.5", "9.8")],
)
def test_a_price_that_the_broker_cannot_have_filled_at_becomes_the_nearest_possible(
    side: Side, limit: str, average: str, price: str
) -> None:
    block = replace(BLOCK, side=side, limit_price=Decimal(limit), cross_quantity=ZERO)
    execution = settle(block, [order(A, side, "10")], progress("10", average)).execution
    assert execution is not None
    assert (execution.price, execution.cumulative_value) == (Decimal(price), 10 * Decimal(price))


def test_a_block_without_a_limit_takes_any_price() -> None:
    block = replace(BLOCK, limit_price=None, cross_quantity=ZERO)
    execution = settle(block, [order(A, Side.BUY, "10")], progress("10", "99")).execution
    assert execution is not None
    assert execution.price == 99


def test_more_than_was_ordered_belongs_to_no_order() -> None:
    block = replace(BLOCK, cross_quantity=ZERO)
    told: dict[str, Any] = {"execution_id": "x-1", "last_price": Decimal(10), "last_quantity": Decimal(10)}
    execution = settle(block, [order(A, Side.BUY, "10")], progress("12", "10.1", **told)).execution
    assert execution is not None
    assert (execution.quantity, execution.price, execution.cumulative_value) == (
        Decimal(10),
        Decimal("10.1"),
        Decimal(101),
    )


def test_the_broker_keeps_coins_of_a_purchase_and_dollars_of_a_sale_and_nothing_of_what_crosses() -> None:
    block = replace(BLOCK, fee_rate=Decimal("0.0025"))
    trades = settle(block, [order(A, Side.BUY, "30"), order(C, Side.SELL, "20")], progress("10", "10")).trades
    fees = {(t.order_id, t.inside): (t.fee_quantity, t.fee_cash) for t in trades}
    assert fees == {(A, False): (Decimal("0.025"), ZERO), (A, True): (ZERO, ZERO), (C, True): (ZERO, ZERO)}
    block = replace(block, side=Side.SELL, limit_price=Decimal("9.8"))
    trades = settle(block, [order(A, Side.SELL, "30"), order(C, Side.BUY, "20")], progress("10", "10")).trades
    fees = {(t.order_id, t.inside): (t.fee_quantity, t.fee_cash) for t in trades}
    assert fees == {(A, False): (ZERO, Decimal("0.25")), (A, True): (ZERO, ZERO), (C, True): (ZERO, ZERO)}


def test_without_a_fee_hardly_anybody_has_two_trades_of_one_fill() -> None:
    buyers = [order(UUID(int=100 + number), Side.BUY, "10") for number in range(10)]
    block = replace(BLOCK, quantity=Decimal(4), cross_quantity=Decimal(96))
    trades = settle(block, [*buyers, order(C, Side.SELL, "96")], progress("2", "10")).trades
    assert len(trades) == len(buyers) + 2
    assert sum((trade.quantity for trade in trades if not trade.inside), ZERO) == 2
    assert {
        whole(got(block, [*buyers, order(C, Side.SELL, "96")], progress("2", "10")), each.order_id) for each in buyers
    } == {Decimal(5)}


def test_with_a_fee_everybody_has_the_same_proportion_from_the_broker() -> None:
    buyers = [order(UUID(int=100 + number), Side.BUY, "10") for number in range(10)]
    block = replace(BLOCK, quantity=Decimal(4), cross_quantity=Decimal(96), fee_rate=Decimal("0.0025"))
    trades = settle(block, [*buyers, order(C, Side.SELL, "96")], progress("2", "10")).trades
    assert {trade.quantity for trade in trades if not trade.inside} == {Decimal("0.2")}
    assert {trade.fee_quantity for trade in trades if not trade.inside} == {Decimal("0.0005")}


def test_a_fee_in_coins_is_rounded_up() -> None:
    assert fee_quantity(Decimal("1.0000001"), Decimal("0.0025")) == Decimal("0.00250001")


def test_allocation_is_in_proportion() -> None:
    assert allocate(Decimal(3), {A: Decimal(2), B: Decimal(4)}, key="x") == {A: Decimal(1), B: Decimal(2)}
    assert allocate(Decimal(6), {A: Decimal(2), B: Decimal(4)}, key="x") == {A: Decimal(2), B: Decimal(4)}
    assert allocate(ZERO, {A: Decimal(2), B: Decimal(4)}, key="x") == {A: ZERO, B: ZERO}
    assert allocate(ZERO, {}, key="x") == {}


@pytest.mark.parametrize("total", ["-0.000000001", "6.000000001"])
def test_what_nobody_wants_cannot_be_allocated(total: str) -> None:
    with pytest.raises(ValueError, match="cannot allocate"):
        allocate(Decimal(total), {A: Decimal(2), B: Decimal(4)}, key="x")


def test_what_rounding_leaves_goes_to_who_is_drawn_and_to_nobody_beyond_his_demand() -> None:
    step = Decimal("0.000000001")
    demands = {A: Decimal(1), B: Decimal(1), C: Decimal(1)}
    lucky = set()
    for key in "abcdefghijklmnopqrstuvwxyz":
        parts = allocate(Decimal(1), demands, key=key)
        assert parts == allocate(Decimal(1), demands, key=key)
        assert sorted(parts.values()) == [Decimal("0.333333333")] * 2 + [Decimal("0.333333333") + step]
        lucky.add(max(parts, key=lambda each: parts[each]))
    assert lucky == set(demands)
    finer = {A: step / 2, B: step, C: step}
    parts = allocate(Decimal("0.0000000015"), finer, key="x")
    assert sum(parts.values()) == Decimal("0.0000000015")
    assert all(parts[each] <= finer[each] for each in finer)


def share(order_id: UUID, user: UUID, filled: str, cash: str, quantity: str) -> Share:
    """An order's part in a finished block, held by hand."""
    return Share(order_id, user, None, Decimal(filled), Decimal(cash), Decimal(quantity))


@pytest.mark.parametrize(
    ("side", "quantity", "value", "first", "second"),
    [
        ("buy", "3", "30", ("1", "-10"), ("2", "-20")),
        ("buy", "-3", "-30", ("-1", "10"), ("-2", "20")),
        ("sell", "3", "30", ("-1", "10"), ("-2", "20")),
        ("sell", "-3", "-30", ("1", "-10"), ("2", "-20")),
        ("buy", "0", "3", ("0", "-1"), ("0", "-2")),
    ],
)
def test_a_correction_falls_on_everybody_in_proportion(
    side: Side, quantity: str, value: str, first: tuple[str, str], second: tuple[str, str]
) -> None:
    shares = [share(A, C, "5", "100", "5"), share(B, D, "10", "100", "10")]
    assert correct_fills(side, Decimal(quantity), Decimal(value), shares, key="x") == [
        Adjustment(C, None, Decimal(first[0]), Decimal(first[1])),
        Adjustment(D, None, Decimal(second[0]), Decimal(second[1])),
    ]


def test_a_correction_that_somebody_cannot_bear_is_not_made() -> None:
    exactly = [share(A, C, "5", "10", "1"), share(B, D, "10", "20", "2")]
    assert correct_fills(Side.BUY, Decimal(3), Decimal(30), exactly, key="x") is not None
    assert correct_fills(Side.BUY, Decimal(-3), Decimal(-30), exactly, key="x") is not None
    poor = [share(A, C, "5", "9.99", "1"), share(B, D, "10", "20", "2")]
    assert correct_fills(Side.BUY, Decimal(3), Decimal(30), poor, key="x") is None
    sold = [share(A, C, "5", "10", "0.99"), share(B, D, "10", "20", "2")]
    assert correct_fills(Side.BUY, Decimal(-3), Decimal(-30), sold, key="x") is None


def test_two_orders_of_one_user_bear_a_correction_together() -> None:
    both = [share(A, C, "5", "29", "3"), share(B, C, "10", "29", "3")]
    assert correct_fills(Side.BUY, Decimal(3), Decimal(30), both, key="x") is None
    assert correct_fills(Side.BUY, Decimal(-3), Decimal(-30), both, key="x") is not None


def test_a_block_that_filled_nothing_has_nobody_to_correct() -> None:
    assert correct_fills(Side.BUY, Decimal(1), Decimal(1), [share(A, C, "0", "1", "1")], key="x") is None
    assert correct_fills(Side.BUY, Decimal(1), Decimal(1), [], key="x") is None
    only_rounding = [share(A, C, "1", "1", "1"), share(B, D, "1", "1", "1")]
    assert correct_fills(Side.BUY, ZERO, Decimal("0.000000000001"), only_rounding, key="x") is not None


def test_who_bears_nothing_of_a_correction_has_no_adjustment() -> None:
    shares = [share(A, C, "1", "1", "1"), share(B, D, "0", "1", "1")]
    found = correct_fills(Side.BUY, Decimal("0.5"), Decimal("0.5"), shares, key="x")
    assert found == [Adjustment(C, None, Decimal("0.5"), Decimal("-0.5"))]


def test_a_split_is_rounded_down_once() -> None:
    odd = {A: Decimal("0.000000001"), B: Decimal("0.000000002")}
    assert sum(split_positions(odd, Decimal("0.5")).values()) == Decimal("0.000000001")
    assert split_positions({A: Decimal(3)}, Decimal(2)) == {A: Decimal(6)}


@pytest.mark.parametrize(
    ("ours", "theirs", "fills", "so"),
    [
        ("1", "1", 1, True),
        ("1", "1.00000002", 2, True),
        ("1", "1.00000003", 2, False),
        ("1.00000001", "1", 2, False),
        ("1", "1", 0, True),
    ],
)
def test_rounding_of_fees_is_a_step_for_each_fill_on_the_safe_side(
    ours: str, theirs: str, fills: int, so: bool
) -> None:
    assert is_rounding(Decimal(ours), Decimal(theirs), fills) is so


@pytest.mark.parametrize("late", ["10", "4"])
def test_a_block_that_was_filled_whole_is_filled_whatever_its_last_word_is(late: str) -> None:
    block = replace(BLOCK, filled_quantity=Decimal(10), filled_value=Decimal(100))
    done = settle(block, ORDERS, progress(late, "10", BlockStatus.CANCELED))
    assert (done.completed, done.reason, done.trades) == (BlockStatus.FILLED, None, ())


def test_an_execution_that_fills_the_whole_block_keeps_its_name() -> None:
    told: dict[str, Any] = {"execution_id": "x-1", "last_price": Decimal(10), "last_quantity": Decimal(10)}
    execution = settle(BLOCK, ORDERS, progress("10", "10", BlockStatus.FILLED, **told)).execution
    assert execution is not None
    assert execution.execution_id == "x-1"


def test_at_a_scale_fees_in_coins_are_rounded_up_to_what_a_step_of_the_broker_is_worth() -> None:
    block = replace(BLOCK, cross_quantity=ZERO, fee_rate=Decimal("0.0025"), step=Decimal("0.00000001"))
    (trade,) = settle(block, [order(A, Side.BUY, "10")], progress("1.0000001", "10")).trades
    assert trade.fee_quantity == Decimal("0.0025001")
