"""The demo market honors the real daily bars."""

import numpy as np
from simulators.alpaca.demo_market import _FILES, EARLY_CLOSES, DemoMarket, _daily, demo_market


def test_every_day_has_the_real_open_high_low_close_and_volume() -> None:
    market = demo_market()
    for symbol, name in _FILES.items():
        bars, daily = market.bars[symbol], _daily(name)
        for index, day in enumerate(market.days):
            minutes = slice(market.starts[index], market.starts[index + 1])
            open_, high, low, close, volume = daily[day]
            assert bars.open[minutes][0] == open_
            assert bars.close[minutes][-1] == close
            assert bars.high[minutes].max() == high
            assert bars.low[minutes].min() == low
            assert bars.volume[minutes].sum() == volume


def test_every_minute_encloses_its_open_and_close_and_the_seed_decides() -> None:
    first, second = DemoMarket(seed=5), DemoMarket(seed=5)
    bars = first.bars["AAPL"]
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.close == second.bars["AAPL"].close).all()
    assert (bars.close != demo_market().bars["AAPL"].close).any()


def test_days_that_closed_early_have_fewer_minutes() -> None:
    market = demo_market()
    lengths = dict(zip(market.days, np.diff(market.starts).tolist(), strict=True))
    assert {day: length for day, length in lengths.items() if length != 390} == EARLY_CLOSES
