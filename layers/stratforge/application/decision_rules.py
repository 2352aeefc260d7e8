"""The rules of a portfolio session on its decisions: its strategy's own code once more on what it saw, with all that was compared, ranked and chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Conflict, Invalid, existing
from stratforge.application.rebalance_bars import seen_again
from stratforge.application.session_decisions import SessionDecision, shown
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import rebalances, replays, sessions
from stratforge.strategy.lookback import window_length
from stratforge.strategy.rotation import compile_portfolio
from stratforge.strategy.rotation.trace import Outcome, ReadColumn, Step, trace_decision


@dataclass(frozen=True, slots=True)
class DecisionRules:
    """The rules of a portfolio session's strategy on one of its decisions, computed by the strategy's own code.

    Attributes:
        decision: What was seen, wanted and ordered of each symbol.
        as_recorded: Whether deciding again gave the weights and the state of then, bit for bit. Where it did not, what is told is not what was seen:
            the bars of then are not kept any more.
        universe: The symbols of its universe; `values` and `ranks` of steps are in this order.
        symbols: These, and after them those that it only looks at; `values` of what was read are in this order.
        read: The prices and indicators that the code reads, on the last bar of each symbol.
        steps: What it computed of them, in the order of the code.
        outcomes: What it might have returned, in the order of the code; the one that fired is what it did. None fired where it came to its end, which changes nothing.
    """

    decision: SessionDecision
    as_recorded: bool
    universe: list[str]
    symbols: list[str]
    read: list[ReadColumn]
    steps: list[Step]
    outcomes: list[Outcome]


def decision_rules(
    database: Database, caller: Caller, session_id: UUID, moment: datetime | None = None
) -> DecisionRules:
    """Decides once more as the session did and takes notes; nothing is stored or ordered.

    Args:
        database: Where the session is.
        caller: Who asks.
        session_id: The session.
        moment: The beginning of the period that was decided about, or any time within it; None for the last decision.

    Raises:
        NotFound: if there is no such session, or it had decided nothing then.
        Invalid: if it is of a strategy of one symbol.
        Conflict: if what it saw is not kept any more.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        session = existing(sessions.get_session(connection, session_id), "session")
        if session.universe is None or session.symbols is None:
            raise Invalid("The session trades one symbol on every bar; see its rules.", code="no-portfolio")
        decision = existing(rebalances.decision_in_force(connection, session_id, moment), "decision")
        recorded = replays.recorded_session(connection, session_id)
    if recorded is None:
        raise Conflict("What the session saw is not kept any more: it ended long ago.", code="record-forgotten")
    strategy = compile_portfolio(recorded.python_code).with_parameters(**recorded.parameters)
    length = window_length(strategy.lookback)
    with database.reading(caller) as connection:
        windows = seen_again(connection, list(strategy.symbols), decision, length, daily=bool(recorded.daily))
    traced = trace_decision(
        strategy,
        windows.seen_by(strategy, windows.values()),
        np.array(decision.parts),
        decision.equity,
        decision.cash,
        decision.state_before,
    )
    said = traced.decision
    weights = None if said.weights is None else said.weights.tolist()
    return DecisionRules(
        shown(session.symbols, decision),
        (weights, said.state) == (decision.weights, decision.state_after),
        session.universe,
        list(strategy.symbols),
        traced.read,
        traced.steps,
        traced.outcomes,
    )
