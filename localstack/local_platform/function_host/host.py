"""The host: finds the pool of a function, and says in Lambda's words how an invocation ended."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from local_platform.function_host.batches import PartAnswer, give_back, joined, messages_of, split
from local_platform.function_host.definitions import Definition
from local_platform.function_host.environments import IMPORT_SECONDS, EnvironmentEnded, Pool, Throttled, TimedOut
from local_platform.function_host.wire import pack, send_with_descriptor

# What a person waits for an environment before the answer is "busy", and how long the person then waits to ask again.
PATIENCE_SECONDS = 5.0
RETRY_AFTER_SECONDS = 2
_IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function, with its event and time limit."""

    function: str
    arn: str
    request_id: str
    trace_id: str | None
    deadline: float
    event: bytes


class ForkServer:
    """The process that forks environments; started again when it dies."""

    def __init__(self, import_seconds: float = IMPORT_SECONDS) -> None:
        """
        Args:
            import_seconds: What the import of a handler may take.
        """
        self.import_seconds = import_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Starts it. From the main thread: it ends with the thread that started it."""
        self.stop()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-W",
                    "ignore",
                    "-m",
                    "local_platform.function_host.fork_server",
                    str(theirs.fileno()),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    @property
    def pid(self) -> int:
        """Its process id; 0 when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    async def environment(self, definition: Definition) -> socket.socket:
        """A connection to an environment that is being forked.

        Raises:
            EnvironmentEnded: if the fork server ends again and again.
        """
        ours, theirs = socket.socketpair()
        order = {"definition": definition.message(), "import_seconds": self.import_seconds}
        with theirs:
            for _ in range(2):
                if self.pid == 0:
                    self.start()
                assert self._control is not None
                try:
                    send_with_descriptor(self._control, order, theirs.fileno())
                except OSError:
                    # It is ending, and the system does not say so yet.
                    self.stop()
                    continue
                ours.setblocking(False)
                return ours
        ours.close()
        raise EnvironmentEnded("the fork server ended")

    def forget(self) -> None:
        """Lets all templates go, so that code is loaded anew."""
        if self.pid and self._control is not None:
            self._control.sendall(pack({}))

    def stop(self) -> None:
        """Ends it, and with it all environments."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._control is not None:
            self._control.close()


class Host:
    """The host of all functions: their pools of environments."""

    def __init__(
        self,
        look_up: Callable[[str], Definition],
        bounds: Mapping[str, int],
        bound: int,
        give_back: Callable[[Sequence[dict[str, Any]]], None] = give_back,
        kept: Collection[str] = (),
    ) -> None:
        """
        Args:
            look_up: Gives a function by its name.
            bounds: Environments that single functions may have.
            bound: Environments that any other may have.
            kept: Functions that keep an environment however long nobody asks for it; others are forked anew when somebody does.
            give_back: Has messages of a queue come again that nobody works on any more.
        """
        self.fork_server = ForkServer()
        self._give_back = give_back
        self._releasing: set[asyncio.Task[None]] = set()
        self._look_up, self._bounds, self._bound, self._kept = look_up, bounds, bound, kept
        self._pools: dict[str, asyncio.Task[Pool]] = {}
        self._places: dict[str, asyncio.Semaphore] = {}
        # Of the deployments before, until their last invocations have ended.
        self._leaving: list[Pool] = []

    async def invoke(self, call: Invocation) -> tuple[int, bytes]:
        """The answer of a function and its HTTP status; what is not 200 is an error to the engine."""
        try:
            pool = await self._pool(call.function)
        except Exception as error:  # noqa: BLE001 - the engine's errors are many, and each is told to the caller
            return 500, _failure("Runtime.InitError", f"{call.function} cannot be looked up: {error}")
        parts = split(call.event)
        if not parts:
            answer = await self._invoke(pool, call)
            self._release([call], [answer])
            return answer
        calls = [
            replace(call, request_id=f"{call.request_id}-{number}", event=part.event)
            for number, part in enumerate(parts)
        ]
        answers = await asyncio.gather(*(self._invoke(pool, each) for each in calls))
        self._release(calls, answers)
        if all(status != 200 for status, _ in answers):
            return answers[0]
        return 200, joined(
            [
                PartAnswer(part, body if status == 200 else None)
                for part, (status, body) in zip(parts, answers, strict=True)
            ]
        )

    def _release(self, calls: Sequence[Invocation], answers: Sequence[tuple[int, bytes]]) -> None:
        """Gives back the messages of a queue that were not handled, or not before the engine had given up: to it all of those have failed."""
        messages = [
            message
            for call, (status, _) in zip(calls, answers, strict=True)
            if status != 200 or time.time() >= call.deadline
            for message in messages_of(call.event)
        ]
        if messages:
            # The engine waits for the answer, and must not have to wait for itself as well.
            releasing = asyncio.create_task(asyncio.to_thread(self._give_back, messages))
            self._releasing.add(releasing)
            releasing.add_done_callback(self._releasing.discard)

    async def settled(self) -> None:
        """Waits until all messages are given back that are to be."""
        await asyncio.gather(*self._releasing)

    async def _invoke(self, pool: Pool, call: Invocation) -> tuple[int, bytes]:
        head = {
            "deadline": call.deadline,
            "arn": call.arn,
            "request_id": call.request_id,
            "trace_id": call.trace_id,
        }
        received = time.time()
        left = max(0.0, call.deadline - received)
        asked_over_http = b'"requestContext"' in call.event and b'"routeKey"' in call.event
        try:
            answer, body = await pool.invoke(head, call.event, min(PATIENCE_SECONDS, left) if asked_over_http else left)
        except Throttled:
            return (200, _busy()) if asked_over_http else (429, _failure("TooManyRequestsException", "Rate exceeded"))
        except TimedOut:
            seconds = pool.definition.timeout
            return 500, _failure("Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds")
        except EnvironmentEnded as error:
            return 500, _failure("Runtime.ExitError", f"{call.function}: {error}")
        _report(call, received, answer)
        return (200 if answer["status"] == "ok" else 500), body

    async def _pool(self, name: str) -> Pool:
        task = self._pools.get(name)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._pools[name] = asyncio.create_task(self._make_pool(name))
        pool = await asyncio.shield(task)
        if self._pools.get(name) is not task and pool not in self._leaving:
            # Looked up when there was another deployment already.
            self._leave(pool)
        return pool

    def _leave(self, pool: Pool) -> None:
        pool.close()
        self._leaving.append(pool)

    async def _make_pool(self, name: str) -> Pool:
        definition = await asyncio.to_thread(self._look_up, name)
        bound = self._bounds.get(name, self._bound)
        places = self._places.setdefault(name, asyncio.Semaphore(bound))
        return Pool(definition, bound, self.fork_server.environment, kept=name in self._kept, places=places)

    def pools(self) -> list[Pool]:
        """The functions that were asked for so far."""
        return [
            task.result()
            for task in self._pools.values()
            if task.done() and not task.cancelled() and task.exception() is None
        ]

    def forget(self) -> None:
        """After a new deployment: everything is looked up again. What runs comes to its end."""
        for pool in self.pools():
            self._leave(pool)
        self._pools.clear()
        self.fork_server.forget()

    async def trim(self) -> None:
        """Lets environments go that nobody needs, again and again."""
        while True:
            await asyncio.sleep(_IDLE_SECONDS / 4)
            for pool in self.pools():
                pool.trim(_IDLE_SECONDS)

    def status(self) -> dict[str, Any]:
        """Returns each function's environments and counters, for `GET /status`. Environments of a deployment before count while they work."""
        self._leaving = [pool for pool in self._leaving if pool.at_work]

        def of(name: str) -> list[Pool]:
            return [each for each in (*self.pools(), *self._leaving) if each.definition.name == name]

        return {
            "host": os.getpid(),
            "fork_server": self.fork_server.pid,
            "functions": {
                pool.definition.name: {
                    "bound": pool.bound,
                    "environments": [each.pid for found in of(pool.definition.name) for each in found.environments],
                    "busy": sum(len(found.busy) for found in of(pool.definition.name)),
                    "waiting": sum(found.waiting for found in of(pool.definition.name)),
                    **asdict(pool.counters),
                }
                # The newest says the counters.
                for pool in (*self._leaving, *self.pools())
            },
        }


def _report(call: Invocation, received: float, answer: Mapping[str, Any]) -> None:
    """A line in the log for each invocation, as Lambda writes one; times are seconds since 1970."""
    report = {
        "invocation": call.request_id,
        "function": call.function,
        "received": round(received, 6),
        "began": round(answer["began"], 6),
        "ended": round(answer["ended"], 6),
        "cpu_seconds": round(answer["cpu_seconds"], 6),
    }
    print(json.dumps(report), flush=True)


def _failure(kind: str, message: str) -> bytes:
    return json.dumps({"errorMessage": message, "errorType": kind}).encode()


def _busy() -> bytes:
    """Builds the gateway's answer to an HTTP request that found the platform busy: 503 with Retry-After."""
    problem = {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "busy",
        "detail": f"The platform is busy; ask again in {RETRY_AFTER_SECONDS} seconds.",
    }
    return json.dumps(
        {
            "statusCode": 503,
            "headers": {"content-type": "application/problem+json", "retry-after": str(RETRY_AFTER_SECONDS)},
            "body": json.dumps(problem),
        }
    ).encode()
