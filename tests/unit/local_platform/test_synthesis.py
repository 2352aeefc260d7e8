"""Assemblies are synthesized when the CDK app changes and filled when our code does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from local_platform import synthesis


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with an app that counts how often it was synthesized."""
    root = tmp_path / "checkout"
    for name in ("infra_cdk/app.py", "functions/greeter/handler.py", "layers/stratforge/__init__.py", "cdk.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("first")
    (root / "db" / "migrations").mkdir(parents=True)
    (root / "functions" / "__init__.py").touch()
    monkeypatch.setattr(synthesis, "ROOT", root)
    monkeypatch.setattr("infra_cdk.constructs.staging.ROOT", root)

    def synthesize(output: Path, _context: dict[str, object]) -> None:
        with (root / "synthesized").open("a") as count:
            count.write("x")
        (output / "assembly-Stratforge").mkdir(parents=True)
        (output / "manifest.json").write_text("{}")
        resources = {
            "F": {
                "Type": "AWS::Lambda::Function",
                "Properties": {"Handler": "functions.greeter.handler.handler", "Code": {"S3Key": "aa.zip"}},
            },
            "L": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {"LayerName": "x-library", "Content": {"S3Key": "bb.zip"}},
            },
        }
        (output / "assembly-Stratforge" / "s.template.json").write_text(json.dumps({"Resources": resources}))

    monkeypatch.setattr(synthesis, "_synthesize", synthesize)
    return root


def handler_of(assembly: Path) -> str:
    return (assembly / "asset.aa" / "functions" / "greeter" / "handler.py").read_text()


def test_changed_code_is_put_into_the_same_templates(app: Path, tmp_path: Path) -> None:
    first = synthesis.synthesize(tmp_path / "cache")
    (app / "functions" / "greeter" / "handler.py").write_text("second")
    second = synthesis.synthesize(tmp_path / "cache")
    assert (app / "synthesized").read_text() == "x"
    # Who uses the first one keeps it.
    assert (handler_of(first), handler_of(second)) == ("first", "second")


@pytest.mark.parametrize("name", ["infra_cdk/app.py", "cdk.json"])
def test_a_changed_app_is_synthesized_again(app: Path, tmp_path: Path, name: str) -> None:
    synthesis.synthesize(tmp_path / "cache")
    (app / name).write_text("second")
    synthesis.synthesize(tmp_path / "cache")
    assert (app / "synthesized").read_text() == "xx"


def test_a_new_function_is_synthesized(app: Path, tmp_path: Path) -> None:
    synthesis.synthesize(tmp_path / "cache")
    (app / "functions" / "another").mkdir()
    (app / "functions" / "another" / "handler.py").touch()
    synthesis.synthesize(tmp_path / "cache")
    assert (app / "synthesized").read_text() == "xx"


def test_what_differs_by_context_is_kept_side_by_side(app: Path, tmp_path: Path) -> None:
    simulated = synthesis.synthesize(tmp_path / "cache")
    real = synthesis.synthesize(tmp_path / "cache", simulated=False)
    assert simulated != real
    assert simulated.exists()
    assert synthesis.synthesize(tmp_path / "cache") == simulated
    assert (app / "synthesized").read_text() == "xx"
