"""Chooses what is streamed of each symbol under the limits of the data plan: bars of all of them, trades and quotes where they are needed most.

The limit counts channels of trades and quotes; bars, trading statuses and price bands are free: https://docs.alpaca.markets/docs/about-market-data-api.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stratforge.storage.strategies.evaluations import Need


@dataclass(frozen=True, slots=True)
class Channels:
    """The symbols of each channel of a connection; `without` need live prices and do not get them."""

    bars: frozenset[str] = frozenset()
    trades: frozenset[str] = frozenset()
    quotes: frozenset[str] = frozenset()
    without: tuple[str, ...] = field(default=())

    @property
    def statuses(self) -> frozenset[str]:
        """Symbols whose halts and price bands are heard: all that can be crossed or sent."""
        return self.bars


def channels(needs: Mapping[str, Need], limit: int | None, weights: Mapping[str, float] | None = None) -> Channels:
    """Chooses what to subscribe to.

    Trades come before quotes, and where orders rest before where only sessions run: a stop without trades is late by up to a minute,
    while without quotes only crossing inside waits for the next trade. Among equals the symbol of more users comes first, each of whom counts as
    one however many symbols he has, so that nobody takes the channels of others by many small orders; then the alphabet decides, so that what
    is chosen does not change from look to look.

    Args:
        needs: What each symbol needs.
        limit: Channels of trades and quotes that the plan allows; None for as many as there are.
        weights: The users of each symbol, of each the part that one of his symbols is.
    """
    users = weights or {}
    wanting = sorted(
        (symbol for symbol, need in needs.items() if need > Need.BARS),
        key=lambda each: (-needs[each], -users.get(each, 0.0), each),
    )
    urgent = [symbol for symbol in wanting if needs[symbol] >= Need.RESTS]
    rest = [symbol for symbol in wanting if needs[symbol] < Need.RESTS]
    order = [*(("trades", each) for each in urgent), *(("quotes", each) for each in urgent)]
    order += [(channel, each) for each in rest for channel in ("quotes", "trades")]
    chosen = set(order if limit is None else order[: max(limit, 0)])
    trades = frozenset(symbol for channel, symbol in chosen if channel == "trades")
    quotes = frozenset(symbol for channel, symbol in chosen if channel == "quotes")
    without = tuple(symbol for symbol in wanting if symbol not in trades and (symbol in urgent or symbol not in quotes))
    return Channels(frozenset(needs), trades, quotes, without)
