"""Bars that are already over, over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import requests
from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.requests import CryptoBarsRequest, StockBarsRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient

from stratforge.broker.hardening import harden
from stratforge.configuration import AlpacaSecret, FixedKeys, Keys
from stratforge.market import Bar, is_crypto

# Minutes of a trading day that are counted on when asking for a number of bars: nights, weekends and holidays lie between.
_STOCK_MINUTES_A_DAY = 390
_CALENDAR_DAYS_PER_TRADING_DAY = 1.6
# How far back the bars before a session are looked for.
_MAX_HISTORY = timedelta(days=366)


class HistoryUnavailable(RuntimeError):
    """Alpaca did not answer; the question may be asked again."""


class AlpacaHistory:
    """Past bars and the market's clock."""

    def __init__(self, keys: AlpacaSecret | Keys[AlpacaSecret]) -> None:
        """
        Args:
            keys: The account's keys, or where they are read: with `Keys` a rotation is met.
        """
        self._keys = FixedKeys(keys) if isinstance(keys, AlpacaSecret) else keys
        self._connect(self._keys.now())

    def _connect(self, secret: AlpacaSecret) -> None:
        key, secret_key = secret.key_id, secret.secret_key.get_secret_value()
        self._secret = secret
        self._feed = DataFeed(secret.feed)
        self._stocks = StockHistoricalDataClient(key, secret_key, url_override=secret.data_url)
        self._crypto = CryptoHistoricalDataClient(key, secret_key, url_override=secret.data_url)
        self._trading = TradingClient(key, secret_key, paper=True, url_override=secret.trading_url)
        for client in (self._stocks, self._crypto, self._trading):
            harden(client)

    def _meet_rotation(self) -> None:
        present = self._keys.now()
        if present != self._secret:
            self._connect(present)

    def _unavailable(self, what: str, error: Exception) -> HistoryUnavailable:
        if isinstance(error, APIError) and error.status_code in (401, 403):
            # The question is asked again by whoever asked, then with other keys, if somebody has entered some.
            self._keys.after_refusal()
        return HistoryUnavailable(f"{what} cannot be read: {str(error)[:200]}")

    def now(self) -> datetime:
        """Asks the broker for the market's current time."""
        self._meet_rotation()
        try:
            clock: Any = self._trading.get_clock()
        except (APIError, requests.RequestException) as error:
            raise self._unavailable("the clock", error) from error
        timestamp: datetime = clock.timestamp
        return timestamp

    def bars(
        self, symbol: str, start: datetime, end: datetime, limit: int | None = None, *, as_traded: bool = False
    ) -> list[Bar]:
        """Finished 1-minute bars from `start` (included) to `end` (excluded), oldest first; the latest `limit` ones.

        Prices and volumes are adjusted for all splits until now, so that a split is no jump; `as_traded` gives them as the stream did.
        """
        self._meet_rotation()
        try:
            if is_crypto(symbol):
                reply: Any = self._crypto.get_crypto_bars(
                    CryptoBarsRequest(symbol_or_symbols=symbol, timeframe=TimeFrame.Minute, start=start, end=end)
                )
            else:
                reply = self._stocks.get_stock_bars(
                    StockBarsRequest(
                        symbol_or_symbols=symbol,
                        timeframe=TimeFrame.Minute,
                        start=start,
                        end=end,
                        feed=self._feed,
                        adjustment=Adjustment.RAW if as_traded else Adjustment.SPLIT,
                    )
                )
        except (APIError, requests.RequestException) as error:
            raise self._unavailable(f"bars of {symbol}", error) from error
        bars = [normalized_bar(symbol, each) for each in reply.data.get(symbol, []) if each.timestamp < end]
        return bars[-limit:] if limit is not None else bars

    def latest(self, symbol: str, count: int, now: datetime) -> list[Bar]:
        """The latest `count` bars that are over; fewer only if the last `_MAX_HISTORY` has no more.

        A minute without a trade has no bar: of a symbol that trades seldom a longer time is asked for, until there are enough.
        """
        minute = now.replace(second=0, microsecond=0)
        days = count / (1440 if is_crypto(symbol) else _STOCK_MINUTES_A_DAY) * _CALENDAR_DAYS_PER_TRADING_DAY + 4
        while True:
            time = min(timedelta(days=days), _MAX_HISTORY)
            bars = self.bars(symbol, minute - time, minute, count)
            if len(bars) >= count or time == _MAX_HISTORY:
                return bars
            days *= 4


def normalized_bar(symbol: str, payload: Any) -> Bar:
    """Turns a bar of alpaca-py into the canonical form; prices become exact decimals."""
    return Bar(
        symbol,
        payload.timestamp,
        Decimal(str(payload.open)),
        Decimal(str(payload.high)),
        Decimal(str(payload.low)),
        Decimal(str(payload.close)),
        Decimal(str(payload.volume)),
    )
