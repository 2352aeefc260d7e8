"""The auditor's handler tells whether an audit has come to its end: an alarm waits for that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stratforge.application.audit_ledger import Statement

from functions.auditor import handler as auditor
from tests.support.lambda_context import CONTEXT


@pytest.mark.parametrize(("audited", "left", "finished"), [(False, 0, [1]), (False, 3, None), (True, 0, [1])])
def test_that_an_audit_is_finished_is_told_when_nothing_is_left(
    audited: bool, left: int, finished: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = Statement(1, 1, 1, 0, 1, 0, (), left)
    monkeypatch.setattr(auditor, "is_audited", lambda _database, _since: audited)
    monkeypatch.setattr(auditor, "audit_ledger", lambda *_args, **_options: statement)
    monkeypatch.setattr(auditor, "broker", lambda: None)
    assert auditor.handler({}, CONTEXT)["left"] == left
    (told,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert told.get("AuditsFinished") == finished
