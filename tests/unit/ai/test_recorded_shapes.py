"""The shapes in which Google's service answers, by its documented types, and what becomes of each: nothing that is no answer is taken for one."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from google.genai import types
from pydantic import SecretStr
from simulators.credentials import GEMINI_API_KEY
from simulators.gemini.faults import NAMES
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from stratforge.ai.analyst import GeminiAnalyst
from stratforge.ai.deadline import Deadline
from stratforge.ai.drafting import write_strategy
from stratforge.ai.failures import ModelMissing, ModelRefused, ModelUnavailable, NotADraft
from stratforge.ai.prompts import first_request, quant_instructions
from stratforge.ai.quant import Drafted, GeminiQuant, Turn
from stratforge.ai.usage import Usage
from stratforge.application.jobs import asking
from stratforge.configuration import GeminiSecret

from tests.unit.ai.test_gemini import TURNS, Service, service

__all__ = ["service"]

DRAFT = json.dumps({"kind": "clarify", "questions": ["Which symbol?"], "name": "x", "symbol": "AAPL", "python_code": "", "logic_explanation": ""})  # fmt: skip
RPC = "type.googleapis.com/google.rpc."


class Recorded:
    """A service that answers with what was recorded, in turn: parts of a stream, or an error."""

    def __init__(self) -> None:
        self.answers: list[list[dict[str, Any]] | tuple[int, dict[str, Any]]] = []
        self.asked: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        app = Starlette(routes=[Route("/v1beta/models/{model}:streamGenerateContent", self._answer, methods=["POST"])])
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", lifespan="off"))  # fmt: skip
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.secret = GeminiSecret(api_key=SecretStr("k"), base_url=f"http://127.0.0.1:{port}", quant_model="first", analyst_model="first")  # fmt: skip
        self.paid: list[Usage] = []

    async def _answer(self, request: Request) -> Response:
        self.asked.append(request.path_params["model"])
        self.bodies.append(await request.json())
        answer = self.answers.pop(0)
        if isinstance(answer, tuple):
            return JSONResponse(answer[1], answer[0])
        return Response("".join(f"data: {json.dumps(each)}\r\n\r\n" for each in answer), media_type="text/event-stream")

    def quant(self, **models: str) -> GeminiQuant:
        secret = self.secret.model_copy(update=models)
        return GeminiQuant(secret, Deadline.in_seconds(60), lambda _model, usage: self.paid.append(usage))

    def draft(self, *parts: dict[str, Any], **models: str) -> Drafted:
        """The Quant's draft from parts of a stream."""
        self.answers.append(list(parts))
        return self.quant(**models).draft("instructions", TURNS)

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)


@pytest.fixture(scope="module")
def running() -> Iterator[Recorded]:
    found = Recorded()
    yield found
    found.stop()


@pytest.fixture
def recorded(running: Recorded) -> Recorded:
    """The service, with nothing to answer yet."""
    for each in (running.answers, running.asked, running.bodies, running.paid):
        each.clear()
    return running


def part(text: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A part of a stream; one without text has no content, as the service leaves it out."""
    candidate: dict[str, Any] = {"index": 0}
    if text is not None:
        candidate["content"] = {"role": "model", "parts": [{"text": text}]}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "first-001", "responseId": "r", **more}


def error(code: int, status: str, *details: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return code, {"error": {"code": code, "message": f"said {status}", "status": status, "details": list(details)}}


def usage(**counts: int) -> dict[str, Any]:
    return {"usageMetadata": counts}


def test_thinking_is_paid_as_the_answer_is_and_what_the_search_found_as_the_question(recorded: Recorded) -> None:
    counts = {"promptTokenCount": 1_000, "cachedContentTokenCount": 800, "candidatesTokenCount": 50, "thoughtsTokenCount": 400, "toolUsePromptTokenCount": 300, "totalTokenCount": 1_750}  # fmt: skip
    drafted = recorded.draft(part(DRAFT, "STOP", **usage(**counts)))
    assert drafted.usage == Usage(prompt=1_300, cached=800, answer=450)
    assert drafted.tokens == 1_750
    assert recorded.paid == [drafted.usage]


def test_counts_of_earlier_parts_are_not_taken_back_by_a_part_that_tells_fewer(recorded: Recorded) -> None:
    drafted = recorded.draft(
        part(DRAFT[:20], **usage(promptTokenCount=1_000, cachedContentTokenCount=800, totalTokenCount=1_000)),
        part(DRAFT[20:], **usage(promptTokenCount=1_000, candidatesTokenCount=20, totalTokenCount=1_020)),
        part("", "STOP", **usage(promptTokenCount=1_000, candidatesTokenCount=30, thoughtsTokenCount=70, totalTokenCount=1_100)),
    )  # fmt: skip
    assert drafted.usage == Usage(prompt=1_000, cached=800, answer=100)


def test_tokens_come_also_behind_the_answer_in_a_part_without_candidates(recorded: Recorded) -> None:
    drafted = recorded.draft(
        part(DRAFT, "STOP"), {**usage(promptTokenCount=10, candidatesTokenCount=5, totalTokenCount=15)}
    )
    assert drafted.tokens == 15


def test_thoughts_that_are_shown_are_no_part_of_the_answer(recorded: Recorded) -> None:
    thought = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hm, {", "thought": True}, {"text": DRAFT}]}, "finishReason": "STOP"}]}  # fmt: skip
    assert recorded.draft(thought).draft.questions == ["Which symbol?"]


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"])
@pytest.mark.parametrize("said", [None, DRAFT[:30], DRAFT])
def test_an_answer_that_the_service_stopped_is_refused_whatever_came_before(
    recorded: Recorded, reason: str, said: str | None
) -> None:
    with pytest.raises(ModelRefused, match=reason):
        recorded.draft(part(said), part(None, reason, **usage(promptTokenCount=9, totalTokenCount=9)))
    assert recorded.paid == [Usage(9, 0, 0)]


@pytest.mark.parametrize("reason", ["MAX_TOKENS", "OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "A_REASON_OF_TOMORROW"])  # fmt: skip
@pytest.mark.parametrize("said", [None, DRAFT[:30]])
@pytest.mark.filterwarnings("ignore:A_REASON_OF_TOMORROW is not a valid FinishReason")
def test_an_answer_that_ended_early_for_another_reason_is_asked_for_once_more(
    recorded: Recorded, reason: str, said: str | None
) -> None:
    recorded.answers = [[part(said, reason, **usage(promptTokenCount=9, thoughtsTokenCount=90, totalTokenCount=99))], [part(DRAFT, "STOP")]]  # fmt: skip
    quant = recorded.quant()
    passed = write_strategy(lambda system, turns: quant.draft(system, turns), list(TURNS), lambda _: None, lambda _: [])
    assert (len(passed.repairs), passed.tokens) == (1, 99)
    assert reason in passed.repairs[0][0]
    texts = [each["text"] for turn in recorded.bodies[-1]["contents"] for each in turn["parts"]]
    assert all(each.strip() for each in texts), "a part without text is refused"
    assert (DRAFT[:30] in texts) is (said is not None)


def test_thinking_that_took_all_the_room_is_no_draft(recorded: Recorded) -> None:
    with pytest.raises(NotADraft, match="MAX_TOKENS"):
        recorded.draft(part(None, "MAX_TOKENS", **usage(promptTokenCount=9, thoughtsTokenCount=32_768, totalTokenCount=32_777)))  # fmt: skip


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT"])
def test_a_prompt_that_is_blocked_is_refused_by_the_reasons_name(recorded: Recorded, reason: str) -> None:
    with pytest.raises(ModelRefused, match=rf"blocked: {reason}\)"):
        recorded.draft({"promptFeedback": {"blockReason": reason}, **usage(promptTokenCount=7, totalTokenCount=7)})
    assert recorded.paid == [Usage(7, 0, 0)]


def test_a_look_at_the_prompt_that_blocks_nothing_ends_nothing(recorded: Recorded) -> None:
    looked = {"promptFeedback": {"safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}]}}  # fmt: skip
    assert recorded.draft(looked, part(DRAFT, "STOP")).draft.questions
    with pytest.raises(ModelUnavailable, match="in the middle"):
        recorded.draft(looked, part(DRAFT[:30]))


@pytest.mark.parametrize("finish", [None, "FINISH_REASON_UNSPECIFIED"])
def test_a_stream_that_ends_without_a_reason_is_no_answer(recorded: Recorded, finish: str | None) -> None:
    with pytest.raises(ModelUnavailable, match="in the middle"):
        recorded.draft(part(DRAFT, finish))


@pytest.mark.parametrize("said", [None, "", " \n"])
def test_an_empty_answer_is_asked_for_elsewhere(recorded: Recorded, said: str | None) -> None:
    recorded.answers = [[part(said, "STOP")]]
    drafted = recorded.draft(part(DRAFT, "STOP"), fallback_model="second")
    assert recorded.asked == ["first", "second"]
    assert drafted.draft.questions
    with pytest.raises(ModelUnavailable, match="empty"):
        recorded.draft(part(said, "STOP"))


def test_a_model_that_is_no_more_has_another_in_its_place(recorded: Recorded) -> None:
    recorded.answers = [error(404, "NOT_FOUND")]
    assert recorded.draft(part(DRAFT, "STOP"), fallback_model="second").draft.questions
    assert recorded.asked == ["first", "second"]
    recorded.answers = [error(404, "NOT_FOUND")]
    with pytest.raises(ModelMissing, match="404"):
        recorded.quant().draft("instructions", TURNS)


@pytest.mark.parametrize(
    ("code", "status", "details", "after"),
    [
        (429, "RESOURCE_EXHAUSTED", [], 0.0),
        (429, "RESOURCE_EXHAUSTED", [{"@type": f"{RPC}RetryInfo", "retryDelay": "34.074824224s"}], 34.074824224),
        (429, "RESOURCE_EXHAUSTED", [{"@type": f"{RPC}RetryInfo", "retryDelay": "soon"}], 0.0),
        (
            429,
            "RESOURCE_EXHAUSTED",
            [
                {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},
                {"@type": f"{RPC}RetryInfo", "retryDelay": "20s"},
            ],
            math.inf,
        ),
        (503, "UNAVAILABLE", [], 0.0),
        (500, "INTERNAL", [], 0.0),
        (504, "DEADLINE_EXCEEDED", [], 0.0),
        (499, "CANCELLED", [], 0.0),
    ],
)  # fmt: skip
def test_a_service_that_is_away_says_for_how_long(
    recorded: Recorded, code: int, status: str, details: list[dict[str, Any]], after: float
) -> None:
    recorded.answers = [error(code, status, *details)]
    with pytest.raises(ModelUnavailable, match=str(code)) as caught:
        recorded.quant().draft("instructions", TURNS)
    assert caught.value.after == after


@pytest.mark.parametrize(("code", "status"), [(400, "INVALID_ARGUMENT"), (403, "PERMISSION_DENIED")])
def test_what_asking_again_does_not_mend_is_refused(recorded: Recorded, code: int, status: str) -> None:
    recorded.answers = [error(code, status)]
    with pytest.raises(ModelRefused, match=f"{code}.*said {status}"):
        recorded.quant(fallback_model="second").draft("instructions", TURNS)
    assert recorded.asked == ["first"]


def test_an_error_in_the_middle_of_a_stream_is_one(recorded: Recorded) -> None:
    for code, status in ((503, "UNAVAILABLE"), (429, "RESOURCE_EXHAUSTED")):
        with pytest.raises(ModelUnavailable, match=str(code)):
            recorded.draft(part(DRAFT[:30], **usage(promptTokenCount=9, totalTokenCount=9)), error(code, status)[1])
    assert recorded.paid == [Usage(9, 0, 0)] * 2


@pytest.mark.parametrize("sent", [{"candidates": "none"}, {"candidates": [{"index": "first"}]}, {"usageMetadata": 7}])
def test_a_form_that_is_not_the_services_own_is_no_answer(recorded: Recorded, sent: dict[str, Any]) -> None:
    with pytest.raises(ModelUnavailable):
        recorded.draft(sent)


def test_fields_that_nobody_knows_yet_are_in_nobodys_way(recorded: Recorded) -> None:
    assert recorded.draft(part(DRAFT, "STOP", modelStatus={"modelStage": "STABLE"}, tomorrow={"a": 1})).draft.questions


class Pauses:
    """The pauses that were made, and a service that wants them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *after: float) -> None:
        self.made: list[float] = []
        self.left = list(after)
        monkeypatch.setattr(asking, "sleep", self.made.append)

    def ask(self) -> str:
        if self.left:
            raise ModelUnavailable("Gemini answered 429", self.left.pop(0))
        return "an answer"


def test_who_wants_to_be_left_alone_for_a_while_is_asked_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = Pauses(monkeypatch, 34.0)
    assert asking.patiently(pauses.ask, Deadline.in_seconds(200)) == "an answer"
    assert 34 < pauses.made[0] < 36


@pytest.mark.parametrize(("after", "seconds"), [(34.0, 20.0), (math.inf, None), (3600.0, None)])
def test_nobody_waits_longer_than_there_is_time(
    monkeypatch: pytest.MonkeyPatch, after: float, seconds: float | None
) -> None:
    pauses = Pauses(monkeypatch, after)
    with pytest.raises(ModelUnavailable):
        asking.patiently(pauses.ask, None if seconds is None else Deadline.in_seconds(seconds))
    assert pauses.made == []


def grounded(text: str, first: dict[str, Any], last: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [part(text[:5]), part(text[5:], "STOP")]
    parts[0]["candidates"][0]["groundingMetadata"], parts[1]["candidates"][0]["groundingMetadata"] = first, last
    return parts


SOURCES = {
    "groundingChunks": [
        {"web": {"uri": "https://example.com/a", "title": "a", "domain": "example.com"}},
        {"retrievedContext": {"uri": "gs://x", "title": "not of the web"}},
        {"web": {"uri": "javascript:alert(1)", "title": "a script"}},
    ],
    "groundingSupports": [
        # The beginning of a text is left out, as zeros are.
        {"segment": {"endIndex": 7, "text": "Käse ge"}, "groundingChunkIndices": [0, 9], "confidenceScores": [0.9]},
        {"groundingChunkIndices": [0]},
        {"segment": {"startIndex": 8, "endIndex": 11}},
    ],
}
QUERIES = {"webSearchQueries": ["cheese"], "searchEntryPoint": {"renderedContent": "<div>cheese</div>"}}


@pytest.mark.parametrize(("first", "last"), [(SOURCES, QUERIES), (QUERIES, SOURCES), ({**SOURCES, **QUERIES}, {})])
def test_sources_come_with_any_part_and_none_takes_them_back(
    recorded: Recorded, first: dict[str, Any], last: dict[str, Any]
) -> None:
    recorded.answers = [grounded("Käse ging.", first, last)]
    found = GeminiAnalyst(recorded.secret).research("How did cheese do?", None, lambda _text: None)
    assert [(each.uri, each.spans) for each in found.citations] == [("https://example.com/a", ((0, 6),))]
    assert (found.grounded, found.queries, found.suggestions) == (True, ("cheese",), "<div>cheese</div>")


def test_an_answer_of_the_analyst_that_is_cut_is_called_so_and_one_that_was_stopped_is_none(recorded: Recorded) -> None:
    analyst = GeminiAnalyst(recorded.secret)
    recorded.answers = [[part("Half of it", "MAX_TOKENS")], [part("Half of it", "SAFETY")], [part(None, "MAX_TOKENS")]]
    assert not analyst.research("?", None, lambda _text: None).complete
    for _ in range(2):
        with pytest.raises(ModelRefused):
            analyst.research("?", None, lambda _text: None)


@pytest.mark.parametrize("fault", ["", *(each for each in NAMES if each not in ("slow", "cut"))])
def test_the_simulated_service_speaks_in_the_documented_types(service: Service, fault: str) -> None:
    """Each part of each answer is one that Google's own types know, to the last field."""
    import httpx

    if fault:
        service.fail(fault, 1)
    schema = {"contents": [{"role": "user", "parts": [{"text": first_request("Buy AAPL when the RSI is below 30 and sell when it is above 70")}]}], "generationConfig": {"responseMimeType": "application/json"}, "systemInstruction": {"parts": [{"text": quant_instructions()}]}}  # fmt: skip
    address = f"http://127.0.0.1:{service.port}/v1beta/models/first:streamGenerateContent?alt=sse"
    answer = httpx.post(address, json=schema, headers={"x-goog-api-key": GEMINI_API_KEY}, timeout=30)
    parts = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]
    if answer.status_code != 200:
        told = answer.json()["error"]
        assert (told["code"], bool(told["message"]), told["status"].isupper()) == (answer.status_code, True, True)
        return
    assert parts
    for each in parts:
        if "error" not in each:
            types.GenerateContentResponse.model_validate(each)
    assert all("usageMetadata" in each for each in parts if "candidates" in each)


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("429", ModelUnavailable),
        ("429 today", ModelUnavailable),
        ("500", ModelUnavailable),
        ("503", ModelUnavailable),
        ("404", ModelMissing),
        ("blocked", ModelRefused),
        ("safety", ModelRefused),
        ("recitation", ModelRefused),
        ("truncated", NotADraft),
        ("thought out", NotADraft),
        ("empty", ModelUnavailable),
        ("not json", NotADraft),
        ("cut", ModelUnavailable),
        ("unfinished", ModelUnavailable),
        ("error inside", ModelUnavailable),
    ],
)
def test_every_fault_of_the_simulated_service_is_told_apart(
    service: Service, fault: str, raised: type[Exception]
) -> None:
    service.fail(fault, 1, seconds=7)
    with pytest.raises(raised) as caught:
        service.quant().draft(quant_instructions(), [Turn("user", TURNS[0].text)])
    assert type(caught.value) is raised
    if isinstance(caught.value, ModelUnavailable):
        assert caught.value.after == {"429": 7, "429 today": math.inf}.get(fault, 0)
