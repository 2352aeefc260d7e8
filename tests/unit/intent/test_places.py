"""Times of named places: each is of its own clocks on the day, and no distance that holds for most of the year stands for it."""

from __future__ import annotations

from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import NotPassed, write_strategy
from stratforge.ai.prompts import first_request
from stratforge.ai.quant import Drafted, Turn
from stratforge.intent.reading.said import in_words
from stratforge.intent.rules import read_rule

BERLIN = "Buy AAPL at 16:30 Berlin time, sell at 20:00 Berlin time."


def rules(answer: dict[str, Any]) -> list[str]:
    return [rule for each in answer["requirements"] for rule in each["rules"]]


def findings(request: str, answer: dict[str, Any]) -> list[str]:
    """What the gates say of an answer, each time that it is given."""
    try:
        write_strategy(lambda _system, _turns: Drafted(StrategyDraft.model_validate(answer), 1), [Turn("user", first_request(request))], lambda _: None, lambda _: [])  # fmt: skip
    except NotPassed as error:
        return error.findings
    return []


def otherwise(answer: dict[str, Any], *changes: tuple[str, str]) -> dict[str, Any]:
    """An answer with other words in its code and in its rules."""

    def changed(text: str) -> str:
        for old, new in changes:
            text = text.replace(old, new)
        return text

    requirements = [{**each, "rules": [changed(rule) for rule in each["rules"]]} for each in answer["requirements"]]
    return {**answer, "requirements": requirements, "python_code": changed(answer["python_code"]), "assumptions": [changed(each) for each in answer["assumptions"]]}  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        (BERLIN, ["minute_in_berlin >= 990", "minute_in_berlin >= 1200"]),
        ("Buy AAPL at 4pm CET, sell at 8pm CET", ["minute_in_berlin >= 960", "minute_in_berlin >= 1200"]),
        ("Buy AAPL when the RSI is below 30 and it is after 15:00 London time, sell when it is above 70", ["minute_in_london >= 900"]),
        ("Buy AAPL when the RSI is below 30 between 15:30 and 17:00 Berlin time, sell when it is above 70", ["minute_in_berlin >= 930", "minute_in_berlin < 1020"]),
        ("Buy BTC/USD at 9:30 am New York time, sell at 16:00 Berlin time", ["minute_in_new_york >= 570", "minute_in_berlin >= 960"]),
        ("Buy BTC/USD at 11:00 Pacific time, sell at 23:00 Berlin time", ["minute_in_los_angeles >= 660", "minute_in_berlin >= 1380"]),
        ("Buy AAPL at 11:00 Pacific time, sell at 12:30 PT", ["minute >= 840", "minute >= 930"]),
        ("Buy AAPL at 10:30 New York time, sell at 15:30 ET", ["minute >= 630", "minute >= 930"]),
    ],
)  # fmt: skip
def test_a_time_is_written_on_the_clocks_that_are_named(request_: str, wanted: list[str]) -> None:
    answer = write_answer([request_])
    assert answer["kind"] == "strategy", answer["questions"]
    assert all(any(each in rule for rule in rules(answer)) for each in wanted), rules(answer)
    assert findings(request_, answer) == []


@pytest.mark.parametrize("hours", [6, 5])
def test_a_distance_that_holds_for_most_of_the_year_is_not_what_was_asked_for(hours: int) -> None:
    there, here = ("990", "991", "1200"), [str(each - 60 * hours) for each in (990, 991, 1200)]
    code = [("bar.time.minute_in_berlin", "bar.time.hour * 60 + bar.time.minute"), ("minute_in_berlin", "minute")]
    fixed = otherwise(write_answer([BERLIN]), *code, *zip(there, here, strict=True))
    found = findings(BERLIN, fixed)
    assert any("16:30 of Berlin time, and its rules have no minute_in_berlin 990" in each for each in found), found


def test_code_with_a_distance_of_its_own_is_not_what_its_rules_say() -> None:
    answer = write_answer([BERLIN])
    code = answer["python_code"].replace("bar.time.minute_in_berlin", "(bar.time.hour * 60 + bar.time.minute + 360)")
    found = findings(BERLIN, {**answer, "python_code": code})
    assert any("no rule compares so" in each for each in found), found


def test_the_clocks_of_another_place_are_not_those_that_are_named() -> None:
    found = findings(BERLIN, otherwise(write_answer([BERLIN]), ("minute_in_berlin", "minute_in_london")))
    assert any("no minute_in_berlin" in each for each in found), found


def test_a_time_of_new_york_is_not_that_of_the_exchange_of_coins() -> None:
    words = "Buy BTC/USD at 9:30 am New York time, sell at 16:00 New York time"
    answer = write_answer([words])
    assert findings(words, answer) == []
    code = [("bar.time.minute_in_new_york", "bar.time.hour * 60 + bar.time.minute"), ("minute_in_new_york", "minute")]
    found = findings(words, otherwise(answer, *code))
    assert any("no minute_in_new_york 570" in each for each in found), found


@pytest.mark.parametrize("words", ["Kaufe AAPL um 10:30, wenn es grün ist", "Achète AAPL à 10:30 et vends à 15:30", "Compra AAPL a las 10:30, este es el plan"])  # fmt: skip
def test_words_of_other_languages_are_no_zones(words: str) -> None:
    from stratforge.intent.lexicon import ZONE

    assert not [match[0] for _, pattern in ZONE for match in pattern.finditer(words)]


def test_a_rule_is_told_with_its_place() -> None:
    assert in_words(read_rule("buy when minute_in_berlin >= 990")) == "buy when the time in Berlin is at or after 16:30"
    assert "in UTC" in in_words(read_rule("sell when minute_in_utc < 60"))


@pytest.mark.parametrize("words", ["only before 15:00 New York time", "only after 15:00 ET"])
def test_a_change_by_new_yorks_time_is_not_written_by_the_clocks_of_coins(words: str) -> None:
    stands = "Buy BTC/USD when the RSI is below 30 and sell when it is above 70"
    assert not any(" minute " in f" {rule} " for rule in rules(write_answer([stands, words])))


@pytest.mark.parametrize(
    ("words", "alone"),
    [
        ("buy btc every day at 9am ny time for $100 and sell it at 9pm", "9 pm"),
        ("Buy AAPL at 16:30 Berlin time, sell at 15:30", "15:30"),
        ("Buy AAPL at 10:30, sell at 21:30 Berlin time", "10:30"),
    ],
)
def test_a_time_without_a_place_beside_one_of_another_than_the_exchanges_is_asked_about(words: str, alone: str) -> None:
    answer = write_answer([words])
    assert answer["kind"] == "clarify", rules(answer)
    assert any(f"“{alone}” names no place" in each for each in answer["questions"])


def test_no_model_reads_a_time_without_a_place_by_the_exchanges_clocks_beside_another_places() -> None:
    answer = otherwise(write_answer([BERLIN]), ("minute_in_berlin >= 1200", "minute >= 930"), ("minute_in_berlin < 1200", "minute < 930"), ("bar.time.minute >= 930", "bar.time.hour * 60 + bar.time.minute >= 930"), ("bar.time.minute < 930", "bar.time.hour * 60 + bar.time.minute < 930"))  # fmt: skip
    words = BERLIN.replace("20:00 Berlin time", "15:30")
    quoted = [{**each, "quote": each["quote"].replace("20:00 Berlin time", "15:30")} for each in answer["requirements"]]
    said = [each.replace("20:00 Berlin time", "15:30") for each in answer["assumptions"]]
    found = findings(words, {**answer, "requirements": quoted, "assumptions": said})
    assert any("whose clocks is it by?" in each for each in found), found
