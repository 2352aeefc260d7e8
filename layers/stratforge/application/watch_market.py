"""Note what the market says of a symbol, and stop trading it when a price cannot be right."""

from __future__ import annotations

from decimal import Decimal

from stratforge.bus.messages import MarketUpdate
from stratforge.market import Bar, is_crypto
from stratforge.market.jumps import unexplained_jump
from stratforge.observability import logger
from stratforge.storage.ledger import halts
from stratforge.storage.market import market_data
from stratforge.storage.market.market_data import LatestPrice
from stratforge.storage.postgres.database import Connection

log = logger("market")
PRICE_JUMP = "PRICE_JUMP"


def note_update(connection: Connection, update: MarketUpdate) -> bool:
    """Notes prints, quotes and the exchange's state, each unless a later one is known; returns whether anything changed."""
    trade, quote = update.trade(), update.quote()
    changed = False
    if trade is not None and update.voided_at is not None:
        changed |= market_data.take_back_trade(connection, update.voided_at, trade)
    elif trade is not None:
        before = market_data.latest_price(connection, update.symbol)
        if market_data.set_trade_price(connection, trade):
            changed = True
            _look_for_jump(connection, update.symbol, before, trade.price, within_bands=update.within_bands)
    if quote is not None:
        changed |= market_data.set_quote(connection, quote)
    if update.exchange_state is not None:
        changed |= market_data.set_exchange_state(connection, update.symbol, update.exchange_state)
    return changed


def note_bar(connection: Connection, bar: Bar) -> None:
    """Notes a finished bar as the symbol's price and range."""
    before = market_data.latest_price(connection, bar.symbol)
    market_data.set_bar_price(connection, bar)
    # A bar that is older than the price says nothing new.
    if before is None or before.time <= bar.time:
        _look_for_jump(connection, bar.symbol, before, bar.open)


def jumped_symbols(connection: Connection) -> frozenset[str]:
    """The symbols whose price jumped for no reason that is known, until an operator has looked at them."""
    return frozenset(each.symbol for each in halts.halted_symbols(connection) if each.reason == PRICE_JUMP)


def _look_for_jump(
    connection: Connection, symbol: str, before: LatestPrice | None, after: Decimal, *, within_bands: bool = False
) -> None:
    """Halts a symbol whose price jumped for no reason that is known, until an operator has looked at it.

    A split that is announced for these days explains the jump: its own way halts the symbol for as long as that takes.
    """
    if before is None or is_crypto(symbol):
        return
    odd = unexplained_jump(before.price, after, within_bands=within_bands)
    if odd is None or market_data.change_is_announced(connection, symbol):
        return
    if halts.halt_symbol(connection, symbol, PRICE_JUMP, odd):
        log.error("a price jumped; the symbol is halted until an operator resumes it", symbol=symbol, why=odd)
