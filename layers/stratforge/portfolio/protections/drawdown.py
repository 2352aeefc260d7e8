"""The fall from the highest equity."""

from stratforge.portfolio.protections.proposal import Proposal
from stratforge.portfolio.reasons import Reason


def drawdown(proposal: Proposal) -> Reason | None:
    """Refuses purchases while equity is farther below its highest than the user allows."""
    account, limit = proposal.account, proposal.account.limits.max_drawdown
    if limit is None or not proposal.opens or account.peak_equity is None:
        return None
    return Reason.DRAWDOWN if account.equity <= account.peak_equity * (1 - limit) else None
