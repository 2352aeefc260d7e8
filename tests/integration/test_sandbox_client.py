"""What the evaluator sends to the sandbox: never more than Lambda takes, no comments, and nobody pays for somebody else."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from stratforge.market import BarColumns
from stratforge.storage.strategies.evaluations import RunningSession
from stratforge.strategy.wire import wire_source

from functions.evaluator import sandbox_client
from functions.evaluator.sandbox_client import MAX_PAYLOAD_BYTES, SandboxFailed, evaluate_sessions


class Lambda:
    """Takes invocations of the sandbox and says the same for each strategy."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.skip: set[str] = set()

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        """Answers like the sandbox."""
        assert FunctionName == "sandbox"
        self.payloads.append(Payload)
        event = json.loads(Payload)
        answers = [self._answer(each, event["sources"][each["hash"]]) for each in event["strategies"]]
        return {"Payload": io.BytesIO(json.dumps({"answers": answers}).encode())}

    def _answer(self, request: dict[str, Any], source: str) -> dict[str, Any]:
        assert hashlib.sha256(source.encode()).hexdigest() == request["hash"]
        if any(word in source for word in self.skip):
            return {"skipped": True}
        return {"signal": None, "state": {"n": request["state"].get("n", 0) + 1}}


@pytest.fixture
def lambda_(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    """A Lambda with the sandbox in it."""
    found = Lambda()
    monkeypatch.setattr(sandbox_client, "sandbox_client", lambda: found)
    return found


def window(length: int) -> BarColumns:
    """Bars that do not move."""
    path = np.full(length, 100.0)
    return BarColumns(60 * np.arange(length, dtype=np.int64), path, path, path, path, path)


def session(source: str, state: dict[str, float] | None = None) -> RunningSession:
    """A session of this source."""
    source_hash = hashlib.sha256(source.encode()).hexdigest()
    return RunningSession(uuid4(), uuid4(), source, source_hash, {}, 1, state or {}, 0, 0.0, 0.0)


def code(number: int, text: str = "") -> str:
    """A strategy with a number in it."""
    return f'"""{text}"""\n# {text}\ndef on_bar(bar, position, state):\n    if bar.close > {number}:  # {text}\n        return buy()\n'


def test_comments_and_docstrings_stay_at_home(lambda_: Lambda) -> None:
    outcomes = evaluate_sessions("sandbox", window(64), [session(code(number, "🙈" * 10_000)) for number in range(200)])
    assert len(outcomes) == 200
    (payload,) = lambda_.payloads
    assert len(payload) < 200_000


def test_no_invocation_is_larger_than_lambda_takes_and_none_is_needless(lambda_: Lambda) -> None:
    # Text that is code and cannot be left out, and the largest window.
    long = "".join(f"    if bar.close > {10**14 + 7 * line}.25:\n        return sell()\n" for line in range(420))
    sources = [f"def on_bar(bar, position, state):\n    x = {number}\n{long}    return buy(quantity=x)\n" for number in range(330)]  # fmt: skip
    sessions = [session(source, {f"key_{key}_{'k' * 30}": 1.0 / 3 for key in range(32)}) for source in sources]
    outcomes = evaluate_sessions("sandbox", window(32_768), sessions)
    assert [outcome.session for outcome in outcomes] == sessions
    sizes = sorted(len(payload) for payload in lambda_.payloads)
    assert 2 <= len(sizes) <= 4
    assert sizes[-1] <= MAX_PAYLOAD_BYTES
    assert sizes[-1] > 0.99 * MAX_PAYLOAD_BYTES


def test_the_bytes_of_a_part_are_counted_exactly() -> None:
    ready = [
        sandbox_client.Ready(place, each, wire_source(each.python_code, each.source_hash))
        for place, each in enumerate([session(code(1)), session(code(2), {"ü": 0.1}), session(code(1), {"n": 3.0})])
    ]
    (part,) = sandbox_client._parts(len('{"a":1}'), ready)
    # A comma after the last source and after the last request is counted and not sent.
    assert part.size - len(part.payload('{"a":1}')) == 2


def test_one_source_of_many_users_is_sent_once(lambda_: Lambda) -> None:
    evaluate_sessions("sandbox", window(64), [session(code(1) + "# mine\n"), session(code(1) + "# yours\n")] * 300)
    (payload,) = lambda_.payloads
    assert len(json.loads(payload)["sources"]) == 1


def test_what_is_not_what_was_checked_fails_alone(lambda_: Lambda) -> None:
    changed, fine = replace(session(code(2)), python_code=code(3)), session(code(1))
    outcomes = evaluate_sessions("sandbox", window(64), [changed, fine])
    assert [outcome.session for outcome in outcomes] == [changed, fine]
    assert "not the one that was checked" in (outcomes[0].error or "")
    assert outcomes[1].error is None


def test_a_session_that_the_batch_had_no_time_for_has_no_outcome(lambda_: Lambda) -> None:
    lambda_.skip = {"> 2"}
    sessions = [session(code(number)) for number in (1, 2, 3)]
    outcomes = evaluate_sessions("sandbox", window(64), sessions)
    assert [outcome.session for outcome in outcomes] == [sessions[0], sessions[2]]


def test_an_answer_for_too_few_is_a_failure_of_the_sandbox(lambda_: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        lambda_, "invoke", lambda **_event: {"Payload": io.BytesIO(json.dumps({"answers": []}).encode())}
    )
    with pytest.raises(SandboxFailed, match="0 of 1"):
        evaluate_sessions("sandbox", window(64), [session(code(1))])
