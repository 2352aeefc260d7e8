"""`bars.resample` in strategies: the last completed bar, known from the window, on time and in the cost."""

from __future__ import annotations

import numpy as np
import pytest
from stratforge.backtest.sweep import Sweeper
from stratforge.market.resampling import resample
from stratforge.strategy import Strategy, StrategyError, compile_strategy
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import _random_history

from tests.support.random_programs import awkward_bars

READS = "def on_bar(bar, position, state):\n    if bar.x > bar.previous.x:\n        return buy()\n    if position.quantity > 0 and bar.x < bar.previous.x:\n        return sell()\n"
EXPRESSIONS = (
    "h.close", "h.volume", "ta.ema(h.close, 3)", "ta.rsi(h.close, 3)", "ta.atr(h.high, h.low, h.close, 3)", "ta.macd(h.close, 2, 4, 2).signal",
    "h.close.shift(2)", "h.close.ewm(span=3).mean()", "np.where((h.close > h.open) & (bars.close > h.close), h.high, bars.low)",
    "bars.close - ta.sma(h.close, 3)", "ta.sma(bars.close - h.close, 3)", "ta.sma(h.close, 3) - ta.sma(bars.resample('30min').close, 2)",
    "h.high.rolling(3).max()", "(2 * h.close + 1).clip(0, 90)", "np.where(h.close > h.open, 1, 0)",
    "ta.willr(h.high, bars.low, h.close, 3)",
)  # fmt: skip


def strategy(expression: str, timeframe: str = "5min") -> Strategy:
    """A strategy that reads an expression of `h`, the bars of a longer timeframe."""
    body = f"    h = bars.resample('{timeframe}')\n    return {{'x': {expression} + 0}}\n"
    return compile_strategy(f"def indicators(bars):\n{body}{READS}")


@pytest.mark.parametrize("timeframe", ["5min", "15min", "1h"])
def test_a_window_of_the_lookback_gives_the_very_values_whatever_the_market_does(timeframe: str) -> None:
    history = awkward_bars(60, 6_000)
    whole = Values(history)
    for text in EXPRESSIONS:
        made = strategy(text, timeframe)
        node, lookback = made.columns["x"], made.lookback
        full = whole.series(node)
        for end in range(len(history), lookback, -max((len(history) - lookback) // 15, 1)):
            alone = Values(history.slice(end - lookback, end)).series(node)
            assert np.array_equal(full[end - 2 : end], alone[-2:], equal_nan=True), (text, end)


def test_series_of_one_timeframe_are_computed_on_its_bars() -> None:
    """And of different ones on the bars of a minute: the average of the last three longer bars is not that of the last three minutes."""
    history = _random_history(5, 400, 0.01, 50.0)
    five = resample(history, "5min")
    known = five.latest >= 2
    averages = np.convolve(five.bars.close, np.ones(3) / 3, "valid")
    on_its_own = Values(history).series(strategy("ta.sma(h.close, 3)").columns["x"])
    np.testing.assert_allclose(on_its_own[known], averages[five.latest[known] - 2], rtol=1e-11)
    mixed = Values(history).series(strategy("ta.sma(h.close + 0 * bars.close, 3)").columns["x"])
    seen = five.bars.close[five.latest]
    np.testing.assert_allclose(mixed[20:], ((seen + np.roll(seen, 1) + np.roll(seen, 2)) / 3)[20:], rtol=1e-11)


def test_yesterdays_high_is_known_from_a_bar_and_the_days_of_the_file_it_stands_in() -> None:
    made = strategy("h.high", "1d")
    assert (made.lookback, made.day_lookback) == (2, 2)
    history = awkward_bars(3, 6_000)
    whole = Values(history).series(made.columns["x"])
    assert whole[-1] == resample(history, "1d").bars.high[-1]


def test_a_window_that_is_too_short_would_not_be_enough() -> None:
    """Four whole bars and what has come since: twenty-four minutes, and one for the bar before."""
    made = strategy("ta.sma(h.open, 4)")
    assert made.lookback == 4 * 5 + 5 + 1
    history = _random_history(7, 3_000, 0.01, 50.0)
    # On the minute before a bar is completed everything is asked for.
    end = int(np.flatnonzero(np.diff(resample(history, "5min").latest))[-1]) + 1
    enough, short = (Values(history.slice(end - n, end)).series(made.columns["x"]) for n in (24, 23))
    assert enough[-1] == Values(history).series(made.columns["x"])[end - 1]
    # The first of the four has lost its first minute.
    assert short[-1] != enough[-1]


def test_interpreter_and_machine_code_decide_alike() -> None:
    pytest.importorskip("numba")
    made = compile_strategy(
        "LENGTH = 3\n" + strategy("ta.ema(h.close, 3)", "15min").source.replace("close, 3", "close, LENGTH")
    )
    bars = _random_history(4, 3_000, 0.002, 50.0)
    machine, interpreter = Sweeper(made, bars), Sweeper(made, bars, target="python")
    for length in (2.0, 5.0):
        one, other = machine.run({"LENGTH": length}), interpreter.run({"LENGTH": length})
        assert one.trades == other.trades > 25
        assert one.final_equity == pytest.approx(other.final_equity, rel=1e-12)


def test_what_it_takes_is_counted_once_for_a_timeframe() -> None:
    one, two, none = (strategy(text).cost.nanoseconds for text in ("h.close", "h.close + h.open", "bars.close"))
    assert one > none + 100_000
    assert two < one + 60_000


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("bars.resample('7min').close", "this timeframe is not in the language"),
        ("bars.resample(5).close", "this timeframe is not in the language"),
        ("bars.resample().close", "bars.resample needs timeframe"),
        ("h.resample('1h').close", "these bars are resampled already"),
        ("bars.close.resample('5min')", ".resample() is not in the language here"),
        ("h.vwap", "bars has no vwap"),
        ("h + 1", "this is not a series or a number"),
    ],
)
def test_what_cannot_be_resampled_is_refused_where_it_stands(expression: str, message: str) -> None:
    with pytest.raises(StrategyError) as error:
        strategy(expression)
    assert error.value.findings[0].message == message
    assert error.value.findings[0].line == 3


def test_hours_that_need_too_many_minutes_are_refused() -> None:
    with pytest.raises(StrategyError, match="an indicator needs more than 32,000 bars of history"):
        _ = strategy("ta.sma(h.close, 150)", "4h").lookback


def test_what_people_compute_on_hours_has_a_history_that_is_short_enough() -> None:
    for text in (
        "ta.ema(h.close, 20)",
        "ta.rsi(h.close, 14)",
        "ta.sma(h.close, 200)",
        "ta.atr(h.high, h.low, h.close, 14)",
    ):
        assert strategy(text, "1h").cost.milliseconds < 20
    assert strategy("ta.sma(h.close, 20)", "1d").cost.milliseconds < 20


@pytest.mark.parametrize(
    "text",
    [
        "({}).isna()", "({}).notna()", "({}).fillna(7)", "({}) != 5", "~(({}) > 5)", "np.where(({}) > 5, 1, 2)",
        "(({}) > 5) ^ (({}) < 5)", "np.sign({}).fillna(0)", "({}).fillna(0) + 1",
    ],
)  # fmt: skip
def test_before_the_first_longer_bar_its_series_are_unknown_as_any_other_is(text: str) -> None:
    history = _random_history(5, 400, 0.01, 50.0)
    bare = "def indicators(bars):\n    return {{'x': {}}}\n" + READS.replace("bar.x >", "bar.x + 0 >")
    found = [
        Values(history).series(compile_strategy(bare.format(text.replace("{}", each))).columns["x"])[:3]
        for each in ("bars.close.shift(70)", "bars.resample('1h').close")
    ]
    np.testing.assert_array_equal(found[1], found[0])
