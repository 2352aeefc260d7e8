"""The word of a listing exchange on a symbol: that it trades, is halted, or is paused because it moved too fast."""

from __future__ import annotations

from stratforge.portfolio.orders import ExchangeState

# Codes of the trading-status messages of the two plans (CTA: tapes A and B, UTP: tape C), and of the reasons for halts that are limit-up
# limit-down pauses. Other messages (imbalances, price indications, short-sale restrictions) change nothing; quotation that
# resumes before trading does not either.
_CTA = {"2": ExchangeState.HALTED, "4": ExchangeState.HALTED, "3": ExchangeState.TRADING}
_UTP = {"H": ExchangeState.HALTED, "P": ExchangeState.PAUSED, "T": ExchangeState.TRADING}
_PAUSES = frozenset({"M", "LUDP", "LUDS"})


def state_said(status_code: str, reason_code: str, tape: str) -> ExchangeState | None:
    """The state that a trading-status message puts its symbol into; None when it changes nothing."""
    state = (_CTA if tape in ("A", "B") else _UTP).get(status_code)
    if state is ExchangeState.HALTED and reason_code in _PAUSES:
        return ExchangeState.PAUSED
    return state
