"""The symbol that a strategy trades: what the person's words name, what is given beside them, or what stood before."""

from __future__ import annotations

from dataclasses import dataclass

from stratforge.ai.draft import StrategyDraft
from stratforge.intent.requirements import Status


class TwoSymbols(Exception):
    """The words of a request name another symbol than the one that is given beside it."""

    def __init__(self, given: str, said: str) -> None:
        super().__init__(f"The symbol given beside the request is {given}, and the request is for {said}.")
        self.given, self.said = given, said


@dataclass(frozen=True, slots=True)
class TradingSymbol:
    """The symbols that are known before a model answers.

    Attributes:
        given: The one that is given beside the words; None for none.
        stood: What the strategy trades that is to be changed; None where none is, or a portfolio.
    """

    given: str | None = None
    stood: str | None = None

    def of(self, draft: StrategyDraft) -> str:
        """Decides what the strategy of a draft trades.

        No draft of a change moves it to another symbol by itself: its words have to ask for that, by a requirement with the rule “symbol X”.

        Raises:
            TwoSymbols: if the words name another one than is given.
        """
        said = draft.symbol if self.stood is None or _asked_for(draft) else None
        if said and self.given and said.upper() != self.given:
            raise TwoSymbols(self.given, said)
        return self.given or said or self.stood or draft.symbol


def _asked_for(draft: StrategyDraft) -> bool:
    """Whether a requirement of these turns says what it trades; whether it is what the answer says, the gate looks at."""
    return any(
        rule.startswith("symbol ")
        for each in draft.requirements
        if each.status in (Status.COVERED, Status.ASSUMED) and each.quote.strip()
        for rule in each.rules
    )
