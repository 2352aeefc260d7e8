"""The Quant: strategy drafts from Gemini, through google-genai."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from google.genai import types
from pydantic import ValidationError

from stratforge.ai.deadline import Deadline
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.failures import NotADraft
from stratforge.ai.gemini import Gemini, Paid
from stratforge.ai.usage import Usage
from stratforge.configuration import GeminiSecret

# Thinking counts towards the cap: room for it, and for the longest strategy with its requirements.
_MAX_OUTPUT = 32_768


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation with the model: who spoke, and the text."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, the tokens it took, and the model that wrote it."""

    draft: StrategyDraft
    tokens: int
    usage: Usage = field(default_factory=Usage)
    model: str = ""


class GeminiQuant:
    """Asks Gemini for a strategy draft."""

    def __init__(
        self, secret: GeminiSecret, deadline: Deadline | None = None, paid: Paid = lambda _model, _usage: None
    ) -> None:
        self._gemini = Gemini(secret, secret.quant_model, deadline, paid)
        self._thinking = types.ThinkingLevel(secret.thinking_level)
        self.model = self._gemini.model

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None] = lambda _text: None) -> Drafted:
        """The model's draft for a conversation; `heard` is told what it understood and explains, as it comes.

        Raises:
            ModelUnavailable: if the service did not answer.
            ModelRefused: if it refused to answer.
            NotADraft: if the answer is not a draft, or thinking took all the room there was for one.
        """
        contents = [types.Content(role=turn.role, parts=[types.Part(text=turn.text)]) for turn in turns]
        # The temperature is the model's own: below it the newest ones are said to turn in circles.
        config = types.GenerateContentConfig(
            system_instruction=system,
            response_mime_type="application/json",
            response_schema=StrategyDraft,
            thinking_config=types.ThinkingConfig(thinking_level=self._thinking),
            max_output_tokens=_MAX_OUTPUT,
        )
        reply = self._gemini.ask(contents, config, lambda text: heard(readable(text)))
        try:
            draft = StrategyDraft.model_validate_json(reply.text)
        except ValidationError as error:
            raise NotADraft(f"finish reason: {reply.finish}", reply.text, reply.usage.total) from error
        return Drafted(draft, reply.usage.total, reply.usage, reply.model)


def readable(text: str) -> str:
    """Returns the part of an unfinished answer that a person can read: its plan, and then its explanation.

    Args:
        text: JSON that may end anywhere.
    """
    found = []
    for name in ("plan", "logic_explanation"):
        if match := re.search(rf'"{name}"\s*:\s*"((?:[^"\\]|\\.)*)', text):
            # An escape that is cut off in the middle, and the first half of a pair, cannot be read yet.
            whole = re.sub(r"(?<!\\)((?:\\\\)*)\\u[0-9a-fA-F]{0,3}$", r"\1", match[1])
            found.append(re.sub("[\ud800-\udfff]", "", str(json.loads(f'"{whole}"', strict=False))))
    return "\n\n".join(each for each in found if each)
