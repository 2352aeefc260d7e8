"""Alpaca's streams, each in a thread of its own, every event handed on at once.

alpaca-py awaits handlers one after another and dies when one raises, so handlers only put into queues. A connection tells that it was made
before the first event on it, so that gaps are filled in order. What Alpaca refuses, which alpaca-py only logs, is told, too.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.trading.stream import TradingStream
from stratforge.broker.history import normalized_bar
from stratforge.configuration import AlpacaSecret
from stratforge.market import Bar, Quote, Trade
from stratforge.observability import logger
from websockets import WebSocketException

from functions.ingestor.data_plan import Channels
from functions.ingestor.prices import PriceBook, Print

log = logger("ingestor")
_SUBSCRIBE_SECONDS = 15.0
# Errors of the data stream: https://docs.alpaca.markets/docs/streaming-market-data. Those of the login come as words only.
SYMBOL_LIMIT, CONNECTION_LIMIT = 405, 406
_CODES = {
    "auth failed": 402,
    "auth timeout": 404,
    "symbol limit exceeded": SYMBOL_LIMIT,
    "connection limit exceeded": CONNECTION_LIMIT,
    "insufficient subscription": 409,
}
# Channels of trades and quotes, which a data plan limits.
_LIMITED = ("trades", "quotes")


@dataclass(frozen=True, slots=True)
class StreamError:
    """A refusal of Alpaca on a stream; `granted` is how many channels of trades and quotes it allowed then."""

    crypto: bool
    code: int
    message: str
    granted: int


class StreamListener(Protocol):
    """The listener that a data stream tells."""

    def bar(self, bar: Bar, correction: bool) -> None:
        """Takes a finished bar, or a correction of one."""
        ...

    def connected(self, crypto: bool) -> None:
        """Notes that the stream of a market is a new connection."""
        ...

    def error(self, error: StreamError) -> None:
        """Notes an error that Alpaca answered to a subscription or login."""
        ...


if TYPE_CHECKING:
    from alpaca.data.live.websocket import DataStream as _Stream
else:
    _Stream = object


class _Told(_Stream):
    """A data stream that tells of its connections and of what is refused."""

    on_connected: Callable[[], None]
    on_error: Callable[[int, str], None]
    # The channels that Alpaca granted.
    granted: dict[str, list[str]]

    async def _start_ws(self) -> None:
        self.granted = {}
        await super()._start_ws()
        self.on_connected()

    async def _auth(self) -> None:
        try:
            await super()._auth()
        except ValueError as error:
            self.on_error(_CODES.get(str(error), 402), str(error))
            raise

    async def _dispatch(self, msg: dict[str, Any]) -> None:
        if msg.get("T") == "error":
            self.on_error(int(msg.get("code", 0)), str(msg.get("msg", "")))
        elif msg.get("T") == "subscription":
            self.granted = {channel: names for channel, names in msg.items() if isinstance(names, list)}
        await super()._dispatch(msg)


class _Stocks(_Told, StockDataStream):
    pass


class _Crypto(_Told, CryptoDataStream):
    pass


class _AnnouncedTrading(TradingStream):
    on_connected: Callable[[], None]

    async def _start_ws(self) -> None:
        await super()._start_ws()  # type: ignore[no-untyped-call]
        self.on_connected()


class MarketStream:
    """Live data of stocks or crypto; subscribing takes effect at once and survives reconnects."""

    def __init__(
        self, secret: AlpacaSecret, *, crypto: bool, mute_seconds: float, listener: StreamListener, book: PriceBook
    ) -> None:
        key, secret_key = secret.key_id, secret.secret_key.get_secret_value()
        self._crypto = crypto
        self._listener = listener
        self._book = book
        address = f"{secret.data_stream_url}/" + ("v1beta3/crypto/us" if crypto else f"v2/{secret.feed}")
        kind: Any = _Crypto if crypto else _Stocks
        self._stream: Any = kind(key, secret_key, url_override=address, data_timeout=mute_seconds)
        self._stream.granted = {}
        self._stream.on_connected = lambda: listener.connected(crypto)
        self._stream.on_error = self._error
        self._handlers = {
            "bars": self._bar,
            "updatedBars": self._correction,
            "trades": self._trade,
            "quotes": self._quote,
        }
        if not crypto:
            self._handlers |= {"statuses": self._status, "lulds": self._band}
            self._stream.register_trade_cancels(self._cancel)
            self._stream.register_trade_corrections(self._corrected)
        self._withheld: set[str] = set()
        self.thread: threading.Thread | None = None

    def set_channels(self, wanted: Channels) -> None:
        """Streams exactly these symbols on these channels: what goes makes room first, then all that is new is asked for at once."""
        symbols = {
            "bars": wanted.bars,
            "updatedBars": wanted.bars,
            "trades": wanted.trades,
            "quotes": wanted.quotes,
            "statuses": wanted.statuses,
            "lulds": wanted.statuses,
        }
        added = False
        for channel, handler in self._handlers.items():
            present = self._stream._handlers[channel]
            chosen = set() if channel in self._withheld else set(symbols[channel])
            gone = sorted(set(present) - chosen)
            if gone:
                self._send(partial(self._stream._send_unsubscribe_msg, channel, gone))
            for symbol in gone:
                del present[symbol]
            added |= bool(chosen - set(present))
            present.update(dict.fromkeys(chosen, handler))
        if added:
            self._send(self._stream._send_subscribe_msg)
        if wanted.bars and self.thread is None:
            self.thread = _start("crypto-data" if self._crypto else "stock-data", self._stream)

    def withhold(self, channels: Iterable[str]) -> None:
        """Does without channels from now on; see `set_channels`."""
        self._withheld |= set(channels)

    def _send(self, message: Callable[[], Any]) -> None:
        """Sends on the stream's own loop, if it is connected; otherwise the next connection begins with it."""
        if self._stream._running:
            try:
                asyncio.run_coroutine_threadsafe(message(), self._stream._loop).result(_SUBSCRIBE_SECONDS)
            except (TimeoutError, OSError, RuntimeError, AttributeError, WebSocketException) as error:
                log.warning("a subscription was not sent; the next connection repeats it", error=repr(error)[:200])

    @property
    def granted(self) -> dict[str, list[str]]:
        """The channels that Alpaca granted last, with their symbols."""
        granted: dict[str, list[str]] = self._stream.granted
        return granted

    def _error(self, code: int, message: str) -> None:
        granted = sum(len(self.granted.get(channel, [])) for channel in _LIMITED)
        self._listener.error(StreamError(self._crypto, code, message, granted))

    async def _bar(self, payload: Any) -> None:
        bar = normalized_bar(payload.symbol, payload)
        self._book.bar(bar)
        self._listener.bar(bar, False)

    async def _correction(self, payload: Any) -> None:
        self._listener.bar(normalized_bar(payload.symbol, payload), True)

    async def _trade(self, payload: Any) -> None:
        self._book.print(
            Print(
                Trade(payload.symbol, _exact(payload.price), _exact(payload.size), payload.timestamp),
                payload.id,
                tuple(payload.conditions or ()),
                None if self._crypto else payload.tape or "C",
            )
        )

    async def _quote(self, payload: Any) -> None:
        quote = Quote(payload.symbol, _exact(payload.bid_price), _exact(payload.ask_price), payload.timestamp)
        self._book.quote(quote)

    async def _status(self, payload: Any) -> None:
        self._book.status(
            payload.symbol, payload.status_code, payload.reason_code, payload.tape or "C", payload.timestamp
        )

    async def _band(self, payload: Any) -> None:
        # alpaca-py has no model of these.
        self._book.bands(payload["S"], _exact(payload["d"]), _exact(payload["u"]), payload["t"])

    async def _cancel(self, payload: Any) -> None:
        self._book.take_back(payload.symbol, payload.id, _exact(payload.price), None)

    async def _corrected(self, payload: Any) -> None:
        right = Print(
            Trade(payload.symbol, _exact(payload.corrected_price), _exact(payload.corrected_size), payload.timestamp),
            payload.corrected_id,
            tuple(payload.corrected_conditions),
            payload.tape,
        )
        self._book.take_back(payload.symbol, payload.original_id, _exact(payload.original_price), right)


def _exact(number: float) -> Decimal:
    return Decimal(str(number))


class OrderStream:
    """The stream of updates on the account's orders."""

    def __init__(
        self, secret: AlpacaSecret, on_update: Callable[[Any], None], on_connected: Callable[[], None]
    ) -> None:
        self._stream: Any = _AnnouncedTrading(
            secret.key_id,
            secret.secret_key.get_secret_value(),
            paper=True,
            url_override=secret.trading_stream_url,
        )
        self._stream.on_connected = on_connected

        async def handle(update: Any) -> None:
            on_update(update)

        self._stream.subscribe_trade_updates(handle)
        self.thread = _start("order-updates", self._stream)


def _start(name: str, stream: Any) -> threading.Thread:
    thread = threading.Thread(target=lambda: asyncio.run(stream._run_forever()), name=name, daemon=True)
    thread.start()
    return thread
