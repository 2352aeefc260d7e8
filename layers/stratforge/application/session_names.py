"""Names of sessions where they are spoken of: by its strategy, and by what it trades."""

from __future__ import annotations

from stratforge.market.symbols import PORTFOLIO


def session_called(strategy: str | None, symbol: str) -> str:
    """A session in words that begin a sentence.

    >>> session_called("Average cross", "AAPL"), session_called("Rotation", "PORTFOLIO"), session_called(None, "AAPL")
    ('Average cross on AAPL', 'Rotation', 'The AAPL session')

    Args:
        strategy: The name of its strategy; None where that was deleted, or is nothing for whoever reads it.
    """
    if symbol == PORTFOLIO:
        return strategy or "The portfolio session"
    return f"{strategy} on {symbol}" if strategy else f"The {symbol} session"
