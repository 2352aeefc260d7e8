"""What becomes of signals and orders: sized, paid for, refused with a reason, joined or put to rest."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from stratforge.portfolio.acceptance import Market, Release, decide
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.orders import OrderRequest, TradingState
from stratforge.portfolio.reasons import Reason

from tests.support.values import COLLAR, ZERO, account, decide_one, market, order, request

WHOLE = AssetRules("WHOLE", fractionable=False)


def test_a_fraction_of_equity_is_scaled_by_confidence() -> None:
    assert decide_one(request(confidence=Decimal("0.5"))).quantity == Decimal(5)


def test_a_purchase_reserves_its_worst_price() -> None:
    assert decide_one(request()).reserved_cash == Decimal(10) * 10 * (1 + COLLAR)


def test_a_limit_order_reserves_its_limit() -> None:
    assert decide_one(order(quantity="3", type="limit", limit_price=Decimal("9.5"))).reserved_cash == Decimal("28.5")


@pytest.mark.parametrize(
    ("one", "arguments", "reason"),
    [
        (order(quantity="5000"), {}, Reason.INSUFFICIENT_CASH),
        (request(size_kind="notional", size=Decimal("0.5")), {}, Reason.BELOW_MINIMUM),
        (request("sell"), {}, Reason.NO_POSITION),
        (order("sell", "6"), {"held": "5"}, Reason.NO_POSITION),
        (request(), {"trading_state": TradingState.HALTED}, Reason.USER_HALTED),
        (request(), {"trading_state": TradingState.REDUCING}, Reason.REDUCING_ONLY),
        (request(), {"at": market(platform_state=TradingState.HALTED)}, Reason.PLATFORM_HALTED),
        (request(), {"at": market(platform_state=TradingState.REDUCING)}, Reason.REDUCING_ONLY),
        (request(), {"at": market(halted=True)}, Reason.SYMBOL_HALTED),
        (request(), {"at": market(asset=None)}, Reason.UNKNOWN_ASSET),
        (request(), {"at": market(asset=AssetRules("X", tradable=False))}, Reason.NOT_TRADABLE),
        (request(), {"at": market(open=False)}, Reason.MARKET_CLOSED),
        (order(), {"at": market(fresh=False)}, Reason.STALE_PRICE),
        (order(quantity="0.5"), {"at": market(asset=WHOLE)}, Reason.WHOLE_UNITS_ONLY),
        (order(type="limit", limit_price=Decimal("9.999")), {}, Reason.SUB_PENNY_PRICE),
        (order(replaces=uuid4()), {}, Reason.NOT_REPLACEABLE),
    ],
)
def test_refusals_have_a_reason(one: OrderRequest, arguments: dict[str, Any], reason: Reason) -> None:
    decision = decide_one(one, **arguments)
    assert decision.action == "refuse"
    assert decision.reason is reason
    assert decision.reserved_cash == decision.reserved_quantity == 0


def test_a_share_of_the_equity_is_cut_to_the_free_cash() -> None:
    decision = decide_one(request(sizing_value=Decimal(1)))
    assert decision.reason is None
    assert Decimal(999) < decision.reserved_cash <= Decimal(1000)


def test_a_reducing_account_may_sell() -> None:
    assert decide_one(request("sell"), held="5", trading_state=TradingState.REDUCING).quantity == 5


def test_what_would_be_left_too_small_to_sell_goes_along() -> None:
    one = request("sell", size_kind="quantity", size=Decimal("4.95"))
    assert decide_one(one, held="5").quantity == 5


def test_whole_units_are_rounded_down() -> None:
    assert decide_one(request(sizing_value=Decimal("0.27")), market(asset=WHOLE)).quantity == 27


def test_a_crypto_order_obeys_its_increments() -> None:
    coin = AssetRules("BTC/USD", crypto=True, min_order_size=Decimal("0.1"), quantity_increment=Decimal("0.01"))
    assert decide_one(order(quantity="0.129"), market(asset=coin)).quantity == Decimal("0.12")
    assert decide_one(order(quantity="0.09"), market(asset=coin)).reason is Reason.BELOW_MINIMUM


def test_two_purchases_of_one_user_never_spend_the_same_cash() -> None:
    user = uuid4()
    requests = [replace(order(quantity="60"), user_id=user) for _ in range(2)]
    first, second = decide(requests, {user: account(user)}, {}, market())
    assert first.reason is None
    assert second.reason is Reason.INSUFFICIENT_CASH


@pytest.mark.parametrize(("kind", "size"), [("notional", 600), ("quantity", 60), ("fraction", 1)])
def test_a_strategys_purchase_is_cut_to_the_cash_that_is_left(kind: str, size: int) -> None:
    user = uuid4()
    requests = [request(user_id=user, size_kind=kind, size=Decimal(size)) for _ in range(3)]
    decisions = decide(requests, {user: account(user)}, {}, market())
    assert [each.reason for each in decisions][:1] == [None]
    assert Decimal(999) < sum(each.reserved_cash for each in decisions) <= Decimal(1000)
    assert decisions[-1].reason is Reason.INSUFFICIENT_CASH


@pytest.mark.parametrize(
    ("terms", "price", "action"),
    [
        ({"side": "buy", "type": "limit", "limit_price": "9.9"}, "10", "rest"),
        ({"side": "buy", "type": "limit", "limit_price": "10"}, "10", "join"),
        ({"side": "sell", "type": "limit", "limit_price": "10.1"}, "10", "rest"),
        ({"side": "sell", "type": "limit", "limit_price": "9.9"}, "10", "join"),
        ({"side": "buy", "type": "stop", "stop_price": "10.1"}, "10", "rest"),
        ({"side": "buy", "type": "stop", "stop_price": "9.9"}, "10", "join"),
        ({"side": "sell", "type": "stop", "stop_price": "9.9"}, "10", "rest"),
        ({"side": "sell", "type": "stop", "stop_price": "10.1"}, "10", "join"),
        ({"side": "buy", "type": "stop_limit", "stop_price": "9.9", "limit_price": "9.95"}, "10", "rest"),
        ({"side": "buy", "type": "stop_limit", "stop_price": "9.9", "limit_price": "10.05"}, "10", "join"),
        ({"side": "sell", "type": "oco", "stop_price": "9.9", "limit_price": "10.1"}, "10", "rest"),
        ({"side": "sell", "type": "oco", "stop_price": "9.9", "limit_price": "10.1"}, "10.1", "join"),
        ({"side": "sell", "type": "oco", "stop_price": "9.9", "limit_price": "10.1"}, "9.8", "join"),
        ({"side": "sell", "type": "trailing_stop", "trail_percent": "1"}, "10", "rest"),
    ],
)
def test_an_order_joins_when_its_price_is_there_and_rests_until_then(
    terms: dict[str, str], price: str, action: str
) -> None:
    prices: dict[str, Any] = {name: Decimal(value) for name, value in terms.items() if name not in ("side", "type")}
    decision = decide_one(order(terms["side"], type=terms["type"], **prices), market(price), held="5")
    assert decision.action == action


@pytest.mark.parametrize("kind", ["market", "limit"])
def test_out_of_hours_a_limit_rests_and_a_market_order_waits_for_the_opening(kind: str) -> None:
    prices: dict[str, Any] = {"limit_price": Decimal(10)} if kind == "limit" else {}
    decision = decide_one(order(type=kind, **prices), market(open=False))
    assert decision.action == ("rest" if kind == "limit" else "wait")


def test_what_rests_keeps_resting_while_trading_is_halted() -> None:
    resting = replace(
        order(type="limit", limit_price=Decimal(10)), accepted=True, remaining=Decimal(1), reserved_cash=Decimal(10)
    )
    assert decide_one(resting, market(halted=True)).action == "wait"


def test_a_stop_that_triggers_at_a_higher_price_reserves_more_or_is_refused() -> None:
    waiting = replace(
        order(quantity="10", type="stop", stop_price=Decimal(10)),
        accepted=True,
        remaining=Decimal(10),
        reserve_price=Decimal("10.2"),
        reserved_cash=Decimal(102),
    )
    joined = decide_one(waiting, market("12"))
    assert (joined.action, joined.reserved_cash) == ("join", 10 * Decimal(12) * (1 + COLLAR))
    refused = decide_one(waiting, market("12"), cash="5")
    assert (refused.action, refused.reason, refused.reserved_cash) == ("refuse", Reason.INSUFFICIENT_CASH, ZERO)


@pytest.mark.parametrize(
    ("price", "limit", "triggered"),
    [("9", "9", False), ("8.9", "9", False), ("11", None, True), ("12", None, True), ("10", None, True)],
)
def test_of_a_limit_and_a_stop_that_woke_up_the_stop_has_come_unless_the_price_is_at_the_limit(
    price: str, limit: str | None, triggered: bool
) -> None:
    """At 10 a bar went to the stop and came back."""
    waiting = replace(
        order(quantity="10", type="oco", limit_price=Decimal(9), stop_price=Decimal(11)),
        accepted=True,
        remaining=Decimal(10),
        reserve_price=Decimal("11.22"),
        reserved_cash=Decimal("112.2"),
    )
    joined = decide_one(waiting, market(price))
    assert (joined.action, joined.triggered) == ("join", triggered)
    assert joined.limit == (None if limit is None else Decimal(limit))


def test_a_strategys_stop_that_triggers_at_a_higher_price_is_cut_to_the_cash() -> None:
    waiting = replace(
        request(type="stop", stop_price=Decimal(10), order_id=uuid4()),
        accepted=True,
        remaining=Decimal(10),
        reserve_price=Decimal("10.2"),
        reserved_cash=Decimal(102),
    )
    joined = decide_one(waiting, market("12"), cash="5")
    assert joined.action == "join"
    assert joined.remaining + joined.cut == 10
    assert Decimal(106) < joined.reserved_cash <= Decimal(107)
    poor = replace(waiting, remaining=Decimal("0.1"), reserved_cash=Decimal("0.9"))
    assert decide_one(poor, market("12"), cash="0").reason is Reason.INSUFFICIENT_CASH


def test_a_replacement_may_use_what_its_predecessor_held() -> None:
    old = uuid4()
    new = order(quantity="9", type="limit", limit_price=Decimal(10), replaces=old)
    released = {old: Release(new.user_id, new.session_id, Decimal(100), ZERO)}
    assert decide_one(new, cash="5", releases=released).reserved_cash == 90
    assert decide_one(order(quantity="9"), cash="5").reason is Reason.INSUFFICIENT_CASH


def test_an_order_of_somebody_else_cannot_be_replaced() -> None:
    old = uuid4()
    released = {old: Release(uuid4(), None, Decimal(10_000), ZERO)}
    assert decide_one(order(replaces=old), releases=released).reason is Reason.NOT_REPLACEABLE


def test_an_order_is_replaced_once() -> None:
    old, user = uuid4(), uuid4()
    orders = [order(user_id=user, replaces=old) for _ in range(2)]
    first, second = decide(orders, {user: account(user)}, {}, market(), {old: Release(user, None, Decimal(1), ZERO)})
    assert (first.action, second.reason) == ("join", Reason.NOT_REPLACEABLE)


def test_a_platform_wide_reduction_lets_positions_shrink() -> None:
    at: Market = market(platform_state=TradingState.REDUCING)
    assert decide_one(request("sell"), at, held="3").action == "join"
