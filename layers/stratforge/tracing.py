"""Traces (X-Ray) of what is no function: a service that runs all the time tells its own part, and passes the trace on.

Lambda tells of its functions by itself, and links them across queues by a header of the message. The ingestor stands between two of them: an order goes to the
broker, and its fill comes back on a stream. So the executor stores the trace with the block order, and the ingestor takes it up again. Segments go to X-Ray's own
API in batches: a collector beside the task would need more memory than the task has.
"""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from stratforge.observability import logger

log = logger("tracing")
# What every request to AWS carries as its header, so that queues and topics hand it on.
carried: ContextVar[str | None] = ContextVar("carried", default=None)
_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")
# Of what begins a trace itself, this part does.
_SAMPLED = 0.05
_MOST_WAITING, _BATCH = 1_000, 50


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in a trace that is recorded: the trace, and the segment that caused what comes."""

    root: str
    parent: str | None = None

    @classmethod
    def begin(cls) -> Trace:
        """Begins a trace that is recorded, with an id of this second."""
        return cls(f"1-{int(time.time()):08x}-{secrets.token_hex(12)}")

    @classmethod
    def parse(cls, header: str | None) -> Trace | None:
        """The trace of a header; None for one that is not recorded, or is none."""
        parts = dict(part.partition("=")[::2] for part in (header or "").split(";"))
        if parts.get("Sampled") != "1" or not _ROOT.fullmatch(parts.get("Root", "")):
            return None
        parent = parts.get("Parent", "")
        return cls(parts["Root"], parent if _PARENT.fullmatch(parent) else None)

    def header(self) -> str:
        """The header that hands it on."""
        parent = f";Parent={self.parent}" if self.parent else ""
        return f"Root={self.root}{parent};Sampled=1"


def present() -> str | None:
    """The header of the invocation that is running, if Lambda records it."""
    header = os.environ.get("_X_AMZN_TRACE_ID")
    return header if Trace.parse(header) is not None else None


class Segments:
    """The segments of a service, collected until they are sent: what it did, and in which trace."""

    def __init__(self, service: str, send: Callable[[Sequence[str]], object] | None) -> None:
        """
        Args:
            send: Takes documents of segments, fifty at most; None where nothing is recorded.
        """
        self._service, self._send = service, send
        self._waiting: deque[str] = deque(maxlen=_MOST_WAITING)

    @property
    def recorded(self) -> bool:
        """True where segments are recorded at all."""
        return self._send is not None

    def sampled(self) -> Trace | None:
        """Begins a trace for one call in twenty; None for the others."""
        return Trace.begin() if self.recorded and random.random() < _SAMPLED else None  # noqa: S311 - no secret

    @contextmanager
    def segment(self, trace: Trace | None, **annotations: str) -> Iterator[None]:
        """A part of `trace`: what is sent to AWS inside hands it on. With None, or where nothing is recorded, it does nothing.

        Args:
            annotations: By what it is found.
        """
        if trace is None or not self.recorded:
            yield
            return
        document = {
            "name": self._service,
            "id": secrets.token_hex(8),
            "trace_id": trace.root,
            "start_time": time.time(),
            "annotations": annotations,
            **({"parent_id": trace.parent} if trace.parent else {}),
        }
        token = carried.set(Trace(trace.root, str(document["id"])).header())
        try:
            yield
        except BaseException:
            document["fault"] = True
            raise
        finally:
            carried.reset(token)
            self._waiting.append(json.dumps({**document, "end_time": time.time()}))

    def flush(self) -> None:
        """Sends what was collected. What cannot be sent is lost: nothing waits for a trace."""
        while self._waiting and self._send is not None:
            documents = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            try:
                self._send(documents)
            except Exception as error:  # noqa: BLE001 - whatever it is, a trace is not worth it
                log.warning("traces were not taken", segments=len(documents), error=str(error)[:200])
                return


NOT_TRACED = Segments("", None)
