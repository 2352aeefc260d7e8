"""Rules that do something else than the plain words of their requirement are found, whoever wrote them; those that do what the words say are not."""

from __future__ import annotations

import pytest
from stratforge.intent.follow_ups import early_closes, first_days
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import read_rule
from stratforge.intent.unlike import never_holds, unlike_findings

RSI = "ta.rsi(bars.close, length=14)"
BUY, SELL, STOP, SIZE = f"buy when {RSI} < 30", f"sell when {RSI} > 70", "sell when gain <= -2", "size 10 shares"


def found(words: str, *rules: str, kept: tuple[str, ...] = ()) -> list[str]:
    """What is found in one requirement, beside rules that are kept."""
    requirements = [Requirement(quote=words, meaning="-", status=Status.COVERED, rules=list(rules))]
    requirements += [Requirement(quote="", meaning="-", status=Status.KEPT, rules=[each]) for each in kept]
    return list(unlike_findings(requirements, [[read_rule(text) for text in each.rules] for each in requirements]))


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("remove the stop", (f"drop {SELL}",)),
        ("remove the stop", (f"drop {STOP}", f"drop {SIZE}")),
        ("ohne Stop", (f"drop {SELL}",)),
        ("sin stop", (f"drop {SELL}",)),
        ("no limit", (f"drop {STOP}",)),
        ("sell above 60 too", (f"drop {SELL}", f"sell when {RSI} > 60")),
        ("sell above 60 instead", (f"drop {SELL}", f"drop {STOP}", f"sell when {RSI} > 60")),
        ("sell above 60 instead", (f"drop {SELL}", f"sell when {RSI} >= 60")),
        ("25 instead of 30", (f"drop {BUY}", f"buy when {RSI} <= 25")),
        ("25 instead of 30", (f"drop {BUY}", f"drop {SELL}", f"buy when {RSI} < 25", f"sell when {RSI} > 75")),
        ("change 10 to 20", (f"drop {SIZE}", "size 20 shares", f"drop {STOP}", "sell when gain <= -20")),
        ("double the size", (f"drop {STOP}", "sell when gain <= -4")),
        ("twice the size", (f"drop {SIZE}", "size 200 shares")),
        ("halve the stop", (f"drop {STOP}", "sell when gain <= -4")),
        ("doppelte Größe", (f"drop {SIZE}", "size 15 shares")),
        ("3 shares", (f"drop {STOP}", "sell when gain <= -3")),
        ("Buy AAPL when RSI is below 30 at most twice a day", (BUY,)),
        ("fewer than three times a day", ("at most 3 buys a day",)),
        ("less than 3 times a day", ("at most 3 buys a day",)),
        ("Buy AAPL when RSI is below 30 unless it's earnings week", (BUY,)),
        ("Kaufe AAPL, wenn RSI unter 30 ist, außer freitags", (BUY,)),
        ("compra cuando el RSI < 30 salvo los viernes", (BUY,)),
        ("achète quand le RSI < 30 sauf le vendredi", (BUY,)),
        ("only sell after 3pm", ("sell when minute >= 900", "buy only when minute < 900")),
    ],
)
def test_rules_unlike_their_words_are_found(words: str, rules: tuple[str, ...]) -> None:
    """Each takes away, scales, swaps or bounds something else than it says."""
    gone = {each.removeprefix("drop ") for each in rules if each.startswith("drop ")}
    kept = tuple(each for each in (BUY, SELL, STOP, SIZE) if each not in (*gone, *rules))
    assert found(words, *rules, kept=kept)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("remove the stop", (f"drop {STOP}",)),
        ("remove the stop", ("drop sell when close < 95",)),
        ("remove the 2% stop", ("drop stop loss 2%",)),
        ("no target", ("drop sell when gain >= 4",)),
        ("also Fridays", ("drop buy only when weekday == 0", "buy only when weekday == 0 or weekday == 4")),
        ("also sell above 60", (f"sell when {RSI} > 60",)),
        ("sell above 60 instead", (f"drop {SELL}", f"sell when {RSI} > 60")),
        ("sell at or above 60 instead", (f"drop {SELL}", f"sell when {RSI} >= 60")),
        ("use a 2% stop instead", (f"drop {SELL}", STOP)),
        ("25 instead of 30", (f"drop {BUY}", f"buy when {RSI} < 25")),
        ("25 instead of 30 and a 3% stop", (f"drop {BUY}", f"buy when {RSI} < 25", f"drop {STOP}", "sell when gain <= -3")),
        ("change 2 to 3", (f"drop {STOP}", "sell when gain <= -3")),
        ("11:00 instead of 10:00", ("drop buy only when minute < 600", "buy only when minute < 660")),
        ("double it", (f"drop {SIZE}", "size 20 shares")),
        ("double the stop", (f"drop {STOP}", "sell when gain <= -4")),
        ("half the size", (f"drop {SIZE}", "size 5 shares")),
        ("twice a day", ("at most 2 buys a day",)),
        ("Buy when RSI is below 30, at most twice a day", (BUY, "at most 2 buys a day")),
        ("fewer than three times a day", ("at most 2 buys a day",)),
        ("Buy when RSI is below 30 but only if I'm flat", (BUY,)),
        ("Buy when RSI is below 30 unless price is below VWAP", (f"{BUY} and close >= ta.vwap(bars.high, bars.low, bars.close, bars.volume)",)),
        ("Sell unless RSI is below 70", (f"sell when {RSI} >= 70",)),
        ("buy only when RSI is below 30", (BUY,)),
        ("3 shares", (f"drop {SIZE}", "size 3 shares")),
    ],
)  # fmt: skip
def test_rules_that_do_what_is_said_are_not_found(words: str, rules: tuple[str, ...]) -> None:
    """What the words say may be done."""
    assert found(words, *rules) == []


@pytest.mark.parametrize(
    ("rule", "decided"),
    [
        ("sell when close <= 0.98 * close", True),
        ("sell when close < close - 2", True),
        ("sell when close * 1.02 <= close", True),
        ("buy when high >= close", True),
        ("buy when close > 1.01 * high", True),
        (f"buy when {RSI} < {RSI}", True),
        ("sell when close <= 0.98 * ta.sma(bars.close, length=20) and crosses_below(close, 0.98 * close)", True),
        ("sell when ta.sma(bars.close, length=20) < 0.98 * ta.sma(bars.close, length=20)", True),
        ("buy when close > 1.01 * open", False),
        ("buy when high - low > 5", False),
        ("buy when close - low > 0.8 * (high - low)", False),
        ("buy when close == high", False),
        ("sell when close <= 0.98 * previous(close)", False),
        ("sell when close <= 0.98 * entry_price", False),
        ("buy when abs(close - open) < 0.1 * (high - low)", False),
        ("buy when ta.mom(bars.close, length=10) > 1.1 * ta.mom(bars.close, length=10)", False),
        (f"buy when {RSI} > previous({RSI})", False),
    ],
)
def test_a_comparison_of_a_bar_with_itself_depends_on_nothing(rule: str, decided: bool) -> None:
    """No bar makes it true, or every one does."""
    assert bool(list(never_holds([read_rule(rule)]))) is decided


@pytest.mark.parametrize(
    ("rule", "never"),
    [
        ("sell when close <= 0.98 * day_low", True),
        ("sell when close < day_low", True),
        ("buy when close > day_high", True),
        (f"buy when {RSI} < 30 and high > 1.01 * day_high", True),
        ("sell when close <= day_low", False),
        ("buy when high >= day_high", False),
        ("sell when close < 1.01 * day_low", False),
        ("sell when close < previous(day_low)", False),
        ("sell when close < 0.98 * yesterday_low", False),
        ("buy when close < 0.98 * day_high", False),
    ],
)
def test_a_price_beyond_the_days_own_low_or_high_never_comes(rule: str, never: bool) -> None:
    """The low and the high of the day so far are those of the bar itself as well."""
    assert bool(list(never_holds([read_rule(rule)]))) is never


@pytest.mark.parametrize(
    ("words", "rule", "told"),
    [
        ("I never hold overnight", "sell when minute >= 955", True),
        ("flat by the close", "sell when minute >= 950", True),
        ("sell at 15:55", "sell when minute >= 955", False),
        ("I never hold overnight", "sell when minute >= 720", False),
    ],
)
def test_who_holds_nothing_overnight_is_told_of_early_closes(words: str, rule: str, told: bool) -> None:
    """On a day that closes at 13:00 a later time of the clock does not come."""
    assert bool(early_closes([words], [read_rule(rule)])) is told


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (("buy when high > day_high_before",), 1),
        (("buy when low < day_low_before", SELL), 1),
        (("buy when close > opening_high(30)", "buy only when minute >= 600"), 1),
        (("buy when day_open < 0.98 * yesterday_close",), 2),
        (("buy when close > 5", SELL), 0),
    ],
)
def test_from_when_on_a_day_is_known_is_told(rules: tuple[str, ...], told: int) -> None:
    assert len(first_days([read_rule(each) for each in rules])) == told
