"""`python -m simulators.gemini --port N`: `POST /v1beta/models/{model}:generateContent`."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from simulators.gemini.author import write_draft
from simulators.gemini.faults import Faults
from simulators.gemini.researcher import research

API_KEY = "simulated-gemini-key"
# How the product begins when it sends findings back, or wants a change.
_REPAIR = "The answer did not pass."
_CHANGE = "Change the strategy as described, keep everything else, and answer with the complete JSON again:"
_OUTSIDE = {
    "name": "Outside",
    "symbol": "AAPL",
    "python_code": "import os\n\ndef on_bar(bar, position, state):\n    return os.environ\n",
    "logic_explanation": "Reads the environment.",
    "assumptions": [],
    "questions": [],
}


def _error(status: int, name: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": status, "message": message, "status": name}}, status)


def _requests(contents: list[dict[str, Any]]) -> str:
    """What was asked for so far: every turn of the user but the ones that send findings back."""
    said = [
        " ".join(str(part.get("text", "")) for part in content.get("parts", []))
        for content in contents
        if content.get("role", "user") == "user"
    ]
    kept = [text.removeprefix(_CHANGE).strip() for text in said if not text.startswith(_REPAIR)]
    return ". ".join(kept)


async def generate_content(request: Request) -> JSONResponse:
    """Answers a request that asks for JSON by a schema."""
    if request.headers.get("x-goog-api-key") != API_KEY:
        return _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
    try:
        body = await request.json()
        contents = body["contents"]
    except (ValueError, KeyError):
        return _error(400, "INVALID_ARGUMENT", "contents is required")
    faults: Faults = request.app.state.faults
    fault = faults.next()
    if fault is not None:
        answer = await _faulty(fault, body, faults.seconds)
        if answer is not None:
            return answer
    config = body.get("generationConfig", {})
    if any("googleSearch" in tool for tool in body.get("tools", [])):
        return _answer(body, *research(_requests(contents)))
    if config.get("responseMimeType") != "application/json":
        return _error(400, "INVALID_ARGUMENT", "the simulator answers requests for application/json")
    return _answer(body, json.dumps(write_draft(_requests(contents))), None)


async def _faulty(fault: str, body: dict[str, Any], seconds: float) -> JSONResponse | None:
    """The answer a fault makes; None when the request is answered all the same."""
    if fault in ("429", "500", "503"):
        return _error(
            int(fault),
            {"429": "RESOURCE_EXHAUSTED", "500": "INTERNAL", "503": "UNAVAILABLE"}[fault],
            "simulated failure",
        )
    if fault == "slow":
        await asyncio.sleep(seconds)
        return None
    if fault == "blocked":
        return JSONResponse({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"totalTokenCount": 1}})
    if fault == "safety":
        return JSONResponse(
            {"candidates": [{"finishReason": "SAFETY", "index": 0}], "usageMetadata": {"totalTokenCount": 1}}
        )
    text = {
        "truncated": '{"name": "Half", "symbol": "AA',
        "not json": "I am sorry, I cannot.",
        "outside": json.dumps(_OUTSIDE),
    }[fault]
    return _answer(body, text, None, "MAX_TOKENS" if fault == "truncated" else "STOP")


async def set_faults(request: Request) -> JSONResponse:
    """`POST /simulator/faults`: `{"fault": "503", "count": 2}`; the next answers are made by it."""
    body = await request.json()
    faults: Faults = request.app.state.faults
    try:
        faults.set(str(body.get("fault", "")), int(body.get("count", 1)), float(body.get("seconds", 1)))
    except ValueError as error:
        return JSONResponse({"detail": str(error)}, 422)
    return JSONResponse({"fault": faults.fault, "left": faults.left})


def _answer(body: dict[str, Any], text: str, grounding: dict[str, Any] | None, finish: str = "STOP") -> JSONResponse:
    prompt_tokens, answer_tokens = len(json.dumps(body)) // 4, len(text) // 4
    candidate: dict[str, Any] = {
        "content": {"role": "model", "parts": [{"text": text}]},
        "finishReason": finish,
        "index": 0,
    }
    if grounding is not None:
        candidate["groundingMetadata"] = grounding
    return JSONResponse(
        {
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": prompt_tokens,
                "candidatesTokenCount": answer_tokens,
                "totalTokenCount": prompt_tokens + answer_tokens,
            },
            "modelVersion": "offline-author",
        }
    )


def create_app() -> Starlette:
    """The simulator as a web application."""
    app = Starlette(
        routes=[
            Route("/v1beta/models/{model}:generateContent", generate_content, methods=["POST"]),
            Route("/simulator/faults", set_faults, methods=["POST"]),
        ]
    )
    app.state.faults = Faults()
    return app


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="simulators.gemini", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    uvicorn.run(create_app(), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
