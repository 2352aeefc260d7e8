"""The library's README names modules and functions that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "layers" / "stratforge"
README = (LIBRARY.parent / "README.md").read_text(encoding="utf-8")
# A path into the library, and after a dot what it defines: `application/orders.place_order`.
NAMED = re.compile(
    r"`((?:application|jobs|ai|intent|broker|portfolio|storage|strategy|bus|market|backtest)/[\w/]+)(?:\.(\w+))?`"
)


def is_there(path: str, name: str | None) -> bool:
    """Whether a path of the README leads somewhere, and the name after it is defined there."""
    for root in (LIBRARY, LIBRARY / "application"):
        if (root / path).is_dir():
            return True
        module = root / f"{path}.py"
        if module.is_file():
            defined = {getattr(node, "name", None) for node in ast.parse(module.read_text(encoding="utf-8")).body}
            return name in (None, "py") or name in defined
    return False


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED.findall(README))))
def test_what_the_readme_names_is_there(path: str, name: str) -> None:
    assert is_there(path, name or None)


def test_a_name_that_is_not_there_is_found_out() -> None:
    assert is_there("application/orders", "place_order")
    assert not is_there("application/orders", "wake")
    assert not is_there("application/announce", None)
    assert len(NAMED.findall(README)) > 10
