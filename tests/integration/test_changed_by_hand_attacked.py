"""What a person changes by hand, under attack: what is no longer true is not kept, what is true is not lost, and nothing takes long."""

from __future__ import annotations

import itertools
from uuid import UUID

import pytest
from stratforge.application import strategies as application
from stratforge.application.access import Caller
from stratforge.application.idempotency import RequestKey
from stratforge.application.jobs.results import WrittenStrategy
from stratforge.application.strategies import NewStrategy, StrategyChange
from stratforge.intent import carried as carrying
from stratforge.storage.postgres.database import Database

from tests.integration.test_changed_by_hand import RULE, latest, rules
from tests.integration.test_questions_about_data import said
from tests.support.rotating import MONTHLY

NESTED = """\
LENGTH = 20


def indicators(bars):
    return {"average": ta.sma(bars.close, length=LENGTH)}


def on_bar(bar, position, state):
    if position.quantity == 0:
        if bar.close > bar.average:
            return buy()
        return
    if bar.close < bar.average:
        return sell()
"""


def written(database: Database, ada: Caller, prompt: str = RULE) -> UUID:
    result = said(database, ada.user_id, prompt)
    assert isinstance(result, WrittenStrategy), result
    return result.strategy_id


def test_code_that_is_only_moved_in_keeps_no_explanation_of_what_it_does_no_more(
    database: Database, caller: Caller
) -> None:
    new = NewStrategy(name="By hand", symbol="MSFT", python_code=NESTED, logic_explanation="Sells below the average.")
    made = application.store_strategy(database, caller, new, RequestKey(None, b""))
    moved = NESTED.replace("        return\n    if bar.close < bar.average:\n        return sell()", "        return\n        if bar.close < bar.average:\n            return sell()")  # fmt: skip
    assert moved.split() == NESTED.split()
    application.change_strategy(database, caller, made.strategy_id, StrategyChange(python_code=moved))
    assert latest(database, made.strategy_id).logic_explanation == ""


def test_many_constants_that_are_changed_at_once_are_tried_a_bounded_number_of_times(
    database: Database, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy_id = written(database, caller)
    code = latest(database, strategy_id).python_code
    more = "".join(f"EXTRA_{number} = 2\n" for number in range(9))
    application.change_strategy(database, caller, strategy_id, StrategyChange(python_code=f"{code}\n{more}"))
    assert rules(latest(database, strategy_id))
    count = [0]

    class Counted:
        islice = staticmethod(itertools.islice)

        @staticmethod
        def product(*options: list[object]) -> object:
            for each in itertools.product(*options):
                count[0] += 1
                yield each

    monkeypatch.setattr(carrying, "itertools", Counted)
    application.set_parameters(database, caller, strategy_id, {f"EXTRA_{number}": 5 for number in range(9)})
    assert count[0] < 10_000


def test_the_bars_that_were_asked_for_are_no_chip_of_code_on_others(database: Database, caller: Caller) -> None:
    strategy_id = written(database, caller, "On 15-minute bars, buy AAPL when the 14-bar RSI is below 30. Sell when it is above 70.")  # fmt: skip
    before = latest(database, strategy_id)
    assert 'TIMEFRAME = "15min"' in before.python_code
    code = before.python_code.replace('"15min"', '"1h"')
    application.change_strategy(database, caller, strategy_id, StrategyChange(python_code=code))
    found = latest(database, strategy_id)
    assert not [each for each in found.requirements if "15" in each["quote"] + each["meaning"] and each["status"] == "covered"]  # fmt: skip


def test_a_chip_that_names_another_symbol_than_is_traded_is_not_kept(database: Database, caller: Caller) -> None:
    strategy_id = written(database, caller)
    application.change_strategy(database, caller, strategy_id, StrategyChange(symbol="TSLA"))
    found = latest(database, strategy_id)
    named = [each for each in found.requirements if "AAPL" in each["quote"] + each["meaning"] and each["status"] == "covered"]  # fmt: skip
    assert named == []
    assert not any("AAPL" in each for each in found.assumptions)


def test_what_was_asked_for_of_an_older_version_is_kept_where_its_values_are_used(
    database: Database, caller: Caller
) -> None:
    strategy_id = written(database, caller)
    other = latest(database, strategy_id).python_code.replace("ta.rsi", "ta.cmo")
    application.change_strategy(database, caller, strategy_id, StrategyChange(python_code=other))
    assert rules(latest(database, strategy_id)) == set()
    application.set_parameters(database, caller, strategy_id, {"RSI_LENGTH": 7}, version=1, latest=2)
    found = latest(database, strategy_id)
    assert "buy when ta.rsi(bars.close, length=7) < 30" in rules(found)
    assert "RSI(7)" in found.logic_explanation
    assert "14" not in found.logic_explanation


def test_code_of_before_stored_again_is_described_as_it_was(database: Database, caller: Caller) -> None:
    strategy_id = written(database, caller)
    first = latest(database, strategy_id)
    other = first.python_code.replace("ta.rsi", "ta.cmo")
    application.change_strategy(database, caller, strategy_id, StrategyChange(python_code=other))
    application.set_parameters(database, caller, strategy_id, {}, version=1, latest=2)
    found = latest(database, strategy_id)
    assert (rules(found), found.logic_explanation) == (rules(first), first.logic_explanation)


def test_a_meaning_of_a_name_that_means_something_else_now_is_not_kept(database: Database, caller: Caller) -> None:
    strategy_id = written(database, caller)
    before = latest(database, strategy_id)
    assert before.parameter_meanings.get("RSI_LENGTH")
    code = "RSI_LENGTH = 14\n\n\ndef on_bar(bar, position, state):\n    if position.quantity == 0 and bar.close > RSI_LENGTH:\n        return buy()\n    if bar.close < RSI_LENGTH:\n        return sell()\n"  # fmt: skip
    application.change_strategy(database, caller, strategy_id, StrategyChange(python_code=code))
    found = latest(database, strategy_id)
    assert (found.requirements, found.logic_explanation) == ([], "")
    assert found.parameter_meanings == {}


def test_a_version_of_long_ago_is_there_to_go_back_to(database: Database, caller: Caller) -> None:
    strategy_id = written(database, caller)
    code = latest(database, strategy_id).python_code
    with database.transaction() as connection:
        connection.execute(
            """
            INSERT INTO strategy_versions (strategy_id, version, user_id, python_code, source_hash, lookback, day_lookback, lookback_edition, bar_minutes,
                parameters, logic_explanation, tokens, assumptions, repairs, parameter_meanings, requirements, symbol)
            SELECT strategy_id, number, user_id, python_code || '# ' || number, source_hash, lookback, day_lookback, lookback_edition, bar_minutes,
                parameters, logic_explanation, tokens, assumptions, repairs, parameter_meanings, requirements, symbol
            FROM strategy_versions, generate_series(2, 60) number
            """
        )
        connection.execute("UPDATE strategies SET version = 60, python_code = python_code || '# 60'")
    back = said(database, caller.user_id, "back to version 3", strategy_id=str(strategy_id))
    assert isinstance(back, WrittenStrategy), back
    assert back.python_code == f"{code}# 3"


def test_the_persons_own_explanation_is_kept_beside_values_that_changed(database: Database, caller: Caller) -> None:
    new = NewStrategy(name="By hand", symbol="MSFT", python_code=NESTED, logic_explanation="First words.")
    made = application.store_strategy(database, caller, new, RequestKey(None, b""))
    application.change_strategy(database, caller, made.strategy_id, StrategyChange(logic_explanation="My words."))
    application.set_parameters(database, caller, made.strategy_id, {"LENGTH": 30})
    told = latest(database, made.strategy_id).logic_explanation
    assert told == "My words.\n\nSince then changed by hand: LENGTH is 30 instead of 20."


def test_a_note_of_what_changed_is_whole_beside_an_explanation_of_the_greatest_length(
    database: Database, caller: Caller
) -> None:
    new = NewStrategy(name="By hand", symbol="MSFT", python_code=NESTED, logic_explanation="x" * 8_000)
    made = application.store_strategy(database, caller, new, RequestKey(None, b""))
    application.set_parameters(database, caller, made.strategy_id, {"LENGTH": 30})
    assert latest(database, made.strategy_id).logic_explanation.endswith("LENGTH is 30 instead of 20.")


def test_values_of_a_portfolio_are_told_beside_its_explanation_too(database: Database, caller: Caller) -> None:
    new = NewStrategy(name="Rotation", python_code=MONTHLY, logic_explanation="Holds the strongest.")
    made = application.store_strategy(database, caller, new, RequestKey(None, b""))
    application.set_parameters(database, caller, made.strategy_id, {"DAYS": 6})
    told = latest(database, made.strategy_id).logic_explanation
    assert told == "Holds the strongest.\n\nSince then changed by hand: DAYS is 6 instead of 5."
