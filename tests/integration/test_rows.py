"""Rows become objects by the names of their columns."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import pytest
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class Fill:
    quantity: Decimal
    side: Side
    closes: Side | None = None


def total(quantity: Decimal, side: Side) -> str:
    return f"{type(side).__name__}.{side.name} {quantity}"


def test_columns_go_to_the_fields_of_their_names(database: Database) -> None:
    with database.transaction() as connection:
        fills = fetch_all(
            connection, Fill, "SELECT 'buy' AS side, 1.5 AS quantity UNION ALL SELECT 'sell', 2 ORDER BY 2"
        )
    assert fills == [Fill(Decimal("1.5"), Side.BUY), Fill(Decimal(2), Side.SELL)]


def test_text_becomes_the_member_of_its_enum(database: Database) -> None:
    with database.transaction() as connection:
        fill = fetch_one(
            connection,
            Fill,
            "SELECT 1.0 AS quantity, %(side)s::trade_side AS side, 'sell' AS closes",
            {"side": Side.BUY},
        )
        open_fill = fetch_one(connection, Fill, "SELECT 1.0 AS quantity, 'buy' AS side, NULL AS closes")
    assert fill is not None
    assert (fill.side, fill.closes) == (Side.BUY, Side.SELL)
    assert isinstance(fill.side, Side)
    assert isinstance(fill.closes, Side)
    assert open_fill is not None
    assert open_fill.closes is None


def test_a_function_can_make_the_rows(database: Database) -> None:
    with database.transaction() as connection:
        assert fetch_all(connection, total, "SELECT 'buy' AS side, 2 AS quantity") == ["Side.BUY 2"]


def test_no_row_is_none(database: Database) -> None:
    with database.transaction() as connection:
        assert fetch_one(connection, Fill, "SELECT 1.0 AS quantity, 'buy' AS side WHERE false") is None
        assert fetch_all(connection, Fill, "SELECT 1.0 AS quantity, 'buy' AS side WHERE false") == []
        assert fetch_value(connection, "SELECT 1 WHERE false") is None


def test_a_value_is_the_first_column(database: Database) -> None:
    with database.transaction() as connection:
        assert fetch_value(connection, "SELECT %s::int + 1, 'other'", (1,)) == 2


def test_columns_that_do_not_fit_are_refused(database: Database) -> None:
    with database.transaction() as connection:
        with pytest.raises(TypeError, match="price"):
            fetch_one(connection, Fill, "SELECT 1.0 AS quantity, 'buy' AS side, 2 AS price")
        with pytest.raises(TypeError, match="side"):
            fetch_one(connection, Fill, "SELECT 1.0 AS quantity")
        with pytest.raises(ValueError, match="short"):
            fetch_one(connection, Fill, "SELECT 1.0 AS quantity, 'short' AS side")
