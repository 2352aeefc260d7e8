"""Reference data: the rules of assets and the trading days, asked of the broker and then kept for a stated time."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from stratforge.broker import Broker, BrokerStatement, BrokerUnavailable
from stratforge.market import is_crypto
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.calendar import MarketCalendar
from stratforge.storage.market import assets, trading_days
from stratforge.storage.market.clock import market_now
from stratforge.storage.postgres.database import Database

_KEEP_SECONDS = 600.0
# So long a process decides by the hours that it has read; the reconciler has them from the broker with every pass.
CALENDAR_SECONDS = 60.0
_AHEAD = timedelta(days=30)
_BEHIND = timedelta(days=7)
_ASSET_HOURS = 24


def keep_calendar(database: Database, broker: Broker) -> bool:
    """Reads the trading days of the last and the next weeks from the broker, with every pass of the reconciler: who decides by the calendar asks no broker,
    and a day that closes early or not at all is known minutes after it was announced. Returns whether anything is otherwise than before.

    Raises:
        BrokerUnavailable: if the broker does not answer.
    """
    with database.transaction() as connection:
        now = market_now(connection)
    if now is None:
        return False
    days = broker.calendar((now - _BEHIND).date(), (now + _AHEAD).date())
    with database.transaction() as connection:
        return trading_days.store_calendar(connection, days)


def refresh_assets(database: Database, broker: BrokerStatement) -> None:
    """Has the broker's list of assets stored anew when it is older than a day."""
    with database.transaction() as connection:
        due = assets.assets_are_due(connection, _ASSET_HOURS)
    if due:
        listed = broker.assets()
        with database.transaction() as connection:
            assets.store_assets(connection, listed)


class ReferenceData:
    """Assets and calendar: from memory, else from the database, else from the broker, which then is written down."""

    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker
        self._assets: dict[str, tuple[float, AssetRules | None]] = {}
        self._calendar = MarketCalendar([])
        self._read_at = -CALENDAR_SECONDS

    def asset(self, symbol: str) -> AssetRules | None:
        """The rules of an asset; None when the broker has none of the symbol."""
        kept = self._assets.get(symbol)
        if kept is not None and time.monotonic() - kept[0] < _KEEP_SECONDS:
            return kept[1]
        with self._database.transaction() as connection:
            rules = assets.read_asset(connection, symbol)
        if rules is None:
            found = self._broker.asset(symbol)
            if found is not None:
                rules = found[0]
                with self._database.transaction() as connection:
                    assets.store_assets(connection, [found])
        self._assets[symbol] = (time.monotonic(), rules)
        return rules

    def forget(self, symbol: str) -> None:
        """Forgets the rules of an asset, because the broker said something else."""
        self._assets.pop(symbol, None)

    def knows(self, symbol: str, at: datetime) -> bool:
        """Returns whether the market hours around `at` are known, and were read no longer ago than a minute."""
        fresh = time.monotonic() - self._read_at < CALENDAR_SECONDS
        return is_crypto(symbol) or (fresh and self._calendar.covers(at))

    def is_open(self, symbol: str, at: datetime) -> bool:
        """Returns whether the symbol's market trades at the market's time `at`."""
        return is_crypto(symbol) or self._calendar.is_open(at)

    def next_close(self, symbol: str, at: datetime) -> datetime | None:
        """Returns when a day order that is accepted at `at` ends: the close, or for crypto the end of the day in
        UTC."""
        if is_crypto(symbol):
            return at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return self._calendar.next_close(at)

    def learn(self, at: datetime) -> None:
        """Reads the trading days around `at`.

        Raises:
            BrokerUnavailable: if the broker does not know them.
        """
        start = (at - _BEHIND).date()
        with self._database.transaction() as connection:
            self._calendar = trading_days.read_calendar(connection, start)
        self._read_at = time.monotonic()
        if not self._calendar.covers(at):
            days = self._broker.calendar(start, (at + _AHEAD).date())
            with self._database.transaction() as connection:
                trading_days.store_calendar(connection, days)
            self._calendar = MarketCalendar(days)
        if not self._calendar.covers(at):
            raise BrokerUnavailable(f"the broker's calendar does not reach {at:%Y-%m-%d}")
