"""Every indicator by its usual names: what is measured in prices is found from what it computes, and numbers, lines and timeframes stay with the name."""

from __future__ import annotations

import numpy as np
import pytest
from simulators.gemini.author import write_answer
from stratforge.intent.markets import market
from stratforge.intent.reading.registered import BOUNDS, NAMES, OF_PRICE, parameters_of, registered
from stratforge.intent.reading.statements import statements_of
from stratforge.strategy import compile_strategy
from stratforge.strategy.indicators import REGISTRY

ALL = sorted(key for key in NAMES if registered(key, ()))


def _line(key: str, far: float, times: float) -> np.ndarray:
    """A line of an indicator on prices that are moved by so much and then so many times as high."""
    name, _, line = key.partition(".")
    indicator, bars = REGISTRY[name], market("swing", 100.0)
    inputs = [getattr(bars, each) if each == "volume" else (getattr(bars, each) + far) * times for each in indicator.inputs]  # fmt: skip
    lines = indicator.compute(bars, inputs, {each.name: each.default for each in indicator.parameters})
    return lines[indicator.outputs.index(line) if line else 0]


@pytest.mark.parametrize("key", ALL)
def test_what_moves_as_the_prices_do_is_measured_in_prices(key: str) -> None:
    plain, moved = _line(key, 0, 1), _line(key, 50, 2)
    # Some of them bend a little with the level of the prices; what is no price stays where it is, 100 away.
    assert (key in OF_PRICE) == bool(np.nanmedian(np.abs((plain + 50) * 2 - moved)) < 20)


@pytest.mark.parametrize("name", sorted(each for each in BOUNDS if not REGISTRY[each].outputs))
def test_an_indicator_lies_between_its_bounds(name: str) -> None:
    low, high = BOUNDS[name]
    values = _line(name, 0, 1)
    assert low - 1e-9 <= np.nanmin(values)
    assert np.nanmax(values) <= high + 1e-9


@pytest.mark.parametrize("key", ALL)
def test_every_name_is_read_as_its_indicator(key: str) -> None:
    for name in NAMES[key]:
        other = "close is above the" if key in OF_PRICE else ""
        words = f"Buy when {other} {name}" if other else f"Buy when {name} is above 0.5"
        (statement,) = statements_of(words, "AAPL")
        assert statement.kind == "buy", words
        assert f"ta.{key.partition('.')[0]}(" in str(statement.readings), words


def test_numbers_that_are_not_an_indicators_are_not_taken() -> None:
    assert not registered("ao", [5.0])
    assert not registered("kst.kst", [10.0])
    assert not registered("cksp.long", [0.5, 1, 9])
    assert registered("ao", [3.0, 10.0])
    assert len(parameters_of("zscore")) == 1


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("Buy when MACD(5,35,5) crosses above its signal, sell when MACD crosses below signal", "fast=5, slow=35, signal=5).macd"),
        ("Buy when stochastic(5,3,3) %K is below 20, sell when %K is above 80", "k=5, d=3, smooth_k=3).k"),
        ("Buy when KDJ K crosses above D, sell when K crosses below D", "ta.kdj("),
        ("Buy when Supertrend(10,2) turns green, sell when supertrend turns red", "multiplier=2).direction"),
        ("Buy when TRIX(9) crosses above its signal, sell when TRIX crosses below its signal", "length=9, signal=9"),
        ("Buy when MACD(5,35,5) crosses above its signal, sell when the histogram turns negative", "fast=5, slow=35, signal=5).histogram"),
    ],
)  # fmt: skip
def test_what_is_named_again_has_the_numbers_it_was_named_with(words: str, rule: str) -> None:
    assert rule in str(statements_of(words, "AAPL")[-1].readings)


@pytest.mark.parametrize(
    "words",
    [
        "Buy when close > VWAP, sell when RSI > 70, only if the close is above SMA 20",
        "Buy when close > VWAP, sell at 2% profit, but not in the first 5 bars",
        "Buy when close > VWAP\nSell:\n1. RSI > 70\n2. only if MACD < 0",
        "Buy when 5m RSI < 30, sell when RSI > 70",
        "Buy when RSI was below 30 in the last 10 minutes",
        "Buy when RSI crosses below 30, otherwise sell",
        "Buy when RSI is above 30 again",
        "Buy when RSI is no longer below 30",
        "Buy:\n- RSI < 30\n- close > VWAP\n- or MACD > 0",
        "Buy when CMF is above 5",
        "Buy when the 20 EMA crosses above VWAP and close > it",
        "Buy when the 20-bar VWAP is below the close",
        "Buy when close > VWAP, stop loss at +1%",
    ],
)
def test_what_has_two_meanings_is_not_read(words: str) -> None:
    assert not all(each.kind for each in statements_of(words, "AAPL"))


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ("Kaufe, wenn der RSI nicht über 70 liegt", "'<=', '70'"),
        ("Buy when RSI turns above 50", "'crosses'"),
        ("Buy when price is back above VWAP", "'crosses'"),
        ("Buy when supertrend becomes bullish", "'crosses'"),
        ("HMA(20) turns up = buy", "previous(ta.hma"),
        ("EMA9 xup EMA21 long", "'crosses'"),
        ("Buy when the close is above the ichimoku cloud", "span_b"),
    ],
)
def test_events_and_denials_are_read_as_such(words: str, fact: str) -> None:
    (statement,) = statements_of(words, "AAPL")
    assert all(fact in str(each) for each in statement.readings)


@pytest.mark.parametrize("words", ["Buy when TRIX crosses above 0, sell when TRIX crosses below 0", "Buy when PPO > 0, sell when PPO < 0", "Buy when AO crosses above 0, sell when it crosses below 0"])  # fmt: skip
def test_an_indicator_is_no_symbol_and_its_usual_numbers_are_told(words: str) -> None:
    answer = write_answer([words])
    assert not any("symbol" in rule for each in answer["requirements"] for rule in each["rules"])
    assert any("usual numbers" in each for each in answer["assumptions"])
    compile_strategy(answer["python_code"])
