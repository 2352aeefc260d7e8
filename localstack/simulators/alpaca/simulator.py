"""The simulator: clock, market, exchange and streams put together."""

from __future__ import annotations

import asyncio
import json
import math
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgpack
from starlette.websockets import WebSocket, WebSocketDisconnect
from stratforge.market import is_crypto
from stratforge.market.columns import exchange_timezone

from simulators.alpaca import tape
from simulators.alpaca.clock import ReplayClock
from simulators.alpaca.demo_market import MINUTES_PER_DAY, SYMBOLS, demo_market
from simulators.alpaca.exchange import Exchange, SimulatedOrder
from simulators.alpaca.faults import Faults
from simulators.credentials import ALPACA_KEY_ID, ALPACA_SECRET_KEY

_SPREAD = Decimal("0.02")
_WARM_UP_DAYS = 30
_TRADE_SECONDS = 0.5


class DataConnection:
    """One client of the data stream."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.crypto = "crypto" in socket.url.path
        channels = tape.CRYPTO_CHANNELS if self.crypto else tape.STOCK_CHANNELS
        self.channels: dict[str, set[str]] = {name: set() for name in channels}
        self.muted_until = 0.0

    async def send(self, messages: list[dict[str, Any]]) -> None:
        """Sends messages to the client in one frame."""
        await self.socket.send_bytes(msgpack.packb(messages, default=_pack_time))


def _pack_time(value: object) -> msgpack.Timestamp:
    if isinstance(value, datetime):
        return msgpack.Timestamp.from_datetime(value)
    raise TypeError(f"cannot pack {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class Split:
    """A split that takes effect at a minute of the market."""

    action_id: str
    symbol: str
    ratio: Decimal
    minute: int
    day: date


class Simulator:
    """The state of the simulated Alpaca: market, account, connections and faults."""

    def __init__(self, *, speed: float, state: Path | None) -> None:
        self.market = demo_market()
        self.faults = Faults()
        # The keys that are accepted, by REST and by the streams.
        self.keys = (ALPACA_KEY_ID, ALPACA_SECRET_KEY)
        self._state = state
        start = float(_WARM_UP_DAYS * MINUTES_PER_DAY)
        position_file = state / "clock.json" if state else None
        if position_file is not None and position_file.exists():
            start = float(json.loads(position_file.read_text())["position"])
        self.clock = ReplayClock(self.market, speed, start)
        self.exchange = Exchange(state / "orders.jsonl" if state else None)
        self.exchange.listen(self._on_order)
        self.data_connections: set[DataConnection] = set()
        self.trading_connections: set[WebSocket] = set()
        self._updates: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._held_back: dict[str, Any] | None = None
        self.updates_muted_until = 0.0
        self.halted: set[str] = set()
        # Splits: prices from a minute on are divided by a ratio.
        self.splits: list[Split] = []
        # Channels of trades and quotes on a connection, as the free plan allows; None: a paid plan.
        self.live_channels: int | None = 30
        # By how much the clock of REST is wrong.
        self.clock_drift = timedelta(0)
        self._trade_number = 0
        # For measurements: when each bar left, and when each order came, in nanoseconds since the epoch.
        self.bars_sent: dict[str, int] = {}
        self.orders_received: dict[str, int] = {}
        self.bars_published = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # Market --------------------------------------------------------------------------------------------

    def price(self, symbol: str) -> Decimal:
        """The price at this moment: on the way from the running minute's open to its close."""
        bars, position = self.market.bars[symbol], self.clock.position
        index, fraction = int(position), position % 1.0
        value = float(bars.open[index]) + (float(bars.close[index]) - float(bars.open[index])) * fraction
        return Decimal(str(round(value / self._scale(symbol, index), 2)))

    def _scale(self, symbol: str, minute: int) -> float:
        """By what prices of a minute are divided."""
        scale = 1.0
        for split in self.splits:
            if split.symbol == symbol and minute >= split.minute:
                scale *= float(split.ratio)
        return scale

    def split(self, symbol: str, ratio: Decimal) -> None:
        """Splits a stock at this moment: prices, positions and orders."""
        now = self.clock.now()
        self.splits.append(Split(f"split-{len(self.splits) + 1}", symbol, ratio, self.clock.minute, now.date()))
        self.exchange.split(symbol, ratio, now)

    def bar(self, symbol: str, minute: int) -> dict[str, Any]:
        """A bar in the words of the data stream."""
        bars = self.market.bars[symbol]
        volume = float(bars.volume[minute]) if is_crypto(symbol) else int(bars.volume[minute])
        scale = self._scale(symbol, minute)
        open_, high, low, close = (
            round(float(column[minute]) / scale, 2) for column in (bars.open, bars.high, bars.low, bars.close)
        )
        return {
            "S": symbol,
            "o": open_,
            "h": high,
            "l": low,
            "c": close,
            "v": volume,
            "n": max(1, int(volume) // 200),
            "vw": round((high + low + close) / 3, 4),
            "t": self.market.begins_at(minute),
        }

    def days(self, symbol: str, start: int, end: int) -> list[dict[str, Any]]:
        """Bars of days that began between two times (both included, in seconds), the running one so far; adjusted for all splits until now."""
        market, bars, found = self.market, self.market.bars[symbol], []
        ratio = math.prod(float(each.ratio) for each in self.splits if each.symbol == symbol)
        zone = exchange_timezone(symbol)
        for day, first, last in zip(market.days, market.starts, market.starts[1:], strict=False):
            begins = datetime(day.year, day.month, day.day, tzinfo=zone)
            last = min(last, self.clock.minute)
            if first < last and start <= begins.timestamp() <= end:
                high, low = float(bars.high[first:last].max()), float(bars.low[first:last].min())
                prices = {"o": float(bars.open[first]), "h": high, "l": low, "c": float(bars.close[last - 1])}
                volume = float(bars.volume[first:last].sum()) * ratio
                shown = {name: round(price / ratio, 2) for name, price in prices.items()}
                traded = round(volume, 4) if is_crypto(symbol) else int(volume)
                number = max(1, int(volume) // 200)
                found.append(
                    shown | {"S": symbol, "v": traded, "n": number, "vw": shown["c"], "t": begins.astimezone(UTC)}
                )
        return found

    def day_bar(self, symbol: str, minute: int) -> dict[str, Any]:
        """The bar of the day so far, up to a minute."""
        first = max(start for start in self.market.starts if start <= minute)
        minutes = [self.bar(symbol, index) for index in range(first, minute + 1)]
        volume = sum(each["v"] for each in minutes)
        return {
            "S": symbol,
            "o": minutes[0]["o"],
            "h": max(each["h"] for each in minutes),
            "l": min(each["l"] for each in minutes),
            "c": minutes[-1]["c"],
            "v": volume,
            "n": sum(each["n"] for each in minutes),
            "vw": round(sum(each["vw"] * each["v"] for each in minutes) / volume, 4),
            # The day's beginning in New York.
            "t": minutes[0]["t"].replace(hour=5 if minutes[0]["t"].hour == 14 else 4, minute=0),
        }

    async def run(self) -> None:
        """Sends bars as minutes end and works on orders, until cancelled."""
        await asyncio.gather(self._send_bars(), self._send_trades(), self._send_updates(), self._work_orders())

    async def _send_trades(self) -> None:
        """A few trades a second of every subscribed symbol."""
        while True:
            await asyncio.sleep(_TRADE_SECONDS)
            if self.clock.speed <= 0:
                continue
            for connection in list(self.data_connections):
                if time.monotonic() < connection.muted_until:
                    continue
                at = self.clock.now()
                messages = []
                for symbol in SYMBOLS:
                    if self._has(connection, symbol, "quotes"):
                        messages.append(tape.quote(symbol, self.price(symbol), _SPREAD, at))
                    if self._has(connection, symbol, "trades"):
                        messages.append(tape.trade(symbol, self.next_number(), self.price(symbol), at))
                if messages:
                    await self._send(connection, messages)

    def next_number(self) -> int:
        """The number of the next print."""
        self._trade_number += 1
        return self._trade_number

    async def say(self, channel: str, symbol: str, message: dict[str, Any]) -> None:
        """Sends a message to whoever subscribed to the symbol's channel."""
        for connection in list(self.data_connections):
            if is_crypto(symbol) is connection.crypto and _wanted(symbol, connection.channels.get(channel, set())):
                await self._send(connection, [message])

    async def change_state(self, symbol: str, state: str) -> None:
        """The exchange halts or pauses a stock, or lets it trade: nothing prints and nothing fills meanwhile, and it is said."""
        (self.halted.discard if state == "TRADING" else self.halted.add)(symbol)
        if not is_crypto(symbol):
            await self.say("statuses", symbol, tape.status(symbol, state, self.clock.now()))

    def _has(self, connection: DataConnection, symbol: str, channel: str) -> bool:
        """Returns whether a connection receives a symbol's data now: subscribed, of its market, and not halted."""
        return (
            is_crypto(symbol) is connection.crypto
            and symbol not in self.halted
            and _wanted(symbol, connection.channels.get(channel, set()))
        )

    async def _send_bars(self) -> None:
        minute = self.clock.minute
        while minute < len(self.market) - 1:
            while (wait := self.clock.seconds_until(minute + 1)) > 0:
                await asyncio.sleep(min(wait, 1.0))
            await self._send_minute(minute)
            minute += 1
            if self._state is not None:
                temporary = self._state / "clock.json.new"
                temporary.write_text(json.dumps({"position": minute}))
                temporary.replace(self._state / "clock.json")

    async def _send_minute(self, minute: int) -> None:
        lost = {symbol for symbol in SYMBOLS if self.faults.happens(self.faults.lose_bar)}
        for connection in list(self.data_connections):
            if time.monotonic() < connection.muted_until:
                continue
            symbols = [symbol for symbol in SYMBOLS if self._has(connection, symbol, "bars") and symbol not in lost]
            messages = [{"T": "b", **self.bar(symbol, minute)} for symbol in symbols]
            messages += [message for message in messages if self.faults.happens(self.faults.duplicate_bar)]
            messages += [
                {"T": "d", **self.day_bar(symbol, minute)}
                for symbol in SYMBOLS
                if self._has(connection, symbol, "dailyBars")
            ]
            messages += [
                tape.bands(symbol, self.price(symbol), self.clock.now())
                for symbol in SYMBOLS
                if self._has(connection, symbol, "lulds")
            ]
            if messages:
                stamp = time.time_ns()
                for symbol in symbols:
                    self.bars_sent[f"{symbol}@{int(self.market.time[minute])}"] = stamp
                self.bars_published += len(symbols)
                await self._send(connection, messages)
            corrected = [
                symbol
                for symbol in SYMBOLS
                if self._has(connection, symbol, "updatedBars")
                and minute > 0
                and self.faults.happens(self.faults.correct_bar)
            ]
            if corrected:
                await self._send(connection, [self._corrected(symbol, minute - 1) for symbol in corrected])

    def _corrected(self, symbol: str, minute: int) -> dict[str, Any]:
        """A late trade: another close, and more volume."""
        bar = self.bar(symbol, minute)
        close = round(bar["c"] + 0.01, 2)
        return {"T": "u", **bar, "c": close, "h": max(bar["h"], close), "v": bar["v"] + 7}

    async def _send(self, connection: DataConnection, messages: list[dict[str, Any]]) -> None:
        try:
            await connection.send(messages)
        except (RuntimeError, WebSocketDisconnect):
            self.data_connections.discard(connection)

    # Orders --------------------------------------------------------------------------------------------

    def submitted(self, order: SimulatedOrder) -> None:
        """Begins to work on an order that was taken."""
        task = asyncio.get_running_loop().create_task(self._execute(order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _execute(self, order: SimulatedOrder) -> None:
        if self.faults.fill_delay_seconds:
            await asyncio.sleep(self.faults.fill_delay_seconds)
        if self.faults.happens(self.faults.reject_later):
            self.exchange.reject(order, self.clock.now())
            return
        if order.symbol in self.halted:
            return
        price = Exchange.executable_at(order, self.price(order.symbol), _SPREAD)
        if price is None or not order.open:
            if order.open and order.time_in_force == "ioc":
                self.exchange.cancel(order, self.clock.now())
            return
        if self.faults.happens(self.faults.partial_fill) and order.quantity > Decimal("0.01"):
            first = (order.quantity * Decimal(str(round(self.faults.between(0.2, 0.8), 3)))).quantize(
                Decimal("0.000001")
            )
            self.exchange.fill(order, first, price, self.clock.now())
            await asyncio.sleep(0.05)
            price = Exchange.executable_at(order, self.price(order.symbol), _SPREAD)
        if price is not None:
            self.exchange.fill(order, order.quantity - order.filled_quantity, price, self.clock.now())

    async def _work_orders(self) -> None:
        """Orders that rest, or that a restart left open."""
        while True:
            await asyncio.sleep(0.25)
            for order in [each for each in self.exchange.orders.values() if each.open]:
                if order.symbol in self.halted or self.clock.speed <= 0:
                    continue
                if order.time_in_force == "day" and self._day_is_over(order):
                    self.exchange.expire(order, self.clock.now())
                    continue
                age = (self.clock.now() - datetime.fromisoformat(order.updated_at)).total_seconds() / self.clock.speed
                price = Exchange.executable_at(order, self.price(order.symbol), _SPREAD)
                if price is not None and age > 0.5 + self.faults.fill_delay_seconds:
                    self.exchange.fill(order, order.quantity - order.filled_quantity, price, self.clock.now())

    def _day_is_over(self, order: SimulatedOrder) -> bool:
        """Returns whether a day order of a stock is of an earlier day than the market's."""
        created = datetime.fromisoformat(order.created_at)
        return not is_crypto(order.symbol) and created.date() < self.clock.now().date()

    def _on_order(self, event: str, order: SimulatedOrder, execution: dict[str, str] | None) -> None:
        if self.faults.happens(self.faults.lose_update):
            return
        data: dict[str, Any] = {"event": event, "order": order.as_alpaca(), "timestamp": order.updated_at}
        if execution is not None:
            data |= {
                "execution_id": execution["execution_id"],
                "price": execution["price"],
                "qty": execution["qty"],
                "position_qty": execution["position_qty"],
            }
        if self.faults.mute_update_seconds:
            self.updates_muted_until = time.monotonic() + self.faults.mute_update_seconds
            self.faults.mute_update_seconds = 0.0
        if time.monotonic() < self.updates_muted_until:
            return
        if self._held_back is None and self.faults.happens(self.faults.reorder_update):
            self._held_back = data
            return
        for _ in range(2 if self.faults.happens(self.faults.duplicate_update) else 1):
            self._updates.put_nowait(data)
        if self._held_back is not None:
            self._updates.put_nowait(self._held_back)
            self._held_back = None

    async def _send_updates(self) -> None:
        while True:
            data = await self._updates.get()
            if self.faults.update_delay_seconds:
                await asyncio.sleep(self.faults.update_delay_seconds)
            frame = json.dumps({"stream": "trade_updates", "data": data}).encode()
            for socket in list(self.trading_connections):
                try:
                    await socket.send_bytes(frame)
                except (RuntimeError, WebSocketDisconnect):
                    self.trading_connections.discard(socket)


def _wanted(symbol: str, subscribed: set[str]) -> bool:
    return symbol in subscribed or "*" in subscribed
