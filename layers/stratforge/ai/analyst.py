"""The Analyst: answers questions with Google Search, and says where every statement comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from google.genai import types

from stratforge.ai.deadline import Deadline
from stratforge.ai.failures import ModelRefused
from stratforge.ai.gemini import Gemini, Paid
from stratforge.ai.prompts import analyst_instructions, quoted
from stratforge.ai.research import Citation, Research
from stratforge.configuration import GeminiSecret

# Characters: Google's are some 5,000.
_LONGEST_SUGGESTIONS = 50_000


class GeminiAnalyst:
    """Asks Gemini, whose answers are grounded in its search."""

    def __init__(
        self, secret: GeminiSecret, deadline: Deadline | None = None, paid: Paid = lambda _model, _usage: None
    ) -> None:
        self._gemini = Gemini(secret, secret.analyst_model, deadline, paid)

    def research(
        self,
        question: str,
        portfolio: str | None,
        heard: Callable[[str], None],
        now: datetime | None = None,
        before: Sequence[tuple[str, str]] = (),
    ) -> Research:
        """Answers a question as it comes.

        Args:
            portfolio: What the user holds, when it is to be known.
            heard: Is told the answer as it comes.
            now: Where the market's clock stands; what comes after it is not to be spoken of.
            before: Questions before this one with their answers, the oldest first: “and IBM?” asks the same of IBM.

        Raises:
            ModelUnavailable: if the service did not answer.
            ModelRefused: if it did not answer the question.
        """
        config = types.GenerateContentConfig(
            system_instruction=analyst_instructions(portfolio, now),
            tools=[types.Tool(google_search=types.GoogleSearch())],
            max_output_tokens=8_192,
        )
        said = [(role, text) for asked, answer in before for role, text in (("user", quoted(asked)), ("model", answer))]
        contents: list[types.ContentUnionDict] = [
            types.Content(role=role, parts=[types.Part(text=text)])
            for role, text in (*said, ("user", quoted(question)))
        ]
        reply = self._gemini.ask(contents, config, heard)
        if not reply.text.strip() or reply.finish not in ("STOP", "MAX_TOKENS"):
            raise ModelRefused(f"there was no answer (finish reason: {reply.finish})")
        citations, queries = _sources(reply.grounding, reply.text)
        complete = reply.finish == "STOP"
        return Research(
            reply.text,
            bool(citations),
            citations,
            queries,
            reply.model,
            reply.usage.total,
            complete=complete,
            suggestions=_suggestions(reply.grounding),
        )


def _suggestions(metadata: types.GroundingMetadata | None) -> str:
    """The HTML of the search suggestions; none where there is too much of it to be that."""
    found = (metadata.search_entry_point.rendered_content or "") if metadata and metadata.search_entry_point else ""
    return found if len(found) <= _LONGEST_SUGGESTIONS else ""


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
