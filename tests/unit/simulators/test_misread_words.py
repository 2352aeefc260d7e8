"""Requests that can be written as something else than they say: whatever is answered, the wrong rule is none of it."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer

from tests.support.contracts import RSI

VWAP = "ta.vwap(bars.high, bars.low, bars.close, bars.volume)"
SMA_50 = "ta.sma(bars.close, length=50)"
MACD = "ta.macd(bars.close, fast=12, slow=26, signal=9).macd"
K = "ta.stoch(bars.high, bars.low, bars.close, k=14, d=3, smooth_k=3).k"


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        # An hour that is one of several ways to buy is no bound of the others.
        ("Buy AAPL when price is under 150 and either RSI is under 30 or it is after 2pm. Sell at 3:55pm.", f"buy when close < 150 and minute >= 840 and {RSI} < 30"),
        ("Buy AAPL in the morning or when RSI is under 30. Sell when RSI is above 70.", f"buy when minute < 720 and {RSI} < 30"),
        ("Buy AAPL when RSI is under 30 and price is above VWAP or in the first hour. Sell when RSI is above 70.", f"buy when close > {VWAP} and minute < 630 and {RSI} < 30"),
        # Which of several events is meant decides.
        ("Buy AAPL on the second bar above the EMA(20). Sell on the second bar below it.", "buy when close > ta.ema(bars.close, length=20)"),
        ("Buy AAPL on the second close above VWAP. Sell when RSI is above 70.", f"buy when close > {VWAP}"),
        ("Buy AAPL the second RSI is below 30. Sell when RSI is above 70.", "buy when ta.rsi(bars.close, length=2) < 30"),
        # Dollars: of a share as a distance, as a size, as a price; never of an oscillator.
        ("Buy AAPL when RSI < 30, sell when RSI > 70, stop $2, target $4.", "stop loss at 2"),
        ("Buy AAPL when RSI < 30, take profit $3.", "take profit at 3"),
        ("AAPL long rsi<30 exit rsi>70, cut losses at $2, take profits at $5", "stop loss at 2"),
        ("Buy AAPL when RSI is below 30, max $1000. Sell when RSI is above 70.", f"buy when {RSI} < 30 and {RSI} <= 1000"),
        ("Buy AAPL when RSI is below 30 and under $150. Sell when RSI is above 70.", f"buy when {RSI} < 150 and {RSI} < 30"),
        ("Buy AAPL when RSI is below 30. Sell when it drops below $140.", f"sell when {RSI} < 140"),
        ("Buy AAPL when the close is above the SMA(50), max $2000. Sell when below.", "sell when close < 2000"),
        # “Below” is below the average, not below what lies 2 % above it.
        ("Buy AAPL when the price is 2% above the SMA(50). Sell when below.", f"sell when close < {SMA_50} * 1.02"),
        ("Buy AAPL when price is 1% below VWAP. Sell when it crosses above it.", f"sell when crosses_above(close, {VWAP} * 0.99)"),
        # What crosses back crosses what it crossed.
        ("Buy AAPL when price crosses above SMA(50) and SMA(50) is above SMA(200). Sell when price crosses back below.", "sell when crosses_below(close, ta.sma(bars.close, length=200))"),
        ("Buy AAPL when price crosses above EMA(21) and RSI is above 50. Sell when price crosses below.", "sell when crosses_below(close, 50)"),
        ("Buy AAPL when MACD crosses above its signal and MACD is below zero. Sell when it crosses below.", f"sell when crosses_below({MACD}, 0)"),
        ("Buy AAPL when stochastic K crosses above D and K is below 20. Sell when K crosses below.", f"sell when crosses_below({K}, 20)"),
        ("Buy AAPL when EMA(9) crosses above EMA(21) and price is above VWAP. Sell when EMA(9) crosses back below.", f"sell when crosses_above({VWAP}, ta.ema(bars.close, length=9))"),
        ("Buy AAPL when price is above SMA(200) and RSI(14) is below 30. Sell when below.", f"sell when {RSI} < 30"),
        # What a stop, a limit or a size depends on does not bound buying.
        ("Buy AAPL when price is above VWAP. 2% stop unless RSI is below 30. Sell when price is below VWAP.", f"buy only when {RSI} >= 30"),
        ("Buy AAPL when RSI is below 30. Sell when RSI is above 70. Max 3 trades a day unless RSI is below 20.", f"buy only when {RSI} >= 20"),
        ("Buy AAPL when RSI is below 30. Stop loss 2% only if price is below VWAP. Sell when RSI is above 70.", f"buy only when close < {VWAP}"),
        # Until then, not from then on.
        ("Buy AAPL when RSI is below 30. Sell within 10 bars if RSI is above 70.", f"sell when bars_held >= 10 and {RSI} > 70"),
        ("Buy AAPL when RSI is below 30. Sell by 15:00 if RSI is above 50.", f"sell when minute >= 900 and {RSI} > 50"),
        # First one, then the other.
        ("Buy AAPL when RSI is below 30. Hold 10 bars, then sell when RSI is above 50.", "sell when bars_held >= 10"),
        # All the time since then.
        ("Buy AAPL when the price has been above VWAP since 10:00. Sell when it is below.", f"buy when close > {VWAP} and minute >= 600"),
        # A time among the ways out is one.
        ("Buy AAPL when RSI is below 30, bail at 2% or 15:30.", f"buy when (minute < 931 and minute >= 930) or ({RSI} < 30)"),
        ("Buy AAPL when RSI is below 30, stop 2%, target 3%, 15:30.", f"buy when minute < 931 and minute >= 930 and {RSI} < 30"),
        ("Buy AAPL when close is the highest of the last 20 bars. Sell when RSI is above 70.", "buy when close > bars.high.rolling(20).max().shift(1)"),
        ("Buy AAPL when RSI < 30. Sell when RSI > 70. Wait 15 bars between buys.", "wait 15 bars after a sale"),
        ("SPY: buy the 20/50 cross, sell the 50/20 cross", f"sell when crosses_above(ta.sma(bars.close, length=20), {SMA_50})"),
        ("Buy AAPL when RSI is under 30 and it is between 10 and 11 or between 14 and 15. Sell when RSI is above 70.", f"buy when minute < 900 and minute >= 840 and {RSI} < 30 and {RSI} <= 11 and {RSI} >= 10"),
    ],
)  # fmt: skip
def test_what_words_do_not_say_is_not_written(words: str, wrong: str) -> None:
    assert wrong not in _rules(words)


def test_a_time_to_sell_stays_where_another_exit_is_asked_for() -> None:
    rules = _rules("Buy AAPL at 10:00, sell at 15:00.", "no overnight positions")
    assert not rules or "sell when minute >= 900" in rules


@pytest.mark.parametrize(
    ("words", "untrue"),
    [
        ("Daily bars: buy QQQ when RSI(2) < 10, sell after 2 weeks.", "bars of a minute, as no others are named"),
        ("On hourly bars buy QQQ when close crosses above its 200-day average, sell when it crosses below.", "bars of a minute, as no others are named"),
        ("On 1-hour bars, buy AAPL when the 10-hour average is above the 40-hour average. Sell when below.", "ta.sma"),
    ],
)  # fmt: skip
def test_a_question_says_nothing_untrue_and_no_code(words: str, untrue: str) -> None:
    assert not any(untrue in each for each in write_answer([words])["questions"])


@pytest.mark.parametrize(
    ("words", "named", "fund"),
    [
        ("DAX kaufen wenn RSI unter 30", "The DAX is an index", "EWG"),
        ("Buy the Dow when RSI is below 30, sell when RSI is above 70.", "The Dow Jones is an index", "DIA"),
        ("Buy the S&P 500 when RSI is below 30, sell when RSI is above 70.", "The S&P 500 is an index", "SPY"),
        ("Buy AAPL when the Nasdaq 100 is above its 200 SMA, sell when RSI > 70", "The Nasdaq 100 is an index", "QQQ"),
        ("Hold the 2 strongest of DAX, FTSE and SPY by 6-month return, rebalance monthly", "The FTSE 100 is an index", "EWU"),
        ("buy SPY when VIX is above 30, sell when VIX below 20", "The VIX is an index", ""),
        ("short the vix when it spikes", "The VIX is an index", ""),
    ],
)  # fmt: skip
def test_an_index_is_named_as_one_and_the_fund_that_follows_it_is_proposed(words: str, named: str, fund: str) -> None:
    answer = write_answer([words])
    assert not answer["python_code"]
    assert any(named in each and "no bars of indices" in each and fund in each for each in answer["questions"])


@pytest.mark.parametrize("words", ["Buy DOW stock when RSI < 30, sell when RSI > 70", "Buy SPY when RSI < 30, sell when RSI > 70", "NASDAQ-listed AAPL: buy when RSI < 30, sell when RSI > 70"])  # fmt: skip
def test_a_ticker_and_an_exchange_are_no_index(words: str) -> None:
    assert not any("is an index" in each for each in write_answer([words])["questions"])


def test_the_fund_that_was_proposed_is_taken_by_a_word() -> None:
    assert write_answer(["Buy the S&P 500 when RSI is below 30, sell when RSI is above 70.", "yes"])["symbol"] == "SPY"


@pytest.mark.parametrize(
    "words",
    [
        "Buy TQQQ in the last 10 minutes before the close when the day's return is above 1%, sell at next day's open",
        "Buy AAPL when RSI < 30, sell at the next day's open.",
        "Buy AAPL 5 minutes before the close, sell at tomorrow's open.",
        "Buy AAPL when RSI < 30, sell at the open of the next day.",
        "Buy AAPL at 15:50 when RSI < 40, sell tomorrow at the open.",
        "Kaufe AAPL wenn RSI unter 30, verkaufe zur Eröffnung am nächsten Tag.",
    ],
)
def test_the_next_open_is_no_future(words: str) -> None:
    """It is sold on the first bar of the next day, or what was not understood is asked about."""
    answer = write_answer([words])
    assert not any("future" in each for each in answer["questions"])
    assert answer["questions"] or any("days_held >= 1" in rule for each in answer["requirements"] for rule in each["rules"])  # fmt: skip


def test_a_price_of_the_next_day_is_the_future() -> None:
    assert any("future" in each for each in write_answer(["Buy AAPL when the next day's open is higher, sell when RSI > 70"])["questions"])  # fmt: skip


@pytest.mark.parametrize(("words", "bars"), [("Buy BTC/USD when RSI is below 30, sell after 3 days.", 4_320), ("Buy BTC/USD when RSI < 30, hold for 5 days then sell.", 7_200), ("DOGE/USD: buy if it's down 5% over the last 24 hours, sell when up 3% from entry or after 2 days", 2_880)])  # fmt: skip
def test_days_of_a_coin_are_24_hours_each(words: str, bars: int) -> None:
    assert any(f"bars_held >= {bars}" in each for each in _rules(words))


def _rules(*turns: str) -> list[str]:
    return [rule for each in write_answer(turns)["requirements"] for rule in each["rules"]]
