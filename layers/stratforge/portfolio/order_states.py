"""The meaning of the broker's statuses and events of an order: one table, for whoever looks an order up and whoever hears its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from stratforge.portfolio.orders import BlockStatus


class Phase(StrEnum):
    """Phases of an order at the broker: it can still be filled or not."""

    OPEN = "open"  # It may still fill, or fill again.
    ENDED = "ended"  # Nothing comes after.
    REPLACED = "replaced"  # The broker goes on with another order in its place, which has to be looked up.
    UNKNOWN = "unknown"  # The table does not have it: somebody is told, and the order is looked up again.


@dataclass(frozen=True, slots=True)
class StatusMeaning:
    """A status or an event of an order at the broker.

    Attributes:
        phase: Whether the order can still be filled.
        meaning: The same in words.
        block: What the block order becomes; None while it goes on. One that was filled whole is FILLED whatever its last status.
    """

    phase: Phase
    meaning: str
    block: BlockStatus | None = None


def _open(meaning: str) -> StatusMeaning:
    return StatusMeaning(Phase.OPEN, meaning)


def _ended(meaning: str, block: BlockStatus = BlockStatus.CANCELED) -> StatusMeaning:
    return StatusMeaning(Phase.ENDED, meaning, block)


# Alpaca's statuses of orders and events of its order stream, by their names.
STATUS_MEANINGS: Mapping[str, StatusMeaning] = {
    "pending_new": _open("It was routed to the exchange, which has not taken it yet."),
    "accepted": _open("Alpaca has it, and has not routed it yet."),
    "accepted_for_bidding": _open("Exchanges evaluate it for pricing."),
    "pending_review": _open("Alpaca reviews it before it is routed."),
    "new": _open("The exchange has it."),
    "partially_filled": _open("A part is filled, and the rest may be."),
    "partial_fill": _open("A part was filled, and the rest may be."),
    "held": _open("It waits for another order, or for Alpaca."),
    "stopped": _open("A trade is guaranteed, and has not happened yet."),
    "suspended": _open("It does not trade at present, and may trade again."),
    "pending_cancel": _open("Its end was asked for; it may fill until then."),
    "pending_replace": _open("Another is about to take its place; it may fill until then."),
    "order_cancel_rejected": _open("It could not be canceled."),
    "order_replace_rejected": _open("It could not be replaced."),
    "restated": _open("Something about it was restated; what it is now, its other figures say."),
    "trade_bust": _open("An execution was taken back: the account's statement tells."),
    "trade_correct": _open("An execution was corrected: the account's statement tells."),
    "replaced": StatusMeaning(Phase.REPLACED, "Another order took its place, which is looked up."),
    "fill": _ended("It was filled whole.", BlockStatus.FILLED),
    "filled": _ended("It is filled whole.", BlockStatus.FILLED),
    "canceled": _ended("It was canceled."),
    "expired": _ended("Its time in force is over."),
    "done_for_day": _ended("It does not trade any more today, and we have no orders for longer than a day."),
    "calculated": _ended("It was filled or is done for the day; what is left is Alpaca's settling of it."),
    "rejected": _ended("The exchange did not take it.", BlockStatus.REJECTED),
}
_UNKNOWN = StatusMeaning(Phase.UNKNOWN, "The platform does not know this status.")


def meaning_of(status: str) -> StatusMeaning:
    """Returns what a status or an event means; for one that the table does not have, that it is unknown."""
    return STATUS_MEANINGS.get(status, _UNKNOWN)


def states_markdown() -> str:
    """The table as the documentation shows it."""
    rows = [f"| `{name}` | {each.phase} | {each.meaning} |" for name, each in STATUS_MEANINGS.items()]
    return "\n".join(["| status or event | phase | what it means |", "|---|---|---|", *rows]) + "\n"
