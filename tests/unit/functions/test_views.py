"""Response models say what the classes of rows say."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from functions.api.views import Listed, list_of, view_of


@dataclass(frozen=True)
class Stored:
    """A thing that is stored.

    It has two paragraphs.

    Attributes:
        price: Dollars a share, which
            takes two lines.
        note: What somebody wrote.
    """

    price: Decimal
    limit: Decimal | None
    secret: str
    note: str | None


View = view_of(Stored, "StoredView", without=("secret",))
ROW = Stored(Decimal("1E+2"), Decimal("0.500"), "hidden", None)


def test_fields_keep_their_order_and_meaning() -> None:
    schema = View.model_json_schema()
    assert (schema["title"], schema["description"]) == (
        "StoredView",
        "A thing that is stored.\n\nIt has two paragraphs.",
    )
    assert list(schema["properties"]) == ["price", "limit", "note"] == schema["required"]
    assert schema["properties"]["price"]["description"] == "Dollars a share, which takes two lines."
    assert schema["properties"]["note"]["description"] == "What somebody wrote."


def test_decimals_are_plain_and_hidden_fields_stay_hidden() -> None:
    assert View.model_validate(ROW).model_dump(mode="json") == {"price": "100", "limit": "0.5", "note": None}


@dataclass(frozen=True)
class Made(Stored):
    """A thing that was just made."""

    key: str

    @property
    def double(self) -> Decimal:
        """Twice the price, in dollars."""
        return 2 * self.price


def test_a_row_s_meanings_are_inherited_and_what_it_computes_is_shown_too() -> None:
    view = view_of(Made, "MadeView", properties=("double",))
    schema = view.model_json_schema()
    assert schema["description"] == "A thing that was just made."
    assert schema["properties"]["note"]["description"] == "What somebody wrote."
    assert schema["properties"]["double"]["description"] == "Twice the price, in dollars."
    shown = view.model_validate(Made(Decimal(2), None, "hidden", None, "text")).model_dump(mode="json")
    assert (shown["key"], shown["double"]) == ("text", "4")


def test_a_list_holds_items_and_where_to_go_on() -> None:
    shown = list_of(View, "StoredList", "Things.").model_validate(Listed([ROW], "cursor")).model_dump(mode="json")
    assert shown == {"items": [{"price": "100", "limit": "0.5", "note": None}], "next": "cursor"}
