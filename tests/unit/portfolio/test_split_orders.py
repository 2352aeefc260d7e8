"""An order that waits while its symbol is split is worth as much as before, and sells no more than its holder has."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.corrections import WaitingOrder, is_rounding, split_order
from stratforge.portfolio.orders import NEVER, OrderTerms, OrderType

TWO = Decimal(2)
STOCK = AssetRules("AAPL")
BUY = WaitingOrder(
    order_id=UUID(int=1),
    user_id=UUID(int=2),
    session_id=None,
    terms=OrderTerms(Side.BUY, OrderType.LIMIT, limit_price=Decimal("80.05")),
    size_kind=SizeKind.QUANTITY,
    size=Decimal(10),
    accepted=True,
    triggered=False,
    filled=Decimal(0),
    remaining=Decimal(10),
    reserve_price=Decimal("80.05"),
    reserved_cash=Decimal("800.50"),
    reserved_quantity=Decimal(0),
    water_mark=None,
)
SELL = replace(
    BUY,
    terms=OrderTerms(Side.SELL, OrderType.LIMIT, limit_price=Decimal("80.05")),
    reserve_price=Decimal(0),
    reserved_cash=Decimal(0),
    reserved_quantity=Decimal(10),
)


@pytest.mark.parametrize(("order", "limit"), [(BUY, "40.02"), (SELL, "40.03")])
def test_a_limit_between_two_ticks_is_rounded_in_its_owners_favor(order: WaitingOrder, limit: str) -> None:
    assert split_order(order, TWO, STOCK, Decimal(20)).order.terms.limit_price == Decimal(limit)


@pytest.mark.parametrize(("side", "stop"), [("buy", "40.03"), ("sell", "40.02")])
def test_a_stop_between_two_ticks_is_rounded_away_from_the_price(side: str, stop: str) -> None:
    terms = OrderTerms(side, "stop", stop_price=Decimal("80.05"))  # type: ignore[arg-type]
    order = replace(BUY if side == "buy" else SELL, terms=terms)
    assert split_order(order, TWO, STOCK, Decimal(20)).order.terms.stop_price == Decimal(stop)


def test_the_highest_price_of_a_trailing_stop_is_on_the_new_scale() -> None:
    trailing = replace(
        SELL, terms=OrderTerms(Side.SELL, OrderType.TRAILING_STOP, trail_percent=Decimal(1)), water_mark=Decimal(90)
    )
    assert split_order(trailing, TWO, STOCK, Decimal(20)).order.water_mark == 45


def test_what_has_no_highest_price_gets_none() -> None:
    assert split_order(SELL, TWO, STOCK, Decimal(20)).order.water_mark is None


@pytest.mark.parametrize(
    ("order", "remaining"),
    [
        (SELL, 15),
        (BUY, 20),
        (replace(SELL, accepted=False, reserved_quantity=Decimal(0)), 20),
        (replace(BUY, accepted=False, reserved_cash=Decimal(0)), 20),
    ],
)
def test_only_an_accepted_sale_is_held_to_what_its_holder_has(order: WaitingOrder, remaining: int) -> None:
    assert split_order(order, TWO, STOCK, Decimal(15)).order.remaining == remaining


def test_of_a_short_sale_whole_shares_are_left_where_shares_are_merged() -> None:
    """Only whole shares are sold short (rule 14 of MATCHING.md); what buys back follows what is owed."""
    short = replace(SELL, terms=replace(SELL.terms, short=True), remaining=Decimal(15), reserve_price=Decimal(40), reserved_cash=Decimal(600), reserved_quantity=Decimal(0))  # fmt: skip
    merged = split_order(short, Decimal("0.1"), STOCK, Decimal(0))
    assert (merged.order.remaining, merged.order.reserved_cash, merged.ends) == (Decimal(1), Decimal(400), False)
    less = split_order(replace(short, remaining=Decimal(9)), Decimal("0.1"), STOCK, Decimal(0))
    assert (less.order.remaining, less.more_cash, less.ends) == (Decimal(0), Decimal(-600), True)
    cover = replace(BUY, terms=replace(BUY.terms, short=True), reserve_price=Decimal(0), reserved_cash=Decimal(0), reserved_quantity=Decimal(15), remaining=Decimal(15))  # fmt: skip
    assert split_order(cover, Decimal("0.1"), STOCK, Decimal("1.5")).order.remaining == Decimal("1.5")


@pytest.mark.parametrize(
    ("order", "cash", "quantity", "ends"),
    [
        (BUY, "800.40", "0", False),
        (SELL, "0", "20", False),
        # What was not decided on yet holds nothing back and goes on, whatever is left of it.
        (replace(BUY, accepted=False, reserved_cash=Decimal(0)), "0", "0", False),
        (replace(SELL, accepted=False, reserved_quantity=Decimal(0)), "0", "0", False),
        (replace(BUY, accepted=False, remaining=Decimal(0), reserved_cash=Decimal(0)), "0", "0", False),
        (replace(SELL, accepted=False, remaining=Decimal(0), reserved_quantity=Decimal(0)), "0", "0", False),
        (replace(BUY, remaining=Decimal("0.0000000001")), "0", "0", True),
        (replace(SELL, remaining=Decimal("0.0000000001")), "0", "0", True),
    ],
)
def test_an_order_holds_back_what_it_is_worth_on_the_new_scale(
    order: WaitingOrder, cash: str, quantity: str, *, ends: bool
) -> None:
    split = split_order(order, TWO, STOCK, Decimal(20))
    assert (split.order.reserved_cash, split.order.reserved_quantity) == (Decimal(cash), Decimal(quantity))
    assert split.ends is ends
    assert split.more_cash == split.order.reserved_cash - order.reserved_cash
    assert split.more_quantity == split.order.reserved_quantity - order.reserved_quantity


@pytest.mark.parametrize(
    "terms",
    [
        OrderTerms(Side.BUY, OrderType.STOP, stop_price=Decimal(80)),
        # At its limit it would need less: whichever comes first.
        OrderTerms(Side.BUY, OrderType.OCO, limit_price=Decimal(60), stop_price=Decimal(80)),
    ],
)
def test_what_is_reserved_for_a_purchase_at_a_stop_is_split_too(terms: OrderTerms) -> None:
    stop = replace(BUY, terms=terms, reserve_price=Decimal(81))
    split = split_order(stop, TWO, STOCK, Decimal(0))
    assert (split.order.reserve_price, split.order.reserved_cash) == (Decimal("40.5"), Decimal(810))


@pytest.mark.parametrize("accepted", [True, False])
def test_only_what_was_accepted_waits_for_a_price(*, accepted: bool) -> None:
    split = split_order(replace(BUY, accepted=accepted), TWO, STOCK, Decimal(0))
    assert (split.trigger == NEVER) is not accepted


@pytest.mark.parametrize(
    ("more", "rounding"), [("0", True), ("0.0000003", True), ("0.0000004", False), ("-1e-9", False)]
)
def test_fees_in_coins_are_rounded_by_a_step_of_the_broker_for_each_fill(more: str, *, rounding: bool) -> None:
    # Ten of the ledger's coins are one of the broker's.
    assert is_rounding(Decimal(5), Decimal(5) + Decimal(more), 3, Decimal(10)) is rounding


@pytest.mark.parametrize(("kind", "size"), [(SizeKind.QUANTITY, 20), (SizeKind.NOTIONAL, 10)])
def test_units_that_were_asked_for_are_split_and_dollars_are_not(kind: SizeKind, size: int) -> None:
    assert split_order(replace(BUY, size_kind=kind), TWO, STOCK, Decimal(0)).order.size == size


def test_a_distance_in_dollars_is_on_the_new_scale() -> None:
    terms = OrderTerms(Side.SELL, OrderType.TRAILING_STOP, trail_price=Decimal(3))
    assert split_order(replace(SELL, terms=terms), TWO, STOCK, Decimal(20)).order.terms.trail_price == Decimal("1.5")
