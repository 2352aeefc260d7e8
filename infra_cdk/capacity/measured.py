"""Measured performance of the local stack (`make measure`), and the load that users put on the platform."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "measured.json"


@dataclass(frozen=True, slots=True)
class Line:
    """Seconds of work: so many for each message, and so many for each item in it."""

    fixed: float
    each: float

    def of(self, items: float) -> float:
        """Seconds for a message with so many items."""
        return self.fixed + self.each * items


@dataclass(frozen=True, slots=True)
class DatabaseWork:
    """Seconds of PostgreSQL's processors, by what they depend on.

    Attributes:
        evaluator: Of the evaluator's questions, by bar and session that says something.
        executor: Of the executor's, by execution of a symbol and order.
        settler: Of the settler's, by order update and order.
        others: What nobody on the way of an order waits for, by bar and order: telling, reading, and the upkeep of what was written.
        user: Of what every user takes in a minute, whether or not anything trades: his equity is noted, and his sessions are looked through.
    """

    evaluator: Line
    executor: Line
    settler: Line
    others: Line
    user: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of a run on one machine.

    `evaluator` is by bar and session, `sandbox` by call and strategy, `executor` by execution of a symbol and order, `settler` by order update and order:
    seconds of processor time. `look` is those of an executor that is woken and executes nothing, as by most prices. `database` is PostgreSQL's; `rest` is that of everything else on one machine (ingestor,
    engine, simulators), by bar and order. `wait` is what an invocation waits for the database and the engine beside that. Bytes are of rows with indexes.
    """

    machine: str
    date: str
    evaluator: Line
    sandbox: Line
    executor: Line
    settler: Line
    database: DatabaseWork
    rest: Line
    look: float
    wait: float
    bytes_a_bar: float
    bytes_a_signal: float
    bytes_an_order: float
    bytes_a_snapshot: float
    log_bytes_a_bar: float
    # What the same run showed from end to end, to check the simulation with.
    sessions: int
    symbols: int
    signals_a_bar: float
    bar_to_order_p50: float
    bar_to_order_p99: float

    @classmethod
    def read(cls, path: Path = FILE) -> Measured:
        """Reads the measurements that are committed beside this module."""
        values: dict[str, Any] = json.loads(path.read_text())
        asked = {name: _line(value) for name, value in values.pop("database").items()}
        return cls(database=DatabaseWork(**asked), **{name: _line(value) for name, value in values.items()})


def _line(value: Any) -> Any:
    return Line(**value) if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class Load:
    """A month's load on the platform.

    Attributes:
        users: People with an account.
        symbols: Symbols that anybody's session watches.
        sessions_a_user: Running sessions for each.
        signal_rate: The part of evaluated bars that gives a signal.
        shared_signals: The part of a symbol's sessions that say the same on the same bar: many run one idea.
        evenly: Whether all symbols have as many sessions; otherwise a few are everybody's.
        page_views: Requests of the dashboard and the API, for each user and trading day.
        generations: Strategies written and questions asked by each user in a month.
        backtests: By each user in a month.
        tool_calls: Of a language model through MCP, for each user in a month.
        told_a_minute: Messages to a connected client: prices are told every second.
        crypto_share: The part of symbols that trade day and night.
    """

    users: int
    symbols: int
    sessions_a_user: float = 2.0
    signal_rate: float = 0.02
    page_views: float = 120.0
    generations: float = 8.0
    backtests: float = 20.0
    tool_calls: float = 50.0
    told_a_minute: float = 60.0
    crypto_share: float = 0.02
    shared_signals: float = 0.3
    evenly: bool = False

    @property
    def sessions(self) -> float:
        """All running sessions, of every user together."""
        return self.users * self.sessions_a_user

    @property
    def bars_a_month(self) -> float:
        """Bars of all symbols: 21 days of 390 minutes, or 30 of 1,440 for crypto."""
        return self.symbols * ((1 - self.crypto_share) * 21 * 390 + self.crypto_share * 30 * 1440)

    @property
    def sessions_a_symbol(self) -> float:
        """Sessions that wait for a bar, on average."""
        return self.sessions / max(self.symbols, 1)

    @property
    def evaluations_a_month(self) -> float:
        """Session bars evaluated in a month."""
        return self.bars_a_month * self.sessions_a_symbol

    @property
    def symbols_with_orders(self) -> float:
        """The part of bars on which at least one session gives a signal."""
        return float(1 - (1 - self.signal_rate) ** self.sessions_a_symbol)
