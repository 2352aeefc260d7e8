"""Charts as tables and as pictures: what is chosen, and that nothing of it lies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from functions.api.dashboard.chart_tables import equity_table, pictured, price_table, table_of


@given(count=st.integers(0, 5_000))
def test_a_table_has_few_rows_of_a_line_and_always_its_last(count: int) -> None:
    times = [60.0 * at for at in range(count)]
    table = table_of({"close": (times, [float(at) for at in range(count)])})
    assert len(table.rows) <= 60
    assert table.points == count
    assert [row[0] for row in table.rows] == sorted(row[0] for row in table.rows)
    assert all(values == (time / 60,) for time, values in table.rows)
    if count:
        assert table.rows[-1][0] == times[-1]


def test_lines_of_other_times_stand_with_what_was_known_of_them() -> None:
    table = table_of({"long": ([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]), "short": ([2.0], [5.0])})
    assert table.rows == [(1.0, (10.0, None)), (2.0, (20.0, 5.0)), (3.0, (30.0, 5.0))]


def test_the_chart_of_a_price_names_its_indicators() -> None:
    bars = {name: [1.0, 2.0] for name in ("open", "high", "low", "close", "volume")}
    curve = {"time": [0, 60], **bars, "indicators": [{"name": "average", "values": [None, 1.5]}], "profit": [None, 3.0]}
    table = price_table(curve)
    assert table.columns == ("Open", "High", "Low", "Close", "Volume", "average", "P&L")
    assert table.rows[0] == (0, (1.0, 1.0, 1.0, 1.0, 1.0, None, None))


def test_the_drawdown_is_in_percent() -> None:
    curve = {"time": [0], "equity": [90.0], "buy_and_hold": [100.0], "drawdown": [-0.1]}
    assert equity_table(curve).rows == [(0, (90.0, 100.0, -10.0))]


@given(values=st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), max_size=2_000))
def test_a_picture_begins_and_ends_as_the_chart_and_has_few_points(values: list[float | None]) -> None:
    known = [each for each in values if each is not None]
    drawn = pictured(values)
    assert len(drawn) <= 200
    assert drawn[:1] == known[:1]
    assert drawn[-1:] == known[-1:]
