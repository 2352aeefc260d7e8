"""The ingestor's health as metrics in its log: a heartbeat every minute, and the delay of bars."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

from aws_lambda_powertools.metrics import MetricUnit
from stratforge.market import Bar
from stratforge.observability import metrics as metrics_of

_EVERY = 60.0


class Health:
    """Collects between two signs of life. `market_time` says whether bars are of now; a replayed market is never late."""

    def __init__(self, *, market_time: bool) -> None:
        self._metrics = metrics_of("ingestor")
        self._market_time = market_time
        self._lock = threading.Lock()
        self._last = 0.0
        self._bars = 0
        self._delay = 0.0

    def bar(self, bar: Bar) -> None:
        """Notes a bar that was published."""
        delay = (datetime.now(UTC) - bar.time).total_seconds() - 60.0
        with self._lock:
            self._bars += 1
            if self._market_time:
                self._delay = max(self._delay, delay)

    def beat(self) -> None:
        """Writes what was collected, once a minute."""
        if time.monotonic() - self._last < _EVERY:
            return
        self._last = time.monotonic()
        with self._lock:
            bars, delay, self._bars, self._delay = self._bars, self._delay, 0, 0.0
        self._metrics.add_metric("Heartbeat", MetricUnit.Count, 1)
        self._metrics.add_metric("BarsPublished", MetricUnit.Count, bars)
        if bars:
            self._metrics.add_metric("BarDelaySeconds", MetricUnit.Seconds, delay)
        self._metrics.flush_metrics()
