"""Describes a strategy after a person changed it by hand: as much of what was asked for as its code still does, and nothing that it does not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stratforge.intent.requirements import Requirement
from stratforge.storage.strategies.strategies import Origin, StoredVersion
from stratforge.strategy import Strategy
from stratforge.strategy.rotation import PortfolioStrategy

_NOTE = re.compile(r"\n*Since then changed by hand: (?P<changes>[^\n]*)\.$")
_CHANGE = re.compile(r"(?P<name>\w+|its symbol) is (?P<now>\S+) instead of (?P<was>[^\s,]+)")


def origin_by_hand(
    before: StoredVersion, old: Strategy | PortfolioStrategy, new: Strategy | PortfolioStrategy, symbol: str
) -> tuple[Origin, str]:
    """The origin of a version that a person changed by hand, and the explanation that holds for it.

    Requirements are kept where their rules, with the new values of constants, still say what the code does on every bar that it is tried on. The
    explanation is then made from the rules where values changed; where no rules are known, the old one is kept with the values that changed
    since, and dropped where more than values changed.

    Args:
        before: The version that was changed.
        old: Its code.
        new: The code now.
        symbol: What it trades now.
    """
    # What compares rules and code is loaded by those who need it: it takes as long as all the rest.
    from stratforge.intent.carried import carried, changed_constants, explained, says_number

    requirements: list[Requirement] | None = None
    known = [Requirement.model_validate(each) for each in before.requirements]
    changed: Mapping[str, tuple[float, float]] | None = {} if old.source == new.source else None
    if isinstance(old, Strategy) and isinstance(new, Strategy):
        changed = changed_constants(old, new)
        requirements = carried(known, old, new, old_symbol=before.symbol, symbol=symbol) if known else None
    elif old.source == new.source:
        requirements = known
    meanings = {name: said for name, said in before.parameter_meanings.items() if name in new.parameters}
    assumptions = [each for each in before.assumptions if not says_number(each, changed or {})]
    moved = {"its symbol": (before.symbol, symbol)} if symbol != before.symbol else {}
    if requirements is not None:
        explanation = explained(requirements) if changed or moved else before.logic_explanation
        return Origin(None, None, 0, tuple(assumptions), (), meanings, tuple(requirements)), explanation
    values = {name: (f"{was:.12g}", f"{now:.12g}") for name, (was, now) in (changed or {}).items()}
    explanation = "" if changed is None else _with_note(before.logic_explanation, {**values, **moved})
    return Origin(parameter_meanings=meanings), explanation


def _with_note(explanation: str, changed: Mapping[str, tuple[str, str]]) -> str:
    """An explanation of other values, with those that changed since."""
    if not explanation.strip() or not changed:
        return explanation
    note = _NOTE.search(explanation)
    was = {each["name"]: each["was"] for each in _CHANGE.finditer(note["changes"])} if note else {}
    now = {each["name"]: each["now"] for each in _CHANGE.finditer(note["changes"])} if note else {}
    for name, (old, new) in changed.items():
        was.setdefault(name, old)
        now[name] = new
    said = ", ".join(f"{name} is {now[name]} instead of {was[name]}" for name in was if now[name] != was[name])
    plain = _NOTE.sub("", explanation)
    return f"{plain}\n\nSince then changed by hand: {said}."[:8_000] if said else plain
