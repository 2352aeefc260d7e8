"""Log lines that could not be written would end whatever writes them."""

from __future__ import annotations

import ast
import logging

from local_platform.synthesis import ROOT

_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
# What Python's logging knows of a line by itself, and refuses as a field of ours with a KeyError.
_TAKEN = {*vars(logging.makeLogRecord({})), "message", "asctime"} - {"exc_info", "stack_info"}


def test_no_log_line_has_a_field_that_logging_refuses() -> None:
    """`message=` once was one: the first refusal on a data stream would have ended the ingestor instead of being noted."""
    lines = 0
    for folder in ("layers/stratforge", "functions"):
        for path in (ROOT / folder).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                if not isinstance(call, ast.Call):
                    continue
                methods = {each.attr for each in ast.walk(call.func) if isinstance(each, ast.Attribute)} & _METHODS
                if methods and "log" in ast.unparse(call.func):
                    lines += 1
                    fields = {each.arg for each in call.keywords}
                    for each in call.keywords:
                        if isinstance(each.value, ast.Dict) and each.arg == "extra":
                            fields |= {str(key.value) for key in each.value.keys if isinstance(key, ast.Constant)}
                    assert fields & _TAKEN == set(), f"{path}:{call.lineno}"
    assert lines > 50
