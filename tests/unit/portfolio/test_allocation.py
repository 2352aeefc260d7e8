"""Allocation: exact, in steps, and no way to get more of it than one's part."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stratforge.portfolio.allocation import allocate, apportion, drawn

ONE = Decimal(1)
wholes = st.lists(st.integers(1, 1000), min_size=1, max_size=12)


def names(demands: list[Decimal]) -> dict[UUID, Decimal]:
    """Demands by an order's name."""
    return {UUID(int=index + 1): demand for index, demand in enumerate(demands)}


@given(wholes, st.integers(0, 12_000), st.text(max_size=8))
def test_whole_units_stay_whole_and_everybody_gets_his_part_up_or_down(wanted: list[int], total: int, key: str) -> None:
    demands = names([Decimal(each) for each in wanted])
    total = min(total, sum(wanted))
    parts = allocate(Decimal(total), demands, key=key, step=ONE)
    assert sum(parts.values()) == total
    for name, part in parts.items():
        exact = total * demands[name] / sum(wanted)
        assert part == part.to_integral_value()
        assert 0 <= part <= demands[name]
        assert abs(part - exact) < 1 + Decimal("1e-20")


def test_who_wants_the_same_gets_the_same_at_every_scale() -> None:
    for step in (ONE, Decimal(10), Decimal(100)):
        demands = names([40 * step, 40 * step])
        assert set(allocate(40 * step, demands, key="", step=step).values()) == {20 * step}


@given(
    st.lists(st.decimals("0.01", "99.99", places=2), min_size=1, max_size=10), st.integers(0, 100), st.text(max_size=8)
)
@example([Decimal("1.99"), Decimal("99.99")], 99, "")
@example([Decimal("1.5"), Decimal("0.9")], 84, "")
def test_odd_demands_are_never_exceeded(wanted: list[Decimal], percent: int, key: str) -> None:
    demands = names(wanted)
    total = (sum(wanted, Decimal(0)) * percent / 100).to_integral_value(rounding="ROUND_DOWN")
    parts = allocate(total, demands, key=key, step=ONE)
    assert sum(parts.values()) == total
    assert all(0 <= part <= demands[name] for name, part in parts.items())


@given(wholes, st.integers(0, 10**15))
def test_quantities_of_many_digits_are_divided_exactly(wanted: list[int], more: int) -> None:
    demands = names([Decimal(each * 10**9 + more) / 10**9 for each in wanted])
    total = (sum(demands.values(), Decimal(0)) / 3).quantize(Decimal("0.000000001"), rounding="ROUND_DOWN")
    parts = allocate(total, demands, key="key")
    assert sum(parts.values()) == total


@pytest.mark.parametrize("pieces", [2, 10, 30])
def test_an_order_that_is_split_gets_what_it_would_get_as_one(pieces: int) -> None:
    """30 shares of one person among 70 of others; a third of everything is filled: his part is 10 on average, however he cuts it."""
    others = [Decimal(1)] * 20 + [Decimal(50)]
    rounds = 4_000
    got = Decimal(0)
    for draw in range(rounds):
        mine = [Decimal(30) / pieces] * pieces
        parts = allocate(Decimal(33), names([*mine, *others]), key=str(draw), step=ONE)
        got += sum(parts[UUID(int=index + 1)] for index in range(pieces))
    expected = Decimal(33) * 30 / 100
    # Nobody can be off by more than one in a round and piece; the mean is within five standard errors of that.
    assert abs(got / rounds - expected) < Decimal(5 * pieces**0.5 / 2 / rounds**0.5)


def test_small_orders_are_served_as_often_as_their_size_says() -> None:
    """One share of a hundred, one hundredth of the time, and never nothing for ever."""
    demands = names([Decimal(1), Decimal(99)])
    served = sum(allocate(ONE, demands, key=str(draw), step=ONE)[UUID(int=1)] for draw in range(20_000))
    assert 120 < served < 280


@given(st.text(max_size=8))
def test_a_part_of_a_unit_goes_to_whoever_holds_one(key: str) -> None:
    odd, whole = UUID(int=1), UUID(int=2)
    parts = allocate(Decimal("1.5"), {odd: Decimal("1.5"), whole: Decimal(2)}, key=key, step=Decimal(1))
    assert parts[whole] % 1 == 0
    assert sum(parts.values()) == Decimal("1.5")


@given(st.text(max_size=8))
def test_weights_of_different_precision_count_as_what_they_are(key: str) -> None:
    weights = {UUID(int=1): Decimal("0.25"), UUID(int=2): Decimal("1E+1"), UUID(int=3): Decimal(4)}
    assert apportion(Decimal("28.5"), weights, key=key, step=Decimal("0.01")) == {
        name: 2 * weight for name, weight in weights.items()
    }


@given(st.text(max_size=8))
def test_what_is_less_than_a_step_goes_to_the_last_in_the_line(key: str) -> None:
    weights = {UUID(int=number): Decimal(1) for number in range(1, 4)}
    parts = apportion(Decimal("3.005"), weights, key=key, step=Decimal("0.01"))
    *others, last = drawn(weights, key)
    assert [parts[name] for name in others] == [1, 1]
    assert parts[last] == Decimal("1.005")
