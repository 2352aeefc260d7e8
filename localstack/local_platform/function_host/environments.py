"""Execution environments of a function: a bounded number, and whoever finds none free waits his turn."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from local_platform.function_host.definitions import Definition
from local_platform.function_host.wire import Head, pack, read

# What a handler's import may take, on a machine that is busy with others; and with it, all before an environment is ready.
IMPORT_SECONDS, OPEN_SECONDS = 60.0, 120.0


class Throttled(Exception):
    """No environment came free in the time that a request may wait."""


class EnvironmentEnded(Exception):
    """The environment ended in the middle, or could not begin."""


class TimedOut(Exception):
    """The handler did not answer in its time; its environment was ended."""


@dataclass(slots=True)
class Counters:
    """Counters of a function's invocations since the host began."""

    invocations: int = 0
    errors: int = 0
    started: int = 0
    throttled: int = 0
    timed_out: int = 0
    ended: int = 0
    most_at_once: int = 0
    cpu_seconds: float = 0.0


class Environment:
    """One execution environment, seen from the host."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pid: int) -> None:
        self.pid = pid
        self.used_at = time.monotonic()
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, connection: socket.socket) -> Environment:
        """Waits until the environment at the other end of the connection is ready.

        Raises:
            EnvironmentEnded: if it does not get so far.
        """
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                head, _ = await read(reader)
        except TimeoutError:
            writer.close()
            raise EnvironmentEnded(f"it was not ready within {OPEN_SECONDS:g} s") from None
        except (asyncio.IncompleteReadError, OSError):
            writer.close()
            raise EnvironmentEnded("it ended before it was ready") from None
        except asyncio.CancelledError:
            writer.close()
            raise
        if head["status"] != "ready":
            writer.close()
            raise EnvironmentEnded(str(head["error"]))
        return cls(reader, writer, int(head["pid"]))

    @property
    def alive(self) -> bool:
        """Returns whether the environment is still connected."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def invoke(self, head: Head, event: bytes) -> tuple[Head, bytes]:
        """Invokes the function once, and returns the head and body of its answer.

        Raises:
            TimedOut: if the deadline in the head passes first.
            EnvironmentEnded: if it ends in the middle.
        """
        try:
            async with asyncio.timeout(max(0.0, float(head["deadline"]) - time.time())):
                self._writer.write(pack(head, event))
                await self._writer.drain()
                answer = await read(self._reader)
        except TimeoutError:
            self.kill()
            raise TimedOut from None
        except (asyncio.IncompleteReadError, OSError):
            self.close()
            raise EnvironmentEnded("it ended before it answered") from None
        self.used_at = time.monotonic()
        return answer

    def kill(self) -> None:
        """Ends it in the middle of what it does."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Hangs up; it ends when it is done."""
        self._writer.close()


class Pool:
    """The environments of one function, up to its bound, and who waits for one."""

    def __init__(
        self,
        definition: Definition,
        bound: int,
        start: Callable[[Definition], Awaitable[socket.socket]],
        *,
        kept: bool = True,
        places: asyncio.Semaphore | None = None,
    ) -> None:
        """
        Args:
            definition: The function.
            bound: Environments that it may have.
            start: Forks one.
            kept: Whether one environment stays however long nobody asks for it.
            places: What holds the bound, together with the pool of the deployment before, whose last invocations may still run.
        """
        self.definition = definition
        self.bound = bound
        self._kept = kept
        self._closed = False
        self.counters = Counters()
        self._start = start
        self._places = places or asyncio.Semaphore(bound)
        self._idle: list[Environment] = []
        self.busy: set[Environment] = set()
        self.waiting = 0
        self._starting = 0

    @property
    def at_work(self) -> bool:
        """Returns whether somebody is served, or waits to be."""
        return bool(self.busy or self.waiting or self._starting)

    @property
    def environments(self) -> list[Environment]:
        """Returns all environments that live, idle and busy."""
        return [*(each for each in self._idle if each.alive), *self.busy]

    async def invoke(self, head: Head, event: bytes, patience: float) -> tuple[Head, bytes]:
        """Runs the handler, in the order of arrival.

        Args:
            head: With the time at which it must have ended. What it waits for an environment is not taken from the handler's own time, as on AWS.
            patience: Seconds to wait for an environment.

        Raises:
            Throttled: if none comes free in that time.
            EnvironmentEnded: if it ended, or could not be started.
            TimedOut: if the handler took too long.
        """
        allowed = float(head["deadline"]) - time.time()
        self.waiting += 1
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
        except TimeoutError:
            self.counters.throttled += 1
            raise Throttled from None
        finally:
            self.waiting -= 1
        try:
            return await self._run(head, event, allowed)
        finally:
            self._places.release()

    async def _run(self, head: Head, event: bytes, allowed: float) -> tuple[Head, bytes]:
        environment = await self._take()
        head = {**head, "deadline": time.time() + allowed}
        self.busy.add(environment)
        self.counters.invocations += 1
        self.counters.most_at_once = max(self.counters.most_at_once, len(self.busy))
        try:
            answer = await environment.invoke(head, event)
        except TimedOut:
            self.counters.timed_out += 1
            raise
        except EnvironmentEnded:
            self.counters.ended += 1
            raise
        except asyncio.CancelledError:
            # Whoever asked is gone; what it still does is nobody's, and its place is needed.
            environment.kill()
            raise
        finally:
            self.busy.discard(environment)
            if self._closed:
                environment.close()
            elif environment.alive:
                self._idle.append(environment)
        self.counters.cpu_seconds += answer[0]["cpu_seconds"]
        self.counters.errors += answer[0]["status"] != "ok"
        return answer

    async def _take(self) -> Environment:
        while self._idle:
            environment = self._idle.pop()
            if environment.alive:
                return environment
            environment.close()
        self.counters.started += 1
        self._starting += 1
        try:
            return await Environment.open(await self._start(self.definition))
        finally:
            self._starting -= 1

    def trim(self, idle_seconds: float) -> None:
        """Lets go what nobody asked for in so many seconds; one stays if it is kept, so that the next request finds it warm."""
        limit = time.monotonic() - idle_seconds
        # The one used last is at the end.
        for environment in self._idle[:-1] if self._kept else self._idle:
            if environment.used_at < limit:
                environment.close()
        self._idle = [each for each in self._idle if each.alive]

    def close(self) -> None:
        """Lets all idle ones go; busy ones end with their invocation."""
        self._closed = True
        for environment in self._idle:
            environment.close()
        self._idle.clear()
