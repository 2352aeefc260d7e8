"""Ports of this machine's platform: taken before anybody listens, so that two platforms never choose the same."""

from __future__ import annotations

import contextlib
import socket
import sys

from local_platform.failures import StartError

_FIRST, _TRIED = 8000, 20


class Ports:
    """Ports that are this platform's until it ends."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def any(self) -> int:
        """Holds a port of this machine that nobody has, and returns it."""
        return self._take(0)

    def exactly(self, port: int) -> int:
        """The port a person asked for.

        Raises:
            StartError: if somebody else has it.
        """
        try:
            return self._take(port)
        except OSError:
            raise StartError(f"port {port} is in use; choose another with --port") from None

    def first_free(self) -> int:
        """The first of the ports that dashboards are usually at; any other when all are taken."""
        for port in range(_FIRST, _FIRST + _TRIED):
            with contextlib.suppress(OSError):
                return self._take(port)
        return self.any()

    def _take(self, port: int) -> int:
        if port:
            self._claim(port)
        holder = socket.socket()
        try:
            # Given with the number, the option lets connections of an earlier run that linger be passed over.
            if port:
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", port))
            # From here on a child that says the same can listen on it, and nobody is given it by chance.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        except OSError:
            holder.close()
            raise
        taken = int(holder.getsockname()[1])
        if sys.platform == "linux":
            self._held.append(holder)
        else:
            holder.close()
        return taken

    def _claim(self, port: int) -> None:
        """A port that is only bound would be taken by a second platform too; a name of the kernel's is had once."""
        if listening(port):
            raise OSError("somebody listens")
        if sys.platform == "linux":
            claim = socket.socket(socket.AF_UNIX)
            try:
                claim.bind(f"\0stratforge-port-{port}")
            except OSError:
                claim.close()
                raise
            self._held.append(claim)

    def close(self) -> None:
        """Closes the sockets that held the ports."""
        for holder in self._held:
            holder.close()
        self._held.clear()


def listening(port: int) -> bool:
    """Returns whether something listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
