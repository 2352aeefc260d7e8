"""Styles, scripts and vendored libraries: served under an address that changes with the content, so that browsers keep them for good."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from stratforge.application.errors import existing

from functions.api.answers import takes_gzip

router = APIRouter(include_in_schema=False)
_HERE = Path(__file__).parent
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file of the dashboard, in memory."""

    content: bytes
    media_type: str


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """All files by name: nothing of an address is ever joined to a path. The style of pages is one file with that of its font."""
    found = {
        path.name: Asset(path.read_bytes(), _TYPES[path.suffix])
        for folder in ("static", "vendor")
        for path in sorted((_HERE / folder).iterdir())
        if path.suffix in _TYPES
    }
    font = found.pop("inter-5.3.0.css").content
    return {**found, "pages.css": Asset(font + found["app.css"].content, _TYPES[".css"])}


@lru_cache(maxsize=64)
def compressed(name: str) -> bytes:
    """A file as it is sent to who understands, compressed once for each environment."""
    return gzip.compress(assets()[name].content, 9, mtime=0)


@lru_cache(maxsize=1)
def version() -> str:
    """Returns the version that begins the address of all files: it changes when any of them does, so that scripts find
    each other by relative names."""
    digest = hashlib.sha256()
    for name, asset in assets().items():
        digest.update(name.encode() + asset.content)
    return digest.hexdigest()[:12]


def address(name: str) -> str:
    """Returns the address of a file.

    Raises:
        KeyError: if there is none of the name.
    """
    assets()[name]
    return f"/static/{version()}/{name}"


@router.get("/static/{_version}/{name}")
def static(_version: str, name: str, request: Request) -> Response:
    """A file. An old address gets the new content, not to be kept."""
    asset = existing(assets().get(name), "file")
    current = _version == version()
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if takes_gzip(request) and asset.media_type != _TYPES[".woff2"]:
        return Response(compressed(name), media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.content, media_type=asset.media_type, headers=headers)
