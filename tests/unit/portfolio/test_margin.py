"""The margin of short positions by its rules, and blocks as the broker takes them where the account owes shares."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stratforge.backtest import margin as of_backtests
from stratforge.market.sizes import Side
from stratforge.portfolio import margin
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.books import AdjustmentRecord, PositionRecord, SymbolBooks
from stratforge.portfolio.margin import ShortPosition
from stratforge.portfolio.netting import Block, ExecutableOrder, made_whole, one_way, whole_below_zero
from stratforge.portfolio.statement import audit_symbol

ZERO, ONE = Decimal(0), Decimal(1)
PRICE, COLLAR = Decimal(100), Decimal("0.02")
ASSET = AssetRules("AAPL", shortable=True, easy_to_borrow=True)
prices = st.decimals("0.01", "2000", places=2)
shares = st.decimals("0.01", "40", places=2)


def test_the_numbers_are_those_of_the_backtest() -> None:
    for name in ("INITIAL_MARGIN", "MAINTENANCE_MARGIN", "BORROW_FEE", "FEE_YEAR", "ROUND_LOT", "LEAST_EQUITY"):
        assert float(getattr(margin, name)) == getattr(of_backtests, name), name
    for name in ("LOW_PRICE", "LEAST_BELOW", "LEAST_ABOVE"):
        assert float(getattr(margin, name)) == getattr(of_backtests, name), name


@given(price=prices)
def test_a_share_needs_what_a_share_needs_in_a_backtest(price: Decimal) -> None:
    def of_backtest(part: float) -> float:
        found: float = eval(of_backtests.requirement("price", repr(part)), {"price": float(price), "max": max})
        return found

    assert float(margin.maintenance(price)) == pytest.approx(of_backtest(of_backtests.MAINTENANCE_MARGIN), rel=1e-12)
    assert margin.initial(price) >= max(price / 2, margin.maintenance(price))


@pytest.mark.parametrize(("price", "needed"), [("2", "2.5"), ("4.99", "4.99"), ("5", "5"), ("16", "5"), ("20", "6")])
def test_what_a_share_needs_while_it_is_held(price: str, needed: str) -> None:
    assert margin.maintenance(Decimal(price)) == Decimal(needed)


def test_what_a_short_sale_brings_buys_nothing() -> None:
    shorts = [ShortPosition(Decimal(100), PRICE)]
    # Ten thousand dollars before, ten thousand that it brought: half of its value is margin, and what it brought covers it.
    assert margin.buying_power(Decimal(20_000), shorts) == 5_000
    assert margin.buying_power(Decimal(20_000), []) == 20_000


def test_a_call_comes_when_the_cash_is_less_than_what_covering_costs_and_its_margin() -> None:
    assert not margin.is_called(Decimal(13_000), [ShortPosition(Decimal(100), PRICE)])
    assert margin.is_called(Decimal("12999.99"), [ShortPosition(Decimal(100), PRICE)])
    assert not margin.is_called(Decimal(-1), [])


@given(quantity=st.integers(1, 100_000), price=st.decimals("1", "2000", places=2), nights=st.integers(1, 5))
def test_an_auditor_recomputes_a_fee_from_its_cause(quantity: int, price: Decimal, nights: int) -> None:
    """He uses nothing of what charged it."""
    fee, cause = margin.night_fee(Decimal(quantity), price) * nights, margin.fee_cause(date(2026, 1, 5), nights, price)
    for charged, found in (
        (fee, []),
        (fee + Decimal("0.00001"), ["BORROW_FEE of no known cause"]),
        (ZERO, ["BORROW_FEE of no known cause"]),
    ):
        record = AdjustmentRecord(
            1, UUID(int=1), None, "AAPL", "BORROW_FEE", ZERO, -charged, cause, datetime(2026, 1, 6, tzinfo=UTC), None
        )
        position = PositionRecord(UUID(int=1), None, "AAPL", ZERO, ZERO, -charged)
        books = SymbolBooks(frozenset(["AAPL"]), [position], [], [record])
        assert [each.what for each in audit_symbol(books, {}).differences] == found


def a_block(side: Side, quantity: Decimal) -> Block:
    return Block(side, quantity, ZERO, PRICE, PRICE, PRICE, frozenset(), owes_turn=False)


def moved(block: Block) -> Decimal:
    """What the account holds more after a block."""
    return block.quantity if block.side == Side.BUY else -block.quantity


@given(side=st.sampled_from(list(Side)), quantity=shares, held=st.decimals("-50", "50", places=2))
def test_no_order_turns_the_account_round(side: Side, quantity: Decimal, held: Decimal) -> None:
    block = one_way(a_block(side, quantity), held, PRICE, ASSET, lends=True)
    if block is not None:
        assert block.quantity <= quantity
        assert held * (held + moved(block)) >= 0
        assert one_way(block, held, PRICE, ASSET, lends=True) == block


def test_what_is_not_lent_is_not_sold_and_what_there_is_is() -> None:
    assert one_way(a_block(Side.SELL, Decimal(5)), ZERO, PRICE, ASSET, lends=False) is None
    sold = one_way(a_block(Side.SELL, Decimal(5)), Decimal(3), PRICE, ASSET, lends=False)
    assert sold is not None
    assert sold.quantity == 3


@given(steps=st.lists(st.tuples(st.sampled_from(list(Side)), shares), min_size=1, max_size=30), owed=st.integers(0, 60))
def test_the_account_never_owes_a_part_and_the_house_holds_less_than_two(
    steps: list[tuple[Side, Decimal]], owed: int
) -> None:
    """Whatever users trade in parts: all of it is in the block, or left to the next one, and what the house takes is what they do not."""
    held, house, users = Decimal(-owed), ZERO, Decimal(-owed)
    for side, quantity in steps:
        block = one_way(a_block(side, quantity), held, PRICE, ASSET, lends=True)
        assert block is not None
        theirs = block.quantity if side == Side.BUY else -block.quantity
        block, taken, part = whole_below_zero(block, held, house, PRICE, COLLAR, ASSET)
        held += moved(block)
        house += ZERO if taken is None else part if taken == Side.BUY else -part
        users += theirs
        assert held >= 0 or held % 1 == 0
        assert 0 <= house < 2
        assert users + house == held


@given(
    parts=st.lists(st.decimals("0.01", "0.99", places=2), min_size=1, max_size=40),
    long=st.decimals("0", "3", places=2),
    selling=st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_parts_too_small_for_the_broker_are_covered_in_whole_units_and_the_house_keeps_few(
    parts: list[Decimal], long: Decimal, selling: list[bool]
) -> None:
    """Everybody buys back his part alone, some against somebody who sells half as much; what is left of the account is what is held and the house's."""
    users = long - sum(parts)
    # What the account owes it owes in whole units: the house has the rest.
    house = ZERO if users >= 0 else -users % ONE
    held, low, high = users + house, PRICE * (1 - COLLAR), PRICE * (1 + COLLAR)
    for part, against in zip(parts, selling, strict=False):
        sold = part / 2 if against else ZERO
        orders = [ExecutableOrder(Side.BUY, part), ExecutableOrder(Side.SELL, sold)]
        none = Block(None, ZERO, ZERO, None, low, high, frozenset(), owes_turn=False)
        block, side, more = made_whole(none, orders, held, house, PRICE, COLLAR, ASSET)
        bought = part + (more if side == Side.BUY else ZERO)
        given_away = sold + (more if side == Side.SELL else ZERO)
        assert block.quantity == ONE
        assert block.cross_quantity == min(bought, given_away)
        assert max(bought, given_away) == block.quantity + block.cross_quantity
        assert block.limit_price == (high if block.side == Side.BUY else low)
        assert held * (held + moved(block)) >= 0
        house += more if side == Side.BUY else -more
        held, users = held + moved(block), users + part - sold
        assert users + house == held
        assert held >= 0 or held % 1 == 0
        assert 0 <= house < 3
