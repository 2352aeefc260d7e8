"""The metrics that functions write, read from their code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from local_platform.synthesis import ROOT


@cache
def written_metrics() -> frozenset[tuple[str, str]]:
    """Function and name of every metric that product code adds.

    Raises:
        AssertionError: if the name of one is neither written out nor the first of a loop over written out tuples, or the library adds one.
    """
    found: set[tuple[str, str]] = set()
    for path in sorted((ROOT / "functions").rglob("*.py")):
        function = path.relative_to(ROOT / "functions").parts[0]
        found |= {(function, name) for name in _names(path.read_text())}
    for path in sorted((ROOT / "layers" / "stratforge").rglob("*.py")):
        assert not list(_names(path.read_text())), f"{path}: whose metric is it?"
    return frozenset(found)


def _names(source: str) -> Iterator[str]:
    if "add_metric" not in source:
        return
    module = ast.parse(source)
    loops = {
        loop.target.elts[0].id: loop.iter
        for loop in ast.walk(module)
        if isinstance(loop, ast.For)
        and isinstance(loop.target, ast.Tuple)
        and isinstance(loop.target.elts[0], ast.Name)
    }
    for call in ast.walk(module):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "add_metric"):
            continue
        name = call.args[0]
        over = loops.get(name.id) if isinstance(name, ast.Name) else None
        for each in over.elts if isinstance(over, ast.Tuple) else [name]:
            literal = each.elts[0] if isinstance(each, ast.Tuple) else each
            assert isinstance(literal, ast.Constant), f"line {call.lineno}: write the metric's name out"
            yield str(literal.value)
