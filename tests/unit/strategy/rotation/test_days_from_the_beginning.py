"""On days, the last value of an indicator is that of its window, wherever the history begins: so live is the backtest."""

from __future__ import annotations

import numpy as np
from stratforge.market import BarColumns
from stratforge.strategy import StrategyError
from stratforge.strategy.graph import NODES, Values, reachable
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import measure_lookback, window_length

DAYS = 3_000


def days() -> BarColumns:
    """Twelve years of trading days."""
    chance = np.random.default_rng(3)
    calendar = np.array([day for day in range(DAYS * 7 // 5) if day % 7 not in (1, 2)], dtype=np.int64)[:DAYS]
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.015, DAYS)))
    open_ = close * np.exp(chance.normal(0, 0.005, DAYS))
    high, low = np.maximum(open_, close) * 1.004, np.minimum(open_, close) * 0.996
    volume = chance.integers(1_000, 9_000, DAYS).astype(float)
    return BarColumns(1_262_322_000 + 86_400 * calendar, open_, high, low, close, volume, daily=True)


def test_no_indicator_depends_on_where_the_days_begin() -> None:
    bars, differing, compared = days(), set(), 0
    columns = {name: NODES.node(f"column:{name}") for name in ("open", "high", "low", "close", "volume")}
    for indicator in REGISTRY.values():
        inputs = tuple(columns.get(name, columns["close"]) for name in indicator.inputs)
        defaults = [parameter.default for parameter in indicator.parameters]
        node = NODES.node("field", (NODES.node("indicator", inputs, (indicator.name, *defaults)),), (0,))
        try:
            window = window_length(measure_lookback(reachable([node]), previous=False).bars)
        except StrategyError:
            continue
        compared += 1
        whole, last = (Values(each).series(node)[-1] for each in (bars, bars.tail(window)))
        if not (whole == last or (np.isnan(whole) and np.isnan(last))):
            differing.add(indicator.name)
    assert differing == set()
    assert compared > 130
