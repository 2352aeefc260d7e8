"""Tries code against the code before it, where nobody knows the rules of either: what it does otherwise."""

from __future__ import annotations

from stratforge.intent.runner import Runner
from stratforge.intent.trial import gain_of, markets_for
from stratforge.strategy import Strategy
from stratforge.strategy.signals import SignalValue


def deeds_lost(old: Strategy, new: Strategy, *, around_the_clock: bool = False) -> tuple[bool, bool]:
    """Tries code against the code before it: whether it holds what that sold, and whether it buys where that did not."""
    holds = buys = False
    for values in markets_for(old, new, around_the_clock=around_the_clock):
        one, other = Runner(old, values), Runner(new, values)
        quantity = price = held = 0.0
        for index, at in enumerate(values.bars.close.tolist()):
            position = (quantity, price, held, gain_of(quantity, price, at))
            for each in (one, other):
                for key in each.account:
                    each.tell(key, 10000.0)
            before, after = one.decide(index, position), other.decide(index, position)
            held += 1
            did, does = _side(before, quantity), _side(after, quantity)
            holds |= (did == "sell" and does != "sell") or not one.exits.keys() <= other.exits.keys()
            buys |= does == "buy" and did != "buy"
            if before is not None and did:
                quantity, price, held = (100.0, at, 0.0) if did == "buy" else (0.0, 0.0, 0.0)
        if holds and buys:
            break
    return holds, buys


def _side(signal: SignalValue | None, quantity: float) -> str | None:
    return None if signal is None or (signal.side == "sell") != bool(quantity) else signal.side
