"""The report of a pass of reconciliation: its findings, and its corrections."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(slots=True)
class Report:
    """The findings and corrections of a reconciliation run. Differences are (ours, the broker's).

    `unconfirmed` holds corrections of the last minutes that the account's statement does not bear out yet, and `unclear` open orders whose status nobody can
    read, or that cannot be ended: symbol or status by our id of the order. `closing` counts the holders for whom something is still
    to be sold because they closed their account or stopped a session so. `undecided` are corporate actions in force that the ledger
    could not follow, each with what has to happen; `short` warns that the account can carry little more; `behind` symbols whose split the broker has not followed,
    `unread` those that differ and whose orders of the day are still being read, and `buying` those of which the account buys what it lacks. `postponed` are the steps for which the minute had no requests left; the next pass
    takes them up where this one ended. `borrowed` are the dollars that short positions were charged for the nights since.
    `part` is the part of the ledger whose invariants were looked at, besides those that were broken before; `broken` are those that do not hold in `broken_parts`.
    """

    looked_up: int = 0
    resubmitted: int = 0
    canceled: int = 0
    woken: list[str] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)
    unconfirmed: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, str] = field(default_factory=dict)
    unexplained: dict[str, str] = field(default_factory=dict)
    splits: list[str] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)
    undecided: dict[str, str] = field(default_factory=dict)
    odd_lots: list[str] = field(default_factory=list)
    borrowed: dict[str, str] = field(default_factory=dict)
    rounding: dict[str, str] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)
    buying: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)
    drift: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    buying_power: dict[str, str] = field(default_factory=dict)
    short: bool = False
    part: int = 0
    broken_parts: list[int] = field(default_factory=list)
    broken: dict[str, int] = field(default_factory=dict)
    closing: dict[str, int] = field(default_factory=dict)
    halted: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    trading_again: bool = False

    @property
    def clean(self) -> bool:
        """True if the run left no difference unexplained."""
        return not self.drift and not self.broken and not self.unexplained and not self.unclear

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, for the log and the store."""
        drift = {symbol: [str(each) for each in both] for symbol, both in self.drift.items()}
        return {**asdict(self), "drift": drift, "clean": self.clean}
