"""The account's keys over the life of the service: waited for until somebody enters them, and noticed when they change."""

from __future__ import annotations

from collections.abc import Callable

from stratforge.configuration import AlpacaSecret, FixedKeys, Keys
from stratforge.observability import logger

log = logger("ingestor")
_LOOK_EVERY = 20.0


class AccountKeys:
    """The keys that the service runs with. Its streams hold them for as long as they live, so other keys need a new start."""

    def __init__(self, keys: Keys[AlpacaSecret] | FixedKeys[AlpacaSecret]) -> None:
        self._keys = keys
        self._used = keys.now()

    def wait(self, beat: Callable[[], None], pause: Callable[[float], bool]) -> AlpacaSecret | None:
        """The keys, once they are entered; None when it is time to stop before.

        A deployment comes before its keys: without any the service lives and waits, so that the deployment succeeds.

        Args:
            beat: Called in between, to show that the service lives.
            pause: Waits so many seconds; true when it is time to stop.
        """
        while not self._used.entered:
            log.warning("waiting for the keys of Alpaca: make secrets")
            beat()
            if pause(_LOOK_EVERY):
                return None
            self._used = self._keys.after_refusal()
        return self._used

    def changed(self) -> bool:
        """Returns whether other keys were entered; looked at every five minutes."""
        return self._keys.now() != self._used
