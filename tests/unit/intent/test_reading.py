"""The strict reading: what it reads is what the rules have to say, and what it does not know is told, never passed over."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review, told
from stratforge.intent.follow_ups import first_days
from stratforge.intent.gate import readings_to_tell, words_findings
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.statements import statements_of
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import read_rule
from stratforge.strategy import compile_strategy

RSI = "ta.rsi(bars.close, length=14)"
MACD = "ta.macd(bars.close, fast=12, slow=26, signal=9)"
VWAP = "ta.vwap(bars.high, bars.low, bars.close, bars.volume)"
BANDS = "ta.bbands(bars.close, length=20, std=3)"
ATR = "ta.atr(bars.high, bars.low, bars.close, length=14)"
STOCH = "ta.stoch(bars.high, bars.low, bars.close, k=14, d=3, smooth_k=3)"
BUY, SELL = f"buy when {RSI} < 30", f"sell when {RSI} > 70"


def _wanted(words: str, rules: list[str]) -> list[Requirement]:
    return [Requirement(quote=words, meaning="-", status=Status.COVERED, rules=rules)]


def contrary(words: str, *rules: str) -> bool:
    return any("does not say what its rules do" in each for each in words_findings(words, _wanted(words, list(rules)), symbol="AAPL"))  # fmt: skip


def taken(words: str, *rules: str) -> list[str]:
    """What is told of how words were read; from when on a day is known is told of rules, however they are said."""
    said = readings_to_tell(words, _wanted(words, list(rules)), symbol="AAPL")[0]
    known = first_days([read_rule(each) for each in rules])
    return [each for each in said if each not in known]


READ = [
    ("Buy AAPL when RSI < 30, sell when RSI > 70", [BUY, SELL]),
    ("Buy AAPL when the RSI(14) is below 30 and sell when it is above 70", [BUY, SELL]),
    ("When RSI is under 30 buy AAPL, when RSI is over 70 sell", [BUY, SELL]),
    ("Buy when RSI is at most 30, sell when RSI is 70 or more", [f"buy when {RSI} <= 30", f"sell when {RSI} >= 70"]),
    ("Buy when RSI crosses 30 from below, sell when it crosses below 70", [f"buy when crosses_above({RSI}, 30)", f"sell when crosses_below({RSI}, 70)"]),
    ("Buy when RSI < 30, sell when RSI is not between 20 and 70", [BUY, f"sell when {RSI} < 20 or {RSI} > 70"]),
    ("Buy when the 10 SMA crosses above the 30 SMA, sell when it crosses below", ["buy when crosses_above(ta.sma(bars.close, length=10), ta.sma(bars.close, length=30))", "sell when crosses_below(ta.sma(bars.close, length=10), ta.sma(bars.close, length=30))"]),
    ("Buy when MACD crosses above its signal line, sell when it crosses below", [f"buy when crosses_above({MACD}.macd, {MACD}.signal)", f"sell when crosses_below({MACD}.macd, {MACD}.signal)"]),
    ("Buy when volume is above twice its 20 bar average, sell after 30 minutes", ["buy when volume > ta.sma(bars.volume, length=20) * 2", "sell when bars_held >= 30"]),
    ("Buy when price is at least 2% below the 20 EMA, sell at 15:50", ["buy when close <= ta.ema(bars.close, length=20) * 0.98", "sell when minute >= 950"]),
    ("Buy when either RSI < 30 or MFI < 20, stop loss 2%, take profit 4%", [f"buy when {RSI} < 30 or ta.mfi(bars.high, bars.low, bars.close, bars.volume, length=14) < 20", "sell when gain <= -2", "sell when gain >= 4"]),
    ("Buy when RSI < 30 on Mondays, sell half when it is up 2%, sell the rest when RSI > 70", [f"buy when {RSI} < 30 and weekday == 0", "sell 50% when gain >= 2", SELL]),
    ("Buy 10 shares of AAPL when RSI < 30, sell when RSI > 70, max 2 trades per day, wait 10 bars after each sale", [BUY, SELL, "size 10 shares", "at most 2 buys a day", "wait 10 bars after a sale"]),
    ("Buy when RSI < 30, sell when RSI > 70, only buy between 10:00 and 3 pm", [BUY, SELL, "buy only when minute >= 600 and minute < 900"]),
    ("Buy after 3 red bars in a row, sell when RSI > 70", ["buy when for_bars(3, close < open)", SELL]),
    # As people write in forums.
    ("AAPL: RSI<30 buy, >70 sell", [BUY, SELL]),
    ("RSI(14) < 30 -> long, RSI(14) > 70 -> flat", [BUY, SELL]),
    ("RSI below 30? Buy. RSI above 70? Sell.", [BUY, SELL]),
    ("Buy when RSI is oversold (below 30), sell when it's overbought", [BUY, SELL]),
    ("Entry: RSI crosses above 30. Exit: RSI crosses below 70 or a 2% stop.", [f"buy when crosses_above({RSI}, 30)", f"sell when crosses_below({RSI}, 70) or gain <= -2"]),
    ("Entry:\n- RSI < 30\n- price above VWAP\nExit:\n- RSI > 70\nStop loss: 2%", [f"{BUY} and close > {VWAP}", SELL, "stop loss 2%"]),
    ("EMA 9/21 crossover, exit on the opposite cross, SL 2% TP 4%", ["buy when crosses_above(ta.ema(bars.close, length=9), ta.ema(bars.close, length=21))", "sell when crosses_below(ta.ema(bars.close, length=9), ta.ema(bars.close, length=21))", "stop loss 2%", "take profit 4%"]),
    ("Buy on a golden cross, sell on a death cross", ["buy when crosses_above(ta.sma(bars.close, length=50), ta.sma(bars.close, length=200))", "sell when crosses_below(ta.sma(bars.close, length=50), ta.sma(bars.close, length=200))"]),
    ("BB(20,3): buy at a touch of the lower band, sell at the middle band", [f"buy when close <= {BANDS}.lower", f"sell when close >= {BANDS}.mid"]),
    ("Buy when price breaks the 20-bar high, sell when it breaks the 10-bar low", ["buy when close > bars.high.rolling(20).max().shift(1)", "sell when close < bars.low.rolling(10).min().shift(1)"]),
    ("Buy when price is 2% below its 20 bar average, sell when it gets back to the average", ["buy when close <= ta.sma(bars.close, length=20) * 0.98", "sell when close >= ta.sma(bars.close, length=20)"]),
    ("Buy if it gaps up more than 1%, sell at 15:55", ["buy when day_open > yesterday_close * 1.01", "sell when minute >= 955"]),
    ("Buy above yesterday's high, stop at yesterday's low, flat by 15:55", ["buy when close > yesterday_high", "stop loss at yesterday_low", "sell when minute >= 955"]),
    ("Buy when RSI < 30, stop 2 ATR below entry, target 3 ATR above entry", [BUY, f"stop loss at close - 2 * {ATR}", f"take profit at close + 3 * {ATR}"]),
    ("Buy with a limit order 0.5% below the close when RSI < 30, good for 10 bars, sell when RSI > 70", [BUY, "buy at limit 0.5% below close for 10 bars", SELL]),
    ("Buy AAPL if it falls 1% within 10 minutes, sell when up 0.5% or down 1%", ["buy when bars.close.pct_change(10) * 100 <= -1", "sell when gain >= 0.5 or gain <= -1"]),
    ("Buy when stoch %K crosses above %D below 20, sell when %K is above 80", [f"buy when crosses_above({STOCH}.k, {STOCH}.d) and {STOCH}.k < 20", f"sell when {STOCH}.k > 80"]),
    ("Friday 15:30 buy, Monday 10:00 sell", ["buy when weekday == 4 and minute >= 930 and minute < 931", "sell when weekday == 0 and minute >= 600"]),
    ("Buy when the 15-minute RSI is below 30, sell when the 15-minute RSI is above 70", ['buy when ta.rsi(bars.resample("15min").close, length=14) < 30', 'sell when ta.rsi(bars.resample("15min").close, length=14) > 70']),
    ("Kaufe, wenn der RSI unter 30 fällt, und verkaufe, wenn er über 70 steigt. Stop-Loss 1,5 %.", [BUY, SELL, "stop loss 1.5%"]),
    ("Compra 10 acciones cuando el RSI baje de 30 y vende cuando suba de 70", [BUY, SELL, "size 10 shares"]),
    ("Acheter quand le RSI est sous 30, vendre quand il est au-dessus de 70. Ne trade pas le vendredi", [BUY, SELL, "buy only when weekday != 4"]),
    ("当RSI(14)低于30时买入,高于70时卖出,止损2%。", [BUY, SELL, "stop loss 2%"]),
    ("RSIが30を下回ったら買い、70を上回ったら売る。損切り2%、1日最大3回まで。", [BUY, SELL, "stop loss 2%", "at most 3 buys a day"]),
    ("Buy when price breaks above the high of the first 30 minutes, stop at the low of the first 30 minutes, sell at 15:55", ["buy when close > opening_high(30)", "stop loss at opening_low(30)", "sell when minute >= 955"]),
    ("No new trades in the first 30 minutes. Buy when RSI < 30, sell when RSI > 70", ["buy only when minute >= 600", BUY, SELL]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "rules"), READ)
def test_what_is_read_and_written_so_needs_no_telling(words: str, rules: list[str]) -> None:
    assert not contrary(words, *rules)
    assert taken(words, *rules) == []


def test_the_close_as_a_time_is_told_to_come_earlier_on_some_days() -> None:
    words, rules = "Buy if it gaps up more than 1%, sell at the close", ["buy when day_open > yesterday_close * 1.01", "sell when minute >= 955"]  # fmt: skip
    assert not contrary(words, *rules)
    (told,) = taken(words, *rules)
    assert "closes at 13:00" in told


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy AAPL when RSI < 30, sell when RSI > 70", [f"buy when {RSI} > 30", SELL]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70", [f"buy when {RSI} < 30 or {RSI} > 70", SELL]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70", ["buy when ta.rsi(bars.high, length=14) < 30", SELL]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70", [BUY, SELL, "sell when gain <= -2"]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70", [BUY, SELL, "buy only when minute < 720"]),
        ("Buy AAPL when RSI crosses 30 from below, sell when RSI > 70", [BUY, SELL]),
        ("Buy AAPL when RSI is not between 20 and 30, sell when RSI > 70", [f"buy when {RSI} >= 20 and {RSI} <= 30", SELL]),
        ("Buy AAPL when RSI < 30 and MFI < 20, sell when RSI > 70", [BUY, "buy when ta.mfi(bars.high, bars.low, bars.close, bars.volume, length=14) < 20", SELL]),
        ("Buy when MACD is above its signal, sell when RSI > 70", [f"buy when {MACD}.signal > {MACD}.macd", SELL]),
        ("Buy when price is 2% below the 20 SMA, sell when RSI > 70", ["buy when close < ta.sma(bars.close, length=20) * 1.02", SELL]),
        ("Buy when RSI < 30, sell when RSI > 70, stop loss 2%", [BUY, SELL, "sell when gain <= 2"]),
        ("Buy when RSI < 30, sell when RSI > 70, use 10 shares", [BUY, SELL, "size 10 dollars"]),
        ("Buy when RSI < 30, sell when RSI > 70, only buy on Mondays", [BUY, SELL, "buy only when weekday != 0"]),
        ("Buy when volume is above its 20 bar average, sell when RSI > 70", ["buy when volume > ta.sma(bars.close, length=20)", SELL]),
        ("Buy when RSI < 30, sell at 15:30", [BUY, "sell when minute <= 930"]),
        ("Buy when RSI < 30, sell after 20 minutes", [BUY, "sell when minute >= 20"]),
        ("Buy when RSI < 30, sell when RSI > 70, and cut the loss at 2%", [BUY, f"{SELL} and gain <= -2"]),
        ("Buy when RSI < 30, sell when RSI > 70, and a 2% stop", [BUY, f"{SELL} and gain <= -2"]),
        ("Buy when RSI < 30. Only buy on Mondays. Sell when RSI > 70", [BUY, "buy when weekday == 0", SELL]),
    ],
)  # fmt: skip
def test_rules_that_say_otherwise_are_found(words: str, rules: list[str]) -> None:
    assert contrary(words, *rules)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy AAPL when RSI < 30, sell when it falls", [BUY, "sell when close < previous(close)"]),
        ("Buy AAPL when RSI hits 50, sell when RSI > 70", [f"buy when {RSI} >= 50", SELL]),
        ("Buy AAPL when RSI < 30 every afternoon, sell when RSI > 70", [BUY, SELL]),
        ("Buy AAPL when RSI < 30, sell when RSI > 70, stop loss 5 dollars", [BUY, SELL, "sell when gain_dollars <= -5"]),
        ("Buy AAPL when stochastic crosses up under 20, sell when RSI > 70", ["buy when crosses_below(ta.stoch(bars.high, bars.low, bars.close, k=14).k, 20)", SELL]),
        ("Buy AAPL with half my cash when RSI < 30, sell when RSI > 70", [BUY, "size 50% of equity", SELL]),
        ("Buy AAPL when RSI < 30 and the price is above the 50 SMA, sell when it is above 70", [f"{BUY} and close > ta.sma(bars.close, length=50)", SELL]),
        ("Buy low AAPL, RSI under 30, sell high, RSI over 70", [SELL.replace("sell", "buy"), BUY.replace("buy", "sell")]),
        ("Buy when the close is below the open, sell when RSI > 70", ["buy when close < day_open", SELL]),
        ("Buy when RSI < 30, sell when RSI > 70 only on Mondays", [BUY, SELL, "buy only when weekday == 0"]),
        ("Buy when RSI < 30 and MFI < 20 or CCI(20) < 0, sell when RSI > 70", [BUY, SELL]),
        ("Buy when RSI < 30, sell 2% above the 20 SMA", [BUY, "sell 2% when close > ta.sma(bars.close, length=20)"]),
        ("Buy when RSI < 30, sell when RSI > 70 and after 30 minutes", [BUY, f"{SELL} and bars_held >= 30"]),
        ("Buy when RSI < 30, on Fridays only when RSI < 20, sell when RSI > 70", [f"{BUY} and weekday == 4 and {RSI} < 20", SELL]),
        ("Buy when RSI < 30, sell when RSI > 70. Don't trade not on Fridays", [BUY, SELL, "buy only when weekday == 4"]),
    ],
)  # fmt: skip
def test_words_of_no_one_meaning_are_told_with_the_rules_own_words(words: str, rules: list[str]) -> None:
    said = taken(words, *rules)
    assert said
    assert all("is taken as" in each for each in said)
    found = words_findings(words, _wanted(words, rules), symbol="AAPL")
    assert any("tell the person" in each for each in found)
    marked = readings_to_tell(words, _wanted(words, rules), symbol="AAPL")[1]
    assert {each.status for each in marked} == {Status.ASSUMED}


_WORDS = ("rarely", "barely", "sometimes", "outside", "afternoon", "weekly", "nearly", "twofold", "minus", "hardly", "half-heartedly", "first", "lunch", "opening", "tomorrow", "yesterday", "daily", "winning", "losing", "nicht", "sauf")  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(READ), st.sampled_from(_WORDS), st.integers(0, 40))
def test_a_word_that_is_not_known_is_never_passed_over(case: tuple[str, list[str]], word: str, place: int) -> None:
    words = case[0].split()
    at = place % (len(words) + 1)
    # Glued to the word before, a comma would end a statement without it.
    said = " ".join([*words[:at], word, *words[at:]])
    # The VWAP is that of the day anyway, and whoever takes a profit is winning.
    assume("daily vwap" not in said.lower() and "profit winning" not in said.lower())
    assert any(word in each for each in taken(said, *case[1])) or contrary(said, *case[1])


@settings(deadline=None)
@given(st.sampled_from(READ), st.sampled_from(["not", "unless", "except", "never"]), st.integers(0, 40))
def test_a_word_that_turns_what_is_said_does_not_leave_the_rules_right(case: tuple[str, list[str]], word: str, place: int) -> None:  # fmt: skip
    words = case[0].split()
    at = place % (len(words) + 1)
    said = " ".join([*words[:at], word, *words[at:]])
    assert taken(said, *case[1]) or contrary(said, *case[1])


def test_what_is_told_is_made_from_the_rules() -> None:
    assert in_words(read_rule(SELL)) == "sell when RSI(14) is above 70"
    assert (
        in_words(read_rule("buy only when weekday == 0 or weekday == 2")) == "buy only when it is Monday or Wednesday"
    )
    assert in_words(read_rule("sell 50% when gain >= 2")) == "sell 50 % of the position, once, when the position's gain in percent is at or above 2"  # fmt: skip
    assert in_words(read_rule("buy when minute >= 600")) == "buy when the time is at or after 10:00"
    assert in_words(read_rule("drop stop loss 2%")) == "no longer stop loss 2 %"


def test_every_word_of_a_turn_lies_in_a_statement() -> None:
    words = "Gently buy AAPL when RSI < 30; maybe sell it. Oh, and never on the third of March!"
    read = statements_of(words, "AAPL")
    left = "".join(each for at, each in enumerate(words) if not any(one.start <= at < one.end for one in read))
    assert not any(each.isalnum() for each in left.replace("and", ""))


@pytest.mark.parametrize("words", ["Buy when RSİ < 30, ſell when RSI > 70", "Kaufe wenn der RSİ < 30", "Buy ıf rſi14 < 30", "AAPL'ın fiyatı"])  # fmt: skip
def test_letters_that_are_others_in_capitals_only_are_read_and_end_nothing(words: str) -> None:
    assert statements_of(words, "AAPL")


def test_an_answer_is_judged_with_what_it_is_to_tell_and_shown_as_assumed() -> None:
    words = "Buy AAPL when RSI < 30 like a pro, sell when RSI > 70"
    code = 'def indicators(bars):\n    return {"rsi": ta.rsi(bars.close, length=14)}\n\ndef on_bar(bar, position, state):\n    if position.quantity == 0 and bar.rsi < 30:\n        return buy()\n    if position.quantity > 0 and bar.rsi > 70:\n        return sell()\n'
    draft = StrategyDraft(
        name="x",
        symbol="AAPL",
        python_code=code,
        logic_explanation="Buys when the rsi is below 30 and sells when the rsi is above 70.",
        requirements=[
            each.model_copy(update={"lines": list(range(1, 9))})
            for each in (
                Requirement(quote="Buy AAPL when RSI < 30 like a pro", meaning="-", status=Status.COVERED, rules=[BUY]),
                Requirement(quote="sell when RSI > 70", meaning="-", status=Status.COVERED, rules=[SELL]),
            )
        ],
    )
    request = Request(words, whole=True)
    assert review(draft, compile_strategy(code), request)
    strategy = compile_strategy(code)
    judged, shown = told(draft, strategy, request)
    assert review(judged, strategy, request) == []
    assert [each.status for each in shown.requirements] == [Status.ASSUMED, Status.COVERED]
    assert judged.assumptions == ["“Buy AAPL when RSI < 30 like a pro” is taken as: buy when RSI(14) is below 30."]
    assert told(shown, strategy, request)[0].assumptions == judged.assumptions
