"""Asking Gemini, through google-genai: what both agents share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from google import genai
from google.genai import errors, types

from stratforge.ai.deadline import PATIENT, Deadline
from stratforge.ai.failures import ModelRefused, ModelUnavailable
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
            ModelRefused: if the request was refused.
        """
        for model in self._models:
            try:
                return self._ask(model, contents, config, heard)
            except ModelUnavailable:
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
        text, usage, finish, grounding, answered = "", Usage(), "", None, model
        with self._paying(lambda: (answered, usage)), _failures():
            for part in self._client.models.generate_content_stream(model=model, contents=contents, config=bounded):
                usage = _usage_of(part) or usage
                # Whoever answered says which version it is; that is what signs the answer.
                answered = part.model_version or answered
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
                if not finish and not self._deadline.left:
                    raise ModelUnavailable("the time for this request is used up")
        if not finish:
            raise ModelUnavailable("Gemini stopped in the middle of its answer")
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
        if error.code in (408, 429):
            raise ModelUnavailable(f"Gemini answered {error.code}") from error
        raise ModelRefused(f"Gemini refused the request ({error.code}): {error.message}") from error
    except (errors.ServerError, errors.UnknownApiResponseError, httpx.HTTPError) as error:
        raise ModelUnavailable(f"Gemini did not answer: {type(error).__name__}") from error


def _usage_of(reply: types.GenerateContentResponse) -> Usage | None:
    found = reply.usage_metadata
    if found is None:
        return None
    prompt = found.prompt_token_count or 0
    # Thinking is paid as the answer is; what the total holds beyond the question is both.
    return Usage(prompt, found.cached_content_token_count or 0, max((found.total_token_count or 0) - prompt, 0))
