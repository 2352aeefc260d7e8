"""Clear requests in people's own words, each with several clauses: the author writes what was asked for, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from simulators.gemini.author import write_answer

from tests.support.tiers import one_of

CASES: list[dict[str, Any]] = [
    json.loads(line) for line in Path(__file__).with_name("clear_requests.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("case", one_of(3, CASES, lambda case: case["request"][:40]))
def test_a_clear_request_is_written_by_its_rules(case: dict[str, Any]) -> None:
    answer = write_answer([case["request"]])
    assert answer["kind"] == "strategy", answer["questions"]
    rules = [rule for each in answer["requirements"] for rule in each["rules"] if not rule.startswith("symbol ")]
    assert (answer["symbol"], rules) == (case["symbol"], case["rules"])
