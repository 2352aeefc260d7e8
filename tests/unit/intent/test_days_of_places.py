"""Days of the week beside times of named places: a rule's days are the exchange's, and where it is another day there nobody knows which is meant."""

from __future__ import annotations

from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import NotPassed, write_strategy
from stratforge.ai.prompts import first_request
from stratforge.ai.quant import Drafted, Turn

from tests.unit.intent.test_places import rules

SELL = "sell when the RSI is above 70"


@pytest.mark.parametrize(
    "words",
    [
        # 23:00 of New York on a Friday is Saturday where coins have their days.
        f"Buy BTC/USD on Fridays at 11pm ET, {SELL}",
        f"Buy BTC/USD on Mondays at 8:00 Tokyo time, {SELL}",
        f"Buy BTC/USD on Mondays at 00:30 Berlin time, {SELL}",
        # Half past midnight of Friday in Tokyo is in Thursday's trading.
        f"Buy AAPL on Fridays at 00:30 Tokyo time, {SELL}",
        f"Buy AAPL on Fridays when the RSI is below 30 and it is before 01:00 Tokyo time, {SELL}",
    ],
)
def test_a_day_that_is_another_one_there_is_asked_about(words: str) -> None:
    answer = write_answer([words])
    assert answer["kind"] == "clarify", rules(answer)
    assert any("another day" in each for each in answer["questions"]), answer["questions"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("Buy BTC/USD on Mondays at 8:30 Berlin time, sell at 10:00 Berlin time", "weekday == 0"),
        (f"Buy BTC/USD on Fridays at 11am ET, {SELL}", "weekday == 4"),
        (f"Buy BTC/USD on Mondays at 12:00 Tokyo time, {SELL}", "weekday == 0"),
        ("Buy AAPL on Fridays at 16:00 Berlin time, sell at 20:00 Berlin time", "weekday == 4"),
        ("Buy BTC/USD at 8:00 Tokyo time, sell at 12:00 Tokyo time", "minute_in_tokyo >= 480"),
    ],
)
def test_a_day_that_is_the_same_there_is_written(words: str, wanted: str) -> None:
    answer = write_answer([words])
    assert answer["kind"] == "strategy", answer["questions"]
    assert any(wanted in rule for rule in rules(answer))


@pytest.mark.parametrize(
    "words",
    [
        "Buy AAPL when the RSI is below 30 and it is before 01:00 Tokyo time, sell when it is above 70",
        "Buy AAPL when the RSI is below 30, sell at 04:30 Tokyo time",
    ],
)
def test_what_is_before_or_after_a_time_there_is_asked_about_where_midnight_is_in_the_middle_of_trading(words: str) -> None:  # fmt: skip
    """Stocks are traded from 22:30 to 05:00 of Tokyo in summer: its first hours are of the evening, after 04:30 and not before 01:00 by those clocks."""
    answer = write_answer([words])
    assert answer["kind"] == "clarify", rules(answer)
    assert any("midnight" in each for each in answer["questions"]), answer["questions"]


def test_no_models_answer_passes_with_another_day() -> None:
    words = "Buy BTC/USD on Mondays at 12:00 Tokyo time, sell when the RSI is above 70"
    said = write_answer([words])

    def earlier(value: Any) -> Any:
        if isinstance(value, str):
            for old, new in (("12:00", "8:00"), ("12:01", "8:01"), ("720", "480"), ("721", "481")):
                value = value.replace(old, new)
            return value
        if isinstance(value, list):
            return [earlier(each) for each in value]
        return {key: earlier(each) for key, each in value.items()} if isinstance(value, dict) else value

    draft = StrategyDraft.model_validate(earlier(said))
    with pytest.raises(NotPassed) as refused:
        write_strategy(lambda _system, _turns: Drafted(draft, 1), [Turn("user", first_request(earlier(words)))], lambda _: None, lambda _: [])  # fmt: skip
    assert any("another day" in each for each in refused.value.findings), refused.value.findings


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Buy AAPL when the RSI is below 30, sell at 21:45 Berlin time", "21:45 Berlin time"),
        ("Buy AAPL when the RSI is below 30, sell when it is above 70 or at 20:30 UTC", "20:30 UTC time"),
        ("Buy AAPL when the RSI is below 30, sell at 20:00 Berlin time", ""),
        ("Buy AAPL when the RSI is below 30, sell at 12:30 PT", ""),
        ("Buy BTC/USD when the RSI is below 30, sell at 21:45 Berlin time", ""),
    ],
)
def test_whoever_sells_at_a_time_that_is_after_the_close_in_some_weeks_is_told(words: str, told: str) -> None:
    """In the weeks in which one side alone has changed its clocks stocks close at 21:00 of Berlin."""
    answer = write_answer([words])
    assert answer["kind"] == "strategy", answer["questions"]
    said = [each for each in answer["assumptions"] if "on some days of a year" in each]
    assert [told] == [told for each in said if told in each] if told else not said, answer["assumptions"]
