"""Docstrings of the public names of all that is no test are sentences a stranger understands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = (ROOT / "layers" / "stratforge", ROOT / "functions", ROOT / "infra_cdk", ROOT / "localstack")
# A first line that asks instead of saying what the thing is or does.
RIDDLE = re.compile(r"(What|Whether|Who|Whose|How|Why|When|Where|Which)\b")
# A module's path and an operation's mathematics say the rest; everything else is told in a sentence.
FEWEST_WORDS, BRIEF = 6, 4
OPERATIONS = ROOT / "layers" / "stratforge" / "strategy"

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public_names(tree: ast.Module) -> Iterator[tuple[str, Documented]]:
    """Yields a module and its public classes, functions and methods, each with its dotted name."""
    yield "module", tree
    waiting: list[tuple[str, ast.Module | ast.ClassDef]] = [("", tree)]
    while waiting:
        prefix, parent = waiting.pop()
        for node in parent.body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) or node.name.startswith("_"):
                continue
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                waiting.append((f"{prefix}{node.name}.", node))


def faults(source: str, fewest_words: int = FEWEST_WORDS) -> list[str]:
    """Lists the public names of a source whose docstring is missing, too short, or a riddle."""
    tree, found = ast.parse(source), []
    for name, node in public_names(tree):
        docstring = ast.get_docstring(node)
        if docstring is None:
            if node.body:  # An empty package says nothing.
                found.append(f"{name}: no docstring")
            continue
        first = docstring.partition("\n")[0]
        least = BRIEF if isinstance(node, ast.Module) else fewest_words
        if RIDDLE.match(first) or len(docstring.split()) < least or len(first.split()) < BRIEF:
            found.append(f"{name}: {first!r}")
    return found


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
def test_every_public_name_has_a_docstring_that_says_what_it_is(root: Path) -> None:
    # Copies that an installation built are no sources, and may be older.
    files = sorted(file for file in root.rglob("*.py") if "build" not in file.relative_to(root).parts)
    assert files
    found = [
        f"{file.relative_to(ROOT)} {fault}"
        for file in files
        for fault in faults(file.read_text(), BRIEF if file.is_relative_to(OPERATIONS) else FEWEST_WORDS)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "docstring",
    [
        None,
        "The page.",
        "The rules as one text.",
        "Whether it is open at all.",
        "What somebody gets of it.",
        "Raises:\n    Refused: always.",
    ],
)
def test_missing_short_and_riddling_docstrings_are_found(docstring: str | None) -> None:
    body = "pass" if docstring is None else f'"""{docstring}"""'
    source = f'"""A module with one class."""\nclass Thing:\n    """A thing that has one method only."""\n    def page(self):\n        {body}\n'
    assert [each.partition(":")[0] for each in faults(source)] == ["Thing.page"]


def test_private_names_may_be_brief() -> None:
    assert faults('"""A module with one function."""\ndef _page():\n    """The page."""\n') == []
