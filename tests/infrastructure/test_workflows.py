"""How a change reaches the stages: what gates it, what it is trusted with, what it is made of."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from local_platform.synthesis import ROOT

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))


def read(path: Path) -> dict[str, Any]:
    """A workflow; YAML takes its `on` for true."""
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    found["on"] = found.pop(True)
    return found


def reached_before(jobs: dict[str, Any], job: str) -> set[str]:
    """The jobs that have succeeded before one begins."""
    needs = jobs[job].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct.union(*(reached_before(jobs, each) for each in direct))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_those_that_were_looked_at(path: Path) -> None:
    for used in re.findall(r"uses: (\S+)", path.read_text()):
        assert used.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), used


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_nothing_else_unless_a_job_says_so(path: Path) -> None:
    found = read(path)
    assert found["permissions"] == {"contents": "read"}
    for name, job in found["jobs"].items():
        written = {each for each, level in job.get("permissions", {}).items() if level == "write"}
        assert written <= {"id-token", "security-events"}, name


def test_tests_and_known_vulnerabilities_gate_every_deployment_and_dev_gates_prod() -> None:
    jobs = read(FOLDER / "deploy.yml")["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/test.yml"
    assert reached_before(jobs, "dev") == {"test", "shipped"}
    assert reached_before(jobs, "prod") == {"test", "shipped", "dev"}
    assert "make vulnerabilities sbom" in str(jobs["shipped"]["steps"])


def recipe_of(target: str) -> str:
    """What the Makefile does for a target."""
    return (ROOT / "Makefile").read_text().split(f"\n{target}: ")[1].split("\n\n")[0]


def test_a_change_is_judged_by_every_test_and_not_only_by_those_that_are_quick() -> None:
    assert "bash .ci/run" in str(read(FOLDER / "test.yml")["jobs"]["test"]["steps"])
    commands = (ROOT / ".ci" / "run").read_text().splitlines()
    # Whatever fails beside the others fails the change.
    assert commands.index("make --jobs=2 --output-sync=target check contract &") + 1 == commands.index("judged=$!")
    ends = [
        "status=0",
        'make --jobs=2 --output-sync=target "${beside[@]}" && make test-all || status=$?',
        'wait "$judged" || status=$?',
        'exit "$status"',
    ]
    assert commands[-len(ends) :] == ends
    assert "pytest" in recipe_of("test-all")
    assert " -m " not in recipe_of("test-all")
    assert '-m "not long"' in recipe_of("test")


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("tests/e2e/test_trading.py", "test_a_described_strategy_trades_and_the_books_agree"),
        ("tests/browser/test_stories.py", "test_from_nothing_to_a_trade_that_appears_by_itself"),
        ("tests/browser/test_quality.py", "test_every_page_fits_and_axe_finds_nothing"),
    ],
)
def test_a_trade_a_story_and_every_page_are_walked_without_the_long_tests_too(path: str, test: str) -> None:
    module = ast.parse((ROOT / path).read_text())
    (found,) = [each for each in module.body if isinstance(each, ast.FunctionDef) and each.name == test]
    whole = [each for each in module.body if isinstance(each, ast.Assign) and "pytestmark" in ast.unparse(each)]
    assert not [each for each in (*found.decorator_list, *whole) if ast.unparse(each) == "pytest.mark.long"]
    assert not [each for each in whole if "mark.long" in ast.unparse(each)]
    # Of its cases, one at least is none of the long ones.
    cases = [ast.unparse(each) for each in found.decorator_list if "parametrize" in ast.unparse(each)]
    assert all(each.count("pytest.param") > each.count("mark.long") for each in cases)


def test_a_stage_is_deployed_under_its_own_environment_by_a_short_lived_role() -> None:
    job = read(FOLDER / "stage.yml")["jobs"]["deploy"]
    # Approval is a rule of the environment.
    assert job["environment"] == "${{ inputs.stage }}"
    assert job["permissions"]["id-token"] == "write"
    assert "AWS_SECRET" not in (FOLDER / "stage.yml").read_text()
    assert "arm" in job["runs-on"]
    assert "make deploy" in str(job["steps"])


def test_a_deployment_ends_with_a_trade() -> None:
    recipe = recipe_of("deploy")
    assert recipe.splitlines()[0].startswith("preflight")
    assert [line for line in recipe.splitlines() if "infra_cdk.smoke" in line] == recipe.splitlines()[-1:]


def test_drift_and_a_restore_are_looked_at_on_a_schedule() -> None:
    found = read(FOLDER / "watch.yml")
    assert len(found["on"]["schedule"]) == 2
    assert "make drift STAGE=prod" in str(found["jobs"]["drift"])
    assert "make rehearse-restore STAGE=prod" in str(found["jobs"]["restore"])
    assert any(f"'{each['cron']}'" in found["jobs"]["restore"]["if"] for each in found["on"]["schedule"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_workflows_call_is_there(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for line in re.findall(r"run: make (.+)", path.read_text()):
        for word in line.split():
            if "=" in word or word.startswith(("-", "$", '"')):
                break
            assert f"\n{word}:" in makefile, word
    for tested in re.findall(r"pytest (tests/\S+)", path.read_text()):
        assert (ROOT / tested).exists()
