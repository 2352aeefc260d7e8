"""Portfolios of the offline author: plain forms are read whole and written, and what is not read is named, with the place to write it by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rotation.gate import rotation_told
from stratforge.intent.rotation.program import write_rotation
from stratforge.intent.rotation.reading import RotationReading, asks_for_rotation, read_rotation
from stratforge.intent.rotation.rules import Part, RotationRule, in_words, read_rotation_rule
from stratforge.market.symbols import PORTFOLIO
from stratforge.strategy.rotation import compile_portfolio

_FORMS = (
    "The offline author writes portfolios in plain forms alone, such as: every month hold the 3 strongest of SPY, QQQ, IWM, EFA by 6-month return, equal weights. "
    "Say it so, or write the code by hand: Strategies, New strategy, with UNIVERSE, SCHEDULE and rebalance."
)
_NO_CHANGES = (
    "The offline author cannot change a portfolio in words: say the whole portfolio once more as it should be, "
    "or change the code on its page and store it as the next version."
)


def rotation_answer(requests: Sequence[str]) -> dict[str, Any] | None:
    """The answer to a conversation that is about a portfolio, as the response schema wants it without what is empty; None where it is about something else.

    Args:
        requests: What the person said, turn by turn.
    """
    last = requests[-1]
    if asks_for_rotation(last):
        return _answer([last])
    open_ = next((each for each in reversed(requests[:-1]) if asks_for_rotation(each)), None)
    if open_ is None:
        return None
    if read_rotation(open_).whole:
        return _asking([_NO_CHANGES])
    # The answer to what was asked about it.
    return _answer([open_, last])


def _answer(turns: Sequence[str]) -> dict[str, Any]:
    reading = read_rotation(". ".join(each.strip().rstrip(".") for each in turns))
    if reading.left:
        words = ", ".join(f"“{each}”" for each in dict.fromkeys(reading.left))
        return _asking([f"This was not understood: {words}. {_FORMS}"])
    if reading.questions:
        return _asking(reading.questions)
    return _written(turns, reading)


def _asking(questions: Sequence[str]) -> dict[str, Any]:
    return {"kind": "clarify", "name": "Not written yet", "symbol": PORTFOLIO, "questions": list(questions)}


def _written(turns: Sequence[str], reading: RotationReading) -> dict[str, Any]:
    rules, assumptions = list(reading.rules), [each.assumed for each in reading.pieces if each.assumed]
    requirements = [
        Requirement(
            quote=reading.words(each).strip(" ,.;:"),
            meaning=_meaning(each.rules),
            status=Status.ASSUMED if each.assumed else Status.COVERED,
            rules=list(each.rules),
        )
        for each in reading.pieces
    ]
    for text, why in _open(rules):
        rules.append(read_rotation_rule(text))
        requirements.append(Requirement(quote="", meaning=_meaning([text]), status=Status.ASSUMED, rules=[text]))
        assumptions.append(why)
    assumptions += ["Lengths count trading days: 5 a week, 21 a month, 63 a quarter, 252 a year."]
    assumptions += ["No capital was given: it is chosen where it is backtested or started."]
    program = write_rotation(rules)
    strategy = compile_portfolio(program.source)
    for each in requirements:
        each.lines = sorted({line for text in each.rules for line in program.lines.get(text, [])})
    assumptions += rotation_told(turns[-1], requirements, strategy, earlier=turns[:-1])
    explained = "; ".join(in_words(each, "days") for each in sorted(rules, key=_place)) + "."
    explained = explained[0].upper() + explained[1:]
    universe = next(each for each in rules if each.part is Part.UNIVERSE).symbols
    return {
        "name": f"Rotation of {', '.join(universe[:4])}{' and others' if len(universe) > 4 else ''}",
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


def _open(rules: Sequence[RotationRule]) -> list[tuple[str, str]]:
    """What was left open and has a usual answer, each with how it is told."""
    parts = {each.part: each for each in rules}
    found = []
    weights = parts.get(Part.WEIGHTS)
    if weights is None:
        found.append(("weights equal", "No weights were given: those that are held have equal ones."))
    if Part.TAKE not in parts and (weights is None or weights.word != "fixed"):
        found.append(("take all", "No number was given: all of them are held."))
    return found


def _place(rule: RotationRule) -> int:
    return list(Part).index(rule.part)


def _meaning(rules: Sequence[str]) -> str:
    return "; ".join(in_words(read_rotation_rule(each), "days") for each in rules)[:600]
