"""Answers to a request that are the rules' own strategy: nothing but the words can be wrong with them."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review
from stratforge.intent.gate import contract_findings
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import RuleKind, read_rule
from stratforge.strategy import compile_strategy

RSI = "ta.rsi(bars.close, length=14)"
Quoted = tuple[str, Sequence[str]]


def found_in(words: str, *quoted: Quoted, assumptions: Sequence[str] = (), symbol: str = "AAPL") -> list[str]:
    """What the gate finds in an answer that quotes these words for these rules, all covered, and does what the rules say."""
    rules = [read_rule(text) for _, texts in quoted for text in texts]
    strategy = reference_strategy([each for each in rules if each.kind is not RuleKind.SYMBOL])
    lines = list(range(1, strategy.source.count("\n") + 1))
    wanted = [
        Requirement(quote=quote, meaning="-", status=Status.COVERED, rules=list(texts), lines=lines)
        for quote, texts in quoted
    ]
    return contract_findings(words, wanted, strategy, assumptions, symbol=symbol)


def written(words: str) -> tuple[set[str], list[str]] | None:
    """The rules that the offline author writes for a request, symbols left out, and what it assumes; None where it asks or a gate stops it."""
    draft = StrategyDraft.model_validate(write_answer([words]))
    if not draft.python_code or review(draft, compile_strategy(draft.python_code), Request(words, whole=True)):
        return None
    rules = {rule for each in draft.requirements for rule in each.rules if not rule.startswith("symbol")}
    return rules, draft.assumptions
