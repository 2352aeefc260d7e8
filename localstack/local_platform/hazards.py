"""Hazards of a machine while a platform runs on it: its clock jumps, its disk fills."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

JUMP_SECONDS = 5.0
# PostgreSQL stops in the middle of a write when there is no room for its log.
NEEDED_BYTES = 300 << 20


class Clock:
    """The wall clock, watched with one that only goes forward."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()

    def jump(self) -> float:
        """Seconds that the wall clock jumped since the last look; 0 when it went its way. A machine that slept jumps forward."""
        offset = self._wall() - self._steady()
        moved, self._offset = offset - self._offset, offset
        return moved if abs(moved) > JUMP_SECONDS else 0.0


class Disk:
    """The room that is left on the disk of the state folder."""

    def __init__(
        self, folder: Path, free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    ) -> None:
        self._folder, self._free = folder, free
        self.full = False

    def changed(self) -> bool:
        """Returns whether the disk became full, or stopped being so, since the last look."""
        was, self.full = self.full, self.free_bytes() < NEEDED_BYTES
        return was != self.full

    def free_bytes(self) -> int:
        """Bytes that can still be written."""
        return self._free(self._folder)
