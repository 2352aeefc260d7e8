"""Confinement that keeps native code in a strategy's process from everything else, for the day the language has a hole."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
import os
import resource
import signal

_MEMORY_BYTES = 512 << 20
# User and group of a child that would be root.
_NOBODYS_ID = 65_534
# Of Linux's prctl: whether a process of the same user may read, write and trace this one.
_PR_SET_DUMPABLE = 4
# Of glibc's mallopt: how much free memory at the end of the heap is kept, and from what size on memory is not of the heap.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 << 20


def hide_memory() -> None:
    """Closes this process to others of its user, its own children among them: they can neither read nor write its memory, nor trace it.

    Lambda refuses the call to everybody, as it refuses to let processes trace each other; elsewhere it is what keeps native code in a child from its parent.
    """
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def keep_memory() -> None:
    """Has this process and its children keep what they free for what they compute next.

    The system clears every page that it gives anew: a column that is made of such pages takes several times what it costs, or not, by what was freed
    before it.
    """
    # Where there is another C library there is no such call, and nothing to be done.
    with contextlib.suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, 2 * _KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)


def lock_down(source: int, sink: int) -> None:
    """Takes from this process, a child, what a strategy has no use for: files but these two pipes, processes, memory without bound, the environment."""
    os.environ.clear()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.geteuid() == 0:
        # Root is held by no limit of the number of processes, and may raise the others again. On Lambda nobody is root.
        os.setgroups([])
        os.setgid(_NOBODYS_ID)
        os.setuid(_NOBODYS_ID)
    first, second = sorted((source, sink))
    os.closerange(0, first)
    os.closerange(first + 1, second)
    os.closerange(second + 1, 4096)
    # What the parent had is never collected, so pages stay shared.
    gc.freeze()
    limits = {
        resource.RLIMIT_AS: _address_space() + _MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 0,
    }
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * mmap.PAGESIZE
