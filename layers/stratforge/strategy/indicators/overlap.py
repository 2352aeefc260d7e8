"""Indicators on the scale of the price."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from stratforge.market.columns import BarColumns
from stratforge.strategy import kernels as k
from stratforge.strategy.indicators import moving_average as averages
from stratforge.strategy.indicators.registry import Floats, indicator, length, number
from stratforge.strategy.indicators.volatility import atr
from stratforge.strategy.quantization import quantized
from stratforge.strategy.reach import of_the_day

_FORGOTTEN = 2.0**-46
# More than any window holds.
_MOST_WEIGHTS = 32_768
_Step = Callable[[tuple[float, ...], float], tuple[float, ...]]

indicator("dema", "overlap", "Double exponential moving average", "close", length(10))(averages.dema)
indicator("tema", "overlap", "Triple exponential moving average", "close", length(10))(averages.tema)
indicator("hma", "overlap", "Hull moving average", "close", length(10, minimum=2))(averages.hma)
indicator("sma", "overlap", "Simple moving average", "close", length(10))(averages.sma)
indicator("ema", "overlap", "Exponential moving average", "close", length(10))(averages.ema)
indicator("rma", "overlap", "Wilder's moving average", "close", length(10))(averages.rma)
indicator("wma", "overlap", "Weighted moving average", "close", length(10))(averages.wma)


@indicator("hl2", "overlap", "Middle of high and low", "high low")
def hl2(high: Floats, low: Floats) -> Floats:
    """(high + low) / 2."""
    return quantized(0.5 * (high + low))


@indicator("hlc3", "overlap", "Typical price", "high low close")
def hlc3(high: Floats, low: Floats, close: Floats) -> Floats:
    """(high + low + close) / 3."""
    return quantized((high + low + close) / 3.0)


@indicator("ohlc4", "overlap", "Average of open, high, low and close", "open high low close")
def ohlc4(open: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """(open + high + low + close) / 4."""
    return quantized(0.25 * (open + high + low + close))


@indicator("vwap", "overlap", "Volume-weighted average price of the day", "high low close volume", anchored=True)
def vwap(bars: BarColumns, high: Floats, low: Floats, close: Floats, volume: Floats) -> Floats:
    """Typical price weighted by volume, since the beginning of the exchange's day."""
    traded = k.sum_since_day_start(volume, bars.day)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asanyarray(k.sum_since_day_start(hlc3(high, low, close) * volume, bars.day) / traded)


@indicator("wcp", "overlap", "Weighted closing price", "high low close")
def wcp(high: Floats, low: Floats, close: Floats) -> Floats:
    """(high + low + 2 close) / 4."""
    return quantized((high + low + 2.0 * close) / 4.0)


indicator("medprice", "overlap", "Median price", "high low")(hl2)
indicator("typprice", "overlap", "Typical price", "high low close")(hlc3)
indicator("avgprice", "overlap", "Average price", "open high low close")(ohlc4)


@indicator("t3", "overlap", "Tillson's T3 moving average", "close", length(10), number("a", 0.7, 0.001, 0.999))
def t3(close: Floats, length: int, a: float) -> Floats:
    """Tillson, "Better Moving Averages" (1998)."""
    *_, e3, e4, e5, e6 = averages.ema_chain(close, length, 6)
    c1 = -a * a**2
    c2 = 3 * a**2 + 3 * a**3
    c3 = -6 * a**2 - 3 * a - 3 * a**3
    c4 = a**3 + 3 * a**2 + 3 * a + 1
    return c1 * e6 + c2 * e5 + c3 * e4 + c4 * e3


@indicator("trima", "overlap", "Triangular moving average", "close", length(10))
def trima(close: Floats, length: int) -> Floats:
    """The simple average of the simple average, over half the length each."""
    half = length // 2 + 1
    return averages.sma(averages.sma(close, half), half)


@indicator("fwma", "overlap", "Fibonacci-weighted moving average", "close", length(10))
def fwma(close: Floats, length: int) -> Floats:
    """Weights are Fibonacci numbers, the newest value weighing most."""
    weights = [1.0, 1.0]
    while len(weights) < length:
        weights.append(weights[-1] + weights[-2])
    taken = np.array(weights[:length])
    return k.rolling_dot(close, taken / taken.sum())


@indicator("pwma", "overlap", "Pascal-weighted moving average", "close", length(10))
def pwma(close: Floats, length: int) -> Floats:
    """Weights are a row of Pascal's triangle."""
    return k.rolling_dot(close, _pascal(length))


def _pascal(length: int) -> Floats:
    """A row of Pascal's triangle by its sum: from the middle to both ends each number by the one before."""
    place = np.arange(length // 2 + 1, length)
    half = np.cumprod(np.concatenate(([1.0], (length - place) / place)))
    row = np.concatenate((half[:0:-1] if length % 2 else half[::-1], half))
    weights: Floats = row / row.sum()
    return weights


@indicator("sinwma", "overlap", "Sine-weighted moving average", "close", length(14))
def sinwma(close: Floats, length: int) -> Floats:
    """Weights are half a wave of the sine."""
    weights = np.sin(np.arange(1, length + 1) * np.pi / (length + 1))
    return k.rolling_dot(close, weights / weights.sum())


def symmetric_average(close: Floats, length: int) -> Floats:
    """Weights rise to the middle and fall again."""
    rising = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)).astype(np.float64)
    return k.rolling_dot(close, rising / rising.sum())


indicator("swma", "overlap", "Symmetrically weighted moving average", "close", length(10))(symmetric_average)


@indicator(
    "alma",
    "overlap",
    "Arnaud Legoux moving average",
    "close",
    length(10),
    number("sigma", 6.0, 0.01, 1000),
    number("distribution_offset", 0.85, 0.001, 1),
)
def alma(close: Floats, length: int, sigma: float, distribution_offset: float) -> Floats:
    """Legoux and Kouzis-Loukas (2009): Gaussian weights, centered near the newest value (pandas-ta has them reversed)."""
    center, spread = distribution_offset * (length - 1), length / sigma
    weights = np.exp(-((np.arange(length) - center) ** 2) / (2 * spread * spread))
    return k.rolling_dot(close, weights / weights.sum())


@indicator("midpoint", "overlap", "Middle of the closes' range", "close", length(2))
def midpoint(close: Floats, length: int) -> Floats:
    """Middle of the lowest and the highest of the last values."""
    return 0.5 * (k.rolling_min(close, length) + k.rolling_max(close, length))


@indicator("midprice", "overlap", "Middle of the price range", "high low", length(2))
def midprice(high: Floats, low: Floats, length: int) -> Floats:
    """Middle of the lowest low and the highest high."""
    return 0.5 * (k.rolling_min(low, length) + k.rolling_max(high, length))


@indicator("vwma", "overlap", "Volume-weighted moving average", "close volume", length(10))
def vwma(close: Floats, volume: Floats, length: int) -> Floats:
    """Closes weighted by volume."""
    return averages.sma(close * volume, length) / averages.sma(volume, length)


@indicator("zlma", "overlap", "Zero-lag moving average", "close", length(10), averages.mamode("ema"))
def zlma(close: Floats, length: int, mamode: str) -> Floats:
    """Ehlers and Way (2010): the average of the value and its change over the lag."""
    lag = int(0.5 * (length - 1))
    return averages.moving_average(mamode, 2.0 * close - k.shift(close, lag), length)


@indicator(
    "kama",
    "overlap",
    "Kaufman's adaptive moving average",
    "close",
    length(10),
    length(2, "fast"),
    length(30, "slow"),
    length(1, "drift"),
)
def kama(close: Floats, length: int, fast: int, slow: int, drift: int) -> Floats:
    """Kaufman, Smarter Trading (1995): smoothing as fast as the price is direct."""
    quick, lazy = 2.0 / (fast + 1), 2.0 / (slow + 1)
    walked = k.rolling_sum(np.abs(k.diff(close, drift)), length)
    smoothing = (k.share(np.abs(k.diff(close, length)), walked) * (quick - lazy) + lazy) ** 2
    complete = k.rolling_sum(0.0 * close, length)
    begins = k.begins(complete)
    unknown = np.isnan(smoothing)
    terms = np.where(begins, close, np.where(unknown, 0.0, smoothing * close))
    # Smoothing lies between the two speeds; a mean of as many bars as their product forgets is made of every pace there is in between.
    out = k.affine_mean(np.where(unknown, 1.0, 1.0 - smoothing), terms, begins, k.reach(1.0 - quick * lazy))
    return np.where(np.isnan(complete), np.nan, out)


@indicator("ssf", "overlap", "Ehlers' super smoother", "close", length(10, minimum=2))
def ssf(close: Floats, length: int) -> Floats:
    """Ehlers, Cybernetic Analysis (2004): a two-pole Butterworth filter."""
    # The second value is taken as it is, like the first: this is the input that the filter gives it for.
    before = k.shift(close, 1)
    second = k.shift(k.begins(close).astype(np.float64), 1) == 1.0
    first, weights = _butterworth(length)
    taken = np.where(second, before + (close - before) / first, close)
    return k.filtered(taken, weights)


@lru_cache(maxsize=256)
def _butterworth(length: int) -> tuple[float, Floats]:
    """The weight of the newest value in the recursion, and the weights of the last values in what it comes to."""
    x = math.pi * math.sqrt(2) / length
    a0 = math.exp(-x)
    a1, b1 = -a0 * a0, 2 * a0 * math.cos(x)
    c1 = 1 - a1 - b1

    def step(state: tuple[float, ...], price: float) -> tuple[float, ...]:
        return c1 * price + b1 * state[0] + a1 * state[1], state[0]

    return c1, _weights(step, (0.0, 0.0), lambda state: state[0])


def _weights(step: _Step, state: tuple[float, ...], value: Callable[[tuple[float, ...]], float]) -> Floats:
    """The weights of the last values in a linear recursion, the newest last: those that are left out weigh less than 2**-46."""
    state = step(state, 1.0)
    weights = [value(state)]
    while max(abs(each) for each in state) > _FORGOTTEN and len(weights) < _MOST_WEIGHTS:
        state = step(state, 0.0)
        weights.append(value(state))
    return np.array(weights[::-1]) / sum(weights)


@indicator("mcgd", "overlap", "McGinley dynamic", "close", length(10), number("c", 1.0, 0.01, 1))
def mcgd(close: Floats, length: int, c: float) -> Floats:
    """McGinley (1990): smoothing that speeds up when the price falls, at most to the price itself."""

    def step(value: Floats, price: Floats) -> Floats:
        ratio = price / value
        divisor = c * length * ratio * ratio * ratio * ratio
        return np.where(divisor > 1.0, value + (price - value) / divisor, price)

    return k.followed(close, math.ceil(24 * c * length), np.copy, step)


@indicator(
    "hwma",
    "overlap",
    "Holt-Winters moving average",
    "close",
    number("na", 0.2, 0.001, 0.999),
    number("nb", 0.1, 0.001, 0.999),
    number("nc", 0.1, 0.001, 0.999),
)
def hwma(close: Floats, na: float, nb: float, nc: float) -> Floats:
    """Level, trend and acceleration, each smoothed exponentially."""
    return k.filtered(close, _holt_winters(na, nb, nc))


@lru_cache(maxsize=256)
def _holt_winters(na: float, nb: float, nc: float) -> Floats:
    def step(state: tuple[float, ...], price: float) -> tuple[float, ...]:
        level, velocity, acceleration = state
        new_level = (1 - na) * (level + velocity + 0.5 * acceleration) + na * price
        new_velocity = (1 - nb) * (velocity + acceleration) + nb * (new_level - level)
        return new_level, new_velocity, (1 - nc) * acceleration + nc * (new_velocity - velocity)

    return _weights(step, (0.0, 0.0, 0.0), lambda state: state[0] + state[1] + 0.5 * state[2])


@indicator(
    "hilo",
    "overlap",
    "Gann high-low activator of the day",
    "high low close",
    length(13, "high_length"),
    length(21, "low_length"),
    averages.mamode("sma"),
    outputs="hilo long short",
    anchored=True,
)
def hilo(
    bars: BarColumns, high: Floats, low: Floats, close: Floats, high_length: int, low_length: int, mamode: str
) -> tuple[Floats, Floats, Floats]:
    """Krausz (1998): the average of the lows above the average of the highs, and the other way round."""
    highs = averages.moving_average(mamode, high, high_length)
    lows = averages.moving_average(mamode, low, low_length)
    above, below = close > k.shift(highs, 1), close < k.shift(lows, 1)
    turned = np.where(above, 1.0, np.where(below, -1.0, np.nan))
    line = np.where(above, lows, np.where(below, highs, np.nan))
    line = k.forward_fill(line, bars.anchor)
    return line, np.where(turned == -1.0, np.nan, line), np.where(turned == 1.0, np.nan, line)


@indicator(
    "supertrend",
    "overlap",
    "Supertrend of the day",
    "high low close",
    length(7),
    number("multiplier", 3.0, 0.01, 100),
    outputs="trend direction long short",
    anchored=True,
)
def supertrend(
    bars: BarColumns, high: Floats, low: Floats, close: Floats, length: int, multiplier: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Seban: bands at a multiple of the ATR that only tighten while the trend lasts."""
    middle, width = hl2(high, low), multiplier * atr(high, low, close, length, "rma", 1, False)
    upper, lower = (middle + width).tolist(), (middle - width).tolist()
    closes = close.tolist()
    n = len(closes)
    trend, direction = np.zeros(n), np.ones(n)
    way = 1.0
    begins = (np.diff(bars.anchor, prepend=-1) != 0).tolist()
    for index in range(n):
        if begins[index]:
            # What the trend was depends on a past without end; it begins anew with the day.
            way = 1.0
            continue
        if closes[index] > upper[index - 1]:
            way = 1.0
        elif closes[index] < lower[index - 1]:
            way = -1.0
        elif way > 0 and lower[index] < lower[index - 1]:
            lower[index] = lower[index - 1]
        elif way < 0 and upper[index] > upper[index - 1]:
            upper[index] = upper[index - 1]
        direction[index] = way
        trend[index] = lower[index] if way > 0 else upper[index]
    long, short = np.where(direction > 0, trend, np.nan), np.where(direction < 0, trend, np.nan)
    long[np.array(begins)] = np.nan
    return tuple(of_the_day(each, close, middle, width) for each in (trend, direction, long, short))  # type: ignore[return-value]  # four


@indicator(
    "ichimoku",
    "overlap",
    "Ichimoku lines (without the chikou span, which looks ahead)",
    "high low close",
    length(9, "tenkan"),
    length(26, "kijun"),
    length(52, "senkou"),
    outputs="span_a span_b tenkan kijun",
)
def ichimoku(
    high: Floats,
    low: Floats,
    close: Floats,  # noqa: ARG001 - pandas-ta's argument; only the chikou span reads it
    tenkan: int,
    kijun: int,
    senkou: int,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Hosoda (1969). The spans are those drawn at the bar: computed `kijun` bars before."""
    conversion, base = midprice(high, low, tenkan), midprice(high, low, kijun)
    return (
        k.shift(0.5 * (conversion + base), kijun),
        k.shift(midprice(high, low, senkou), kijun),
        conversion,
        base,
    )
