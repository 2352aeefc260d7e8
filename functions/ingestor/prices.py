"""From trades to latest prices: of each symbol at most one a second, the last."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.bus.messages import TradePrice
from stratforge.bus.queues import send_trade_prices
from stratforge.market import Trade
from stratforge.observability import logger

log = logger("ingestor")
_SECONDS = 1.0


class PricePublisher:
    """Keeps the last trade of each symbol and passes it on every second. A price that could not be sent is overtaken by the next."""

    def __init__(self, queue_url: str, on_fatal: Callable[[], None]) -> None:
        self._queue_url = queue_url
        self._on_fatal = on_fatal
        self._latest: dict[str, Trade] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._work, name="price-publisher", daemon=True).start()

    def trade(self, trade: Trade) -> None:
        """Takes a trade of the stream."""
        with self._lock:
            known = self._latest.get(trade.symbol)
            if known is None or known.time <= trade.time:
                self._latest[trade.symbol] = trade

    def _work(self) -> None:
        try:
            while True:
                time.sleep(_SECONDS)
                with self._lock:
                    trades, self._latest = self._latest, {}
                self._send(list(trades.values()))
        except BaseException:
            log.exception("the price publisher failed; the service restarts")
            self._on_fatal()
            raise

    def _send(self, trades: list[Trade]) -> None:
        messages = [TradePrice(symbol=each.symbol, price=each.price, size=each.size, time=each.time) for each in trades]
        try:
            send_trade_prices(self._queue_url, messages)
        except (BotoCoreError, ClientError) as error:
            log.warning("prices were not sent", prices=len(messages), error=str(error)[:200])
