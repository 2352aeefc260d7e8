"""Asking Gemini, through google-genai: what both agents share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from google import genai
from google.genai import errors, types

from stratforge.ai.failures import ModelRefused, ModelUnavailable
from stratforge.configuration import GeminiSecret

_TIMEOUT_MS = 60_000


class Gemini:
    """One model, asked one thing at a time."""

    def __init__(self, secret: GeminiSecret, model: str) -> None:
        if secret.api_key is None:
            raise ModelRefused("no Gemini API key is configured; put api_key into the Gemini secret")
        self.model = model
        options = types.HttpOptions(base_url=secret.base_url, timeout=_TIMEOUT_MS)
        self._client = genai.Client(api_key=secret.api_key.get_secret_value(), http_options=options)

    def ask(
        self, contents: types.ContentListUnionDict, config: types.GenerateContentConfig
    ) -> types.GenerateContentResponse:
        """The model's reply, which need not be what was asked for.

        Raises:
            ModelUnavailable: if the service did not answer.
            ModelRefused: if it refused the request.
        """
        with _failures():
            return self._client.models.generate_content(model=self.model, contents=contents, config=config)

    def ask_streaming(
        self,
        contents: types.ContentListUnionDict,
        config: types.GenerateContentConfig,
        heard: Callable[[str], None],
    ) -> Streamed:
        """The model's reply as text; `heard` is told the text so far whenever some more has come.

        Raises:
            ModelUnavailable: if the service did not answer, or stopped in the middle.
            ModelRefused: if it refused the request.
        """
        text, tokens, finish, grounding = "", 0, "", None
        with _failures():
            for part in self._client.models.generate_content_stream(model=self.model, contents=contents, config=config):
                tokens = tokens_of(part) or tokens
                if not part.candidates:
                    finish = str(part.prompt_feedback.block_reason) if part.prompt_feedback else finish
                    continue
                candidate = part.candidates[0]
                grounding = candidate.grounding_metadata or grounding
                finish = candidate.finish_reason.name if candidate.finish_reason else finish
                more = part.text or ""
                if more:
                    text += more
                    heard(text)
        if not finish:
            raise ModelUnavailable("Gemini stopped in the middle of its answer")
        return Streamed(text, tokens, finish, grounding)


@dataclass(frozen=True, slots=True)
class Streamed:
    """A reply that came in parts: its text, the tokens it took, why it ended, and what it rests on."""

    text: str
    tokens: int
    finish: str
    grounding: types.GroundingMetadata | None


@contextmanager
def _failures() -> Iterator[None]:
    """The SDK's errors as ours."""
    try:
        yield
    except errors.ClientError as error:
        if error.code in (408, 429):
            raise ModelUnavailable(f"Gemini answered {error.code}") from error
        raise ModelRefused(f"Gemini refused the request ({error.code}): {error.message}") from error
    except (errors.ServerError, errors.UnknownApiResponseError, httpx.HTTPError) as error:
        raise ModelUnavailable(f"Gemini did not answer: {type(error).__name__}") from error


def tokens_of(reply: types.GenerateContentResponse) -> int:
    """The tokens a reply took, the question's included."""
    return (reply.usage_metadata.total_token_count or 0) if reply.usage_metadata else 0


def why_not(reply: types.GenerateContentResponse) -> str:
    """Returns the service's finish reason for a reply that is not what was asked for."""
    reason = reply.candidates[0].finish_reason if reply.candidates else reply.prompt_feedback
    return f"finish reason: {reason}"
