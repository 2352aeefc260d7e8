"""The Analyst: answers questions with Google Search, and says where every statement comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import httpx
from google import genai
from google.genai import errors, types

from stratforge.ai.failures import ModelRefused, ModelUnavailable
from stratforge.ai.prompts import analyst_instructions
from stratforge.configuration import GeminiSecret

_TIMEOUT_MS = 60_000
DISCLAIMER = "Information, not investment advice. Paper trading only; check the sources before you rely on them."


@dataclass(frozen=True, slots=True)
class Citation:
    """A source, and the stretches of the answer it stands behind (positions in characters)."""

    title: str
    uri: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Research:
    """An answer. `grounded` is false when the model answered from memory: then there are no sources, and it says so."""

    answer: str
    grounded: bool
    citations: tuple[Citation, ...]
    queries: tuple[str, ...]
    model: str
    tokens: int
    disclaimer: str = DISCLAIMER

    def as_dict(self) -> dict[str, Any]:
        """The answer as plain data."""
        return asdict(self)


class GeminiAnalyst:
    """Asks Gemini with search grounding. Every question stands alone."""

    def __init__(self, secret: GeminiSecret) -> None:
        if secret.api_key is None:
            raise ModelRefused("no Gemini API key is configured; put api_key into the Gemini secret")
        self.model = secret.analyst_model
        options = types.HttpOptions(base_url=secret.base_url, timeout=_TIMEOUT_MS)
        self._client = genai.Client(api_key=secret.api_key.get_secret_value(), http_options=options)

    def research(self, question: str, portfolio: str | None) -> Research:
        """Answers a question; `portfolio` is what the user holds, when it is to be known.

        Raises:
            ModelUnavailable: if the service did not answer.
            ModelRefused: if it did not answer the question.
        """
        config = types.GenerateContentConfig(
            system_instruction=analyst_instructions(portfolio),
            tools=[types.Tool(google_search=types.GoogleSearch())],
            temperature=0.2,
            max_output_tokens=4_096,
        )
        try:
            reply = self._client.models.generate_content(model=self.model, contents=question, config=config)
        except errors.ClientError as error:
            if error.code in (408, 429):
                raise ModelUnavailable(f"Gemini answered {error.code}") from error
            raise ModelRefused(f"Gemini refused the request ({error.code}): {error.message}") from error
        except (errors.ServerError, httpx.HTTPError) as error:
            raise ModelUnavailable(f"Gemini did not answer: {type(error).__name__}") from error
        text = reply.text or ""
        if not text.strip() or not reply.candidates:
            reason = reply.candidates[0].finish_reason if reply.candidates else reply.prompt_feedback
            raise ModelRefused(f"there was no answer (finish reason: {reason})")
        citations, queries = _sources(reply.candidates[0].grounding_metadata, text)
        tokens = (reply.usage_metadata.total_token_count or 0) if reply.usage_metadata else 0
        return Research(text, bool(citations), citations, queries, self.model, tokens)


def _sources(metadata: types.GroundingMetadata | None, text: str) -> tuple[tuple[Citation, ...], tuple[str, ...]]:
    """The sources that the answer's parts name. Positions come in bytes of UTF-8 and are turned into characters."""
    if metadata is None:
        return (), ()
    spans: dict[int, list[tuple[int, int]]] = {}
    encoded = text.encode()
    for support in metadata.grounding_supports or []:
        if support.segment is None:
            continue
        start, end = support.segment.start_index or 0, support.segment.end_index or 0
        place = (len(encoded[:start].decode(errors="ignore")), len(encoded[:end].decode(errors="ignore")))
        for index in support.grounding_chunk_indices or []:
            spans.setdefault(index, []).append(place)
    citations = []
    for index, chunk in enumerate(metadata.grounding_chunks or []):
        web = chunk.web
        # Only what can be opened by anybody: an address of another kind would run in the reader's page.
        if web is not None and web.uri and web.uri.startswith(("https://", "http://")):
            citations.append(Citation((web.title or web.uri)[:300], web.uri[:2000], tuple(spans.get(index, []))))
    return tuple(citations), tuple(str(query)[:300] for query in metadata.web_search_queries or [])
