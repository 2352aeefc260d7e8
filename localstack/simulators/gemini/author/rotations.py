"""Portfolios of the offline author: plain forms are read whole and written, and what is not read is named, with the place to write it by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rotation.changes import changed_rules, read_change
from stratforge.intent.rotation.gate import rotation_told
from stratforge.intent.rotation.pairs import PAIR_FORMS, asks_for_pair
from stratforge.intent.rotation.program import write_rotation
from stratforge.intent.rotation.reading import RotationReading, asks_for_rotation, read_rotation
from stratforge.intent.rotation.rules import (
    Part,
    RotationRule,
    RotationRuleError,
    in_words,
    read_rotation_rule,
    standing_rules,
)
from stratforge.market.symbols import PORTFOLIO
from stratforge.strategy import StrategyError
from stratforge.strategy.rotation import compile_portfolio

from simulators.gemini.author.sentences import all_unread

_FORMS = (
    "The offline author writes portfolios in plain forms alone, such as: every month hold the 3 strongest of SPY, QQQ, IWM, EFA by 6-month return, equal weights. "
    "Say it so, or write the code by hand: Strategies, New strategy, with UNIVERSE, SCHEDULE and rebalance."
)
_FORMS_OF_CHANGES = (
    "The offline author changes portfolios in plain forms alone, such as: use the top 5; rebalance weekly; add QQQ; replace EFA with GLD; equal weights. Say it so, say the whole portfolio "
    "once more as it should be, or change the code on its page and store it as the next version."
)


def rotation_answer(requests: Sequence[str]) -> dict[str, Any] | None:
    """The answer to a conversation that is about a portfolio, as the response schema wants it without what is empty; None where it is about something else.

    Args:
        requests: What the person said, turn by turn.
    """
    standing: dict[str, Any] | None = None
    found: dict[str, Any] | None = None
    said = list[str]()
    for turn in requests:
        if read_rotation(turn).whole or (standing is None and asks_for_rotation(turn)):
            # What was asked about before is said anew.
            standing, said, found = None, [turn], _answer([turn], said)
        elif standing is not None:
            said.append(turn)
            found = changed_portfolio(standing, said)
        elif said:
            # The answer to what was asked about it.
            said.append(turn)
            found = _answer(said)
        if found is not None and "python_code" in found:
            standing, said = found, []
    return found


def _answer(turns: Sequence[str], before: Sequence[str] = ()) -> dict[str, Any]:
    reading = read_rotation(_joined(turns))
    if reading.left and asks_for_pair(_joined(turns)):
        return _asking([PAIR_FORMS])
    if reading.left:
        return _asking([f"{all_unread(dict.fromkeys(reading.left))} {_FORMS}"])
    if reading.questions:
        return _asking([*reading.questions, *_anew(reading)])
    return _written(turns, reading, before=before)


def changed_portfolio(standing: Mapping[str, Any], turns: Sequence[str]) -> dict[str, Any]:
    """The answer to a change of the portfolio that stands, without what is empty, whoever wrote that: its rules are what is changed."""
    stood = standing_rules([Requirement.model_validate(each) for each in standing["requirements"]])
    reading = read_change(_joined(turns), stood)
    if reading.left or not (reading.pieces or reading.questions):
        return _asking([f"{all_unread(dict.fromkeys(reading.left or turns[-1:]))} {_FORMS_OF_CHANGES}"])
    if reading.questions:
        return _asking([*reading.questions, *_anew(reading)])
    return _written(turns, reading, stood)


def _anew(reading: RotationReading) -> list[str]:
    """What cannot be as it was said stays said, whatever is added to it."""
    return ["Say the whole portfolio once more, please, as it should be."] if any(each.asks for each in reading.pieces) else []  # fmt: skip


def _joined(turns: Sequence[str]) -> str:
    return ". ".join(each.strip().rstrip(".") for each in turns)


def _asking(questions: Sequence[str]) -> dict[str, Any]:
    return {"kind": "clarify", "name": "Not written yet", "symbol": PORTFOLIO, "questions": list(questions)}


def _written(
    turns: Sequence[str],
    reading: RotationReading,
    stood: Sequence[RotationRule] = (),
    before: Sequence[str] = (),
) -> dict[str, Any]:
    rules, assumptions = changed_rules(stood, reading), [each.assumed for each in reading.pieces if each.assumed]
    gone = _gone(reading, stood, rules)
    requirements = [
        Requirement(
            quote=reading.words(each).strip(" ,.;:"),
            meaning=_meaning([*gone.get(index, ()), *each.rules]),
            status=Status.ASSUMED if each.assumed else Status.COVERED,
            rules=[*gone.get(index, ()), *each.rules],
        )
        for index, each in enumerate(reading.pieces)
    ]
    requirements += [
        Requirement(quote="", meaning=_meaning([each.text]), status=Status.KEPT, rules=[each.text])
        for each in stood
        if each in rules and each.text not in {text for piece in reading.pieces for text in piece.rules}
    ]
    for text in _open(rules):
        rules.append(read_rotation_rule(text))
        requirements.append(Requirement(quote="", meaning=_meaning([text]), status=Status.ASSUMED, rules=[text]))
    assumptions += ["Lengths count trading days: 5 a week, 21 a month, 63 a quarter, 252 a year."]
    assumptions += ["No capital was given: it is chosen where it is backtested or started."]
    try:
        program = write_rotation(rules)
        strategy = compile_portfolio(program.source)
    except RotationRuleError as error:
        return _asking([f"These rules are no portfolio: {error}. How should it be?"])
    except StrategyError as error:
        return _asking([f"This cannot be a portfolio: {error.findings[0]}. How should it be?"])
    for each in requirements:
        each.lines = sorted({line for text in each.rules for line in program.lines.get(text, [])})
    for turn in before:
        requirements.append(Requirement(quote=turn.strip(), meaning="said anew", status=Status.SUPERSEDED))
        assumptions.append(f"“{turn.strip()}” was asked about, and is replaced by what was said after it.")
    rules_before = [each.text for each in stood] or None
    assumptions += rotation_told(turns[-1], requirements, strategy, before=rules_before, earlier=turns[:-1])
    explained = "; ".join(in_words(each, "days") for each in sorted(rules, key=_place)) + "."
    explained = explained[0].upper() + explained[1:]
    return {
        "name": _name(rules),
        "symbol": PORTFOLIO,
        "plan": explained[:2_000],
        "requirements": [each.model_dump(mode="json") for each in requirements],
        "python_code": program.source,
        "logic_explanation": explained[:3_000],
        "parameters": [
            {"name": name, "value": value, "meaning": program.meanings[name][:300]}
            for name, value in strategy.parameters.items()
        ],
        "assumptions": assumptions,
    }


def _name(rules: Sequence[RotationRule]) -> str:
    pair = next((each.pair for each in rules if each.pair is not None), None)
    if pair is not None:
        return f"Pair of {pair.first} and {pair.second}"
    universe = next(each for each in rules if each.part is Part.UNIVERSE).symbols
    return f"Rotation of {', '.join(universe[:4])}{' and others' if len(universe) > 4 else ''}"


def _gone(
    reading: RotationReading, stood: Sequence[RotationRule], rules: Sequence[RotationRule]
) -> dict[int, list[str]]:
    """What goes by each piece of a change: what it puts another in place of, and what has no use then."""
    found = dict[int, list[str]]()
    left = [each for each in stood if each not in rules]
    for index, piece in enumerate(reading.pieces):
        parts = {read_rotation_rule(text).part for text in piece.rules}
        if "take all" in piece.rules:
            parts.add(Part.RANK)
        mine = [each for each in left if each.part in parts]
        found[index] = [f"drop {each.text}" for each in mine if f"drop {each.text}" not in piece.rules]
    return found


def _open(rules: Sequence[RotationRule]) -> list[str]:
    """The rules for what was left open and has a usual answer; the gate tells them."""
    parts = {each.part: each for each in rules}
    found = list[str]()
    if Part.PAIR in parts:
        return found
    weights = parts.get(Part.WEIGHTS)
    if weights is None:
        found.append("weights equal")
    if Part.TAKE not in parts and (weights is None or weights.word != "fixed"):
        found.append("take all")
    return found


def _place(rule: RotationRule) -> int:
    return list(Part).index(rule.part)


def _meaning(rules: Sequence[str]) -> str:
    said = [
        f"no longer: {in_words(read_rotation_rule(each.removeprefix('drop ')), 'days')}"
        if each.startswith("drop ")
        else in_words(read_rotation_rule(each), "days")
        for each in rules
    ]
    return "; ".join(said)[:600]
