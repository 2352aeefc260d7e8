"""The dashboard's page and files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Response

from functions.api.context import settings
from functions.api.problems import not_found

router = APIRouter(include_in_schema=False)
_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@lru_cache(maxsize=32)
def _file(name: str) -> bytes | None:
    # Only files that are there by name: nothing of the path is joined.
    for path in _STATIC.iterdir():
        if path.name == name and path.suffix in _TYPES:
            return path.read_bytes()
    return None


@router.get("/")
def page() -> Response:
    """The page."""
    content = _file("index.html") or b""
    # The hook for the label is in the page; whether it shows is the stage's setting.
    shown = content.replace(
        b'data-simulated=""', f'data-simulated="{str(settings().simulated_market).lower()}"'.encode()
    )
    return Response(shown, media_type=_TYPES[".html"], headers={**_HEADERS, "Cache-Control": "no-cache"})


@router.get("/static/{name}")
def static(name: str) -> Response:
    """A file of the page."""
    content = _file(name)
    if content is None:
        raise not_found("file")
    return Response(content, media_type=_TYPES[Path(name).suffix], headers={**_HEADERS, "Cache-Control": "max-age=300"})
