"""The pages of sessions: the list, and one as it runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime
from stratforge.application import sessions as application
from stratforge.application.decision_rules import DecisionRules, decision_rules
from stratforge.application.errors import Conflict, NotFound, existing
from stratforge.application.explanations import terms_in_words
from stratforge.application.jobs.queueing import request_replay
from stratforge.application.jobs.requests import ReplayRequest
from stratforge.application.portfolio_chart import chart_of, portfolio_chart
from stratforge.application.session_chart import SessionChart, session_chart
from stratforge.application.session_condition import LogEntry, SessionCondition, session_condition
from stratforge.application.session_decisions import decisions_of, weights_now
from stratforge.application.session_rules import session_rules
from stratforge.application.sessions import NewSession, SessionChange
from stratforge.application.setups import assumed, differences, running_setup
from stratforge.application.watch_market import jumped_symbols
from stratforge.storage.ledger.portfolio import AdjustmentRow, SignalRow
from stratforge.storage.market import data_notes, market_data
from stratforge.storage.market.clock import PastDay, past_day
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import backtests, replays, sessions, strategies
from stratforge.storage.strategies.sessions import SessionStatus, StoredSession
from stratforge.storage.strategies.shown import published_name
from stratforge.strategy.lookback import DAY_MINUTES
from stratforge.strategy.rotation.schedule import PERIODS
from stratforge.strategy.rotation.trace import Step

from functions.api.context import database, outbox
from functions.api.dashboard import drawings
from functions.api.dashboard.access import (
    Fields,
    Looking,
    Visitor,
    current_path,
    fraction,
    text,
    typed_number,
    validated,
    whole,
)
from functions.api.dashboard.chart_tables import portfolio_table, price_table, with_panes
from functions.api.dashboard.pages.jobs import job_part, new_key, started
from functions.api.dashboard.rendering import compressed, go_to, quantity, signed_money
from functions.api.pages import PageQuery, next_cursor
from functions.api.problems import Problem

router = APIRouter(include_in_schema=False)
_DECISIONS_SHOWN = 20
# A trading day of minutes.
_BARS_PICTURED = 390


@router.get("/sessions")
def index(looking: Looking, page: PageQuery) -> Response:
    """The page of all sessions, running and ended."""
    with database().reading(looking.caller) as connection:
        found = sessions.list_sessions(connection, looking.user_id, sessions.SessionFilter(), page)
        return looking.page(
            connection,
            "sessions.html",
            sessions=found,
            next=next_cursor(page, found, lambda each: (each.started_at, each.session_id)),
            names=strategies.names(connection, looking.user_id),
        )


@router.post("/strategies/{strategy_id}/run")
def start(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Starts a session as the form says and shows it."""
    values: dict[str, Any] = {"strategy_id": strategy_id, "mode": text(fields, "mode") or "PAPER", **setup(fields)}
    values["version"] = whole(fields, "version")
    if text(fields, "symbol"):
        values["symbol"] = text(fields, "symbol")
    new = validated(NewSession, values)
    made = application.start_session(database(), outbox(), looking.caller, new, started(looking, fields))
    return go_to(looking.request, f"/sessions/{made.session_id}")


def setup(fields: dict[str, list[str]]) -> dict[str, str]:
    """Position size and stops of the form that backtests and sessions share; an empty size is the default of both."""
    rule = text(fields, "sizing_rule") or "EQUITY_FRACTION"
    found = {"sizing_rule": rule, **_stops(fields)}
    if size := text(fields, "sizing_value"):
        found["sizing_value"] = fraction(fields, "sizing_value") if rule == "EQUITY_FRACTION" else typed_number(size)
    return found


def assumptions(fields: dict[str, list[str]]) -> dict[str, Any]:
    """Size, stops and costs of a backtest, as the same form says them."""
    said = {
        name: typed_number(text(fields, name))
        for name in ("cash", "slippage_bps", "commission_bps")
        if text(fields, name)
    }
    borrowed = {name: fraction(fields, name) for name in ("short_margin", "borrow_fee") if text(fields, name)}
    return {**said, **setup(fields), **borrowed}


def _stops(fields: dict[str, list[str]]) -> dict[str, str]:
    return {
        name: fraction(fields, name) for name in ("stop_loss", "take_profit", "trailing_stop") if text(fields, name)
    }


@router.post("/backtests/{backtest_id}/run")
def run_backtested(backtest_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Starts a session with exactly the setup of a backtest: version, symbol, size and stops."""
    with database().reading(looking.caller) as connection:
        backtest = existing(backtests.get_report(connection, backtest_id), "backtest")
    if backtest.parameters:
        raise Problem(
            409,
            "values-not-stored",
            "This run had values of its own. Use them first: they become a version, which can run.",
        )
    names = ("sizing_rule", "sizing_value", "stop_loss", "take_profit", "trailing_stop")
    config = {name: backtest.config[name] for name in names if backtest.config.get(name) is not None}
    version = {"strategy_id": backtest.strategy_id, "version": backtest.strategy_version}
    new = validated(NewSession, {**version, "symbol": backtest.symbol, **config})
    made = application.start_session(database(), outbox(), looking.caller, new, started(looking, fields))
    return go_to(looking.request, f"/sessions/{made.session_id}")


Moment = Annotated[AwareDatetime | None, Query()]


@router.get("/sessions/{session_id}")
def page(session_id: UUID, looking: Looking, day: date | None = None, moment: Moment = None) -> Response:
    """The page of one session: how it stands, its chart, its log and its trades; or its chart of a past day, to go through bar by bar, or a past decision."""
    with database().reading(looking.caller) as connection:
        condition = session_condition(connection, looking.user_id, session_id)
        strategy = strategies.get_strategy(connection, condition.session.strategy_id)
        shown = _shown(connection, condition)
        published = published_name(connection, session_id)
        if condition.session.universe is not None:
            return looking.page(
                connection,
                "portfolio_session.html",
                strategy=strategy,
                published=published,
                key=new_key(),
                moment=moment,
                chart=(chart := chart_of(connection, looking.user_id, condition.session)),
                # Of two times it would say that what was bought at once was bought little by little.
                areas=drawings.areas(chart.weights) if len(chart.time) > 2 else [],
                **_tested(connection, looking, condition.session),
                **shown,
            )
        past = existing(past_day(connection, day), "trading day") if day else None
        last = past or past_day(connection)
        return looking.page(
            connection,
            "session.html",
            strategy=strategy,
            published=published,
            key=new_key(),
            past=past,
            last=last,
            closes=_closes(connection, condition, past),
            **_tested(connection, looking, condition.session),
            **shown,
        )


def _tested(connection: Connection, looking: Visitor, session: StoredSession) -> dict[str, Any]:
    """The backtest whose setup is nearest to the session's, and in what they differ."""
    found = backtests.nearest_backtest(connection, looking.user_id, session)
    if found is None:
        return {"backtest": None}
    return {"backtest": found, "differences": differences(found, running_setup(session)), "assumed": assumed(found)}


def _closes(connection: Connection, condition: SessionCondition, past: PastDay | None) -> list[float]:
    """The last day of closes that its chart shows: of a day that is over, up to the end of a session that has ended, or up to now."""
    session = condition.session
    end = past.closes_at if past else session.last_bar_time if session.ended_at else None
    symbol = replays.symbol_of_bars(connection, session.session_id)
    return [float(each) for each in market_data.bars_between(connection, symbol, None, end, _BARS_PICTURED).close]


@router.get("/sessions/{session_id}/now")
def now(session_id: UUID, looking: Looking) -> Response:
    """The part of the page that changes."""
    with database().reading(looking.caller) as connection:
        condition = session_condition(connection, looking.user_id, session_id)
        shown = _shown(connection, condition)
    part = "session_now" if condition.session.universe is None else "portfolio_session_now"
    return looking.part(f"parts/{part}.html", **shown)


@router.get("/sessions/{session_id}/rules")
def rules(session_id: UUID, looking: Looking, bar: Annotated[int | None, Query(ge=0, le=2**33)] = None) -> Response:
    """The rules of the strategy on the last bar, or on the one that began at `bar` seconds: which of their conditions hold, with their numbers."""
    bar_time = None if bar is None else datetime.fromtimestamp(bar, UTC)
    found = session_rules(database(), looking.caller, session_id, bar_time)
    return looking.part("parts/rules.html", found=found, picked=bar is not None)


@router.get("/sessions/{session_id}/decision")
def decision(session_id: UUID, looking: Looking, moment: Moment = None) -> Response:
    """A decision of a portfolio session, the last one or that about the period of a moment: what its rules compared, ranked, chose and returned."""
    with database().reading(looking.caller) as connection:
        session = existing(sessions.get_session(connection, session_id), "session")
    found: DecisionRules | None = None
    try:
        found, why = decision_rules(database(), looking.caller, session_id, moment), ""
    except NotFound:
        why = (
            "It has decided nothing yet: it does while the exchange is open, once the history of its symbols is there."
        )
    except Conflict as error:
        why = error.message
    minutes = DAY_MINUTES if session.schedule in PERIODS else 1
    steps = [each for each in found.steps if not _is_wanted(each, found)] if found else []
    return looking.part("parts/decision.html", found=found, why=why, steps=steps, bar_minutes=minutes)


def _is_wanted(step: Step, found: DecisionRules) -> bool:
    """Returns whether a step is the weights that were wanted, which stand beside what was held."""
    wanted = [each.weight for each in found.decision.symbols[: len(found.universe)]]
    return step.kind == "weights" and step.values == wanted


@router.get("/sessions/{session_id}/equity.json")
def equity(session_id: UUID, looking: Looking) -> Response:
    """The equity of a portfolio session over time, beside equal parts of its universe."""
    found = portfolio_chart(database(), looking.caller, session_id)
    runs = [
        {"name": "Session", "time": found.time, "values": found.equity},
        {"name": "Universe in equal parts", "time": found.time, "values": found.benchmark},
    ]
    return compressed(looking.request, json.dumps({"runs": runs}, separators=(",", ":")).encode(), "application/json")


@router.get("/sessions/{session_id}/equity.html")
def equity_figures(session_id: UUID, looking: Looking) -> Response:
    """The same as a table, with the part that each symbol was."""
    found = portfolio_chart(database(), looking.caller, session_id)
    return looking.part("parts/chart_table.html", table=portfolio_table(asdict(found)))


def _shown(connection: Connection, condition: SessionCondition) -> dict[str, Any]:
    common = {
        "session": condition.session,
        "log": [_line(each, named=condition.session.universe is not None) for each in condition.log],
        "trades": condition.trades,
    }
    symbols = condition.session.symbols
    if symbols is not None:
        decisions = decisions_of(connection, condition.session, _DECISIONS_SHOWN)
        noted = data_notes.list_notes(connection, symbols)
        weights = weights_now(connection, condition.session, decisions)
        # Whoever decides waits for the operator with these.
        jumped = (
            sorted(jumped_symbols(connection) & set(symbols))
            if condition.session.status is SessionStatus.RUNNING
            else []
        )
        return common | {"decisions": decisions, "weights": weights, "notes": noted, "jumped": jumped}
    symbol, looked_at = condition.session.symbol, condition.session.looked_at
    return common | {
        "position": condition.position,
        "state": condition.state,
        "resting": [(each, terms_in_words(each)) for each in condition.resting],
        "price": market_data.latest_price(connection, symbol),
        "notes": data_notes.list_notes(connection, [symbol, *looked_at]),
        "jumped": sorted(jumped_symbols(connection) & set(looked_at)) if looked_at else [],
    }


def _line(entry: LogEntry, *, named: bool) -> dict[str, Any]:
    event = entry.event
    if isinstance(event, AdjustmentRow):
        sign = "+" if event.quantity > 0 else ""
        units = f"{sign}{quantity(event.quantity)} {event.symbol}" if event.quantity else ""
        money = signed_money(event.cash) if event.cash else ""
        text = f"{event.kind.replace('_', ' ').lower()}: {', '.join(filter(None, (units, money)))}"
        return {"time": entry.time, "kind": "ledger", "text": text, "why": ""}
    if isinstance(event, SignalRow):
        prices = ((event.limit_price, " at a limit of"), (event.stop_price, f"{' or' * event.oco} from a stop at"))
        terms = "".join(f"{words} {price:,.10g}" for price, words in prices if price is not None)
        kind, text = "signal", f"{event.action}{terms}, confidence {event.confidence:.2f}: {event.status.lower()}"
    else:
        type_ = f"{event.symbol} " * named + event.type.replace("_", " ")
        kind, text = "order", f"{event.action} {type_} ({event.origin.words}): {event.status.lower()}"
    return {"time": entry.time, "kind": kind, "text": text, "why": event.explanation or ""}


@router.get("/sessions/{session_id}/chart.json")
def chart(session_id: UUID, looking: Looking, day: date | None = None) -> Response:
    """The last bars, or those up to the close of a day, with the strategy's indicators, its trades and its stop levels."""
    shown = _chart(looking, session_id, day)
    marks = [
        {
            "time": int(each.executed_at.timestamp()),
            "side": each.action,
            "price": float(each.price),
            "quantity": float(each.quantity),
        }
        for each in shown.trades
    ]
    content = {
        "curve": with_panes(_curve(shown)),
        "marks": marks,
        "levels": [asdict(each) for each in shown.levels],
    }
    body = json.dumps(content, separators=(",", ":"))
    return compressed(looking.request, body.encode(), "application/json")


@router.get("/sessions/{session_id}/chart.html")
def chart_figures(session_id: UUID, looking: Looking, day: date | None = None) -> Response:
    """The bars, indicators and profit of a session's chart as a table."""
    return looking.part("parts/chart_table.html", table=price_table(_curve(_chart(looking, session_id, day))))


def _chart(looking: Visitor, session_id: UUID, day: date | None) -> SessionChart:
    with database().reading(looking.caller) as connection:
        past = existing(past_day(connection, day), "trading day") if day else None
    return session_chart(database(), looking.caller, session_id, past.closes_at if past else None)


def _curve(shown: SessionChart) -> dict[str, Any]:
    columns = {name: getattr(shown.bars, name).tolist() for name in ("time", "open", "high", "low", "close", "volume")}
    return {**columns, "indicators": shown.indicators, "profit": shown.profit}


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
def flatten(session_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Sells what a session holds, or what it holds of one symbol; it goes on."""
    symbol = text(fields, "symbol") or None
    application.flatten_session(database(), outbox(), looking.caller, session_id, symbol)
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
