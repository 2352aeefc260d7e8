"""The ingestor's health as metrics in its log: a heartbeat every minute, and the delay of bars."""

from __future__ import annotations

import threading
import time

from aws_lambda_powertools.metrics import MetricUnit
from stratforge.market import Bar
from stratforge.observability import metrics as metrics_of

from functions.ingestor.clock import ExchangeClock
from functions.ingestor.subscriptions import Subscriptions

_EVERY = 60.0


class Health:
    """Collects between two signs of life; what is late is late by the exchange's clock."""

    def __init__(self, clock: ExchangeClock) -> None:
        self._metrics = metrics_of("ingestor")
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0.0
        self._delay: float | None = None

    def bar(self, bar: Bar) -> None:
        """Notes a bar that was published."""
        delay = (self._clock.now() - bar.time).total_seconds() - 60.0
        with self._lock:
            self._delay = delay if self._delay is None else max(self._delay, delay)

    def beat(self, subscriptions: Subscriptions) -> None:
        """Writes what was collected, once a minute."""
        if time.monotonic() - self._last < _EVERY:
            return
        self._last = time.monotonic()
        with self._lock:
            delay, self._delay = self._delay, None
        self._metrics.add_metric("Heartbeat", MetricUnit.Count, 1)
        if delay is not None:
            self._metrics.add_metric("BarDelaySeconds", MetricUnit.Seconds, delay)
        self._metrics.add_metric("ClockDriftSeconds", MetricUnit.Seconds, abs(self._clock.drift))
        self._metrics.add_metric("SymbolsWithoutLivePrices", MetricUnit.Count, subscriptions.without_live_prices)
        self._metrics.add_metric("SymbolsRefused", MetricUnit.Count, len(subscriptions.refused))
        self._metrics.flush_metrics()
