"""Queues as SQS FIFO has them: in order within a group, at least once, the same cause once within five minutes; slow at times."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Generic, TypeVar

from tests.simulation.time import Loop

DEDUPLICATES = timedelta(minutes=5)
ATTEMPTS = 5
M = TypeVar("M")


@dataclass(slots=True)
class Weather:
    """How bad things are: the probability of each fault."""

    doubled: float = 0.03
    lost: float = 0.02
    slow: float = 0.02
    crash: float = 0.03
    submit: float = 0.05
    read: float = 0.03


@dataclass(slots=True)
class _Message(Generic[M]):
    body: M
    attempts: int = 0


@dataclass(slots=True)
class Queue(Generic[M]):
    """`deliver` is given a message and returns whether it was handled; what was not comes again, and goes to the dead letters in the end."""

    name: str
    loop: Loop
    random: Random
    weather: Weather
    deliver: Callable[[M], bool]
    groups: dict[str, deque[_Message[M]]] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)
    dead: int = 0

    def send(self, group: str, body: M, cause: str = "") -> None:
        """Takes a message; of the same cause only one within five minutes."""
        if cause:
            last = self.seen.get(cause)
            if last is not None and self.loop.now - last < DEDUPLICATES:
                return
            self.seen[cause] = self.loop.now
        waiting = self.groups.setdefault(group, deque())
        waiting.append(_Message(body))
        if len(waiting) == 1:
            self._come(group, self._delay())

    @property
    def empty(self) -> bool:
        """Whether nothing is on its way."""
        return not any(self.groups.values())

    def _delay(self) -> float:
        if self.random.random() < self.weather.slow:
            return self.random.uniform(1, 20)
        return self.random.uniform(0.02, 0.4)

    def _come(self, group: str, seconds: float) -> None:
        self.loop.later(seconds, f"{self.name} {group}", lambda: self._delivered(group))

    def _delivered(self, group: str) -> str:
        waiting = self.groups[group]
        message = waiting[0]
        message.attempts += 1
        done = self.deliver(message.body)
        again = done and self.random.random() < self.weather.doubled
        if done and not again:
            waiting.popleft()
        elif not done and message.attempts >= ATTEMPTS:
            waiting.popleft()
            self.dead += 1
        if waiting:
            self._come(group, self._delay() if done else self.random.uniform(1, 5) * message.attempts)
        return "again" if again else "done" if done else "failed"
