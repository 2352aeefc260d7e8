"""Strategies are compiled while nobody waits for them, and changed by who may change what he has seen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from stratforge.application import strategies as application
from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Changed, Conflict, Forbidden, Invalid, NotFound
from stratforge.application.idempotency import RequestKey
from stratforge.application.jobs.going_back import version_wanted
from stratforge.application.sessions import NewSession, start_session
from stratforge.application.strategies import NewStrategy, StrategyChange
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import strategies
from stratforge.storage.strategies.strategies import StoredStrategy, StoredVersion
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.rotation.language_reference import EXAMPLE

from tests.support.asking import CODE, NEW, Told, is_locked


def test_nobody_waits_for_a_compiler(
    database: Database, migrated: str, ada: Caller, strategy: StoredStrategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = []

    def compiled(source: str) -> Strategy:
        locked.append(is_locked(migrated, "SELECT 1 FROM strategies"))
        return compile_strategy(source)

    monkeypatch.setattr(application, "compile_any", compiled)
    change = StrategyChange(python_code=CODE.replace("LENGTH = 3", "LENGTH = 4"))
    assert application.change_strategy(database, ada, strategy.strategy_id, change).version == 2
    application.set_parameters(database, ada, strategy.strategy_id, {"LENGTH": 5})
    assert locked
    assert not any(locked)


def test_a_name_is_changed_without_a_new_version(database: Database, ada: Caller, strategy: StoredStrategy) -> None:
    changed = application.change_strategy(database, ada, strategy.strategy_id, StrategyChange(name="Other"))
    assert (changed.name, changed.version, changed.python_code) == ("Other", 1, CODE)
    same = application.change_strategy(database, ada, strategy.strategy_id, StrategyChange(python_code=CODE))
    assert (same.name, same.version) == ("Other", 1)


def test_code_outside_the_language_is_refused_with_its_findings(database: Database, ada: Caller) -> None:
    new = NewStrategy(name="Bad", symbol="AAPL", python_code="import os\n")
    with pytest.raises(Invalid) as refused:
        application.store_strategy(database, ada, new, NEW)
    assert refused.value.code == "not-in-language"
    assert refused.value.details["findings"][0]["line"] == 1


def test_a_portfolio_strategy_names_its_symbols_itself(database: Database, ada: Caller) -> None:
    stored = application.store_strategy(database, ada, NewStrategy(name="Rotation", python_code=EXAMPLE), NEW)
    assert stored.symbol == "PORTFOLIO"
    with database.transaction() as connection:
        version = strategies.get_version(connection, stored.strategy_id, 1)
    assert version is not None
    assert (version.lookback, version.parameters) == (200, {"TOP": 3.0, "MONTHS": 6.0})


def test_a_strategy_of_one_symbol_is_stored_with_it(database: Database, ada: Caller) -> None:
    with pytest.raises(Invalid, match="give symbol") as refused:
        application.store_strategy(database, ada, NewStrategy(name="Cross", python_code=CODE), NEW)
    assert refused.value.code == "symbol-missing"


def test_a_strategy_of_one_symbol_becomes_one_of_a_portfolio_and_back_with_a_symbol(
    database: Database, ada: Caller, strategy: StoredStrategy
) -> None:
    changed = application.change_strategy(database, ada, strategy.strategy_id, StrategyChange(python_code=EXAMPLE))
    assert (changed.symbol, changed.version) == ("PORTFOLIO", 2)
    with pytest.raises(Invalid, match="give symbol"):
        application.change_strategy(database, ada, strategy.strategy_id, StrategyChange(python_code=CODE))
    back = application.change_strategy(
        database, ada, strategy.strategy_id, StrategyChange(python_code=CODE, symbol="IBM")
    )
    assert (back.symbol, back.version) == ("IBM", 3)


def test_parameters_become_the_next_version(database: Database, ada: Caller, strategy: StoredStrategy) -> None:
    changed = application.set_parameters(database, ada, strategy.strategy_id, {"LENGTH": 7})
    assert (changed.version, "LENGTH = 7" in changed.python_code) == (2, True)
    with pytest.raises(Invalid, match="no parameter WIDTH"):
        application.set_parameters(database, ada, strategy.strategy_id, {"WIDTH": 7})


def test_parameters_of_code_that_changed_meanwhile_are_refused(
    database: Database, ada: Caller, strategy: StoredStrategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = CODE.replace("bar.close < bar.average", "bar.close < bar.average * 0.9")

    def compiled(source: str) -> Strategy:
        monkeypatch.undo()
        application.change_strategy(database, ada, strategy.strategy_id, StrategyChange(python_code=other))
        return compile_strategy(source)

    monkeypatch.setattr(application, "compile_any", compiled)
    with pytest.raises(Changed):
        application.set_parameters(database, ada, strategy.strategy_id, {"LENGTH": 7})
    with database.transaction() as connection:
        found = strategies.get_strategy(connection, strategy.strategy_id)
    assert found is not None
    assert found.python_code == other


def test_the_same_key_stores_one_strategy(database: Database, ada: Caller) -> None:
    new, key = NewStrategy(name="Once", symbol="AAPL", python_code=CODE), RequestKey("k", b"digest")
    ids = {application.store_strategy(database, ada, new, key).strategy_id for _ in range(2)}
    assert len(ids) == 1
    with pytest.raises(Invalid) as refused:
        application.store_strategy(database, ada, new, RequestKey("k", b"another"))
    assert refused.value.code == "idempotency-key-reused"


def test_what_runs_is_not_deleted(database: Database, ada: Caller, strategy: StoredStrategy, outbox: Told) -> None:
    start_session(database, outbox, ada, NewSession(strategy_id=strategy.strategy_id), NEW)
    with pytest.raises(Conflict):
        application.delete_strategy(database, ada, strategy.strategy_id)


def test_a_key_that_may_only_read_changes_nothing(database: Database, ada: Caller, strategy: StoredStrategy) -> None:
    reader = Caller(ada.user_id, frozenset({Scope.READ}))
    calls: list[Any] = [
        lambda: application.store_strategy(
            database, reader, NewStrategy(name="x", symbol="AAPL", python_code=CODE), NEW
        ),
        lambda: application.change_strategy(database, reader, strategy.strategy_id, StrategyChange(name="x")),
        lambda: application.set_parameters(database, reader, strategy.strategy_id, {"LENGTH": 9}),
        lambda: application.delete_strategy(database, reader, strategy.strategy_id),
    ]
    for call in calls:
        with pytest.raises(Forbidden):
            call()
    assert application.check_code(database, reader, CODE).strategy is not None


def test_what_is_not_there_is_not_found(database: Database, ada: Caller) -> None:
    with pytest.raises(NotFound):
        application.change_strategy(database, ada, uuid4(), StrategyChange(name="x"))
    with pytest.raises(NotFound):
        application.delete_strategy(database, ada, uuid4())


def test_each_version_says_what_changed_against_the_one_before(
    database: Database, ada: Caller, strategy: StoredStrategy
) -> None:
    application.set_parameters(database, ada, strategy.strategy_id, {"LENGTH": 7})
    with database.transaction() as connection:
        changes = application.code_changes(strategies.list_versions(connection, strategy.strategy_id))
    assert changes[1] == ""
    assert changes[2].split("\n")[:2] == ["--- version 1", "+++ version 2"]
    assert {"-LENGTH = 3", "+LENGTH = 7"} < set(changes[2].split("\n"))


def test_long_texts_are_compared_in_no_time_whatever_is_in_them() -> None:
    """Fifteen thousand equal lines on each side would take a matcher minutes; the diff that is given instead is a true one."""
    old, new = (
        SimpleNamespace(version=number, python_code="\n".join(["x"] * 15_000 + [str(number)])) for number in (1, 2)
    )
    changes = application.code_changes([cast(Any, new), cast(Any, old)])
    removed = [line[1:] for line in changes[2].splitlines()[3:] if line.startswith("-")]
    added = [line[1:] for line in changes[2].splitlines()[3:] if line.startswith("+")]
    assert ("\n".join(removed), "\n".join(added)) == (old.python_code, new.python_code)
    assert changes[1] == ""


def _versions(*prompts: str | None) -> list[StoredVersion]:
    """Versions that were asked for so, the newest first."""
    return [
        cast(StoredVersion, SimpleNamespace(version=number, prompt=prompt)) for number, prompt in enumerate(prompts, 1)
    ][::-1]


@pytest.mark.parametrize(
    "words",
    [
        "undo",
        "Go back to the version before.",
        "go back to the previous version",
        "Cancel that!",
        "please cancel my last change",
        "restore the previous version",
        "restore the former version, please",
        "put it back to how it was before",
    ],
)
def test_words_that_take_the_last_change_back_want_the_version_before(words: str) -> None:
    assert version_wanted(words, _versions("a", "b", "c")) == 2
    assert version_wanted(words, _versions("a", "b", "c", "Back to version 2")) == 1


@pytest.mark.parametrize("words", ["back to version 1", "Restore version 1", "go back to the version 1, please"])
def test_a_version_is_wanted_by_its_number(words: str) -> None:
    assert version_wanted(words, _versions("a", "b", "c")) == 1


@pytest.mark.parametrize(
    "words",
    [
        "cancel",
        "cancel that stop",
        "cancel the order after 10 bars",
        "restore",
        "restore the stop of the previous version",
        "go back to 30",
        "go back to the version before and add a 2% stop",
        "sell when the price goes back",
    ],
)
def test_words_that_ask_for_something_else_too_take_nothing_back(words: str) -> None:
    assert version_wanted(words, _versions("a", "b", "c")) is None
