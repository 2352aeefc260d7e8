"""Words that can be read in two ways: the gate wants them told, and the offline author asks or says how it read them."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft

from tests.support.contracts import RSI, found_in, written

MFI = "ta.mfi(bars.high, bars.low, bars.close, bars.volume, length=14)"
VWAP = "ta.vwap(bars.high, bars.low, bars.close, bars.volume)"
TOLD = ["The usual numbers are taken: RSI and MFI of 14 bars."]
BUY, SELL = f"buy when {RSI} < 30", f"sell when {RSI} > 70"


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy AAPL when RSI crosses 30 from below, sell when it crosses 70 from above", [f"buy when crosses_above({RSI}, 30)", "sell when crosses_below(close, 70)"]),
        ("Buy AAPL when RSI is below 30, sell when it is above 70", [BUY, "sell when close > 70"]),
        ("Buy AAPL when RSI < 30, get out when this reaches 70", [BUY, "sell when close >= 70"]),
        ("Buy AAPL when price is 1% under vwap, sell 1% over vwap", [f"buy when close <= {VWAP} * 0.99", f"sell 1% when close > {VWAP}", "sell when bars_held >= 60"]),
        ("Buy AAPL when RSI < 30, sell 2% below the high", [BUY, "sell 2% when close < high"]),
        ("Buy AAPL when RSI < 30 and MFI < 20, sell when both are above 70", [f"{BUY} and {MFI} < 20", f"sell when {MFI} > 70"]),
        ("Buy AAPL when RSI < 30 and MFI < 20, sell when they are above 70", [f"{BUY} and {MFI} < 20", f"sell when {MFI} > 70"]),
        ("Buy AAPL when RSI < 30 and MFI < 20, sell once all of them exceed 70", [f"{BUY} and {MFI} < 20", f"sell when {RSI} > 70"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, stop loss at +1%", [BUY, SELL, "sell when gain <= -1"]),
        ("Buy AAPL when RSI < 30, sell RSI > 70 and at 15:30", [BUY, f"{SELL} and minute >= 930"]),
        ("Buy AAPL when close < open, sell when close > open", ["buy when close < day_open", "sell when close > day_open"]),
        ("Buy AAPL when RSI < 30, sell RSI > 70, also sell at 15:30", [BUY, SELL, "sell when minute >= 930", "buy only when minute < 930"]),
    ],
)  # fmt: skip
def test_the_gate_wants_to_be_told_how_it_is_read(words: str, rules: list[str]) -> None:
    told = [*TOLD, "60 bars, nobody said when else."]
    assert found_in(words, (words, rules), assumptions=told)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("Buy AAPL when RSI crosses 30 from below, sell when it crosses 70 from above", f"sell when crosses_below({RSI}, 70)"),
        ("Buy AAPL when RSI crosses 30 upwards, sell when it crosses 70 downwards", f"sell when crosses_below({RSI}, 70)"),
        ("Buy AAPL when CCI crosses -100 from below, sell when it crosses 100 from above", "sell when crosses_below(ta.cci(bars.high, bars.low, bars.close, length=14), 100)"),
        ("Buy AAPL when price is 1% under vwap, sell 1% over vwap", f"sell when close >= {VWAP} * 1.01"),
        ("Buy AAPL when price is 1% under vwap, sell 1% above it", f"sell when close >= {VWAP} * 1.01"),
        ("Buy AAPL when price is 1% under the 20 sma, sell 1% over", "sell when close >= ta.sma(bars.close, length=20) * 1.01"),
        ("Buy AAPL when RSI < 30 and MFI < 20, sell when both are above 70", f"sell when ({RSI} > 70) and ({MFI} > 70)"),
        ("Buy AAPL when RSI < 30 and MFI < 20, sell when they are above 70", f"sell when ({RSI} > 70) and ({MFI} > 70)"),
    ],
)  # fmt: skip
def test_the_author_reads_what_is_meant(words: str, wanted: str) -> None:
    answer = written(words)
    assert answer is not None
    assert wanted in answer[0]


@pytest.mark.parametrize(
    "words",
    [
        "Buy AAPL when RSI is below 30 and price is above the 50 SMA, sell when it is above 70",
        "Buy AAPL when RSI < 30, sell RSI > 70 and at 15:30",
        "Buy AAPL when RSI < 30, sell 2% below the high",
        "Buy AAPL when RSI < 30, sell when RSI > 70, stop loss at +1%",
    ],
)
def test_the_author_asks(words: str) -> None:
    assert StrategyDraft.model_validate(write_answer([words])).questions


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Buy AAPL when RSI < 30, sell RSI > 70, close everything friday 15:30", "does not buy"),
        ("Buy AAPL when RSI < 30, sell RSI > 70, sell everything before the close", "15:55"),
        ("Buy AAPL when close < open, sell when close > open", "“open”"),
    ],
)
def test_the_author_says_what_it_decided(words: str, told: str) -> None:
    answer = written(words)
    assert answer is not None
    assert any(told in each for each in answer[1])


def test_a_change_that_leaves_no_day_or_adds_a_guard_is_not_silent() -> None:
    first = "Buy AAPL when RSI < 30, sell RSI > 70"
    assert write_answer([first, "only on Mondays", "not on Mondays"])["questions"]
    assert any("15:30" in each for each in write_answer([first, "also sell at 15:30"])["assumptions"])


def test_a_request_that_is_too_long_is_asked_about() -> None:
    answer = StrategyDraft.model_validate(
        write_answer(["Buy AAPL when " + "RSI < 30 and " * 60 + "MFI < 20, sell RSI > 70"])
    )
    assert answer.questions
