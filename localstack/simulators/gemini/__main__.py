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
    "logic_explanation": "Buys above the 10-bar average. <script>document.title='owned'</script> {{ 7 * 7 }}",
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
_STATUS = {"429": "RESOURCE_EXHAUSTED", "500": "INTERNAL", "503": "UNAVAILABLE"}
# How fast an answer is typed: characters in a part at least, parts at most, and the pause after each.
_PART, _PARTS, _PAUSE = 60, 20, 0.08


@dataclass(frozen=True, slots=True)
class Answer:
    """A simulated answer of the model: its text, its sources, and its finish reason."""

    text: str
    grounding: dict[str, Any] | None = None
    finish: str = "STOP"
    # How many characters come before the connection is dropped.
    cut: int | None = None


def _error(status: int, name: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": status, "message": message, "status": name}}, status)


async def _answer_to(request: Request) -> tuple[Answer | Response, dict[str, Any]]:
    if request.headers.get("x-goog-api-key") != GEMINI_API_KEY:
        return _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), {}
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
        return Answer(text, grounding, cut=len(text) // 2 if fault == "cut" else None), body
    if body.get("generationConfig", {}).get("responseMimeType") != "application/json":
        return _error(400, "INVALID_ARGUMENT", "the simulator answers requests for application/json"), body
    text = json.dumps(answer_to(contents))
    return Answer(text, cut=len(text) // 2 if fault == "cut" else None), body


async def _faulty(fault: str, grounded: bool, seconds: float, said: list[str]) -> Answer | Response | None:
    """The answer a fault makes; None when the request is answered all the same."""
    if fault in _STATUS:
        return _error(int(fault), _STATUS[fault], "simulated failure")
    if fault == "slow":
        await asyncio.sleep(seconds)
    if fault in ("slow", "cut"):
        return None
    if fault == "blocked":
        return JSONResponse({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"totalTokenCount": 1}})
    if fault == "safety":
        return Answer("", finish="SAFETY")
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
    return StreamingResponse(_parts(body, answer), media_type="text/event-stream")


async def _parts(body: dict[str, Any], answer: Answer) -> AsyncIterator[bytes]:
    size = max(_PART, len(answer.text) // _PARTS)
    parts = re.findall(rf".{{1,{size}}}", answer.text, re.DOTALL) or [""]
    sent = 0
    for index, text in enumerate(parts):
        if answer.cut is not None and sent >= answer.cut:
            raise ConnectionError("simulated: the connection is dropped")
        last = index == len(parts) - 1
        yield f"data: {json.dumps(_part(body, answer, text, last=last))}\r\n\r\n".encode()
        sent += len(text)
        if not last:
            await asyncio.sleep(_PAUSE)


def _part(body: dict[str, Any], answer: Answer, text: str, *, last: bool) -> dict[str, Any]:
    prompt_tokens, answer_tokens = len(json.dumps(body)) // 4, len(answer.text) // 4
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]} if text else {}, "index": 0}
    if last:
        candidate["finishReason"] = answer.finish
        if answer.grounding is not None:
            candidate["groundingMetadata"] = answer.grounding
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": prompt_tokens,
            "candidatesTokenCount": answer_tokens,
            "totalTokenCount": prompt_tokens + answer_tokens,
        },
        "modelVersion": "offline-author",
    }


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


def create_app() -> Starlette:
    """The simulator as a web application."""
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
    return app


def main() -> None:
    """Serves the simulated Gemini until a signal stops it."""
    parser = argparse.ArgumentParser(prog="simulators.gemini", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    uvicorn.run(create_app(), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
