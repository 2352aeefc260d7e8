"""Right answers of the offline author that a gate once refused."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import request_of
from stratforge.ai.prompts import first_request, refinement_request
from stratforge.ai.quant import Turn
from stratforge.ai.review import review
from stratforge.intent.elements import elements_of
from stratforge.strategy import compile_strategy


@pytest.mark.parametrize(
    "words",
    [
        "Buy AAPL when RSI < 30, sell when RSI > 70, one trade per day, no overnight",
        "Buy AAPL when (RSI < 30 or MFI < 20) and close > EMA 200; sell when RSI > 70",
        "Between 10:00 and 15:00 buy AAPL when RSI < 30, sell when RSI > 70",
        "Buy AAPL RSI < 30 sell RSI > 70 sl2% tp4%",
        "Buy AAPL when volume > 1 million and RSI < 30, sell RSI > 70",
        "Buy AAPL when SMA20 > SMA50, sell when SMA20 < SMA50",
        "Buy AAPL when 20MA > 50MA, sell when 20MA < 50MA",
        "Buy BTC/USD on weekends when RSI < 30, sell RSI > 70",
    ],
)
def test_a_request(words: str) -> None:
    draft = StrategyDraft.model_validate(write_answer([words]))
    assert review(draft, compile_strategy(draft.python_code), request_of([Turn("user", first_request(words))])) == []


@pytest.mark.parametrize("words", ["half the size", "remove the stop and add a 3% target", "stop 2 dollars"])
def test_a_change(words: str) -> None:
    first = "Buy AAPL for 500 dollars when RSI < 30, sell RSI > 70, stop loss 2%"
    before = StrategyDraft.model_validate(write_answer([first]))
    draft = StrategyDraft.model_validate(write_answer([first, words]))
    turns = [
        Turn("user", first_request(first)),
        Turn("model", before.model_dump_json()),
        Turn("user", refinement_request(words)),
    ]
    assert review(draft, compile_strategy(draft.python_code), request_of(turns)) == []


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("SMA20 > SMA50", [20, 50]),
        ("sl2% tp4%", [2, 4]),
        ("(RSI < 30 or MFI < 20) and close > EMA 200", [30, 20, 200]),
        ("rsi14 under 30", [14, 30]),
    ],
)
def test_numbers_that_stand_against_letters_and_brackets_are_numbers(words: str, numbers: list[float]) -> None:
    assert [each.value for each in elements_of(words) if each.kind == "number"] == numbers
