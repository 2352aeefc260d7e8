"""The examples of the prompt are answers that pass the gates, and cover what people ask for."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.long_short import examined_both_ways
from stratforge.ai.prompts import Request, quant_instructions
from stratforge.ai.review import review, review_portfolio, told, told_of_portfolio
from stratforge.intent.rotation.rules import Part
from stratforge.intent.rules import FACTS
from stratforge.market.symbols import PORTFOLIO
from stratforge.strategy import compile_strategy
from stratforge.strategy.rotation import compile_portfolio

EXAMPLES: list[dict[str, Any]] = json.loads(files("stratforge.ai").joinpath("examples.json").read_text("utf-8"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each["turns"][-1][:40])
def test_an_example_passes_the_gates_that_an_answer_has_to_pass(example: dict[str, Any]) -> None:
    draft = StrategyDraft.model_validate(example["answer"])
    if draft.kind != "strategy":
        assert draft.questions
        assert not draft.python_code
        return
    request = Request(example["turns"][-1], whole=len(example["turns"]) == 1)
    if draft.symbol == PORTFOLIO:
        portfolio = compile_portfolio(draft.python_code)
        assert review_portfolio(told_of_portfolio(draft, portfolio, request)[0], portfolio, request) == []
        return
    strategy = compile_strategy(draft.python_code)
    if strategy.shorts:
        assert examined_both_ways(draft, strategy, request)[2] == []
        return
    judged, _ = told(draft, strategy, request)
    assert review(judged, strategy, request) == []


def test_the_examples_show_state_time_sizes_stops_questions_and_changes() -> None:
    everything = json.dumps(EXAMPLES)
    for sign in ("state.get(", "bar.time.hour", "fraction=", "notional=", "gain <= -", "drop >=", "sell 50% when", "at most 2 buys a day", "for_bars(", "drop buy", "kept", "stop loss 2%", "take_profit=", "UNIVERSE = [", "return short(", "turn round"):  # fmt: skip
        assert sign in everything, sign
    kinds = [each["answer"]["kind"] for each in EXAMPLES]
    assert kinds.count("clarify") >= 2
    assert kinds.count("decline") >= 1
    assert sum(len(each["turns"]) > 1 for each in EXAMPLES) >= 2
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize(
    "fact",
    [
        "one minute",
        "New York",
        "open of the next bar",
        "50-day",
        "once a minute",
        "symbol is PORTFOLIO",
        "No decision turns a position round",
        "weights.inverse_volatility(",
        *Part,
        *FACTS,
    ],
)
def test_the_prompt_says_what_a_model_cannot_know(fact: str) -> None:
    assert fact in quant_instructions()
