"""Words that were once passed over without a word: what is said is written as it was meant, or asked about; and the gate refuses the rules that pass over it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import request_of
from stratforge.ai.prompts import first_request, refinement_request
from stratforge.ai.quant import Turn
from stratforge.ai.review import review
from stratforge.intent.follow_ups import ASK
from stratforge.intent.gate import readings_to_tell, words_findings
from stratforge.intent.markets import MONDAY_OPEN
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import read_rule
from stratforge.intent.runner import Runner
from stratforge.intent.trial import disagreement
from stratforge.market import BarColumns
from stratforge.strategy import compile_strategy
from stratforge.strategy.graph import Values

RSI, SMA = "ta.rsi(bars.close, length=14)", "ta.sma(bars.close, length=20)"
MACD = "ta.macd(bars.close, fast=12, slow=26, signal=9)"
BUY, SELL = f"buy when {RSI} < 30", f"sell when {RSI} > 70"


def answered(request: str) -> tuple[list[str], StrategyDraft]:
    """The rules that pass the gate for a conversation, none where it was asked about or caught."""
    turns = request.split(" || ")
    conversation: list[Turn] = []
    for index, words in enumerate(turns):
        conversation.append(Turn("user", (refinement_request if index else first_request)(words)))
        draft = StrategyDraft.model_validate(write_answer(turns[: index + 1]))
        conversation.append(Turn("model", draft.model_dump_json()))
    if not draft.python_code:
        assert draft.questions
        return [], draft
    if review(draft, compile_strategy(draft.python_code), request_of(conversation[:-1])):
        return [], draft
    return [rule for each in draft.requirements for rule in each.rules], draft


def refused(words: str, *rules: str, symbol: str = "AAPL") -> bool:
    wanted = [Requirement(quote=words, meaning="-", status=Status.COVERED, rules=list(rules))]
    return bool(words_findings(words, wanted, ["No symbol was named: AAPL is used."], symbol=symbol))


BOUND_TO_THE_SALE = [
    "Buy when RSI < 30; sell when RSI > 70, and only if MACD < 0",
    "Buy when RSI < 30; sell when RSI > 70 (only if MACD < 0)",
    "Buy when RSI < 30; sell when RSI > 70, never in the first 5 bars",
    "Buy when RSI < 30; sell when RSI > 70, only if the close is above SMA 20",
    "Buy when RSI < 30; sell when RSI > 70, only when MACD is below its signal",
    "Buy when RSI < 30; sell when RSI > 70, only if MACD is falling",
    "Buy when close > SMA 20; sell when close < SMA 20, only if RSI < 50",
    "Buy when close > SMA 20. Sell when close < SMA 20, but only if RSI < 50.",
    "- buy: close > SMA 20\n- sell: close < SMA 20, only when RSI < 50",
    "Buy:\n1. RSI < 30\n2. only if close > SMA 200\nSell:\n1. RSI > 70\n2. only if MACD < 0",
    "Buy when close > SMA 20; sell when close < SMA 20, only when RSI < 50, stop 2%",
    "Sell when close < SMA 20, but only if RSI < 50. Buy when close > SMA 20.",
    "RSI低于30买入，RSI高于70卖出，仅当MACD低于0",
    "Buy when close > SMA 20. Sell when close < SMA 20, but not if RSI < 30.",
    "Buy when close > SMA 20. Sell when close < SMA 20, not when RSI < 30.",
    "Buy when close > SMA 20; sell at 3% profit, but only if RSI > 70",
    "Buy when close > SMA 20; sell after 10 bars, but only if RSI > 70",
    "Buy when close > SMA 20; sell half at 2%, but only if RSI > 70; sell the rest when close < SMA 20",
    "Buy when RSI is below 30; sell when RSI is above 70, but not within the first 10 bars",
    "Buy when RSI < 30; sell 2% above entry or when RSI > 70, but not in the first 5 bars",
    "Buy when RSI < 30; sell at 2% profit, but not in the first 5 bars",
    "Buy when RSI < 30; stop 1%, but not in the first 5 minutes",
    "Buy when close > SMA 20, sell when close < SMA 20 || add a 1% stop, but not in the first 5 minutes",
]  # fmt: skip
LOOKS_BACK = [
    "Buy when RSI < 30 in the last 10 bars; sell when RSI > 70",
    "Buy when RSI was below 30 in the last 10 minutes; sell when RSI > 70",
    "Buy if price hit the 20 bar low in the last 5 minutes; sell at 1% profit",
    "Buy when MACD crossed above signal within the last 3 minutes; sell when RSI > 70",
    "Buy if the close was above the SMA 20 in the last 3 bars; sell when RSI > 70",
    "Buy when close > SMA 20 and RSI was below 30 in the last 15 minutes; sell when close < SMA 20",
    "Buy when close > SMA 20 unless RSI was above 70 in the last 15 minutes; sell when close < SMA 20",
    "Buy when volume was above 10000 in the last 5 minutes; sell after 10 bars",
    "Buy on EMA 9/21 cross in the last 3 bars, opposite cross exit",
    "Buy when MACD crosses above signal and volume was above 5000 within the last 10 bars; sell when MACD crosses below signal",
    "Buy when RSI has been below 30 in the last 10 minutes and close > SMA 20; sell when RSI > 70",
    "Buy when RSI dropped below 30 during the last 5 minutes; sell when RSI > 70",
    "Sell when RSI was above 70 in the last 5 minutes; buy when RSI < 30",
    "Buy when close was below SMA 20 in the last 10 minutes and MACD crosses above signal; sell when close < SMA 20",
    "Sell when close was below SMA 20 in the last 5 minutes; buy when MACD crosses above signal",
]  # fmt: skip
ONCE_AND_AGAIN = [
    "Buy when RSI is below 30 once, sell when RSI is above 70",
    "Buy the moment RSI goes under 30, once, stop 1%, target 2%",
    "Sell when RSI > 70, once; buy when RSI < 30",
    "Buy when close > SMA 20 once; sell when close < SMA 20",
    "Buy when MACD crosses above signal once; sell when MACD crosses below signal",
    "Buy when close crosses above SMA 20, once; sell when close crosses below SMA 20",
    "Buy once RSI is above 30 again, sell when RSI > 70",
    "Buy when RSI is back above 30, sell when RSI > 70",
    "Buy when RSI is above 30 again, sell when RSI > 70",
    "Buy when RSI is no longer below 30, sell when RSI is no longer above 70",
    "Buy when close is back above SMA 20, sell when it is back below",
    "Buy when close closes above SMA 20 again, stop 1%, target 2%",
    "Buy again when RSI < 20, sell when RSI > 70",
    "Buy when RSI is well below 30, sell when RSI > 70",
]  # fmt: skip
OTHERWISE = [
    "Buy when RSI crosses below 30, otherwise sell",
    "Buy when close crosses above SMA 20, otherwise sell",
]  # fmt: skip
DISTANCES = [
    "Buy when close is at most 1% below SMA 20; sell at 2% profit",
    "Buy when close is no more than 1% below SMA 20; sell at 2% profit",
    "Buy when close is less than 1% below SMA 20; sell at 2% profit",
    "Buy when close < SMA 20; sell when close is at most 1% below SMA 20",
    "Buy when close is at most 2% below the 20 bar high; sell at 2% profit",
    "Buy when price is at least 2% below the 20 bar high, sell when it is at most 1% below the 20 bar high",
    "Buy when close < SMA 20; sell when close is less than 2% below the 20 bar high",
    "Buy when close is not less than 1% below SMA 20; sell at 2% profit",
    "Buy when close > SMA 20; sell half after 5 bars and the rest after 10",
    "Buy when close > SMA 20; sell half after 5 minutes and the rest after 10",
    "Buy when close > SMA 20; sell half after 10 bars and the rest after 15",
    "Buy on the death cross, sell on the golden cross, EMA 9/21",
    "Only sell when close > SMA 20. Buy when RSI < 30, sell when RSI > 70",
    "Buy when close > SMA 20, sell when close < SMA 20 || take profit at 3% but not before 10:30",
    "Entry: RSI < 30; close > SMA 200\nExit: RSI > 70; close < SMA 200",
    "Buy when RSI < 30 then close > SMA 20; sell when RSI > 70",
    "Buy 10 shares when RSI < 10, sell when RSI > 70 || use 20 instead of 10",
]  # fmt: skip


@pytest.mark.parametrize("request_", [*BOUND_TO_THE_SALE, *LOOKS_BACK, *ONCE_AND_AGAIN, *OTHERWISE, *DISTANCES])
def test_words_of_which_no_reading_is_sure_are_asked_about(request_: str) -> None:
    draft = StrategyDraft.model_validate(write_answer(request_.split(" || ")))
    assert draft.questions
    assert "“" in draft.questions[0]
    assert not draft.python_code


READ = [
    ("Kaufe, wenn der RSI nicht über 30 liegt, und verkaufe bei 2 % Gewinn oder 1 % Verlust", f"buy when {RSI} <= 30"),
    ("Kaufe, wenn der RSI nicht unter 30 liegt, und verkaufe wenn er unter 30 fällt", f"buy when {RSI} >= 30"),
    ("Verkaufe wenn RSI nicht unter 70 liegt, kaufe wenn RSI unter 30 liegt", f"sell when {RSI} >= 70"),
    ("Kaufe wenn RSI nicht über 30 ist, verkaufe wenn RSI über 70 ist", f"buy when {RSI} <= 30"),
    ("Kaufe wenn der RSI nicht größer als 30 ist, verkaufe wenn er größer als 70 ist", f"buy when {RSI} <= 30"),
    ("Kaufe wenn MACD über 0 liegt und RSI nicht über 70 liegt, verkaufe wenn MACD unter 0 liegt", f"{RSI} <= 70"),
    ("Verkaufe wenn der RSI nicht über 50 liegt, kaufe wenn der RSI über 60 steigt", f"sell when {RSI} <= 50"),
    ("Kaufe wenn der RSI nicht kleiner als 50 ist und verkaufe wenn der RSI kleiner als 50 ist", f"buy when {RSI} >= 50"),
    ("Kaufe wenn der RSI nicht unter 50 ist und verkaufe wenn der RSI unter 40 ist", f"buy when {RSI} >= 50"),
    ("Kaufe wenn MACD nicht unter 0 liegt, verkaufe wenn MACD unter 0 liegt, Stop 2%", f"buy when {MACD}.macd >= 0"),
    ("Kaufe wenn MACD über 0 ist, nur wenn RSI nicht über 70 ist; verkaufe wenn MACD unter 0 ist", f"{RSI} <= 70"),
    ("Buy:\n1. RSI < 30\n2. or close > SMA 200\nSell:\n1. RSI > 70", " or "),
    ("Buy:\n- RSI < 30\n- or close > SMA 200\nSell: RSI > 70", " or "),
    ("Buy when:\n- RSI < 30\n- or close > SMA 200\nSell when:\n- RSI > 70\n- or close < SMA 200", " or "),
    ("Buy:\n- RSI < 30\n- or MACD crosses above signal\nSell:\n- RSI > 70\n- and close > SMA 20", " or "),
    ("Entry:\n- close > SMA 20\n- or RSI > 50\nExit:\n- close < SMA 20", " or "),
    ("Sell:\n- RSI > 70\n- and close < SMA 20\nBuy: RSI < 30", "sell when "),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "wanted"), READ)
def test_a_negation_and_the_word_of_a_list_are_read(request_: str, wanted: str) -> None:
    rules, _ = answered(request_)
    assert any(wanted in each for each in rules) or not rules


NUMBERS_CARRIED = [
    "Buy when stochastic (5,3,3) K crosses above D, sell when stochastic K crosses below D",
    "Buy when stochastic(5,3,3) %K crosses above %D, sell when it crosses below",
    "Buy when stochastic(5,3,3) %K is below 20, sell when %K is above 80",
    "Buy when supertrend (7, 2) is up, sell when supertrend is down",
    "Buy when supertrend (7,2) turns up, sell when the supertrend turns down",
    "Buy when TRIX(15) crosses above 0 and sell when TRIX crosses below 0",
    "Buy when TRIX(9) crosses above its signal, sell when TRIX crosses below its signal",
    "Buy when tsi(10, 20, 5) > 0, sell when tsi < 0",
    "Buy when ppo(5, 35, 5) > 0, sell when ppo < 0",
    "Buy when 5m RSI(7) < 30, sell when RSI > 70",
    "Buy when 5m RSI < 30, sell when RSI > 70",
    "Buy when 5m MACD crosses above signal, sell when MACD crosses below signal",
    "Buy when the 5m RSI crosses above 30 and close > SMA 20, sell when the RSI crosses below 70",
    "Buy when RSI < 30, sell when RSI > 70 || use the 5m RSI",
    "Buy when RSI < 30, sell when RSI > 70 || use the 15 minute RSI instead",
]  # fmt: skip


NAMES_OF_INDICATORS = [
    "Buy when TRIX crosses above zero, sell when it crosses below its signal line",
    "Buy when TRIX is above 0 and RSI < 30, sell when RSI > 70",
    "Buy when KAMA(10) > close, sell when KAMA(10) < close",
    "Buy when PPO > 0, sell when PPO < 0",
    "Buy when WILLR < -80, sell when WILLR > -20",
    "Buy when NATR > 2, sell after 10 bars",
    "Buy when TSI crosses above 0, sell when TSI crosses below 0",
    "Buy when RSI < 30 and TSI > 0, sell when RSI > 70",
    "Buy when CHOP < 38, sell when CHOP > 61",
    "Buy when CMO > 50, sell when CMO < -50",
    "Buy when VWMA(20) < close, sell when VWMA(20) > close",
    "Buy when QQE > 50, sell when QQE < 50",
    "Buy when MASSI > 27, sell after 5 bars",
]  # fmt: skip


BECOMES = [
    "Buy AAPL as soon as supertrend becomes bullish; stop 1%",
    "Buy when RSI turns above 50, stop 1%",
    "Buy when price moves above VWAP, sell when it moves below, stop 1%",
    "Buy when price climbs over SMA 20, stop 1%, target 2%",
    "Buy when price gets above SMA 20, stop 1%, target 2%",
    "Buy when price goes over the upper Bollinger band, stop 1%, target 2%",
    "Buy when SAR flips below price, stop 1%, target 2%",
]  # fmt: skip


CRASHES = [
    "Buy when HMA(20) crosses above HMA(50), sell opposite",
]  # fmt: skip


@pytest.mark.parametrize("request_", NUMBERS_CARRIED)
def test_numbers_and_timeframes_carry_over_or_are_asked_about(request_: str) -> None:
    rules, _ = answered(request_)
    calls = [each for each in rules if "ta." in each]
    assert not calls or all("k=5, d=3, smooth_k=3" in each for each in calls)


def test_the_numbers_of_a_line_carry_over_to_its_other_lines() -> None:
    rules, _ = answered("Buy when MACD(5,35,5) crosses above its signal, sell when the histogram is negative")
    assert all("fast=5, slow=35, signal=5" in each for each in rules if "ta." in each)
    assert rules


@pytest.mark.parametrize("request_", NAMES_OF_INDICATORS)
def test_the_name_of_an_indicator_is_no_symbol(request_: str) -> None:
    rules, draft = answered(request_)
    assert draft.symbol == "AAPL"
    assert not rules or "ta." in " ".join(rules)


@pytest.mark.parametrize("request_", BECOMES)
def test_what_becomes_so_was_not_so_before(request_: str) -> None:
    rules, _ = answered(request_)
    assert not rules or any(each.startswith("buy when crosses_") for each in rules)


@pytest.mark.parametrize("request_", CRASHES)
def test_what_cannot_be_written_is_asked_about(request_: str) -> None:
    assert StrategyDraft.model_validate(write_answer([request_])).questions


def test_the_parabolic_sar_is_the_series_that_the_language_has() -> None:
    sar = "ta.psar(bars.high, bars.low, bars.close).sar"
    rules, _ = answered("Buy EBAY when the price crosses above the Parabolic SAR, sell when it goes below")
    assert {f"buy when crosses_above(close, {sar})", f"sell when crosses_below(close, {sar})"} <= set(rules)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Kaufe wenn RSI nicht über 30 ist, verkaufe wenn RSI über 70 ist", [f"buy when {RSI} > 30", SELL]),
        ("Buy:\n- RSI < 30\n- or close > SMA 20\nSell: RSI > 70", [f"{BUY} and close > {SMA}", SELL]),
        ("Sell:\n- RSI > 70\n- and close < SMA 20\nBuy: RSI < 30", [f"{SELL} or close < {SMA}", BUY]),
        ("Buy when RSI < 30; sell when RSI > 70, only if the close is above SMA 20", [BUY, SELL, f"buy only when close > {SMA}"]),
        ("Buy when RSI < 30; sell when RSI > 70, but not in the first 5 bars", [BUY, SELL, "buy only when minute >= 575"]),
        ("Buy when RSI was below 30 in the last 10 minutes; sell when RSI > 70", [f"{BUY} and minute >= 950", SELL]),
        ("Buy when stochastic(5,3,3) %K is below 20, sell when %K is above 80", ["buy when ta.stoch(bars.high, bars.low, bars.close, k=5, d=3, smooth_k=3).k < 20", "sell when ta.stoch(bars.high, bars.low, bars.close, k=14, d=3, smooth_k=3).k > 80"]),
        ("Buy when 5m RSI < 30, sell when RSI > 70", ['buy when ta.rsi(bars.resample("5min").close, length=14) < 30', SELL]),
        ("Buy when RSI is below 30 once, sell when RSI is above 70", [BUY, SELL]),
        ("Buy when RSI is back above 30, sell when RSI > 70", [f"buy when {RSI} > 30", SELL]),
        ("Buy when RSI turns above 50, sell when RSI > 70", [f"buy when {RSI} > 50", SELL]),
        ("Buy when RSI crosses below 30, otherwise sell", [f"buy when crosses_below({RSI}, 30)", f"sell when not crosses_below({RSI}, 30)"]),
        ("Buy when close is at most 1% below SMA 20; sell when RSI > 70", [f"buy when close <= {SMA} * 0.99", SELL]),
    ],
)  # fmt: skip
def test_the_gate_refuses_rules_that_pass_over_the_words(words: str, rules: list[str]) -> None:
    assert refused(words, *rules)


def test_the_gate_refuses_the_name_of_an_indicator_as_a_symbol() -> None:
    words = "Buy when RSI < 30 and TSI > 0, sell when RSI > 70"
    assert refused(words, f"{BUY} and close > 0", SELL, symbol="TSI")


BEFORE_THE_CLOSE = [
    ("Buy when RSI < 30, sell 30 minutes before the closing bell", "sell when minute >= 930", "sell when minutes_to_close <= 30"),
    ("Buy when RSI < 30, get me out whenever no more than 10 minutes remain before the close", "sell when minute >= 950", "sell when minutes_to_close <= 10"),
    ("Buy when RSI < 30, dump it all once just the final half hour remains", "sell when minute >= 930", "sell when minutes_to_close <= 30"),
    ("Kaufe wenn RSI < 30, alles verkaufen 20 Minuten vor Handelsschluss", "sell when minute >= 940", "sell when minutes_to_close <= 20"),
    ("RSI低于30买入，收盘前15分钟卖出", "sell when minute >= 945", "sell when minutes_to_close <= 15"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "fixed", "counted"), BEFORE_THE_CLOSE)
def test_minutes_before_the_close_are_no_fixed_time(words: str, fixed: str, counted: str) -> None:
    """On days with an early close a fixed time comes after it; what is said as a time stays one."""
    assert wrong_in(words, fixed)
    assert not wrong_in(words, counted)
    assert not any("early" in each for each in found_in("Buy when RSI < 30, sell at 15:30, before the close", "sell when minute >= 930"))  # fmt: skip


def test_code_with_a_fixed_time_is_seen_on_a_day_with_an_early_close() -> None:
    rules = [read_rule(each) for each in (BUY, "sell when minutes_to_close <= 30")]
    counted = reference_strategy(rules)
    fixed = compile_strategy(counted.source.replace("bar.time.minutes_to_close <= 30", "bar.time.hour * 60 + bar.time.minute >= 930"))  # fmt: skip
    assert disagreement(counted, counted) is None
    assert disagreement(fixed, counted) is not None


def test_coins_have_no_close() -> None:
    assert any("around the clock" in each for each in found_in("Buy when RSI < 30, sell 30 minutes before the close", "sell when minutes_to_close <= 30", symbol="BTC/USD"))  # fmt: skip


def wrong_in(words: str, rule: str) -> list[str]:
    """What is found, but that a reading has to be told."""
    return [each for each in found_in(words, rule) if not each.startswith("Nobody has shown")]


def found_in(words: str, *rules: str, symbol: str = "AAPL") -> list[str]:
    wanted = [Requirement(quote=words, meaning="-", status=Status.COVERED, rules=[BUY, *rules])]
    return words_findings(words, wanted, ["No symbol was named: AAPL is used."], symbol=symbol)


OF_A_DAY = ("buy when close > day_open * 1.01", "buy when close > opening_high(30)", "buy when high > day_high_before", "buy when low < day_low_before", "buy when close < 0.98 * yesterday_high")  # fmt: skip
BEGINS = 'state.get("today", -1 if bar.time.minutes_to_close == 390 else bar.time.weekday)'


@pytest.mark.parametrize("rule", OF_A_DAY)
def test_a_day_is_known_only_where_it_was_seen_from_its_first_bar_on(rule: str) -> None:
    """Code that takes the first bar it sees for the day's first is seen by the trial."""
    known = reference_strategy([read_rule(each) for each in (rule, "sell when bars_held >= 5")])
    guessed = compile_strategy(known.source.replace(BEGINS, 'state.get("today", -1)'))
    assert disagreement(known, known) is None
    assert disagreement(guessed, known) is not None


@pytest.mark.parametrize(("start", "bought"), [(0, True), (210, False)])
@pytest.mark.parametrize("rule", [OF_A_DAY[0], OF_A_DAY[1], OF_A_DAY[2]])
def test_started_within_a_day_nothing_is_bought_by_it(rule: str, start: int, bought: bool) -> None:
    """A day that rises all the time is bought where it was seen from its open, and else on the next day."""
    known = reference_strategy([read_rule(each) for each in (rule, "sell when bars_held >= 5000")])
    close = 100 * 1.0001 ** np.arange(780.0)
    stamps = np.concatenate([MONDAY_OPEN + 86_400 * day + 60 * np.arange(390) for day in (0, 1)])[start:]
    bars = rising(stamps, close[start:])
    runner = Runner(known, Values(bars))
    decided = [runner.decide(index, (0.0, 0.0, 0.0, 0.0)) is not None for index in range(780 - start)]
    assert any(decided[: 390 - start]) is bought
    assert any(decided[390 - start :])


def rising(stamps: npt.NDArray[np.int64], close: npt.NDArray[np.float64]) -> BarColumns:
    """Bars that end a little above where they begin."""
    return BarColumns(stamps, close, close * 1.0001, close * 0.9999, close, np.full(len(close), 1e4))


def test_an_equal_high_and_the_first_of_a_day_are_no_new_high() -> None:
    known = reference_strategy(
        [read_rule(each) for each in ("buy when high > day_high_before", "sell when bars_held >= 5")]
    )
    high = np.array([10.0, 9.0, 10.0, 11.0, 11.0, 12.0])
    bars = BarColumns(MONDAY_OPEN + 60 * np.arange(6), high - 1, high, high - 2, high - 1, np.full(6, 1e4))
    runner = Runner(known, Values(bars))
    assert [runner.decide(index, (0.0, 0.0, 0.0, 0.0)) is not None for index in range(6)] == [False, False, False, True, False, True]  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        "buy MSFT when price is up at least 1% from today's open, sell when it's back at the open price",
        "Buy ABNB between 13:00 and 15:00 if it makes a new high of the day; sell at 3:50pm",
        "Opening range: buy SPY when it breaks above the high of the first 30 minutes, sell at 15:50",
        "Buy AAPL when price breaks the high of the day, sell at 15:58",
        "Buy AAPL when the close is above the day's open, sell after 5 bars",
        "Buy AAPL when the close is above the opening price, sell at 15:55",
        "Buy AAPL when price crosses above the high of the first 15 minutes, sell after 20 bars",
        "Buy AAPL when the price is 0.5% above the low of the day, sell after 20 bars",
    ],
)
def test_what_is_written_of_a_day_buys_nothing_on_a_day_it_did_not_see_from_its_first_bar_on(words: str) -> None:
    rules, draft = answered(words)
    assert rules
    close = 100 * 1.0001 ** np.arange(780.0)
    stamps = np.concatenate([MONDAY_OPEN + 86_400 * day + 60 * np.arange(390) for day in (0, 1)])[210:]
    bars = rising(stamps, close[210:])
    runner = Runner(compile_strategy(draft.python_code), Values(bars))
    decided = [runner.decide(index, (0.0, 0.0, 0.0, 0.0)) is not None for index in range(570)]
    assert not any(decided[:180])
    assert any(decided[180:])


GAIN, DROP = "sell when gain >= 3", "sell when drop >= 2"
LOW_5 = "bars.low.rolling(5).min().shift(1)"


def asked(words: str, *rules: str, before: tuple[str, ...] | None = None, dropped: tuple[str, ...] = ()) -> bool:
    """Whether the gate has the person asked, whoever wrote the answer."""
    stays = [each for each in before or () if each not in dropped]
    wanted = [Requirement(quote=words, meaning="-", status=Status.COVERED, rules=[*(f"drop {each}" for each in dropped), *rules])]  # fmt: skip
    wanted += [Requirement(quote="", meaning="-", status=Status.KEPT, rules=[each]) for each in stays]
    symbols = () if before else ("No symbol was named: AAPL is used.",)
    found = words_findings(words, wanted, symbols, whole=before is None, before=before, symbol="AAPL")
    return any(each.endswith(ASK) and "“" in each for each in found)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy when RSI < 30, trailing stop 2% once the profit is 3%", (BUY, GAIN, DROP)),
        ("Buy when RSI < 30, sell when RSI > 70, when it is up 3%, trail by 2%", (BUY, SELL, "trailing stop 2%")),
        ("Kaufe bei RSI < 30, nachlaufender Stop 2% ab 3% Gewinn, verkaufe bei RSI > 70", (BUY, SELL, DROP)),
        ("Achète si RSI < 30, stop suiveur 2% dès que le gain est de 3%, vends si RSI > 70", (BUY, SELL, DROP)),
        ("RSI<30买入，盈利3%后移动止损2%，RSI>70卖出", (BUY, SELL, DROP)),
        ("RSI<30で買い、利益3%で、トレーリングストップ2%、RSI>70で売り", (BUY, SELL, DROP)),
        ("Buy when RSI < 30, stop 2% below the close, sell when RSI > 70", (BUY, SELL, "sell when close <= 0.98 * close")),
        ("Kaufe bei RSI < 30, Stop 2% unter Schluss, verkaufe bei RSI > 70", (BUY, SELL, "sell when close < close * 0.98")),
        ("Buy when RSI < 30, stop 1% below the low of the last 5 bars, sell when RSI > 70", (BUY, SELL, f"sell when close <= 0.99 * {LOW_5}")),
        ("Kaufe bei RSI < 30, Stop 1% unter dem Tief der letzten 5 Bars, verkaufe bei RSI > 70", (BUY, SELL, f"sell when close <= 0.99 * {LOW_5}")),
        ("Achète si RSI < 30, stop sous le plus bas des 5 dernières bougies, vends si RSI > 70", (BUY, SELL, f"sell when low < {LOW_5}")),
        ("RSI<30买入，止损设在最近5根K线最低点，RSI>70卖出", (BUY, SELL, f"sell when close < {LOW_5}")),
        ("AAPL: not more than 2 in the first hour. Buy when RSI < 30, sell when RSI > 70", (BUY, SELL, "buy when close <= 2 and minute < 630")),
        ("Buy when RSI < 30, sell when RSI > 70. Max 3.", (f"buy when {RSI} < 30 and close <= 3", SELL)),
        ("Höchstens 2 vor 11 Uhr. Kaufe bei RSI < 30, verkaufe bei RSI > 70", (BUY, SELL, "buy only when close <= 2")),
        ("最多2。RSI<30买入，RSI>70卖出", (BUY, SELL, "buy only when close <= 2")),
    ],
)  # fmt: skip
def test_stops_and_counts_that_are_written_otherwise_are_asked_about(words: str, rules: tuple[str, ...]) -> None:
    assert asked(words, *rules)


@pytest.mark.parametrize(
    ("words", "dropped", "rule"),
    [
        ("buy at 35", BUY, f"buy when {RSI} >= 35"),
        ("kaufe bei 35", BUY, f"buy when {RSI} > 35"),
        ("compra en 35", BUY, f"buy when {RSI} >= 35"),
        ("sell at 60", SELL, f"sell when {RSI} <= 60"),
        ("rsi>40", BUY, f"buy when {RSI} > 40"),
        ("RSI über 40", BUY, f"buy when {RSI} > 40"),
    ],
)
def test_a_level_that_is_reached_from_the_other_side_is_asked_about(words: str, dropped: str, rule: str) -> None:
    assert asked(words, rule, before=(BUY, SELL), dropped=(dropped,))


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy when RSI < 30, trailing stop 2% once the profit is 3%, sell when RSI > 70", (BUY, SELL, "trailing stop 2% when gain >= 3")),
        ("Buy when RSI < 30, trailing stop 2%, sell when the profit is 3%", (BUY, GAIN, DROP)),
        ("Buy when RSI < 30, sell when the profit is 3%, trailing stop 2%", (BUY, GAIN, DROP)),
        ("Buy when RSI < 30, stop 1% below the low of the last 5 bars, sell when RSI > 70", (BUY, SELL, f"stop loss at 0.99 * {LOW_5}")),
        ("Buy when RSI < 30, sell when the close is below the low of the last 5 bars, stop 2%", (BUY, f"sell when close < {LOW_5}", "stop loss 2%")),
        ("Buy when RSI is above 50, at most 70, sell when RSI < 40", (f"buy when {RSI} > 50 and {RSI} <= 70", f"sell when {RSI} < 40")),
        ("At most 2 buys a day. Buy when RSI < 30, sell when RSI > 70", (BUY, SELL, "at most 2 buys a day")),
    ],
)  # fmt: skip
def test_stops_and_counts_that_are_written_as_they_are_said_pass(words: str, rules: tuple[str, ...]) -> None:
    assert not asked(words, *rules)
    assert not refused(words, *rules)


@pytest.mark.parametrize(
    ("words", "dropped", "rule"),
    [
        ("buy at 35", BUY, f"buy when {RSI} < 35"),
        ("buy when RSI is above 50", BUY, f"buy when {RSI} > 50"),
        ("rsi < 20", BUY, f"buy when {RSI} < 20"),
    ],
)
def test_a_level_from_the_side_that_stands_or_is_named_passes(words: str, dropped: str, rule: str) -> None:
    assert not asked(words, rule, before=(BUY, f"sell when {RSI} > 80"), dropped=(dropped,))


@pytest.mark.parametrize(
    ("words", "rules", "told"),
    [
        ("Buy with half of my cash when RSI < 30, sell when RSI > 70", (BUY, SELL, "size 50% of equity"), "“half of my cash” is taken as 50 % of the session's equity"),
        ("Kaufe für die Hälfte meines Bargelds bei RSI < 30, verkaufe bei RSI > 70", (BUY, SELL, "size 50% of equity"), "is taken as 50 % of the session's equity"),
        ("Buy when RSI < 30, exit when 3% below the high since entry", (BUY, "sell when drop >= 3"), "from the highest close since the purchase"),
        ("Kaufe bei RSI < 30, verkaufe 3% unter dem Hoch seit dem Kauf", (BUY, "sell when drop >= 3"), "from the highest close since the purchase"),
        ("Buy when RSI < 30, stop loss 1% below the 20 EMA, sell when RSI > 70", (BUY, SELL, "sell when close <= 0.99 * ta.ema(bars.close, length=20)"), "it moves with what it is measured from"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_to_the_letter_is_told(words: str, rules: tuple[str, ...], told: str) -> None:
    wanted = [Requirement(quote=words, meaning="-", status=Status.COVERED, rules=list(rules))]
    assert any(told in each for each in readings_to_tell(words, wanted, symbol="AAPL")[0])
