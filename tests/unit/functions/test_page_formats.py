"""How numbers and times look on pages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from markupsafe import Markup

from functions.api.dashboard.access import typed_number
from functions.api.dashboard.rendering import (
    client_name,
    duration,
    figure,
    labeled,
    moment,
    money,
    ratio,
    signed_money,
    wall_clock,
)


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        (datetime(2012, 7, 6, 13, 30, tzinfo=UTC), "2012-07-06 09:30"),
        (datetime(2012, 12, 6, 14, 30, tzinfo=UTC), "2012-12-06 09:30"),
        (datetime(2026, 1, 1, 3, 0, tzinfo=UTC), "2025-12-31 22:00"),
        (1_341_581_400, "2012-07-06 09:30"),
        ("2012-07-06T13:30:00Z", "2012-07-06 09:30"),
        (None, "–"),
    ],
)
def test_a_time_is_on_the_exchanges_clock(time: object, shown: str) -> None:
    assert moment(time) == shown


@pytest.mark.parametrize(("month", "hour"), [(1, 14), (7, 13)], ids=["winter", "summer"])
def test_a_browser_is_told_what_hangs_on_the_exchanges_wall(month: int, hour: int) -> None:
    told = wall_clock(datetime(2026, month, 6, hour, 30, 15, tzinfo=UTC))
    assert datetime.fromtimestamp(told, UTC) == datetime(2026, month, 6, 9, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1,5", "1.5"),
        ("0,25", "0.25"),
        ("1,234", "1234"),
        ("1,234.5", "1234.5"),
        ("1,234,567", "1234567"),
        ("1.234,5", "1234.5"),
        ("1.234.567,89", "1234567.89"),
        ("1.5", "1.5"),
        ("-2,5", "-2.5"),
        ("1.234.567", "1.234.567"),
        ("1,2,3", "1,2,3"),
        ("many", "many"),
    ],
)
def test_a_number_is_what_it_seems_in_either_way_of_writing_it(typed: str, meant: str) -> None:
    """A share and a half must not become fifteen."""
    assert typed_number(typed) == meant


@pytest.mark.parametrize(
    ("amount", "shown", "signed"),
    [
        ("-0.004", "$0.00", "$0.00"),
        ("0.004", "$0.00", "$0.00"),
        ("0.006", "$0.01", "+$0.01"),
        ("-0.006", "-$0.01", "-$0.01"),
        ("-1234.5", "-$1,234.50", "-$1,234.50"),
        (12, "$12.00", "+$12.00"),
        (None, "–", "–"),
    ],
)
def test_what_is_no_cent_has_no_sign(amount: object, shown: str, signed: str) -> None:
    assert (money(amount), signed_money(amount)) == (shown, signed)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(45_123_456.0, "45,123,456"), (1_234_567.8, "1,234,568"), (99_999.55, "99,999.6"), (55.5, "55.5"), (None, "–")],
)
def test_a_large_number_of_a_strategy_has_all_its_digits_before_the_point(value: float | None, shown: str) -> None:
    assert figure(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59.6, "1 min"), (3_600, "1 h"), (12_000, "3 h 20 min"), (1_051_200, "12 d 4 h"), (None, "–")],
)
def test_a_length_of_time_is_told_by_its_two_largest_units(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_ratio_has_two_decimals() -> None:
    assert (ratio(-0.06022), ratio(1.5), ratio(None)) == ("-0.06", "1.50", "–")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
            "Chrome on macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox on Linux"),
        ("python-httpx/0.27", "python-httpx/0.27"),
        ("", "unknown client"),
    ],
)
def test_a_login_is_named_as_its_owner_knows_it(said: str, name: str) -> None:
    assert client_name(said) == name


def test_a_cell_knows_the_heading_of_its_column_and_what_there_is_none_of() -> None:
    table = Markup(
        '<thead><tr><th scope="col">Side</th><th scope="col" class="n">P&amp;L</th><th><span class="hidden">Actions</span></th></tr></thead>'
        '<tbody><tr class="x"><td>buy</td><td class="n">–</td><td class="n"><form><button>Go</button></form></td></tr></tbody>'
    )
    assert labeled(table).partition("<tbody>")[2] == (
        '<tr class="x"><td data-label="Side">buy</td><td data-none data-label="P&amp;L" class="n">–</td>'
        '<td data-label="Actions" class="n"><form><button>Go</button></form></td></tr></tbody>'
    )
