"""Protections: rules that may refuse an order before it costs anything. One interface, one module a rule.

Sales are never refused by a rule that limits risk: getting out is always possible, except when trading is halted.
"""

from __future__ import annotations

from stratforge.portfolio.protections.cooldown import cooldown
from stratforge.portfolio.protections.daily_loss import daily_loss
from stratforge.portfolio.protections.drawdown import drawdown
from stratforge.portfolio.protections.max_exposure import max_exposure
from stratforge.portfolio.protections.max_position import max_position
from stratforge.portfolio.protections.order_rate import order_rate
from stratforge.portfolio.protections.price_band import price_band
from stratforge.portfolio.protections.proposal import Account, Proposal, Protection, RiskLimits
from stratforge.portfolio.reasons import Reason

PROTECTIONS: tuple[Protection, ...] = (
    order_rate,
    price_band,
    cooldown,
    daily_loss,
    drawdown,
    max_position,
    max_exposure,
)


def refusal(proposal: Proposal) -> Reason | None:
    """The first rule's reason against an order; None when all allow it."""
    for protection in PROTECTIONS:
        reason = protection(proposal)
        if reason is not None:
            return reason
    return None


__all__ = ["PROTECTIONS", "Account", "Proposal", "Protection", "RiskLimits", "refusal"]
