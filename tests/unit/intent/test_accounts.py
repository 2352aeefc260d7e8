"""Quotations that are whole and natural, and rules that say something else: every deciding word is accounted for, and right answers pass."""

from __future__ import annotations

import pytest
from stratforge.intent.gate import readings_to_tell, words_findings
from stratforge.intent.requirements import Requirement, Status

R = "ta.rsi(bars.close, length=14)"
M = "ta.mfi(bars.high, bars.low, bars.close, bars.volume, length=14)"
S = "ta.sma(bars.close, length=20)"
BUY, SELL = f"buy when {R} < 30", f"sell when {R} > 70"


def found(words: str, *rules: str, told: tuple[str, ...] = ()) -> list[str]:
    quoted = Requirement(quote=words, meaning="-", status=Status.COVERED, rules=list(rules), lines=[1])
    taken, _ = readings_to_tell(words, [quoted], told, symbol="AAPL")
    return words_findings(words, [quoted], [*told, *taken], symbol="AAPL")


def bought(words: str) -> str:
    return f"Buy AAPL when the RSI {words} and sell when the RSI is above 70"


def at(words: str) -> str:
    return f"Buy AAPL when the RSI is below 30 {words}, sell when the RSI is above 70"


def sold(words: str) -> str:
    return f"Buy AAPL when the RSI is below 30, sell when the RSI is above 70{words}"


LEVELS = [
    ("hits 30", ">= 30"), ("falls to 30", ">= 30"), ("drops to 30", "> 30"), ("climbs to 30", "< 30"), ("is at most 30", "< 30"), ("is at least 30", "> 30"),
    ("is at least 30", "< 30"), ("is no more than 30", "> 30"), ("is not less than 30", "< 30"), ("is up to 30", "> 30"), ("is 30 or more", "<= 30"), ("is 30 or less", "< 30"),
    ("is above 30", ">= 30"), ("is below 30", "<= 30"), ("is no lower than 30", "> 30"), ("is ≤ 30", ">= 30"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "comparison"), LEVELS)
def test_a_level_is_compared_in_its_direction_and_with_its_equality(words: str, comparison: str) -> None:
    assert found(bought(words), f"buy when {R} {comparison}", SELL)


@pytest.mark.parametrize(
    ("words", "comparison"),
    [
        ("falls to 30", "<= 30"), ("is at most 30", "<= 30"), ("is at least 30", ">= 30"), ("is no more than 30", "<= 30"), ("is 30 or more", ">= 30"), ("is above 30", "> 30"),
        ("is not above 30", "<= 30"), ("is not below 30", ">= 30"), ("drops below 30", "< 30"), ("is between 20 and 30", f">= 20 and {R} <= 30"),
    ],
)  # fmt: skip
def test_a_level_that_is_compared_as_said_passes(words: str, comparison: str) -> None:
    assert found(bought(words), f"buy when {R} {comparison}", SELL) == []


def test_a_level_that_is_hit_is_told_from_which_side() -> None:
    rules = (f"buy when {R} <= 50", SELL)
    assert any("from which side" in each for each in found(bought("hits 50"), *rules))
    assert found(bought("hits 50"), *rules, told=("“hits 50” is read as at or below 50.",)) == []


def test_an_outer_level_is_hit_from_the_middle() -> None:
    assert found(bought("hits 30"), f"buy when {R} <= 30", SELL) == []
    assert found(bought("hits 30"), f"buy when {R} >= 30", SELL)


@pytest.mark.parametrize(
    ("words", "comparison"),
    [
        ("kauf AAPL wenn der RSI mindestens 30 ist, verkaufe wenn der RSI über 70 ist", "<= 30"),
        ("kauf AAPL wenn der RSI höchstens 30 ist, verkaufe wenn der RSI über 70 ist", ">= 30"),
        ("compra AAPL cuando el RSI es como máximo 30, vende cuando el RSI está por encima de 70", ">= 30"),
        ("achète AAPL quand le RSI est au moins 30, vends quand le RSI est au-dessus de 70", "<= 30"),
    ],
)
def test_bounds_of_other_languages_have_their_direction(words: str, comparison: str) -> None:
    assert found(words, f"buy when {R} {comparison}", SELL)


@pytest.mark.parametrize(
    "words",
    ["is not between 20 and 30", "is outside 20 to 30", "isn't between 20 and 30", "is outside of 20 and 30"],
)
def test_what_lies_outside_of_a_range_is_not_inside(words: str) -> None:
    assert found(bought(words), f"buy when {R} >= 20 and {R} <= 30", SELL)
    assert found(bought(words), f"buy when {R} < 20 or {R} > 30", SELL) == []


@pytest.mark.parametrize(
    "words", ["comes back above 30", "crosses 30 upwards", "crosses above 30", "goes back over 30"]
)
def test_a_crossing_is_no_state(words: str) -> None:
    assert found(bought(words), f"buy when {R} > 30", SELL)
    assert found(bought(words), f"buy when crosses_below({R}, 30)", SELL)
    assert found(bought(words), f"buy when crosses_above({R}, 30)", SELL) == []


@pytest.mark.parametrize(
    "words",
    [
        "every morning", "each afternoon", "in the mornings", "early in the day", "during the last hour", "at night", "on weekdays only", "in the evenings", "on weekends",
        "in the first half hour", "in the closing hour", "over lunch",
    ],
)  # fmt: skip
def test_a_time_without_a_number_stands_in_its_rule(words: str) -> None:
    assert found(at(words), BUY, SELL)


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("by 10:00", "minute >= 600"), ("from 10:00", "minute <= 600"), ("until 10:00", "minute > 600"), ("since 10:00", "minute < 600"), ("past 14:00", "minute < 840"),
        ("in the first 30 minutes", "minute >= 600"), ("in the last 30 minutes", "minute < 930"), ("in the last 30 minutes", "minutes_to_close > 30"), ("in the last 30 minutes", "minute >= 930"), ("after the first 30 minutes", "minute < 600"),
        ("outside 10:00 to 12:00", "minute >= 600 and minute <= 720"), ("not between 10:00 and 12:00", "minute >= 600 and minute <= 720"),
        ("in the afternoons", "minute < 720"), ("in the mornings", "minute >= 720"),
    ],
)  # fmt: skip
def test_a_time_is_on_the_side_of_its_preposition(words: str, condition: str) -> None:
    assert found(at(words), f"{BUY} and {condition}", SELL)


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("by 10:00", "minute <= 600"), ("from 10:00", "minute >= 600"), ("until 10:00", "minute < 600"), ("in the first 30 minutes", "minute < 600"),
        ("in the last 30 minutes", "minutes_to_close <= 30"), ("after the first 30 minutes", "minute >= 600"), ("outside 10:00 to 12:00", "(minute < 600 or minute > 720)"),
        ("between 10:00 and 12:00", "minute >= 600 and minute <= 720"), ("from 10:00 to 12:00", "minute >= 600 and minute <= 720"), ("in the mornings", "minute < 720"),
    ],
)  # fmt: skip
def test_a_time_on_its_side_passes(words: str, condition: str) -> None:
    assert found(at(words), f"{BUY} and {condition}", SELL) == []


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (" only if in profit", (SELL,)), (" only if in profit", (f"{SELL} and gain < 0",)), (", never sell at a loss", (SELL,)),
        (", never sell at a loss", (f"{SELL} and gain < 0",)), (" only when the trade is profitable", (SELL,)), (" only if in profit", (SELL, "sell when gain > 0")),
        (", hold at least 20 minutes", (SELL, "sell when bars_held >= 20")), (", hold at least 20 minutes", (SELL,)),
        (", hold at most 20 minutes", (f"{SELL} and bars_held >= 20",)), (" but not before 20 minutes have passed", (SELL, "sell when bars_held >= 20")),
        (", wait 10 minutes before selling", (SELL, "wait 10 bars after a sale")), (", wait 10 bars after a buy", (SELL, "wait 10 bars after a sale")),
        (", at most 3 buys a day", (SELL, "wait 3 bars after a sale")), (", stop loss $5 on the whole position", (SELL, "sell when gain_dollars <= -5")),
        (", stop at a loss of $5 in total", (SELL, "sell when gain_dollars <= -5")),
    ],
)  # fmt: skip
def test_a_condition_of_the_position_restricts_what_it_is_said_of(words: str, rules: tuple[str, ...]) -> None:
    assert found(sold(words), BUY, *rules)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (" only if in profit", (f"{SELL} and gain > 0",)), (", never sell at a loss", (f"{SELL} and gain >= 0",)), (", hold at most 20 minutes", (SELL, "sell when bars_held >= 20")),
        (", hold at least 20 minutes", (f"{SELL} and bars_held >= 20",)), (", wait 10 minutes after a sale", (SELL, "wait 10 bars after a sale")),
        (", wait 10 bars before buying again", (SELL, "wait 10 bars after a sale")), (", at most 3 buys a day", (SELL, "at most 3 buys a day")),
        (", stop loss $5 per share", (SELL, "sell when gain_dollars <= -5")), (", wait 10 bars before selling", (f"{SELL} and bars_held >= 10",)),
    ],
)  # fmt: skip
def test_a_condition_of_the_position_that_is_in_its_rule_passes(words: str, rules: tuple[str, ...]) -> None:
    assert found(sold(words), BUY, *rules) == []


WRONGLY_JOINED = [
    ("Buy AAPL when the RSI is below 30, only sell when the MFI is above 80 too, sell when the RSI is above 70", (BUY, SELL, f"sell when {M} > 80")),
    ("Buy AAPL when the RSI is below 30, sell when both the RSI is above 70 and the MFI is above 80", (BUY, SELL, f"sell when {M} > 80")),
    ("Buy AAPL when the RSI is below 30, sell when either the RSI is above 70 or the MFI is above 80", (BUY, f"{SELL} and {M} > 80")),
    ("Buy AAPL when the RSI is below 30 and the MFI is below 20, sell when the RSI is above 70", (BUY, f"buy when {M} < 20", SELL)),
    ("Buy AAPL when the RSI is below 30 and not when the MFI is below 20 and the volume is rising, sell when the RSI is above 70", (f"{BUY} and {M} >= 20 and volume > previous(volume)", SELL)),
    ("Buy AAPL when the RSI is below 30, on Fridays only when the RSI is below 20, sell when the RSI is above 70", (f"{BUY} and weekday == 4 and {R} < 20", SELL)),
    ("Buy AAPL when the RSI is below 30. Sell when the RSI is above 70, on Fridays sell at 15:00", (BUY, f"{SELL} and weekday == 4", "sell when minute >= 900")),
    ("Buy AAPL when the RSI is below 30. Sell when the RSI is above 70, on Mondays sell when the RSI is above 60", (BUY, f"{SELL} and weekday == 0", f"sell when {R} > 60")),
]  # fmt: skip


@pytest.mark.parametrize(("words", "rules"), WRONGLY_JOINED)
def test_conditions_are_joined_as_said(words: str, rules: tuple[str, ...]) -> None:
    assert found(words, *rules)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy AAPL when the RSI is below 30 and the MFI is below 20, sell when the RSI is above 70", (f"{BUY} and {M} < 20", SELL)),
        ("Buy AAPL when the RSI is below 30, sell when either the RSI is above 70 or the MFI is above 80", (BUY, SELL, f"sell when {M} > 80")),
        ("Buy AAPL when the RSI is below 30 or the MFI is below 20, sell when the RSI is above 70", (f"{BUY} or {M} < 20", SELL)),
        ("Buy AAPL when the RSI is below 30. Sell when the RSI is above 70, on Fridays sell at 15:00", (BUY, SELL, "sell when weekday == 4 and minute >= 900")),
    ],
)  # fmt: skip
def test_conditions_that_are_joined_as_said_pass(words: str, rules: tuple[str, ...]) -> None:
    assert found(words, *rules) == []


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("the volume is 50% above its 20 bar average", f"buy when volume > {S} * 1.5"),
        ("the volume is above its 20 bar average", f"buy when volume > {S}"),
        ("the volume is above its 20 bar average", f"buy when close > {S}"),
        ("the high is above the 20 SMA and the low is below it", f"buy when high > {S} and low < close"),
    ],
)
def test_the_column_that_is_named_is_the_one_that_is_compared(words: str, rule: str) -> None:
    assert found(f"Buy AAPL when {words}, sell when the RSI is above 70", rule, SELL)


def test_the_average_of_the_volume_passes() -> None:
    words = "Buy AAPL when the volume is above its 20 bar average, sell when the RSI is above 70"
    assert found(words, "buy when volume > ta.sma(bars.volume, length=20)", SELL) == []


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (bought("is not within 20 to 30"), (f"buy when {R} >= 20 and {R} <= 30", SELL)), (bought("recovers above 30"), (f"buy when {R} > 30", SELL)),
        (at("near the close"), (BUY, SELL)), (at("early on"), (BUY, SELL)), (at("no later than 10:00"), (f"{BUY} and minute >= 600", SELL)),
        (at("no earlier than 10:00"), (f"{BUY} and minute <= 600", SELL)), (sold(" but don't take a loss"), (BUY, SELL)), (sold(" unless I am losing"), (BUY, SELL)),
        (sold(", pause 10 bars after each purchase"), (BUY, SELL, "wait 10 bars after a sale")), (sold(" while the MFI is above 80"), (BUY, SELL, f"sell when {M} > 80")),
        (sold(" with the MFI above 80"), (BUY, SELL, f"sell when {M} > 80")), (sold(" or the open is above the 20 SMA"), (BUY, SELL, f"sell when close > {S}")),
        ("kauf AAPL jeden Morgen wenn der RSI unter 30 ist, verkaufe wenn der RSI über 70 ist", (BUY, SELL)),
        ("compra AAPL por la mañana cuando el RSI está por debajo de 30, vende cuando el RSI está por encima de 70", (BUY, SELL)),
        ("achète AAPL le matin quand le RSI est en dessous de 30, vends quand le RSI est au-dessus de 70", (BUY, SELL)),
        (sold(", no more than 3 sales a day"), (BUY, SELL, "at most 3 buys a day")), (sold(" after holding for 20 minutes"), (BUY, SELL, "sell when bars_held >= 20")),
        ("RSI が 30 以上のとき AAPL を買い、RSI が 70 以上のとき売る", (BUY, SELL)),
        ("当 RSI 不低于 30 时买入 AAPL，当 RSI 高于 70 时卖出", (BUY, SELL)),
    ],
)  # fmt: skip
def test_the_same_in_other_words_is_found(words: str, rules: tuple[str, ...]) -> None:
    assert found(words, *rules)


def test_a_requirement_that_is_written_many_times_is_judged_once() -> None:
    clause = "Buy AAPL when the RSI is above 30"
    quoted = Requirement(quote=clause, meaning="-", status=Status.COVERED, rules=[BUY], lines=[1])
    once = words_findings(f"{clause}, " * 40, [quoted], symbol="AAPL")
    assert once
    assert words_findings(f"{clause}, " * 40, [quoted] * 40, symbol="AAPL") == once
