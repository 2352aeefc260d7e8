"""An answer with its sources."""

from __future__ import annotations

from dataclasses import dataclass

DISCLAIMER = "Information, not investment advice. Paper trading only; check the sources before you rely on them."


@dataclass(frozen=True, slots=True)
class Citation:
    """A source, and the stretches of the answer it stands behind (positions in characters)."""

    title: str
    uri: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Research:
    """An answer to a question about markets.

    Attributes:
        grounded: False when the model answered from memory: then there are no sources, and it says so.
        queries: What it searched the web for.
        tokens: What the model took for it.
        complete: False when the answer was cut off at its greatest length.
        suggestions: HTML of Google's search suggestions, to be shown with the answer just as it is (ai.google.dev/gemini-api/docs/grounding/search-suggestions); a stranger's, so in a frame that can do nothing.
    """

    answer: str
    grounded: bool
    citations: tuple[Citation, ...]
    queries: tuple[str, ...]
    model: str
    tokens: int
    complete: bool = True
    disclaimer: str = DISCLAIMER
    suggestions: str = ""
