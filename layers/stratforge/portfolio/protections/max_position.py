"""The largest position in one symbol."""

from stratforge.portfolio.protections.proposal import Proposal
from stratforge.portfolio.reasons import Reason


def max_position(proposal: Proposal) -> Reason | None:
    """Refuses a purchase after which the symbol is a larger part of equity than the user allows."""
    limit = proposal.account.limits.max_position
    if limit is None or not proposal.opens:
        return None
    after = proposal.account.symbol_value + proposal.value
    return Reason.MAX_POSITION if after > limit * proposal.account.equity else None
