"""Citations: positions in characters, and only addresses that are safe to show."""

from __future__ import annotations

from google.genai import types
from stratforge.ai.analyst import _sources


def metadata(uri: str, start: int, end: int) -> types.GroundingMetadata:
    """Metadata with one source."""
    return types.GroundingMetadata(
        grounding_chunks=[types.GroundingChunk(web=types.GroundingChunkWeb(uri=uri, title="A source"))],
        grounding_supports=[
            types.GroundingSupport(segment=types.Segment(start_index=start, end_index=end), grounding_chunk_indices=[0])
        ],
        web_search_queries=["a query"],
    )


def test_positions_in_bytes_become_positions_in_characters() -> None:
    text = "Für Aktien – gut."
    start = len("Für ".encode())
    ((citation,), queries) = _sources(metadata("https://example.com", start, start + len("Aktien")), text)
    ((first, last),) = citation.spans
    assert (text[first:last], queries) == ("Aktien", ("a query",))


def test_an_address_that_would_run_is_left_out() -> None:
    assert _sources(metadata("javascript:alert(1)", 0, 1), "x")[0] == ()


def test_without_metadata_there_are_no_sources() -> None:
    assert _sources(None, "x") == ((), ())
