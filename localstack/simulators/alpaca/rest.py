"""REST: the trading interface and historical bars."""

from __future__ import annotations

import asyncio
import bisect
import json
import os
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from stratforge.market import is_crypto

from simulators.alpaca import tape
from simulators.alpaca.demo_market import EARLY_CLOSES, SYMBOLS
from simulators.alpaca.exchange import Refusal, SimulatedOrder
from simulators.alpaca.simulator import Simulator

# Alpaca's; measurements with many symbols have an account that may ask more.
_REQUESTS_A_MINUTE = int(os.environ.get("SIMULATED_REQUESTS_A_MINUTE", "200"))
_PAGE = 10_000
_KNOWN = frozenset(SYMBOLS)
_SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,9}(/[A-Z]{3,5})?")
_recent: deque[float] = deque()

Endpoint = Callable[[Request], Awaitable[Response]]


def _simulator(request: Request) -> Simulator:
    simulator: Simulator = request.app.state.simulator
    return simulator


def _error(status: int, code: int, message: str, **more: str) -> JSONResponse:
    return JSONResponse({"code": code, "message": message, **more}, status)


def guarded(endpoint: Endpoint, *, limited: bool = True) -> Endpoint:
    """Checks the keys and the rate limit, and turns refusals into answers."""

    async def answer(request: Request) -> Response:
        simulator = _simulator(request)
        given = (request.headers.get("apca-api-key-id"), request.headers.get("apca-api-secret-key"))
        if given != simulator.keys:
            return _error(403, 40310000, "forbidden.")
        headers: dict[str, str] = {}
        if limited:
            # Market minutes, so that the limit bites the same at every speed.
            now, window = time.monotonic(), 60.0 / max(simulator.clock.speed, 1.0)
            while _recent and _recent[0] < now - window:
                _recent.popleft()
            reset = str(int(time.time() + (_recent[0] + window - now if _recent else window)) + 1)
            headers = {"X-RateLimit-Limit": str(_REQUESTS_A_MINUTE), "X-RateLimit-Reset": reset}
            if len(_recent) >= _REQUESTS_A_MINUTE:
                answered = _error(429, 42910000, "too many requests.")
                answered.headers.update(headers | {"X-RateLimit-Remaining": "0"})
                return answered
            _recent.append(now)
            headers["X-RateLimit-Remaining"] = str(_REQUESTS_A_MINUTE - len(_recent))
        if request.method == "GET" and limited and simulator.faults.read_error_count > 0:
            simulator.faults.read_error_count -= 1
            return _error(simulator.faults.read_error or 500, 0, "simulated failure")
        if simulator.faults.latency_seconds:
            await asyncio.sleep(simulator.faults.latency_seconds)
        try:
            answered_well = await endpoint(request)
        except Refusal as refusal:
            answered_well = _error(refusal.status, refusal.code, refusal.message, **refusal.more)
        answered_well.headers.update(headers | {"X-Request-ID": uuid4().hex})
        return answered_well

    return answer


async def submit_order(request: Request) -> Response:
    """`POST /v2/orders`: submits an order, or refuses it as Alpaca would."""
    simulator = _simulator(request)
    received = time.time_ns()
    body = await request.json()
    symbol = str(body.get("symbol"))
    if symbol not in _KNOWN:
        raise Refusal(422, 40010001, f"asset {symbol!r} not found")
    faults = simulator.faults
    if faults.trading_blocked:
        raise Refusal(403, 40310000, "account is blocked from trading")
    failing = faults.submit_error if faults.submit_error_count > 0 else 0
    if failing:
        faults.submit_error_count -= 1
        if not faults.submit_error_after:
            return _error(failing, 0, "simulated failure")
    order = simulator.exchange.submit(body, simulator.clock.now(), simulator.price(symbol), pending=faults.pending)
    simulator.orders_received[order.client_order_id] = received
    simulator.submitted(order)
    if failing:
        return _error(failing, 0, "simulated failure after the order was taken")
    return JSONResponse(order.as_alpaca())


async def list_orders(request: Request) -> Response:
    """`GET /v2/orders`: lists orders by status, symbols and time."""
    status, symbols = request.query_params.get("status", "open"), request.query_params.get("symbols")
    wanted = set(symbols.split(",")) if symbols else None
    limit = min(int(request.query_params.get("limit", "50")), 500)
    since, until = _time(request, "after"), _time(request, "until")
    orders = [
        order.as_alpaca()
        for order in list(_simulator(request).exchange.orders.values())
        if (status == "all" or order.open is (status == "open"))
        and (wanted is None or order.symbol in wanted)
        and (since is None or datetime.fromisoformat(order.created_at) > since)
        and (until is None or datetime.fromisoformat(order.created_at) < until)
    ]
    if request.query_params.get("direction", "desc") == "desc":
        orders.reverse()
    return JSONResponse(orders[:limit])


def _order(request: Request) -> SimulatedOrder:
    """The order whose id is in the path."""
    order = _simulator(request).exchange.orders.get(request.path_params["order_id"])
    if order is None:
        raise Refusal(404, 40410000, "order not found")
    return order


def _time(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    return datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+")) if text else None


async def get_order(request: Request) -> Response:
    """`GET /v2/orders/{id}`: returns an order by the exchange's id."""
    return JSONResponse(_order(request).as_alpaca())


async def get_order_by_client_id(request: Request) -> Response:
    """`GET /v2/orders:by_client_order_id`: returns an order by the client's id."""
    order = _simulator(request).exchange.by_client_id.get(request.query_params.get("client_order_id", ""))
    return JSONResponse(order.as_alpaca()) if order else _error(404, 40410000, "order not found")


async def cancel_order(request: Request) -> Response:
    """`DELETE /v2/orders/{id}`: asks for the cancellation of an order."""
    simulator, order = _simulator(request), _order(request)
    simulator.exchange.cancel(order, simulator.clock.now(), pending=simulator.faults.pending)
    return Response(status_code=204)


async def replace_order(request: Request) -> Response:
    """`PATCH /v2/orders/{id}`: replaces an order by a new one."""
    simulator, order = _simulator(request), _order(request)
    price = simulator.price(order.symbol)
    successor = simulator.exchange.replace(order, await request.json(), simulator.clock.now(), price)
    simulator.submitted(successor)
    return JSONResponse(successor.as_alpaca())


async def list_positions(request: Request) -> Response:
    """`GET /v2/positions`: lists the account's positions."""
    simulator = _simulator(request)
    rows: list[dict[str, Any]] = []
    for symbol, quantity in sorted(simulator.exchange.positions.items()):
        if quantity:
            price = simulator.price(symbol)
            rows.append(
                {
                    "asset_id": "00000000-0000-0000-0000-000000000000",
                    "symbol": symbol.replace("/", ""),
                    "exchange": "CRYPTO" if is_crypto(symbol) else "NASDAQ",
                    "asset_class": "crypto" if is_crypto(symbol) else "us_equity",
                    "qty": f"{quantity.normalize():f}",
                    "qty_available": f"{quantity.normalize():f}",
                    "side": "long" if quantity > 0 else "short",
                    "avg_entry_price": str(price),
                    "market_value": f"{(quantity * price):f}",
                    "cost_basis": f"{(quantity * price):f}",
                    "unrealized_pl": "0",
                    "unrealized_plpc": "0",
                    "unrealized_intraday_pl": "0",
                    "unrealized_intraday_plpc": "0",
                    "current_price": str(price),
                    "lastday_price": str(price),
                    "change_today": "0",
                }
            )
    return JSONResponse(rows)


async def get_account(request: Request) -> Response:
    """`GET /v2/account`: returns the simulated account."""
    exchange = _simulator(request).exchange
    cash = f"{exchange.cash:f}"
    return JSONResponse(
        {
            "id": "00000000-0000-0000-0000-000000000001",
            "account_number": "SIMULATED",
            "status": "ACTIVE",
            "currency": "USD",
            "cash": cash,
            "buying_power": cash,
            "equity": cash,
            "portfolio_value": cash,
            "trading_blocked": _simulator(request).faults.trading_blocked,
            "transfers_blocked": False,
            "account_blocked": False,
            "created_at": "2012-01-01T00:00:00Z",
            "multiplier": "1",
            "shorting_enabled": exchange.shorting,
        }
    )


async def get_clock(request: Request) -> Response:
    """`GET /v2/clock`: returns the market's time and hours, and its speed."""
    clock = _simulator(request).clock
    return JSONResponse(
        {
            "timestamp": (clock.now() + _simulator(request).clock_drift).isoformat(),
            "is_open": clock.is_open(),
            "next_open": clock.next_open().isoformat(),
            "next_close": clock.next_close().isoformat(),
            # Alpaca's market has one speed, and its clock says none.
            "speed": clock.speed,
        }
    )


async def get_calendar(request: Request) -> Response:
    """`GET /v2/calendar`: lists the trading days between two dates."""
    query = request.query_params
    start, end = query.get("start", "0001-01-01")[:10], query.get("end", "9999-12-31")[:10]
    days = [day for day in _simulator(request).market.days if start <= day.isoformat() <= end]
    closes = {day: "13:00" if day in EARLY_CLOSES else "16:00" for day in days}
    closes |= {day: announced for day in days if (announced := _simulator(request).closes.get(day.isoformat()))}
    return JSONResponse([{"date": day.isoformat(), "open": "09:30", "close": close} for day, close in closes.items()])


async def list_assets(request: Request) -> Response:
    """`GET /v2/assets`: lists the assets, by class."""
    wanted = request.query_params.get("asset_class")
    assets = [_asset(_simulator(request), symbol) for symbol in SYMBOLS]
    return JSONResponse([asset for asset in assets if wanted in (None, asset["class"])])


async def get_asset(request: Request) -> Response:
    """`GET /v2/assets/{symbol}`: returns the properties of one asset."""
    symbol = request.path_params["symbol"]
    if symbol not in _KNOWN:
        return _error(404, 40410000, f"asset not found for {symbol}")
    return JSONResponse(_asset(_simulator(request), symbol))


def _asset(simulator: Simulator, symbol: str) -> dict[str, Any]:
    crypto = is_crypto(symbol)
    asset = {
        "id": "00000000-0000-0000-0000-000000000000",
        "class": "crypto" if crypto else "us_equity",
        "exchange": "CRYPTO" if crypto else "NASDAQ",
        "symbol": symbol,
        "name": f"{symbol} (simulated market)",
        "status": "active",
        "tradable": True,
        "marginable": not crypto,
        "shortable": not crypto and simulator.exchange.shorting,
        "easy_to_borrow": not crypto and simulator.exchange.shorting,
        "fractionable": True,
    }
    if crypto:
        asset |= {"min_order_size": "0.000016", "min_trade_increment": "0.000000001", "price_increment": "0.01"}
    return asset | simulator.exchange.assets.get(symbol, {})


async def list_bars(request: Request) -> Response:
    """`GET /v2/stocks/bars`, or of crypto pairs `/v1beta3/crypto/us/bars`: finished minutes of several symbols, in pages across symbols."""
    simulator, query, crypto = _simulator(request), request.query_params, "crypto" in request.url.path
    timeframe = query.get("timeframe", "1Min")
    if timeframe not in ("1Min", "1Day"):
        return _error(400, 40010001, "the simulator has bars of 1Min and 1Day only")
    for symbol in query.get("symbols", "").split(","):
        # A symbol that nobody knows has no bars; a text that is no symbol is refused, with all that was asked beside it.
        if not _SYMBOL.fullmatch(symbol):
            return _error(400, 40010001, f"invalid symbol: {symbol}")
    start = _stamp(query.get("start"), 0)
    end = _stamp(query.get("end"), 1 << 40)
    limit = min(int(query.get("limit", "1000")), _PAGE)
    symbols = [
        each
        for each in sorted(set(query.get("symbols", "").split(",")))
        if each in _KNOWN and is_crypto(each) is crypto
    ]
    found: list[tuple[str, Any]]
    if timeframe == "1Day":
        found = [(symbol, each) for symbol in symbols for each in simulator.days(symbol, start, end)]
    else:
        times = simulator.market.time
        first = bisect.bisect_left(times, start)
        last = min(bisect.bisect_right(times, end), simulator.clock.minute)
        found = [(symbol, index) for symbol in symbols for index in range(first, last)]
    offset = int(query.get("page_token") or 0)
    page: dict[str, list[dict[str, Any]]] = {}
    for symbol, each in found[offset : offset + limit]:
        bar = each if isinstance(each, dict) else simulator.bar(symbol, each)
        page.setdefault(symbol, []).append(
            {k: v for k, v in bar.items() if k != "S"} | {"t": bar["t"].isoformat().replace("+00:00", "Z")}
        )
    following = offset + limit
    return JSONResponse({"bars": page, "next_page_token": str(following) if following < len(found) else None})


def _stamp(text: str | None, default: int) -> int:
    if not text:
        return default
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


async def list_fills(request: Request) -> Response:
    """`GET /v2/account/activities/FILL`, in pages that go on after the id in `page_token`."""
    query = request.query_params
    rows = []
    for order in _simulator(request).exchange.orders.values():
        total = Decimal(0)
        for fill in order.fills:
            total += Decimal(fill["qty"])
            rows.append(
                {
                    "id": f"{fill['time']}::{fill['execution_id']}",
                    "activity_type": "FILL",
                    "transaction_time": fill["time"],
                    "type": "fill" if total == order.quantity else "partial_fill",
                    "price": fill["price"],
                    "qty": fill["qty"],
                    "side": order.side,
                    "symbol": order.symbol,
                    "order_id": order.id,
                    "cum_qty": f"{total.normalize():f}",
                    "leaves_qty": f"{(order.quantity - total).normalize():f}",
                    "order_status": order.status,
                }
            )
    since, until = _time(request, "after"), _time(request, "until")
    rows = [
        row
        for row in rows
        if (since is None or datetime.fromisoformat(row["transaction_time"]) > since)
        and (until is None or datetime.fromisoformat(row["transaction_time"]) < until)
    ]
    rows.sort(key=lambda row: row["id"], reverse=query.get("direction", "desc") == "desc")
    token = query.get("page_token")
    start = next((index + 1 for index, row in enumerate(rows) if row["id"] == token), 0) if token else 0
    return JSONResponse(rows[start : start + int(query.get("page_size", "100"))])


async def corporate_actions(request: Request) -> Response:
    """`GET /v1/corporate-actions`: the splits that were made by hand."""
    query = request.query_params
    wanted = set(query.get("symbols", "").split(","))
    rows: list[tuple[str, dict[str, Any]]] = []
    for split in _simulator(request).splits:
        day = split.day.isoformat()
        if split.symbol in wanted and query.get("start", "0") <= day <= query.get("end", "9"):
            old, new = split.ratio.as_integer_ratio()[::-1]
            row = {"id": split.action_id, "symbol": split.symbol, "new_rate": new, "old_rate": old, "ex_date": day}
            rows.append(("forward_splits" if split.ratio > 1 else "reverse_splits", row | {"process_date": day}))
    offset, limit = int(query.get("page_token") or 0), min(int(query.get("limit", "100")), 1000)
    groups: dict[str, list[dict[str, Any]]] = {"forward_splits": [], "reverse_splits": [], "name_changes": []}
    for group, row in rows[offset : offset + limit]:
        groups[group].append(row)
    following = str(offset + limit) if offset + limit < len(rows) else None
    return JSONResponse({"corporate_actions": groups, "next_page_token": following})


async def set_faults(request: Request) -> Response:
    """`POST /simulator/faults`: switches faults; `GET` shows them."""
    try:
        changes = await request.json() if request.method == "POST" else {}
        return JSONResponse(_simulator(request).faults.update(changes))
    except ValueError as error:
        return JSONResponse({"detail": str(error)}, 422)


async def change_market(request: Request) -> Response:
    """`POST /simulator/market`: what happens to a market besides prices.

    `{"symbol": …}` with `"halted"` or `"paused": true|false`, `"tradable"`, `"fractionable"`, `"sell_only"`, `"shortable"` or `"easy_to_borrow"`, or `"split": "2"`; or for all of it `{"speed": 0}`,
    `{"shorting": true}` (whether the account may sell short), `{"clock_drift": 90}` (seconds that the clock of REST is ahead), `{"live_channels": 30}` (null on a paid plan),
    `{"closes": {"2012-01-05": "11:30"}}` (closes that are announced now, for the calendar).
    """
    simulator, body = _simulator(request), await request.json()
    if "speed" in body:
        simulator.clock.set_speed(float(body["speed"]))
    if "clock_drift" in body:
        simulator.clock_drift = timedelta(seconds=float(body["clock_drift"]))
    if "shorting" in body:
        simulator.exchange.shorting = bool(body["shorting"])
    if "live_channels" in body:
        simulator.live_channels = body["live_channels"]
    simulator.closes = body.get("closes", simulator.closes)
    symbol = body.get("symbol")
    if symbol is not None and symbol not in _KNOWN:
        return JSONResponse({"detail": f"there is no {symbol}; there are {', '.join(SYMBOLS)}"}, 422)
    if symbol is not None:
        for name, state in (("halted", "HALTED"), ("paused", "PAUSED")):
            if name in body:
                await simulator.change_state(symbol, state if body[name] else "TRADING")
        for name in ("tradable", "fractionable", "sell_only", "shortable", "easy_to_borrow"):
            if name in body:
                simulator.exchange.assets.setdefault(symbol, {})[name] = bool(body[name])
        if "split" in body:
            simulator.split(symbol, Decimal(str(body["split"])))
    return JSONResponse({"halted": sorted(simulator.halted), "speed": simulator.clock.speed})


async def make_print(request: Request) -> Response:
    """`POST /simulator/print`: a print on the tape: `symbol`, `price`, `conditions`; or `cancel` or `correct` (to `price`) with a print's number and `was`."""
    simulator, body = _simulator(request), await request.json()
    symbol, at, number = str(body["symbol"]), simulator.clock.now(), simulator.next_number()
    price = Decimal(str(body.get("price", body.get("was"))))
    if "cancel" in body:
        message = tape.cancel(symbol, int(body["cancel"]), Decimal(str(body["was"])), at)
    elif "correct" in body:
        message = tape.correction(symbol, int(body["correct"]), number, Decimal(str(body["was"])), price, at)
    else:
        message = tape.trade(symbol, number, price, at, body.get("conditions"))
    await simulator.say("trades", symbol, message)
    return JSONResponse({"number": number})


async def put_order(request: Request) -> Response:
    """`POST /simulator/order`: puts an order into a state: `client_order_id`, `status`."""
    simulator, body = _simulator(request), await request.json()
    order = simulator.exchange.by_client_id.get(str(body.get("client_order_id")))
    if order is None:
        return JSONResponse({"detail": "there is no such order"}, 404)
    simulator.exchange.put(order, str(body["status"]), simulator.clock.now())
    return JSONResponse(order.as_alpaca())


async def correct_fill(request: Request) -> Response:
    """`POST /simulator/correct`: changes the last execution of an order, as after a bust: `client_order_id`, `qty`, `price`."""
    simulator, body = _simulator(request), await request.json()
    order = simulator.exchange.by_client_id.get(str(body.get("client_order_id")))
    if order is None:
        return JSONResponse({"detail": "there is no such order"}, 404)
    simulator.exchange.correct_last_fill(
        order, Decimal(str(body["qty"])), Decimal(str(body["price"])), simulator.clock.now()
    )
    return JSONResponse(order.as_alpaca())


async def change_keys(request: Request) -> Response:
    """`POST /simulator/keys`: accepts these keys from now on and no others, as after a regeneration; streams end."""
    asked = await request.json()
    _simulator(request).keys = (str(asked["key_id"]), str(asked["secret_key"]))
    return await drop_streams(request)


async def drop_streams(request: Request) -> Response:
    """`POST /simulator/drop`: closes every websocket, as a network does; with `code` and `msg` data streams are told an error before."""
    simulator, body = _simulator(request), await request.body()
    asked = json.loads(body) if body else {}
    if "code" in asked:
        for connection in list(simulator.data_connections):
            await connection.send([{"T": "error", "code": int(asked["code"]), "msg": str(asked.get("msg", ""))}])
    sockets = [connection.socket for connection in simulator.data_connections] + list(simulator.trading_connections)
    for socket in sockets:
        await socket.close(1011)
    return JSONResponse({"dropped": len(sockets)})


async def status(request: Request) -> Response:
    """`GET /simulator/status`: what was sent and received, for measurements."""
    simulator = _simulator(request)
    exchange = simulator.exchange
    return JSONResponse(
        {
            "now": simulator.clock.now().isoformat(),
            "speed": simulator.clock.speed,
            "over_in": str(timedelta(minutes=len(simulator.market) - simulator.clock.position)),
            "bars_published": simulator.bars_published,
            "bars_sent": simulator.bars_sent,
            "orders_received": simulator.orders_received,
            "orders": list(exchange.by_client_id),
            "fills": sum(len(order.fills) for order in exchange.orders.values()),
            "refusals": exchange.refusals,
            "positions": {symbol: f"{quantity:f}" for symbol, quantity in exchange.positions.items() if quantity},
        }
    )


ROUTES = [
    Route("/v2/orders", guarded(submit_order), methods=["POST"]),
    Route("/v2/orders", guarded(list_orders), methods=["GET"]),
    Route("/v2/orders:by_client_order_id", guarded(get_order_by_client_id)),
    Route("/v2/orders/{order_id}", guarded(get_order), methods=["GET"]),
    Route("/v2/orders/{order_id}", guarded(cancel_order), methods=["DELETE"]),
    Route("/v2/orders/{order_id}", guarded(replace_order), methods=["PATCH"]),
    Route("/v2/positions", guarded(list_positions), methods=["GET"]),
    Route("/v2/account", guarded(get_account)),
    Route("/v2/account/activities/FILL", guarded(list_fills)),
    Route("/v2/clock", guarded(get_clock)),
    Route("/v2/calendar", guarded(get_calendar)),
    Route("/v2/assets", guarded(list_assets)),
    Route("/v2/assets/{symbol:path}", guarded(get_asset)),
    Route("/v2/stocks/bars", guarded(list_bars, limited=False)),
    Route("/v1beta3/crypto/us/bars", guarded(list_bars, limited=False)),
    Route("/simulator/faults", set_faults, methods=["GET", "POST"]),
    Route("/v1/corporate-actions", guarded(corporate_actions, limited=False)),
    Route("/simulator/market", change_market, methods=["POST"]),
    Route("/simulator/print", make_print, methods=["POST"]),
    Route("/simulator/order", put_order, methods=["POST"]),
    Route("/simulator/correct", correct_fill, methods=["POST"]),
    Route("/simulator/keys", change_keys, methods=["POST"]),
    Route("/simulator/drop", drop_streams, methods=["POST"]),
    Route("/simulator/status", status),
]
