"""Another company takes over the name of a symbol that sessions look at: what they saw of it before is seen again when they are replayed, and so is what they see since."""

from __future__ import annotations

from datetime import timedelta

import pytest
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.storage.ledger import announced_actions, corporate_actions
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database

from tests.integration.test_other_symbols_live import HISTORY, Pair, bar, replayed
from tests.support.ledger import OPEN

DAY = 24 * 60


@pytest.fixture
def pair(database: Database, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A session that looks at SPY, and a company that is to be called so from tomorrow on, whose price is another."""
    found = Pair(database, monkeypatch)
    with database.transaction() as connection:
        past = [bar(minute, "OLD", extra=900) for minute in range(-HISTORY, 30)]
        market_data.add_bars(connection, past, adjusted_at=OPEN)
        market_data.set_bar_price(connection, past[-1])
    return found


def taken_over(pair: Pair) -> None:
    change = CorporateAction("rename", "OLD", ActionKind.SYMBOL_CHANGE, OPEN.date() + timedelta(days=1), new_symbol="SPY")  # fmt: skip
    with pair.database.transaction() as connection:
        announced_actions.note_action(connection, change)
        assert corporate_actions.apply_action(connection, change) is None


def test_a_session_is_replayed_on_the_company_that_had_the_name_then(pair: Pair) -> None:
    pair.both(*range(10))
    pair.come(bar(10), bar(11))
    pair.come(bar(10, "SPY"), bar(11, "SPY"))
    pair.both(12, 13)
    replayed(pair, 14)
    taken_over(pair)
    replayed(pair, 14)


def test_a_session_that_goes_on_is_replayed_on_both(pair: Pair) -> None:
    pair.both(*range(30))
    taken_over(pair)
    for minute in range(DAY, DAY + 5):
        pair.come(bar(minute, "SPY", extra=900), bar(minute))
    # The ratio looks back on bars of its own from before, beside which it sees the company that has the name now.
    assert pair.seen()[0] == 35
    replayed(pair, 35)
