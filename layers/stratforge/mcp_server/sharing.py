"""Tools that show things to others: reports behind links, sessions on the leaderboard."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from pydantic import Field

from stratforge.mcp_server.answers import Done, Leaderboard, Link
from stratforge.mcp_server.toolbox import BacktestId, SessionId, Toolbox


def install(box: Toolbox) -> None:
    """Adds the tools for showing things to others to the box."""

    @box.makes("Share a backtest", again=True)
    def share_backtest(backtest_id: BacktestId, context: Context[Any]) -> Link:
        """Makes a link to a report that works without a login; whoever has it sees no code and nothing of the owner."""
        return box.ask(Link, context, "PUT", f"/v1/backtests/{backtest_id}/link")

    @box.ends("Share a backtest no more")
    def unshare_backtest(backtest_id: BacktestId, context: Context[Any]) -> Done:
        """Ends the link to a report."""
        return box.ask(Done, context, "DELETE", f"/v1/backtests/{backtest_id}/link")

    @box.reads("Leaderboard")
    def leaderboard(context: Context[Any]) -> Leaderboard:
        """The sessions that people show, by risk-adjusted return, from the ledger and from replays."""
        return box.ask(Leaderboard, context, "GET", "/v1/leaderboard")

    @box.makes("Show a session", again=True)
    def publish_session(
        session_id: SessionId,
        name: Annotated[str, Field(min_length=2, max_length=40, description="The name that everybody sees it under")],
        context: Context[Any],
    ) -> Done:
        """Shows a session on the leaderboard under a name; ask the user for the name first."""
        return box.ask(Done, context, "PUT", f"/v1/sessions/{session_id}/publication", {"name": name})

    @box.ends("Show a session no more")
    def withdraw_session(session_id: SessionId, context: Context[Any]) -> Done:
        """Takes a session off the leaderboard."""
        return box.ask(Done, context, "DELETE", f"/v1/sessions/{session_id}/publication")
