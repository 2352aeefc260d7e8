"""Bars that are already over, over REST."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from alpaca.trading.models import Clock

from stratforge.broker.hardening import harden
from stratforge.broker.port import RequestBudget
from stratforge.configuration import AlpacaSecret, FixedKeys, Keys
from stratforge.market import Bar, is_crypto

# How far back the bars before a session are looked for.
_MAX_HISTORY = timedelta(days=366)
# A symbol that trades every minute has as many bars as minutes while the market is open; a night and a weekend may lie before that.
_FIRST_LOOK = 1.25
_LONGER_LOOK = 8
# What a request of many waits for its turn in the minute's budget.
_BUDGET_SECONDS = 120.0
_BUDGET_PAUSE = 0.25
_SPEED_TIMEOUT = 3.0


class HistoryUnavailable(RuntimeError):
    """Alpaca did not answer; the question may be asked again."""


class HistoryRefused(RuntimeError):
    """Alpaca will not answer this question however often it is asked: it has nothing of this name."""


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of history: bars by symbol, oldest first, and why there are none of the symbols that it refuses."""

    bars: dict[str, list[Bar]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def take(self, other: Found) -> None:
        """Adds the bars and refusals of another answer."""
        self.bars.update(other.bars)
        self.refused.update(other.refused)


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The market's time, and its seconds for each of ours where it is a replay that says so; None for a real market."""

    time: datetime
    speed: float | None = None


class AlpacaHistory:
    """Past bars and the market's clock."""

    def __init__(
        self,
        keys: AlpacaSecret | Keys[AlpacaSecret],
        budget: RequestBudget | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Args:
            keys: The account's keys, or where they are read: with `Keys` a rotation is met.
            budget: The minute's requests, from which every page of an answer takes one; None for whoever asks seldom.
            pause: Waits so many seconds for the budget.
        """
        self._keys = FixedKeys(keys) if isinstance(keys, AlpacaSecret) else keys
        self._budget = budget
        self._pause = pause
        self._connect(self._keys.now())

    def _connect(self, secret: AlpacaSecret) -> None:
        key, secret_key = secret.key_id, secret.secret_key.get_secret_value()
        self._secret = secret
        self._feed = DataFeed(secret.feed)
        # As they come: a model of each bar took three times as long as reading it.
        self._stocks = StockHistoricalDataClient(key, secret_key, url_override=secret.data_url, raw_data=True)
        self._crypto = CryptoHistoricalDataClient(key, secret_key, url_override=secret.data_url, raw_data=True)
        self._trading = TradingClient(key, secret_key, paper=True, url_override=secret.trading_url)
        for client in (self._stocks, self._crypto, self._trading):
            harden(client, self._wait_for_budget)

    def _wait_for_budget(self) -> None:
        waited = 0.0
        while self._budget is not None and not self._budget.take("read"):
            if waited >= _BUDGET_SECONDS:
                raise HistoryUnavailable("the minute's requests are used up")
            self._pause(_BUDGET_PAUSE)
            waited += _BUDGET_PAUSE

    def _meet_rotation(self) -> None:
        present = self._keys.now()
        if present != self._secret:
            self._connect(present)

    def _failure(self, what: str, error: Exception) -> HistoryUnavailable | HistoryRefused:
        status = error.status_code if isinstance(error, APIError) else None
        message = f"{what} cannot be read: {str(error)[:200]}"
        if status in (400, 404, 422):
            return HistoryRefused(message)
        if status in (401, 403):
            # The question is asked again by whoever asked, then with other keys, if somebody has entered some.
            self._keys.after_refusal()
        return HistoryUnavailable(message)

    def clock(self) -> ClockReading:
        """Asks the broker for the market's current time, and the speed of a replay.

        Raises:
            HistoryUnavailable: if it does not say.
        """
        self._meet_rotation()
        try:
            answer: Any = self._trading.get("/clock")
        except (APIError, requests.RequestException) as error:
            raise HistoryUnavailable(str(self._failure("the clock", error))) from error
        speed = answer.get("speed")
        return ClockReading(Clock(**answer).timestamp, None if speed is None else float(speed))

    def now(self) -> datetime:
        """Asks the broker for the market's current time.

        Raises:
            HistoryUnavailable: if it does not say.
        """
        return self.clock().time

    def change_speed(self, speed: float) -> None:
        """Has a replayed market, whose clock says a speed, run at another one; 0 stops it.

        Raises:
            HistoryUnavailable: if it does not answer.
        """
        address = f"{self._secret.trading_url}/simulator/market"
        try:
            requests.post(address, json={"speed": speed}, timeout=_SPEED_TIMEOUT).raise_for_status()
        except requests.RequestException as error:
            raise HistoryUnavailable(f"the market's speed cannot be changed: {str(error)[:200]}") from error

    def bars(
        self, symbol: str, start: datetime, end: datetime, limit: int | None = None, *, as_traded: bool = False
    ) -> list[Bar]:
        """Finished 1-minute bars of one symbol; see `bars_of`. The latest `limit` ones.

        Raises:
            HistoryUnavailable: if Alpaca does not answer.
            HistoryRefused: if it has nothing of this symbol.
        """
        bars = self._ask([symbol], start, end, as_traded)[symbol]
        return bars[-limit:] if limit is not None else bars

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime, *, as_traded: bool = False) -> Found:
        """Finished 1-minute bars of many symbols from `start` (included) to `end` (excluded), in as few requests as that takes.

        Prices and volumes are adjusted for all splits until now, so that a split is no jump; `as_traded` gives them as the stream did.
        A symbol that Alpaca does not know makes it refuse the whole question: halves of it are asked until it is found.

        Raises:
            HistoryUnavailable: if Alpaca does not answer.
        """
        found = Found()
        for group in _of_one_market(symbols):
            found.take(self._halving(group, start, end, as_traded))
        return found

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Bars of days of many symbols, those that began from `start` (included) to `end` (excluded), adjusted for all splits until now; see `bars_of`.

        Raises:
            HistoryUnavailable: if Alpaca does not answer.
        """
        found = Found()
        for group in _of_one_market(symbols):
            found.take(self._halving(group, start, end, as_traded=False, timeframe=TimeFrame.Day))
        return found

    def _halving(
        self,
        symbols: list[str],
        start: datetime,
        end: datetime,
        as_traded: bool,
        timeframe: TimeFrame = TimeFrame.Minute,
    ) -> Found:
        try:
            return Found(self._ask(symbols, start, end, as_traded, timeframe))
        except HistoryRefused as error:
            if len(symbols) == 1:
                return Found(refused={symbols[0]: str(error)})
        middle = len(symbols) // 2
        found = self._halving(symbols[:middle], start, end, as_traded, timeframe)
        found.take(self._halving(symbols[middle:], start, end, as_traded, timeframe))
        return found

    def _ask(
        self,
        symbols: list[str],
        start: datetime,
        end: datetime,
        as_traded: bool,
        timeframe: TimeFrame = TimeFrame.Minute,
    ) -> dict[str, list[Bar]]:
        self._meet_rotation()
        question: dict[str, Any] = {
            "symbol_or_symbols": symbols,
            "timeframe": timeframe,
            "start": start,
            "end": end,
        }
        try:
            if is_crypto(symbols[0]):
                reply: Any = self._crypto.get_crypto_bars(CryptoBarsRequest(**question))
            else:
                adjustment = Adjustment.RAW if as_traded else Adjustment.SPLIT
                reply = self._stocks.get_stock_bars(
                    StockBarsRequest(**question, feed=self._feed, adjustment=adjustment)
                )
        except (APIError, requests.RequestException) as error:
            raise self._failure(f"bars of {', '.join(symbols[:5])}", error) from error
        bars = {symbol: [_bar_of(symbol, each) for each in reply.get(symbol, [])] for symbol in symbols}
        return {symbol: [each for each in found if each.time < end] for symbol, found in bars.items()}

    def latest(self, symbol: str, count: int, now: datetime) -> list[Bar]:
        """The latest `count` bars of one symbol that are over; see `latest_of`.

        Raises:
            HistoryUnavailable: if Alpaca does not answer.
            HistoryRefused: if it has nothing of this symbol.
        """
        found = self.latest_of([symbol], count, now)
        if symbol in found.refused:
            raise HistoryRefused(found.refused[symbol])
        return found.bars[symbol]

    def latest_of(self, symbols: Sequence[str], count: int, now: datetime) -> Found:
        """The latest `count` bars of each symbol that are over; fewer only if the last `_MAX_HISTORY` has no more.

        A minute without a trade has no bar: of symbols that trade seldom a longer time is asked for, until there are enough.

        Raises:
            HistoryUnavailable: if Alpaca does not answer.
        """
        minute = now.replace(second=0, microsecond=0)
        found, wanting = Found(), list(symbols)
        look = timedelta(minutes=count * _FIRST_LOOK)
        while wanting:
            look = min(look, _MAX_HISTORY)
            asked = self.bars_of(wanting, minute - look, minute)
            found.take(Found({symbol: bars[-count:] for symbol, bars in asked.bars.items()}, asked.refused))
            wanting = [symbol for symbol, bars in asked.bars.items() if len(bars) < count and look < _MAX_HISTORY]
            look *= _LONGER_LOOK
        return found


def _of_one_market(symbols: Sequence[str]) -> Iterator[list[str]]:
    """The stocks, and the coins: they are asked of different addresses."""
    for crypto in (False, True):
        group = [symbol for symbol in symbols if is_crypto(symbol) is crypto]
        if group:
            yield group


def _bar_of(symbol: str, payload: Mapping[str, Any]) -> Bar:
    """A bar as it comes over REST, in the canonical form."""
    prices = (Decimal(str(float(payload[name]))) for name in "ohlcv")
    return Bar(symbol, datetime.fromisoformat(payload["t"]), *prices)


def normalized_bar(symbol: str, payload: Any) -> Bar:
    """Turns a bar of a stream of alpaca-py into the canonical form; prices become exact decimals."""
    return Bar(
        symbol,
        payload.timestamp,
        Decimal(str(payload.open)),
        Decimal(str(payload.high)),
        Decimal(str(payload.low)),
        Decimal(str(payload.close)),
        Decimal(str(payload.volume)),
    )
