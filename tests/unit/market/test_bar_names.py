"""Bars in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from stratforge.market.bar_names import bar_name


@pytest.mark.parametrize(
    ("begins", "minutes", "name"),
    [
        (datetime(2026, 1, 5, 14, 30, tzinfo=UTC), 1, "1-minute bar of 2026-01-05 09:30 ET"),
        (datetime(2026, 7, 6, 13, 30, tzinfo=UTC), 240, "4-hour bar of 2026-07-06 09:30 ET"),
        # A day of a stock begins at midnight in New York, one of coins by UTC.
        (datetime(2026, 1, 5, 5, 0, tzinfo=UTC), 1_440, "daily bar of 2026-01-05"),
        (datetime(2026, 1, 5, 0, 0, tzinfo=UTC), 1_440, "daily bar of 2026-01-05"),
    ],
)
def test_a_bar_is_called_by_its_length_and_its_start(begins: datetime, minutes: int, name: str) -> None:
    assert bar_name(begins, minutes) == name
