"""Requests for strategies that go long and short, written before anything read them: those that say all, and those whose obvious reading is a guess; `long_short.jsonl` has more of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from simulators.gemini.author.framed import write_answer
from stratforge.ai.draft import AnswerKind, StrategyDraft
from stratforge.ai.drafting import _examine
from stratforge.ai.prompts import Request
from stratforge.ai.trading_symbol import TradingSymbol
from stratforge.strategy import Strategy

from tests.support.tiers import one_of

CASES = [json.loads(each) for each in Path(__file__).with_name("long_short.jsonl").read_text("utf-8").splitlines()]
RSI, CCI = "ta.rsi(bars.close, length=14)", "ta.cci(bars.high, bars.low, bars.close, length=20)"


def ema(length: int) -> str:
    """An average of the closes."""
    return f"ta.ema(bars.close, length={length})"


def sma(length: int) -> str:
    """A plain average of the closes."""
    return f"ta.sma(bars.close, length={length})"


def crossing(fast: str, slow: str) -> set[str]:
    """Long and short by the crossings of two lines."""
    return {f"buy when crosses_above({fast}, {slow})", f"short when crosses_below({fast}, {slow})", "turn round"}


RSI_BOTH = {f"buy when {RSI} < 30", f"short when {RSI} > 70"}
CLEAR = (
    ("Go long when the 10 EMA crosses above the 30 EMA and go short when it crosses below.", crossing(ema(10), ema(30))),
    ("Buy TSLA when RSI is below 30 and sell at 50; short it when RSI is above 70 and cover at 50. Stop 1 % both ways.", {*RSI_BOTH, f"sell when {RSI} >= 50", f"cover when {RSI} <= 50"}),
    ("Long AAPL above VWAP, short below VWAP, flat at 15:55.", {"turn round", "sell when minute >= 955", "cover when minute >= 955"}),
    ("Buy AAPL when RSI(14) is below 30, sell when RSI(14) is above 50, short when RSI(14) is above 70, cover when RSI(14) is below 50.", {*RSI_BOTH, f"sell when {RSI} > 50", f"cover when {RSI} < 50"}),
    ("Buy MSFT when the price crosses above its 20 bar SMA and sell when the price crosses below its 20 bar SMA. Short when the price crosses below its 20 bar SMA and cover when the price crosses above its 20 bar SMA.", {f"buy when crosses_above(close, {sma(20)})", f"sell when crosses_below(close, {sma(20)})", f"short when crosses_below(close, {sma(20)})", f"cover when crosses_above(close, {sma(20)})", "turn round"}),
    ("Go long AAPL when RSI(14) is below 30. Exit the long when RSI(14) is above 50. Go short when RSI(14) is above 70. Exit the short when RSI(14) is below 50.", {*RSI_BOTH, f"sell when {RSI} > 50", f"cover when {RSI} < 50"}),
    ("Enter long when MACD crosses above its signal line, enter short when MACD crosses below its signal line.", {"turn round"}),
    ("Go long AAPL when the 9 EMA crosses above the 21 EMA, go short when the 9 EMA crosses below the 21 EMA. Always in the market.", crossing(ema(9), ema(21))),
    ("Trade NVDA. Go long when RSI(14) is below 25 and sell when RSI(14) is above 55. Go short when RSI(14) is above 75 and cover when RSI(14) is below 45. Use 20% of equity.", {f"buy when {RSI} < 25", f"short when {RSI} > 75", "size 20% of equity"}),
    ("Buy AAPL if RSI(14) < 30, sell if RSI(14) > 55. Short AAPL if RSI(14) > 70, buy to cover if RSI(14) < 45. Stop loss 2% and take profit 4% on both sides.", {*RSI_BOTH, f"cover when {RSI} < 45"}),
    ("Buy 10 shares of AAPL when RSI(14) is below 30 and sell when it is above 50. Short 10 shares when RSI(14) is above 70 and cover when it is below 50.", {*RSI_BOTH, "long size 10 shares", "short size 10 shares"}),
    ("Go long AAPL when RSI(14) is below 30 with a stop loss of 2% and sell when RSI(14) is above 50. Go short when RSI(14) is above 70 with a stop loss of 1% and cover when RSI(14) is below 50.", RSI_BOTH),
    ("Long when the price is above the 50 bar SMA, short when the price is below the 50 bar SMA.", {f"buy when close > {sma(50)}", f"short when close < {sma(50)}", "turn round"}),
    ("Go long SPY when the price breaks above its 20-bar high and go short when the price breaks below its 20-bar low. Stop and reverse.", {"turn round"}),
    ("On 5-minute bars, go long AAPL when the 10 EMA crosses above the 30 EMA and go short when it crosses below.", crossing(ema(10), ema(30))),
    ("Buy AAPL when the price is below the lower Bollinger band and sell at the middle band. Short AAPL when the price is above the upper Bollinger band and cover at the middle band.", {"sell when close >= ta.bbands(bars.close, length=20, std=2).mid", "cover when close <= ta.bbands(bars.close, length=20, std=2).mid"}),
    ("Buy AAPL when RSI(14) is below 30 and sell when RSI(14) is above 50. Short AAPL when RSI(14) is above 70 and cover when RSI(14) is below 50. Close everything at 15:55.", {*RSI_BOTH, "sell when minute >= 955", "cover when minute >= 955"}),
    ("Please go long TSLA when RSI(14) is below 30 and sell it when RSI(14) is above 50; sell short TSLA when RSI(14) is above 70 and buy it back when RSI(14) is below 50.", RSI_BOTH),
    ("Go long AAPL when CCI(20) is below -100 and exit when CCI(20) is above 0. Go short when CCI(20) is above 100 and exit when CCI(20) is below 0.", {f"buy when {CCI} < -100", f"short when {CCI} > 100", f"sell when {CCI} > 0", f"cover when {CCI} < 0"}),
    ("Go long AAPL when the 10 EMA crosses above the 30 EMA, go short when the 10 EMA crosses below the 30 EMA. Stop loss 1% both ways. Reverse when the opposite signal comes.", crossing(ema(10), ema(30))),
)  # fmt: skip
TRAPS = (
    # Of which side is what stands at the end?
    "Go long AAPL when RSI is below 30 and short when RSI is above 70, stop loss 2%.",
    "Buy AAPL when RSI(14) < 30, sell when RSI(14) > 50, short when RSI(14) > 70, cover when RSI(14) < 50, with a 2% stop.",
    "Buy AAPL when RSI(14) is below 30. Exit when it is above 50. Stop 2%. Short AAPL when RSI(14) is above 70 and cover at 50.",
    "Go long AAPL when the 10 EMA crosses above the 30 EMA and go short when it crosses below, but only between 10:00 and 15:00.",
    "Buy 10 shares of AAPL when RSI(14) is below 30 and sell above 50, short when RSI(14) is above 70 and cover below 50.",
    # What does it do, buy back or go long; sell or go short?
    "Short AAPL when RSI(14) is above 70 and buy when RSI(14) is below 30.",
    "Sell AAPL when RSI(14) is above 70, go long when RSI(14) is below 30, and short when RSI(14) is above 80.",
    "Buy AAPL when RSI(14) is below 30 and sell short above 70, cover at 50.",
    "When RSI(14) is below 30 buy AAPL, when it is above 70 short, sell and cover at 50.",
    # Both at once, or one while the other is held.
    "Buy AAPL when RSI(14) is below 60 and sell when RSI(14) is above 65. Short when RSI(14) is above 40 and cover when RSI(14) is below 30.",
    "Buy AAPL when the price crosses above its 20 bar SMA and sell at a loss of 1%. Short when the price crosses below its 50 bar SMA and cover at a profit of 1%.",
    "Go long AAPL when the 10 EMA crosses above the 30 EMA and go short when it crosses below. Exit at a profit of 2%.",
    # What is not there, or is not of one stock that can be sold short.
    "Go long TSLA when RSI(14) is below 30 and sell above 50; short AAPL when RSI(14) is above 70 and cover below 50.",
    "Buy BTC/USD when RSI(14) is below 30 and sell above 50; short it when RSI(14) is above 70 and cover below 50.",
    "Buy AAPL when RSI(14) is below 30 and sell above 50; short it when RSI(14) is above 70.",
    "Buy AAPL when RSI(14) is below 30 and sell above 50; short when RSI(14) is above 70 and cover below 50. At most 2 trades a day.",
    "Buy AAPL when RSI(14) is below 30 and sell above 50; short when RSI(14) is above 70 and cover 2% below entry.",
    # Said by the other side, or said not to be done.
    "Buy AAPL when RSI(14) is below 30 and sell above 50, and do the opposite for shorts.",
    "Buy AAPL when RSI(14) is below 30 and CCI(20) is below -100, sell when RSI(14) is above 50, short when it is above 70, cover when it is below 50.",
    "Buy AAPL when RSI(14) is below 30, sell above 50, do not short when RSI(14) is above 70.",
)  # fmt: skip


def written(*turns: str) -> StrategyDraft:
    """What the offline author answers, once the gate has told it; what it writes has to pass."""
    draft = StrategyDraft.model_validate(write_answer(list(turns)))
    if draft.kind is not AnswerKind.STRATEGY:
        assert draft.questions
        return draft
    request = Request(turns[-1], whole=True, earlier=tuple(turns[:-1]))
    found, strategy, findings = _examine(draft, request, TradingSymbol(), lambda _: None)
    assert findings == []
    assert isinstance(strategy, Strategy)
    return found


def rules_in(draft: StrategyDraft) -> set[str]:
    """All rules of an answer."""
    return {rule for each in draft.requirements for rule in each.rules}


@pytest.mark.parametrize(("words", "rules"), CLEAR)
def test_what_is_said_of_both_sides_is_written(words: str, rules: set[str]) -> None:
    draft = written(words)
    assert draft.kind is AnswerKind.STRATEGY, draft.questions
    assert rules_in(draft) >= rules
    assert all(each.quote in words for each in draft.requirements)
    assert draft.symbol in words or any("AAPL is used" in each for each in draft.assumptions)
    assert "short(" in draft.python_code
    assert "buy(" in draft.python_code
    assert any("short selling has to be enabled" in each for each in draft.assumptions)


@pytest.mark.parametrize("words", TRAPS)
def test_what_may_be_said_of_either_side_is_asked_about(words: str) -> None:
    assert written(words).kind is not AnswerKind.STRATEGY


@pytest.mark.parametrize(
    "case", one_of(3, [each for each in CASES if "rules" in each], lambda each: each["words"][-70:])
)
def test_what_traders_say_of_both_sides_is_written_by_its_rules_and_no_others(case: dict[str, Any]) -> None:
    draft = written(case["words"])
    assert draft.kind is AnswerKind.STRATEGY, draft.questions
    assert sorted(rules_in(draft)) == case["rules"]
    assert all(each.quote in case["words"] for each in draft.requirements)


@pytest.mark.parametrize(
    "case", one_of(3, [each for each in CASES if "asks" in each], lambda each: each["words"][-70:])
)
def test_what_traders_leave_open_of_both_sides_is_what_is_asked_about(case: dict[str, Any]) -> None:
    draft = written(case["words"])
    assert draft.kind is not AnswerKind.STRATEGY
    assert case["asks"] in draft.questions[0]
