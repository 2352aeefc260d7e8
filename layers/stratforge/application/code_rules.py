"""The rules of a strategy's version in words, made from its code alone, and which of them somebody asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Invalid
from stratforge.application.strategies import compiled_version, read_version
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.written_rules import DEEDS, named
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import strategies
from stratforge.storage.strategies.strategies import StoredVersion
from stratforge.strategy.explanation import ExplainedRule, explain

# So many versions are looked through for the last of which it is known what was asked for.
_EARLIER = 10


class Asked(StrEnum):
    """The origins of a rule of the code: asked for in words, or as written."""

    FOR = "asked for"
    BEFORE = "asked for before"
    WRITTEN = "as written"


@dataclass(frozen=True, slots=True)
class CodeRule:
    """A rule that the code of a version follows.

    Attributes:
        rule: It, in words.
        asked: `asked for` where a requirement of the version names its lines; `asked for before` where nothing is known of what this version was asked for,
            and the same rule was asked for in an earlier one; `as written` where nobody is known to have asked for it.
    """

    rule: ExplainedRule
    asked: Asked


@dataclass(frozen=True, slots=True)
class CodeRules:
    """The rules of a version, in the order of its code: the first that decides ends the bar.

    Attributes:
        version: The version whose code it is.
        rules: All that it does.
    """

    version: int
    rules: list[CodeRule]

    @property
    def beyond(self) -> list[CodeRule]:
        """The rules by which it trades, or changes exits, that nobody is known to have asked for."""
        return [each for each in self.rules if each.asked is Asked.WRITTEN and each.rule.does in DEEDS]


def rules_of_code(database: Database, caller: Caller, strategy_id: UUID, version: int | None = None) -> CodeRules:
    """The rules of a version, the latest where none is named.

    Raises:
        NotFound: if there is no such strategy or version.
        Invalid: if its code is not in the language any more.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        _, found = read_version(connection, strategy_id, version)
        placed = _is_placed(_requirements(found))
        earlier = [] if placed else strategies.list_versions(connection, strategy_id, _EARLIER, found.version)
    return rules_of_version(found, earlier)


def rules_of_version(version: StoredVersion, earlier: Sequence[StoredVersion] = ()) -> CodeRules:
    """The same of a version that was read; `earlier` are those before it, the newest first.

    Raises:
        Invalid: if its code is not in the language any more.
    """
    rules, requirements = explain(compiled_version(version)), _requirements(version)
    before = set[str]() if _is_placed(requirements) else _asked_before(earlier)
    asked = [
        Asked.FOR if named(each, requirements, rules) else Asked.BEFORE if each.text in before else Asked.WRITTEN
        for each in rules
    ]
    return CodeRules(version.version, [CodeRule(*each) for each in zip(rules, asked, strict=True)])


def _asked_before(versions: Sequence[StoredVersion]) -> set[str]:
    """The rules that were asked for, by the last version of which it is known where each stands; one that is not in the language any more tells nothing."""
    found = set[str]()
    for each in versions:
        requirements = _requirements(each)
        if not requirements:
            continue
        try:
            rules = explain(compiled_version(each))
        except Invalid:
            continue
        found |= {rule.text for rule in rules if named(rule, requirements, rules)}
        if _is_placed(requirements):
            break
    return found


def _is_placed(requirements: Sequence[Requirement]) -> bool:
    """Whether it is known what was asked for, and of all that is kept on which lines it stands."""
    return bool(requirements) and all(each.lines for each in requirements if each.status is Status.KEPT)


def _requirements(version: StoredVersion) -> list[Requirement]:
    return [Requirement.model_validate(each) for each in version.requirements]
