"""A simulated clock for everything: the loop of events, Python, and the database, whose `now()` and random ids are ours."""

from __future__ import annotations

import heapq
import os
import random as random_module
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from types import SimpleNamespace
from typing import Any

import psycopg

# Before the system's own, so that defaults, triggers and views of the migrations mean these.
CLOCK_OF_THE_DATABASE = """
CREATE UNLOGGED TABLE simulation_clock (at timestamptz NOT NULL) WITH (fillfactor = 10, autovacuum_enabled = false);
INSERT INTO simulation_clock VALUES ('2026-01-05 14:00Z');
CREATE SEQUENCE simulation_ids;
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT at FROM simulation_clock $$;
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT at FROM simulation_clock $$;
CREATE FUNCTION gen_random_uuid() RETURNS uuid LANGUAGE sql VOLATILE AS $$ SELECT md5('id ' || nextval('simulation_ids'))::uuid $$;
CREATE FUNCTION random() RETURNS double precision LANGUAGE sql VOLATILE AS $$ SELECT 0.5::double precision $$;
"""
# What names a path of its own would find the system's clock again. Statistics that come at their own time would change plans, and with them the order of rows.
AFTER_THE_MIGRATIONS = """
DO $$
DECLARE each record;
BEGIN
    FOR each IN SELECT oid::regprocedure AS name FROM pg_proc WHERE proconfig @> ARRAY['search_path=public'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = public, pg_catalog', each.name);
    END LOOP;
    FOR each IN SELECT oid::regclass AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', each.name);
    END LOOP;
END $$;
"""


class Loop:
    """Events by the exchange's time. `wall` is the time of our machines, which may be wrong."""

    def __init__(self, starts: datetime) -> None:
        self.now = starts
        self.off = timedelta(0)
        self._events: list[tuple[datetime, int, str, Callable[[], object]]] = []
        self._count = 0
        self.trace: list[str] = []

    @property
    def wall(self) -> datetime:
        """The time by the clocks of our machines."""
        return self.now + self.off

    def at(self, when: datetime, name: str, action: Callable[[], object]) -> None:
        """Has something happen at a time."""
        self._count += 1
        heapq.heappush(self._events, (max(when, self.now), self._count, name, action))

    def later(self, seconds: float, name: str, action: Callable[[], object]) -> None:
        """Has something happen after so many seconds."""
        self.at(self.now + timedelta(seconds=seconds), name, action)

    def run(self, until: datetime, before_each: Callable[[], None]) -> None:
        """Lets everything happen up to a time, in order; what an event gave goes into the trace."""
        while self._events and self._events[0][0] <= until:
            when, _, name, action = heapq.heappop(self._events)
            self.now = when
            before_each()
            self.trace.append(f"{when:%d %H:%M:%S.%f} {name}: {action()}")
        self.now = max(self.now, until)
        before_each()


@contextmanager
def simulated(loop: Loop, random: Random) -> Iterator[None]:
    """Python's clock and randomness are the simulation's, in everything of the product."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return loop.wall.astimezone(tz or UTC)

    seconds = SimpleNamespace(time=lambda: loop.wall.timestamp(), monotonic=lambda: loop.now.timestamp())
    undo: list[tuple[Any, str, Any]] = [(os, "urandom", os.urandom), (random_module, "_urandom", os.urandom)]
    os.urandom = random.randbytes
    # What `secrets` draws from.
    random_module._urandom = random.randbytes  # type: ignore[attr-defined]
    real_time = sys.modules["time"]
    try:
        for name, module in list(sys.modules.items()):
            if name.split(".")[0] not in ("stratforge", "functions") or name.endswith(
                ("storage.postgres.database", "ingestor.retry")
            ):
                continue
            for attribute, real, ours in (("datetime", datetime, Clock), ("time", real_time, seconds)):
                if getattr(module, attribute, None) is real:
                    undo.append((module, attribute, real))
                    setattr(module, attribute, ours)
        yield
    finally:
        for owner, attribute, value in undo:
            setattr(owner, attribute, value)


class DatabaseClock:
    """Sets the database's clock."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._set: datetime | None = None

    def set(self, at: datetime) -> None:
        """Sets it, for every connection."""
        if at != self._set:
            self._connection.execute("UPDATE simulation_clock SET at = %s", (at,))
            self._set = at

    def tidy(self) -> None:
        """Does what the database did at times of its own, if the simulation had left that to it."""
        self._connection.execute("VACUUM ANALYZE")

    def close(self) -> None:
        """Disconnects."""
        self._connection.close()
