"""Alpaca's streams, each in a thread of its own, every event handed on at once.

alpaca-py awaits handlers one after another and dies when one raises, so handlers only put into a queue. A connection tells
that it was made before the first event on it, so that gaps are filled in order.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.trading.stream import TradingStream
from stratforge.broker.history import normalized_bar
from stratforge.configuration import AlpacaSecret
from stratforge.market import Bar, Trade

OnBar = Callable[[Bar, bool], None]
OnTrade = Callable[[Trade], None]


class _AnnouncedStocks(StockDataStream):
    announce: Callable[[], None]

    async def _start_ws(self) -> None:
        await super()._start_ws()
        self.announce()


class _AnnouncedCrypto(CryptoDataStream):
    announce: Callable[[], None]

    async def _start_ws(self) -> None:
        await super()._start_ws()
        self.announce()


class _AnnouncedTrading(TradingStream):
    announce: Callable[[], None]

    async def _start_ws(self) -> None:
        await super()._start_ws()  # type: ignore[no-untyped-call]
        self.announce()


class BarStream:
    """Live bars and trades of stocks or crypto; subscribing takes effect at once and survives reconnects."""

    def __init__(
        self,
        secret: AlpacaSecret,
        *,
        crypto: bool,
        mute_seconds: float,
        on_bar: OnBar,
        on_trade: OnTrade,
        on_connected: Callable[[], None],
    ) -> None:
        key, secret_key = secret.key_id, secret.secret_key.get_secret_value()
        self._on_bar = on_bar
        self._on_trade = on_trade
        self._stream: Any
        if crypto:
            address = f"{secret.data_stream_url}/v1beta3/crypto/us"
            self._stream = _AnnouncedCrypto(key, secret_key, url_override=address, data_timeout=mute_seconds)
        else:
            address = f"{secret.data_stream_url}/v2/{secret.feed}"
            self._stream = _AnnouncedStocks(key, secret_key, url_override=address, data_timeout=mute_seconds)
        self._stream.announce = on_connected
        self._name = "crypto-bars" if crypto else "stock-bars"
        self.thread: threading.Thread | None = None
        self._symbols: set[str] = set()

    def set_symbols(self, symbols: set[str]) -> None:
        """Streams exactly these symbols."""
        added, removed = symbols - self._symbols, self._symbols - symbols
        if added:
            self._stream.subscribe_bars(self._bar, *sorted(added))
            self._stream.subscribe_updated_bars(self._correction, *sorted(added))
            self._stream.subscribe_trades(self._trade, *sorted(added))
        if removed:
            self._stream.unsubscribe_bars(*sorted(removed))
            self._stream.unsubscribe_updated_bars(*sorted(removed))
            self._stream.unsubscribe_trades(*sorted(removed))
        self._symbols = set(symbols)
        if symbols and self.thread is None:
            self.thread = _start(self._name, self._stream)

    async def _bar(self, payload: Any) -> None:
        self._on_bar(normalized_bar(payload.symbol, payload), False)

    async def _correction(self, payload: Any) -> None:
        self._on_bar(normalized_bar(payload.symbol, payload), True)

    async def _trade(self, payload: Any) -> None:
        self._on_trade(
            Trade(payload.symbol, Decimal(str(payload.price)), Decimal(str(payload.size)), payload.timestamp)
        )


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
        self._stream.announce = on_connected

        async def handle(update: Any) -> None:
            on_update(update)

        self._stream.subscribe_trade_updates(handle)
        self.thread = _start("order-updates", self._stream)


def _start(name: str, stream: Any) -> threading.Thread:
    thread = threading.Thread(target=lambda: asyncio.run(stream._run_forever()), name=name, daemon=True)
    thread.start()
    return thread
