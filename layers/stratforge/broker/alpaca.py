"""Alpaca through alpaca-py, with what the client lacks: timeouts, and no retry of its own (it would repeat a POST of an order)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Literal

import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.models import Order
from alpaca.trading.requests import LimitOrderRequest
from requests.adapters import HTTPAdapter

from stratforge.broker.port import Accepted, BrokerOrder, BrokerUnavailable, Rejected, Submission, Unknown
from stratforge.configuration import AlpacaSecret
from stratforge.market import is_crypto

_TIMEOUT = (3.05, 8.0)
_DUPLICATE = 40010001


class TimeoutAdapter(HTTPAdapter):
    """Gives every request a timeout: alpaca-py sends none."""

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends with the default timeout where none is given."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = _TIMEOUT
        return super().send(request, *args, **kwargs)


def harden(client: Any) -> None:
    """Gives a REST client of alpaca-py timeouts and takes its retries away."""
    client._retry = 0
    client._session.mount("https://", TimeoutAdapter())
    client._session.mount("http://", TimeoutAdapter())


class AlpacaBroker:
    """The port, on Alpaca's paper account."""

    def __init__(self, secret: AlpacaSecret) -> None:
        self._client = TradingClient(
            secret.key_id, secret.secret_key.get_secret_value(), paper=True, url_override=secret.trading_url
        )
        harden(self._client)

    def submit(
        self,
        *,
        client_order_id: str,
        symbol: str,
        side: Literal["buy", "sell"],
        quantity: Decimal,
        limit_price: Decimal,
    ) -> Submission:
        """Sends a limit order once; see `Broker.submit`."""
        # alpaca-py's fields are floats; nine decimals of a quantity below a million survive the way there.
        request = LimitOrderRequest(
            symbol=symbol,
            qty=float(quantity),
            side=OrderSide(side),
            time_in_force=TimeInForce.IOC if is_crypto(symbol) else TimeInForce.DAY,
            limit_price=float(limit_price),
            client_order_id=client_order_id,
        )
        try:
            order = self._client.submit_order(request)
        except APIError as error:
            return _refusal(error)
        except (requests.RequestException, ValueError) as error:
            return Unknown(f"{type(error).__name__}: {error}"[:500])
        return Accepted(str(order.id)) if isinstance(order, Order) else Unknown("the reply was not an order")

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """Looks an order up; see `Broker.find_order`."""
        try:
            order = self._client.get_order_by_client_id(client_order_id)
        except APIError as error:
            if error.status_code == 404:
                return None
            raise BrokerUnavailable(f"the look-up of {client_order_id} failed: {str(error)[:300]}") from error
        except requests.RequestException as error:
            raise BrokerUnavailable(f"the look-up of {client_order_id} failed: {type(error).__name__}") from error
        if not isinstance(order, Order):
            raise BrokerUnavailable("the reply was not an order")
        return BrokerOrder(
            broker_order_id=str(order.id),
            client_order_id=order.client_order_id,
            symbol=str(order.symbol),
            status=str(getattr(order.status, "value", order.status)),
            filled_quantity=Decimal(str(order.filled_qty or 0)),
            filled_average_price=Decimal(str(order.filled_avg_price)) if order.filled_avg_price else None,
            updated_at=order.updated_at or order.created_at,
        )

    def positions(self) -> dict[str, Decimal]:
        """Quantities by symbol; see `Broker.positions`."""
        try:
            found = self._client.get_all_positions()
        except (APIError, requests.RequestException) as error:
            raise BrokerUnavailable(f"positions cannot be read: {str(error)[:300]}") from error
        return {str(each.symbol): Decimal(str(each.qty)) for each in found if not isinstance(each, str)}


def _refusal(error: APIError) -> Submission:
    status = error.status_code or 0
    try:
        body = json.loads(str(error))
        code, message = int(body.get("code", 0)), str(body.get("message", ""))
    except (ValueError, TypeError, AttributeError):
        code, message = 0, str(error)[:300]
    if status == 422 and (code == _DUPLICATE or "client_order_id must be unique" in message):
        return Rejected(message, duplicate=True)
    # 429 and 5xx say nothing certain about the order: a gateway may have answered for a broker that took it.
    if status == 429 or status >= 500 or status == 0:
        return Unknown(f"HTTP {status}: {message}"[:500])
    return Rejected(f"HTTP {status} {code}: {message}"[:500])
