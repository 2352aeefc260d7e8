"""Tools for strategies: written by a model or by hand, checked, stored, changed, put aside, with their versions."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from pydantic import Field

from stratforge.mcp_server.answers import Check, CodeRules, Job, SavedStrategy, Strategies, Strategy, Text, Versions
from stratforge.mcp_server.toolbox import (
    Code,
    Cursor,
    Limit,
    OptionalSymbol,
    StrategyId,
    Toolbox,
)

Name = Annotated[str, Field(min_length=1, max_length=120, description="What it is called")]
Explanation = Annotated[str, Field(max_length=8_000, description="What it does, in plain words")]
OtherName = Annotated[str | None, Field(min_length=1, max_length=120, description="What it is called from now on")]
OtherCode = Annotated[str | None, Field(max_length=32_000, description="In the strategy language")]
OtherExplanation = Annotated[str | None, Field(max_length=8_000, description="What it does, in plain words")]
OptionalId = Annotated[
    str | None,
    Field(max_length=36, description="Change this strategy instead of writing a new one; see list_strategies"),
]


def _with_their_words(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "rules": [{**each["rule"], "asked": each["asked"]} for each in found["rules"]]}


def install(box: Toolbox) -> None:
    """Adds the tools for strategies to the box."""

    @box.asks_a_model("Write a strategy")
    def generate_strategy(
        description: Annotated[
            str,
            Field(
                min_length=1,
                max_length=4_000,
                description="What it is to do, in plain language; or the reply to a question, with `follows`",
            ),
        ],
        context: Context[Any],
        symbol: OptionalSymbol = None,
        strategy_id: OptionalId = None,
        follows: Annotated[
            str | None, Field(max_length=36, description="The id of the job whose questions this answers")
        ] = None,
    ) -> Job:
        """Writes a strategy from a description in plain language, proves it safe and stores it; or asks what is not clear."""
        body = {"prompt": description, "symbol": symbol, "strategy_id": strategy_id, "follows": follows}
        return box.job(context, "/v1/ai/generate", body)

    @box.reads("The strategy language")
    def strategy_language(
        portfolio: Annotated[
            bool, Field(description="The language of portfolio strategies instead, with rebalance")
        ] = False,
    ) -> Text:
        """The language strategies are written in: what is allowed, and every indicator."""
        from stratforge.strategy.language_reference import prompt_section
        from stratforge.strategy.rotation.language_reference import rotation_page

        return Text(text=rotation_page() if portfolio else prompt_section())

    @box.reads("Check a strategy")
    def check_strategy(python_code: Code, context: Context[Any]) -> Check:
        """Checks strategy code without storing it: findings with line and suggestion, or its indicators, parameters and lookback."""
        return box.ask(Check, context, "POST", "/v1/strategies/check", {"python_code": python_code})

    @box.makes("Store a strategy")
    def store_strategy(
        name: Name,
        python_code: Code,
        context: Context[Any],
        symbol: OptionalSymbol = None,
        explanation: Explanation = "",
    ) -> Strategy:
        """Stores strategy code that passes the check; a strategy of one symbol needs it, a portfolio strategy names its symbols itself."""
        body = {"name": name, "symbol": symbol, "python_code": python_code, "logic_explanation": explanation}
        return box.ask(Strategy, context, "POST", "/v1/strategies", body)

    @box.reads("Strategies")
    def list_strategies(
        context: Context[Any],
        archived: Annotated[bool | None, Field(description="Only those put aside, or only those at hand")] = False,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Strategies:
        """The user's strategies, the newest first."""
        return box.ask(Strategies, context, "GET", "/v1/strategies", archived=archived, limit=limit, cursor=cursor)

    @box.reads("Strategy")
    def get_strategy(strategy_id: StrategyId, context: Context[Any]) -> Strategy:
        """A strategy with its current code."""
        return box.ask(Strategy, context, "GET", f"/v1/strategies/{strategy_id}")

    @box.reads("Rules of a strategy")
    def explain_strategy(
        strategy_id: StrategyId,
        context: Context[Any],
        version: Annotated[int | None, Field(ge=1, description="The latest without one")] = None,
    ) -> CodeRules:
        """What a strategy's code does, rule by rule in plain words made from the code alone, each with its lines and whether somebody asked for it."""
        path = f"/v1/strategies/{strategy_id}/rules"
        return box.ask(CodeRules, context, "GET", path, prepare=_with_their_words, version=version)

    @box.reads("Save a strategy as a file")
    def save_strategy(strategy_id: StrategyId, context: Context[Any]) -> SavedStrategy:
        """A strategy as a file: its code, its explanation, its symbol and the values of its parameters."""
        path = f"/v1/strategies/{strategy_id}/file"
        return box.ask(SavedStrategy, context, "GET", path, prepare=lambda file: {"file": file})

    @box.makes("Load a strategy from a file")
    def load_strategy(
        file: Annotated[dict[str, Any], Field(description="As save_strategy gave it")], context: Context[Any]
    ) -> Strategy:
        """Stores the strategy of a file as a new one, after every check."""
        return box.ask(Strategy, context, "POST", "/v1/strategies/import", file)

    @box.makes("Change a strategy", again=True)
    def change_strategy(
        strategy_id: StrategyId,
        context: Context[Any],
        name: OtherName = None,
        python_code: OtherCode = None,
        explanation: OtherExplanation = None,
        archived: Annotated[bool | None, Field(description="True puts it aside, false takes it out again")] = None,
    ) -> Strategy:
        """Renames a strategy, puts it aside, or gives it other code, which is its next version; what is left out stays."""
        body = {"name": name, "python_code": python_code, "logic_explanation": explanation, "archived": archived}
        return box.ask(Strategy, context, "PATCH", f"/v1/strategies/{strategy_id}", body)

    @box.reads("Versions of a strategy")
    def list_strategy_versions(
        strategy_id: StrategyId,
        context: Context[Any],
        limit: Annotated[int, Field(ge=1, le=20, description="At most so many")] = 10,
        before: Annotated[int | None, Field(ge=1, description="Only versions before this number")] = None,
    ) -> Versions:
        """The latest versions of a strategy, each with what was asked for and what changed."""
        path = f"/v1/strategies/{strategy_id}/versions"
        return box.ask(Versions, context, "GET", path, limit=limit, before=before)

    @box.makes("Restore a version")
    def restore_strategy_version(
        strategy_id: StrategyId,
        version: Annotated[int, Field(ge=1, description="See list_strategy_versions")],
        context: Context[Any],
    ) -> Strategy:
        """Makes an earlier version the next one, which undoes what came after it; nothing is lost."""
        return box.ask(Strategy, context, "POST", f"/v1/strategies/{strategy_id}/restore", {"version": version})
