"""The largest sum of all positions."""

from stratforge.portfolio.protections.proposal import Proposal
from stratforge.portfolio.reasons import Reason


def max_exposure(proposal: Proposal) -> Reason | None:
    """Refuses a purchase after which all positions are a larger part of equity than the user allows."""
    limit = proposal.account.limits.max_exposure
    if limit is None or not proposal.opens:
        return None
    after = proposal.account.exposure + proposal.value
    return Reason.MAX_EXPOSURE if after > limit * proposal.account.equity else None
