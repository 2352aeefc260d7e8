"""The bars on which a person wants a strategy to decide are read from plain words alone, and the rest is read as of any bars."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import request_of
from stratforge.ai.prompts import first_request
from stratforge.ai.quant import Turn
from stratforge.ai.review import review
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.intent.markets import market
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.rules import read_rule
from stratforge.intent.timeframes import (
    Frame,
    asked_of_spans,
    clock_findings,
    in_words,
    mentions_in,
    names_frame,
    plainly,
    read_frame,
)
from stratforge.intent.trial import disagreement
from stratforge.market.resampling import TIMEFRAMES, resample
from stratforge.strategy import compile_strategy
from stratforge.strategy.constants import with_timeframe
from stratforge.strategy.source import OWN_BARS

RULES = "buy when RSI is below 30, sell when RSI is above 70"


@pytest.mark.parametrize(
    ("turn", "timeframe", "words"),
    [
        (f"On daily bars, {RULES}", "1d", "On daily bars"),
        (f"Use 15-minute bars. {RULES}", "15min", "Use 15-minute bars"),
        (f"AAPL 1h chart: {RULES}", "1h", "1h chart"),
        (f"AAPL, on the 4 hour chart: {RULES}", "4h", "on the 4 hour chart"),
        ("Buy AAPL on 5-minute candles when RSI is below 30, sell when RSI is above 70", "5min", "on 5-minute candles"),
        (f"{RULES}. Timeframe: 30m.", "30min", "Timeframe: 30m"),
        (f"{RULES}. Time frame is daily", "1d", "Time frame is daily"),
        (f"{RULES}, on hourly bars.", "1h", "on hourly bars"),
        (f"Trade SPY on the daily chart. {RULES}", "1d", "on the daily chart"),
        ("use the five minute chart instead", "5min", "use the five minute chart"),
        ("please run it on daily bars", "1d", "please run it on daily bars"),
    ],
)
def test_plain_words_name_the_bars(turn: str, timeframe: str, words: str) -> None:
    frame = read_frame([turn])
    assert frame.timeframe == timeframe
    assert [each.words for each in frame.said[0]] == [words]
    assert frame.asks == ()


@pytest.mark.parametrize(
    "turn",
    [
        "Buy when RSI < 30 on the 15 minute chart, sell when RSI > 70",
        "Buy RSI < 30 using 5-minute candles. Sell RSI > 70.",
        "Buy when the price is above the SMA 200, on the daily chart, and RSI is below 30",
        "Buy when the hourly RSI is below 30, sell when it is above 70",
        "Buy when the 5-minute bars are green",
        "Buy AAPL on daily charts RSI below 30",
        "Buy after 3 daily bars that close higher",
        f"{RULES}, at most 2 trades a day",
    ],
)
def test_what_may_belong_to_a_condition_names_no_bars_of_the_strategy(turn: str) -> None:
    frame = read_frame([turn])
    assert (frame.timeframe, frame.spoken) == (None, False)


@pytest.mark.parametrize(
    ("turn", "asked"),
    [
        (f"On 5-minute bars, {RULES}, on daily bars.", "bars of several lengths"),
        (f"On 2-hour bars, {RULES}", "On which?"),
        (f"On 7-minute bars, {RULES}", "On which?"),
    ],
)
def test_what_is_not_one_of_the_languages_bars_is_asked_about(turn: str, asked: str) -> None:
    frame = read_frame([turn])
    assert frame.timeframe is None
    assert len(frame.asks) == 1
    assert asked in frame.asks[0]


def test_the_last_word_of_an_open_request_counts_and_what_stands_goes_on() -> None:
    assert read_frame([RULES], "1h").timeframe == "1h"
    assert read_frame([f"On daily bars, {RULES}", "use 1h bars"]).timeframe == "1h"
    assert read_frame(["use 1-minute bars"], "1h").timeframe is None
    assert not read_frame([f"On 1-minute bars, {RULES}"]).spoken


def test_what_is_left_is_the_request_without_them_and_every_letter_knows_its_place() -> None:
    turn = "Buy MSFT on daily bars when the 50-day SMA is above the SMA of 200 days, sell after ten days"
    frame = read_frame([turn])
    plain = plainly(turn, frame.said[0], frame.timeframe)
    assert (
        " ".join(plain.text.split()) == "Buy MSFT when the 50-bar SMA is above the SMA of 200 bars, sell after ten bars"
    )
    for words, original in (("Buy MSFT  when", "Buy MSFT on daily bars when"), ("50-bar", "50-day"), ("200 bars", "200 days")):  # fmt: skip
        at = plain.text.index(words)
        start, end = plain.original(at, at + len(words))
        assert turn[start:end] == original
    assert plain.stretch(0, turn.index("when")).split() == ["Buy", "MSFT"]
    # A day is a bar only where the bars are days.
    assert plainly(turn, (), "1h").text == turn


@pytest.mark.parametrize(
    ("turn", "timeframe", "asked"),
    [
        ("sell after 30 minutes", "5min", "30 minutes"),
        ("sell after 2 hours", "1d", "2 hours"),
        ("sell after 3 weeks", "1d", "3 weeks"),
        ("sell after 3 days", "1h", "3 days"),
        ("sell at 15:50", "1h", "15:50"),
        ("sell after 3 days", "1d", None),
        ("sell after 30 minutes", None, None),
        ("sell after 10 bars, at most 2 buys a day, stop loss 2%", "5min", None),
        ("buy when the 15-minute RSI is below 30", "5min", "15-minute"),
    ],
)
def test_times_and_spans_that_are_no_bars_are_asked_about(turn: str, timeframe: str | None, asked: str | None) -> None:
    frame = read_frame([turn], timeframe)
    found = list(asked_of_spans([turn], frame))
    assert (len(found) == 1 and asked in found[0]) if asked else found == []


@pytest.mark.parametrize("timeframe", OWN_BARS)
def test_every_timeframe_has_words_that_an_explanation_is_known_by(timeframe: str) -> None:
    own = timeframe if timeframe in TIMEFRAMES else None
    said = f"It decides on bars of {in_words(own)}."
    named = [each for each in OWN_BARS if names_frame(said, each if each in TIMEFRAMES else None)]
    assert timeframe in named
    assert named == [timeframe] or {*named} == {"1min", timeframe}


def test_a_mention_of_other_bars_is_seen_and_not_plain() -> None:
    (mention,) = mentions_in("Buy when RSI < 30 on the 15 minute chart")
    assert (mention.timeframe, mention.plain) == ("15min", False)


@pytest.mark.parametrize(
    ("timeframe", "rule"),
    [
        ("5min", "sell when minute >= 955"),
        ("15min", "sell when minute >= 945"),
        ("30min", "buy only when minute < 930"),
        ("5min", "buy when minute >= 600 and minute < 601"),
        ("15min", "buy when (minute >= 600) and (minute < 720) and close > open"),
    ],
)
def test_times_at_which_bars_end_are_decided(timeframe: str, rule: str) -> None:
    assert list(clock_findings([read_rule(rule)], Frame(timeframe, ()))) == []


@pytest.mark.parametrize(
    ("timeframe", "rule"),
    [
        # No bar ends then.
        ("15min", "sell when minute >= 955"), ("5min", "sell when minute >= 957"), ("30min", "buy only when minute < 585"),
        # What is sold by the last bar of the day is sold on the next one.
        ("5min", "sell when minute >= 960"), ("15min", "sell when minute >= 960"), ("30min", "sell when minute > 930 or minute >= 945"),
        # Longer bars, and what is more than a time.
        ("1h", "sell when minute >= 930"), ("1d", "sell when minute >= 955"), ("5min", "sell when minute - 5 >= 950"),
        ("5min", "buy when close > opening_high(30)"), ("5min", "sell when days_held >= 1"), ("1d", "wait 2 days after a loss"),
    ],
)  # fmt: skip
def test_other_looks_at_the_clock_are_findings(timeframe: str, rule: str) -> None:
    assert len(list(clock_findings([read_rule(rule)], Frame(timeframe, ())))) == 1


@pytest.mark.parametrize(
    ("turn", "asked"),
    [
        (f"On 5-minute bars, {RULES} or at 15:55", []),
        (f"On 15-minute bars, {RULES} or at 15:45", []),
        (f"On 15-minute bars, {RULES} or at 15:55", ["no bar of 15 minutes ends then"]),
        (f"On hourly bars, {RULES} or at 15:30", ["times of day are decided on bars of a minute"]),
    ],
)
def test_a_time_is_asked_about_where_no_bar_ends(turn: str, asked: list[str]) -> None:
    found = list(asked_of_spans([turn], read_frame([turn])))
    assert len(found) == len(asked)
    assert all(one in each for one, each in zip(asked, found, strict=True))


def test_a_sale_at_a_time_is_filled_on_its_day() -> None:
    rules = [read_rule(each) for each in ("buy when minute >= 600 and minute < 601", "sell when minute >= 955")]
    bars = market("swing", 100.0)
    minutes = resample(bars, "5min").bars
    code = compile_strategy(with_timeframe(reference_strategy(rules, 5).source, "5min"))
    fills = run_backtest(code, minutes, BacktestConfig()).fills
    times = [(int(minutes.hour[int(each)]), int(minutes.minute[int(each)])) for each in fills.bar]
    assert times[:4] == [(10, 0), (15, 55), (10, 0), (15, 55)]


def test_code_that_takes_the_beginning_of_a_bar_for_its_end_does_not_pass() -> None:
    rules = [read_rule(each) for each in ("buy when close > open", "sell when minute >= 955")]
    assert disagreement(reference_strategy(rules, 1), reference_strategy(rules, 5)) is not None
    assert disagreement(reference_strategy(rules, 5), reference_strategy(rules, 5)) is None


@pytest.mark.parametrize(
    "words",
    [
        f"On 5-minute bars, {RULES} or at 15:55.",
        "On 15-minute bars, buy AAPL between 10:00 and 12:00 when RSI < 30, sell when RSI > 70, flat at 15:45.",
    ],
)
def test_it_is_written_with_its_times(words: str) -> None:
    draft = StrategyDraft.model_validate(write_answer([words]))
    assert draft.kind == "strategy", draft.questions
    assert "A time of day is that at which a bar ends." in draft.assumptions
    assert review(draft, compile_strategy(draft.python_code), request_of([Turn("user", first_request(words))])) == []
    unshifted = draft.python_code.replace(">= 950", ">= 955").replace(">= 930", ">= 945")
    assert unshifted != draft.python_code
    wrong = draft.model_copy(update={"python_code": unshifted})
    assert review(wrong, compile_strategy(unshifted), request_of([Turn("user", first_request(words))])) != []
