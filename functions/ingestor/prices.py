"""From prints, quotes and statuses to what is new of each symbol: at most one message a second."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.bus.messages import MarketUpdate
from stratforge.bus.queues import send_market_updates
from stratforge.market import Bar, Quote, Trade
from stratforge.market.prints import makes_price
from stratforge.observability import logger
from stratforge.portfolio.exchange_status import state_said
from stratforge.portfolio.orders import ExchangeState

log = logger("ingestor")
_SECONDS = 1.0
# Prints that may still be taken back, of each symbol; and how long price bands hold without a new message.
_KEPT = 50
_BANDS_HOLD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Print:
    """A trade print as the tape has it; `trade_id` is the exchange's, None where there is none."""

    trade: Trade
    trade_id: int | None = None
    conditions: tuple[str, ...] = ()
    tape: str | None = None


@dataclass(slots=True)
class _Symbol:
    """Facts known of a symbol, and what of that is new since it was told."""

    prints: deque[Print] = field(default_factory=lambda: deque(maxlen=_KEPT))
    state: ExchangeState = ExchangeState.TRADING
    state_since: datetime | None = None
    bands: tuple[Decimal, Decimal, datetime] | None = None
    new_trade: Trade | None = None
    new_quote: Quote | None = None
    new_state: ExchangeState | None = None
    voided_at: datetime | None = None
    told: Trade | None = None


class PriceBook:
    """The state of each symbol by the tape, conflated: the last print that makes the price, the best bid and offer, the state.

    A print that is taken back counts no more, whatever was told. A halted symbol trades again when the exchange says so, or
    when it prints.
    """

    def __init__(self, states: Mapping[str, ExchangeState] | None = None) -> None:
        """
        Args:
            states: Symbols that did not trade when somebody looked last.
        """
        self._symbols: dict[str, _Symbol] = {symbol: _Symbol(state=state) for symbol, state in (states or {}).items()}
        self._lock = threading.Lock()

    def _of(self, symbol: str) -> _Symbol:
        return self._symbols.setdefault(symbol, _Symbol())

    def print(self, each: Print) -> None:
        """Takes a print; one that does not update the last sale says nothing about the price."""
        if not makes_price(each.conditions, each.tape):
            return
        with self._lock:
            known = self._of(each.trade.symbol)
            known.prints.append(each)
            if known.new_trade is None or known.new_trade.time <= each.trade.time:
                known.new_trade = each.trade
            self._resumes(known, each.trade.time)

    def bar(self, bar: Bar) -> None:
        """Takes a finished bar: in a minute that has one the symbol traded."""
        with self._lock:
            if bar.symbol in self._symbols:
                self._resumes(self._symbols[bar.symbol], bar.time)

    def quote(self, quote: Quote) -> None:
        """Takes a quote; one side alone, or crossed, is no market."""
        if not 0 < quote.bid <= quote.ask:
            return
        with self._lock:
            known = self._of(quote.symbol)
            if known.new_quote is None or known.new_quote.time <= quote.time:
                known.new_quote = quote

    def take_back(self, symbol: str, trade_id: int | None, price: Decimal, instead: Print | None) -> None:
        """Takes back a print that was canceled, or corrected to `instead`."""
        with self._lock:
            known = self._of(symbol)
            found = next((each for each in known.prints if each.trade_id == trade_id), None)
            if found is None or (trade_id is None and found.trade.price != price):
                return
            place = known.prints.index(found)
            known.prints.remove(found)
            if instead is not None and makes_price(instead.conditions, instead.tape):
                # It took place when the one it corrects did.
                stands = Trade(symbol, instead.trade.price, instead.trade.size, found.trade.time)
                known.prints.insert(place, Print(stands, instead.trade_id, instead.conditions, instead.tape))
            last = max((each.trade for each in known.prints), key=lambda each: each.time, default=None)
            if known.told == found.trade:
                known.voided_at, known.new_trade = (found.trade.time, last) if last is not None else (None, None)
            elif known.new_trade == found.trade:
                known.new_trade = last if last != known.told else None
        log.warning("a print was taken back", symbol=symbol, price=str(price), corrected=instead is not None)

    def status(self, symbol: str, status_code: str, reason_code: str, tape: str, at: datetime) -> None:
        """Takes an exchange's trading-status message on a symbol."""
        state = state_said(status_code, reason_code, tape)
        if state is not None:
            with self._lock:
                self._becomes(self._of(symbol), state, at)
            log.info("the exchange says", symbol=symbol, state=state, code=status_code, reason=reason_code)

    def bands(self, symbol: str, low: Decimal, high: Decimal, at: datetime) -> None:
        """Takes the limit-down and limit-up price of a symbol."""
        with self._lock:
            self._of(symbol).bands = (low, high, at)

    def _becomes(self, known: _Symbol, state: ExchangeState, at: datetime | None) -> None:
        known.state, known.state_since, known.new_state = state, at, state

    def _resumes(self, known: _Symbol, printed_at: datetime) -> None:
        since = known.state_since
        if known.state is not ExchangeState.TRADING and (since is None or printed_at > since + timedelta(seconds=1)):
            self._becomes(known, ExchangeState.TRADING, printed_at)

    def news(self) -> list[MarketUpdate]:
        """Returns what is new of each symbol since the last time this was asked."""
        with self._lock:
            return [
                update
                for symbol, known in self._symbols.items()
                if (update := self._news_of(symbol, known)) is not None
            ]

    @staticmethod
    def _news_of(symbol: str, known: _Symbol) -> MarketUpdate | None:
        trade, quote, state = known.new_trade, known.new_quote, known.new_state
        at = max((each.time for each in (trade, quote) if each is not None), default=known.state_since)
        if (trade is None and quote is None and state is None) or at is None:
            return None
        within = False
        if trade is not None and known.bands is not None:
            low, high, since = known.bands
            within = low <= trade.price <= high and abs(trade.time - since) <= _BANDS_HOLD
        update = MarketUpdate(
            symbol=symbol,
            time=trade.time if trade else at,
            price=trade.price if trade else None,
            size=trade.size if trade else None,
            within_bands=within,
            bid=quote.bid if quote else None,
            ask=quote.ask if quote else None,
            quoted_at=quote.time if quote else None,
            exchange_state=state,
            voided_at=known.voided_at,
        )
        known.told = trade or known.told
        known.new_trade = known.new_quote = known.new_state = known.voided_at = None
        return update


class PricePublisher:
    """Passes on every second what is new in a book. Prices that could not be sent are overtaken by the next; states are not."""

    def __init__(self, book: PriceBook, queue_url: str, on_fatal: Callable[[], None]) -> None:
        self._book = book
        self._queue_url = queue_url
        self._on_fatal = on_fatal
        threading.Thread(target=self._work, name="price-publisher", daemon=True).start()

    def _work(self) -> None:
        try:
            unsent: list[MarketUpdate] = []
            while True:
                time.sleep(_SECONDS)
                unsent = self._send([*unsent, *self._book.news()])
        except BaseException:
            log.exception("the price publisher failed; the service restarts")
            self._on_fatal()
            raise

    def _send(self, updates: Sequence[MarketUpdate]) -> list[MarketUpdate]:
        """Sends; returns what must be sent again."""
        try:
            send_market_updates(self._queue_url, updates)
        except (BotoCoreError, ClientError) as error:
            log.warning("prices were not sent", updates=len(updates), error=str(error)[:200])
            return [each for each in updates if each.exchange_state is not None or each.voided_at is not None]
        return []
