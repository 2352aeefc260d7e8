"""How much a request to write, or to find out, has to say: a reply may be one character."""

from __future__ import annotations

from uuid import UUID

import pytest
from pydantic import ValidationError
from stratforge.application.jobs.requests import GenerateRequest, JobRequest, ResearchRequest

BEFORE = UUID(int=1)


@pytest.mark.parametrize("reply", ["20", "1h", "no", "ja", "2"])
@pytest.mark.parametrize("asked", [{"follows": BEFORE}, {"strategy_id": BEFORE}])
def test_a_reply_may_be_one_character(reply: str, asked: dict[str, UUID]) -> None:
    assert GenerateRequest(prompt=reply, **asked).prompt == reply


def test_a_question_that_follows_another_may_be_short() -> None:
    assert ResearchRequest(question="no", follows=BEFORE).question == "no"


@pytest.mark.parametrize("kind", [GenerateRequest, ResearchRequest])
def test_nothing_is_no_reply(kind: type[JobRequest]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate({"prompt" if kind is GenerateRequest else "question": "", "follows": str(BEFORE)})
