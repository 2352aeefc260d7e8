"""A strategy's process can have no socket: not a new one, not an inherited one, not by raising its limits; nor its parent's memory, which has some. Tried by a
process that is started as Lambda starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from local_platform.synthesis import ROOT

# The handler's own module makes the pool, and its first call the child. A hole in the language is made by putting native code in the place of what evaluates strategies;
# it is loaded before the child is, which could load nothing.
_PROGRAM = """
import ctypes, encodings.idna, json, os, platform, resource, socket, stat, sys
from functions.sandbox import workers
from stratforge.strategy.batch import Program, Sessions, encode_columns, load_everything
from stratforge.market import BarColumns
import numpy as np

# What this machine keeps where another user cannot read it.
load_everything()
if sys.argv[1] != "root" and os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
    # Who changes his user is hidden from then on. Who is started as that user, as on Lambda, is not.
    PR_SET_DUMPABLE = 4
    assert ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0

libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
SOCKET, SOCKETPAIR = (198, 199) if arm else (41, 53)
IO_URING_SETUP, PIDFD_OPEN = 425, 434
MEMFD_CREATE, DUP = (279, 23) if arm else (319, 32)
PROCESS_VM_READV, PROCESS_VM_WRITEV, PTRACE = (270, 271, 117) if arm else (310, 311, 101)
PTRACE_SEIZE = 0x4206
# At the same address in a child.
secret = ctypes.create_string_buffer(b"a secret of the parent", 32)

class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

def across(call):
    own = ctypes.create_string_buffer(32)
    here, there = (Piece * 1)(Piece(ctypes.addressof(own), 8)), (Piece * 1)(Piece(ctypes.addressof(secret), 8))
    syscall(call, os.getppid(), here, 1, there, 1, 0)

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

def memory_as_a_file(mode):
    with open(f"/proc/{os.getppid()}/mem", mode, buffering=0) as file:
        file.seek(ctypes.addressof(secret))
        file.read(8) if mode == "rb" else file.write(b"forged")

of_the_parent = {
    "reading the parent's memory": lambda: across(PROCESS_VM_READV),
    "writing the parent's memory": lambda: across(PROCESS_VM_WRITEV),
    "reading the parent's memory as a file": lambda: memory_as_a_file("rb"),
    "writing the parent's memory as a file": lambda: memory_as_a_file("r+b"),
    "tracing the parent": lambda: syscall(PTRACE, PTRACE_SEIZE, os.getppid(), 0, 0),
}

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
    **of_the_parent,
}

def is_open(number):
    try:
        return bool(os.fstat(number))
    except OSError:
        return False

def succeeded(attempts=attempts):
    found = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except (OSError, ValueError):
            continue
        found.append(name)
    inherited = [number for number in range(4096) if is_open(number)]
    return {"succeeded": found, "pipes": sum(stat.S_ISFIFO(os.fstat(each).st_mode) for each in inherited), "open": len(inherited)}

def of_a_child():
    # What a child of a process that does nothing about it can do to it.
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, json.dumps(succeeded(of_the_parent)).encode())
        os._exit(0)
    os.wait()
    return json.loads(os.read(reading, 4096))

open_parent = of_a_child()
import functions.sandbox.handler as entry

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
print(json.dumps({"child": json.loads(answer["errors"][0]), "free": free, "open_parent": open_parent}))
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
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    # The attempts are such as succeed where nothing is locked down.
    assert {"AF_INET SOCK_STREAM", "pair", "system call", "memfd", "process", "a second number"} <= {
        *answer["free"]["succeeded"]
    }
    # A kernel with Yama lets no child do this to its parent; this machine's tells whether ours does something about it.
    if not Path("/proc/sys/kernel/yama").exists():
        assert len(answer["open_parent"]["succeeded"]) == 5
    assert answer["child"]["succeeded"] == []
    # All that it has are the two pipes to its parent.
    assert (answer["child"]["open"], answer["child"]["pipes"]) == (2, 2)
