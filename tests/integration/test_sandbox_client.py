"""What the evaluator sends to the sandbox: never more than Lambda takes, no comments, and nobody pays for somebody else."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from stratforge.application.session_windows import SandboxFailed, SandboxUnavailable
from stratforge.market import BarColumns
from stratforge.storage.strategies.evaluations import RunningSession
from stratforge.storage.strategies.rebalances import Asking
from stratforge.strategy.batch import Sessions, decode_columns, programs_of

from functions.evaluator import rebalance_client, sandbox_client
from functions.evaluator.sandbox_client import MAX_PAYLOAD_BYTES, evaluate_sessions
from functions.sandbox.workers import Answers


class Lambda:
    """Takes invocations of the sandbox and says the same for each strategy."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.skip: set[str] = set()
        self.known: dict[str, str] = {}
        self.forgetful = 0

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        """Answers like the sandbox: asks for what it does not know."""
        assert FunctionName == "sandbox"
        self.payloads.append(Payload)
        event = json.loads(Payload)
        if self.forgetful:
            self.forgetful -= 1
            self.known = {}
        self.known |= event["sources"]
        assert all(hashlib.sha256(text.encode()).hexdigest() == key for key, text in event["sources"].items())
        unknown = [each for each in programs_of(event["sessions"]["programs"]) if each not in self.known]
        body = {"unknown": unknown} if unknown else self._answer(Sessions.decoded(event["sessions"]))
        return {"Payload": io.BytesIO(json.dumps(body).encode())}

    def _answer(self, sessions: Sessions) -> dict[str, Any]:
        skipped = {
            place for place, each in enumerate(sessions.programs) if any(word in self.known[each] for word in self.skip)
        }
        answers = Answers(names=[["n"]])
        for place, each in enumerate(sessions.program_places):
            if each not in skipped:
                answers.places.extend((place, 0))
                answers.numbers.extend((0.0, 0.0, 0.0, 0.0, 1.0))
        return answers.encoded()

    @property
    def last(self) -> dict[str, Any]:
        """The last invocation's event."""
        event: dict[str, Any] = json.loads(self.payloads[-1])
        return event


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
    assert sum(map(len, lambda_.payloads)) < 200_000


def test_code_is_sent_once_and_asked_for_by_an_environment_that_does_not_have_it(lambda_: Lambda) -> None:
    sessions = [session(code(number)) for number in range(20)]
    evaluate_sessions("sandbox", window(64), sessions)
    assert [len(json.loads(each)["sources"]) for each in lambda_.payloads] == [0, 20]
    evaluate_sessions("sandbox", window(64), [*sessions, session(code(99))])
    assert [len(json.loads(each)["sources"]) for each in lambda_.payloads[2:]] == [0, 1]
    evaluate_sessions("sandbox", window(64), sessions)
    assert len(lambda_.payloads) == 5
    # Each of the first two invocations meets an environment that knows nothing.
    lambda_.forgetful = 2
    assert len(evaluate_sessions("sandbox", window(64), [*sessions, session(code(98))])) == 21
    lambda_.forgetful = 99
    assert len(evaluate_sessions("sandbox", window(64), sessions)) == 20


def test_nothing_that_is_sent_says_whose_a_session_is(lambda_: Lambda) -> None:
    """Owners are told apart, within a batch, by numbers that mean nothing elsewhere."""
    first, second = session(code(1)), session(code(2))
    evaluate_sessions("sandbox", window(64), [first, second, replace(second, user_id=first.user_id)])
    places = Sessions.decoded(lambda_.last["sessions"]).places.tolist()
    assert places[2::3] == [0, 1, 0]
    for each in (first, second):
        assert not any(
            str(name).encode() in payload for payload in lambda_.payloads for name in (each.user_id, each.session_id)
        )


def test_no_invocation_is_larger_than_lambda_takes_and_none_is_needless(lambda_: Lambda) -> None:
    # Text that is code and cannot be left out, and the largest window.
    long = "".join(f"    if bar.close > {10**14 + 7 * line}.25:\n        return sell()\n" for line in range(420))
    sources = [f"def on_bar(bar, position, state):\n    x = {number}\n{long}    return buy(quantity=x)\n" for number in range(330)]  # fmt: skip
    sessions = [session(source, {f"key_{key}_{'k' * 30}": 1.0 / 3 for key in range(32)}) for source in sources]
    outcomes = evaluate_sessions("sandbox", window(32_768), sessions)
    assert [outcome.session for outcome in outcomes] == sessions
    sizes = sorted(len(payload) for payload in lambda_.payloads)
    assert 4 <= len(sizes) <= 8
    assert sizes[-1] <= MAX_PAYLOAD_BYTES
    assert sizes[-1] > 0.98 * MAX_PAYLOAD_BYTES


def test_the_bytes_of_a_part_are_counted_and_none_is_forgotten() -> None:
    several: list[list[dict[str, float]]] = [
        [{}],
        [{}, {"ü": 0.1}, {"n": 3.0}],
        [{f"k{key}": 1.0 for key in range(32)}] * 50,
    ]
    for states in several:
        sessions = [session(code(place % 7), state) for place, state in enumerate(states)]
        (part,) = sandbox_client._parts(len('{"a":1}'), sessions, [None] * len(sessions))
        spare = part.size - len(part.payload('{"a":1}', {each.hash: each.text for each in part.programs}))
        assert 0 <= spare <= 16 + 11 * len(sessions)


def test_a_rebalance_is_never_larger_than_lambda_takes_whatever_one_tenant_names_his_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[tuple[int, int]] = []

    def asked(_function: str, bars: str, part: sandbox_client.Part) -> dict[str, object]:
        sent.append((len(part.payload(bars, {each.hash: each.text for each in part.programs})), len(part.asked)))
        return {}

    monkeypatch.setattr(rebalance_client, "asked", asked)
    monkeypatch.setattr(rebalance_client, "_understood", lambda *_: [])
    monkeypatch.setattr(rebalance_client, "encode_windows", lambda *_: {})
    source = code(1)
    source_hash = hashlib.sha256(source.encode()).hexdigest()
    sessions = [
        SimpleNamespace(
            user_id=uuid4(),
            python_code=source,
            source_hash=source_hash,
            parameters={},
            state={f"{'ü' * 700}_{number}_{key}": 1.0 / 3 for key in range(32)},
        )
        for number in range(200)
    ]
    asking = [Asking(each, 1.0, 1.0, (0.5, 0.5)) for each in sessions]  # type: ignore[arg-type] # what is read of one
    rebalance_client.decide_rebalances("sandbox", SimpleNamespace(bars=()), 2, asking)  # type: ignore[arg-type]
    assert sum(count for _, count in sent) == 200
    assert max(size for size, _ in sent) <= MAX_PAYLOAD_BYTES
    assert len(sent) < 8


def test_one_source_of_many_users_is_sent_once(lambda_: Lambda) -> None:
    evaluate_sessions("sandbox", window(64), [session(code(1) + "# mine\n"), session(code(1) + "# yours\n")] * 300)
    assert len(lambda_.last["sources"]) == 1


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


def test_an_answer_that_is_none_is_a_failure_of_the_sandbox(lambda_: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    for body in ({"errorMessage": "out of memory"}, {"unknown": ["0" * 64]}, None):
        monkeypatch.setattr(
            lambda_, "invoke", lambda body=body, **_event: {"Payload": io.BytesIO(json.dumps(body).encode())}
        )
        with pytest.raises(SandboxFailed, match="the sandbox failed"):
            evaluate_sessions("sandbox", window(64), [session(code(1))])


def test_the_sandbox_is_told_how_long_a_batch_may_take(lambda_: Lambda) -> None:
    sent = []
    for seconds in ((7.25,), (), (600.0,), (-1.0,)):
        evaluate_sessions("sandbox", window(64), [session(code(1))], *seconds)
        sent.append(lambda_.last["seconds"])
    assert sent == [7.2, 30.0, 30.0, 0.1]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ClientError({"Error": {"Code": "RequestTooLargeException"}}, "Invoke"), SandboxFailed),
        (ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"), SandboxUnavailable),
        (ReadTimeoutError(endpoint_url="https://lambda"), SandboxUnavailable),
    ],
)
def test_what_lambda_does_not_take_is_a_failure_and_what_it_does_not_answer_is_nobodys(
    lambda_: Lambda, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[SandboxFailed]
) -> None:
    def invoke(**_event: Any) -> Any:
        raise error

    monkeypatch.setattr(lambda_, "invoke", invoke)
    with pytest.raises(SandboxFailed) as raised:
        evaluate_sessions("sandbox", window(64), [session(code(1))])
    assert raised.type is kind


def test_days_travel_once_beside_the_window_of_all_their_sessions(lambda_: Lambda) -> None:
    """So many sessions share as many days as there may be, in a message within its bound."""
    days = replace(window(2_048), time=86_400 * np.arange(2_048, dtype=np.int64), daily=True)
    bars = replace(window(64), time=86_400 * 2_000 + 60 * np.arange(64, dtype=np.int64), days=days)
    source = "def indicators(bars):\n    return {{'x': ta.sma(bars.resample('1d').close, length={})}}\ndef on_bar(bar, position, state):\n    state['x'] = bar.x\n    if bar.x > 99:\n        return buy()\n"
    sessions = [session(source.format(length)) for length in range(1, 101)]
    assert len(evaluate_sessions("sandbox", bars, sessions)) == 100
    sent = decode_columns(lambda_.last["bars"])
    assert sent.days is not None
    assert np.array_equal(sent.days.time, days.time)
    beside = len(lambda_.payloads[0])
    lambda_.payloads.clear()
    evaluate_sessions("sandbox", replace(bars, days=None), sessions)
    alone = len(lambda_.payloads[0])
    # Eight bytes of six columns, of which three are four letters.
    assert 0 <= beside - alone - 2_048 * 48 * 4 // 3 < 100
    (part,) = sandbox_client._parts(beside - alone, sessions, [None] * 100)
    assert part.size < MAX_PAYLOAD_BYTES
