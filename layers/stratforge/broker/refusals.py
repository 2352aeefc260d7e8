"""Refusals of the broker by kind: each is the concern of an order, a symbol or the whole platform."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stratforge.portfolio.order_states import states_markdown
from stratforge.portfolio.orders import Returns
from stratforge.portfolio.reasons import Reason


class Concern(StrEnum):
    """The thing that a refusal is about."""

    ORDER = "order"
    SYMBOL = "symbol"
    PLATFORM = "platform"


class Refusal(StrEnum):
    """The kinds of refusals; `RULES` says what follows from each."""

    INVALID_ORDER = "INVALID_ORDER"
    DUPLICATE_ID = "DUPLICATE_ID"
    OPPOSITE_ORDER = "OPPOSITE_ORDER"
    NOT_ENOUGH_HELD = "NOT_ENOUGH_HELD"
    NOT_LENT = "NOT_LENT"
    ASSET_CLOSED = "ASSET_CLOSED"
    ASSET_SELL_ONLY = "ASSET_SELL_ONLY"
    BUYING_POWER = "BUYING_POWER"
    PLATFORM_REFUSED = "PLATFORM_REFUSED"


@dataclass(frozen=True, slots=True)
class Rule:
    """The consequences of a kind of refusal.

    Attributes:
        concern: What it is about.
        reason: What the users concerned are told.
        returns: Which of the block's orders go back to wait; the others end.
        consequence: What the platform does, in words.
    """

    concern: Concern
    reason: Reason
    returns: Returns
    consequence: str


RULES: dict[Refusal, Rule] = {
    Refusal.INVALID_ORDER: Rule(
        Concern.ORDER, Reason.BROKER_REJECTED, Returns.NONE, "The block's orders end; *blocks-rejected* rings."
    ),
    Refusal.DUPLICATE_ID: Rule(
        Concern.ORDER,
        Reason.BROKER_REJECTED,
        Returns.NONE,
        "The broker has the order already: it is looked up, never sent again.",
    ),
    Refusal.OPPOSITE_ORDER: Rule(
        Concern.SYMBOL,
        Reason.BROKER_UNAVAILABLE,
        Returns.ALL,
        "Something else trades the symbol on the account: orders wait and are tried again; *blocks-rejected* rings.",
    ),
    Refusal.NOT_ENOUGH_HELD: Rule(
        Concern.SYMBOL,
        Reason.SYMBOL_HALTED,
        Returns.ALL,
        "The account has less than the ledger: the symbol is halted until the reconciler has found out why.",
    ),
    Refusal.NOT_LENT: Rule(
        Concern.SYMBOL,
        Reason.PLATFORM_CANNOT_BORROW,
        Returns.ALL,
        "The asset counts as not easy to borrow until the broker's list is read again: orders wait, nothing of it is sold short, and what is short of it is bought in.",
    ),
    Refusal.ASSET_CLOSED: Rule(
        Concern.SYMBOL,
        Reason.NOT_TRADABLE,
        Returns.RESTING,
        "The asset counts as not tradable until the broker's list is read again: market orders end, what rests or protects waits.",
    ),
    Refusal.ASSET_SELL_ONLY: Rule(
        Concern.SYMBOL,
        Reason.SELL_ONLY,
        Returns.RESTING,
        "The asset is only sold until the broker's list is read again: purchases are refused, sales go on.",
    ),
    Refusal.BUYING_POWER: Rule(
        Concern.PLATFORM,
        Reason.PLATFORM_BUYING_POWER,
        Returns.ALL,
        "Orders go back and wait by their own rules; the account is asked for its buying power before the next block.",
    ),
    Refusal.PLATFORM_REFUSED: Rule(
        Concern.PLATFORM,
        Reason.BROKER_UNAVAILABLE,
        Returns.ALL,
        "Keys or account are refused: orders wait by their own rules, keys are read again, *platform-refused* rings.",
    ),
}

# Alpaca's words, in the order in which they are tried. Its codes say little: 40310000 stands for most of these.
_WORDS: Sequence[tuple[str, Refusal]] = (
    (r"client_order_id must be unique", Refusal.DUPLICATE_ID),
    (r"wash trade|opposite side", Refusal.OPPOSITE_ORDER),
    (r"buying power|insufficient balance for usd|insufficient funds|cost basis exceeds", Refusal.BUYING_POWER),
    (r"not allowed to short|cannot be sold short|not (shortable|easy to borrow)|hard to borrow", Refusal.NOT_LENT),
    (r"insufficient qty|insufficient balance|insufficient quantity", Refusal.NOT_ENOUGH_HELD),
    # About the keys or the whole account. An asset may be "restricted to liquidation only" too, so the account is named.
    (
        r"^forbidden|request is not authorized|^unauthorized|access key verification failed|new orders are rejected by user request"
        r"|account (is |was )?(restricted|blocked|suspended|disabled|inactive|closed|not active|set to liquidation)|trading (is )?(blocked|suspended)"
        # Not of what may be traded by whom ("crypto", an asset): that is the asset's matter.
        r"|account (is )?not (allowed|authorized|eligible) to trade(?! (?!at|now|until|because|due|while)\w)|only allowed to liquidate",
        Refusal.PLATFORM_REFUSED,
    ),
    (r"liquidation|sell[- ]only|closing transactions only|close[- ]only", Refusal.ASSET_SELL_ONLY),
    (
        r"not tradable|not active|is inactive|not found|not authorized for|not (allowed|authorized|eligible) to trade|not enabled for|unknown symbol|invalid symbol"
        r"|does not exist|not supported for trading|could not find asset",
        Refusal.ASSET_CLOSED,
    ),
)
_PATTERNS = [(re.compile(words, re.IGNORECASE), kind) for words, kind in _WORDS]


def refusal_of(status: int, message: str) -> Refusal:
    """Returns the kind of a refusal by the HTTP status and the broker's words."""
    for pattern, kind in _PATTERNS:
        if pattern.search(message):
            return kind
    if status == 401 or (status == 403 and not message):
        return Refusal.PLATFORM_REFUSED
    return Refusal.ASSET_CLOSED if status == 404 else Refusal.INVALID_ORDER


def broker_markdown() -> str:
    """The page on the broker's statuses and refusals, and on what the platform does about them."""
    return "\n".join(
        [
            "# What the broker says, and what follows",
            "",
            "Generated from `stratforge.portfolio.order_states` and `stratforge.broker.refusals`; write it again with: `stratforge broker`.",
            "",
            "## Statuses and events of orders",
            "",
            "A status that is not in the table is told to operators (the reconciler's report, `unclear`), and the order is looked up again until it ends.",
            "",
            states_markdown(),
            "## Refusals",
            "",
            "Alpaca's code 40310000 stands for most of them, so the words decide.",
            "",
            "| refusal | concerns | users are told | what follows |",
            "|---|---|---|---|",
            *(f"| `{kind}` | {rule.concern} | `{rule.reason}` | {rule.consequence} |" for kind, rule in RULES.items()),
            "",
        ]
    )
