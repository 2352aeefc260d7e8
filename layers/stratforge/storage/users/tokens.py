"""Random texts that open something (tokens, keys, tickets, recovery codes): only their hashes are kept."""

from __future__ import annotations

import hashlib


def hash_token(token: str) -> bytes:
    """Hashes a random text for keeping; eighty random bits and more need no slow hash."""
    return hashlib.sha256(token.encode()).digest()
