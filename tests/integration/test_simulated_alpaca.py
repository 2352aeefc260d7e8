"""The simulated Alpaca, driven through unmodified alpaca-py and through the ingestor's streams, which are alpaca-py's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import uvicorn
from alpaca.common.exceptions import APIError
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.live import StockDataStream
from alpaca.data.requests import CorporateActionsRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import (
    GetCalendarRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopOrderRequest,
)
from alpaca.trading.stream import TradingStream
from simulators.alpaca import rest
from simulators.alpaca.__main__ import create_app
from simulators.alpaca.simulator import Simulator
from simulators.credentials import ALPACA_KEY_ID, ALPACA_SECRET_KEY, alpaca_secret
from stratforge.broker.history import AlpacaHistory, ClockReading
from stratforge.bus.messages import MarketUpdate
from stratforge.configuration import AlpacaSecret
from stratforge.market import Bar

from functions.ingestor.alpaca_streams import MarketStream, StreamError
from functions.ingestor.data_plan import Channels
from functions.ingestor.prices import PriceBook

# Streams of a test, which end with it.
_STREAMS: list[Any] = []


class Alpaca:
    """A simulator that serves on a port of its own."""

    def __init__(self) -> None:
        self.simulator = Simulator(speed=60.0, state=None)
        self.simulator.faults.partial_fill = 0.0
        config = uvicorn.Config(
            create_app(self.simulator), host="127.0.0.1", port=0, log_level="error", ws="websockets-sansio"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.http = f"http://127.0.0.1:{self.port}"
        rest._recent.clear()

    def close(self) -> None:
        """Stops serving."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    def tell(self, path: str, **body: Any) -> Any:
        """Makes something happen."""
        return httpx.post(f"{self.http}/simulator/{path}", json=body, timeout=10).raise_for_status().json()

    @property
    def secret(self) -> AlpacaSecret:
        """Keys that lead here."""
        return AlpacaSecret.model_validate(alpaca_secret(self.port))


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def alpaca() -> Iterator[Alpaca]:
    """A simulated Alpaca."""
    found = Alpaca()
    yield found
    while _STREAMS:
        _STREAMS.pop().stop()
    found.close()


@pytest.fixture
def trading(alpaca: Alpaca) -> TradingClient:
    """Alpaca's own client."""
    client = TradingClient(ALPACA_KEY_ID, ALPACA_SECRET_KEY, paper=True, url_override=alpaca.http)
    client._retry = 0
    return client


class Heard:
    """What the ingestor's streams tell."""

    def __init__(self) -> None:
        self.bars: list[tuple[Bar, bool]] = []
        self.connections = 0
        self.errors: list[StreamError] = []
        self.book = PriceBook()
        self.news: list[MarketUpdate] = []

    def bar(self, bar: Bar, correction: bool) -> None:
        """Takes a bar."""
        self.bars.append((bar, correction))

    def connected(self, crypto: bool) -> None:
        """Takes a connection."""
        self.connections += 1

    def error(self, error: StreamError) -> None:
        """Takes a refusal."""
        self.errors.append(error)

    def heard(self, condition: Callable[[MarketUpdate], bool]) -> MarketUpdate:
        """Waits for news of a kind."""
        found: list[MarketUpdate] = []

        def look() -> bool:
            self.news += self.book.news()
            found[:] = [each for each in self.news if condition(each)]
            return bool(found)

        wait_for(look)
        return found[-1]


def listening(
    alpaca: Alpaca, *symbols: str, feed: str = "iex", live: tuple[str, ...] = ()
) -> tuple[Heard, MarketStream]:
    """The ingestor's stream on some symbols."""
    heard = Heard()
    secret = alpaca.secret.model_copy(update={"feed": feed})
    stream = MarketStream(secret, crypto=False, mute_seconds=90, listener=heard, book=heard.book)
    stream.set_channels(Channels(frozenset(symbols), frozenset(live), frozenset(live)))
    _STREAMS.append(stream._stream)
    return heard, stream


def everything(*symbols: str) -> Channels:
    """All channels of some symbols."""
    return Channels(*[frozenset(symbols)] * 3)  # type: ignore[arg-type] # bars, trades, quotes


# The data stream ------------------------------------------------------------------------------------------------


def test_bars_prints_quotes_and_bands_reach_the_product(alpaca: Alpaca) -> None:
    heard, stream = listening(alpaca, "AAPL", "IBM", live=("AAPL",))
    wait_for(lambda: {"AAPL", "IBM"} <= {bar.symbol for bar, _ in heard.bars})
    update = heard.heard(lambda each: each.price is not None and each.bid is not None and each.within_bands)
    assert update.symbol == "AAPL"
    assert update.bid is not None
    assert update.ask is not None
    assert 0 < update.bid < update.ask
    assert stream.granted["bars"] == ["AAPL", "IBM"]
    assert stream.granted["trades"] == stream.granted["corrections"] == ["AAPL"]


def test_halts_and_pauses_of_both_plans_reach_the_product(alpaca: Alpaca) -> None:
    heard, stream = listening(alpaca, "AAPL", "IBM")
    wait_for(lambda: stream.granted.get("statuses") == ["AAPL", "IBM"])
    for symbol in ("AAPL", "IBM"):
        for name, state in (("halted", "HALTED"), ("paused", "PAUSED")):
            alpaca.tell("market", symbol=symbol, **{name: True})
            heard.heard(lambda each, of=symbol, is_=state: (each.symbol, each.exchange_state) == (of, is_))  # type: ignore[misc]
        alpaca.tell("market", symbol=symbol, halted=False)
        heard.heard(lambda each, of=symbol: (each.symbol, each.exchange_state) == (of, "TRADING"))  # type: ignore[misc]


def test_odd_prints_move_no_price_and_prints_that_are_taken_back_give_way(alpaca: Alpaca) -> None:
    heard, stream = listening(alpaca, "AAPL", live=("AAPL",))
    wait_for(lambda: stream.granted.get("trades") == ["AAPL"])
    heard.heard(lambda each: each.price is not None)
    alpaca.tell("market", speed=0)
    alpaca.tell("print", symbol="AAPL", price="1.00", conditions=["@", "I"])
    wrong = alpaca.tell("print", symbol="AAPL", price="2.00", conditions=["@"])["number"]
    heard.heard(lambda each: each.price == Decimal("2.0"))
    alpaca.tell("print", symbol="AAPL", cancel=wrong, was="2.00")
    standing = heard.heard(lambda each: each.voided_at is not None)
    assert standing.price not in (None, Decimal("2.0"), Decimal("1.0"))
    wrong = alpaca.tell("print", symbol="AAPL", price="3.00", conditions=["@"])["number"]
    heard.heard(lambda each: each.price == Decimal("3.0"))
    alpaca.tell("print", symbol="AAPL", correct=wrong, was="3.00", price="4.00")
    assert heard.heard(lambda each: each.price == Decimal("4.0")).voided_at is not None
    assert not [each for each in heard.news if each.price == Decimal("1.0")]


def test_error_405_is_noticed_with_what_was_granted(alpaca: Alpaca) -> None:
    alpaca.simulator.live_channels = 4
    heard, stream = listening(alpaca, "AAPL", "IBM", live=("AAPL", "IBM"))
    wait_for(lambda: stream.granted.get("trades") == ["AAPL", "IBM"])
    stream.set_channels(everything("AAPL", "IBM", "MSFT"))
    wait_for(lambda: heard.errors)
    assert heard.errors == [StreamError(False, 405, "symbol limit exceeded", 4)]
    stream.set_channels(everything("AAPL", "IBM"))
    stream.set_channels(everything("AAPL", "MSFT"))
    wait_for(lambda: stream.granted["bars"] == ["AAPL", "MSFT"])
    assert len(heard.errors) == 1, "what goes makes room before what comes"


def test_error_406_is_noticed_and_ends_when_the_other_connection_does(alpaca: Alpaca) -> None:
    alpaca.tell("faults", connection_limit=True)
    heard, stream = listening(alpaca, "AAPL")
    wait_for(lambda: heard.errors)
    assert (heard.errors[0].code, heard.connections) == (406, 0)
    alpaca.tell("faults", connection_limit=False)
    wait_for(lambda: heard.connections == 1)
    wait_for(lambda: stream.granted.get("bars") == ["AAPL"])


def test_error_409_is_noticed(alpaca: Alpaca) -> None:
    heard, _stream = listening(alpaca, "AAPL", feed="sip")
    wait_for(lambda: heard.errors)
    assert (heard.errors[0].code, heard.errors[0].message) == (409, "insufficient subscription")


def test_any_other_error_is_noticed_and_the_connection_is_made_again(alpaca: Alpaca) -> None:
    heard, stream = listening(alpaca, "AAPL")
    wait_for(lambda: stream.granted.get("bars") == ["AAPL"])
    alpaca.tell("drop", code=407, msg="slow client")
    wait_for(lambda: heard.connections == 2)
    assert heard.errors == [StreamError(False, 407, "slow client", 0)]


def test_daily_bars_and_corrections_of_bars_come_through_alpacas_own_client(alpaca: Alpaca) -> None:
    alpaca.simulator.faults.correct_bar = 1.0
    stream = StockDataStream(ALPACA_KEY_ID, ALPACA_SECRET_KEY, url_override=f"ws://127.0.0.1:{alpaca.port}/v2/iex")
    seen: dict[str, Any] = {}

    async def daily(bar: Any) -> None:
        seen["daily"] = bar

    async def updated(bar: Any) -> None:
        seen["updated"] = bar

    stream.subscribe_daily_bars(daily, "AAPL")
    stream.subscribe_updated_bars(updated, "AAPL")
    threading.Thread(target=stream.run, daemon=True).start()
    wait_for(lambda: set(seen) == {"daily", "updated"})
    stream.stop()
    assert seen["daily"].high >= seen["daily"].close >= seen["daily"].low


# Orders ---------------------------------------------------------------------------------------------------------


def limit_order(side: OrderSide = OrderSide.BUY, price: float = 1.0, **more: Any) -> LimitOrderRequest:
    """A limit order that does not fill by itself."""
    terms: dict[str, Any] = {"symbol": "AAPL", "qty": 10, "time_in_force": TimeInForce.DAY, **more}
    return LimitOrderRequest(side=side, limit_price=price, **terms)


def test_an_order_is_pending_new_replaced_and_canceled_as_the_stream_tells(
    alpaca: Alpaca, trading: TradingClient
) -> None:
    alpaca.tell("faults", pending=True)
    stream = TradingStream(ALPACA_KEY_ID, ALPACA_SECRET_KEY, paper=True, url_override=alpaca.secret.trading_stream_url)
    events: list[str] = []

    async def heard(update: Any) -> None:
        events.append(str(getattr(update.event, "value", update.event)))

    stream.subscribe_trade_updates(heard)
    _STREAMS.append(stream)
    threading.Thread(target=stream.run, daemon=True).start()
    wait_for(lambda: alpaca.simulator.trading_connections)
    order: Any = trading.submit_order(limit_order(client_order_id="first"))
    successor: Any = trading.replace_order_by_id(order.id, ReplaceOrderRequest(qty=5, limit_price=2.0))
    replaced: Any = trading.get_order_by_id(order.id)
    assert (replaced.status.value, replaced.replaced_by, successor.replaces) == ("replaced", successor.id, order.id)
    assert (successor.qty, successor.limit_price) == ("5", "2")
    trading.cancel_order_by_id(successor.id)
    with pytest.raises(APIError) as refused:
        trading.cancel_order_by_id(successor.id)
    assert (refused.value.status_code, refused.value.code) == (422, 42210000)
    expected = ["pending_new", "new", "pending_replace", "new", "replaced", "pending_cancel", "canceled"]
    wait_for(lambda: len(events) >= len(expected))
    assert events == expected


@pytest.mark.parametrize("status", ["done_for_day", "suspended", "stopped", "calculated", "accepted", "held"])
def test_seldom_seen_states_come_over_rest_as_alpacas_models_have_them(
    alpaca: Alpaca, trading: TradingClient, status: str
) -> None:
    trading.submit_order(limit_order(client_order_id="rare"))
    alpaca.tell("order", client_order_id="rare", status=status)
    order: Any = trading.get_order_by_client_id("rare")
    assert order.status.value == status


def refusal(trading: TradingClient, order: Any) -> tuple[int, int, str]:
    """The answer to an order that is refused."""
    with pytest.raises(APIError) as refused:
        trading.submit_order(order)
    return refused.value.status_code, refused.value.code, refused.value.message


def test_orders_are_refused_with_alpacas_codes(alpaca: Alpaca, trading: TradingClient) -> None:
    fractional = limit_order(qty=1.5, time_in_force=TimeInForce.GTC)
    assert refusal(trading, fractional) == (422, 42210000, "fractional orders must be DAY orders")
    market = MarketOrderRequest(
        symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, extended_hours=True
    )
    assert refusal(trading, market)[:2] == (422, 42210000)
    alpaca.simulator.exchange.cash = Decimal(100_000)
    assert refusal(trading, limit_order(qty=200, price=600))[:2] == (403, 40310000)
    assert refusal(trading, limit_order(OrderSide.SELL, 600))[:2] == (403, 40310000)
    trading.submit_order(limit_order(client_order_id="once"))
    assert refusal(trading, limit_order(client_order_id="once")) == (422, 40010001, "client_order_id must be unique")


def test_a_notional_order_fills_in_fractions_and_a_stop_waits(alpaca: Alpaca, trading: TradingClient) -> None:
    trading.submit_order(
        MarketOrderRequest(
            symbol="AAPL", notional=100.0, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id="n"
        )
    )

    def bought() -> Any:
        found: Any = trading.get_order_by_client_id("n")
        return found

    wait_for(lambda: bought().status.value == "filled")
    assert (bought().qty, bought().notional) == (None, "100")
    assert 0 < Decimal(bought().filled_qty) < 1
    stop = StopOrderRequest(
        symbol="IBM", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, stop_price=9999.0, client_order_id="s"
    )
    trading.submit_order(stop)
    resting: Any = trading.get_order_by_client_id("s")
    assert (resting.status.value, resting.stop_price) == ("new", "9999")


def test_a_day_order_ends_with_its_day(alpaca: Alpaca, trading: TradingClient) -> None:
    trading.submit_order(limit_order(client_order_id="day"))
    alpaca.tell("market", speed=3600 * 6)
    found: list[Any] = []

    def ended() -> bool:
        found[:] = [trading.get_order_by_client_id("day")]
        return bool(found[0].status.value == "expired")

    wait_for(ended)
    assert found[0].expired_at is not None


# Reference data, limits, history --------------------------------------------------------------------------------


def test_days_that_close_early_are_in_the_calendar_and_the_clock(alpaca: Alpaca, trading: TradingClient) -> None:
    (day,) = trading.get_calendar(GetCalendarRequest(start=date(2012, 7, 3), end=date(2012, 7, 3)))
    assert (day.close.hour, day.close.minute) == (13, 0)  # type: ignore[union-attr]
    alpaca.tell("market", closes={"2012-07-02": "11:30"})
    (day,) = trading.get_calendar(GetCalendarRequest(start=date(2012, 7, 2), end=date(2012, 7, 2)))
    assert (day.close.hour, day.close.minute) == (11, 30), "announced meanwhile"  # type: ignore[union-attr]
    market, clock = alpaca.simulator.market, alpaca.simulator.clock
    clock._position = float(market.starts[market.days.index(date(2012, 7, 3))])
    assert trading.get_clock().next_close.strftime("%H:%M") == "17:00"  # type: ignore[union-attr] # in UTC


def test_a_clock_that_is_wrong_is_wrong_for_who_asks(alpaca: Alpaca, trading: TradingClient) -> None:
    alpaca.tell("market", clock_drift=90, speed=0)
    ahead = trading.get_clock().timestamp - alpaca.simulator.clock.now()  # type: ignore[union-attr]
    assert ahead == timedelta(seconds=90)


def test_the_ingestor_reads_how_fast_the_replay_runs_and_has_it_run_otherwise(alpaca: Alpaca) -> None:
    history = AlpacaHistory(alpaca.secret)
    history.change_speed(10)
    assert history.clock().speed == 10
    history.change_speed(0)
    assert history.clock() == ClockReading(alpaca.simulator.clock.now(), 0)


def test_the_rate_limit_says_when_it_ends(alpaca: Alpaca) -> None:
    keys = {"APCA-API-KEY-ID": ALPACA_KEY_ID, "APCA-API-SECRET-KEY": ALPACA_SECRET_KEY}
    alpaca.tell("market", speed=0)
    first = httpx.get(f"{alpaca.http}/v2/account", headers=keys)
    assert first.headers["X-RateLimit-Limit"] == "200"
    assert first.headers["X-Request-ID"]
    rest._recent.extend([time.monotonic()] * 200)
    limited = httpx.get(f"{alpaca.http}/v2/account", headers=keys)
    assert limited.status_code == 429
    assert limited.json()["code"] == 42910000
    assert limited.headers["X-RateLimit-Remaining"] == "0"
    assert int(limited.headers["X-RateLimit-Reset"]) >= int(time.time())
    rest._recent.clear()


def test_corporate_actions_come_in_pages(alpaca: Alpaca) -> None:
    for _ in range(3):
        alpaca.tell("market", symbol="AAPL", split="2")
    client = CorporateActionsClient(ALPACA_KEY_ID, ALPACA_SECRET_KEY, url_override=alpaca.http)
    start = alpaca.simulator.clock.now().date()
    asked = CorporateActionsRequest(symbols=["AAPL"], start=start - timedelta(days=9), end=start, limit=2)
    keys = {"APCA-API-KEY-ID": ALPACA_KEY_ID, "APCA-API-SECRET-KEY": ALPACA_SECRET_KEY}
    query = {"symbols": "AAPL", "start": str(asked.start), "end": str(asked.end), "limit": "2"}
    page = httpx.get(f"{alpaca.http}/v1/corporate-actions", params=query, headers=keys).json()
    assert page["next_page_token"] == "2"
    assert len(page["corporate_actions"]["forward_splits"]) == 2
    assert client is not None


def test_one_symbol_that_is_none_is_found_and_the_others_get_their_bars(alpaca: Alpaca) -> None:
    now = alpaca.simulator.clock.now().replace(second=0, microsecond=0)
    found = AlpacaHistory(alpaca.secret).bars_of(
        ["AAPL", "IBM", "no symbol", "MSFT", "GOOG"], now - timedelta(days=5), now
    )
    assert set(found.refused) == {"no symbol"}
    assert {symbol for symbol, bars in found.bars.items() if bars} == {"AAPL", "IBM", "MSFT", "GOOG"}


class Counted:
    """A budget that counts what is taken."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, purpose: str) -> bool:
        """Gives every second time."""
        self.taken += 1
        return self.taken % 2 == 0


def test_every_page_of_history_waits_for_the_budget(alpaca: Alpaca) -> None:
    budget, waits = Counted(), list[float]()
    now: datetime = alpaca.simulator.clock.now().replace(second=0, microsecond=0)
    history = AlpacaHistory(alpaca.secret, budget, waits.append)
    found = history.bars_of(["AAPL", "IBM", "MSFT"], now - timedelta(days=15), now)
    pages = sum(len(bars) for bars in found.bars.values()) // 10_000 + 1
    assert pages >= 2
    assert budget.taken == 2 * pages == 2 * len(waits)
