"""Orders that rest, which rules can say: what agrees passes, and whatever is spoiled is found."""

from __future__ import annotations

import pytest
from stratforge.intent.rules import RuleError, read_rule

from tests.support.contracts import RSI, found_in_code

WORDS = "Buy AAPL at a limit of 1% below the close, for 10 bars, when RSI is below 30. Sell when RSI is above 70."
RULES = [f"buy when {RSI} < 30", f"sell when {RSI} > 70", "buy at limit 1% below close for 10 bars"]
CODE = """\
def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14)}


def on_bar(bar, position, state):
    state["waits"] = max(state.get("waits", 0) - 1, 0) if position.quantity == 0 else 0
    if position.quantity == 0 and bar.rsi < 30 and state["waits"] == 0:
        state["waits"] = 10
        return buy(limit=bar.close * 0.99, expire_bars=10)
    if position.quantity > 0 and bar.rsi > 70:
        return sell()
"""


def found(code: str, rules: list[str] = RULES, words: str = WORDS) -> list[str]:
    return found_in_code(code, words, rules)


def test_a_limit_that_is_asked_for_and_set_passes() -> None:
    assert found(CODE) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.99", "0.98"),
        ("0.99", "1.01"),
        ("limit=bar.close * 0.99, expire_bars=10", ""),
        (", expire_bars=10", ""),
        ("expire_bars=10", "expire_bars=9"),
        ("limit=bar.close", "limit=bar.low"),
        ("limit=bar.close * 0.99,", "stop=bar.close * 0.99,"),
        ("limit=bar.close * 0.99,", "limit=bar.close * 0.99, stop=bar.close,"),
        (' and state["waits"] == 0', ""),
        ('state["waits"] = 10', 'state["waits"] = 9'),
        ("return sell()", "return sell(limit=bar.close * 0.99)"),
    ],
)
def test_another_order_is_found(old: str, new: str) -> None:
    assert old in CODE
    assert found(CODE.replace(old, new))


@pytest.mark.parametrize(
    "rules",
    [RULES[:2], [*RULES[:2], "buy at limit 1% below close"], [*RULES[:2], "buy at limit 1% above close for 10 bars"]],
)
def test_rules_that_say_something_else_than_the_words_or_the_code_are_found(rules: list[str]) -> None:
    assert found(CODE, rules)


BOTH_WORDS = "Buy AAPL when RSI is below 30. When RSI is above 60, sell at a limit 2% above the entry price or at a stop 1% below the entry price."
BOTH_RULES = [f"buy when {RSI} < 30", f"sell when {RSI} > 60", "sell at limit 2% above entry_price", "sell at stop 1% below entry_price"]  # fmt: skip
BOTH = """\
def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.rsi < 30:
        return buy()
    if position.quantity > 0 and bar.rsi > 60:
        return sell(limit=position.entry_price * 1.02, or_stop=position.entry_price * 0.99)
"""


def test_of_a_limit_and_a_stop_on_either_side_one_cancels_the_other() -> None:
    assert found(BOTH, BOTH_RULES, BOTH_WORDS) == []
    # A stop-limit order would wait at its limit when the market has come to the stop.
    for old, new in (("or_stop=", "stop="), ("1.02", "1.03"), ("0.99", "0.98"), (", or_stop=position.entry_price * 0.99", "")):  # fmt: skip
        assert found(BOTH.replace(old, new), BOTH_RULES, BOTH_WORDS), new
    assert found(BOTH, BOTH_RULES[:3], BOTH_WORDS)


def test_words_that_want_no_order_to_rest_get_none() -> None:
    words = "Buy AAPL when RSI is below 30. Sell when RSI is above 70."
    plain = "".join(
        each for each in CODE.splitlines(keepends=True) if 'state["waits"] =' not in each or "if " in each[:8]
    )
    plain = plain.replace(' and state["waits"] == 0', "").replace("limit=bar.close * 0.99, expire_bars=10", "")
    assert found(plain, RULES[:2], words) == []
    assert found(CODE, RULES[:2], words)
    assert found(CODE, RULES, words)
    # Words that want one do not get a purchase at the market.
    assert found(plain, RULES[:2])


@pytest.mark.parametrize(
    "text",
    [
        "buy at limit 1% below close for 10 bars",
        "buy at stop bars.high.rolling(20).max()",
        "sell at limit 2% above entry_price",
        "sell at stop close - 2 * ta.atr(bars.high, bars.low, bars.close, length=14) for 5 bars",
    ],
)
def test_rules_are_read_as_they_are_written(text: str) -> None:
    assert read_rule(text).text == read_rule(read_rule(text).text).text == text


@pytest.mark.parametrize(
    "text", ["buy at limit", "buy at limit 1% below", "buy at limit close for 0 bars", "buy at limit close > 3"]
)
def test_rules_that_say_no_price_are_refused(text: str) -> None:
    with pytest.raises(RuleError):
        read_rule(text)
