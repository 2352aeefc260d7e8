"""Sessions: what runs, live."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from fastapi import APIRouter, Response
from stratforge.application import sessions as application
from stratforge.application.jobs.queueing import request_replay
from stratforge.application.jobs.requests import ReplayRequest
from stratforge.application.sessions import NewSession, SessionChange
from stratforge.backtest.presentation import indicator_line
from stratforge.storage.ledger import order_book, portfolio
from stratforge.storage.ledger.order_book import OrderFilter
from stratforge.storage.ledger.portfolio import LedgerFilter, PositionRow
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import NumberedPage, Page
from stratforge.storage.strategies import sessions, strategies
from stratforge.storage.strategies.sessions import SessionStatus, StoredSession
from stratforge.strategy import compile_strategy
from stratforge.strategy.graph import Values

from functions.api.context import database, outbox
from functions.api.dashboard.access import Fields, Looking, current_path, fraction, text, validated
from functions.api.dashboard.pages.home import explanation
from functions.api.dashboard.pages.jobs import job_part, new_key, started
from functions.api.dashboard.rendering import compressed, go_to
from functions.api.problems import not_found

router = APIRouter(include_in_schema=False)
_BARS_SHOWN = 390


@router.get("/sessions")
def index(looking: Looking) -> Response:
    """All sessions."""
    with database().reading(looking.user_id) as connection:
        found = sessions.list_sessions(connection, looking.user_id, sessions.SessionFilter(), Page(100))
        return looking.page(
            connection, "sessions.html", sessions=found, names=strategies.names(connection, looking.user_id)
        )


@router.post("/strategies/{strategy_id}/run")
def start(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Starts a session."""
    rule = text(fields, "sizing_rule") or "EQUITY_FRACTION"
    size = text(fields, "sizing_value") or "10"
    values: dict[str, Any] = {
        "strategy_id": strategy_id,
        "mode": text(fields, "mode") or "PAPER",
        "sizing_rule": rule,
        "sizing_value": fraction({"sizing_value": [size]}, "sizing_value")
        if rule == "EQUITY_FRACTION"
        else size.replace(",", ""),
        **_stops(fields),
    }
    if text(fields, "symbol"):
        values["symbol"] = text(fields, "symbol")
    new = validated(NewSession, values)
    made = application.start_session(database(), outbox(), looking.caller, new, started(looking, fields))
    return go_to(looking.request, f"/sessions/{made.session_id}")


def _stops(fields: dict[str, list[str]]) -> dict[str, str]:
    return {
        name: fraction(fields, name) for name in ("stop_loss", "take_profit", "trailing_stop") if text(fields, name)
    }


def _found(connection: Connection, session_id: UUID) -> StoredSession:
    found = sessions.get_session(connection, session_id)
    if found is None:
        raise not_found("session")
    return found


@router.get("/sessions/{session_id}")
def page(session_id: UUID, looking: Looking) -> Response:
    """A session."""
    with database().reading(looking.user_id) as connection:
        found = _found(connection, session_id)
        strategy = strategies.get_strategy(connection, found.strategy_id)
        return looking.page(
            connection,
            "session.html",
            strategy=strategy,
            key=new_key(),
            **_now(connection, looking, found),
        )


@router.get("/sessions/{session_id}/now")
def now(session_id: UUID, looking: Looking) -> Response:
    """The part of the page that changes."""
    with database().reading(looking.user_id) as connection:
        return looking.part("parts/session_now.html", **_now(connection, looking, _found(connection, session_id)))


def _now(connection: Connection, looking: Looking, found: StoredSession) -> dict[str, Any]:
    ledger = LedgerFilter(session_id=found.session_id)
    signals = portfolio.list_signals(connection, looking.user_id, ledger, NumberedPage(30))
    orders = order_book.list_orders(connection, looking.user_id, OrderFilter(None, found.session_id, None), Page(30))
    trades = portfolio.list_trades(connection, looking.user_id, ledger, NumberedPage(30))
    log = [
        {
            "time": each.bar_time,
            "kind": "signal",
            "text": f"{each.side}, confidence {each.confidence:.2f}: {each.status.lower()}",
            "why": explanation(each.reason),
        }
        for each in signals
    ]
    # An order of a signal belongs to the signal's bar; the market's time is not ours where the market is replayed.
    bars = {each.signal_id: each.bar_time for each in signals}
    log += [
        {
            "time": bars.get(each.signal_id or 0, each.created_at),
            "kind": "order",
            "text": f"{each.side} {each.type.replace('_', ' ')} ({each.origin.lower().replace('_', ' ')}): {each.status.lower()}",
            "why": explanation(each.reason),
        }
        for each in orders
    ]
    return {
        "session": found,
        "position": _position(connection, looking, found),
        "log": log[:60],
        "trades": trades,
        "state": sessions.state_of(connection, found.session_id),
        "price": market_data.latest_price(connection, found.symbol),
    }


@router.get("/sessions/{session_id}/chart.json")
def chart(session_id: UUID, looking: Looking) -> Response:
    """The last bars with the strategy's indicators, its trades and its stop levels."""
    with database().reading(looking.user_id) as connection:
        found = _found(connection, session_id)
        version = strategies.get_version(connection, found.strategy_id, found.strategy_version)
        if version is None:
            raise not_found("version")
        compiled = compile_strategy(version.python_code)
        end = (found.last_bar_time + timedelta(minutes=1)) if found.ended_at and found.last_bar_time else None
        last = end or datetime.now(UTC) + timedelta(days=1)
        count = _BARS_SHOWN + min(compiled.lookback, 2_000)
        bars = market_data.bars_between(connection, found.symbol, datetime(1970, 1, 1, tzinfo=UTC), last, count)
        trades = portfolio.list_trades(
            connection, looking.user_id, LedgerFilter(session_id=session_id), NumberedPage(200)
        )
        levels = _levels(connection, looking, found)
    shown = slice(max(0, len(bars) - _BARS_SHOWN), len(bars))
    values = Values(bars)
    indicators = [
        indicator_line(
            name, np.asarray(values.series(compiled.columns[name]))[shown], bars.low[shown], bars.high[shown]
        )
        for name in (compiled.indicators if len(bars) else ())
    ]
    columns = {name: getattr(bars, name)[shown].tolist() for name in ("time", "open", "high", "low", "close")}
    marks = [
        {
            "time": int(each.executed_at.timestamp()),
            "side": each.side,
            "price": float(each.price),
            "quantity": float(each.quantity),
        }
        for each in trades
    ]
    body = json.dumps(
        {"curve": {**columns, "indicators": indicators}, "marks": marks, "levels": levels}, separators=(",", ":")
    )
    return compressed(looking.request, body.encode(), "application/json")


def _position(connection: Connection, looking: Looking, found: StoredSession) -> PositionRow | None:
    held = portfolio.read_portfolio(connection, looking.user_id)
    return next((each for each in held.positions if each.session_id == found.session_id), None) if held else None


def _levels(connection: Connection, looking: Looking, found: StoredSession) -> list[dict[str, Any]]:
    """Prices at which the session's position would be sold, and the one it was bought at."""
    position = _position(connection, looking, found)
    if position is None:
        return []
    entry = position.avg_entry_price
    levels = [{"name": "entry", "price": float(entry)}]
    if found.stop_loss:
        levels.append({"name": "stop", "price": float(entry * (1 - found.stop_loss))})
    if found.take_profit:
        levels.append({"name": "target", "price": float(entry * (1 + found.take_profit))})
    if found.trailing_stop:
        high = sessions.high_water(connection, found.session_id)
        if high is not None:
            levels.append({"name": "trailing stop", "price": float(high * (1 - found.trailing_stop))})
    return levels


@router.post("/sessions/{session_id}/pause")
def pause(session_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Pauses a session, or resumes one."""
    change = SessionChange(status=SessionStatus.RUNNING if text(fields, "resume") else SessionStatus.PAUSED)
    application.change_session(database(), looking.caller, session_id, change)
    return _back(looking, session_id)


@router.post("/sessions/{session_id}/settings")
def change_settings(session_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Other stops; a field that is left empty switches one off."""
    stops: dict[str, str | None] = dict.fromkeys(("stop_loss", "take_profit", "trailing_stop"))
    change = validated(SessionChange, {**stops, **_stops(fields)})
    application.change_session(database(), looking.caller, session_id, change)
    return _back(looking, session_id)


@router.post("/sessions/{session_id}/stop")
def stop(session_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Stops a session; with `flatten` what it holds is sold."""
    flatten = bool(text(fields, "flatten"))
    application.stop_session(database(), outbox(), looking.caller, session_id, flatten=flatten)
    return _back(looking, session_id)


@router.post("/sessions/{session_id}/flatten")
def flatten(session_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Sells what a session holds; it goes on."""
    application.flatten_session(database(), outbox(), looking.caller, session_id)
    return _back(looking, session_id)


@router.post("/sessions/{session_id}/replay")
def replay(session_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Evaluates its recorded bars again; the answer is the job's progress."""
    request = ReplayRequest(session_id=session_id)
    return job_part(looking, request_replay(database(), outbox(), looking.caller, request, started(looking, fields)))


def _back(looking: Looking, session_id: UUID) -> Response:
    """To the list that the form was on, else to the session."""
    came_from = current_path(looking.request).split("?")[0]
    return go_to(looking.request, came_from if came_from in ("/", "/sessions") else f"/sessions/{session_id}")
