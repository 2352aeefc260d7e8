"""Publishing side by side, in order for each symbol: a topic that does not answer holds up its own symbols alone."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

from stratforge.observability import logger

log = logger("ingestor")
Item = TypeVar("Item")


class PatientPublisher(Generic[Item]):
    """Has what there is of symbols published in threads, for which nobody has to wait."""

    def __init__(
        self,
        publish: Callable[[Sequence[str], Sequence[Item]], None],
        threads: Executor,
        on_fatal: Callable[[], None],
        behind: int | None = None,
    ) -> None:
        """
        Args:
            publish: Publishes what there is of some symbols, in order for each; what it raises ends the service.
            threads: The threads that publish.
            on_fatal: Ends the service.
            behind: Items of a symbol that wait behind those that are being published, at most; of more the oldest are dropped. None for any number.
        """
        self._publish = publish
        self._threads = threads
        self._on_fatal = on_fatal
        self._most = behind
        self._lock = threading.Lock()
        # By the symbols of which something is being published, what comes after it.
        self._behind: dict[str, deque[Item]] = {}

    def publish(self, items: Mapping[str, Sequence[Item]], symbols_at_once: int = 1) -> list[Future[None]]:
        """Has items of symbols published, after those before them of the same symbol.

        Args:
            items: The items by their symbol.
            symbols_at_once: Symbols that are published together.

        Returns:
            What begins at once; everything else comes after what is being published of its symbol.
        """
        ready: list[str] = []
        with self._lock:
            for symbol, of_symbol in items.items():
                if symbol in self._behind:
                    self._behind[symbol].extend(of_symbol)
                else:
                    self._behind[symbol] = deque(maxlen=self._most)
                    ready.append(symbol)
        parts = (ready[start : start + symbols_at_once] for start in range(0, len(ready), symbols_at_once))
        return [self._threads.submit(self._work, {symbol: items[symbol] for symbol in part}) for part in parts]

    def _work(self, items: Mapping[str, Sequence[Item]]) -> None:
        try:
            while items:
                self._publish(list(items), [each for of_symbol in items.values() for each in of_symbol])
                with self._lock:
                    items = {symbol: waited for symbol in items if (waited := self._next(symbol))}
        except BaseException:
            log.exception("publishing failed; the service restarts", symbols=list(items)[:20])
            self._on_fatal()
            raise

    def _next(self, symbol: str) -> Sequence[Item]:
        """What waited behind what was published of a symbol; without any, nothing is being published of it any more."""
        waited = list(self._behind[symbol])
        if waited:
            self._behind[symbol].clear()
        else:
            del self._behind[symbol]
        return waited
