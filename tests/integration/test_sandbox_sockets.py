"""A strategy's process can have no socket: not a new one, not an inherited one, not by raising its limits. Tried by a process that is started as Lambda starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from local_platform.synthesis import ROOT

# The handler's own module makes the pool, and its first call the child. A hole in the language is made by putting native code in the place of what evaluates strategies;
# it is loaded before the child is, which could load nothing.
_PROGRAM = """
import ctypes, encodings.idna, json, os, platform, resource, socket, stat, sys
import functions.sandbox.handler as entry
from functions.sandbox import workers
from stratforge.strategy.batch import Program, Sessions, encode_columns
from stratforge.market import BarColumns
import numpy as np

libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
SOCKET, SOCKETPAIR = (198, 199) if arm else (41, 53)
IO_URING_SETUP, PIDFD_OPEN = 425, 434
MEMFD_CREATE, DUP = (279, 23) if arm else (319, 32)

def syscall(*arguments):
    found = libc.syscall(*(each if isinstance(each, ctypes.Array) else ctypes.c_long(each) for each in arguments))
    if found < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return found

def raised_again(kind):
    resource.setrlimit(kind, (1024, 1024))

def after_raising():
    try:
        raised_again(resource.RLIMIT_NOFILE)
    except (OSError, ValueError):
        pass
    return socket.socket()

def of_a_process_of_its_own():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)

def root_again():
    os.setuid(0)

attempts = {
    **{f"{family} {kind}": lambda f=family, k=kind: socket.socket(getattr(socket, f), getattr(socket, k))
       for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK") for kind in ("SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW")},
    "pair": socket.socketpair,
    "connect": lambda: socket.create_connection(("127.0.0.1", 9), 1),
    "resolve": lambda: socket.getaddrinfo("example.com", 443),
    "system call": lambda: syscall(SOCKET, 2, 1, 0),
    "system call for a pair": lambda: syscall(SOCKETPAIR, 1, 1, 0, (ctypes.c_int * 2)()),
    "io_uring": lambda: syscall(IO_URING_SETUP, 8, (ctypes.c_char * 256)()),
    "pidfd of the parent": lambda: syscall(PIDFD_OPEN, os.getppid(), 0),
    "memfd": lambda: syscall(MEMFD_CREATE, (ctypes.c_char * 2)(), 0),
    "a second number": lambda: syscall(DUP, [each for each in range(4096) if is_open(each)][0]),
    "limit of files": lambda: raised_again(resource.RLIMIT_NOFILE),
    "limit of processes": lambda: raised_again(resource.RLIMIT_NPROC),
    "socket after the limit": after_raising,
    "process": of_a_process_of_its_own,
    "root": root_again,
}

def is_open(number):
    try:
        return bool(os.fstat(number))
    except OSError:
        return False

def succeeded():
    found = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except (OSError, ValueError):
            continue
        found.append(name)
    inherited = [number for number in range(4096) if is_open(number)]
    return {"succeeded": found, "pipes": sum(stat.S_ISFIFO(os.fstat(each).st_mode) for each in inherited), "open": len(inherited)}

if sys.argv[1] != "root" and os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)

def evaluate(bars, sessions, cache, chosen, begin):
    for place in map(int, chosen):
        begin(place, 0)
        yield place, (), json.dumps(succeeded())

workers.evaluate_requests = evaluate
path = 100 + np.arange(60.0)
times = 1_700_000_040 + 60 * np.arange(60, dtype=np.int64)
bars = encode_columns(BarColumns(times, path, path + 1, path - 1, path, path))
program = Program.of("def on_bar(bar, position, state):\\n    return buy(confidence=0.5)\\n", {})
sessions = Sessions((program.hash,), [()])
sessions.places.extend((0, 0, 0))
sessions.numbers.extend((0.0, 0.0, 0.0))
# Connections of this process that a child could inherit, as Lambda's runtime has one.
held = [socket.socket() for _ in range(3)]
answer = entry.handler({"bars": bars, "sources": {program.hash: program.text}, "sessions": sessions.encoded()}, None)
free = succeeded()
print(json.dumps({"child": json.loads(answer["errors"][0]), "free": free}))
"""


@pytest.mark.parametrize("user", ["nobody", "root"])
def test_a_strategys_process_has_no_way_to_a_socket(user: str) -> None:
    if user == "root" and os.geteuid() != 0:
        pytest.skip("this machine's user is not root, as Lambda's is not")
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, user],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "layers"), str(ROOT)))},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    # The attempts are such as succeed where nothing is locked down.
    assert {"AF_INET SOCK_STREAM", "pair", "system call", "memfd", "process", "a second number"} <= {
        *answer["free"]["succeeded"]
    }
    assert answer["child"]["succeeded"] == []
    # All that it has are the two pipes to its parent.
    assert (answer["child"]["open"], answer["child"]["pipes"]) == (2, 2)
