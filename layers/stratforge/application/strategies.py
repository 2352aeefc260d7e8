"""Strategies: checked, stored, changed and deleted."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stratforge.application import quotas
from stratforge.application.access import Caller, Scope
from stratforge.application.caps import require_room_for_strategy
from stratforge.application.changes_by_hand import origin_by_hand
from stratforge.application.errors import Changed, Conflict, Invalid, existing
from stratforge.application.idempotency import RequestKey
from stratforge.application.quotas import spend_first
from stratforge.intent.requirements import Requirement
from stratforge.market import parse_symbol
from stratforge.market.amounts import units
from stratforge.market.symbols import PORTFOLIO, SYMBOL_PATTERN
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import sessions, strategies
from stratforge.storage.strategies.strategies import Description, Origin, StoredStrategy, StoredVersion
from stratforge.strategy import Strategy, StrategyError
from stratforge.strategy.constants import with_constants
from stratforge.strategy.findings import Finding
from stratforge.strategy.rotation import PortfolioStrategy, compile_any
from stratforge.strategy.source import MAX_CHARACTERS

# Texts of more lines each are not compared line by line.
_COMPARABLE_LINES = 1_000
_EXAMPLE = "def on_bar(bar, position, state):\n    if position.quantity == 0:\n        return buy()\n"
Symbol = Annotated[
    str,
    Field(max_length=20, examples=["AAPL"], json_schema_extra={"pattern": SYMBOL_PATTERN}),
    AfterValidator(parse_symbol),
]
# Without characters that turn the order of what is shown around.
NAME_PATTERN = r"^[^\x00-\x1f\x7f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]*$"
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=NAME_PATTERN, examples=["Average cross"])]
Code = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS, examples=[_EXAMPLE])]
ParameterValue = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Explanation = Annotated[str, Field(max_length=8_000, pattern=r"^[^\x00]*$")]


class NewStrategy(BaseModel):
    """The request to store a strategy that was written by hand."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    symbol: Symbol | None = Field(None, description="What it trades; a portfolio strategy names its symbols itself")
    python_code: Code
    logic_explanation: Explanation = ""


class StrategyFile(NewStrategy):
    """A strategy as a file: what it is called, its code and what that does, what it trades, and the values of its parameters."""

    format: Literal["stratforge-strategy"] = Field("stratforge-strategy", description="What kind of file it is")
    edition: Literal[1] = Field(1, description="Of this form")
    parameters: dict[Annotated[str, Field(max_length=60)], ParameterValue] = Field(
        default_factory=dict,
        max_length=50,
        description="Values of the code's constants; those of the code where one is left out",
    )


class StrategyChange(BaseModel):
    """Changes to a strategy; what is left out stays. Other code, or another symbol, is a new version; sessions keep the one they run."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    symbol: Symbol | None = None
    python_code: Code | None = None
    logic_explanation: Explanation | None = None
    archived: bool | None = Field(
        None, description="Whether it is put aside; it runs and keeps its reports all the same"
    )


@dataclass(frozen=True, slots=True)
class CheckedCode:
    """The compiler's answer to code: the strategy, or everything that is wrong with it."""

    strategy: Strategy | PortfolioStrategy | None
    findings: tuple[Finding, ...] = ()


def check_code(database: Database, caller: Caller, code: str) -> CheckedCode:
    """Compiles code and gives its findings or the strategy; nothing is stored.

    Raises:
        LimitReached: if too much was to be compiled.
    """
    caller.require(Scope.READ)
    spend_first(database, caller, quotas.STRATEGIES)
    return _examined(code)


def _examined(code: str) -> CheckedCode:
    try:
        strategy = compile_any(code)
        # Measured here, where nobody waits for a row.
        _ = strategy.lookback
    except StrategyError as error:
        return CheckedCode(None, tuple(error.findings))
    return CheckedCode(strategy)


def compiled(code: str) -> Strategy | PortfolioStrategy:
    """The strategy that code is, of one symbol or of a portfolio.

    Raises:
        Invalid: with every finding, if it is not in the language.
    """
    examined = _examined(code)
    if examined.strategy is None:
        findings = [finding.as_dict() for finding in examined.findings]
        message = "The code is not in the strategy language."
        raise Invalid(message, code="not-in-language", findings=findings)
    return examined.strategy


def store_strategy(
    database: Database,
    caller: Caller,
    new: NewStrategy,
    key: RequestKey,
    origin: Origin = Origin(),  # noqa: B008 - frozen
) -> StoredStrategy:
    """Stores hand-written code as the first version of a strategy.

    Args:
        origin: What is known of code that was stored before.

    Raises:
        Invalid: if the code is not in the strategy language.
        Conflict: if there are as many strategies as may be.
    """
    caller.require(Scope.WRITE)
    spend_first(database, caller, quotas.STRATEGIES)
    strategy = compiled(new.python_code)
    description = Description(new.name, _symbol(strategy, new.symbol), new.logic_explanation)
    with database.transaction(caller) as connection:
        strategy_id = key.new_id(connection, caller.user_id)
        # A repetition finds what it made, however many there are by now.
        if strategies.get_strategy(connection, strategy_id) is None:
            require_room_for_strategy(connection, caller.user_id)
        return strategies.add_strategy(connection, caller.user_id, description, strategy, origin, strategy_id)


def read_version(
    connection: Connection, strategy_id: UUID, number: int | None = None
) -> tuple[StoredStrategy, StoredVersion]:
    """Reads a strategy and a version of it, the latest where none is named.

    Raises:
        NotFound: if there is no such strategy or version.
    """
    found = existing(strategies.get_strategy(connection, strategy_id), "strategy")
    wanted = found.version if number is None else number
    return found, existing(strategies.get_version(connection, strategy_id, wanted), "version")


def origin_of(version: StoredVersion, prompt: str | None = None, model: str | None = None) -> Origin:
    """The origin of code that stood in a version before, with what was assumed and asked for."""
    return Origin(
        prompt,
        model,
        assumptions=tuple(version.assumptions),
        parameter_meanings=version.parameter_meanings,
        requirements=tuple(Requirement.model_validate(each) for each in version.requirements),
    )


def duplicate_strategy(database: Database, caller: Caller, strategy_id: UUID, key: RequestKey) -> StoredStrategy:
    """Stores a strategy once more, as one of its own, with what was asked for and what is said of it.

    Raises:
        NotFound: if there is no such strategy.
        Conflict: if there are as many strategies as may be.
    """
    with database.reading(caller) as connection:
        found, version = read_version(connection, strategy_id)
    new = NewStrategy(
        name=f"Copy of {found.name}"[:100],
        symbol=found.symbol,
        python_code=found.python_code,
        logic_explanation=found.logic_explanation,
    )
    return store_strategy(database, caller, new, key, origin_of(version))


def strategy_file(found: StoredStrategy) -> StrategyFile:
    """A strategy as a file, which `import_strategy` takes, here or elsewhere."""
    return StrategyFile(
        name=found.name,
        symbol=found.symbol,
        python_code=found.python_code,
        logic_explanation=found.logic_explanation,
        parameters=dict(compiled(found.python_code).parameters),
    )


def import_strategy(database: Database, caller: Caller, file: StrategyFile, key: RequestKey) -> StoredStrategy:
    """Stores the strategy of a file as a new one, as if its code had been written here: it passes every check, whoever wrote it.

    Raises:
        Invalid: if the code, with the file's values, is not in the strategy language, or has no parameter of a name.
        Conflict: if there are as many strategies as may be.
    """
    caller.require(Scope.WRITE)
    spend_first(database, caller, quotas.STRATEGIES)
    code = _with_values(file.python_code, file.parameters)
    new = NewStrategy(name=file.name, symbol=file.symbol, python_code=code, logic_explanation=file.logic_explanation)
    return store_strategy(database, caller, new, key)


def _with_values(code: str, values: Mapping[str, float]) -> str:
    """Code with other values of its constants.

    Raises:
        Invalid: if it is not in the strategy language, has no constant of a name, or is too long with the values.
    """
    parameters = compiled(code).parameters
    if unknown := set(values) - set(parameters):
        raise Invalid(f"The strategy has no parameter {', '.join(sorted(unknown))}.")
    changed = with_constants(code, {name: value for name, value in values.items() if value != parameters[name]})
    if len(changed) > MAX_CHARACTERS:
        raise Invalid(f"With these values the code has {len(changed):,} characters; {MAX_CHARACTERS:,} are allowed.")
    return changed


def change_strategy(
    database: Database,
    caller: Caller,
    strategy_id: UUID,
    change: StrategyChange,
    unchanged: Callable[[StoredStrategy], bool] = lambda _current: True,
    based_on: int | None = None,
) -> StoredStrategy:
    """Changes a strategy; other code, or another symbol, is its next version, and its sessions keep the one they run.

    Args:
        unchanged: Whether the strategy is still the one that the change was based on.
        based_on: The version whose code was changed; without it the latest.

    Raises:
        Invalid: if the code is not in the strategy language.
        NotFound: if there is no such strategy.
        Changed: if it is not the one that the change was based on.
    """
    caller.require(Scope.WRITE)
    spend_first(database, caller, quotas.STRATEGIES)
    strategy = None if change.python_code is None else compiled(change.python_code)
    by_hand: _ByHand | None = None
    if strategy is not None or change.symbol is not None:
        by_hand = _changed_by_hand(database, caller, strategy_id, strategy, change.symbol, based_on)
    with database.transaction(caller) as connection:
        current = _locked(connection, strategy_id)
        if not unchanged(current) or (by_hand is not None and current.version != by_hand.version):
            raise Changed
        if change.archived is not None:
            strategies.archive(connection, strategy_id, archived=change.archived)
        explanation = current.logic_explanation if by_hand is None else by_hand.explanation
        description = Description(
            change.name or current.name,
            _symbol(strategy, change.symbol, current),
            explanation if change.logic_explanation is None else change.logic_explanation,
        )
        if by_hand is None:
            return strategies.describe_strategy(connection, strategy_id, description)
        return strategies.change_strategy(
            connection, caller.user_id, current, description, by_hand.strategy, by_hand.origin
        )


@dataclass(frozen=True, slots=True)
class _ByHand:
    """What a change by hand makes of a version: the code, where it comes from, and the explanation that holds for it."""

    version: int
    strategy: Strategy | PortfolioStrategy
    origin: Origin
    explanation: str


def _changed_by_hand(
    database: Database,
    caller: Caller,
    strategy_id: UUID,
    strategy: Strategy | PortfolioStrategy | None,
    symbol: str | None,
    based_on: int | None,
) -> _ByHand:
    """Holds what was asked for against the code as it is now, where nobody waits for a row."""
    with database.reading(caller) as connection:
        current, before = read_version(connection, strategy_id, based_on)
    if before.version == current.version:
        # What its owner says of it holds, whoever wrote what stood there before.
        before = replace(before, logic_explanation=current.logic_explanation)
    new = strategy or compiled(current.python_code)
    traded = _symbol(strategy, symbol, current)
    if new.source == current.python_code and traded == current.symbol:
        return _ByHand(current.version, new, Origin(), current.logic_explanation)
    old = _examined(before.python_code).strategy
    # Of code that is not in the language any more nothing is known.
    origin, explanation = (Origin(), "") if old is None else origin_by_hand(before, old, new, traded)
    return _ByHand(current.version, new, origin, explanation)


def set_parameters(
    database: Database,
    caller: Caller,
    strategy_id: UUID,
    values: Mapping[str, float],
    version: int | None = None,
    latest: int | None = None,
) -> StoredStrategy:
    """Stores other values of a strategy's constants as its next version.

    Args:
        values: New values by name; what is left out stays.
        version: The version whose code they are values of; without it the latest.
        latest: The version that was the latest for who asks.

    Raises:
        NotFound: if there is no such strategy or version.
        Invalid: if it has no constant of a name, or the code with the values is not in the strategy language.
        Changed: if somebody else changed it at the same time.
    """
    caller.require(Scope.WRITE)
    with database.reading(caller) as connection:
        found, based_on = read_version(connection, strategy_id, version)
    change = StrategyChange(python_code=_with_values(based_on.python_code, values))
    return change_code(database, caller, strategy_id, change, based_on.version, latest or found.version)


def change_code(
    database: Database,
    caller: Caller,
    strategy_id: UUID,
    change: StrategyChange,
    version: int | None = None,
    latest: int | None = None,
) -> StoredStrategy:
    """Stores code that was written from that of a version as the next one; it trades what that version does, unless the change says another symbol.

    Args:
        version: The version whose code was changed; without it the latest.
        latest: The version that was the latest for who asks; without it whichever is now.

    Raises:
        NotFound: if there is no such strategy or version.
        Invalid: if the code is not in the strategy language.
        Changed: if somebody else changed it at the same time.
    """
    caller.require(Scope.WRITE)
    if version is not None and change.symbol is None:
        with database.reading(caller) as connection:
            _, based_on = read_version(connection, strategy_id, version)
        change = change.model_copy(update={"symbol": based_on.symbol})
    return change_strategy(
        database, caller, strategy_id, change, lambda current: latest in (None, current.version), version
    )


def compiled_version(version: StoredVersion) -> Strategy | PortfolioStrategy:
    """A stored version as a strategy, checked anew.

    Raises:
        Invalid: if its code is not in the language any more.
    """
    return compiled(version.python_code)


def restore_version(database: Database, caller: Caller, strategy_id: UUID, version: int) -> StoredStrategy:
    """Makes an earlier version's code and symbol the next version of a strategy; nothing in between is lost, and its sessions keep what they run.

    Raises:
        NotFound: if there is no such strategy or version.
        Changed: if somebody else changed it at the same time.
    """
    caller.require(Scope.WRITE)
    spend_first(database, caller, quotas.STRATEGIES)
    with database.reading(caller) as connection:
        found, older = read_version(connection, strategy_id, version)
    strategy = compiled_version(older)
    with database.transaction(caller) as connection:
        current = _locked(connection, strategy_id)
        if current.version != found.version:
            raise Changed
        return store_restored(connection, caller.user_id, current, older, strategy)


def store_restored(
    connection: Connection,
    user_id: UUID,
    current: StoredStrategy,
    older: StoredVersion,
    strategy: Strategy | PortfolioStrategy,
) -> StoredStrategy:
    """Stores an earlier version's code and symbol as the next version of a strategy that is locked."""
    origin = origin_of(older, f"Back to version {older.version}", older.model)
    description = Description(current.name, _symbol(strategy, older.symbol, current), older.logic_explanation)
    return strategies.change_strategy(connection, user_id, current, description, strategy, origin)


def _symbol(
    strategy: Strategy | PortfolioStrategy | None, wanted: str | None, current: StoredStrategy | None = None
) -> str:
    """The symbol that a strategy is stored for: none of the market's for that of a portfolio.

    Raises:
        Invalid: if it needs one that is not given.
    """
    if isinstance(strategy, PortfolioStrategy):
        return PORTFOLIO
    known = None if current is None or (strategy is not None and current.symbol == PORTFOLIO) else current.symbol
    found = wanted if wanted != PORTFOLIO else None
    if known == PORTFOLIO:
        return PORTFOLIO
    if found or known:
        return str(found or known)
    raise Invalid("A strategy of one symbol needs it: give symbol, such as AAPL.", code="symbol-missing")


def delete_strategy(database: Database, caller: Caller, strategy_id: UUID) -> None:
    """Deletes a strategy that has no running session and holds nothing; its history stays readable.

    Raises:
        NotFound: if there is no such strategy.
        Conflict: if sessions of it are running, hold something, or have orders at work.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        _locked(connection, strategy_id)
        if sessions.active_sessions(connection, strategy_id):
            raise Conflict("Sessions of the strategy are running; stop them first.", code="strategy-runs")
        if holding := sessions.holding_sessions(connection, strategy_id):
            each = holding[0]
            message = f"A session of the strategy still holds {units(each.held_quantity)} {each.symbol} and has {each.open_orders} orders at work; flatten it and wait until it holds nothing."
            raise Conflict(message, code="strategy-holds")
        strategies.delete_strategy(connection, strategy_id)


def _locked(connection: Connection, strategy_id: UUID) -> StoredStrategy:
    return existing(strategies.lock_strategy(connection, strategy_id), "strategy")


def code_changes(versions: Sequence[StoredVersion], context: int = 3) -> dict[int, str]:
    """The changes of each version against the one before it, as a unified diff; empty for the first and for one whose predecessor is not given.

    Args:
        versions: Versions in a row, the newest first.
        context: Unchanged lines around each change.
    """
    found = {}
    for each, before in zip_longest(versions, versions[1:]):
        old, new = (before.python_code.splitlines() if before else []), each.python_code.splitlines()
        names = (f"version {before.version}", f"version {each.version}") if before else ("", "")
        if before is None:
            lines: Iterable[str] = ()
        elif len(old) * len(new) > _COMPARABLE_LINES**2:
            # Looking for what is alike would take seconds for each: all is said to be replaced.
            removed, added = (f"-{line}" for line in old), (f"+{line}" for line in new)
            lines = (f"--- {names[0]}", f"+++ {names[1]}", f"@@ -1,{len(old)} +1,{len(new)} @@", *removed, *added)
        else:
            lines = difflib.unified_diff(old, new, *names, lineterm="", n=context)
        found[each.version] = "\n".join(lines)
    return found
