"""The setup of a portfolio strategy, the same for a backtest and a session: a capital, and nothing that its weights say already."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from stratforge.application.errors import Invalid
from stratforge.market.sizes import SizingRule
from stratforge.market.symbols import PORTFOLIO

LEAST_CAPITAL = Decimal(100)
_CENT = Decimal("0.01")


def check_portfolio_setup(symbol: str | None, rule: SizingRule, *, stops: bool, participation: bool = False) -> None:
    """Refuses what a portfolio strategy has no use for.

    Args:
        symbol: The symbol of the request.
        rule: How the capital is given.
        stops: Whether a stop or a target is set.
        participation: Whether fills are bound to a part of the volume.

    Raises:
        Invalid: saying what to leave out.
    """
    if symbol not in (None, PORTFOLIO):
        raise Invalid("A portfolio strategy names its symbols itself; leave symbol out.", code="portfolio-symbol")
    if stops:
        message = "Weights say what a portfolio strategy holds; it has no stops. Leave them out."
        raise Invalid(message, code="portfolio-stops")
    if participation:
        message = "Orders of a portfolio strategy are not bound to a part of the volume; leave participation out."
        raise Invalid(message, code="portfolio-participation")
    if rule is SizingRule.FIXED_QUANTITY:
        message = "A portfolio begins with dollars: give sizing_rule FIXED_CASH with an amount, or EQUITY_FRACTION with a part of your equity."
        raise Invalid(message, code="portfolio-size")


def capital_of(rule: SizingRule, value: Decimal, equity: Decimal) -> Decimal:
    """The capital that a portfolio begins with, in dollars.

    Args:
        rule: `FIXED_CASH` or `EQUITY_FRACTION`.
        value: Dollars, or a part of the equity.
        equity: That of the account at the beginning.

    Raises:
        Invalid: if it is next to nothing.
    """
    capital = (equity * value).quantize(_CENT, ROUND_DOWN) if rule is SizingRule.EQUITY_FRACTION else value
    if capital < LEAST_CAPITAL:
        message = f"The portfolio would begin with {capital:,.2f} dollars; give it {LEAST_CAPITAL:,} or more."
        raise Invalid(message, code="portfolio-size")
    return capital
