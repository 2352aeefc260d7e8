"""The loss of a day."""

from stratforge.portfolio.protections.proposal import Proposal
from stratforge.portfolio.reasons import Reason


def daily_loss(proposal: Proposal) -> Reason | None:
    """Refuses purchases once the day's loss has reached the user's limit."""
    account, limit = proposal.account, proposal.account.limits.max_daily_loss
    if limit is None or not proposal.opens or account.day_equity is None:
        return None
    return Reason.DAILY_LOSS if account.equity <= account.day_equity * (1 - limit) else None
