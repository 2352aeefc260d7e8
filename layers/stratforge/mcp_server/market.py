"""Tools for the market: research, bars, prices, what can be traded, the watchlist and price alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from mcp.server.mcpserver import Context
from pydantic import Field

from stratforge.mcp_server.answers import Alert, Alerts, Assets, Bars, Done, Job, Price, Watchlist
from stratforge.mcp_server.toolbox import Cursor, Limit, Symbol, Toolbox, in_path, rfc3339

BarLimit = Annotated[int, Field(ge=1, le=1000, description="At most so many")]
Moment = Annotated[datetime | None, Field(description="RFC 3339 with a time zone, such as 2026-03-02T14:30:00Z")]


def install(box: Toolbox) -> None:
    """Adds the tools for the market to the box."""

    @box.asks_a_model("Ask the analyst")
    def research(
        question: Annotated[str, Field(min_length=1, max_length=2_000, description="About markets or the economy")],
        context: Context[Any],
        include_portfolio: Annotated[
            bool, Field(description="Let the analyst know which symbols the user holds")
        ] = False,
        follows: Annotated[UUID | None, Field(description="The job of the question before this one")] = None,
    ) -> Job:
        """Answers a question about markets or the economy with sources; one that follows another is told it and its answer."""
        asked = {"question": question, "include_portfolio": include_portfolio}
        return box.job(context, "/v1/ai/research", asked | ({"follows": str(follows)} if follows else {}))

    @box.reads("Bars")
    def list_bars(
        symbol: Symbol, context: Context[Any], limit: BarLimit = 60, start: Moment = None, end: Moment = None
    ) -> Bars:
        """The latest recorded 1-minute bars of a symbol, or of a period; the oldest first."""
        path = f"/v1/market/{in_path(symbol)}/bars"
        return box.ask(Bars, context, "GET", path, limit=limit, start=rfc3339(start), end=rfc3339(end))

    @box.reads("Price")
    def get_price(symbol: Symbol, context: Context[Any]) -> Price:
        """The latest price of a symbol that somebody streams."""
        return box.ask(Price, context, "GET", f"/v1/market/{in_path(symbol)}/price")

    @box.reads("Assets")
    def search_assets(
        search: Annotated[str, Field(min_length=1, max_length=40, description="Part of the symbol or the name")],
        context: Context[Any],
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Assets:
        """What can be traded, by a part of its symbol or name."""
        return box.ask(Assets, context, "GET", "/v1/assets", search=search, limit=limit, cursor=cursor)

    @box.reads("Watchlist")
    def get_watchlist(context: Context[Any]) -> Watchlist:
        """The symbols that the user watches, with their prices."""
        return box.ask(Watchlist, context, "GET", "/v1/watchlist")

    @box.makes("Watch a symbol", again=True)
    def watch_symbol(
        symbol: Symbol,
        context: Context[Any],
        watched: Annotated[bool, Field(description="False takes it off the list")] = True,
    ) -> Done:
        """Adds a symbol to those that the user watches, or takes it off."""
        return box.ask(Done, context, "PUT" if watched else "DELETE", f"/v1/watchlist/{in_path(symbol)}")

    @box.reads("Price alerts")
    def list_price_alerts(context: Context[Any]) -> Alerts:
        """The prices that the user wants to be told of, those that wait first."""
        return box.ask(Alerts, context, "GET", "/v1/alerts")

    @box.makes("Set a price alert")
    def set_price_alert(
        symbol: Symbol,
        condition: Annotated[
            Literal["above", "below", "change"], Field(description="Above or below a price, or a change from now")
        ],
        context: Context[Any],
        price: Annotated[float | None, Field(gt=0, description="Dollars; for above and below")] = None,
        change: Annotated[
            float | None, Field(ge=0.001, le=10, description="A fraction of the price of now; for change")
        ] = None,
        repeats: Annotated[bool, Field(description="Again whenever the price came back")] = False,
        note: Annotated[str, Field(max_length=200, description="What the user wants to be reminded of")] = "",
    ) -> Alert:
        """Has the user told when a price is reached; a bar a minute is looked at."""
        body = {"symbol": symbol, "condition": condition, "repeats": repeats, "note": note}
        body |= {name: str(value) for name, value in (("price", price), ("change", change)) if value is not None}
        return box.ask(Alert, context, "POST", "/v1/alerts", body)

    @box.ends("Delete a price alert")
    def delete_price_alert(
        alert_id: Annotated[UUID, Field(description="The id of an alert; see list_price_alerts")], context: Context[Any]
    ) -> Done:
        """Deletes a price alert."""
        return box.ask(Done, context, "DELETE", f"/v1/alerts/{alert_id}")
