"""Another symbol in the words of a strategy of one symbol: whose each measure is stands in the words, or the person is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stratforge.intent.gate import contract_findings, words_findings
from stratforge.intent.reading.meaning import meaning_of
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.statements import statements_of
from stratforge.intent.reading.tokens import tokens_of
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import RuleError, read_rule
from stratforge.strategy import compile_strategy

CASES = [json.loads(each) for each in (Path(__file__).parent / "another_symbol.jsonl").read_text("utf-8").splitlines()]
CLEAR = [each for each in CASES if "rules" in each]
TRAPS = [each["request"] for each in CASES if "asks" in each]
SPY = "bars.of('SPY')"
TREND = f"{SPY}.close > ta.sma({SPY}.close, length=200)"
STOOD = ["buy when ta.rsi(bars.close, length=14) < 30", "sell when ta.rsi(bars.close, length=14) > 60", f"buy only when {TREND}"]  # fmt: skip


def wanted(quote: str, rules: list[str], status: Status = Status.COVERED) -> Requirement:
    return Requirement(quote=quote, meaning="as it says", status=status, rules=rules, lines=[1])


def kept(*rules: str) -> list[Requirement]:
    return [wanted("", [each], Status.KEPT) for each in rules]


def findings(request: str, rules: list[str], symbol: str, status: Status = Status.COVERED) -> list[str]:
    return words_findings(request, [wanted(request, rules, status)], [f"“{request}”"], symbol=symbol)


def changed(request: str, rules: list[str], *stays: str, symbol: str = "AAPL") -> list[str]:
    gone = [each for each in STOOD if each not in stays and f"drop {each}" not in rules]
    assert not gone, "a rule is kept or dropped"
    return words_findings(
        request, [wanted(request, rules), *kept(*stays)], [f"“{request}”"], whole=False, symbol=symbol, before=STOOD
    )


@pytest.mark.parametrize("case", CLEAR, ids=lambda each: each["request"][:60])
def test_a_clear_request_is_read_as_its_rules(case: dict[str, Any]) -> None:
    read = statements_of(case["request"], case["symbol"])
    assert [each.unknown or case["request"][each.start : each.end] for each in read if not each.kind] == []
    assert findings(case["request"], case["rules"], case["symbol"]) == []


@pytest.mark.parametrize("case", CLEAR, ids=lambda each: each["request"][:60])
def test_no_other_symbol_takes_the_place_of_the_one_that_was_said(case: dict[str, Any]) -> None:
    texts = [each for each in case["rules"] if "bars.of(" in each]
    assert texts
    name = texts[0].partition("bars.of('")[2].partition("'")[0]
    other = "DIA" if name != "DIA" else "IWM"
    for put in (f"bars.of('{other}')", "bars"):
        moved = [each.replace(f"bars.of('{name}')", put) for each in case["rules"]]
        assert findings(case["request"], moved, case["symbol"])
        assert findings(case["request"], moved, case["symbol"], Status.ASSUMED)


@pytest.mark.parametrize("case", CLEAR, ids=lambda each: each["request"][:60])
def test_nothing_that_is_the_traded_symbol_s_is_taken_for_the_other_one_s(case: dict[str, Any]) -> None:
    name = next(each for each in case["rules"] if "bars.of(" in each).partition("bars.of('")[2].partition("'")[0]
    moved = [each.replace("ta.rsi(bars.close", f"ta.rsi(bars.of('{name}').close") for each in case["rules"]]
    if moved != case["rules"]:
        assert findings(case["request"], moved, case["symbol"])


@pytest.mark.parametrize("case", CLEAR, ids=lambda each: each["request"][:60])
def test_what_is_only_looked_at_is_not_traded(case: dict[str, Any]) -> None:
    name = next(each for each in case["rules"] if "bars.of(" in each).partition("bars.of('")[2].partition("'")[0]
    moved = [each.replace(f"bars.of('{name}')", "bars") for each in case["rules"]]
    for status in (Status.COVERED, Status.ASSUMED):
        assert findings(case["request"], [f"symbol {name}", *moved], name, status)


@pytest.mark.parametrize("name", ["F", "COIN"])
def test_what_is_bought_may_be_called_by_a_letter_or_a_word(name: str) -> None:
    request = f"Buy {name} when GM's RSI is below 30. Sell when GM's RSI is above 60."
    rules = ["symbol GM", "buy when ta.rsi(bars.close, length=14) < 30", "sell when ta.rsi(bars.close, length=14) > 60"]
    for status in (Status.COVERED, Status.ASSUMED):
        assert any("should it only be looked at" in each for each in findings(request, rules, "GM", status))


@pytest.mark.parametrize("request_", TRAPS)
@pytest.mark.parametrize("status", [Status.COVERED, Status.ASSUMED])
def test_no_answer_looks_at_another_symbol_where_the_words_leave_open_whose_a_measure_is(
    request_: str, status: Status
) -> None:
    symbol = next(each for each in ("AAPL", "TSLA", "KO", "SPY") if each in request_)
    other = "SPY" if symbol != "SPY" else "QQQ"
    of = f"bars.of('{other}')"
    for bought in (f"{of}.close > ta.sma({of}.close, length=200)", f"ta.rsi({of}.close, length=14) < 30", f"{of}.close > ta.sma({of}.close, length=50) and ta.rsi(bars.close, length=14) < 30"):  # fmt: skip
        rules = [f"symbol {symbol}", f"buy when {bought}", "sell when bars_held >= 30"]
        assert findings(request_, rules, symbol, status)


@pytest.mark.parametrize("status", [Status.COVERED, Status.ASSUMED])
def test_what_is_said_of_another_symbol_is_not_taken_for_the_traded_one(status: Status) -> None:
    request = "Buy AAPL when SPY is above its 200 SMA and RSI is below 30. Sell after 30 bars."
    rules = ["symbol AAPL", "buy when close > ta.sma(bars.close, length=200) and ta.rsi(bars.close, length=14) < 30", "sell when bars_held >= 30"]  # fmt: skip
    assert any("speaks of SPY" in each for each in findings(request, rules, "AAPL", status))


def test_a_comparison_is_about_one_symbol() -> None:
    for text in (
        f"buy when close > {SPY}.close",
        f"buy when ta.rsi(bars.close, length=14) > ta.rsi({SPY}.close, length=14)",
        f"buy when bars.close / {SPY}.close > 1",
        f"buy when crosses_above(close, {SPY}.close)",
        f"buy when {SPY}.close > day_open",
    ):
        with pytest.raises(RuleError, match="two symbols"):
            read_rule(text)


def test_rules_say_in_words_whose_a_measure_is() -> None:
    said = in_words(read_rule(f"buy when {TREND} and ta.rsi({SPY}.close, length=14) < 30 and previous({SPY}.volume) > 5"))  # fmt: skip
    assert said == "buy when SPY's close is above SPY's SMA(200) and SPY's RSI(14) is below 30 and SPY's volume a bar before is above 5"  # fmt: skip


def test_code_that_looks_at_the_symbol_of_the_words_passes_and_at_another_one_does_not() -> None:
    request = "Buy AAPL when SPY is above its 200-bar average and AAPL's RSI(14) is below 30; sell when AAPL's RSI(14) is above 60."  # fmt: skip
    rules = ["symbol AAPL", f"buy when {TREND} and ta.rsi(bars.close, length=14) < 30", "sell when ta.rsi(bars.close, length=14) > 60"]  # fmt: skip
    source = reference_strategy([read_rule(each) for each in rules[1:]]).source
    lines = list(range(1, source.count("\n") + 1))
    requirement = wanted(request, rules).model_copy(update={"lines": lines})

    def judged(code: str) -> list[str]:
        return contract_findings(request, [requirement], compile_strategy(code), symbol="AAPL")

    assert judged(source) == []
    assert any("QQQ" in each for each in judged(source.replace("'SPY'", "'QQQ'")))
    own = source.replace("ta.sma(bars.of('SPY').close", "ta.sma(bars.close")
    assert own != source
    assert judged(own)
    assert judged(source.replace("ta.rsi(bars.close", "ta.rsi(bars.of('SPY').close"))


def test_words_that_were_not_read_may_say_whose_the_others_are() -> None:
    said, more = "Buy AAPL when SPY is above its 200 SMA and AAPL's RSI is below 30. Sell after 30 bars.", "The RSI the other way round."  # fmt: skip
    rules = ["symbol AAPL", f"buy when {TREND} and ta.rsi(bars.close, length=14) < 30", "sell when bars_held >= 30"]
    requirements = [wanted(said, rules), wanted(more, [], Status.UNSUPPORTED)]
    assert words_findings(said, requirements[:1], symbol="AAPL") == []
    assert any("plain whose" in each for each in words_findings(f"{said} {more}", requirements, [f"“{more}” is left out."], symbol="AAPL"))  # fmt: skip


def test_a_change_adds_what_another_symbol_does() -> None:
    assert changed("only while SPY is above its 50 SMA and AAPL's RSI(7) is below 40", [f"buy only when {SPY}.close > ta.sma({SPY}.close, length=50) and ta.rsi(bars.close, length=7) < 40"], *STOOD) == []  # fmt: skip
    assert changed("only while SPY is above its 50 SMA", [f"buy only when {SPY}.close > ta.sma(bars.of('QQQ').close, length=50)".replace(SPY, "bars.of('QQQ')")], *STOOD)  # fmt: skip


def test_a_change_takes_all_of_it_away_by_its_name() -> None:
    gone = [f"drop {STOOD[2]}"]
    told = "“remove the SPY filter” is taken as: no longer buy only when SPY's close is above SPY's SMA(200)."
    request = [wanted("remove the SPY filter", gone), *kept(*STOOD[:2])]
    assert words_findings("remove the SPY filter", request, [told], whole=False, symbol="AAPL", before=STOOD) == []
    assert any("plain whose" in each for each in changed("remove the filter", gone, *STOOD[:2]))
    assert changed("remove the QQQ filter", gone, *STOOD[:2])


@pytest.mark.parametrize(
    ("request_", "rules", "stays"),
    [
        ("sell when RSI is above 80", ["sell when ta.rsi(bars.close, length=14) > 80"], STOOD),
        ("sell when it is above 500", ["sell when close > 500"], STOOD),
        ("use 100 instead of 200", [f"drop {STOOD[2]}", f"buy only when {SPY}.close > ta.sma({SPY}.close, length=100)"], STOOD[:2]),
        ("use QQQ instead of SPY", [f"drop {STOOD[2]}", STOOD[2].replace("'SPY'", "'QQQ'")], STOOD[:2]),
        ("only buy when price is above the 50 SMA", ["buy only when close > ta.sma(bars.close, length=50)"], STOOD),
        ("stop at the low of the last 10 bars", ["stop loss at bars.low.rolling(10).min()"], STOOD),
    ],
)  # fmt: skip
def test_a_change_beside_another_symbol_says_whose_it_is_about(
    request_: str, rules: list[str], stays: list[str]
) -> None:
    assert any("plain whose" in each for each in changed(request_, rules, *stays))


def test_a_change_of_what_is_traded_is_not_taken_for_one_of_what_is_looked_at() -> None:
    rules = ["symbol QQQ"]
    assert any("which is it" in each for each in changed("use QQQ instead of SPY", rules, *STOOD, symbol="QQQ"))
    assert any("which is it" in each for each in changed("make it QQQ", rules, *STOOD, symbol="QQQ"))
    assert any("which is it" in each for each in changed("trade QQQ instead of SPY", rules, *STOOD, symbol="QQQ"))
    assert not any("which is it" in each for each in changed("trade QQQ", rules, *STOOD, symbol="QQQ"))
    assert any("cannot look at SPY" in each for each in changed("trade SPY", ["symbol SPY"], *STOOD, symbol="SPY"))


@pytest.mark.parametrize(
    "request_", ["only while SPY is above its 50 SMA", "and SPY should be above its 50 SMA", "only buy when SPY's price is above its 50 SMA"]
)  # fmt: skip
def test_a_condition_of_another_symbol_does_not_move_a_strategy_to_it(request_: str) -> None:
    bound = "buy only when close > ta.sma(bars.close, length=50)"

    def moved(words: str, traded: str) -> list[str]:
        request = [wanted(words, ["symbol SPY", bound], Status.ASSUMED), *kept(*STOOD[:2])]
        found = words_findings(words, request, [f"“{words}”"], whole=False, symbol="SPY", before=STOOD[:2], traded=traded)  # fmt: skip
        return [each for each in found if "should it only be looked at" in each]

    assert moved(request_, "AAPL")
    assert moved(request_, "")
    assert not moved(request_, "SPY")
    assert not moved(f"trade SPY, {request_}", "AAPL")


@pytest.mark.parametrize(
    ("request_", "rules"),
    [
        ("stop loss 2% when SPY is below its 200 SMA", ["stop loss 2%"]),
        ("sell when SPY drops 2%", ["stop loss 2%"]),
        ("sell after 10 bars if SPY is below VWAP", ["sell when bars_held >= 10"]),
        ("only on Mondays if SPY is above VWAP", ["buy only when weekday == 0"]),
        ("at most 3 trades a day while SPY is above VWAP", ["at most 3 buys a day"]),
        ("only between 10:00 and 11:00 while SPY is above its 200 SMA", ["buy only when minute >= 600 and minute < 660"]),
        ("only when AAPL is stronger than SPY", ["buy only when close > bars.open"]),
        ("buy 10 shares of SPY", ["size 10 shares"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [Status.COVERED, Status.ASSUMED])
def test_what_another_symbol_does_is_not_left_out(request_: str, rules: list[str], status: Status) -> None:
    for stood in (STOOD[:2], STOOD):
        request = [wanted(request_, rules, status), *kept(*stood)]
        found = words_findings(request_, request, [f"“{request_}”"], whole=False, symbol="AAPL", before=stood, traded="AAPL")  # fmt: skip
        assert any("speaks of SPY" in each for each in found)


def test_what_says_nothing_of_bars_is_changed_as_ever() -> None:
    assert not any("plain whose" in each for each in changed("add a stop loss of 2%", ["stop loss 2%"], *STOOD))


def test_a_rule_of_another_symbol_that_nobody_said_is_no_assumption() -> None:
    request = "Buy AAPL when RSI(14) is below 30, sell when RSI(14) is above 60."
    rules = ["buy when ta.rsi(bars.close, length=14) < 30", "sell when ta.rsi(bars.close, length=14) > 60"]
    requirements = [wanted(request, rules), wanted("", [f"buy only when {TREND}"], Status.ASSUMED)]
    told = ["It buys only when SPY's close is above its average of 200 bars."]
    assert any("plain whose" in each for each in words_findings(request, requirements, told, symbol="AAPL"))
    assert any("is not known to have stood" in each for each in words_findings(request, [wanted(request, rules), *kept(f"buy only when {TREND}")], told, whole=False, symbol="AAPL", before=rules))  # fmt: skip


def test_the_market_is_no_symbol_and_nor_is_an_index() -> None:
    assert any("Of which symbol" in each for each in findings("Buy AAPL when the market is above its 200 SMA, sell after 30 bars.", ["buy when close > ta.sma(bars.close, length=200)", "sell when bars_held >= 30"], "AAPL"))  # fmt: skip
    kinds = {each.value: each.kind for each in tokens_of("VIX SPY AAPL's $dia Apple MSFT RSI", "AAPL")}
    assert kinds == {"VIX": "unknown", "SPY": "other", "AAPL": "symbol", "'s": "possessive", "DIA": "other", "MSFT": "other", "rsi": "indicator"}  # fmt: skip


def test_rules_that_look_at_other_symbols_differ_where_these_do() -> None:
    one, other = (meaning_of([read_rule(f"buy when bars.of('{each}').close > 100")]) for each in ("SPY", "QQQ"))
    assert one != other
