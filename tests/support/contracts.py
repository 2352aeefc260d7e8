"""Answers to a request: rules that are given for its words, and what the offline author writes."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review
from stratforge.intent.gate import contract_findings, readings_to_tell, words_findings
from stratforge.intent.requirements import Requirement, Status
from stratforge.strategy import compile_strategy

RSI = "ta.rsi(bars.close, length=14)"
Quoted = tuple[str, Sequence[str]]


def found_in(words: str, *quoted: Quoted, assumptions: Sequence[str] = (), symbol: str = "AAPL") -> list[str]:
    """What the gate finds in an answer that quotes these words for these rules, all covered."""
    wanted = [
        Requirement(quote=quote, meaning="-", status=Status.COVERED, rules=list(texts)) for quote, texts in quoted
    ]
    taken, _ = readings_to_tell(words, wanted, assumptions, symbol=symbol)
    return words_findings(words, wanted, [*assumptions, *taken], symbol=symbol)


def found_in_code(code: str, words: str, rules: Sequence[str]) -> list[str]:
    """What the gate finds in code whose one requirement quotes all of these words for all of these rules."""
    lines = list(range(1, code.count("\n") + 1))
    wanted = Requirement(quote=words, meaning="-", status=Status.COVERED, rules=list(rules), lines=lines)
    taken, _ = readings_to_tell(words, [wanted], symbol="AAPL")
    return contract_findings(words, [wanted], compile_strategy(code), ["RSI of 14 bars.", *taken], symbol="AAPL")


def written(words: str) -> tuple[set[str], list[str]] | None:
    """The rules that the offline author writes for a request, symbols left out, and what it assumes; None where it asks or a gate stops it."""
    draft = StrategyDraft.model_validate(write_answer([words]))
    if not draft.python_code or review(draft, compile_strategy(draft.python_code), Request(words, whole=True)):
        return None
    rules = {rule for each in draft.requirements for rule in each.rules if not rule.startswith("symbol")}
    return rules, draft.assumptions
