"""The rules of a session's strategy on its last bar: what it waits for, and how far it is from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import existing
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations, sessions
from stratforge.strategy import PositionView, compile_strategy
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import window_length
from stratforge.strategy.trace import Rule, trace_last_bar


@dataclass(frozen=True, slots=True)
class SessionRules:
    """The rules of a session's strategy, computed by the strategy's own code.

    Attributes:
        bar_time: The last bar that the session has seen; the position and the state are those of now. None before the first.
        rules: Its rules in the order of the code; none before the first bar.
    """

    bar_time: datetime | None
    rules: list[Rule]


def session_rules(database: Database, caller: Caller, session_id: UUID) -> SessionRules:
    """Evaluates the session's last bar once more and takes notes; nothing is stored or ordered.

    Raises:
        NotFound: if there is no such session.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        session = existing(sessions.get_session(connection, session_id), "session")
        evaluated = existing(evaluations.session_as_evaluated(connection, session_id), "session")
    seen = evaluated.last_bar_time
    if seen is None:
        return SessionRules(None, [])
    strategy = compile_strategy(evaluated.python_code).with_parameters(**evaluated.parameters)
    length = window_length(evaluated.lookback or strategy.lookback)
    with database.reading(caller) as connection:
        window = market_data.trailing_window(connection, session.symbol, seen, length)
    position = PositionView(evaluated.quantity, evaluated.average_entry_price, float(evaluated.bars_held))
    return SessionRules(seen, trace_last_bar(strategy, Values(window), position, evaluated.state).rules)
