"""Rules that look back at how a trade ended, or are measured by its stop: what they do, that no other code passes for them, and how people say them."""

from __future__ import annotations

import numpy as np
import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import request_of
from stratforge.ai.prompts import first_request
from stratforge.ai.quant import Turn
from stratforge.ai.review import review
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.intent.deciders import said_by_no_rule
from stratforge.intent.gate import rules_of
from stratforge.intent.reading.said import in_words
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.rules import RuleError, read_rule
from stratforge.intent.trial import disagreement
from stratforge.market import BarColumns
from stratforge.strategy import Strategy, compile_strategy

RSI = "ta.rsi(bars.close, length=14)"
BUY, SELL, STOP = f"buy when {RSI} < 30", f"sell when {RSI} > 70", "sell when gain <= -1"
WORDS = "Buy AAPL when RSI < 30, sell when RSI > 70, stop loss 1%"


def strategy(*rules: str) -> Strategy:
    return reference_strategy([read_rule(each) for each in rules])


def bars_of(*days: list[float]) -> BarColumns:
    """Days of bars that open at the close before; weekdays from a Monday."""
    close = [price for day in days for price in day]
    time = [1_767_623_400 + 86_400 * day + 60 * minute for day, prices in enumerate(days) for minute in range(len(prices))]  # fmt: skip
    open_ = [close[0], *close[:-1]]
    high, low = map(max, open_, close), map(min, open_, close)
    prices = (np.array(list(each), dtype=np.float64) for each in (open_, high, low, close, [1_000.0] * len(close)))
    return BarColumns(np.array(time, dtype=np.int64), *prices)


def purchases(code: Strategy, bars: BarColumns) -> list[int]:
    """The places of the bars on which it bought."""
    fills = run_backtest(code, bars, BacktestConfig()).fills
    return [int(each) for each, side in zip(fills.bar, fills.side, strict=True) if side == 1]


@pytest.mark.parametrize(
    "text",
    ["wait 30 bars after a loss", "wait 2 days after a sale", "wait 1 days after a stop", "no buys after 2 losses a day", "no buys after 2 losses in a row a day", "no buys after 1 stops a day", "size 1% of equity at risk", "size 200 dollars at risk", "take profit 2R", "sell when days_held >= 3"],
)  # fmt: skip
def test_a_rule_has_one_form_and_is_said_in_words(text: str) -> None:
    assert read_rule(text).text == text
    assert in_words(read_rule(text)) != text


@pytest.mark.parametrize(
    ("text", "why"),
    [("no buys after 0 losses a day", "at least 1"), ("size 10 shares at risk", "amount of money"), ("wait 3 weeks after a loss", "begins with one of"), ("no buys after 2 stops in a row a day", "begins with one of")],
)  # fmt: skip
def test_a_rule_that_says_nothing_is_refused(text: str, why: str) -> None:
    with pytest.raises(RuleError, match=why):
        read_rule(text)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ((BUY, SELL, "size 1% of equity at risk"), "no stop"),
        ((BUY, SELL, "take profit 2R"), "no stop"),
        ((BUY, SELL, STOP, "stop loss 2%", "size 1% of equity at risk"), "more than one stop"),
        ((BUY, SELL, "stop loss 2%", "trailing stop 1%", "size 1% of equity at risk"), "more than one"),
        ((BUY, SELL, STOP, "sell when drop >= 1", "take profit 2R"), "more than one"),
        ((BUY, SELL, "stop loss 2%", "wait 30 bars after a loss"), "write it as a sale"),
        ((BUY, SELL, "trailing stop 2%", "no buys after 2 losses a day"), "write it as a sale"),
        ((BUY, SELL, "wait 30 bars after a stop"), "no stop"),
        ((BUY, SELL, STOP, "sell at limit 2% above entry_price", "wait 30 bars after a loss"), "rests"),
        ((BUY, SELL, STOP, "wait 30 bars after a loss", "wait 30 bars after a stop"), "more than one rule"),
    ],
)
def test_what_cannot_be_measured_is_no_strategy(rules: tuple[str, ...], why: str) -> None:
    with pytest.raises(RuleError, match=why):
        strategy(*rules)


# Each pair differs in one thing: the threshold, what is counted, or how.
_DIFFER = [
    (("wait 20 bars after a loss",), ("wait 21 bars after a loss",)),
    (("wait 20 bars after a loss",), ("wait 20 bars after a stop",)),
    (("wait 20 bars after a loss",), ("wait 20 bars after a sale",)),
    (("wait 2 days after a loss",), ("wait 3 days after a loss",)),
    (("wait 10 days after a loss",), ("wait 11 days after a loss",)),
    (("wait 2 days after a loss",), ("wait 2 days after a sale",)),
    (("no buys after 2 losses a day",), ("no buys after 3 losses a day",)),
    (("no buys after 2 losses a day",), ("no buys after 2 losses in a row a day",)),
    (("no buys after 1 losses a day",), ("no buys after 1 stops a day",)),
    (("no buys after 2 losses a day",), ()),
    (("size 1% of equity at risk",), ("size 2% of equity at risk",)),
    (("size 100 dollars at risk",), ("size 100 dollars",)),
    (("take profit 2R",), ("take profit 3R",)),
    (("take profit 2R",), ()),
    (("sell 50% when gain_risks >= 1",), ("sell 50% when gain_risks >= 2",)),
    (("sell 50% when gain_risks >= 1",), ("sell 50% when gain >= 2",)),
    (("sell when days_held >= 3",), ("sell when days_held >= 4",)),
    (("sell when days_held >= 20",), ("sell when days_held >= 21",)),
    (("sell when days_held >= 1 and minute >= 600",), ("sell when minute >= 600",)),
]


@pytest.mark.parametrize(("one", "other"), _DIFFER)
def test_code_that_does_something_near_does_not_pass(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    first, second = strategy(BUY, SELL, STOP, *one), strategy(BUY, SELL, STOP, *other)
    assert disagreement(first, first) is None
    assert said_by_no_rule(first, first) == []
    assert disagreement(second, first) is not None
    assert disagreement(first, second) is not None


def test_a_computed_size_needs_a_rule() -> None:
    code = compile_strategy(strategy(BUY, SELL, STOP, "size 1% of equity at risk").source)
    assert any("computes how much is traded" in each for each in said_by_no_rule(code, strategy(BUY, SELL, STOP)))


_DIP = "buy when close < 100"


def test_a_pause_follows_a_loss_and_no_gain() -> None:
    code = strategy(_DIP, "sell when close > 100 or gain <= -1", "wait 5 bars after a loss")
    lost = [101.0, 99.0, 99.0, 97.0, 97.0, *[99.0] * 8]
    # Bought at 99, sold below it on the bar after 97: five bars pass, and the order of the sixth is filled on the next.
    assert purchases(code, bars_of(lost)) == [2, 4 + 6]
    gained = [101.0, 99.0, 99.0, 101.0, 99.0, *[99.0] * 8]
    assert purchases(code, bars_of(gained)) == [2, 5]


def test_losses_are_counted_anew_each_day() -> None:
    code = strategy(_DIP, "sell when close > 100 or gain <= -1", "no buys after 1 losses a day")
    lost = [101.0, 99.0, 99.0, 97.0, 97.0, 99.0, 99.0, 99.0]
    bought = purchases(code, bars_of(lost, [101.0, 99.0, 99.0, 99.0]))
    assert bought == [2, len(lost) + 2]


def test_days_are_counted_from_the_day_of_the_purchase() -> None:
    code = strategy(_DIP, "sell when days_held >= 2")
    day = [99.0] * 5
    fills = run_backtest(code, bars_of(day, day, day, day), BacktestConfig()).fills
    # Bought on Monday, sold on Wednesday when its first bar has ended.
    assert [int(each) for each in fills.bar[:2]] == [1, 11]


def test_what_is_bought_on_the_first_bar_of_a_day_is_held_since_that_day() -> None:
    code = strategy("buy when close < 100 and minute == 574", "sell when days_held >= 1")
    fills = run_backtest(code, bars_of([99.0] * 5, [99.0] * 5, [99.0] * 5), BacktestConfig()).fills
    assert [int(each) for each in fills.bar[:2]] == [5, 11]


def test_a_size_by_risk_loses_that_much_at_the_stop() -> None:
    code = strategy(_DIP, "sell when minute >= 900", "stop loss 2%", "size 150 dollars at risk")
    fills = run_backtest(code, bars_of([101.0, 99.0, 99.0, 99.0, 99.0]), BacktestConfig()).fills
    assert float(fills.quantity[0]) * 99 * 0.02 == pytest.approx(150, rel=0.02)


def test_nothing_is_bought_where_the_stop_is_not_below() -> None:
    # Every bar closes at its low.
    code = strategy(_DIP, "sell when minute >= 900", "stop loss at low", "size 150 dollars at risk")
    assert purchases(code, bars_of([105.0, 99.0, 98.0, 97.0, 96.0])) == []
    # It would sell at once, whatever the size.
    code = strategy(_DIP, "sell when minute >= 900", "stop loss at yesterday_low")
    assert purchases(code, bars_of([105.0, 99.0, 98.0, 97.0, 96.0], [95.0, 94.0, 93.0])) == []
    assert purchases(code, bars_of([105.0, 99.0, 98.0, 90.0, 96.0], [95.0, 94.0, 93.0])) == [6]


def test_a_person_is_told_what_becomes_of_a_stop() -> None:
    beside_a_pause = write_answer([f"{WORDS}, wait 30 minutes after a loss."])
    assert any("looked at when a bar closes" in each for each in beside_a_pause["assumptions"])
    at_a_level = write_answer(["Buy AAPL when RSI < 30, sell when RSI > 70, stop at yesterday's low."])
    assert "It does not buy while the stop would lie above the close." in at_a_level["assumptions"]


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (". After a loss wait 30 minutes.", [STOP, "wait 30 bars after a loss"]),
        (", wait 2 days after a stop.", [STOP, "wait 2 days after a stop"]),
        (". No new trades for 2 hours after a losing trade.", [STOP, "wait 120 bars after a loss"]),
        (", wait 3 days after a sale.", ["stop loss 1%", "wait 3 days after a sale"]),
        (". After a stop, no more trades that day.", [STOP, "no buys after 1 stops a day"]),
        (". Two losers and I'm done for the day.", [STOP, "no buys after 2 losses a day"]),
        (". Stop trading for the day after 2 losses in a row.", [STOP, "no buys after 2 losses in a row a day"]),
        (". Max 2 losses a day.", [STOP, "no buys after 2 losses a day"]),
        (", after two losses no more trades that day.", [STOP, "no buys after 2 losses a day"]),
        (". Risk 1% of equity.", ["stop loss 1%", "size 1% of equity at risk"]),
        (". Risk $200 a trade.", ["stop loss 1%", "size 200 dollars at risk"]),
        (", target 2R.", ["stop loss 1%", "take profit 2R"]),
        (". Sell half at 2R.", ["stop loss 1%", "sell 50% when gain_risks >= 2"]),
        (". Move the stop to break-even at 1R.", ["stop loss 1%", "stop loss 0% when gain_risks >= 1"]),
        (". Move the stop to breakeven once it is up 2%.", ["stop loss 1%", "stop loss 0% when gain >= 2"]),
        (
            ". Sell half at 2R, then move the stop to break-even.",
            ["stop loss 1%", "sell 50% when gain_risks >= 2", "stop loss 0% when gain_risks >= 2"],
        ),
        (", take profit at twice the risk.", ["stop loss 1%", "take profit 2R"]),
        (", hold at most 5 days.", ["stop loss 1%", "sell when days_held >= 5"]),
    ],
)
def test_it_is_written_as_it_is_said(words: str, rules: list[str]) -> None:
    said = WORDS + words
    draft = StrategyDraft.model_validate(write_answer([said]))
    assert draft.kind == "strategy", draft.questions
    assert sorted(rules_of(draft.requirements)) == sorted([BUY, SELL, *rules])
    assert review(draft, compile_strategy(draft.python_code), request_of([Turn("user", first_request(said))])) == []
    assert not any("is taken as" in each for each in draft.assumptions)


def test_a_part_is_sold_at_multiples_of_what_the_stop_at_a_level_was_away() -> None:
    code = strategy(_DIP, "sell when minute >= 900", "stop loss at low - 1", "sell 50% when gain_risks >= 2")
    fills = run_backtest(code, bars_of([101.0, 99.0, 100.0, 100.9, 101.1, 101.5, 101.5]), BacktestConfig()).fills
    # Bought at 99 with the stop at 98: twice its distance is reached by 101.1, and the half is sold on the next bar.
    assert [(int(bar), int(side)) for bar, side in zip(fills.bar, fills.side, strict=True)] == [(2, 1), (5, 2)]
    assert float(fills.quantity[1]) == pytest.approx(float(fills.quantity[0]) / 2, rel=0.1)


def test_a_stop_that_is_moved_when_a_part_is_sold_is_moved_though_the_price_falls_at_once() -> None:
    code = strategy(_DIP, "sell when minute >= 900", "stop loss 2%", "sell 50% when gain >= 1", "stop loss 0% when gain >= 1")  # fmt: skip
    fills = run_backtest(code, bars_of([101.0, 99.0, 99.0, 100.0, 99.5, 98.9, 98.9]), BacktestConfig()).fills
    # Bought at 99; 100 sells the half on the next bar; the rest is sold where the price falls back to 99, and not to 97.
    assert [(int(bar), int(side)) for bar, side in zip(fills.bar[:3], fills.side[:3], strict=True)] == [
        (2, 1),
        (4, 2),
        (5, 2),
    ]
    assert float(fills.price[2]) == pytest.approx(99, abs=0.1)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (
            "Buy AAPL when RSI < 30. Stop at the low of that candle. Sell a third at 1R, the rest at 15:55.",
            "sell 33.3333% when gain_risks >= 1",
        ),
        ("Buy AAPL when RSI < 30, sell after 10 trading days.", "sell when days_held >= 10"),
        ("Buy AAPL when RSI < 30, sell the next day at 10:00.", "sell when days_held >= 1 and minute >= 600"),
        ("Buy AAPL when RSI < 30, sell at the open of the next day.", "sell when days_held >= 1"),
        ("Buy AAPL when RSI < 30. Stop at the low of that candle, target 2R. Risk 0.5% per trade.", "take profit 2R"),
    ],
)
def test_it_is_written_by_the_day_and_by_the_bar(words: str, rule: str) -> None:
    draft = StrategyDraft.model_validate(write_answer([words]))
    assert draft.kind == "strategy", draft.questions
    assert rule in rules_of(draft.requirements)
    assert review(draft, compile_strategy(draft.python_code), request_of([Turn("user", first_request(words))])) == []


@pytest.mark.parametrize(
    "words",
    [
        # Nothing that is measured, or by which: no stop, no unit, no end.
        "Buy AAPL when RSI < 30. Sell when RSI > 70. Risk 1% of equity.", "Buy AAPL when RSI < 30. Sell when RSI > 70. Target 2R.",
        "Buy AAPL when RSI < 30. Sell when RSI > 70 or at 2R.", f"{WORDS}. Risk at most 1% of equity.", f"{WORDS}. Stop trading after 2 losses in a row.", f"{WORDS}, stop 2%. Risk 1% of equity.",
        f"{WORDS}. Max 2 losses in a week.", f"{WORDS}. After two wins no more trades that day.", f"{WORDS}, target 2R for half.",
        f"{WORDS}. Risk 1% of the last trade.", f"{WORDS}. Not risk 1% of equity.", f"{WORDS}, stop 2R.",
        f"{WORDS}. Do not wait 30 minutes after a loss.", f"{WORDS}. After a loss wait 30 minutes before selling.",
        "Buy AAPL when RSI < 30, sell when RSI > 70, stop at the low of that candle. Max 2 losses a day.",
        "On daily bars, buy AAPL when RSI < 30, sell the next day at the open.", "On 5-minute bars, buy AAPL when RSI < 30, sell the next day at the open.",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_asked(words: str) -> None:
    answer = write_answer([words])
    assert answer["kind"] == "clarify"
    assert answer["questions"]


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (". After a loss wait 30 minutes.", ["wait 30 bars after a stop"]),
        (". After a loss wait 30 minutes.", ["wait 30 bars after a sale"]),
        (". After a loss wait 30 minutes.", ["wait 30 days after a loss"]),
        (". After a loss wait 30 minutes.", []),
        (". Max 2 losses a day.", ["at most 2 buys a day"]),
        (". Max 2 losses a day.", ["no buys after 2 losses in a row a day"]),
        (". Stop trading for the day after 2 losses in a row.", ["no buys after 2 losses a day"]),
        (". After a stop, no more trades that day.", ["no buys after 1 losses a day"]),
        (". Risk 1% of equity.", ["size 1% of equity"]),
        (". Risk $200 a trade.", ["size 200 dollars"]),
        (", target 2R.", ["take profit 3R"]),
        (", target 2R.", ["take profit 2%"]),
        (", hold at most 5 days.", ["sell when bars_held >= 5"]),
        (", hold at most 5 days.", ["sell when days_held >= 6"]),
    ],
)
def test_an_answer_with_other_rules_does_not_pass(words: str, rules: list[str]) -> None:
    """Whoever wrote it: its code follows its rules, and the rules are not what the words say."""
    said = WORDS + words
    draft = StrategyDraft.model_validate(write_answer([said]))
    mine = [BUY, SELL, STOP, *rules] if any("loss" in each or "stop" in each for each in rules) or not rules else [BUY, SELL, "stop loss 1%", *rules]  # fmt: skip
    code = strategy(*mine)
    last = len(draft.requirements) - 1
    wrong = [
        each.model_copy(update={"rules": [f"symbol {draft.symbol}", *mine[:1]] if not index else [mine[1]] if index == 1 else [mine[2]] if index == 2 else rules, "lines": list(range(1, code.source.count("\n") + 1))})
        for index, each in enumerate(draft.requirements)
    ]  # fmt: skip
    assert last == 3, [each.quote for each in draft.requirements]
    answer = draft.model_copy(update={"requirements": wrong, "python_code": code.source})
    assert review(answer, code, request_of([Turn("user", first_request(said))])) != []


@pytest.mark.parametrize("written", [False, True])
def test_a_part_is_sold_of_each_position_though_it_buys_on_the_first_bar_without_one(written: bool) -> None:
    said = "Buy AAPL when the price is above $50, sell half at a 2% gain, sell when it is down 1%"
    rules = ("buy when close > 50", "sell 50% when gain >= 2", "sell when gain <= -1")
    code = compile_strategy(write_answer([said])["python_code"]) if written else strategy(*rules)
    trade = [100.0, 100.0, 103.0, 103.0, 98.0]
    fills = run_backtest(code, bars_of([*trade, *trade[1:], *trade[1:]]), BacktestConfig()).fills
    sides = [int(side) for side in fills.side]
    assert sides[:6] == [1, 2, 2, 1, 2, 2], "half, and the rest, of each"
