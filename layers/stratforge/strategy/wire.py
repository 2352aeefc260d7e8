"""The form in which a strategy travels to the sandbox: its code without comments and long texts, whose size is nobody else's business."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

# The longest text that can mean something: a key of state of 40 letters, each written as \N{LATIN SMALL LETTER A}.
_LONGEST_TEXT = 1_200
# What never ends is taken to the end of the source, so that reading takes one pass whatever the source is (the gate refuses it later).
STRING_OR_COMMENT = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?'
    r"|'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?"
    r'|"(?:[^"\\\r\n]|\\.)*+"?'
    r"|'(?:[^'\\\r\n]|\\.)*+'?"
    r"|#[^\r\n]*",
    re.DOTALL,
)
# A backslash at the end of a line means nothing, and there may be any number; what else has a backslash is left as it is.
_CONTINUED = re.compile(r"\\(?:\r\n|\r|\n)|(\\.)", re.DOTALL)


def without_comments(source: str) -> str:
    """The source without comments and with empty docstrings; it means exactly the same."""

    def kept(match: re.Match[str]) -> str:
        text = match.group()
        if text.startswith("#"):
            return ""
        if len(text) > _LONGEST_TEXT:
            text = _CONTINUED.sub(r"\1", text)
        return text if len(text) <= _LONGEST_TEXT else '""'

    return STRING_OR_COMMENT.sub(kept, source)


@lru_cache(maxsize=4_096)
def wire_source(source: str, source_hash: str) -> str:
    """Builds the form of a stored source that is sent to the sandbox, without comments.

    Raises:
        ValueError: if the source is not the one that was checked when it was stored.
    """
    if hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest() != source_hash:
        raise ValueError("the source is not the one that was checked")
    return without_comments(source)
