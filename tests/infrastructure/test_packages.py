"""What each function's package carries, and what it must not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from local_platform.synthesis import ROOT

from infra_cdk.constructs.bundling import compile_what_is_new, lambda_python

FOLDER = ROOT / "layers" / "requirements"


def packages(kind: str) -> set[str]:
    """Names of the packages that are locked for a kind of function."""
    text = Path(FOLDER / f"{kind}.txt").read_text(encoding="utf-8")
    return {match[1].lower() for match in re.finditer(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


@pytest.mark.parametrize("heavy", ["pandas", "alpaca-py", "google-genai", "numba", "matplotlib", "mcp"])
def test_the_api_carries_nothing_heavy(heavy: str) -> None:
    assert heavy not in packages("api")


@pytest.mark.parametrize("kind", ["sandbox", "engine", "broker", "api", "mcp", "ingestor"])
def test_only_the_assistant_carries_the_models_sdk(kind: str) -> None:
    assert "google-genai" in packages("assistant")
    assert "google-genai" not in packages(kind)


def test_no_lock_names_an_address() -> None:
    for path in FOLDER.glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path.name
        assert "--hash=sha256:" in text, path.name


def test_sizes_are_measured_of_the_layers_that_functions_have() -> None:
    from tests.benchmarks.sizes import KINDS

    found: dict[str, str] = {}
    for path in (ROOT / "infra_cdk" / "stacks").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= dict(re.findall(r'\.function\(\s*"(\w+)",\s*"(\w+)"', text))
    # The cleaner is made by itself, and the API's package serves two functions.
    assert found | {"api": "api"} == {name: kind for name, kind in KINDS.items() if name != "cleaner"}


def test_byte_code_that_is_kept_is_taken_for_the_same_source_and_for_no_other(tmp_path: Path) -> None:
    python = lambda_python()
    if python is None:
        pytest.skip("needs Python 3.13, whose byte code Lambda reads")
    kept = tmp_path / "kept"

    def compiled(folder: str, text: str, by: str) -> bytes:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "module.py").write_text(text)
        compile_what_is_new(tmp_path / folder, by, kept)
        (made,) = (tmp_path / folder / "__pycache__").iterdir()
        return made.read_bytes()

    first = compiled("first", "A = 1\n", python)
    assert compiled("second", "A = 1\n", "no Python at all") == first
    assert compiled("third", "A = 2\n", python) != first
    assert len(list(kept.iterdir())) == 2
