"""Sweeps without a browser: a market that goes up and down, and somebody whose forms try a strategy on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from stratforge.application.jobs.backtest_strategy import backtest_strategy
from stratforge.application.jobs.work import run_job
from stratforge.broker.history import Found
from stratforge.market import Bar
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.jobs import JobKind

from tests.support.api import User
from tests.support.ledger import OPEN
from tests.support.pages import CODE, HTML, OWN


class Saw:
    """Ten days of a market that goes up and down."""

    def now(self) -> datetime:
        """The end of it."""
        return OPEN + timedelta(days=10)

    def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> list[Bar]:
        """Those that begin in the period."""
        found = []
        for minute in range(0, 10 * 1440, 7):
            price = Decimal(100 + abs(minute // 7 % 40 - 20))
            found.append(Bar(symbol, OPEN + timedelta(minutes=minute), price, price, price, price, Decimal(1_000)))
        return [each for each in found if start <= each.time < end]

    def bars_of(self, symbols: Sequence[str], _start: datetime, _end: datetime) -> Found:
        """None: nobody asks for several."""
        return Found(refused=dict.fromkeys(symbols, "no bars"))

    def days_of(self, symbols: Sequence[str], _start: datetime, _end: datetime) -> Found:
        """None: nobody asks for days."""
        return Found(refused=dict.fromkeys(symbols, "no days"))


SAW_CODE = CODE.replace("return buy()", "if bar.close > bar.average:\n        return buy()\n    return sell()")


class Sweeper:
    """Somebody with a strategy for that market, and the jobs that her forms make."""

    def __init__(self, user: User, database: Database) -> None:
        self.user, self.database = user, database
        self.headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
        code = {"name": "Saw", "symbol": "AAPL", "python_code": SAW_CODE}
        self.strategy = f"/strategies/{user.call('POST', '/api/strategies', code).json()['strategy_id']}"

    def send(self, path: str, body: str = "key=b") -> Any:
        """Sends a form."""
        return self.user.client.post(path, content=body, headers=self.headers)

    def finished(self, part: str) -> UUID:
        """Does the job of a part; the report that it made."""
        (job,) = re.findall(r'hx-get="/jobs/([^"]+)/progress"', part)
        run_job(self.database, UUID(job), {JobKind.BACKTEST: lambda work: backtest_strategy(work, Saw())})
        done = self.user.client.get(f"/jobs/{job}/progress", headers=HTML, follow_redirects=False)
        return UUID(done.headers["Location"].split("/")[-1])
