"""Alpaca's paper account behind the port."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import requests
from alpaca.common.exceptions import APIError
from alpaca.common.rest import RESTClient

from stratforge.broker import corporate_actions
from stratforge.broker.hardening import harden
from stratforge.broker.port import (
    Accepted,
    AccountState,
    BrokerBusy,
    BrokerOrder,
    BrokerRefusesPlatform,
    BrokerUnavailable,
    FillActivity,
    OrdersRead,
    Rejected,
    RequestBudget,
    Submission,
    Unknown,
)
from stratforge.broker.refusals import Refusal, refusal_of
from stratforge.configuration import AlpacaSecret, FixedKeys, Keys
from stratforge.market import is_crypto
from stratforge.market.corporate_actions import CorporateAction
from stratforge.market.sizes import Side
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.calendar import MarketDay

_NEW_YORK = ZoneInfo("America/New_York")
# How often an order may have been replaced by another before we stop following.
_REPLACEMENTS = 10
_SYMBOLS_A_QUESTION = 100
_ORDERS_A_PAGE = 500
_BUSY_SECONDS = 2.5
# Not the module's own numbers: environments that start from one snapshot would all draw the same.
_random = random.SystemRandom()
Answer = TypeVar("Answer")


# Fields of the account, each of which keeps it from trading.
_BLOCKS = ("account_blocked", "trading_blocked", "trade_suspended_by_user")


class _Client(RESTClient):
    """alpaca-py's own client without its models: those load pandas, two seconds that a bar after a pause would wait for."""


class AlpacaBroker:
    """The port, on Alpaca's paper account. Prices and quantities travel as exact decimal strings."""

    def __init__(self, keys: AlpacaSecret | Keys[AlpacaSecret], budget: RequestBudget | None = None) -> None:
        """
        Args:
            keys: The account's keys, or where they are read: with `Keys` a rotation is met, and keys that are refused are read again.
            budget: The requests that are left in the minute.
        """
        self._keys = FixedKeys(keys) if isinstance(keys, AlpacaSecret) else keys
        self._budget = budget
        self._connect(self._keys.now())

    def _connect(self, secret: AlpacaSecret) -> None:
        key, secret_key = secret.key_id, secret.secret_key.get_secret_value()
        self._secret = secret
        self._client = _Client(secret.trading_url, key, secret_key)
        self._actions = _Client(secret.data_url, key, secret_key, api_version="v1")
        harden(self._client)
        harden(self._actions)

    def _authorized(self, question: Callable[[], Answer]) -> Answer:
        """Asks with the keys as they are now; when they are refused and there are others meanwhile, once more with those.

        Raises:
            BrokerRefusesPlatform: when there are no others, or they are refused too.
        """
        present = self._keys.now()
        if present != self._secret:
            self._connect(present)
        try:
            return question()
        except APIError as error:
            if not _refuses_platform(error):
                raise
            # The broker took nothing, so asking again, even for an order, asks for one.
            other = self._keys.after_refusal()
            if other == self._secret:
                raise BrokerRefusesPlatform(_refused(error)) from error
            self._connect(other)
        try:
            return question()
        except APIError as error:
            if not _refuses_platform(error):
                raise
            raise BrokerRefusesPlatform(_refused(error)) from error

    @property
    def scale(self) -> Decimal:
        """Units of the ledger for one at the broker; see `Broker.scale`."""
        scale: Decimal = self._keys.now().scale
        return scale

    def account(self) -> AccountState:
        """The account's buying power; see `Broker.account`."""

        def ask() -> AccountState:
            row: Any = self._client.get("/account")
            power = Decimal(str(row["buying_power"]))
            cash = row.get("non_marginable_buying_power")
            equity = Decimal(str(row["equity"]))
            return AccountState(
                power * self.scale, (power if cash is None else Decimal(str(cash))) * self.scale, equity * self.scale
            )

        nothing = AccountState(Decimal(0), Decimal(0), Decimal(0))
        return self._ask("read", "the account", ask, missing=nothing)

    # Orders ----------------------------------------------------------------------------------------------

    def submit(
        self,
        *,
        client_order_id: str,
        symbol: str,
        side: Side,
        quantity: Decimal,
        limit_price: Decimal,
    ) -> Submission:
        """Sends a limit order once; see `Broker.submit`."""
        self._take("submit")
        request = {
            "symbol": symbol,
            "qty": f"{(quantity / self.scale).normalize():f}",
            "side": side,
            "type": "limit",
            "time_in_force": "ioc" if is_crypto(symbol) else "day",
            "limit_price": f"{limit_price.normalize():f}",
            "client_order_id": client_order_id,
        }
        try:
            order = self._authorized(lambda: self._client.post("/orders", request))
        except APIError as error:
            return _refusal(error)
        except (requests.RequestException, ValueError) as error:
            return Unknown(f"{type(error).__name__}: {error}"[:500])
        if isinstance(order, dict) and order.get("id"):
            return Accepted(str(order["id"]))
        return Unknown("the reply was not an order")

    def cancel(self, broker_order_id: str) -> bool:
        """Asks for the end of one order; see `Broker.cancel`."""

        def ask() -> bool:
            self._client.delete(f"/orders/{broker_order_id}")
            return True

        return self._ask("submit", f"the cancellation of {broker_order_id}", ask, missing=False, refused=False)

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """Looks an order up; see `Broker.find_order`."""
        return self._ask(
            "read",
            f"the look-up of {client_order_id}",
            lambda: self._whole(self._client.get("/orders:by_client_order_id", {"client_order_id": client_order_id})),
            missing=None,
        )

    def name_of_order(self, broker_order_id: str) -> str | None:
        """Our id of an order, the first of those that the broker put in each other's place; see `BrokerStatement.name_of_order`."""
        return self._ask("read", f"the look-up of {broker_order_id}", lambda: self._name(broker_order_id), missing=None)

    def _name(self, broker_order_id: str) -> str:
        row: Any = self._client.get(f"/orders/{broker_order_id}")
        for _ in range(_REPLACEMENTS):
            if not row.get("replaces"):
                break
            self._take("read")
            row = self._client.get(f"/orders/{row['replaces']}")
        return str(row["client_order_id"])

    def _whole(self, row: Any) -> BrokerOrder:
        """An order together with those that the broker put in its place, by what the account's statement says of all of them."""
        last: Any = row
        ids = [str(row["id"])]
        while last.get("replaced_by") and len(ids) < _REPLACEMENTS:
            self._take("read")
            last = self._client.get(f"/orders/{last['replaced_by']}")
            ids.append(str(last["id"]))
        order = _order(last, self.scale)
        if len(ids) == 1:
            return order
        fills = [fill for fill in self.fills_since(_time(row["created_at"])) if fill.broker_order_id in ids]
        quantity = sum((fill.quantity for fill in fills), Decimal(0))
        value = sum((fill.quantity * fill.price for fill in fills), Decimal(0))
        return replace(
            order,
            client_order_id=str(row["client_order_id"]),
            sent_at=_time(row["created_at"]),
            filled_quantity=quantity,
            filled_average_price=value / quantity if quantity else None,
            replaced_ids=tuple(ids[:-1]),
        )

    # The account's statement -----------------------------------------------------------------------------

    def check_account(self) -> None:
        """Looks whether the account may trade; see `BrokerStatement.check_account`."""
        empty: dict[str, Any] = {}
        row = self._ask("read", "the account", lambda: _account(self._client.get("/account")), missing=empty)
        blocked = [name for name in _BLOCKS if row.get(name)]
        if blocked:
            raise BrokerRefusesPlatform(f"the broker refuses the platform: its account is {', '.join(blocked)}")

    def positions(self) -> dict[str, Decimal]:
        """The account's holdings by symbol, in units of the ledger; see `BrokerStatement.positions`."""
        rows = self._rows("the positions", "/positions", {})
        symbols: dict[str, str] = {}
        if any(row.get("asset_class") == "crypto" and "/" not in row["symbol"] for row in rows):
            # Positions in crypto are named without the slash, so the list of assets has to say which is meant.
            pairs = self._rows("the crypto assets", "/assets", {"asset_class": "crypto"})
            symbols = {str(pair["symbol"]).replace("/", ""): str(pair["symbol"]) for pair in pairs}
        return {symbols.get(row["symbol"], str(row["symbol"])): Decimal(row["qty"]) * self.scale for row in rows}

    def orders_since(self, since: datetime, until: datetime | None = None) -> list[BrokerOrder]:
        """The account's orders since then, page by page; see `BrokerStatement.orders_since`."""
        return self.first_orders(since, until).orders

    def first_orders(
        self, since: datetime, until: datetime | None = None, *, pages: int | None = None, symbols: Sequence[str] = ()
    ) -> OrdersRead:
        """The first of the account's orders since then; see `BrokerStatement.first_orders`."""
        found: dict[str, Any] = {}
        query = {
            "status": "all",
            "limit": str(_ORDERS_A_PAGE),
            "direction": "asc",
            "after": since.isoformat(),
            "nested": "false",
        }
        query |= {"until": until.isoformat()} if until is not None else {}
        query |= {"symbols": ",".join(symbols)} if symbols else {}
        read_until: datetime | None = None
        for page in itertools.count(1):
            rows = self._rows("the orders", "/orders", query)
            before = len(found)
            found |= {row["id"]: row for row in rows}
            if len(rows) < _ORDERS_A_PAGE or len(found) == before:
                read_until = None
                break
            # What was sent in the same instant may be on the next page.
            read_until = _time(rows[-1]["submitted_at"]) - timedelta(microseconds=1)
            query["after"] = read_until.isoformat()
            if page == pages:
                break
        # What replaces another order is a part of that one.
        return OrdersRead([self._stated(row) for row in found.values() if not row.get("replaces")], read_until)

    def _stated(self, row: Any) -> BrokerOrder:
        if not row.get("replaced_by"):
            return _order(row, self.scale)
        alone = _order(row, self.scale)
        return self._ask("read", f"what replaced {row['id']}", lambda: self._whole(row), missing=alone)

    def fills_since(self, since: datetime, until: datetime | None = None) -> list[FillActivity]:
        """The account's executions since then, page by page; see `BrokerStatement.fills_since`."""
        found: list[FillActivity] = []
        token = ""
        while True:
            query = {"after": since.isoformat(), "direction": "asc", "page_size": "100"}
            if until is not None:
                query["until"] = until.isoformat()
            if token:
                query["page_token"] = token
            rows = self._rows("the activities", "/account/activities/FILL", query)
            found += [_fill(row, self.scale) for row in rows]
            if len(rows) < 100:
                return found
            token = str(rows[-1]["id"])

    # Reference data --------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Asks the broker for the market's current time."""
        return self._ask("read", "the clock", lambda: _clock(self._client.get("/clock")), missing=datetime.now(UTC))

    def asset(self, symbol: str) -> tuple[AssetRules, str] | None:
        """The rules and the name of an asset; see `Broker.asset`."""
        return self._ask(
            "read",
            f"the asset {symbol}",
            lambda: _asset(self._client.get(f"/assets/{symbol}"), self.scale),
            missing=None,
        )

    def assets(self) -> list[tuple[AssetRules, str]]:
        """All assets that Alpaca calls active; see `BrokerStatement.assets`."""
        rows: list[Any] = []
        for asset_class in ("us_equity", "crypto"):
            query = {"status": "active", "asset_class": asset_class}
            rows += self._rows("the assets", "/assets", query)
        return [_asset(row, self.scale) for row in rows]

    def calendar(self, start: date, end: date) -> list[MarketDay]:
        """The exchange's trading days with their hours; see `Broker.calendar`."""
        query = {"start": start.isoformat(), "end": end.isoformat()}
        rows = self._rows("the calendar", "/calendar", query)
        return [
            MarketDay(_exchange_time(row["date"], row["open"]), _exchange_time(row["date"], row["close"]), _day(row))
            for row in rows
        ]

    def corporate_actions(self, symbols: Sequence[str], start: date, end: date) -> list[CorporateAction]:
        """The corporate actions of symbols between two days; see `BrokerStatement.corporate_actions`."""
        stocks = [symbol for symbol in symbols if not is_crypto(symbol)]
        if not stocks:
            return []
        found: list[CorporateAction] = []
        for first in range(0, len(stocks), _SYMBOLS_A_QUESTION):
            query = {
                "symbols": ",".join(stocks[first : first + _SYMBOLS_A_QUESTION]),
                "types": ",".join(corporate_actions.TYPES),
                "start": start.isoformat(),
                "end": end.isoformat(),
                "limit": "1000",
            }
            nothing: tuple[list[CorporateAction], str | None] = ([], None)
            while True:
                page, following = self._ask("read", "corporate actions", partial(self._page, query), missing=nothing)
                found += page
                if following is None:
                    break
                query["page_token"] = following
        return found

    def _page(self, query: dict[str, str]) -> tuple[list[CorporateAction], str | None]:
        reply: Any = self._actions.get("/corporate-actions", query)
        return corporate_actions.parse(reply.get("corporate_actions") or {}), reply.get("next_page_token")

    # Asking ----------------------------------------------------------------------------------------------

    def _take(self, purpose: Literal["submit", "read"]) -> None:
        if self._budget is None:
            return
        deadline = time.monotonic() + _BUSY_SECONDS
        while not self._budget.take(purpose):
            if purpose == "read" or time.monotonic() > deadline:
                raise BrokerBusy("the requests of this minute are used up")
            time.sleep(_random.uniform(0.1, 0.4))

    def _rows(self, what: str, path: str, query: dict[str, str]) -> list[Any]:
        empty: list[Any] = []
        return self._ask("read", what, lambda: list(self._client.get(path, query)), missing=empty)

    def _ask(
        self,
        purpose: Literal["submit", "read"],
        what: str,
        question: Callable[[], Answer],
        *,
        missing: Answer,
        refused: Answer | None = None,
    ) -> Answer:
        """Asks; `missing` is the answer when there is no such thing, `refused` when the order's state does not allow it."""
        self._take(purpose)
        try:
            return self._authorized(question)
        except APIError as error:
            if error.status_code == 404:
                return missing
            if error.status_code == 422 and refused is not None:
                return refused
            raise BrokerUnavailable(f"{what}: HTTP {error.status_code}: {str(error)[:300]}") from error
        except (requests.RequestException, KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise BrokerUnavailable(f"{what}: {type(error).__name__}: {str(error)[:200]}") from error


def _meaning(error: APIError) -> tuple[int, int, str]:
    """Status, Alpaca's own code, and its words."""
    status = error.status_code or 0
    try:
        body = json.loads(str(error))
        return status, int(body.get("code", 0)), str(body.get("message", ""))
    except (ValueError, TypeError, AttributeError):
        return status, 0, str(error)[:300]


def _refuses_platform(error: APIError) -> bool:
    """Returns whether an error is about the platform's keys or account, not about what was asked."""
    status, _code, message = _meaning(error)
    return status in (401, 403) and refusal_of(status, message) is Refusal.PLATFORM_REFUSED


def _refused(error: APIError) -> str:
    status, code, message = _meaning(error)
    return f"the broker refuses the platform: HTTP {status} {code}: {message}"[:300]


def _refusal(error: APIError) -> Submission:
    status, code, message = _meaning(error)
    # 429 and 5xx say nothing certain about the order: a gateway may have answered for a broker that took it.
    if status == 429 or status >= 500 or status == 0:
        return Unknown(f"HTTP {status}: {message}"[:500])
    return Rejected(f"HTTP {status} {code}: {message}"[:500], refusal_of(status, message))


def _time(text: str | None) -> datetime:
    moment = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _order(row: Any, scale: Decimal) -> BrokerOrder:
    return BrokerOrder(
        broker_order_id=str(row["id"]),
        client_order_id=str(row["client_order_id"]),
        symbol=str(row["symbol"]),
        status=str(row["status"]),
        filled_quantity=Decimal(row.get("filled_qty") or "0") * scale,
        filled_average_price=Decimal(row["filled_avg_price"]) if row.get("filled_avg_price") else None,
        updated_at=_time(row.get("updated_at") or row["created_at"]),
        sent_at=_time(row["created_at"]),
        side=_side(row),
    )


def _side(row: Any) -> Side:
    """Alpaca has further words for selling, such as “sell_short”."""
    return Side.BUY if row["side"] == "buy" else Side.SELL


def _fill(row: Any, scale: Decimal) -> FillActivity:
    return FillActivity(
        activity_id=str(row["id"]),
        broker_order_id=str(row["order_id"]),
        symbol=str(row["symbol"]),
        side=_side(row),
        quantity=Decimal(row["qty"]) * scale,
        price=Decimal(row["price"]),
        at=_time(row["transaction_time"]),
    )


def _account(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in _BLOCKS if name in row}


def _asset(row: Any, scale: Decimal) -> tuple[AssetRules, str]:
    crypto = row.get("class") == "crypto"

    def number(name: str) -> Decimal | None:
        return Decimal(row[name]) if crypto and row.get(name) else None

    rules = AssetRules(
        symbol=str(row["symbol"]),
        tradable=bool(row["tradable"]) and row.get("status") == "active",
        fractionable=bool(row["fractionable"]),
        crypto=crypto,
        shortable=not crypto and bool(row.get("shortable")),
        easy_to_borrow=not crypto and bool(row.get("easy_to_borrow")),
        min_order_size=number("min_order_size"),
        quantity_increment=number("min_trade_increment"),
        price_increment=number("price_increment"),
        scale=scale,
    )
    return rules, str(row.get("name") or row["symbol"])


def _day(row: Any) -> date:
    return date.fromisoformat(row["date"])


def _exchange_time(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=_NEW_YORK).astimezone(UTC)


def _clock(row: Any) -> datetime:
    return datetime.fromisoformat(row["timestamp"])
