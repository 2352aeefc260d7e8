"""ETag and If-Match: of two tabs that change the same thing, the second one is told."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import Header, Response
from pydantic import BaseModel

IfMatch = Annotated[
    str | None,
    Header(max_length=200, description="The ETag of what the change was based on; 412 when it has changed since"),
]


def etag(view: BaseModel) -> str:
    """A tag that changes with anything a client can see."""
    return f'"{hashlib.sha256(view.model_dump_json().encode()).hexdigest()[:24]}"'


def tagged(response: Response, view: BaseModel) -> None:
    """Sends the view's tag along, as the header ETag of the answer."""
    response.headers["ETag"] = etag(view)


def matches(if_match: str | None, current: BaseModel) -> bool:
    """Returns whether a client's change was based on the current version; true if the client names none."""
    if if_match is None or if_match.strip() == "*":
        return True
    # The tag of an answer to GET goes on with a digest of the answer.
    based_on = [each.strip().strip('"').partition(".")[0] for each in if_match.split(",")]
    return etag(current).strip('"') in based_on
