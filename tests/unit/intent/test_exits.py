"""Exits within the bar and the account, which rules can say: what agrees passes, and whatever is spoiled is found."""

from __future__ import annotations

import pytest
from stratforge.intent.rules import RuleError, read_rule

from tests.support.contracts import RSI, found_in, found_in_code, written

WORDS = (
    "Buy AAPL when RSI is below 30 with a 2% stop on this order and take profit at 5% on the order, sell when RSI is above 70. "
    "Move the stop loss to break even (0%) once it is up 1%."
)
RULES = [
    f"buy when {RSI} < 30",
    f"sell when {RSI} > 70",
    "stop loss 2%",
    "take profit 5%",
    "stop loss 0% when gain >= 1",
]
CODE = """\
STOP, TARGET = 0.02, 0.05


def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.rsi < 30:
        return buy(stop_loss=STOP, take_profit=TARGET)
    if position.quantity > 0 and bar.rsi > 70:
        return sell()
    if position.quantity > 0 and position.unrealized_return * 100 >= 1:
        return adjust(stop_loss=0)
"""


def found(code: str, rules: list[str] = RULES, words: str = WORDS) -> list[str]:
    return found_in_code(code, words, rules)


def test_exits_that_are_asked_for_and_set_pass() -> None:
    assert found(CODE) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("STOP, TARGET = 0.02", "STOP, TARGET = 0.03"),
        ("= 0.02, 0.05", "= 0.05, 0.02"),
        ("stop_loss=STOP, ", ""),
        (", take_profit=TARGET", ""),
        ("stop_loss=STOP", "trailing_stop=STOP"),
        ("take_profit=TARGET", "take_profit_price=bar.close * 1.05"),
        ("take_profit=TARGET", "take_profit=TARGET, trailing_stop=0.5"),
        ("adjust(stop_loss=0)", "adjust(stop_loss=0.02)"),
        ("adjust(stop_loss=0)", "adjust(take_profit=0)"),
        (">= 1:", ">= 2:"),
        (">= 1:", "<= 1:"),
        ("stop_loss=STOP", "stop_loss=STOP if bar.volume < 60000 else 0.5"),
        ("return sell()", "return adjust(stop_loss=0)"),
        ("buy(stop_loss", "buy(limit=bar.close * 0.99, stop_loss"),
        ("return sell()", "return sell(stop=bar.close, expire_bars=3)"),
    ],
)
def test_exits_that_are_other_than_asked_for_are_found(old: str, new: str) -> None:
    assert old in CODE
    assert found(CODE.replace(old, new))


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy AAPL when RSI < 30, sell when RSI > 70", ["stop loss 2%"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70 with a stop of 2%", ["stop loss 3%"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70 with a stop of 2%", ["take profit 2%"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70 with a stop of 2%", ["trailing stop 2%"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70 with a trailing stop of 2%", ["stop loss 2%"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, take profit at 2%", ["stop loss 2%"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, stop loss 2%, take profit 5%", ["stop loss 5%", "take profit 2%"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, stop loss at 2 dollars", ["stop loss 2%"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, stop loss 2% on the order", ["sell when gain <= -2"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, stop loss 2% intrabar", ["sell when gain <= -2"]),
    ],
)  # fmt: skip
def test_exits_that_the_words_do_not_say_are_found(words: str, rules: list[str]) -> None:
    every = [f"buy when {RSI} < 30", f"sell when {RSI} > 70", *rules]
    assert found_in(words, (words, every), assumptions=["RSI of 14 bars."])


def test_a_price_of_an_exit_and_the_account_are_said_by_rules() -> None:
    words = "Buy AAPL when RSI is below 30 and cash is above 5000, stop loss at 2 ATR below the close, sell when RSI is above 70"
    atr = "ta.atr(bars.high, bars.low, bars.close, length=14)"
    rules = [
        f"buy when {RSI} < 30 and account_cash > 5000",
        f"stop loss at close - 2 * {atr}",
        f"sell when {RSI} > 70",
    ]
    code = (
        f'def indicators(bars):\n    return {{"rsi": {RSI}, "atr": {atr}}}\n\n\ndef on_bar(bar, position, state):\n'
        "    if position.quantity == 0 and bar.rsi < 30 and account.cash > 5000:\n"
        "        return buy(stop_loss_price=bar.close - 2 * bar.atr)\n"
        "    if position.quantity > 0 and bar.rsi > 70:\n        return sell()\n"
    )
    assert found(code, rules, words) == []
    for old, new in (("5000", "500"), ("> 5000", "< 5000"), ("account.cash", "account.equity"), ("- 2 *", "- 3 *"), ("- 2 *", "+ 2 *")):  # fmt: skip
        assert found(code.replace(old, new), rules, words)


@pytest.mark.parametrize("text", ["stop loss", "stop loss two", "trailing stop at 5", "stop loss at nothing", "take profit 5% when close"])  # fmt: skip
def test_what_is_no_exit_is_no_rule(text: str) -> None:
    with pytest.raises(RuleError):
        read_rule(text)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy AAPL when RSI < 30 with a 2% stop on this order, sell when RSI > 70", {"stop loss 2%", f"sell when {RSI} > 70"}),
        ("Buy AAPL when RSI < 30, stop loss 2% on the order, take profit at 5% on the order", {"stop loss 2%", "take profit 5%"}),
        ("Buy AAPL when RSI < 30, take profit 1% and stop loss 2% on the order, sell when RSI > 70", {"stop loss 2%", "take profit 1%", f"sell when {RSI} > 70"}),
        ("Buy AAPL when RSI < 30, sell RSI > 70, 3% trailing stop on the order", {"trailing stop 3%", f"sell when {RSI} > 70"}),
        ("Buy AAPL when RSI < 30, sell RSI > 70, stop loss of 2% within the bar", {"stop loss 2%", f"sell when {RSI} > 70"}),
    ],
)  # fmt: skip
def test_the_author_writes_exits_that_go_with_the_order(words: str, rules: set[str]) -> None:
    answer = written(words)
    assert answer is not None
    assert answer[0] == {f"buy when {RSI} < 30", *rules}
