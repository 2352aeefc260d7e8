"""Tells trade prints that make the price from those that do not: they update the consolidated last sale.

A print says how it came about with sale conditions, one character each. Averages, odd lots, trades outside of hours or at a price agreed on before say
nothing about where the market is; nobody's stop may be triggered by one. The tables are those of the two plans that consolidate American trades, CTA
(tapes A and B) and UTP (tape C): "Sale conditions" in https://kb.dxfeed.com/en/data-model/market-events/timeandsale-sale-conditions.html.
"""

from __future__ import annotations

from collections.abc import Iterable

# Conditions that let a print be the last sale. Those that do so only for want of another print (late, out of sequence, priced by
# reference: 4 G L P R Z 2 3) are left out: there is another.
_BOTH_PLANS = frozenset("@ FKOX1569")
_LAST_SALE = {
    "A": _BOTH_PLANS | {"E"},  # E is an automatic execution; B is an average price.
    "C": _BOTH_PLANS | frozenset("ABDSY"),  # B is a bunched trade.
}
_LAST_SALE["B"] = _LAST_SALE["A"]
_LAST_SALE["N"] = _LAST_SALE["O"] = _LAST_SALE["C"]


def makes_price(conditions: Iterable[str], tape: str | None) -> bool:
    """Returns whether a print updates the last sale of its symbol.

    Args:
        conditions: Its sale conditions; every one of them must allow it. None at all is a regular sale.
        tape: A or B for the CTA's, C for UTP's; None for coins, which have no conditions.
    """
    if tape is None:
        return True
    allowed = _LAST_SALE.get(tape, _BOTH_PLANS)
    return all((each or " ") in allowed for each in conditions)
