"""Price sanity: a slip of the finger should not trade."""

from decimal import Decimal

from stratforge.market.sizes import Side
from stratforge.portfolio.protections.proposal import Proposal
from stratforge.portfolio.reasons import Reason

# Prices this far from the last one are refused whatever the user's own band is.
WIDEST = Decimal("0.5")


def price_band(proposal: Proposal) -> Reason | None:
    """Refuses an order whose own price lies too far on the wrong side of the last price.

    Wrong is where it would trade at once and badly: a buy limit far above, a sell limit far below the market. A price on the other side
    waits for a better market and harms nobody.
    """
    if proposal.price is None:
        return None
    band = min(proposal.account.limits.price_band or WIDEST, WIDEST)
    if proposal.side == Side.BUY:
        return Reason.PRICE_BAND if proposal.price > proposal.reference * (1 + band) else None
    return Reason.PRICE_BAND if proposal.price < proposal.reference * (1 - band) else None
