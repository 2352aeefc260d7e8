"""Requests for portfolios: what is read strictly, what the gate refuses, and that code which does otherwise than its rules is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import NotPassed, write_strategy
from stratforge.ai.prompts import first_request, quant_instructions, refinement_request
from stratforge.ai.quant import Drafted, Turn
from stratforge.intent.requirements import Status
from stratforge.intent.rotation.reading import asks_for_rotation, read_rotation
from stratforge.intent.rotation.rules import RotationRuleError, read_rotation_rule
from stratforge.market.symbols import PORTFOLIO
from stratforge.strategy.rotation import PortfolioStrategy

MONTHLY = "every month hold the 3 strongest of SPY, QQQ, IWM, EFA by 6-month return, equal weights"
FORMS: dict[str, list[str]] = {
    MONTHLY: ["rebalance monthly", "rank by bars.close.pct_change(126)", "take top 3", "universe SPY, QQQ, IWM, EFA", "weights equal"],
    "rotate weekly into the top 2 of SPY, QQQ and GLD by momentum": ["rebalance weekly", "take top 2", "universe SPY, QQQ, GLD", "rank by bars.close.pct_change(126)"],
    "Each quarter hold the two with the lowest 12-month return of SPY, QQQ, IWM": ["rebalance quarterly", "take bottom 2", "rank by bars.close.pct_change(252)", "universe SPY, QQQ, IWM"],
    "Hold 60% SPY and 40% TLT, rebalanced quarterly.": ["universe SPY, TLT", "weights SPY 0.6, TLT 0.4", "rebalance quarterly"],
    "hold AAPL, MSFT and NVDA with equal weights, rebalance yearly": ["universe AAPL, MSFT, NVDA", "weights equal", "rebalance yearly"],
    "Every week buy the two weakest of XLK, XLF and XLE by 10-day return": ["rebalance weekly", "take bottom 2", "universe XLK, XLF, XLE", "rank by bars.close.pct_change(10)"],
    "Each month buy the best of SPY, EFA, AGG by 12-month return, only those above their 10-month average, otherwise cash": [
        "rebalance monthly", "take top 1", "universe SPY, EFA, AGG", "rank by bars.close.pct_change(252)", "only where bars.close > bars.close.rolling(210).mean()",
    ],
    "Monthly: the 2 strongest of XLK, XLF, XLE, XLV by 3-month return, weighted by inverse volatility, but only when SPY is above its 200-day average": [
        "rebalance monthly", "take top 2", "universe XLK, XLF, XLE, XLV", "rank by bars.close.pct_change(63)",
        "weights inverse volatility bars.close.pct_change().rolling(63).std()", "only when SPY: bars.close > bars.close.rolling(200).mean()",
    ],
    "Monthly hold the 2 best of BTC/USD, ETH/USD, SOL/USD by 30-day return; cash when BTC/USD is below its 100-day average": [
        "rebalance monthly", "take top 2", "universe BTC/USD, ETH/USD, SOL/USD", "rank by bars.close.pct_change(30)",
        "only when BTC/USD: bars.close > bars.close.rolling(100).mean()",
    ],
}  # fmt: skip


def ask(request: str, change: Callable[[dict[str, Any]], None] = lambda _answer: None) -> Any:
    """What the gates make of the offline author's answer, changed."""
    answer = write_answer([request])
    change(answer)
    return judged(request, answer)


def judged(request: str, answer: dict[str, Any], *before: Turn) -> Any:
    """What the gates make of an answer; the model gives it again however often it is asked."""
    draft = StrategyDraft.model_validate(answer)
    turn = refinement_request(request) if before else first_request(request)
    return write_strategy(lambda _system, _turns: Drafted(draft, 1), [*before, Turn("user", turn)], lambda _said: None, lambda _symbol: [])  # fmt: skip


def refused(request: str, answer: dict[str, Any], *before: Turn) -> str:
    """The findings about an answer that does not pass."""
    with pytest.raises(NotPassed) as error:
        judged(request, answer, *before)
    return "\n".join(error.value.findings)


@pytest.mark.parametrize(("request_", "rules"), FORMS.items(), ids=lambda each: str(each)[:50])
def test_a_plain_form_is_read_whole_written_and_passes_every_gate(request_: str, rules: list[str]) -> None:
    assert asks_for_rotation(request_)
    reading = read_rotation(request_)
    assert reading.whole
    assert sorted(each.text for each in reading.rules) == sorted(rules)
    passed = ask(request_)
    assert isinstance(passed.strategy, PortfolioStrategy)
    assert passed.draft.symbol == PORTFOLIO
    assert passed.repairs == ()


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (f"{MONTHLY}, but not IWM", "not"),
        ("rotate into the top 2 of SPY, QQQ, GLD by sharpe every month", "sharpe"),
        (f"{MONTHLY}, with a stop loss of 5%", "stop"),
        ("short the 2 weakest of SPY, QQQ, IWM by 3-month return every month", "short"),
        (f"{MONTHLY}, only on Mondays", "Mondays"),
        ("at the end of every month hold the 3 strongest of SPY, QQQ, IWM, EFA by 6-month return", "end"),
        (f"{MONTHLY} except in May", "except"),
        (f"{MONTHLY}, with twice the money", "twice"),
    ],
)
def test_a_word_that_is_not_understood_is_named_and_nothing_is_written(said: str, word: str) -> None:
    answer = write_answer([said])
    assert answer["kind"] == "clarify"
    assert f"“{word}”" in answer["questions"][0]
    assert not answer["python_code"]


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("hold the 2 strongest of SPY, QQQ, IWM by 3-month return", "How often"),
        ("every month hold the 2 strongest of SPY, QQQ, IWM", "By what are they ranked"),
        ("rotate monthly among SPY, QQQ and IWM by 3-month return", "How many are held"),
        ("every month hold the 5 strongest of SPY, QQQ and IWM by 3-month return", "3 symbols to choose from"),
        ("every month and every week hold the 2 strongest of SPY, QQQ, IWM by 3-month return", "more than one thing"),
    ],
)
def test_what_is_missing_is_asked_and_the_answer_is_taken_with_what_was_said(said: str, question: str) -> None:
    answer = write_answer([said])
    assert answer["kind"] == "clarify"
    assert question in " ".join(answer["questions"])


def test_an_answer_to_a_question_completes_the_request() -> None:
    said = ["hold the 2 strongest of SPY, QQQ, IWM by 3-month return", "monthly"]
    answer = write_answer(said)
    assert answer["kind"] == "strategy"
    assert 'SCHEDULE = "monthly"' in answer["python_code"]


@pytest.mark.parametrize(
    "said",
    [
        "Buy AAPL when the RSI falls below 30 and sell when it rises above 70",
        "Buy MSFT in the morning and sell it every day at 15:30",
        "Compare AAPL and MSFT",
    ],
)
def test_requests_for_one_symbol_are_no_portfolios(said: str) -> None:
    assert not asks_for_rotation(said)


# What code may do that its rules do not say.
MUTATIONS = {
    "another number": ("TOP = 3", "TOP = 2"),
    "another length": ("RANK_LENGTH = 126", "RANK_LENGTH = 63"),
    "the weakest": (".top(TOP)", ".bottom(TOP)"),
    "another schedule": ('"monthly"', '"weekly"'),
    "a symbol less": ('"SPY", "QQQ", "IWM", "EFA"', '"SPY", "QQQ", "IWM"'),
    "a symbol more": ('"EFA"]', '"EFA", "GLD"]'),
    "a filter that nobody asked for": (".top(TOP)", ".top(TOP, where=universe.score > 0)"),
    "less than everything": ("weights.equal(chosen)", "weights.equal(chosen) * 0.9"),
    "other weights": ("weights.equal(chosen)", "weights.proportional(universe.score, where=chosen)"),
    "only in some months": ("    chosen", "    if universe.time.month > 6:\n        return cash()\n    chosen"),
    "only the first time": ("    chosen", '    state["n"] += 1\n    if state["n"] > 1:\n        return\n    chosen'),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_code_that_does_otherwise_than_its_rules_is_found(name: str) -> None:
    answer, (old, new) = write_answer([MONTHLY]), MUTATIONS[name]
    assert answer["python_code"].count(old) == 1
    answer["python_code"] = answer["python_code"].replace(old, new)
    answer["parameters"] = []
    findings = refused(MONTHLY, answer)
    assert "the code" in findings


def test_rules_and_code_that_agree_on_something_else_than_was_asked_are_found() -> None:
    """A model that misreads the request misreads it in its rules and in its code alike."""
    other = write_answer([MONTHLY.replace("3 strongest", "2 strongest").replace("6-month", "3-month")])
    answer = write_answer([MONTHLY])
    changed = {"rules": {}, "quotes": [each["quote"] for each in answer["requirements"]]}
    for mine, theirs in zip(answer["requirements"], other["requirements"], strict=True):
        mine["rules"] = theirs["rules"]
    answer |= {name: other[name] for name in ("python_code", "parameters", "logic_explanation")}
    assert changed["quotes"]
    findings = refused(MONTHLY, answer)
    assert "The request says “take top 3”" in findings
    assert "The request says “rank by bars.close.pct_change(126)”" in findings


def test_a_part_of_the_request_that_no_requirement_quotes_is_found() -> None:
    answer = write_answer([f"{MONTHLY}, but only when SPY is above its 200-day average"])
    answer["requirements"] = [each for each in answer["requirements"] if "200" not in each["quote"]]
    findings = refused(f"{MONTHLY}, but only when SPY is above its 200-day average", answer)
    assert "lies in no quotation" in findings


FREE = "On the first of the month put everything into whichever two of SPY, QQQ and GLD gained most over half a year"


def test_words_that_are_not_read_strictly_are_told_with_what_the_rules_make_of_them() -> None:
    """A model answers in the recorded shape of the service; the person sees how it took the words."""
    answer = write_answer(["every month hold the 2 strongest of SPY, QQQ, GLD by 6-month return, equal weights"])
    rules = [each["rules"] for each in answer["requirements"]]
    quotes = {
        "On the first of the month": "rebalance monthly",
        "put everything into whichever two of SPY, QQQ and GLD": "take top 2|universe SPY, QQQ, GLD",
        "gained most over half a year": "rank by bars.close.pct_change(126)",
    }
    assert sorted(text for each in rules for text in each) == sorted(
        [*"|".join(quotes.values()).split("|"), "weights equal"]
    )
    answer["requirements"] = [
        {"quote": quote, "meaning": "as it says", "status": "covered", "rules": said.split("|"), "lines": [1, 2, 3, 4]}
        for quote, said in quotes.items()
    ] + [{"quote": "", "meaning": "equal weights", "status": "assumed", "rules": ["weights equal"], "lines": [15]}]
    answer["assumptions"] = ["Half a year is counted as 126 trading days.", "Those that are held have equal weights."]
    passed = judged(FREE, answer)
    told = "“gained most over half a year” is read as: they are ranked by the return of the last 126 days."
    assert told in passed.draft.assumptions
    assert {each.status for each in passed.draft.requirements} == {Status.ASSUMED}


def test_a_change_keeps_what_stood_or_says_that_it_is_gone() -> None:
    stood = write_answer([MONTHLY])
    before = [
        Turn("user", first_request(MONTHLY)),
        Turn("model", StrategyDraft.model_validate(stood).model_dump_json()),
    ]
    said = "the 2 strongest instead, please"
    answer = write_answer([MONTHLY.replace("3 strongest", "2 strongest")])
    lines = {text: each["lines"] for each in answer["requirements"] for text in each["rules"]}
    kept = [text for text in lines if not text.startswith("take")]
    answer["requirements"] = [
        {"quote": "the 2 strongest instead, please", "meaning": "two", "status": "covered", "rules": ["take top 2"], "lines": lines["take top 2"]},
        *({"quote": "", "meaning": text, "status": "kept", "rules": [text], "lines": lines[text]} for text in kept),
    ]  # fmt: skip
    passed = judged(said, answer, *before)
    assert isinstance(passed.strategy, PortfolioStrategy)
    answer["requirements"] = [each for each in answer["requirements"] if each["rules"] != ["rebalance monthly"]]
    answer["requirements"].append(
        {"quote": "", "meaning": "weekly", "status": "kept", "rules": ["rebalance weekly"], "lines": [2]}
    )
    answer["python_code"] = answer["python_code"].replace('"monthly"', '"weekly"')
    findings = refused(said, answer, *before)
    assert "“rebalance weekly” is called kept, and did not stand before" in findings
    assert "“rebalance monthly” stood before, and is gone" in findings


@pytest.mark.parametrize(
    "text",
    ["hold SPY", "universe spy", "universe SPY, SPY", "rebalance hourly", "rebalance every 900 minutes", "take 3", "rank bars.close", "weights SPY 0.8, QQQ 0.4",
     "only where bars.close", "only when bars.close > 3", "rank by bars.close.(", "take top 0"],
)  # fmt: skip
def test_what_is_no_rule_says_why(text: str) -> None:
    with pytest.raises(RotationRuleError):
        read_rotation_rule(text)


def test_the_prompt_has_the_language_the_rules_and_an_example_of_portfolios() -> None:
    text = quant_instructions()
    for said in (
        "rebalance(universe, portfolio, state)",
        "take top 3",
        "only when SPY: bars.close",
        "UNIVERSE = [",
        '"symbol": "PORTFOLIO"',
    ):
        assert said in text, said
