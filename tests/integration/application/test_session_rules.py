"""A session's rules are those of its own code on its last bar."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from textwrap import indent
from uuid import uuid4

import numpy as np
import pytest
from stratforge.application import sessions
from stratforge.application.access import Caller
from stratforge.application.errors import NotFound
from stratforge.application.session_rules import SessionRules, closest_to_firing, session_rules
from stratforge.application.sessions import NewSession
from stratforge.application.strategies import NewStrategy, store_strategy
from stratforge.market import Bar, BarColumns
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.strategy import PositionView, compile_strategy
from stratforge.strategy.graph import Values
from stratforge.strategy.trace import Rule, Traced

from tests.support.asking import NEW, Told
from tests.support.ledger import OPEN

CODE = """\
LIMIT = 102.5


def indicators(bars):
    return {"average": ta.sma(bars.close, length=3)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.average > LIMIT:
        return buy()
"""


def test_the_rules_are_told_with_the_numbers_of_the_last_bar(database: Database, outbox: Told, ada: Caller) -> None:
    strategy = store_strategy(database, ada, NewStrategy(name="Above", symbol="AAPL", python_code=CODE), NEW)
    session = sessions.start_session(database, outbox, ada, NewSession(strategy_id=strategy.strategy_id), NEW)
    assert session_rules(database, ada, session.session_id) == SessionRules(None, False, [])
    prices = [Decimal(100 + minute) for minute in range(5)]
    bars = [
        Bar("AAPL", OPEN + timedelta(minutes=minute), price, price, price, price, Decimal(10))
        for minute, price in enumerate(prices)
    ]
    with database.transaction() as connection:
        market_data.ensure_months(connection, [OPEN])
        market_data.add_bars(connection, bars)
        connection.execute("UPDATE sessions SET last_bar_time = %s WHERE id = %s", (bars[-1].time, session.session_id))
    found = session_rules(database, ada, session.session_id)
    assert found.bar_time == bars[-1].time
    (rule,) = found.rules
    assert (rule.side, rule.met, rule.fired) == ("buy", True, True)
    assert [(each.text, each.value) for each in rule.conditions[1].operands] == [
        ("bar.average", 103.0),
        ("LIMIT", 102.5),
    ]


def rules_of(body: str) -> list[Rule]:
    """The rules of a strategy on bars that end at 100."""
    price = np.full(9, 100.0)
    bars = BarColumns(60 * np.arange(9, dtype=np.int64), price, price, price, price, price)
    strategy = compile_strategy(f"def on_bar(bar, position, state):\n{indent(body, '    ')}")
    return Traced(strategy).last_bar(Values(bars), PositionView(), {}).rules


@pytest.mark.parametrize(
    ("body", "closest"),
    [
        # Who lacks one condition is closer than who lacks two, however near those are.
        ("if bar.close > 101 and bar.close < 99:\n    return buy()\nif bar.close > 900:\n    return buy()", 1),
        # Of those that lack as many, the nearest: by numbers written out as well.
        ("if bar.close > 150:\n    return buy()\nif bar.close < 90:\n    return sell()", 1),
        ("if bar.close > 105:\n    return buy()\nif bar.close < 90:\n    return sell()", 0),
        # One of several is enough: the nearest counts.
        ("if bar.close > 200 or bar.close > 101:\n    return buy()\nif bar.close < 90:\n    return sell()", 0),
        ("if bar.close > 50:\n    return buy()\nif bar.close < 90:\n    return sell()", None),
    ],
)
def test_the_rule_that_is_closest_to_firing_lacks_least(body: str, closest: int | None) -> None:
    assert closest_to_firing(rules_of(body)) == closest


def test_nobody_sees_the_rules_of_somebody_else(database: Database, ada: Caller) -> None:
    with pytest.raises(NotFound):
        session_rules(database, ada, uuid4())
