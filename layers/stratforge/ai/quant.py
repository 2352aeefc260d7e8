"""The Quant: strategy drafts from Gemini, through google-genai."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from google import genai
from google.genai import errors, types

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.failures import ModelRefused, ModelUnavailable
from stratforge.configuration import GeminiSecret

_TIMEOUT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft and the tokens it took."""

    draft: StrategyDraft
    tokens: int


class GeminiQuant:
    """Asks Gemini for a strategy draft."""

    def __init__(self, secret: GeminiSecret) -> None:
        if secret.api_key is None:
            raise ModelRefused("no Gemini API key is configured; put api_key into the Gemini secret")
        self.model = secret.quant_model
        options = types.HttpOptions(base_url=secret.base_url, timeout=_TIMEOUT_MS)
        self._client = genai.Client(api_key=secret.api_key.get_secret_value(), http_options=options)

    def draft(self, system: str, turns: list[Turn]) -> Drafted:
        """The model's draft for a conversation, and what it cost.

        Raises:
            ModelUnavailable: if the service did not answer.
            ModelRefused: if the answer is not a draft.
        """
        contents = [types.Content(role=turn.role, parts=[types.Part(text=turn.text)]) for turn in turns]
        config = types.GenerateContentConfig(
            system_instruction=system,
            response_mime_type="application/json",
            response_schema=StrategyDraft,
            temperature=0.2,
            max_output_tokens=8_192,
        )
        try:
            reply = self._client.models.generate_content(model=self.model, contents=contents, config=config)
        except errors.ClientError as error:
            if error.code in (408, 429):
                raise ModelUnavailable(f"Gemini answered {error.code}") from error
            raise ModelRefused(f"Gemini refused the request ({error.code}): {error.message}") from error
        except (errors.ServerError, httpx.HTTPError) as error:
            raise ModelUnavailable(f"Gemini did not answer: {type(error).__name__}") from error
        if isinstance(reply.parsed, StrategyDraft):
            tokens = (reply.usage_metadata.total_token_count or 0) if reply.usage_metadata else 0
            return Drafted(reply.parsed, tokens)
        reason = reply.candidates[0].finish_reason if reply.candidates else reply.prompt_feedback
        raise ModelRefused(f"the answer was not a strategy (finish reason: {reason})")
