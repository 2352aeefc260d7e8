"""The state machine of large sweeps: bounded, patient, never silent, and the same on one machine as on AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra_cdk.concurrency import SHARES
from tests.infrastructure.test_templates import stacks
from tests.support.assemblies import Resources, every

assert stacks


@pytest.fixture
def machine(stacks: dict[str, Resources]) -> dict[str, Any]:
    """The properties of the state machine."""
    ((_, found),) = every(stacks, "AWS::StepFunctions::StateMachine")
    return found


@pytest.fixture
def states(machine: dict[str, Any]) -> dict[str, Any]:
    """Its states, with references as text."""
    definition = machine["DefinitionString"]
    parts = definition["Fn::Join"][1] if isinstance(definition, dict) else [definition]
    definition = json.loads("".join(each if isinstance(each, str) else "function" for each in parts))
    found: dict[str, Any] = definition["States"]
    return found


def test_parts_are_worked_on_side_by_side_by_half_of_the_workers_at_most(states: dict[str, Any]) -> None:
    parts = states["Parts"]
    assert parts["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert parts["ItemsPath"] == "$.parts"
    assert 1 <= parts["MaxConcurrency"] <= max(1, SHARES["researcher"].production // 2)
    assert parts["ItemSelector"] == {"part.$": "$$.Map.Item.Value", "job_id.$": "$.job_id"}


def test_what_fails_is_tried_again_and_in_the_end_said(states: dict[str, Any]) -> None:
    (work,) = states["Parts"]["ItemProcessor"]["States"].values()
    for step in (work, states["Finish"], states["Fail"]):
        throttled, everything = step["Retry"]
        assert throttled["MaxAttempts"] >= 10, "a worker that is taken is waited for"
        assert 1 <= everything["MaxAttempts"] <= 3
    for name in ("Parts", "Finish"):
        assert states[name]["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Fail"}]


def test_every_step_names_its_job(states: dict[str, Any]) -> None:
    (work,) = states["Parts"]["ItemProcessor"]["States"].values()
    asked = [each["Parameters"] for each in (work, states["Finish"], states["Fail"])]
    assert [each["step"] for each in asked] == ["part", "finish", "fail"]
    assert all(each["job_id.$"] == "$.job_id" for each in asked)
    assert asked[0]["part.$"] == "$.part"


def test_it_is_logged_and_the_backtester_may_start_it_by_its_name(
    stacks: dict[str, Resources],
    machine: dict[str, Any],
) -> None:
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    started = [
        json.dumps(each["Environment"]["Variables"]["STUDY_STATE_MACHINE"])
        for _, each in every(stacks, "AWS::Lambda::Function")
        if "STUDY_STATE_MACHINE" in each.get("Environment", {}).get("Variables", {})
    ]
    assert len(started) == 1
    assert all(f"stateMachine:{machine['StateMachineName']}" in each for each in started)
