"""What tools answer is a part of what the API answers: under the same names, and with all of the words that the API has for a status where some are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stratforge.mcp_server import answers, session_answers
from stratforge.mcp_server.answers import Answer

SCHEMAS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "functions/api/openapi.json").read_text())[
    "components"
]["schemas"]
# Where the name does not say it.
VIEWS = {
    "Backtest": "BacktestReportView",
    "BacktestLine": "BacktestView",
    "AskedFor": "Requirement",
    "CodeRule": "ExplainedRuleView",
    "Equity": "EquityHistory",
    "SessionEquity": "SessionEquity",
    "OrderStory": "ExplanationView",
    "ShortSelling": "ShortSellingBody",
    "Shown": "ShownSessionView",
    "SavedStrategy": "StrategyFile",
    "Strategies": "StrategyList",
    "StrategyLine": "StrategyView",
    "Watched": "WatchedSymbol",
    "Watchlist": "Watchlist",
    "Leaderboard": "Leaderboard",
}
# Made of the report of a backtest, or the whole answer of the API.
MADE = {
    "Backtest": {"assumptions", "portfolio", "trades", "trades_in_all", "sweep"},
    "CodeRule": {"asked"},
    "SavedStrategy": {"file"},
}
OF_THE_API = [
    each
    for each in (vars(answers) | vars(session_answers)).values()
    if isinstance(each, type) and issubclass(each, Answer) and each not in (Answer, answers.Done, answers.Text)
]


def view_of(answer: type[Answer]) -> str:
    name = answer.__name__
    return VIEWS.get(name) or (f"{name}View" if f"{name}View" in SCHEMAS else f"{name.removesuffix('s')}List")


def words_of(schema: dict[str, Any]) -> list[str]:
    """The values that a property can have, where they are counted."""
    if "$ref" in schema:
        return words_of(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    return [*schema.get("enum", []), *(word for each in schema.get("anyOf", []) for word in words_of(each))]


@pytest.mark.parametrize("answer", OF_THE_API, ids=lambda answer: answer.__name__)
def test_an_answer_has_the_names_and_the_words_of_the_api(answer: type[Answer]) -> None:
    properties = SCHEMAS[view_of(answer)]["properties"]
    assert answer.model_fields.keys() - MADE.get(answer.__name__, set()) <= properties.keys()
    for name, field in answer.model_fields.items():
        told = f"{field.description} {answer.__doc__}".replace(",", " ").replace(":", " ").split()
        # The size of an order is its own; only a signal leaves it to the session.
        words = {*words_of(properties.get(name, {}))} - {"default"}
        if words & {*told}:
            assert words <= {each.rstrip(".") for each in told}, name
