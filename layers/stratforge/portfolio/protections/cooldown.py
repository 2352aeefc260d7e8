"""A pause after a loss."""

from datetime import timedelta

from stratforge.portfolio.protections.proposal import Proposal
from stratforge.portfolio.reasons import Reason


def cooldown(proposal: Proposal) -> Reason | None:
    """Refuses to buy a symbol again so soon after a trade in it lost money."""
    account, minutes = proposal.account, proposal.account.limits.cooldown_minutes
    if minutes is None or not proposal.opens or account.last_loss_at is None:
        return None
    return Reason.COOLDOWN if proposal.at < account.last_loss_at + timedelta(minutes=minutes) else None
