"""Requests for both sides that look plain and are not: each was once read as something that its words need not mean, or would be by a reading that is less strict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from simulators.gemini.author.framed import write_answer
from simulators.gemini.author.long_short import long_short_answer
from stratforge.ai.draft import AnswerKind

from tests.unit.ai.test_long_short_words import RSI, rules_in, written

CROSSES = "Go long AAPL when the 10 EMA crosses above the 30 EMA and go short when it crosses below"
FOUR = "Buy AAPL when RSI(14) is below 30, sell above 50. Short AAPL when RSI(14) is above 70, cover below 50"


@pytest.mark.parametrize(
    "words",
    [
        # What stands at the end may be said of both, or of the last.
        f"{CROSSES} between 10:00 and 15:00.",
        f"{FOUR}, never on Fridays.",
        f"{FOUR}. Not on Fridays.",
        f"{CROSSES}, skip trades on Friday.",
        "Go long when price is above the VWAP and go short when price is below the VWAP, flat overnight.",
        "Go long when ADX is above 25 and +DI is above -DI, short when ADX is above 25 and +DI is below -DI, exit when ADX is below 20.",
        "Buy AAPL when RSI(14) is below 30 with a 2% stop. Sell when RSI(14) is above 50. Short when RSI(14) is above 70. Cover when RSI(14) is below 50.",
        # “Shorts” and “the short” are no deed here.
        "Go long AAPL when RSI(14) < 30, go short when RSI(14) > 70, exit longs at 50 and shorts at 50.",
        f"Exit longs and shorts at 15:55. {CROSSES}.",
        "Buy AAPL when RSI(14) is below 30, exit the long at 50 and the short at 50, short when RSI(14) is above 70.",
        # What is not to be done.
        f"Avoid shorts on Fridays. {CROSSES}.",
        "Long AAPL above the 50 SMA, short below the 50 SMA, but no shorts before 10:00.",
        # Read of a sale it would hold from 13:00 on.
        "Buy AAPL at 10:00 and go short at 13:00. Always in the market.",
        "Go long AAPL when the price is above VWAP and go short AAPL at 13:00.",
        # One side alone is bounded, where one ends the other.
        f"{CROSSES}. Only go short when ADX(14) is above 25.",
        # What “always in” and “reverse” mean beside a stop.
        f"{CROSSES}. Stop loss 2% both ways. Always in the market.",
        f"{CROSSES}. Stop loss 2% both ways. Stop and reverse.",
        # Which of two is “it”, or what is 50 of.
        "Buy AAPL when RSI(14) is below 30, short when CCI(20) is above 100, sell at 50, cover at 0.",
        "Buy AAPL when the price crosses above the 20 SMA and sell when it crosses below. Short it when it crosses below the 50 SMA and cover when it crosses above.",
        # Both can hold, or one may come while the other is held.
        "Long AAPL above the 50 SMA, short below the 200 SMA.",
        "Buy AAPL when RSI(14) is below 30, short AAPL when RSI(14) is above 70.",
        "Opening range breakout: go long AAPL when the price breaks above the high of the first 30 minutes, go short when it breaks below the low of the first 30 minutes, close everything at 15:50.",
        # Two deeds of one condition, and conditions before deeds of both sides.
        "Buy AAPL when RSI(14) is below 30 and sell it and short when RSI(14) is above 70, cover when RSI(14) is below 50.",
        "Buy AAPL when RSI(14) is below 30, sell when it is above 50, and when it is above 70 short it, covering below 50.",
        "Go long AAPL when RSI(14) < 30 or short when RSI(14) > 70, sell at 50, cover at 50.",
        "Buy AAPL when RSI(14) is below 30, sell and go short when RSI(14) is above 70, cover when RSI(14) is below 50.",
        "Long AAPL when the 10 EMA is above the 30 EMA; otherwise short.",
        f"{FOUR}. Half position on shorts.",
        f"{FOUR}. Do the same on Fridays with the short side.",
        "Long wenn RSI unter 30, short wenn RSI über 70, eindecken unter 50, verkaufen über 50",
    ],
)
def test_it_is_asked_about(words: str) -> None:
    assert written(words).kind is not AnswerKind.STRATEGY


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Short AAPL when RSI(14) is above 70 and cover when it is below 50. Buy it when it is below 30 and sell when it is above 50.", {f"short when {RSI} > 70", f"cover when {RSI} < 50", f"buy when {RSI} < 30", f"sell when {RSI} > 50"}),
        ("Buy AAPL when RSI(14) is below 30. Short when RSI(14) is above 70. Sell when it is above 50. Cover when it is below 50.", {f"buy when {RSI} < 30", f"sell when {RSI} > 50", f"short when {RSI} > 70", f"cover when {RSI} < 50"}),
        ("If RSI(14) is above 50 go long AAPL, if RSI(14) is below 50 go short.", {f"buy when {RSI} > 50", f"short when {RSI} < 50", "turn round"}),
        ("Long AAPL at RSI below 20, exit at RSI above 50, short at RSI above 80, cover at RSI below 50", {f"sell when {RSI} > 50", f"cover when {RSI} < 50"}),
        ("Buy AAPL when RSI(14) < 30, sell when RSI(14) > 50, sell short when RSI(14) > 70, buy to cover when RSI(14) < 50. Trailing stop 1% for both sides.", {"trailing stop 1%"}),
        ("Buy AAPL when RSI(14) < 30, sell when RSI(14) > 50. Short when RSI(14) > 70 and cover when RSI(14) < 50. Stop loss 2% for longs.", {"sell when gain <= -2"}),
        (f"{FOUR}. Only trade between 10:00 and 15:00.", {"buy only when minute >= 600 and minute < 900", "short only when minute >= 600 and minute < 900"}),
        ("Go long AAPL when the price closes above the 20 SMA, sell and go short when it closes below.", {"turn round"}),
        ("Go short AAPL when the 10 EMA crosses below the 30 EMA; cover and go long when it crosses above.", {"turn round"}),
        ("Long SPY when the price is above VWAP and short SPY when it is below VWAP. Close all positions at 15:55.", {"sell when minute >= 955", "cover when minute >= 955", "turn round"}),
    ],
)  # fmt: skip
def test_it_is_written_as_it_is_said(words: str, rules: set[str]) -> None:
    draft = written(words)
    assert draft.kind is AnswerKind.STRATEGY, draft.questions
    assert rules_in(draft) >= rules
    if "for longs" in words:
        assert "cover when gain <= -2" not in rules_in(draft)


def test_a_long_conversation_of_open_turns_is_read_once() -> None:
    asked = list[str]()

    def write(images: Sequence[str]) -> dict[str, Any]:
        asked.append(images[-1])
        return write_answer(images)

    turns = ["Buy AAPL when RSI(14) is below 30, short AAPL when RSI(14) is above 70.", *(f"what about {number}" for number in range(12))]  # fmt: skip
    found = long_short_answer(turns, write)
    assert found is not None
    assert found["kind"] == "clarify"
    # The first turn is what is written; what was said behind it is not put together with it.
    assert len(asked) <= len(turns)
