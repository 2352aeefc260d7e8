"""The assistant leaves the bars that a strategy decides on as its owner chose them."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import NotPassed, write_strategy
from stratforge.ai.prompts import first_request, refinement_request
from stratforge.ai.quant import Drafted, Turn
from stratforge.intent.program import Program
from stratforge.intent.scenarios import never_acts
from stratforge.strategy import compile_strategy
from stratforge.strategy.constants import with_timeframe

EXAMPLES = json.loads(files("stratforge.ai").joinpath("examples.json").read_text("utf-8"))
FIRST, CHANGE = (
    next(each for each in EXAMPLES if each["answer"]["kind"] == "strategy" and len(each["turns"]) == turns)
    for turns in (1, 2)
)


def written(conversation: list[Turn], draft: StrategyDraft) -> str:
    """The code that passes."""
    passed = write_strategy(lambda _system, _turns: Drafted(draft, 1), conversation, lambda _: None, lambda _: [])
    assert passed.strategy is not None
    return passed.strategy.source


@pytest.mark.parametrize("timeframe", ["15min", "1d", None])
@pytest.mark.parametrize("said", [None, "1h"])
def test_a_change_keeps_the_bars_whatever_the_model_writes(timeframe: str | None, said: str | None) -> None:
    draft = StrategyDraft.model_validate(CHANGE["answer"])
    before = draft.model_copy(update={"python_code": with_timeframe(draft.python_code, timeframe), "requirements": []})
    answer = draft.model_copy(update={"python_code": with_timeframe(draft.python_code, said)})
    conversation = [
        Turn("user", first_request(CHANGE["turns"][0])),
        Turn("model", before.model_dump_json()),
        Turn("user", refinement_request(CHANGE["turns"][1])),
    ]
    assert compile_strategy(written(conversation, answer)).timeframe == timeframe


def test_a_new_strategy_decides_on_minutes_until_its_owner_chooses() -> None:
    draft = StrategyDraft.model_validate(FIRST["answer"])
    answer = draft.model_copy(update={"python_code": with_timeframe(draft.python_code, "1h")})
    assert compile_strategy(written([Turn("user", first_request(FIRST["turns"][0]))], answer)).timeframe is None


@pytest.mark.parametrize("timeframe", ["1h", "1d"])
def test_whether_it_can_act_is_asked_of_its_own_bars(timeframe: str) -> None:
    source = with_timeframe(FIRST["answer"]["python_code"], timeframe)
    assert list(never_acts(compile_strategy(source), Program(source))) == []


def test_bars_that_the_language_has_no_more_are_a_finding() -> None:
    draft = StrategyDraft.model_validate(CHANGE["answer"])
    before = draft.model_copy(update={"python_code": with_timeframe(draft.python_code, "2min"), "requirements": []})
    conversation = [
        Turn("user", first_request(CHANGE["turns"][0])),
        Turn("model", before.model_dump_json()),
        Turn("user", refinement_request(CHANGE["turns"][1])),
    ]
    with pytest.raises(NotPassed) as stopped:
        written(conversation, draft)
    assert "this is not a timeframe" in stopped.value.findings[0]
