"""The offline author writes strategies that compile, says what it assumed, and asks about every word that it did not read."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.strategy import compile_strategy


@pytest.mark.parametrize(
    ("request_", "symbol", "indicators"),
    [
        ("Buy AAPL when the 5-bar average crosses above the 15-bar average", "AAPL", {"fast", "slow"}),
        ("buy microsoft when the RSI falls below 30, sell above 60", "MSFT", {"rsi"}),
        ("Breakout of the 20 bar high on IBM with 10% of equity", "IBM", {"highest_high", "lowest_low"}),
        ("buy dips below vwap, 50 shares", "AAPL", {"vwap"}),
    ],
)
def test_plain_requests_become_strategies(request_: str, symbol: str, indicators: set[str]) -> None:
    answer = write_answer([request_])
    assert answer["symbol"] == symbol
    assert set(compile_strategy(answer["python_code"]).indicators) == indicators
    assert "offline" in answer["logic_explanation"]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ("Buy MSFT when the 10-bar average crosses above the 30-bar average, sell when it crosses below", False),
        ("Buy MSFT when the RSI is below 30, sell when it is above 70", True),
    ],
)
def test_numbers_that_one_rule_says_are_not_called_usual_where_another_means_them(request_: str, told: bool) -> None:
    assumptions = " ".join(write_answer([request_])["assumptions"])
    assert ("usual numbers are taken" in assumptions) is told


def test_a_request_without_a_rule_gets_proposals_to_choose_from() -> None:
    answer = write_answer(["a momentum strategy for Google"])
    assert answer["kind"] == "clarify"
    assert "GOOG" in answer["questions"][0]
    assert answer["python_code"] == ""


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ("Buy AAPL when the RSI is below 30 and the moon is full, sell above 70", "moon"),
        ("Buy when RSI is below 30, sell above 70, but be careful around lunch", "careful"),
        ("Buy when price crosses above the 50-day moving average", "day"),
        ("Buy when RSI is below 30 at 10:00 Hong Kong time", "zone"),
        ("Buy when RSI is below 30 or price is below VWAP and volume is above its average", "two ways"),
    ],
)
def test_what_is_not_read_is_asked_about_by_name(request_: str, named: str) -> None:
    answer = write_answer([request_])
    assert answer["python_code"] == ""
    assert named in " ".join(answer["questions"])


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("Bet against TSLA with the trend", "This goes short"),
        ("Buy call options when MACD crosses up", "Options"),
        ("Buy TSLA when Elon tweets", "News"),
    ],
)
def test_a_refusal_says_the_true_reason(request_: str, reason: str) -> None:
    answer = write_answer([request_])
    assert answer["kind"] == "decline"
    assert reason in answer["questions"][0]


def test_a_change_changes_one_thing_and_leaves_the_rest() -> None:
    first = "Buy AAPL when RSI is below 30. Sell when above 70. Stop loss 2%."
    without = write_answer([first, "remove the stop"])
    assert "STOP" not in without["python_code"]
    assert compile_strategy(without["python_code"]).parameters == {"RSI_LENGTH": 14.0, "RSI_MAX": 30.0, "RSI_MIN": 70.0}
    lower = write_answer([first, "use 20 instead of 30"])
    assert compile_strategy(lower["python_code"]).parameters["RSI_MAX"] == 20
    assert compile_strategy(lower["python_code"]).parameters["STOP_LOSS_PERCENT"] == 2
