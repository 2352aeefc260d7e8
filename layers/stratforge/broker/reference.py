"""The page on the broker's statuses and refusals, and on what the platform does about them."""

from __future__ import annotations

from stratforge.broker.refusals import refusals_markdown
from stratforge.portfolio.order_states import states_markdown


def broker_markdown() -> str:
    """Both tables as the documentation shows them."""
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
            refusals_markdown(),
        ]
    )
