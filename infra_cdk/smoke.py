"""After a deployment: buys one share of paper and sells it again, through everything that a user's order goes through, and reads both back."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.client import ApiError, Client

from infra_cdk.secrets import missing
from infra_cdk.target import Target, parse

# A share while the exchange is open; crypto trades day and night.
_ORDERS: tuple[dict[str, str], ...] = (
    {"symbol": "AAPL", "quantity": "1"},
    {"symbol": "BTC/USD", "notional": "20"},
)
_POLL = 1.0


class SmokeFailed(RuntimeError):
    """The platform does not trade; says where it stopped."""


@dataclass(frozen=True, slots=True)
class Traded:
    """The test trade: quantity bought and sold, prices, and duration in seconds."""

    symbol: str
    quantity: Decimal
    bought_at: Decimal
    sold_at: Decimal
    seconds: float


def trade(client: Client, orders: tuple[dict[str, str], ...] = _ORDERS, *, seconds: float = 180.0) -> Traded:
    """Buys with the first of the orders that is filled in time, then sells what it bought.

    Args:
        client: Of an account that trades nothing else.
        seconds: For each order; a symbol that nobody watched needs a minute for its first bar.

    Raises:
        SmokeFailed: if none is filled, or the books say something else than the orders.
    """
    began = time.monotonic()
    if client.call("GET", "/healthz")["status"] != "ok":
        raise SmokeFailed("the API is not well")
    for order in orders:
        before = _position(client, order["symbol"])
        bought = _filled(client, {**order, "side": "buy"}, seconds)
        if bought is None:
            continue
        held = _position(client, order["symbol"]) - before
        if held <= 0:
            raise SmokeFailed(f"the order for {order['symbol']} is filled, and nothing is held")
        sold = _filled(client, {"symbol": order["symbol"], "side": "sell", "quantity": str(held)}, seconds)
        if sold is None:
            raise SmokeFailed(f"{held} {order['symbol']} was bought and could not be sold")
        if _position(client, order["symbol"]) != before:
            raise SmokeFailed(f"after selling, the position in {order['symbol']} is not what it was")
        return Traded(
            order["symbol"],
            held,
            Decimal(bought["average_price"]),
            Decimal(sold["average_price"]),
            time.monotonic() - began,
        )
    raise SmokeFailed(f"nothing was filled: {', '.join(each['symbol'] for each in orders)}")


def _filled(client: Client, order: dict[str, str], seconds: float) -> dict[str, Any] | None:
    """The order when it is filled; None when it was not in time, and is canceled."""
    try:
        placed = client.call("POST", "/api/trade/orders", {**order, "type": "market"})
    except ApiError as error:
        raise SmokeFailed(f"the order for {order['symbol']} is not taken: {error}") from error
    path = f"/api/trade/orders/{placed['order_id']}"
    deadline = time.monotonic() + seconds
    while placed["completed_at"] is None and time.monotonic() < deadline:
        time.sleep(_POLL)
        placed = client.call("GET", path)
    if placed["completed_at"] is None:
        client.call("DELETE", path)
        return None
    if Decimal(placed["filled_quantity"]) > 0:
        return placed
    raise SmokeFailed(f"the order for {order['symbol']} is {placed['status']}: {placed.get('explanation')}")


def _position(client: Client, symbol: str) -> Decimal:
    rows = client.call("GET", "/api/portfolio")["positions"]
    return sum((Decimal(row["quantity"]) for row in rows if row["symbol"] == symbol), Decimal(0))


def _address(target: Target) -> str:
    try:
        return target.outputs("edge")["Address"]
    except ClientError:
        return target.outputs("http-api")["ApiUrl"]


def main() -> int:
    """Trades on a stage; when its keys were not entered yet there is nothing to try."""
    _, target = parse(argparse.ArgumentParser(prog="make smoke", description=__doc__))

    try:
        if any("alpaca" in line for line in missing(target.secret, target.stage)):
            print("make smoke: the keys of Alpaca are not entered yet; nothing to try", file=sys.stderr)
            return 0
        account = target.secret(f"stratforge/{target.stage}/smoke")
        client = Client(_address(target))
        try:
            client.register(account["email"], account["password"])
        except ApiError as error:
            if error.status != 401:
                raise
            # Accounts open by mail here, and nobody reads this one's.
            by = str(target.client("sts").get_caller_identity()["Arn"])
            request = {"command": "confirm", "email": account["email"], "by": by}
            target.invoke(target.client("lambda"), "operators", request)
            client.log_in(account["email"], account["password"])
        done = trade(client)
    except (BotoCoreError, ClientError, ApiError, SmokeFailed) as error:
        print(f"make smoke: {target.told(error)}", file=sys.stderr)
        return 1
    print(
        f"bought {done.quantity} {done.symbol} at {done.bought_at} and sold it at {done.sold_at}, in {done.seconds:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
