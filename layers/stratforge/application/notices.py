"""Notices: events in words, with the reason, for whoever looks at a page while they happen or afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from stratforge.application.session_names import session_called
from stratforge.market import amounts
from stratforge.market.amounts import units
from stratforge.market.sizes import Action, Side, action_of
from stratforge.portfolio.orders import EXIT_ORIGINS, OrderOrigin, OrderStatus
from stratforge.portfolio.reasons import explanation_of
from stratforge.storage.delivery import events
from stratforge.storage.delivery.events import Event, EventCursor
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import JobKind, JobStatus
from stratforge.storage.strategies.sessions import SessionStatus, strategy_names

# What a job is to make, in words.
JOB_NAMES = {
    JobKind.RESEARCH: "The answer to your question",
    JobKind.GENERATE: "The answer to your description",
    JobKind.BACKTEST: "The backtest",
    JobKind.REPLAY: "The replay",
    JobKind.EXPORT: "The file",
}
_LISTED = 200
_AT_ONCE = 50
_ENDS = {
    OrderStatus.REJECTED: "was rejected",
    OrderStatus.EXPIRED: "expired",
    OrderStatus.CANCELED: "was canceled",
}
_EXITS = EXIT_ORIGINS - {OrderOrigin.FLATTEN}


class Tone(StrEnum):
    """The color of a notice: good and bad news, and news that is neither."""

    GOOD = "good"
    BAD = "bad"
    PLAIN = "plain"


# The words for an event, their tone, and the page that says more.
Said = tuple[str, Tone, str | None]


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice about an event.

    Attributes:
        time: By the market's clock.
        text: What happened, and why.
        address: The page that says more; None where there is none.
    """

    time: datetime
    text: str
    tone: Tone
    address: str | None


def new_notices(connection: Connection, user_id: UUID, after: EventCursor) -> tuple[list[Notice], EventCursor]:
    """The notices of what happened after a cursor, oldest first, and the cursor after them."""
    happened = events.events_after(connection, user_id, after, _AT_ONCE)
    return _notices(connection, happened), happened[-1].cursor if happened else after


def latest_notices(connection: Connection, user_id: UUID) -> list[Notice]:
    """The latest notices, the newest first."""
    return _notices(connection, events.latest_events(connection, user_id, _LISTED))


def _notices(connection: Connection, happened: Sequence[Event]) -> list[Notice]:
    concerned = [_concerned(each) for each in happened]
    # Sessions and jobs have ids of one kind, which are nobody else's.
    names = strategy_names(connection, concerned) | jobs.strategy_names(connection, concerned)
    found = [
        (each, notice_of(each.kind, each.data, names.get(concern) if concern else None))
        for each, concern in zip(happened, concerned, strict=True)
    ]
    return [Notice(each.created_at, *said) for each, said in found if said is not None]


def _concerned(event: Event) -> UUID | None:
    """The session or the job that an event is of; None for what a person did, and what concerns all."""
    found = event.data.get("job_id" if event.kind == "job" else "session_id")
    return UUID(found) if found else None


def notice_of(kind: str, data: dict[str, Any], strategy: str | None = None) -> Said | None:
    """The words for an event, their tone and the page that says more; None for events that nobody needs to be told of.

    Args:
        kind: That of the event.
        data: Its data, as the database notes them.
        strategy: What the strategy of its session, or of its job, is called; None where the words leave the platform, to whom that is nothing.
    """
    match kind:
        case "trade":
            return _of(strategy, _trade(data))
        case "order":
            return _of(strategy, _order(data))
        case "alert":
            return _alert(data)
        case "session":
            return _session(data, strategy)
        case "job":
            return _job(data, strategy)
        case "halt":
            if data["halted"]:
                return f"{data['symbol']} is halted: {str(data['reason']).replace('_', ' ').lower()}", Tone.BAD, None
            return f"{data['symbol']} trades again", Tone.GOOD, None
        case "platform":
            if data.get("suspended"):
                return "The broker takes no orders at the moment; they wait", Tone.BAD, None
            state = str(data["trading_state"])
            said = {"ACTIVE": "trades", "REDUCING": "only closes positions", "HALTED": "is halted"}.get(
                state, state.lower()
            )
            return f"The platform {said}", Tone.GOOD if state == "ACTIVE" else Tone.BAD, None
    return None


def _of(strategy: str | None, said: Said | None) -> Said | None:
    """The words with the strategy before them that did it."""
    if said is None or strategy is None:
        return said
    return f"{strategy}: {said[0][:1].lower()}{said[0][1:]}", *said[1:]


def _job(data: dict[str, Any], strategy: str | None) -> tuple[str, Tone, str] | None:
    # One that somebody called off ended as he wanted.
    ends = {JobStatus.SUCCEEDED: ("is ready", Tone.GOOD), JobStatus.FAILED: ("failed", Tone.BAD)}
    if (end := ends.get(data["status"])) is None:
        return None
    return f"{job_called(JobKind(data['kind']), strategy)} {end[0]}", end[1], f"/jobs/{data['job_id']}"


def job_called(kind: JobKind, strategy: str | None) -> str:
    """Says what a job is to make, in words that begin a sentence, with the name of its strategy where there is one."""
    if strategy is None:
        return JOB_NAMES[kind]
    return f"The answer about {strategy}" if kind is JobKind.GENERATE else f"{JOB_NAMES[kind]} of {strategy}"


def _action(data: dict[str, Any]) -> Action:
    # Events of before there were short positions do not say that they are of none.
    return action_of(Side(data["side"]), short=data.get("short", False))


def _trade(data: dict[str, Any]) -> tuple[str, Tone, str]:
    price, profit, action = Decimal(data["price"]), Decimal(data["realized_pnl"]), _action(data)
    text = f"{action.done.capitalize()} {units(Decimal(data['quantity']))} {data['symbol']} at {_amount(price, 4) if price >= 1 else f'{price.normalize():f}'}"
    if action.opens:
        return text, Tone.PLAIN, f"/trades/{data['trade_id']}"
    tone = Tone.GOOD if profit > 0 else Tone.BAD if profit < 0 else Tone.PLAIN
    return f"{text}: {'+' if profit >= 0 else '-'}${_amount(abs(profit))}", tone, f"/trades/{data['trade_id']}"


def _amount(value: Decimal, most: int = 2) -> str:
    """A price or a sum of money: cents at the least, so many digits behind the point at most, and all it has where that would say nothing."""
    whole, _, part = f"{value:,.{most}f}".partition(".")
    return f"{whole}.{part[:2]}{part[2:].rstrip('0')}" if round(value, 2) or not value else f"{value.normalize():,f}"


def _order(data: dict[str, Any]) -> tuple[str, Tone, str] | None:
    address, action = f"/orders/{data['order_id']}", _action(data)
    if data["origin"] in _EXITS and data["status"] == OrderStatus.FILLED:
        forced = data["origin"] in (OrderOrigin.MARGIN_CALL, OrderOrigin.BUY_IN)
        said = f"The {OrderOrigin(data['origin']).words} {action.done} {data['symbol']}"
        return said, Tone.BAD if forced else Tone.PLAIN, address
    if end := _ENDS.get(data["status"]):
        reason = explanation_of(data["reason"])
        bad = data["status"] == OrderStatus.REJECTED
        text = f"The {action.noun} of {data['symbol']} {end}" + (f": {reason}" if reason else "")
        return text, Tone.BAD if bad else Tone.PLAIN, address
    return None


def _alert(data: dict[str, Any]) -> tuple[str, Tone, str]:
    price = amounts.price(Decimal(data["price"]))
    if data["condition"] == "change":
        reference = Decimal(data["reference"])
        text = f"{data['symbol']} moved {(Decimal(data['price']) / reference - 1) * 100:+.1f} % from {amounts.price(reference)} to {price}"
    else:
        text = f"{data['symbol']} is {data['condition']} {amounts.price(Decimal(data['level']))}: it traded at {price}"
    return text + (f" ({data['note']})" if data["note"] else ""), Tone.PLAIN, f"/market/{data['symbol']}"


def _session(data: dict[str, Any], strategy: str | None) -> tuple[str, Tone, str] | None:
    address, name = f"/sessions/{data['session_id']}", session_called(strategy, data["symbol"])
    if data.get("missed_bars"):
        bars = data["missed_bars"]
        return f"{name} missed {bars} {'bar' if bars == 1 else 'bars'}; it sees them afterwards", Tone.BAD, address
    match data["status"]:
        case SessionStatus.FAILED:
            return f"{name} failed: {data['failure_reason'] or 'see its page'}", Tone.BAD, address
        case SessionStatus.STOPPED | SessionStatus.COMPLETED:
            profit = Decimal(data["final_pnl"]) if data.get("final_pnl") else None
            made = "" if profit is None else f" with {'-' if profit < 0 else '+'}{_amount(abs(profit))} dollars"
            return f"{name} ended{made}", Tone.PLAIN, address
    return None
