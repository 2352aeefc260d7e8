"""Answers that are not what was asked: rules that nobody asked for, assumptions that say otherwise, and code that does more than its rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rotation import trial
from stratforge.intent.rotation.gate import rotation_findings, rotation_told
from stratforge.intent.rotation.program import write_rotation
from stratforge.intent.rotation.rules import read_rotation_rule, standing_rules
from stratforge.intent.rotation.structure import difference
from stratforge.strategy.rotation import compile_portfolio

from tests.support.tiers import one_of

BEST = "Every month hold the 2 strongest of SPY, QQQ, IWM, EFA by 6-month return, equal weights"
BY_MOMENTUM = "Every month hold the 2 strongest of SPY, QQQ, IWM, EFA by momentum"
EQUAL = "Every month hold SPY, QQQ, IWM, EFA in equal weights."
FIXED = "Hold 60% SPY and 40% TLT, rebalanced quarterly."
RANK = "rank by bars.close.pct_change(126)"
CORE = ("universe SPY, QQQ, IWM, EFA", "rebalance monthly", "take top 2", RANK)
FILTER, MARKET = (f"only {each} bars.close > bars.close.rolling(200).mean()" for each in ("where", "when SPY:"))
VOLATILITY = "weights inverse volatility bars.close.pct_change().rolling(63).std()"
Edit = Callable[[list[Requirement]], list[Requirement]]


@lru_cache
def requirements_of(request: str) -> tuple[Requirement, ...]:
    """What the offline author answers to a request."""
    return tuple(Requirement.model_validate(each) for each in write_answer([request])["requirements"])


def gated(request: str, edit: Edit, assumptions: Sequence[str] = (), *, tell: bool = True) -> list[str]:
    """The findings about an answer with other rules, and code that does what they say; its author tells what the gate wants told, or does not."""
    changed = edit([each.model_copy(deep=True) for each in requirements_of(request)])
    program = write_rotation(standing_rules(changed))
    for each in changed:
        each.lines = sorted({line for text in each.rules for line in program.lines.get(text, [])}) or [1]
    strategy = compile_portfolio(program.source)
    told = rotation_told(request, changed, strategy) if tell else []
    return rotation_findings(request, changed, strategy, [*assumptions, *told])


def instead(old: str, *new: str) -> Edit:
    """Other rules in a rule's place."""
    return lambda found: [each.model_copy(update={"rules": [rule for text in each.rules for rule in (new if text == old else (text,))]}) for each in found]  # fmt: skip


def also(rule: str, status: Status, quote: str = "") -> Edit:
    """One more requirement."""
    return lambda found: [*found, Requirement(quote=quote, meaning="more", status=status, rules=[rule])]


def same(found: list[Requirement]) -> list[Requirement]:
    """The answer as it is."""
    return found


UNASKED = [
    "only where bars.close > bars.open", "only where bars.close > 0", "only where bars.close > 1", "only where bars.close.pct_change() > 0", "only where bars.close.pct_change(126) > 0",
    "only where bars.volume > bars.volume.shift(1)", "only where bars.close > bars.close.rolling(126).mean()", "only when SPY: bars.close > bars.open", "only when TLT: bars.close < bars.open",
    "only when QQQ: bars.close.pct_change(126) > 0", "only when SPY: bars.close < bars.close.shift(1)",
]  # fmt: skip
CALLED = [(Status.COVERED, "Every month"), (Status.ASSUMED, ""), (Status.ASSUMED, "Every month"), (Status.KEPT, "")]


# Of four each rule is tried as one of them.
@pytest.mark.parametrize(
    ("rule", "status", "quote"), one_of(4, [(rule, *called) for called in CALLED for rule in UNASKED], " ".join)
)
def test_a_condition_that_nobody_asked_for_is_found_however_it_is_called(rule: str, status: Status, quote: str) -> None:
    assert f"none says “{rule}”" in " ".join(gated(BEST, also(rule, status, quote)))


@pytest.mark.parametrize("rule", ["only when SPY: bars.close > bars.open", "only when TLT: bars.close > 1"])
def test_nor_does_one_slip_in_beside_fixed_weights(rule: str) -> None:
    assert f"none says “{rule}”" in " ".join(gated(FIXED, also(rule, Status.ASSUMED)))


@pytest.mark.parametrize("rank", [
    "bars.volume", "-bars.close.pct_change(126)", "bars.close.diff(126)", "bars.close", "bars.close.rolling(126).mean()", "bars.high.pct_change(126)", "bars.close.pct_change(126).abs()",
])  # fmt: skip
def test_of_momentum_its_length_alone_is_open(rank: str) -> None:
    assert "only its lengths are open" in " ".join(gated(BY_MOMENTUM, instead(RANK, f"rank by {rank}")))


def test_a_length_that_is_open_is_told_from_the_rule_and_not_otherwise() -> None:
    longer = instead(RANK, "rank by bars.close.pct_change(252)")
    told = "“by momentum” is read as: they are ranked by the return of the last 252 days."
    assert told in " ".join(gated(BY_MOMENTUM, longer, tell=False))
    assert gated(BY_MOMENTUM, longer) == []
    otherwise = "“by momentum” names no length: it is the return of the last 126 trading days, six months."
    assert "no rule has 126 days" in " ".join(gated(BY_MOMENTUM, longer, [otherwise]))


def test_weights_that_are_open_are_told_from_the_rule_and_not_otherwise() -> None:
    inverse = instead("weights equal", VOLATILITY)
    assert "with weights in proportion to one by the volatility of the last 63 days" in " ".join(gated(BY_MOMENTUM, inverse, tell=False))  # fmt: skip
    assert gated(BY_MOMENTUM, inverse) == []
    for words in (
        "No weights were given: those that are held have equal ones.",
        "Those that are held have equal weights.",
    ):
        assert "these are other weights" in " ".join(gated(BY_MOMENTUM, inverse, [words]))
    assert "with weights in proportion to one by bars.volume" in " ".join(gated(BY_MOMENTUM, instead("weights equal", "weights inverse volatility bars.volume"), tell=False))  # fmt: skip


@pytest.mark.parametrize("take", ["take top 1", "take bottom 1", "take top 2", "take top 4"])
@pytest.mark.parametrize("rank", [RANK, "rank by bars.volume"])
def test_who_speaks_of_no_rank_has_none(take: str, rank: str) -> None:
    found = " ".join(gated(EQUAL, instead("take all", take, rank)))
    assert f"none says “{take}”" in found
    assert f"none says “{rank}”" in found


def test_what_is_usual_where_nothing_is_said_is_told_all_the_same() -> None:
    assert "No word of the request says this, and it is taken so: it holds all of them." in " ".join(gated(EQUAL, same, tell=False))  # fmt: skip
    assert gated(EQUAL, same) == []


@pytest.mark.parametrize("words", [
    "It decides weekly.", "Rebalancing is quarterly.", "Held are the 3 strongest.", "Of these the top 3 are held.", "They are ranked by the return of the last 252 trading days.",
    "Momentum is that of 12 months.", "All of them are held.", "Weights are inverse to volatility.",
])  # fmt: skip
def test_an_assumption_that_says_otherwise_than_the_rules_is_found(words: str) -> None:
    assert "and the rules say" in " ".join(gated(BEST, same, [words]))


@pytest.mark.parametrize("words", [
    "Lengths count trading days: 5 a week, 21 a month, 63 a quarter, 252 a year.", "A month is 21 trading days and a year is 252 trading days.", "6 months are 126 trading days.",
    "Six months are counted as 126 trading days.", "It decides monthly, on the first trading day of the month, not weekly.", "Equal weights: half of the money in each.",
    "No capital was given: it is chosen where it is backtested or started.", "With less than 126 days of history a symbol has no return and is not held.",
    "The 2 strongest are those with the highest return.",
])  # fmt: skip
def test_an_assumption_that_says_what_the_rules_do_is_none(words: str) -> None:
    assert gated(BEST, same, [words]) == []


def test_parts_that_cannot_be_are_asked_about_whoever_answers() -> None:
    request = FIXED.replace("40%", "60%")
    wrong = [Requirement(quote=request, meaning="half", status=Status.COVERED, rules=["universe SPY, TLT", "weights SPY 0.5, TLT 0.5", "rebalance quarterly"], lines=[1])]  # fmt: skip
    strategy = compile_portfolio(write_rotation(standing_rules(wrong)).source)
    assert "120 % together" in " ".join(rotation_findings(request, wrong, strategy, []))


# Code that is not its rules -----------------------------------------------------------------------------


def code_of(*rules: str) -> str:
    """The code that rules are."""
    return write_rotation([read_rotation_rule(each) for each in rules]).source


def found(rules: Sequence[str], source: str) -> str | None:
    """What is found about code beside its rules."""
    return trial.disagreement(compile_portfolio(source), compile_portfolio(code_of(*rules)))


FILTERED, TIMED = (*CORE, "weights equal", FILTER), (*CORE, "weights equal", MARKET)
WEIGHED = (*CORE, VOLATILITY)
LENGTHS = [
    *((FILTERED, "126", other) for other in (120, 124, 125, 127, 128, 252)),
    *((FILTERED, "200", other) for other in (190, 198, 199, 201, 205)),
    *((TIMED, "200", other) for other in (190, 198, 199, 201)),
    *((WEIGHED, "63", other) for other in (60, 62, 64)),
]


@pytest.mark.parametrize(("rules", "old", "new"), LENGTHS)
def test_a_length_beside_the_one_that_was_asked_for_is_found(rules: tuple[str, ...], old: str, new: int, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    source = code_of(*rules).replace(old, str(new))
    assert f"the number {new}" in str(found(rules, source))
    # The made-up markets tell them apart by themselves too.
    monkeypatch.setattr(trial, "difference", lambda *_: None)
    assert "On a made-up market" in str(found(rules, source)).replace("on a made-up", "On a made-up")


GUARDS = [
    "portfolio.equity < 95000", "portfolio.equity > 150000", "portfolio.cash > 100001", "portfolio.weights.max() > 0", 'portfolio.of("SPY").weight > 0', "universe.time.weekday == 0",
    "universe.time.hour > 5", "universe.time.year > 2022", "universe.time.month == 1", "universe.time.day == 31", 'universe.of("SPY").close < 5', 'universe.of("SPY").volume < 1000',
    'universe.of("TLT").close > 1', "universe.close.count() < 4", "universe.close.count() < TOP + TOP", "universe.close.min() < 1", "universe.close.max() > 100",
    "universe.close.max() > RANK_LENGTH", "universe.score.max() > TOP", "universe.score.max() > 1", "universe.score.mean() < 0", "universe.score.std() < 1 / RANK_LENGTH",
    "universe.score.count() < TOP", "universe.volume.min() < 1", "universe.open.mean() < universe.close.mean()", "(universe.score > 0).sum() < TOP", "universe.close.isna().any()",
]  # fmt: skip


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("does", ["return cash()", "return"])
def test_a_guard_that_no_rule_has_is_found_however_rarely_it_holds(guard: str, does: str) -> None:
    source = code_of(*FILTERED).replace("state):\n", f"state):\n    if {guard}:\n        {does}\n")
    assert "the code" in str(found(FILTERED, source))


@pytest.mark.parametrize("memory", [
    'state["n"] += 1\n    if state["n"] > 60:\n        return cash()', 'state["top"] = max(state["top"], portfolio.equity)\n    if portfolio.equity < 0.9 * state["top"]:\n        return cash()',
])  # fmt: skip
def test_a_memory_that_no_rule_has_is_found(memory: str) -> None:
    assert 'state["' in str(found(FILTERED, code_of(*FILTERED).replace("state):\n", f"state):\n    {memory}\n")))


DROPPED = [
    "only where bars.volume > 1000", "only where bars.close > 5", "only where bars.close < 500", "only where bars.close * bars.volume > 1000000", "only where bars.volume.rolling(20).mean() > 10000",
    "only where bars.close.pct_change(5) > -0.5", "only where bars.close.pct_change(126) > -0.5", "only where bars.close.pct_change().rolling(20).std() < 0.1", "only where bars.high / bars.low < 1.2",
    "only where bars.close > bars.close.rolling(252).max() * 0.5", "only where bars.close > bars.open * 0.8", "only where bars.volume > bars.volume.shift(1)",
    "only when SPY: bars.close.pct_change(5) > -0.2", "only when SPY: bars.close.pct_change() > -0.1", "only when SPY: bars.open > 20",
]  # fmt: skip


@pytest.mark.parametrize("rule", DROPPED)
def test_a_condition_that_the_code_leaves_out_is_found_on_both_sides_of_its_number(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    rules = (*CORE, "weights equal")
    assert found((*rules, rule), code_of(*rules))
    # Code that reads the same and makes nothing of it is found on the markets.
    monkeypatch.setattr(trial, "difference", lambda *_: None)
    assert "on a made-up market" in str(found((*rules, rule), code_of(*rules)))


AVERAGE = "bars.close.rolling(FILTER_AGAINST_LENGTH).mean()"
OTHERS = {
    "a bar late": ("bars.close.pct_change(", "bars.close.shift(1).pct_change("), "an average of the day before": ("bars.close.rolling", "bars.close.shift(1).rolling"),
    "another average": (AVERAGE, "bars.close.ewm(span=FILTER_AGAINST_LENGTH).mean()"), "a median": (".mean()", ".median()"), "dollars": ("pct_change(", "diff("),
    "opens": ("bars.close.pct_change", "bars.open.pct_change"), "one more condition": ("(universe.close > universe.filter_right)", "(universe.close > universe.filter_right) & (universe.score < 1)"),
    "or": ("(universe.close > universe.filter_right)", "(universe.close > universe.filter_right) | (universe.score > 0)"), "a bit less": ("equal(chosen)", "equal(chosen) / 1.0001"),
    "a condition that is looked at and not taken": (", where=(universe.close > universe.filter_right))", ")\n    unused = universe.close > universe.filter_right"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_code_that_is_nearly_its_rules_is_found(name: str) -> None:
    assert "the code" in str(found(FILTERED, code_of(*FILTERED).replace(*OTHERS[name])))


LAST = "    return weights.equal(chosen)"
RIGHT: dict[str, tuple[tuple[str, ...], str, str]] = {
    "a ratio": (FILTERED, "bars.close.pct_change(RANK_LENGTH)", "bars.close / bars.close.shift(RANK_LENGTH) - 1"), "an indicator": (FILTERED, AVERAGE, "ta.sma(bars.close, length=FILTER_AGAINST_LENGTH)"),
    "percent": (FILTERED, "bars.close.pct_change(RANK_LENGTH)", "100 * bars.close.pct_change(RANK_LENGTH)"), "cash by name": (FILTERED, LAST, f"    if not chosen.any():\n        return cash()\n{LAST}"),
    "where": (FILTERED, "universe.score.top(TOP, where=(universe.close > universe.filter_right))", "universe.score.where(universe.close > universe.filter_right).top(TOP)"),
    "ranks": ((*CORE, "weights equal"), "universe.score.top(TOP)", "universe.score.rank(ascending=False) <= TOP"), "the other way": (TIMED, "if not market.close > market.", "if market.close < market."),
    "another order": ((*CORE, "weights equal"), '"SPY", "QQQ", "IWM", "EFA"', '"EFA", "SPY", "QQQ", "IWM"'), "by hand": (WEIGHED, "weights.inverse_volatility(universe.volatility, where", "weights.proportional(1 / universe.volatility, where"),
    "parts of ten": (("universe SPY, TLT", "rebalance monthly", "weights SPY 0.6, TLT 0.4"), '"SPY": 0.6, "TLT": 0.4', '"SPY": 6, "TLT": 4'), "a number in its place": (FILTERED, "top(TOP", "top(2"),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_code_that_is_its_rules_in_other_words_passes(name: str) -> None:
    rules, old, new = RIGHT[name]
    assert code_of(*rules).count(old) == 1
    assert found(rules, code_of(*rules).replace(old, new)) is None


def test_months_as_a_number_of_their_own_are_the_same_length() -> None:
    source = code_of(*FILTERED).replace("RANK_LENGTH = 126", "MONTH = 21").replace("RANK_LENGTH", "6 * MONTH")
    strategy: Any = compile_portfolio(source)
    assert difference(strategy, compile_portfolio(code_of(*FILTERED))) is None
    assert found(FILTERED, source) is None
