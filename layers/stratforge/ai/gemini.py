"""Asking Gemini, through google-genai: what both agents share."""

from __future__ import annotations

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
        try:
            return self._client.models.generate_content(model=self.model, contents=contents, config=config)
        except errors.ClientError as error:
            if error.code in (408, 429):
                raise ModelUnavailable(f"Gemini answered {error.code}") from error
            raise ModelRefused(f"Gemini refused the request ({error.code}): {error.message}") from error
        except (errors.ServerError, httpx.HTTPError) as error:
            raise ModelUnavailable(f"Gemini did not answer: {type(error).__name__}") from error


def tokens_of(reply: types.GenerateContentResponse) -> int:
    """The tokens a reply took, the question's included."""
    return (reply.usage_metadata.total_token_count or 0) if reply.usage_metadata else 0


def why_not(reply: types.GenerateContentResponse) -> str:
    """Why a reply is not what was asked for, in the service's words."""
    reason = reply.candidates[0].finish_reason if reply.candidates else reply.prompt_feedback
    return f"finish reason: {reason}"
