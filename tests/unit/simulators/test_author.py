"""The offline author writes strategies that compile."""

import pytest
from simulators.gemini.author import write_draft
from stratforge.strategy import compile_strategy


@pytest.mark.parametrize(
    ("request_", "symbol", "indicators"),
    [
        ("Buy AAPL when the 5-bar average crosses above the 15-bar average", "AAPL", {"fast", "slow"}),
        ("buy microsoft when the RSI falls below 30, sell above 60", "MSFT", {"rsi"}),
        ("Breakout of the 20 bar high on IBM with 10% of equity", "IBM", {"highest", "lowest"}),
        ("MACD cross on google in the first hour", "GOOG", {"histogram"}),
        ("buy dips below vwap, 50 shares", "AAPL", {"vwap"}),
        ("Bollinger bounce on META for $5,000", "META", {"lower", "middle"}),
    ],
)
def test_plain_requests_become_strategies(request_: str, symbol: str, indicators: set[str]) -> None:
    draft = write_draft(request_)
    assert draft["symbol"] == symbol
    assert set(compile_strategy(str(draft["python_code"])).indicators) == indicators
    assert "offline" in str(draft["logic_explanation"])


def test_a_request_without_a_rule_gets_a_question() -> None:
    draft = write_draft("make me rich")
    assert draft["questions"]
    assert draft["python_code"] == ""
