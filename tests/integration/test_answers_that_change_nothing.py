"""What changes nothing says so: an answer is none to who asks for a change, and questions without a question go back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import REPAIR
from stratforge.ai.quant import Drafted, Turn
from stratforge.application.jobs.results import WrittenStrategy
from stratforge.storage.postgres.database import Database

from tests.integration.test_assistant import run
from tests.integration.test_questions_about_data import RULE, Author, said, strategy_of
from tests.support.ledger import person

EMPTY = {"name": "-", "symbol": "AAPL", "python_code": "", "logic_explanation": ""}
EVASIVE = [
    {"kind": "answer", "answer": "I added a stop of 2 %."},
    {"kind": "answer", "answer": "A stop is a good idea."},
    {"kind": "answer", "answer": ""},
    {"kind": "clarify"},
    {"kind": "clarify", "questions": [" "], "plan": "A stop of 2 % is added."},
    {"kind": "decline"},
    {"kind": "clarify", "questions": ["I have added a stop of 2 %. Anything else?"]},
]


class Evasive(Author):
    """A model that evades, once or always, and then writes what is asked for."""

    def __init__(self, answer: dict[str, Any], times: int) -> None:
        super().__init__()
        self.answer, self.times = answer, times

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The evasive answer as long as there is one."""
        self.times -= 1
        if self.times >= 0:
            return Drafted(StrategyDraft.model_validate({**EMPTY, **self.answer}), 10)
        first = next((at for at, each in enumerate(turns) if each.text.startswith(REPAIR)), len(turns) + 1)
        return super().draft(system, turns[: first - 1], heard)


@pytest.mark.parametrize("answer", EVASIVE)
def test_who_asks_for_a_change_gets_it_or_hears_that_nothing_was_written(
    database: Database, answer: dict[str, Any]
) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    changed = said(database, user, "add a 2% stop", Evasive(answer, 1), strategy_id=str(strategy_id))
    assert isinstance(changed, WrittenStrategy)
    assert changed.version == 2
    assert len(changed.repairs) == 1
    always = run(database, user, Evasive(answer, 9), "add a 3% stop", strategy_id=str(strategy_id))
    assert always.error is not None
    assert always.error["code"] == "not-passed"


def test_a_question_instead_of_a_strategy_is_asked(database: Database) -> None:
    asks = {"kind": "clarify", "questions": ["Which stop?"]}
    job = run(database, person(database, "ada"), Evasive(asks, 9), RULE)
    assert job.result is not None
    assert (job.result["kind"], job.result["questions"]) == ("clarify", ["Which stop?"])
