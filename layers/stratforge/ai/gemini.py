"""Asking Gemini, through google-genai: what both agents share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from google import genai
from google.genai import errors, types
from pydantic import ValidationError

from stratforge.ai.deadline import PATIENT, Deadline
from stratforge.ai.failures import ModelMissing, ModelRefused, ModelUnavailable
from stratforge.ai.usage import Usage
from stratforge.configuration import GeminiSecret

Paid = Callable[[str, Usage], None]
# Seconds a single call may take, and what is too little to begin one.
_CALL, _LEAST = 60.0, 2.0
# The person's words are about markets; what a filter stops is shown as a refusal, so only what is surely harmful is stopped.
_SAFETY = [
    types.SafetySetting(category=category, threshold=types.HarmBlockThreshold.BLOCK_ONLY_HIGH)
    for category in (
        types.HarmCategory.HARM_CATEGORY_HARASSMENT,
        types.HarmCategory.HARM_CATEGORY_HATE_SPEECH,
        types.HarmCategory.HARM_CATEGORY_SEXUALLY_EXPLICIT,
        types.HarmCategory.HARM_CATEGORY_DANGEROUS_CONTENT,
    )
]


# Why an answer may have ended so that another one would end so too: what it was about to say is not said.
_STOPPED = frozenset({"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})
# Errors by which the service is away, or somebody between: time-outs, aborted and canceled requests, too many of them.
_AWAY = frozenset({408, 409, 429, 499})


# Caching, decided by Google's documentation (ai.google.dev/gemini-api/docs/caching) and price list: the Quant's instructions, about 10,000 tokens, are the
# beginning of every question and never change, so the implicit cache, which is on by itself from 1,024 tokens (4,096 for the Pro models), takes 90 % off
# them whenever another question came shortly before, and it stores for nothing. An explicit cache has the same discount, guaranteed, and is paid by the
# hour: for these tokens about what two or three questions an hour save on a Flash model. It would need a resource made, renewed and deleted for every
# model and every edition of the instructions, and a question that finds it expired fails. So there is none: what is cached is shown to operators, and
# when many questions an hour are seen with few cached tokens, it is worth looking at again.


@dataclass(frozen=True, slots=True)
class Streamed:
    """A reply that came in parts: its text, the tokens it took, why it ended, what it rests on, and which model gave it."""

    text: str
    usage: Usage
    finish: str
    grounding: types.GroundingMetadata | None
    model: str


class Gemini:
    """A model, and another one that is asked when the first is away."""

    def __init__(
        self,
        secret: GeminiSecret,
        model: str,
        deadline: Deadline | None = None,
        paid: Paid = lambda _model, _usage: None,
    ) -> None:
        """
        Args:
            paid: Is told which model answered, wholly or in part, and what it took.
        """
        if secret.api_key is None:
            raise ModelRefused("no Gemini API key is configured; put api_key into the Gemini secret")
        self.model = model
        self._paid = paid
        self._models = list(dict.fromkeys([model, secret.fallback_model or model]))
        self._deadline = deadline or Deadline.in_seconds(PATIENT)
        options = types.HttpOptions(base_url=secret.base_url)
        self._client = genai.Client(api_key=secret.api_key.get_secret_value(), http_options=options)

    def ask(
        self, contents: types.ContentListUnionDict, config: types.GenerateContentConfig, heard: Callable[[str], None]
    ) -> Streamed:
        """The reply as text; `heard` is told the text so far whenever some more has come.

        Raises:
            ModelUnavailable: if neither model answered in time, or both stopped in the middle.
            ModelRefused: if the request, or the answer to it, was refused.
        """
        for model in self._models:
            try:
                return self._ask(model, contents, config, heard)
            except (ModelUnavailable, ModelMissing):
                if model == self._models[-1]:
                    raise
        raise AssertionError("unreachable")

    def _ask(
        self,
        model: str,
        contents: types.ContentListUnionDict,
        config: types.GenerateContentConfig,
        heard: Callable[[str], None],
    ) -> Streamed:
        if self._deadline.left < _LEAST:
            raise ModelUnavailable("the time for this request is used up")
        bounded = config.model_copy(
            update={
                "http_options": types.HttpOptions(timeout=int(min(_CALL, self._deadline.left) * 1000)),
                "safety_settings": _SAFETY,
            }
        )
        text, usage, finish, blocked, grounding, answered = "", Usage(), "", "", None, model
        with self._paying(lambda: (answered, usage)), _failures():
            for part in self._client.models.generate_content_stream(model=model, contents=contents, config=bounded):
                usage = usage.or_more(_usage_of(part))
                # Whoever answered says which version it is; that is what signs the answer.
                answered = part.model_version or answered
                if part.prompt_feedback is not None and part.prompt_feedback.block_reason is not None:
                    blocked = part.prompt_feedback.block_reason.value
                if not part.candidates:
                    continue
                candidate = part.candidates[0]
                grounding = _grounding_of(candidate.grounding_metadata, grounding)
                finish = _finish_of(candidate) or finish
                more = part.text or ""
                if more:
                    text += more
                    heard(text)
                if not finish and not self._deadline.left:
                    raise ModelUnavailable("the time for this request is used up")
        if blocked:
            raise ModelRefused(f"Gemini does not answer this request (blocked: {blocked})")
        if finish in _STOPPED:
            raise ModelRefused(f"there was no answer (finish reason: {finish})")
        if not finish:
            raise ModelUnavailable("Gemini stopped in the middle of its answer")
        if finish == "STOP" and not text.strip():
            raise ModelUnavailable("Gemini gave an empty answer")
        return Streamed(text, usage, finish, grounding, answered)

    @contextmanager
    def _paying(self, taken: Callable[[], tuple[str, Usage]]) -> Iterator[None]:
        """Tells what was taken, also by an answer that was cut off."""
        try:
            yield
        finally:
            model, usage = taken()
            if usage.total:
                self._paid(model, usage)


@contextmanager
def _failures() -> Iterator[None]:
    """The SDK's errors as ours."""
    try:
        yield
    except errors.ClientError as error:
        if error.code in _AWAY:
            pause = _pause_of(error)
            why = ": its plan allows no more today" if pause == math.inf else ""
            raise ModelUnavailable(f"Gemini answered {error.code}{why}", pause) from error
        kind = ModelMissing if error.code == 404 else ModelRefused
        raise kind(f"Gemini refused the request ({error.code}): {error.message}") from error
    except errors.APIError as error:
        raise ModelUnavailable(f"Gemini answered {error.code}", _pause_of(error)) from error
    except (errors.UnknownApiResponseError, httpx.HTTPError, ValidationError) as error:
        raise ModelUnavailable(f"Gemini did not answer: {type(error).__name__}") from error


def _pause_of(error: errors.APIError) -> float:
    """Seconds that the service wants to be left alone: without end where so much was asked as its plan has for a day."""
    said: Any = error.details
    # From a stream it comes as {"error": …}, from elsewhere as what stands there.
    found = said.get("error", said) if isinstance(said, dict) else {}
    details = [each for each in found.get("details") or [] if isinstance(each, dict)] if isinstance(found, dict) else []
    pauses = [0.0]
    for each in details:
        kind = str(each.get("@type", "")).rpartition(".")[2]
        if kind == "QuotaFailure" and "PerDay" in str(each.get("violations")):
            return math.inf
        if kind == "RetryInfo" and (match := re.fullmatch(r"(\d+(?:\.\d+)?)s", str(each.get("retryDelay", "")))):
            pauses.append(float(match[1]))
    return max(pauses)


def _finish_of(candidate: types.Candidate) -> str:
    """Why the answer ended; empty while it has not."""
    reason = candidate.finish_reason
    return "" if reason in (None, types.FinishReason.FINISH_REASON_UNSPECIFIED) else str(reason.value)


def _grounding_of(
    found: types.GroundingMetadata | None, before: types.GroundingMetadata | None
) -> types.GroundingMetadata | None:
    """What an answer rests on: parts of it tell what they have, and a later one without anything takes nothing back."""
    if found is None or before is None:
        return found or before
    told = {name: value for name, value in found if value}
    return before.model_copy(update=told)


def _usage_of(reply: types.GenerateContentResponse) -> Usage:
    found = reply.usage_metadata
    if found is None:
        return Usage()
    # What the service's tools found is paid as the question is, and thinking as the answer.
    prompt = (found.prompt_token_count or 0) + (found.tool_use_prompt_token_count or 0)
    counted = (found.candidates_token_count or 0) + (found.thoughts_token_count or 0)
    return Usage(prompt, found.cached_content_token_count or 0, max(counted, (found.total_token_count or 0) - prompt))
