"""Changing the constants of a source and nothing else of it."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping

# Where Python ends a line, and nowhere else: str.splitlines also splits at characters that may stand inside of a comment.
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_WHOLE = 1e15
_TIMEFRAME = re.compile(r"""^TIMEFRAME *= *["']([^"'\r\n]*)["'].*$""", re.MULTILINE)


def with_constants(source: str, values: Mapping[str, float]) -> str:
    """The source with other values for some of its module constants; comments and layout stay.

    Args:
        source: A strategy that compiles.
        values: New values by name.

    Raises:
        KeyError: if the source has no constant of a name.
        ValueError: if a value is not a finite number.
    """
    if not all(math.isfinite(value) for value in values.values()):
        raise ValueError("constants are finite numbers")
    lines = _LINES.findall(source)
    places: dict[str, ast.expr] = {}
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            both = isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple)
            literals = statement.value.elts if both and isinstance(statement.value, ast.Tuple) else [statement.value]
            for name, literal in zip(names, literals, strict=False):
                if isinstance(name, ast.Name):
                    places[name.id] = literal
    # From the end to the beginning, so that places stay where they are.
    for changed in sorted(values, key=lambda name: _place(places[name]), reverse=True):
        literal = places[changed]
        # A number may go over lines: a sign, and what stands in parentheses.
        assert literal.end_lineno is not None
        first, last = lines[literal.lineno - 1].encode(), lines[literal.end_lineno - 1].encode()
        changed_line = first[: literal.col_offset] + written(values[changed]).encode() + last[literal.end_col_offset :]
        lines[literal.lineno - 1 : literal.end_lineno] = [changed_line.decode()]
    return "".join(lines)


def timeframe_of(source: str) -> str | None:
    """The timeframe that a source declares, whether the language has it or not; None where it declares none."""
    found = _TIMEFRAME.search(source)
    return found[1] if found else None


def with_timeframe(source: str, timeframe: str | None) -> str:
    """The source on other bars; every other line stays where it is."""
    if timeframe_of(source) == timeframe:
        return source
    bare = _TIMEFRAME.sub("", source)
    return bare if timeframe is None else f'{bare.rstrip()}\n\nTIMEFRAME = "{timeframe}"\n'


def written(value: float) -> str:
    """The number as one would write it, with every digit it has."""
    whole = float(value).is_integer() and abs(value) < _WHOLE
    return str(int(value)) if whole else repr(float(value))


def _place(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset
