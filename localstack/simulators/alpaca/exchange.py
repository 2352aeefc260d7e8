"""Orders, fills and positions of the one account, refusing what Alpaca refuses, in exact decimals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

ZERO = Decimal(0)
_CENT = Decimal("0.01")
_BILLIONTH = Decimal("0.000000001")
# Taken of what is received: coins of a purchase, dollars of a sale.
CRYPTO_FEE = Decimal("0.0025")
OPEN = frozenset(
    (
        "new",
        "accepted",
        "partially_filled",
        "pending_new",
        "pending_cancel",
        "pending_replace",
        "done_for_day",
        "held",
        "suspended",
    )
)
TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
_TIMES_IN_FORCE = {"us_equity": ("day", "gtc", "opg", "cls", "ioc", "fok"), "crypto": ("gtc", "ioc")}


class Refusal(Exception):
    """An answer with an error: HTTP status, Alpaca's code, message, and what else its body holds."""

    def __init__(self, status: int, code: int, message: str, **more: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.more = status, code, message, more


@dataclass(slots=True)
class SimulatedOrder:
    """An order of the account, as Alpaca would keep it."""

    id: str
    client_order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    quantity: Decimal
    limit_price: Decimal | None
    status: str
    created_at: str
    updated_at: str
    filled_quantity: Decimal = ZERO
    filled_value: Decimal = ZERO
    fills: list[dict[str, str]] = field(default_factory=list)
    stop_price: Decimal | None = None
    notional: Decimal | None = None
    extended_hours: bool = False
    replaces: str | None = None
    replaced_by: str | None = None
    # A resting order may be filled from now on: a stop has triggered.
    triggered: bool = False

    @property
    def open(self) -> bool:
        """Returns whether the order can still be filled."""
        return self.status in OPEN

    def as_alpaca(self) -> dict[str, Any]:
        """The order in the words of the REST interface."""
        average = (self.filled_value / self.filled_quantity) if self.filled_quantity else None
        return {
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "submitted_at": self.created_at,
            "filled_at": self.updated_at if self.status == "filled" else None,
            "expired_at": self.updated_at if self.status == "expired" else None,
            "canceled_at": self.updated_at if self.status == "canceled" else None,
            "failed_at": self.updated_at if self.status == "rejected" else None,
            "replaced_at": self.updated_at if self.status == "replaced" else None,
            "replaced_by": self.replaced_by,
            "replaces": self.replaces,
            "asset_id": "00000000-0000-0000-0000-000000000000",
            "symbol": self.symbol,
            "asset_class": "crypto" if "/" in self.symbol else "us_equity",
            "notional": _text(self.notional) if self.notional is not None else None,
            "qty": _text(self.quantity) if self.notional is None else None,
            "filled_qty": _text(self.filled_quantity),
            "filled_avg_price": _text(average) if average is not None else None,
            "order_class": "simple",
            "order_type": self.type,
            "type": self.type,
            "side": self.side,
            "time_in_force": self.time_in_force,
            "limit_price": _text(self.limit_price) if self.limit_price is not None else None,
            "stop_price": _text(self.stop_price) if self.stop_price is not None else None,
            "status": self.status,
            "extended_hours": self.extended_hours,
            "legs": None,
            "trail_percent": None,
            "trail_price": None,
            "hwm": None,
        }


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"


Listener = Callable[[str, SimulatedOrder, dict[str, str] | None], None]


class Exchange:
    """The account's book. Every change is written to a journal, so that a restarted simulator still has its orders."""

    def __init__(self, journal: Path | None, cash: Decimal = Decimal(1_000_000_000)) -> None:
        self.orders: dict[str, SimulatedOrder] = {}
        self.by_client_id: dict[str, SimulatedOrder] = {}
        self.positions: dict[str, Decimal] = {}
        self.cash = cash
        # Whether the account may sell short, as one with margin does.
        self.shorting = False
        # What was changed of an asset by hand: "tradable", "fractionable", "sell_only", "shortable", "easy_to_borrow".
        self.assets: dict[str, dict[str, bool]] = {}
        self.refusals: dict[str, int] = {}
        self._listeners: list[Listener] = []
        self._journal = None
        if journal is not None:
            if journal.exists():
                self._restore(journal)
            self._journal = journal.open("a", encoding="utf-8")

    def listen(self, listener: Listener) -> None:
        """Calls `listener(event, order, execution)` for every event of an order."""
        self._listeners.append(listener)

    def _tell(self, event: str, order: SimulatedOrder, execution: dict[str, str] | None = None) -> None:
        if self._journal is not None:
            self._journal.write(json.dumps(asdict(order), default=str) + "\n")
            self._journal.flush()
        for listener in self._listeners:
            listener(event, order, execution)

    def _restore(self, journal: Path) -> None:
        for line in journal.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # The last line of a simulator that was killed while it wrote.
            for name in ("quantity", "filled_quantity", "filled_value", "limit_price", "stop_price", "notional"):
                row[name] = Decimal(row[name]) if row.get(name) is not None else None
            order = SimulatedOrder(**row)
            self.orders[order.id] = self.by_client_id[order.client_order_id] = order
        for order in self.orders.values():
            self._book(order, order.filled_quantity, order.filled_value)

    def _book(self, order: SimulatedOrder, quantity: Decimal, value: Decimal) -> None:
        held = self.positions.get(order.symbol, ZERO)
        fee = CRYPTO_FEE if "/" in order.symbol else ZERO
        if order.side == "buy":
            self.positions[order.symbol] = held + quantity - (quantity * fee).quantize(_BILLIONTH)
            self.cash -= value
        else:
            self.positions[order.symbol] = held - quantity
            self.cash += value * (1 - fee)

    def _refuse(self, status: int, code: int, message: str, **more: str) -> Refusal:
        name = more.get("reject_reason", message).split(":", maxsplit=1)[0]
        self.refusals[name] = self.refusals.get(name, 0) + 1
        return Refusal(status, code, message, **more)

    def submit(
        self, request: dict[str, Any], now: datetime, price: Decimal, *, pending: bool = False
    ) -> SimulatedOrder:
        """Takes an order into the simulated exchange.

        Raises:
            Refusal: as Alpaca refuses: duplicate ids, wash trades, sales of more than is held, malformed orders.
        """
        client_order_id = str(request.get("client_order_id") or uuid4())
        if client_order_id in self.by_client_id:
            raise self._refuse(422, 40010001, "client_order_id must be unique")
        if len(client_order_id) > 128:
            raise self._refuse(422, 40010001, "client_order_id must be no more than 128 characters")
        order = self._parse(request, client_order_id, now, price)
        opposite = [
            each
            for each in self.orders.values()
            if each.open
            and each.symbol == order.symbol
            and each.side != order.side
            and each.status != "pending_replace"
        ]
        if opposite:
            raise self._refuse(
                403,
                40310000,
                "potential wash trade detected. use complex orders",
                reject_reason="opposite side market/stop order exists",
                existing_order_id=opposite[0].id,
            )
        held = self.positions.get(order.symbol, ZERO)
        asset = self.assets.get(order.symbol, {})
        if asset.get("tradable") is False:
            raise self._refuse(422, 42210000, f"asset {order.symbol} is not tradable")
        if asset.get("sell_only") and order.side == "buy":
            raise self._refuse(403, 40310000, f"asset {order.symbol} is restricted to liquidation only")
        if asset.get("fractionable") is False and order.quantity != order.quantity.to_integral_value():
            raise self._refuse(403, 40310000, f"asset {order.symbol} is not fractionable")
        whole = order.quantity == order.quantity.to_integral_value() and "/" not in order.symbol
        if not whole and order.quantity * (order.limit_price or price) < 1:
            raise self._refuse(403, 40310000, "cost basis must be >= minimal amount of order 1")
        self._check_held(order, held, asset)
        # What buys back needs no buying power.
        if order.side == "buy" and held >= 0 and order.quantity * (order.limit_price or price) > self.cash:
            raise self._refuse(403, 40310000, "insufficient buying power")
        self.orders[order.id] = self.by_client_id[client_order_id] = order
        if pending:
            order.status = "pending_new"
            self._tell("pending_new", order)
        order.status = "new"
        self._tell("new", order)
        return order

    def _check_held(self, order: SimulatedOrder, held: Decimal, asset: dict[str, bool]) -> None:
        """Refuses what would turn the position round, and short sales of what is not lent or of parts of a share."""
        turns = held > 0 if order.side == "sell" else held < 0
        if turns and order.quantity > abs(held):
            raise self._refuse(
                403,
                40310000,
                f"insufficient qty available for order (requested: {_text(order.quantity)}, available: {_text(abs(held))})",
            )
        if order.side == "sell" and held <= 0:
            if "/" in order.symbol or not self.shorting:
                message = f"insufficient qty available for order (requested: {_text(order.quantity)}, available: 0)"
                raise self._refuse(403, 40310000, message)
            if not (asset.get("shortable", True) and asset.get("easy_to_borrow", True)):
                raise self._refuse(422, 42210000, f'asset "{order.symbol}" cannot be sold short')
            if order.quantity != order.quantity.to_integral_value():
                raise self._refuse(422, 42210000, "fractional orders are not allowed to short")

    def _parse(self, request: dict[str, Any], client_order_id: str, now: datetime, price: Decimal) -> SimulatedOrder:
        side, kind = request.get("side"), request.get("type", "market")
        crypto = "/" in str(request.get("symbol"))
        in_force = str(request.get("time_in_force", "day"))
        try:
            limit, stop, notional, asked = (
                Decimal(str(request[name])) if request.get(name) is not None else None
                for name in ("limit_price", "stop_price", "notional", "qty")
            )
        except ArithmeticError:
            raise self._refuse(422, 40010001, "qty, notional and prices must be numbers") from None
        if (asked is None) is (notional is None):
            raise self._refuse(422, 40010001, "qty or notional is required")
        if notional is not None and (kind != "market" or in_force != ("gtc" if crypto else "day")):
            raise self._refuse(422, 42210000, "notional orders must be market orders of the day")
        quantity = asked if asked is not None else ((notional or ZERO) / price).quantize(_BILLIONTH, ROUND_DOWN)
        if side not in ("buy", "sell") or kind not in TYPES or quantity <= 0:
            raise self._refuse(422, 40010001, "invalid order: side, type or qty")
        allowed = _TIMES_IN_FORCE["crypto" if crypto else "us_equity"]
        # Coins have no day; "day" is taken for them as the paper account does.
        if in_force not in allowed and not (crypto and in_force == "day"):
            raise self._refuse(422, 42210000, f"invalid time_in_force {in_force}: only {', '.join(allowed)}")
        if not crypto and quantity != quantity.to_integral_value() and in_force != "day":
            raise self._refuse(422, 42210000, "fractional orders must be DAY orders")
        if request.get("extended_hours") and (kind != "limit" or in_force not in ("day", "gtc")):
            raise self._refuse(422, 42210000, "extended hours order must be DAY or GTC limit orders")
        if kind in ("stop", "stop_limit") and (stop is None or stop <= 0):
            raise self._refuse(422, 40010001, "stop orders require stop_price")
        if kind == "trailing_stop" or request.get("order_class") not in (None, "", "simple"):
            raise self._refuse(422, 42210000, "the simulator has simple orders without trailing stops")
        exponent = quantity.normalize().as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -9:
            raise self._refuse(422, 40010001, "qty allows nine decimals")
        if kind in ("limit", "stop_limit") and (limit is None or limit <= 0):
            raise self._refuse(422, 40010001, "limit orders require limit_price")
        if limit is not None and limit >= 1 and limit != limit.quantize(_CENT):
            raise self._refuse(
                422, 42210000, "invalid limit_price: sub-penny increment does not fulfill minimum pricing criteria"
            )
        stamp = now.isoformat()
        return SimulatedOrder(
            str(uuid4()),
            client_order_id,
            str(request.get("symbol")),
            side,
            kind,
            in_force,
            quantity,
            limit,
            "new",
            stamp,
            stamp,
            stop_price=stop,
            notional=notional,
            extended_hours=bool(request.get("extended_hours")),
        )

    def fill(self, order: SimulatedOrder, quantity: Decimal, price: Decimal, now: datetime) -> None:
        """Fills a part of an order, or all of it."""
        if not order.open:
            return
        quantity = min(quantity, order.quantity - order.filled_quantity)
        order.filled_quantity += quantity
        order.filled_value += quantity * price
        order.status = "filled" if order.filled_quantity == order.quantity else "partially_filled"
        order.updated_at = now.isoformat()
        self._book(order, quantity, quantity * price)
        execution = {
            "execution_id": str(uuid4()),
            "qty": _text(quantity),
            "price": _text(price),
            "time": order.updated_at,
            "position_qty": _text(self.positions[order.symbol]) if self.positions[order.symbol] else "0",
        }
        order.fills.append(execution)
        self._tell("fill" if order.status == "filled" else "partial_fill", order, execution)

    def cancel(self, order: SimulatedOrder, now: datetime, *, pending: bool = False) -> None:
        """Cancels what is left of an order.

        Raises:
            Refusal: if it has ended, or is being replaced.
        """
        if not order.open or order.status == "pending_replace":
            raise self._refuse(422, 42210000, f"order is already in {order.status!r} state")
        if pending:
            order.status = "pending_cancel"
            self._tell("pending_cancel", order)
        order.status, order.updated_at = "canceled", now.isoformat()
        self._tell("canceled", order)

    def expire(self, order: SimulatedOrder, now: datetime) -> None:
        """Ends an order whose day is over."""
        if order.open:
            order.status, order.updated_at = "expired", now.isoformat()
            self._tell("expired", order)

    def put(self, order: SimulatedOrder, status: str, now: datetime) -> None:
        """Puts an order into one of the states in between or at the end that are seen seldom, and tells of it."""
        order.status, order.updated_at = status, now.isoformat()
        self._tell(status, order)

    def replace(self, order: SimulatedOrder, request: dict[str, Any], now: datetime, price: Decimal) -> SimulatedOrder:
        """Replaces what is left of an order by a new one with other terms.

        Raises:
            Refusal: if it has ended, or the new one is not taken.
        """
        if not order.open or order.status in ("pending_cancel", "pending_replace"):
            raise self._refuse(422, 42210000, f"order is already in {order.status!r} state")
        terms = {
            "symbol": order.symbol,
            "side": order.side,
            "type": order.type,
            "qty": request.get("qty") or _text(order.quantity),
            "time_in_force": request.get("time_in_force") or order.time_in_force,
            "limit_price": request.get("limit_price") or (_text(order.limit_price) if order.limit_price else None),
            "stop_price": request.get("stop_price") or (_text(order.stop_price) if order.stop_price else None),
            "client_order_id": request.get("client_order_id"),
        }
        if Decimal(str(terms["qty"])) <= order.filled_quantity:
            raise self._refuse(422, 42210000, "qty must be greater than filled_qty")
        self.put(order, "pending_replace", now)
        try:
            successor = self.submit(terms, now, price)
        except Refusal:
            order.status = "partially_filled" if order.filled_quantity else "new"
            self._tell("order_replace_rejected", order)
            raise
        successor.replaces, order.replaced_by = order.id, successor.id
        self.put(order, "replaced", now)
        return successor

    def reject(self, order: SimulatedOrder, now: datetime) -> None:
        """Rejects an order that was taken before."""
        if order.open:
            order.status, order.updated_at = "rejected", now.isoformat()
            self._tell("rejected", order)

    def correct_last_fill(self, order: SimulatedOrder, quantity: Decimal, price: Decimal, now: datetime) -> None:
        """Changes the last execution of an order afterwards, in the books only: no event tells of it.

        Raises:
            Refusal: if the order has none.
        """
        if not order.fills:
            raise Refusal(422, 42210000, "the order has no fill")
        last = order.fills[-1]
        was, paid = Decimal(last["qty"]), Decimal(last["price"])
        order.filled_quantity += quantity - was
        order.filled_value += quantity * price - was * paid
        last.update(qty=_text(quantity), price=_text(price))
        order.updated_at = now.isoformat()
        self._book(order, quantity - was, quantity * price - was * paid)
        if self._journal is not None:
            self._journal.write(json.dumps(asdict(order), default=str) + "\n")
            self._journal.flush()

    def split(self, symbol: str, ratio: Decimal, now: datetime) -> None:
        """Multiplies the position and ends open orders."""
        for order in [each for each in self.orders.values() if each.open and each.symbol == symbol]:
            self.cancel(order, now)
        held = self.positions.get(symbol, ZERO)
        self.positions[symbol] = (held * ratio).quantize(_BILLIONTH)

    @staticmethod
    def executable_at(order: SimulatedOrder, price: Decimal, spread: Decimal) -> Decimal | None:
        """The price an order trades at when the middle is `price`; None when its limit does not allow it."""
        half = spread / 2
        trade = (price + half if order.side == "buy" else price - half).quantize(_CENT, ROUND_HALF_EVEN)
        if order.status in ("held", "suspended", "done_for_day"):
            return None
        if order.stop_price is not None and not order.triggered:
            order.triggered = price >= order.stop_price if order.side == "buy" else price <= order.stop_price
            if not order.triggered:
                return None
        if order.limit_price is None:
            return trade
        if order.side == "buy":
            return trade if trade <= order.limit_price else None
        return trade if trade >= order.limit_price else None
