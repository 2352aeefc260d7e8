"""Names of the per-symbol topics. Everything else gets its name from the deployment."""

from __future__ import annotations

from stratforge.market import encode_symbol


def bars_topic_prefix(stage: str) -> str:
    """Returns the prefix of the names of a stage's bar topics."""
    return f"stratforge-{stage}-bars-"


def bars_topic_name(stage: str, symbol: str) -> str:
    """Name of the topic that carries a symbol's bars."""
    return f"{bars_topic_prefix(stage)}{encode_symbol(symbol)}.fifo"
