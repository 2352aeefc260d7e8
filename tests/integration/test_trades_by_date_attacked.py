"""Questions about trades that lie behind many others: of other strategies, of the same day, of other sides, and of short positions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb
from stratforge.ai.draft import Lookup, LookupKind
from stratforge.application.jobs.lookups import Lookups
from stratforge.intent.requirements import Requirement, Status
from stratforge.storage.postgres.database import Database

from tests.integration.test_questions_about_data import (
    session_of,
    store_backtest,
    store_trade,
    strategy_of,
)
from tests.integration.test_trades_by_date import answered, at
from tests.support.ledger import person

MORE_THAN_ARE_LOOKED_THROUGH = 125


def two_strategies(database: Database) -> tuple[UUID, UUID, UUID, UUID]:
    """A person, a strategy of hers, a session of it, and one of another."""
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    return user, strategy_id, session_of(database, user, strategy_id), session_of(database, user, strategy_of(database, user))  # fmt: skip


def test_the_last_trade_of_a_strategy_is_found_behind_all_those_of_others(database: Database) -> None:
    user, strategy_id, session, other = two_strategies(database)
    store_trade(database, user, session, "sell", "SIGNAL", 101, at(2026, 3, 3))
    for number in range(MORE_THAN_ARE_LOOKED_THROUGH):
        store_trade(database, user, other, "buy", "SIGNAL", 200, at(2026, 4, 1) + timedelta(minutes=number))
    told = answered(database, user, "Explain this trade", strategy_id)
    assert "sold 10 AAPL at 101 on 2026-03-03 15:31 UTC" in told


def test_what_a_strategy_did_on_a_day_is_found_behind_all_that_others_did_on_it(database: Database) -> None:
    user, strategy_id, session, other = two_strategies(database)
    store_trade(database, user, session, "sell", "SIGNAL", 101, at(2026, 3, 3))
    for number in range(40):
        store_trade(database, user, other, "sell", "SIGNAL", 200, at(2026, 3, 3) + timedelta(minutes=1 + number))
    told = answered(database, user, "Why did I sell AAPL on March 3rd?", strategy_id)
    assert "sold 10 AAPL at 101 on 2026-03-03 15:31 UTC" in told
    assert "at 200" not in told


def test_of_a_day_with_many_trades_the_model_is_told_that_there_were_more(database: Database) -> None:
    """It would say that there were thirty, where somebody asks how many."""
    user, strategy_id, session, _ = two_strategies(database)
    for number in range(40):
        store_trade(database, user, session, "sell", "SIGNAL", 200, at(2026, 3, 3) + timedelta(minutes=number))
    looked = Lookups(database, user, strategy_id)
    day = looked(Lookup(what=LookupKind.TRADES, day="2026-03-03"))
    assert (len(day["trades"]), day["more_trades"]) == (30, True)
    store_trade(database, user, session, "sell", "SIGNAL", 200, at(2026, 3, 4))
    assert looked(Lookup(what=LookupKind.TRADES, day="03-04"))["more_trades"] is False
    assert looked(Lookup(what=LookupKind.TRADES))["more_trades"] is True


def test_why_something_was_sold_is_answered_by_its_sale_and_not_by_purchases_of_the_same_day(
    database: Database,
) -> None:
    user, strategy_id, session, _ = two_strategies(database)
    store_trade(database, user, session, "sell", "STOP_LOSS", 101, at(2026, 3, 3))
    for number in range(1, 6):
        store_trade(database, user, session, "buy", "SIGNAL", 200, at(2026, 3, 3) + timedelta(minutes=number))
    told = answered(database, user, "Why did I sell AAPL on March 3rd?", strategy_id)
    assert "sold 10 AAPL at 101 on 2026-03-03 15:31 UTC; its order was placed by: stop loss" in told
    bought = answered(database, user, "Why did I buy AAPL on March 3rd?", strategy_id)
    assert "bought 10 AAPL at 200" in bought
    assert "sold" not in bought


def test_a_short_sale_is_explained_by_the_rule_that_went_short(database: Database) -> None:
    user, strategy_id, session, _ = two_strategies(database)
    rsi = "ta.rsi(bars.close, length=14)"
    rules = [f"short when {rsi} > 70", f"cover when {rsi} < 40"]
    stood = Requirement(quote="go short above 70, cover below 40", meaning="", status=Status.COVERED, rules=rules)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE strategy_versions SET requirements = %s WHERE strategy_id = %s",
            (Jsonb([stood.model_dump(mode="json")]), strategy_id),
        )
    day = datetime(2026, 3, 3, 15, 30, tzinfo=UTC)
    store_trade(database, user, session, "sell", "SIGNAL", 101, day)
    store_trade(database, user, session, "buy", "SIGNAL", 99, day + timedelta(days=1))
    with database.transaction() as connection:
        connection.execute("UPDATE orders SET short = true WHERE session_id = %s", (session,))
    short = answered(database, user, "Why did I sell AAPL on March 3rd?", strategy_id)
    assert "sold short 10 AAPL at 101" in short
    assert "(short when RSI(14) is above 70)" in short
    cover = answered(database, user, "Why did I buy AAPL on March 4th?", strategy_id)
    assert "bought back 10 AAPL at 99" in cover
    assert "(cover when RSI(14) is below 40)" in cover


def test_the_best_strategy_is_found_behind_many_others_and_many_backtests_of_one(database: Database) -> None:
    """The oldest of thirty-two returned most; since then another was tested two hundred times."""
    user = person(database, "ada")
    first = strategy_of(database, user)
    store_backtest(database, user, first, 0.91, 0.5)
    for _ in range(31):
        latest = strategy_of(database, user)
    for _ in range(205):
        store_backtest(database, user, latest, 0.0123, -0.01)
    told = answered(database, user, "Which of mine is best?")
    assert "returned 91.0 % in its last backtest" in told
    assert "returned 1.23 % in its last backtest" in told
    assert Lookups(database, user, None)(Lookup(what=LookupKind.STRATEGIES))["more_strategies"] == 2


def test_strategies_are_compared_from_the_conversations_own_down_to_what_was_never_tested(database: Database) -> None:
    user = person(database, "ada")
    untested, best, own, worst, newest = (strategy_of(database, user) for _ in range(5))
    for strategy_id, total in ((best, 0.1), (own, 0.01), (worst, -0.2)):
        store_backtest(database, user, strategy_id, 0.5, 0.5)
        store_backtest(database, user, strategy_id, total, 0.5)
    with database.transaction() as connection:
        names = {untested: "untested", best: "best", own: "own", worst: "worst", newest: "newest"}
        for strategy_id, name in names.items():
            connection.execute("UPDATE strategies SET name = %s WHERE id = %s", (name, strategy_id))
    found = Lookups(database, user, own)(Lookup(what=LookupKind.STRATEGIES))
    assert [each["name"] for each in found["strategies"]] == ["own", "best", "worst", "newest", "untested"]
    assert [each["this_one"] for each in found["strategies"]] == [True, False, False, False, False]
    assert found["strategies"][1]["last_backtest"]["total_return_percent"] == 10.0
    assert found["strategies"][3]["last_backtest"] is None
    assert found["more_strategies"] == 0
    other = person(database, "eve")
    assert Lookups(database, other, own)(Lookup(what=LookupKind.STRATEGIES)) == {
        "strategies": [],
        "more_strategies": 0,
    }
