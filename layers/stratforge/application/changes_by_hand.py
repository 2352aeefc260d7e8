"""Describes a strategy after a person changed it by hand: as much of what was asked for as its code still does, and nothing that it does not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stratforge.intent.requirements import Requirement
from stratforge.storage.strategies.strategies import Origin, StoredVersion
from stratforge.strategy import Strategy
from stratforge.strategy.rotation import PortfolioStrategy

_NOTE = re.compile(r"\n*Since then changed by hand: (?P<changes>[^\n]*)\.$")
# As long as an explanation may be.
_LONGEST = 8_000
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
    from stratforge.intent.carried import carried, changed_constants, explained, rules_in, says_before

    known = [Requirement.model_validate(each) for each in before.requirements]
    same_kind = isinstance(old, PortfolioStrategy) == isinstance(new, PortfolioStrategy)
    changed = changed_constants(old, new) if same_kind else None
    requirements = carried(known, old, new, old_symbol=before.symbol, symbol=symbol) if known else None
    # In code that does something else a name may mean something else.
    known_names = new.parameters if changed is not None or requirements is not None else {}
    meanings = {name: said for name, said in before.parameter_meanings.items() if name in known_names}
    moved = {"its symbol": (before.symbol, symbol)} if symbol != before.symbol else {}
    if requirements is not None:
        assumptions = tuple(each for each in before.assumptions if not says_before(each, old, new, before.symbol, symbol))  # fmt: skip
        stays = not (changed or moved) and old.bar_minutes == new.bar_minutes and rules_in(known) == rules_in(requirements)  # fmt: skip
        explanation = before.logic_explanation if stays else explained(requirements, new)
        return Origin(None, None, 0, assumptions, (), meanings, tuple(requirements)), explanation
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
    if not said:
        return plain
    told = f"\n\nSince then changed by hand: {said}."
    return f"{plain[: max(0, _LONGEST - len(told))]}{told}"[:_LONGEST]
