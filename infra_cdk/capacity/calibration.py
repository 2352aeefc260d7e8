"""The model of capacity beside the local stack: what it says of runs that nothing of it was taken from. No figure of it is fitted to a delay; all are seconds of processors."""

from __future__ import annotations

from dataclasses import dataclass

from infra_cdk.capacity.measured import Load, Measured
from infra_cdk.capacity.simulation import Outcome, simulate
from infra_cdk.capacity.stage import one_machine

_MINUTES = 4


def crowd(sessions: int, symbols: int, signal_rate: float = 1.0, users: int | None = None) -> Load:
    """Sessions that are spread evenly over symbols, each by itself, among so many users: as many as sessions, unless it is said."""
    users = users or sessions
    return Load(users, symbols, sessions / users, signal_rate=signal_rate, shared_signals=0.0, evenly=True)


def predicted(load: Load, measured: Measured, cores: int, alpaca_a_minute: int) -> Outcome:
    """Simulates a load on one machine, as the local stack is."""
    return simulate(load, measured, one_machine(cores, alpaca_a_minute=alpaca_a_minute), minutes=_MINUTES)


@dataclass(frozen=True, slots=True)
class Compared:
    """A run that nothing of the model was taken from: what it said, and what was measured.

    Attributes:
        what: The size, and which time of it.
        said: Seconds that the model said.
        measured: Seconds that were measured.
    """

    what: str
    said: float
    measured: float

    @property
    def ratio(self) -> float:
        """The seconds that were said, by those that were measured."""
        return self.said / self.measured if self.measured else float("inf")

    @property
    def holds(self) -> bool:
        """Returns whether the model was within 30 %."""
        return 1 / 1.3 <= self.ratio <= 1.3


def document(rows: list[Compared], measured: Measured, date: str) -> str:
    """The page that says how far the model was right."""
    held = sum(each.holds for each in rows)
    lines = [
        "# What the model says, and what was measured",
        "",
        f"The model of capacity (`simulation.py`) with the service times of {measured.date} ({measured.machine}; seconds of processors with {measured.sessions:,} sessions on {measured.symbols} symbols, no delay was fitted),",
        f"asked for runs of the whole local stack that nothing of it was taken from (`make bench ARGS=crowd_on_platform`, {date}): {held} of {len(rows)} figures are within 30 %.",
        "",
        "| run | said | measured | ratio | within 30 % |",
        "|---|---:|---:|---:|---|",
        *(
            f"| {each.what} | {each.said:.2f} s | {each.measured:.2f} s | {each.ratio:.2f} | {'yes' if each.holds else '**no**'} |"
            for each in rows
        ),
    ]
    return "\n".join(lines) + "\n"
