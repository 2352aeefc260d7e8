"""A world in which a session of one user lives through bars that come minute by minute."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from stratforge.application.evaluate_bar import evaluate_bar
from stratforge.market import Bar
from stratforge.storage.ledger import portfolio
from stratforge.storage.ledger.portfolio import LedgerFilter, TradeRow
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import NumberedPage

from tests.integration.test_replay import sandbox
from tests.support.ledger import OPEN, Trader
from tests.support.world import World


class Minutes(World):
    """Ada's session, on bars of AAPL.

    Attributes:
        beyond: How far above a bar's close the broker's price is.
    """

    ada: Trader
    minute = 0
    beyond = Decimal(0)

    def bars(self, *closes: str) -> None:
        """Bars come one after another, and everything that they lead to happens."""
        for close in closes:
            price, self.minute = Decimal(close), self.minute + 1
            bar = Bar("AAPL", OPEN + timedelta(minutes=self.minute), price, price, price, price, Decimal(1000))
            self.broker.prices["AAPL"] = price + self.beyond
            self.broker.now_at = bar.time + timedelta(minutes=1)
            with self.database.transaction() as connection:
                connection.execute("UPDATE latest_prices SET received_at = now()")
            evaluate_bar(self.database, sandbox, lambda *_: None, bar, 0)
            with self.database.transaction() as connection:
                market_data.set_bar_price(connection, bar)
            self.wake("AAPL", "a bar")
            self.quiet()

    def trades(self, wanted: LedgerFilter = LedgerFilter()) -> list[TradeRow]:
        """Her trades, the oldest first."""
        with self.database.transaction() as connection:
            return portfolio.list_trades(connection, self.ada.user_id, wanted, NumberedPage(10))[::-1]


def add_history(connection: Connection, price: Decimal) -> None:
    """Stores the 69 minutes before the open, all at one price."""
    market_data.ensure_months(connection, [OPEN])
    history = (OPEN - timedelta(minutes=minute) for minute in range(1, 70))
    market_data.add_bars(connection, [Bar("AAPL", time, price, price, price, price, Decimal(1)) for time in history])
