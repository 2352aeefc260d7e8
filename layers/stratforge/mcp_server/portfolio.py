"""Tools that look at the account: portfolio, orders, trades, signals, sessions and why things happened."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from pydantic import AwareDatetime, Field

from stratforge.mcp_server.answers import Equity, Job, Link, Orders, OrderStory, Portfolio, Signals, Trades
from stratforge.mcp_server.session_answers import (
    DecisionRules,
    Session,
    SessionDecisions,
    SessionEquity,
    SessionRules,
    Sessions,
)
from stratforge.mcp_server.toolbox import (
    Cursor,
    JobId,
    Limit,
    OptionalSessionId,
    OptionalSymbol,
    OrderId,
    SessionId,
    Toolbox,
)


def install(box: Toolbox) -> None:
    """Adds the tools for the account to the box."""

    @box.reads("Portfolio")
    def portfolio(context: Context[Any]) -> Portfolio:
        """Equity, cash, profit and positions at the latest prices."""
        return box.ask(Portfolio, context, "GET", "/v1/portfolio")

    @box.reads("Equity over time")
    def equity_history(
        context: Context[Any],
        days: Annotated[int, Field(ge=1, le=365, description="Of so many days")] = 30,
    ) -> Equity:
        """What the account was worth, in at most 100 points."""
        return box.ask(Equity, context, "GET", "/v1/portfolio/history", days=days, points=100)

    @box.reads("Orders")
    def list_orders(
        context: Context[Any],
        symbol: OptionalSymbol = None,
        session_id: OptionalSessionId = None,
        open_only: Annotated[bool, Field(description="Only those that have not ended")] = False,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Orders:
        """The user's orders, the newest first, with the reason of every refusal."""
        which: dict[str, Any] = {"symbol": symbol, "session_id": session_id, "open": open_only or None}
        return box.ask(Orders, context, "GET", "/v1/orders", limit=limit, cursor=cursor, **which)

    @box.reads("Why an order went as it did")
    def explain_order(order_id: OrderId, context: Context[Any]) -> OrderStory:
        """What became of an order, step by step, with fees and slippage."""
        return box.ask(OrderStory, context, "GET", f"/v1/orders/{order_id}/explanation")

    @box.reads("Trades")
    def list_trades(
        context: Context[Any],
        symbol: OptionalSymbol = None,
        session_id: OptionalSessionId = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Trades:
        """What was traded, the newest first."""
        which: dict[str, Any] = {"symbol": symbol, "session_id": session_id}
        return box.ask(Trades, context, "GET", "/v1/trades", limit=limit, cursor=cursor, **which)

    @box.reads("Signals")
    def recent_signals(
        context: Context[Any], session_id: OptionalSessionId = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Signals:
        """What strategies said lately, and why it was refused where it was."""
        return box.ask(Signals, context, "GET", "/v1/signals", session_id=session_id, limit=limit, cursor=cursor)

    @box.reads("Sessions")
    def list_sessions(
        context: Context[Any],
        status: Annotated[str | None, Field(max_length=20, description="Such as RUNNING")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Sessions:
        """The user's sessions, the newest first."""
        return box.ask(Sessions, context, "GET", "/v1/sessions", status=status, limit=limit, cursor=cursor)

    @box.reads("Session")
    def get_session(session_id: SessionId, context: Context[Any]) -> Session:
        """A session with what it holds and made."""
        return box.ask(Session, context, "GET", f"/v1/sessions/{session_id}")

    @box.reads("Decisions of a portfolio session")
    def list_session_decisions(
        session_id: SessionId,
        context: Context[Any],
        limit: Annotated[int, Field(ge=1, le=100, description="At most so many")] = 5,
    ) -> SessionDecisions:
        """The last decisions of a session whose strategy has a universe: what it saw, wanted and ordered of each symbol."""
        return box.ask(SessionDecisions, context, "GET", f"/v1/sessions/{session_id}/decisions", limit=limit)

    @box.reads("Worth of a portfolio session over time")
    def session_equity(session_id: SessionId, context: Context[Any]) -> SessionEquity:
        """The worth of a session whose strategy has a universe, beside equal parts of that universe, and what it was made of."""
        return box.ask(SessionEquity, context, "GET", f"/v1/sessions/{session_id}/equity")

    @box.reads("Why a portfolio session decided as it did")
    def explain_decision(
        session_id: SessionId,
        context: Context[Any],
        moment: Annotated[
            AwareDatetime | None,
            Field(description="The moment of an earlier decision; see list_session_decisions. By default the last one"),
        ] = None,
    ) -> DecisionRules:
        """What the strategy of a portfolio session read of each symbol on a decision, and what it compared, ranked, chose and returned."""
        at = None if moment is None else moment.isoformat()
        return box.ask(DecisionRules, context, "GET", f"/v1/sessions/{session_id}/decisions/rules", moment=at)

    @box.reads("Why a session did what it did")
    def explain_session(
        session_id: SessionId,
        context: Context[Any],
        bar_time: Annotated[
            AwareDatetime | None,
            Field(description="The start of an earlier bar, or the bar_time of a signal; by default the last bar"),
        ] = None,
    ) -> SessionRules:
        """The rules of a session's strategy on its last bar or an earlier one, with the numbers that they compare, and since when each condition stands."""
        at = None if bar_time is None else bar_time.isoformat()
        return box.ask(SessionRules, context, "GET", f"/v1/sessions/{session_id}/rules", bar_time=at)

    @box.makes("Make a file")
    def make_export(
        what: Annotated[
            Literal["bars", "trades", "orders"],
            Field(description="What it is made of"),
        ],
        context: Context[Any],
        format: Annotated[Literal["csv", "parquet"] | None, Field(description="By default csv")] = None,
        symbol: OptionalSymbol = None,
    ) -> Job:
        """Has a file made of bars of a symbol, or of the user's trades or orders; link_to_export says where it is."""
        body = {"what": what, "format": format, "symbol": symbol}
        return box.ask(Job, context, "POST", "/v1/exports", body)

    @box.makes("Link to a file")
    def link_to_export(job_id: JobId, context: Context[Any]) -> Link:
        """A link to a file that a job made, good for five minutes."""
        return box.ask(Link, context, "POST", f"/v1/exports/{job_id}/link")
