"""The ingestor's signs of life: what nobody would notice otherwise is in them."""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from stratforge.market import Bar
from stratforge.storage.strategies.evaluations import Wanted

from functions.ingestor.alpaca_streams import SYMBOL_LIMIT, StreamError
from functions.ingestor.clock import ExchangeClock
from functions.ingestor.health import Health
from functions.ingestor.subscriptions import Subscriptions

NOW = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)


class Pipeline:
    """A pipeline that history refused a symbol."""

    def __init__(self) -> None:
        self.refused = {"GONE": "unknown asset"}
        self.from_the_future: dict[str, str] = {}

    def reconnected(self, *, crypto: bool) -> None:
        """Nothing to backfill."""


def subscriptions() -> Subscriptions:
    """Subscriptions to two stocks and a coin."""
    made = Subscriptions(cast("Any", None), cast("Any", Pipeline()), "queue", 30.0, 30)
    made._watched = dict.fromkeys(("AAPL", "GONE", "BTC/USD"), cast("Wanted", None))
    stream: Any = SimpleNamespace(withhold=lambda _channels: None)
    made.serve(stream, stream)
    return made


def error(code: int) -> StreamError:
    """What Alpaca says on the stream of stocks."""
    return StreamError(crypto=False, code=code, message="refused", granted=0)


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The last metrics that were written."""
    (line,) = deque(capsys.readouterr().out.strip().splitlines(), maxlen=1)
    return {name: value[0] for name, value in json.loads(line).items() if isinstance(value, list)}


@pytest.mark.parametrize("ahead", [7.0, -7.0])
def test_a_clock_that_differs_is_told_whichever_is_ahead(capsys: pytest.CaptureFixture[str], ahead: float) -> None:
    clock = SimpleNamespace(drift=ahead, now=lambda: NOW)
    Health(cast("ExchangeClock", clock)).beat(subscriptions())
    assert said(capsys)["ClockDriftSeconds"] == 7.0


def test_the_latest_bar_of_a_minute_is_told_and_none_where_none_came(capsys: pytest.CaptureFixture[str]) -> None:
    health = Health(cast("ExchangeClock", SimpleNamespace(drift=0.0, now=lambda: NOW)))
    health.beat(subscriptions())
    assert "BarDelaySeconds" not in said(capsys)
    price = Decimal(100)
    for late in (3, 41, 5):
        began = NOW - timedelta(seconds=60 + late)
        health.bar(Bar("AAPL", began, price, price, price, price, Decimal(1)))
    health._last = float("-inf")
    health.beat(subscriptions())
    assert said(capsys)["BarDelaySeconds"] == 41.0


def test_a_stream_that_is_refused_counts_with_all_its_symbols_until_it_connects() -> None:
    subscribed = subscriptions()
    assert subscribed.refused == {"GONE"}
    subscribed.error(error(406))
    assert subscribed.refused == {"GONE", "AAPL"}
    subscribed.connected(crypto=False)
    assert subscribed.refused == {"GONE"}


def test_a_symbol_whose_bars_come_from_the_future_is_told_with_those_of_which_nothing_comes() -> None:
    subscribed = subscriptions()
    subscribed._pipeline.from_the_future["AAPL"] = "a bar dated 2027"
    assert subscribed.refused == {"GONE", "AAPL"}
    assert [(each.symbol, each.kind) for each in subscribed.notes()] == [
        ("GONE", "NO_HISTORY"),
        ("AAPL", "FUTURE_BARS"),
    ]


@pytest.mark.parametrize("code", [SYMBOL_LIMIT, 400, 410])
def test_a_stream_that_is_asked_for_less_is_not_refused(code: int) -> None:
    subscribed = subscriptions()
    subscribed.error(error(code))
    assert subscribed.refused == {"GONE"}
