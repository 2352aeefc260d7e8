"""One bar: store it, evaluate the sessions that wait for it, write what they say, wake the executor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stratforge.bus.messages import BarMessage
from stratforge.bus.queues import send_work_ready, sqs_client
from stratforge.storage.ledger import symbols
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy.lookback import window_length

from functions.evaluator.sandbox_client import evaluate_sessions, sandbox_client


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What one bar came to."""

    sessions: int
    signals: int
    failures: int


def _by_window_length(sessions: list[RunningSession]) -> dict[int, list[RunningSession]]:
    groups: dict[int, list[RunningSession]] = {}
    for session in sessions:
        groups.setdefault(window_length(session.lookback), []).append(session)
    return groups


class EvaluatorService:
    """Evaluates bars. Handling a bar again changes nothing: sessions remember the last bar they saw."""

    def __init__(self, database: Database, sandbox_function: str, signals_queue_url: str) -> None:
        self._database = database
        self._sandbox_function = sandbox_function
        self._signals_queue_url = signals_queue_url

    def prepare(self) -> None:
        """Connects to what it needs, so that the first message does not wait for it."""
        with self._database.transaction():
            sqs_client()
            sandbox_client()

    def handle(self, message: BarMessage, arrived_at: datetime | None = None) -> Evaluated:
        """Handles one message of the bars queue; `arrived_at` is when it came there."""
        bar = message.bar()
        if message.kind == "correction":
            with self._database.transaction() as connection:
                market_data.correct_bar(connection, bar)
            return Evaluated(0, 0, 0)
        with self._database.transaction() as connection:
            market_data.add_bars(connection, [bar])
            market_data.set_bar_price(connection, bar)
            sessions = evaluations.sessions_awaiting(connection, bar.symbol, message.shard, bar.time)
            by_window = _by_window_length(sessions)
            longest = market_data.trailing_window(connection, bar.symbol, bar.time, max(by_window, default=1))
        outcomes: list[Outcome] = []
        for length, group in by_window.items():
            # Without its whole window a strategy would see other values than in its backtest: it waits for the history.
            if len(longest) >= length:
                outcomes += evaluate_sessions(self._sandbox_function, longest.tail(length), group)
        with self._database.transaction() as connection:
            signals = evaluations.record_outcomes(connection, bar.symbol, bar.time, outcomes)
            # Also true when an earlier delivery of this bar wrote signals and died before it could wake the executor.
            waiting = symbols.has_work(connection, bar.symbol, new_price=True)
        if waiting:
            cause = f"bar-{bar.time:%Y%m%dT%H%M%SZ}-{message.shard}"
            send_work_ready(self._signals_queue_url, bar.symbol, cause, arrived_at)
        return Evaluated(len(outcomes), signals, sum(outcome.error is not None for outcome in outcomes))
