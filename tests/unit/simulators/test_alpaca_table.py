"""The table of the simulated Alpaca has a word on every member of alpaca-py's enums, and the words are true of simulator and product."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path

import alpaca.data.enums
import alpaca.trading.enums
import pytest
from alpaca.data.enums import CorporateActionsType, DataFeed
from alpaca.data.models import TradingStatus
from alpaca.trading.enums import OrderClass, OrderStatus, OrderType, TimeInForce, TradeEvent
from simulators.alpaca import tape
from simulators.alpaca.exchange import Exchange, Refusal
from stratforge.broker import corporate_actions
from stratforge.portfolio.order_states import Phase, meaning_of

TABLE = Path(__file__).parents[3] / "localstack" / "simulators" / "alpaca" / "README.md"
ROW = re.compile(r"^\| (\w+) \| ((?:`\w+`(?:, )?)+) \| (simulated|simplified|absent) \| (.*?) ?\|$", re.MULTILINE)
ROWS = [
    (enum, re.findall(r"`(\w+)`", members), how, notes)
    for enum, members, how, notes in ROW.findall(TABLE.read_text(encoding="utf-8"))
]
ENUMS: list[type[Enum]] = [
    OrderStatus,
    OrderClass,
    OrderType,
    TimeInForce,
    TradeEvent,
    DataFeed,
    CorporateActionsType,
    *(
        getattr(alpaca.trading.enums, name)
        for name in (
            "ActivityType",
            "TradeActivityType",
            "AssetStatus",
            "AssetClass",
            "AccountStatus",
            "CorporateActionType",
            "CorporateActionSubType",
        )
    ),
]
NOW = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)


def members(enum: type[Enum], *how: str) -> list[str]:
    """The members that the table has of an enum."""
    return [member for name, named, said, _ in ROWS if name == enum.__name__ and said in how for member in named]


@pytest.mark.parametrize("enum", ENUMS, ids=lambda each: str(each.__name__))
def test_every_member_has_one_row(enum: type[Enum]) -> None:
    assert sorted(members(enum, "simulated", "simplified", "absent")) == sorted(str(each.value) for each in enum)


def test_whatever_is_absent_or_simplified_says_what_follows() -> None:
    assert [(enum, named) for enum, named, how, notes in ROWS if how != "simulated" and len(notes) < 20] == []
    assert {enum for enum, *_ in ROWS} == {each.__name__ for each in ENUMS}


def test_the_product_knows_every_status_and_event_of_an_order() -> None:
    unknown = [each.value for each in (*OrderStatus, *TradeEvent) if meaning_of(str(each.value)).phase is Phase.UNKNOWN]
    assert unknown == []


def test_the_product_asks_for_every_corporate_action_but_money() -> None:
    assert {each.value for each in CorporateActionsType} - set(corporate_actions.TYPES) == {"cash_dividend"}


@pytest.mark.parametrize(
    ("field", "enum"), [("type", OrderType), ("time_in_force", TimeInForce), ("order_class", OrderClass)]
)
def test_what_is_absent_is_refused_and_the_rest_is_taken(field: str, enum: type[Enum]) -> None:
    def taken(value: str) -> bool:
        prices = {"limit_price": "90", "stop_price": "110"}
        order = {"symbol": "AAPL", "side": "buy", "qty": "1", "type": "limit", **prices, field: value}
        try:
            Exchange(None).submit(order, NOW, Decimal(100))
        except Refusal:
            return False
        return True

    assert [each for each in members(enum, "simulated", "simplified") if not taken(each)] == []
    assert [each for each in members(enum, "absent") if taken(each)] == []


@pytest.mark.parametrize("symbol", ["AAPL", "IBM"])
@pytest.mark.parametrize("state", ["HALTED", "PAUSED", "TRADING"])
def test_a_trading_status_fills_alpacas_model(symbol: str, state: str) -> None:
    status = TradingStatus(symbol, tape.status(symbol, state, NOW))
    assert (status.tape, status.timestamp) == (tape.tape_of(symbol), NOW)
    assert status.status_code
    assert status.reason_code
