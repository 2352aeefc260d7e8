"""How much of a difference is the account's own."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stratforge.portfolio.figures import NOTHING, differ, own_part

numbers = st.integers(-20, 20).map(Decimal)
figures = st.tuples(numbers, numbers)


@pytest.mark.parametrize(
    ("value", "differs"), [("100.000009", False), ("100.000011", True), ("99.999991", False), ("99.999989", True)]
)
def test_averages_are_rounded(value: str, *, differs: bool) -> None:
    ten = Decimal(10)
    assert differ((ten, Decimal(value)), (ten, Decimal(100))) is differs
    assert differ((ten + 1, Decimal(100)), (ten, Decimal(100)))


@given(figures, figures, figures)
def test_what_is_the_accounts_own_is_of_what_was_accepted_and_of_what_differs(
    theirs: tuple[Decimal, Decimal], ours: tuple[Decimal, Decimal], accepted: tuple[Decimal, Decimal]
) -> None:
    for more, most, own in zip(
        (theirs[0] - ours[0], theirs[1] - ours[1]), accepted, own_part(theirs, ours, accepted), strict=True
    ):
        assert abs(own) == (min(abs(more), abs(most)) if more * most > 0 else 0)
        assert own * more >= 0


def test_what_agrees_but_for_rounding_is_nobodys() -> None:
    ours = (Decimal(1), Decimal(100))
    assert own_part((Decimal(1), Decimal("100.0000001")), ours, (Decimal(0), Decimal(7))) == NOTHING
