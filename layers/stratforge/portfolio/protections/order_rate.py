"""Orders in a minute."""

from stratforge.portfolio.protections.proposal import Proposal
from stratforge.portfolio.reasons import Reason


def order_rate(proposal: Proposal) -> Reason | None:
    """Refuses more purchases in a minute of the market than the user allows."""
    limit = proposal.account.limits.max_orders_per_minute
    if limit is None or not proposal.opens:
        return None
    return Reason.ORDER_RATE if proposal.account.orders_last_minute >= limit else None
