"""`python -m simulators.gemini --port N`: `POST /v1beta/models/{model}:generateContent`."""

from __future__ import annotations

import argparse
import json
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from simulators.gemini.author import write_draft
from simulators.gemini.researcher import research

API_KEY = "simulated-gemini-key"


def _error(status: int, name: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": status, "message": message, "status": name}}, status)


def _first_request(contents: list[dict[str, Any]]) -> str:
    for content in contents:
        if content.get("role", "user") == "user":
            return " ".join(str(part.get("text", "")) for part in content.get("parts", []))
    return ""


async def generate_content(request: Request) -> JSONResponse:
    """Answers a request that asks for JSON by a schema."""
    if request.headers.get("x-goog-api-key") != API_KEY:
        return _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
    try:
        body = await request.json()
        contents = body["contents"]
    except (ValueError, KeyError):
        return _error(400, "INVALID_ARGUMENT", "contents is required")
    config = body.get("generationConfig", {})
    if any("googleSearch" in tool for tool in body.get("tools", [])):
        return _answer(body, *research(_first_request(contents)))
    if config.get("responseMimeType") != "application/json":
        return _error(400, "INVALID_ARGUMENT", "the simulator answers requests for application/json")
    return _answer(body, json.dumps(write_draft(_first_request(contents))), None)


def _answer(body: dict[str, Any], text: str, grounding: dict[str, Any] | None) -> JSONResponse:
    prompt_tokens, answer_tokens = len(json.dumps(body)) // 4, len(text) // 4
    candidate: dict[str, Any] = {
        "content": {"role": "model", "parts": [{"text": text}]},
        "finishReason": "STOP",
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
    return Starlette(routes=[Route("/v1beta/models/{model}:generateContent", generate_content, methods=["POST"])])


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="simulators.gemini", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    uvicorn.run(create_app(), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
