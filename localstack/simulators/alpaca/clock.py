"""The replay clock: market minutes pass at a chosen speed, nights and weekends in no time."""

from __future__ import annotations

import bisect
import time
from datetime import datetime, timedelta

from simulators.alpaca.demo_market import DemoMarket


class ReplayClock:
    """A clock that runs through the demo market. `speed` is market seconds per real second."""

    def __init__(self, market: DemoMarket, speed: float, start: float) -> None:
        self._market = market
        self.speed = speed
        self._position = start
        self._since = time.monotonic()

    @property
    def position(self) -> float:
        """Market minutes since the first day, the running one's fraction included."""
        position = self._position + (time.monotonic() - self._since) * self.speed / 60.0
        return min(position, float(len(self._market)) - 1e-6)

    def set_speed(self, speed: float) -> None:
        """Goes on at another speed; at zero the market stands still."""
        self._position, self._since, self.speed = self.position, time.monotonic(), speed

    @property
    def minute(self) -> int:
        """Returns the index of the minute that is running in the market."""
        return int(self.position)

    def now(self) -> datetime:
        """Returns the market's present time, in UTC."""
        index, fraction = divmod(self.position, 1.0)
        return self._market.begins_at(int(index)) + timedelta(minutes=fraction)

    def seconds_until(self, minute: int) -> float:
        """Real seconds until a market minute begins."""
        if self.speed <= 0:
            return 0.2 if minute > self.position else 0.0
        return (minute - self.position) * 60.0 / self.speed

    def _next_day(self) -> int:
        """Index of the minute with which the next day begins."""
        starts = self._market.starts
        index: int = starts[bisect.bisect_right(starts, min(self.minute, len(self._market) - 1))]
        return index

    def is_open(self) -> bool:
        """The replay shows open hours only, until it is over."""
        return self.minute < len(self._market) - 1

    def next_close(self) -> datetime:
        """End of the running day's session."""
        last = self._next_day() - 1
        return self._market.begins_at(last) + timedelta(minutes=1)

    def next_open(self) -> datetime:
        """Beginning of the next day's session (a day later, on the last day)."""
        first = self._next_day()
        if first < len(self._market):
            return self._market.begins_at(first)
        return self.next_close() + timedelta(hours=17, minutes=30)
