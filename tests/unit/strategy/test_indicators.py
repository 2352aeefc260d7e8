"""Every indicator against pandas-ta-classic, and against TA-Lib where it has it."""

from __future__ import annotations

import inspect
import itertools
import math
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pandas_ta_classic
import pytest
import talib
from stratforge.market import BarColumns
from stratforge.strategy import Code, StrategyError, compile_strategy
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import _random_history

# Anchored to the day, of our own, or wrong in pandas-ta (alma is reversed there, kst a hundred times too large): checked in tests of their own below.
OWN = {"alma", "kst"} | {name for name, each in REGISTRY.items() if each.anchored or each.category == "crossing"}
# Recursions that begin anew with the day: on the bars of one day they are pandas-ta's.
OF_THE_DAY = {"hilo", "psar", "supertrend"}
# What differs on purpose: the causal form of a centered one, and columns that pandas-ta splits or orders otherwise.
ARGUMENTS: dict[str, dict[str, Any]] = {"dpo": {"centered": False}}
COLUMNS: dict[str, list[int]] = {"ichimoku": [0, 1, 2, 3], "rvgi": [1, 2, 0], "psar": []}


def series_of(bars: BarColumns) -> dict[str, pd.Series]:
    """The bars as pandas series."""
    index = pd.to_datetime(bars.time, unit="s")
    found = {name: pd.Series(getattr(bars, name), index=index) for name in ("open", "high", "low", "close", "volume")}
    found["benchmark"] = pd.Series(np.roll(bars.close, 3) * 1.1, index=index)
    return found


def ours(name: str, bars: BarColumns) -> tuple[np.ndarray, ...]:
    """Our outputs, with the default parameters."""
    indicator, series = REGISTRY[name], series_of(bars)
    values = {parameter.name: parameter.default for parameter in indicator.parameters}
    inputs = tuple(
        series[{"a": "close", "condition": "close", "source": "open", "b": "benchmark"}.get(each, each)].to_numpy()
        for each in indicator.inputs
    )
    with np.errstate(all="ignore"):
        return indicator.compute(bars, inputs, values)


def theirs(name: str, bars: BarColumns) -> list[np.ndarray]:
    """pandas-ta-classic's outputs, in the order of ours."""
    indicator, series = REGISTRY[name], series_of(bars)
    function = getattr(pandas_ta_classic, name)
    known = inspect.signature(function).parameters
    arguments: dict[str, Any] = {each + "_" if each + "_" in known else each: series[each] for each in indicator.inputs}
    arguments |= {parameter.name: parameter.default for parameter in indicator.parameters} | ARGUMENTS.get(name, {})
    if "talib" in known:
        arguments["talib"] = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(**arguments)
    if result is None:
        return []
    if isinstance(result, tuple):
        result = result[0]
    columns = [result] if isinstance(result, pd.Series) else [result[column] for column in result.columns]
    if name == "psar":
        columns = [columns[0].fillna(columns[1]), columns[3]]
    elif name in COLUMNS:
        columns = [columns[index] for index in COLUMNS[name]]
    return [column.to_numpy(dtype=np.float64) for column in columns]


def constant(length: int) -> BarColumns:
    """Bars that never move."""
    time = 1_700_000_040 + 60 * np.arange(length, dtype=np.int64)
    return BarColumns(time, *(np.full(length, value) for value in (10.0, 10.0, 10.0, 10.0, 500.0)))


def gaps(length: int) -> BarColumns:
    """Bars with jumps, runs of equal prices and bars without volume."""
    bars = _random_history(21, length, 0.003, 60.0)
    factor = np.where(np.arange(length) > length // 2, 1.4, 1.0)
    close, open_ = np.round(bars.close * factor, 1), np.round(bars.open * factor, 1)
    high, low = (
        np.maximum(np.maximum(close, open_), np.round(bars.high * factor, 1)),
        np.minimum(np.minimum(close, open_), np.round(bars.low * factor, 1)),
    )
    volume = np.where(np.arange(length) % 17 == 0, 1.0, bars.volume)
    return BarColumns(bars.time, open_, high, low, close, volume)


def test_there_are_more_than_a_hundred() -> None:
    assert len(set(REGISTRY) - {name for name, each in REGISTRY.items() if each.category == "crossing"}) >= 100


# These jump where two values are equal exactly, which rounding decides in pandas-ta; rounded prices meet that all the time.
# And of no range at all it makes its whole.
TIES = {"bbands", "bop", "hilo", "kvo", "mfi", "ttm_trend"}


@pytest.mark.parametrize("name", sorted(set(REGISTRY) - OWN | OF_THE_DAY))
@pytest.mark.parametrize("bars", [_random_history(3, 900, 0.004, 80.0), gaps(700)], ids=["random", "gaps"])
def test_the_values_are_those_of_pandas_ta(name: str, bars: BarColumns) -> None:
    if name in TIES:
        bars = _random_history(int(bars.close[0] * 100), 900, 0.004, 80.0)
    if name in OF_THE_DAY:
        (days,) = np.nonzero(np.diff(bars.day, prepend=-1))
        longest = max(itertools.pairwise([*days.tolist(), len(bars)]), key=lambda each: each[1] - each[0])
        bars = bars.slice(*longest)
    mine, oracle = ours(name, bars), theirs(name, bars)
    assert len(mine) == len(oracle) == max(1, len(REGISTRY[name].outputs))
    for got, expected in zip(mine, oracle, strict=True):
        infinite = ~np.isfinite(got) & ~np.isfinite(expected)
        assert np.array_equal(np.isnan(got[~infinite]), np.isnan(expected[~infinite]))
        known = np.isfinite(got) & np.isfinite(expected)
        assert known.any()
        np.testing.assert_allclose(got[known], expected[known], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", sorted(REGISTRY))
@pytest.mark.parametrize(
    "bars",
    [constant(300), constant(1), _random_history(4, 1, 0.01, 5.0), _random_history(4, 2, 0.01, 5.0)],
    ids=["constant", "one constant bar", "one bar", "two bars"],
)
def test_awkward_bars_give_columns_of_their_length(name: str, bars: BarColumns) -> None:
    for column in ours(name, bars):
        assert column.shape == (len(bars),)
        assert column.dtype == np.float64


@pytest.mark.parametrize(
    "name", ["sma", "ema", "wma", "rsi", "macd", "atr", "bbands", "stdev", "mom", "kama", "linreg", "donchian"]
)
def test_constant_bars_agree_with_pandas_ta(name: str) -> None:
    for got, expected in zip(ours(name, constant(200)), theirs(name, constant(200)), strict=True):
        known = np.isfinite(got) & np.isfinite(expected)
        np.testing.assert_allclose(got[known], expected[known], atol=1e-9)


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("sma", lambda s: talib.SMA(s["close"], 10)),
        ("wma", lambda s: talib.WMA(s["close"], 10)),
        ("ema", lambda s: talib.EMA(s["close"], 10)),
        ("dema", lambda s: talib.DEMA(s["close"], 10)),
        ("tema", lambda s: talib.TEMA(s["close"], 10)),
        ("rsi", lambda s: talib.RSI(s["close"], 14)),
        ("mom", lambda s: talib.MOM(s["close"], 10)),
        ("roc", lambda s: talib.ROC(s["close"], 10)),
        ("cci", lambda s: talib.CCI(s["high"], s["low"], s["close"], 14)),
        ("willr", lambda s: talib.WILLR(s["high"], s["low"], s["close"], 14)),
        ("mfi", lambda s: talib.MFI(s["high"], s["low"], s["close"], s["volume"], 14)),
        ("true_range", lambda s: talib.TRANGE(s["high"], s["low"], s["close"])),
        ("uo", lambda s: talib.ULTOSC(s["high"], s["low"], s["close"])),
        ("linreg", lambda s: talib.LINEARREG(s["close"], 14)),
        ("linregslope", lambda s: talib.LINEARREG_SLOPE(s["close"], 14)),
        ("tsf", lambda s: talib.TSF(s["close"], 14)),
        ("kama", lambda s: talib.KAMA(s["close"], 10)),
        ("plus_dm", lambda s: talib.PLUS_DM(s["high"], s["low"], 14)),
        ("adx", lambda s: talib.ADX(s["high"], s["low"], s["close"], 14)),
        ("correl", lambda s: talib.CORREL(s["close"], s["benchmark"], 30)),
    ],
)
def test_the_last_values_are_those_of_talib(name: str, oracle: Any) -> None:
    bars = _random_history(8, 1_500, 0.003, 120.0)
    expected = np.asarray(oracle(series_of(bars)))[-200:]
    np.testing.assert_allclose(ours(name, bars)[0][-200:], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("name", "function"), [("obv", "obv"), ("ad", "ad"), ("pvt", "pvt"), ("vwap", "vwap")])
def test_what_pandas_ta_sums_from_the_first_bar_is_anchored_to_the_day(name: str, function: str) -> None:
    bars = _random_history(5, 3_000, 0.002, 40.0)
    got = ours(name, bars)[0]
    last_day = np.flatnonzero(bars.day == bars.day[-1])
    series = {each: values.iloc[last_day] for each, values in series_of(bars).items()}
    arguments = {each: series[each] for each in REGISTRY[name].inputs}
    if name == "vwap":
        price = (series["high"] + series["low"] + series["close"]) / 3
        expected = (price * series["volume"]).cumsum() / series["volume"].cumsum()
    else:
        expected = getattr(pandas_ta_classic, function)(**arguments)
    # A sum that begins anew differs from a running one by what the day began with.
    # (The first change is left out: pandas-ta does not know the bar before the day.)
    np.testing.assert_allclose(np.diff(got[last_day])[1:], np.diff(expected.to_numpy())[1:], rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("name", ["nvi", "pvi", "drawdown", "ht_trendline", "vp", "td_seq", "wad"])
def test_indicators_that_look_ahead_or_back_without_bound_are_not_there(name: str) -> None:
    with pytest.raises(StrategyError) as refused:
        compile_strategy(
            f"def indicators(bars):\n    return {{'x': ta.{name}(bars.close)}}\ndef on_bar(bar, position, state):\n    return\n"
        )
    assert refused.value.findings[0].code is Code.UNKNOWN_FUNCTION


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_no_value_changes_when_later_bars_are_added(name: str) -> None:
    bars = _random_history(6, 600, 0.005, 30.0)
    whole = ours_on(name, bars)
    for end in (200, 433):
        for before, after in zip(ours_on(name, bars.slice(0, end)), whole, strict=True):
            np.testing.assert_allclose(before, after[:end], rtol=1e-9, atol=1e-9)


def ours_on(name: str, bars: BarColumns) -> tuple[np.ndarray, ...]:
    """Our outputs with a benchmark that does not depend on the end of the bars."""
    indicator = REGISTRY[name]
    values = {parameter.name: parameter.default for parameter in indicator.parameters}
    other = {"benchmark": bars.open, "a": bars.close, "b": bars.open, "source": bars.open}
    other["condition"] = (bars.close > bars.open).astype(float)
    inputs = tuple(other[each] if each in other else getattr(bars, each) for each in indicator.inputs)
    with np.errstate(all="ignore"):
        return indicator.compute(bars, inputs, values)


def test_when_a_condition_last_held() -> None:
    bars = _random_history(9, 300, 0.01, 20.0)
    held, price = (bars.close > bars.open * 1.008), bars.close.copy()
    price[40:60] = np.nan
    for length, occurrence in ((1, 0), (7, 0), (7, 2), (200, 1)):
        since = REGISTRY["barssince"].compute(bars, (held.astype(float),), {"length": length})[0]
        value = REGISTRY["valuewhen"].compute(
            bars, (held.astype(float), price), {"occurrence": occurrence, "length": length}
        )[0]
        for end in range(300):
            before = [place for place in range(end, -1, -1) if held[place]]
            first = end - before[0] if before and end - before[0] < length else np.nan
            wanted = before[occurrence] if len(before) > occurrence else -length
            np.testing.assert_equal(since[end], first)
            np.testing.assert_equal(value[end], price[wanted] if end - wanted < length else np.nan)


def test_kst_is_the_weighted_sum_of_rates_of_change_in_percent() -> None:
    close = pd.Series(_random_history(6, 300, 0.01, 30.0).close)
    rates = (
        100 * close.pct_change(change).rolling(smooth).mean()
        for change, smooth in zip((10, 15, 20, 30), (10, 10, 10, 15), strict=True)
    )
    expected = sum(weight * rate for weight, rate in enumerate(rates, 1))
    np.testing.assert_allclose(ours("kst", _random_history(6, 300, 0.01, 30.0))[0], expected, rtol=1e-9)


@pytest.mark.parametrize("length", [1, 2, 3, 10, 57, 2000])
def test_pwma_weighs_by_a_row_of_pascals_triangle(length: int) -> None:
    impulse = np.zeros(2 * length)
    impulse[length - 1] = 1.0
    bars = _random_history(6, len(impulse), 0.01, 30.0)
    weights = REGISTRY["pwma"].compute(bars, (impulse,), {"length": length})[0][length - 1 : 2 * length - 1]
    exact = [Fraction(math.comb(length - 1, place), 2 ** (length - 1)) for place in range(length)]
    np.testing.assert_allclose(weights, [float(each) for each in exact], rtol=1e-11, atol=1e-300)


def single_trades(length: int) -> BarColumns:
    """Bars of one trade each, whose price moves from one to the next only."""
    close = _random_history(8, length, 0.01, 30.0).close
    return BarColumns(60 * np.arange(length, dtype=np.int64), close, close, close, close, np.full(length, 100.0))


@pytest.mark.parametrize("bars", [constant(300), single_trades(300)], ids=["constant", "single trades"])
@pytest.mark.parametrize("name", ["bop", "qstick", "rvgi"])
def test_bars_without_a_body_lean_to_no_side(name: str, bars: BarColumns) -> None:
    assert (ours(name, bars)[0][60:] == 0.0).all()


@pytest.mark.parametrize("name", ["true_range", "atr", "stdev", "natr", "pdist"])
def test_a_market_that_stands_still_has_no_range(name: str) -> None:
    assert (ours(name, constant(300))[0][60:] == 0.0).all()


@pytest.mark.parametrize(("name", "output"), [("bbands", 4), ("fisher", 0), ("brar", 0), ("massi", 0)])
def test_a_place_in_no_range_is_unknown(name: str, output: int) -> None:
    assert np.isnan(ours(name, constant(300))[output]).all()


def test_alma_weighs_as_its_authors_define() -> None:
    # Legoux and Kouzis-Loukas: weight of the i-th value, oldest first, is exp(-(i - m)^2 / (2 s^2)) with m = offset (n - 1), s = n / sigma.
    bars = _random_history(12, 60, 0.01, 20.0)
    got = ours("alma", bars)[0]
    middle, spread = 0.85 * 9, 10 / 6
    weights = [np.exp(-((i - middle) ** 2) / (2 * spread**2)) for i in range(10)]
    for end in (10, 33, 60):
        expected = sum(w * x for w, x in zip(weights, bars.close[end - 10 : end], strict=True)) / sum(weights)
        assert got[end - 1] == pytest.approx(expected, rel=1e-11)
    rising = BarColumns(bars.time, *(np.arange(60.0) + 1 for _ in range(5)))
    assert ours("alma", rising)[0][-1] > ours("sma", rising)[0][-1] + 2  # It follows the newest values closely.
