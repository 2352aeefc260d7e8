"""Requests for portfolios whose words turn round, cannot be, or leave open: they are read as they are meant or asked about, never as their opposite."""

from __future__ import annotations

from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.intent.rotation.reading import read_rotation

BEST = "Every month hold the 2 strongest of SPY, QQQ, IWM, EFA by 6-month return, equal weights"
ABOVE = "only where bars.close > bars.close.rolling(200).mean()"
FIXED = "60% SPY, 40% TLT, rebalanced quarterly"


def rules_of(answer: dict[str, Any]) -> list[str]:
    """The rules of an answer that stand."""
    return [rule for each in answer["requirements"] for rule in each["rules"] if not rule.startswith("drop ")]


LEFT = [
    "keep out those below their 200-day average",
    "keeping out those that are below their 200-day average",
    "keep out of those below their 200-day average",
    "rotate out of those that are below their 200-day average",
    "rotating out of the ones that are below their 200-day average",
    "rotate out of those below the 200-day simple moving average",
    "switch out of those below their 200-day average",
    "switching out of symbols below their 200-day average",
    "switch out the ones below their 200-day average",
    "trade out of the ones below their 200-day average",
    "trading out of any that are below their 200-day average",
    "trade out those below their 200-day average",
    "get out of those below their 200-day average",
    "stay out of those below their 200-day average",
    "stay away from those below their 200-day average",
    "keep away from those that trade below their 200-day average",
    "move out of those that fall below their 200-day average",
    "leave out those below their 200-day average",
    "take out those below their 200-day average",
    "keep those below their 200-day average out",
    "keep those below their 200-day average out of the portfolio",
    "keep the ones that are below their 200-day average out of it",
    "keep ETFs below their 200-day average out",
    "and always keep out all those below their 200-day average",
]


@pytest.mark.parametrize("words", LEFT)
def test_those_that_are_left_are_not_those_that_are_held(words: str) -> None:
    assert rules_of(write_answer([f"{BEST}, {words}."])).count(ABOVE) == 1
    after = write_answer([BEST, words])
    assert ABOVE in rules_of(after)
    assert not any("bars.close <" in rule for rule in rules_of(after))


def test_an_answer_to_a_question_may_turn_round_too() -> None:
    open_ = "Hold the 2 strongest of SPY, QQQ, IWM by 6-month return"
    assert ABOVE in rules_of(write_answer([open_, "every week, and keep out those below their 200-day average"]))


@pytest.mark.parametrize(("said", "rule"), [
    ("keep out those with negative 3-month return", "only where bars.close.pct_change(63) > 0"),
    ("keep out those that have a positive 3-month return", "only where bars.close.pct_change(63) < 0"),
    ("rotate out of those above their 200-day average", "only where bars.close < bars.close.rolling(200).mean()"),
])  # fmt: skip
def test_the_other_side_is_held(said: str, rule: str) -> None:
    assert rule in rules_of(write_answer([f"{BEST}, {said}"]))


UNCLEAR = [
    "switch from those below their 200-day average",
    "rotate from the ones below their 200-day average into cash",
    "trade from those below their 200-day average to those above",
    "put those below their 200-day average out",
    "keep those out that are below their 200-day average",
    "once those below their 200-day average are out",
    "rotate those below their 200-day average out",
    "switch those below their 200-day average",
    "rotate those below their 200-day average",
    "switch those below their 200-day average to cash",
    "trade those below their 200-day average against cash",
    "keep it out of those below their 200-day average",
    "put money out of those below their 200-day average",
    "with those below their 200-day average out",
    "sell those below their 200-day average",
    "avoid those below their 200-day average",
]


@pytest.mark.parametrize("words", UNCLEAR)
def test_what_is_not_surely_turned_round_is_asked(words: str) -> None:
    for turns in ([f"{BEST}, {words}"], [BEST, words]):
        answer = write_answer(turns)
        assert answer["kind"] == "clarify"
        assert not answer["python_code"]


@pytest.mark.parametrize("said", [
    "Every month, trade out the worst of SPY, QQQ, IWM by 3-month return.",
    "Every month, rotate out of the worst of SPY, QQQ, IWM by 3-month return.",
    "Every month, switch from the worst of SPY, QQQ, IWM by 3-month return to cash.",
    "Every month keep the worst of SPY, QQQ, IWM by 3-month return out, equal weights.",
    "Every month keep the 2 weakest of SPY, QQQ, IWM, EFA by 3-month return out of the portfolio, equal weights.",
    "Every month keep out the worst of SPY, QQQ, IWM by 3-month return",
    "Every week switch out of the 2 weakest of SPY, QQQ, IWM by 3-month return",
    "Monthly switch the worst of SPY, QQQ, IWM by 3-month return",
    "Monthly switch, always, the 2 worst of SPY, QQQ, IWM by 3-month return",
    "Monthly rotate from the weakest of SPY, QQQ, IWM by 3-month return",
    "Each month trade from the worst of SPY, QQQ, IWM by 1-year return",
    "Each month rotate out of SPY, QQQ, IWM into cash",
    "Each month keep out of SPY, QQQ and IWM the 2 worst by 3-month return",
    "Each month rotate equal weights out of SPY, QQQ, IWM",
    "Each month switch out SPY, QQQ and IWM, equal weights",
    "Each month, keep SPY, QQQ and IWM out, equal weights",
    "Each month trade the bottom 2 of SPY, QQQ, IWM by 3-month return out",
    "Each month keep out of the portfolio the bottom 2 of SPY, QQQ, IWM by 3-month return",
])  # fmt: skip
def test_what_is_to_be_left_is_never_what_is_held(said: str) -> None:
    assert write_answer([said])["kind"] == "clarify"


@pytest.mark.parametrize(("said", "take"), [
    ("Rotate monthly into the 2 best out of SPY, QQQ, IWM by 3-month return", "take top 2"),
    ("Each month keep the 2 best of SPY, QQQ, IWM by 3-month return", "take top 2"),
    ("every month switch into the 2 strongest of SPY, QQQ, IWM by 3-month return", "take top 2"),
    ("Every week rotate from SPY, QQQ and IWM into the best by 3-month return", "take top 1"),
    ("each month rotate from among SPY, QQQ, IWM into the best by 3-month return", "take top 1"),
    ("Every month trade the 2 weakest of SPY, QQQ, IWM by 6-month return", "take bottom 2"),
    ("Every month hold all 3 of SPY, QQQ, IWM, equal weights", "take all"),
    ("Every day hold all of SPY, QQQ, IWM that trade above their 50-day moving average", "take all"),
    ("Every month hold the 2 strongest of spy, qqq and iwm by 6-month return", "universe SPY, QQQ, IWM"),
])  # fmt: skip
def test_what_turns_nothing_round_is_read(said: str, take: str) -> None:
    assert take in rules_of(write_answer([said]))


@pytest.mark.parametrize(("parts", "asked"), [
    ("60% SPY, 60% TLT", "120 % together"), ("100% SPY, 0% TLT", "holds nothing of TLT"), ("50% SPY, 30% SPY, 20% TLT", "names SPY more than once"),
    ("150% SPY, 20% TLT", "170 % together"), ("150% SPY, 0% TLT", "150 % together"), ("0% SPY, 0% TLT", "holds nothing of SPY, TLT"),
    ("-20% SPY, 60% TLT", "below 0"), ("120% SPY, -20% TLT", "below 0"), ("60% SPY and -10% TLT", "below 0"), ("60% SPY, 50% TLT and 10% GLD", "120 % together"),
    ("99.9% SPY, 0.2% TLT", "100.1 % together"), ("0.001% SPY, 50% TLT", "too little"), ("1000% SPY, 20% TLT", "1020 % together"),
    ("33.34% SPY, 33.34% QQQ, 33.34% TLT", "100.02 % together"), ("100% SPY, 100% TLT", "200 % together"), ("50% SPY, 50% TLT, 0% GLD", "holds nothing of GLD"),
    ("60% SPY, 40% TLT, 60% SPY", "names SPY more than once"), ("60% SPY, 40% BTC/USD", "do not go together"), ("150% SPY", "150%"),
    ("hold the 0 strongest of SPY, QQQ by 3-month return", "the 0 strongest"), ("hold the 100 strongest of SPY, QQQ by 3-month return", "the 100 strongest"),
    ("hold the top 1 of SPY, QQQ by 0-month return", "a span of 0 days"), ("hold the top 1 of SPY, QQQ by 900-year return", "a span of 226800 days"),
    ("hold those of SPY, QQQ that are above their 1-day average", "a span of 1 days"), ("hold SPY, QQQ by inverse 1-day volatility", "at least 2 days"),
    ("hold the top 1 of SPY, QQQ by 3-month return, 60% SPY, 40% QQQ", "are no portfolio"), ("60% SPY, 40% TLT, only those above their 200-day average", "are no portfolio"),
])  # fmt: skip
def test_numbers_that_cannot_be_are_asked_about(parts: str, asked: str) -> None:
    answer = write_answer([f"Every month {parts}"])
    assert answer["kind"] == "clarify"
    assert asked in answer["questions"][0]


@pytest.mark.parametrize("parts", ["60% SPY, 60% TLT", "100% SPY, 0% TLT", "50% SPY, 50% SPY, 20% TLT"])
def test_a_change_to_numbers_that_cannot_be_is_asked_about(parts: str) -> None:
    assert write_answer([FIXED, parts])["kind"] == "clarify"
    assert "weights SPY 0.6, TLT 0.4" in rules_of(write_answer([f"Every month {parts}", FIXED]))


VOLATILITY = "weights inverse volatility bars.close.pct_change().rolling(63).std()"


@pytest.mark.parametrize("words", [
    "weighted by inverse volatility over the last 3 months", "with inverse volatility weights over the last 3 months", "by inverse volatility over the past 3 months",
    "inverse volatility weighting of the last 3 months", "weighted by the inverse of their volatility over the last 3 months", "weighted inversely to their volatility over the last 3 months",
    "weighted by inverse volatility, measured over the last 3 months", "weighted by inverse volatility in the last 3 months", "weighted by inverse volatility for the last three months",
    "by inverse volatility, over the last 3 months", "weights inverse to volatility over the trailing 63 days", "weighted by inverse 3-month volatility",
])  # fmt: skip
def test_the_length_of_a_volatility_is_no_rank(words: str) -> None:
    said = f"Every month hold the 2 strongest of SPY, QQQ, IWM, EFA, {words}"
    assert write_answer([said])["questions"] == ["By what are they ranked, such as their 6-month return?"]
    for ranked in ("by 6-month return", "over the last 6 months"):
        rules = rules_of(write_answer([said.replace("EFA,", f"EFA {ranked},")]))
        assert VOLATILITY in rules
        assert "rank by bars.close.pct_change(126)" in rules


@pytest.mark.parametrize(("words", "asked"), [
    ("equal weights over the last 3 months", "what is looked at"), ("weighted by inverse volatility. Over the last 3 months", "what is looked at"),
    ("weighted by inverse volatility (over the last 3 months)", "what is looked at"), ("weighted by inverse 20-day volatility over the last 3 months", "two lengths"),
    ("weighted by inverse volatility over the last 1 day", "at least 2 days"), ("weighted by inverse volatility over 3 months", "“over”"),
    ("weighted by volatility over the last 3 months", "“volatility”"), ("only those above their 200-day average over the last 3 months", "what is looked at"),
])  # fmt: skip
def test_a_span_that_may_be_of_something_else_is_asked_about(words: str, asked: str) -> None:
    answer = write_answer([f"Every month hold the 2 strongest of SPY, QQQ, IWM, EFA, {words}"])
    assert asked in answer["questions"][0]


@pytest.mark.parametrize(("said", "asked"), [
    ("Every month hold all three of SPY, QQQ, IWM, EFA with equal weights.", "“all three”: 4 symbols"),
    ("Every month hold all five, SPY, QQQ, IWM, with equal weights.", "“all five”: 3 symbols"),
    ("Every month hold the strongest ETFs of SPY, QQQ, IWM, EFA by 6-month return, equal weights.", "how many are held"),
    ("Every month hold the best funds of SPY, QQQ, IWM, EFA by 6-month return", "how many are held"),
])  # fmt: skip
def test_a_count_that_does_not_fit_or_is_not_said_is_asked_about(said: str, asked: str) -> None:
    assert asked in write_answer([said])["questions"][0]


def test_a_total_return_is_told_as_what_it_is() -> None:
    answer = write_answer(["Every month hold the 2 best of SPY, QQQ, IWM ranked by 6-month total return"])
    assert any("dividends are not in them" in each for each in answer["assumptions"])


def test_places_of_words_stay_where_symbols_have_no_capitals() -> None:
    said = "Every month hold the 2 strongest of spy, qqq and iwm by 6-month return"
    reading = read_rotation(said)
    assert reading.whole
    assert [reading.words(each) for each in reading.pieces if "universe SPY, QQQ, IWM" in each.rules] == ["of spy, qqq and iwm"]  # fmt: skip
