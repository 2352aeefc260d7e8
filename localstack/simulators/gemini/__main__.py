"""`python -m simulators.gemini --port N`: `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent?alt=sse`."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from simulators.credentials import GEMINI_API_KEY
from simulators.gemini.conversation import answer_to, requests_in
from simulators.gemini.faults import Faults
from simulators.gemini.researcher import hostile_answer, research

_OUTSIDE = {
    "name": "Outside",
    "symbol": "AAPL",
    "python_code": "import os\n\ndef on_bar(bar, position, state):\n    return os.environ\n",
    "logic_explanation": "Reads the environment.",
    "parameters": [],
    "assumptions": [],
    "questions": [],
}
_HOSTILE_DRAFT = {
    "name": "<img src=x onerror=alert(1)>",
    "symbol": "AAPL",
    "python_code": 'LENGTH = 10\n\n\ndef indicators(bars):\n    return {"average": ta.sma(bars.close, length=LENGTH)}\n\n\n'
    "def on_bar(bar, position, state):\n    if position.quantity == 0 and bar.close > bar.average:\n        return buy()\n"
    "    if position.quantity > 0 and bar.close < bar.average:\n        return sell()\n",
    "logic_explanation": "Buys above the 10-bar average. <script>document.title='owned'</script> {{ 1 + 1 }}",
    "parameters": [{"name": "LENGTH", "value": 10, "meaning": '"><svg onload=alert(1)>'}],
    "assumptions": ["<a href='javascript:alert(1)'>click</a>", "No size was given: the session's sizing rule decides."],
    "questions": [],
}
# Markup in what is shown beside the code. It passes the gates where a crossing of the price and its average is asked for.
_HOSTILE_REQUIREMENT = {
    "meaning": "<img src=x onerror=alert(2)>",
    "status": "covered",
    "rules": [
        "symbol AAPL",
        "buy when bars.close > ta.sma(bars.close, length=10)",
        "sell when bars.close < ta.sma(bars.close, length=10)",
    ],
    "lines": list(range(1, 13)),
}
_ERRORS = {
    "429": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    "429 today": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    "500": (500, "INTERNAL", "An internal error has occurred. Please retry."),
    "503": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "404": (404, "NOT_FOUND", "The model is not found for API version v1beta, or is not supported for generateContent."),
}  # fmt: skip
_GOOGLE = "type.googleapis.com/google.rpc."
# What thinks takes tokens that nobody reads.
_THOUGHT = 120
_VERSION = "offline-author"
_RATINGS = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}]
# Faults that end a stream before its end, and those that leave no text, with the reason that is given.
_IN_THE_MIDDLE = ("cut", "unfinished", "error inside")
_FINISHES = {"safety": "SAFETY", "recitation": "RECITATION", "thought out": "MAX_TOKENS", "empty": "STOP"}
# How fast an answer is typed: characters in a part at least, parts at most, and the pause after each.
_PART, _PARTS, _PAUSE = 60, 20, 0.08


@dataclass(frozen=True, slots=True)
class Answer:
    """A simulated answer of the model: its text, its sources, and its finish reason."""

    text: str
    grounding: dict[str, Any] | None = None
    finish: str = "STOP"
    # How many characters come before the end of a stream that is none, and how it ends: the connection is dropped, nothing more comes, or an error.
    cut: int | None = None
    end: str = ""


def _error(status: int, name: str, message: str, *details: dict[str, Any]) -> JSONResponse:
    error = {"code": status, "message": message, "status": name}
    return JSONResponse({"error": {**error, "details": list(details)} if details else error}, status)


def _quota(fault: str, seconds: float) -> list[dict[str, Any]]:
    """What Google says of a quota that is used up: which one, where to read of it, and when to ask again."""
    quota = f"GenerateRequestsPer{'Day' if fault == '429 today' else 'Minute'}PerProjectPerModel"
    violation = {"quotaMetric": "generativelanguage.googleapis.com/generate_requests", "quotaId": quota}
    return [
        {"@type": f"{_GOOGLE}QuotaFailure", "violations": [violation]},
        {"@type": f"{_GOOGLE}Help", "links": [{"description": "Learn more about Gemini API quotas", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}]},
        {"@type": f"{_GOOGLE}RetryInfo", "retryDelay": f"{seconds:g}s"},
    ]  # fmt: skip


async def _answer_to(request: Request) -> tuple[Answer | Response, dict[str, Any]]:
    if request.headers.get("x-goog-api-key") != GEMINI_API_KEY:
        info = {"@type": f"{_GOOGLE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        return _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info), {}
    try:
        body: dict[str, Any] = await request.json()
        contents = body["contents"]
    except (ValueError, KeyError):
        return _error(400, "INVALID_ARGUMENT", "contents is required"), {}
    request.app.state.heard.append({"path": request.url.path, "body": body})
    del request.app.state.heard[:-20]
    faults: Faults = request.app.state.faults
    grounded = any("googleSearch" in tool for tool in body.get("tools", []))
    fault = faults.next()
    if fault is not None:
        answer = await _faulty(fault, grounded, faults.seconds, requests_in(contents))
        if answer is not None:
            return answer, body
    said = requests_in(contents)
    if grounded:
        instruction = json.dumps(body.get("systemInstruction", {}))
        clock = re.search(r"The market's time is (\d{4}-\d\d-\d\d)", instruction)
        text, grounding = research(said, *([clock[1]] if clock else []))
        return Answer(text, grounding, **_ended(fault, text)), body
    if body.get("generationConfig", {}).get("responseMimeType") != "application/json":
        return _error(400, "INVALID_ARGUMENT", "the simulator answers requests for application/json"), body
    text = json.dumps(answer_to(contents))
    return Answer(text, **_ended(fault, text)), body


def _ended(fault: str | None, text: str) -> dict[str, Any]:
    return {"cut": len(text) // 2, "end": fault} if fault in _IN_THE_MIDDLE else {}


async def _faulty(fault: str, grounded: bool, seconds: float, said: list[str]) -> Answer | Response | None:
    """The answer a fault makes; None when the request is answered all the same."""
    if fault in _ERRORS:
        return _error(*_ERRORS[fault], *(_quota(fault, seconds) if fault.startswith("429") else ()))
    if fault == "slow":
        await asyncio.sleep(seconds)
    if fault in ("slow", *_IN_THE_MIDDLE):
        return None
    if fault == "blocked":
        blocked = {"blockReason": "SAFETY", "safetyRatings": _RATINGS}
        usage = {"promptTokenCount": 1, "totalTokenCount": 1}
        return JSONResponse({"promptFeedback": blocked, "usageMetadata": usage, "modelVersion": _VERSION})
    if fault in _FINISHES:
        return Answer("", finish=_FINISHES[fault])
    if fault == "hostile":
        if grounded:
            return Answer(*hostile_answer())
        requirement = {"quote": said[-1], **_HOSTILE_REQUIREMENT}
        return Answer(json.dumps({**_HOSTILE_DRAFT, "requirements": [requirement]}))
    return {
        "truncated": Answer('{"name": "Half", "symbol": "AA', finish="MAX_TOKENS"),
        "not json": Answer("I am sorry, I cannot."),
        "outside": Answer(json.dumps(_OUTSIDE)),
    }[fault]


async def generate_content(request: Request) -> Response:
    """Answers a request for content in one piece."""
    answer, body = await _answer_to(request)
    return answer if isinstance(answer, Response) else JSONResponse(_part(body, answer, answer.text, last=True))


async def stream_generate_content(request: Request) -> Response:
    """Answers in parts, as server-sent events."""
    answer, body = await _answer_to(request)
    if isinstance(answer, Response):
        if answer.status_code != 200:
            return answer
        return Response(b"data: " + bytes(answer.body) + b"\r\n\r\n", media_type="text/event-stream")
    return StreamingResponse(_parts(body, answer, request.app.state.pause), media_type="text/event-stream")


async def _parts(body: dict[str, Any], answer: Answer, pause: float) -> AsyncIterator[bytes]:
    size = max(_PART, len(answer.text) // _PARTS)
    parts = re.findall(rf".{{1,{size}}}", answer.text, re.DOTALL) or [""]
    sent = 0
    for index, text in enumerate(parts):
        if answer.cut is not None and sent >= answer.cut:
            if answer.end == "cut":
                raise ConnectionError("simulated: the connection is dropped")
            if answer.end == "error inside":
                yield b"data: " + bytes(_error(*_ERRORS["503"]).body) + b"\r\n\r\n"
            return
        last = index == len(parts) - 1
        yield f"data: {json.dumps(_part(body, answer, text, last=last))}\r\n\r\n".encode()
        sent += len(text)
        if not last:
            await asyncio.sleep(pause)


def _part(body: dict[str, Any], answer: Answer, text: str, *, last: bool) -> dict[str, Any]:
    """A part of an answer, in the form of the service: every part tells the tokens so far, the last why it ended."""
    prompt, said = len(json.dumps(body)) // 4, len(answer.text) // 4
    candidate: dict[str, Any] = {"index": 0}
    if text:
        candidate["content"] = {"role": "model", "parts": [{"text": text}]}
    usage = {"promptTokenCount": prompt, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}]}
    counted = {"candidatesTokenCount": said} if said else {}
    if last:
        candidate["finishReason"] = answer.finish
        if answer.finish in ("SAFETY", "RECITATION"):
            candidate["safetyRatings"] = _RATINGS
        if answer.grounding is not None:
            candidate["groundingMetadata"] = answer.grounding
    usage |= {**counted, "thoughtsTokenCount": _THOUGHT, "totalTokenCount": prompt + said + _THOUGHT}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": _VERSION, "responseId": "simulated"}


async def set_faults(request: Request) -> JSONResponse:
    """`POST /simulator/faults`: `{"fault": "503", "count": 2}`; the next answers are made by it."""
    body = await request.json()
    faults: Faults = request.app.state.faults
    try:
        faults.set(str(body.get("fault", "")), int(body.get("count", 1)), float(body.get("seconds", 1)))
    except ValueError as error:
        return JSONResponse({"detail": str(error)}, 422)
    return JSONResponse({"fault": faults.fault, "left": faults.left})


async def heard(request: Request) -> JSONResponse:
    """`GET /simulator/heard`: the last requests, as they came."""
    return JSONResponse(request.app.state.heard)


def create_app(*, pause: float = _PAUSE) -> Starlette:
    """The simulator as a web application.

    Args:
        pause: Seconds after each part of an answer that comes in parts, as if it were typed.
    """
    app = Starlette(
        routes=[
            Route("/v1beta/models/{model}:generateContent", generate_content, methods=["POST"]),
            Route("/v1beta/models/{model}:streamGenerateContent", stream_generate_content, methods=["POST"]),
            Route("/simulator/faults", set_faults, methods=["POST"]),
            Route("/simulator/heard", heard, methods=["GET"]),
        ]
    )
    app.state.faults = Faults()
    app.state.heard = []
    app.state.pause = pause
    return app


def main() -> None:
    """Serves the simulated Gemini until a signal stops it."""
    parser = argparse.ArgumentParser(prog="simulators.gemini", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    uvicorn.run(create_app(), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
