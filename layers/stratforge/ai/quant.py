"""The Quant: strategy drafts from Gemini, through google-genai."""

from __future__ import annotations

from dataclasses import dataclass

from google.genai import types

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.failures import ModelRefused, NotADraft
from stratforge.ai.gemini import Gemini, tokens_of, why_not
from stratforge.configuration import GeminiSecret


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation with the model: who spoke, and the text."""

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
        self._gemini = Gemini(secret, secret.quant_model)
        self.model = self._gemini.model

    def draft(self, system: str, turns: list[Turn]) -> Drafted:
        """The model's draft for a conversation, and what it cost.

        Raises:
            ModelUnavailable: if the service did not answer.
            ModelRefused: if it refused to answer.
            NotADraft: if the answer is not a draft.
        """
        contents = [types.Content(role=turn.role, parts=[types.Part(text=turn.text)]) for turn in turns]
        config = types.GenerateContentConfig(
            system_instruction=system,
            response_mime_type="application/json",
            response_schema=StrategyDraft,
            temperature=0.2,
            max_output_tokens=8_192,
        )
        reply = self._gemini.ask(contents, config)
        if isinstance(reply.parsed, StrategyDraft):
            return Drafted(reply.parsed, tokens_of(reply))
        text = reply.text if reply.candidates and reply.candidates[0].content else None
        if not text:
            raise ModelRefused(f"there was no answer ({why_not(reply)})")
        raise NotADraft(why_not(reply), text, tokens_of(reply))
