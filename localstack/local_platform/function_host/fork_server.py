"""`python -m local_platform.function_host.fork_server FD`: imports once, and forks the execution environments of all functions.

Four generations, each forked from the one before: this process imports what functions take from elsewhere; a process for the deployed
library imports that; a template for each function imports its handler; and environments run it. What is imported is shared
memory, and nobody runs a thread when he forks. Everyone is killed with his parent, and an environment ends when the host
closes its end of the connection.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable

from local_platform.as_shipped import hide_what_is_not_shipped
from local_platform.function_host import runtime
from local_platform.function_host.wire import Head, pack, receive_with_descriptor, send_with_descriptor

# What functions import from elsewhere and takes time; each needs some of it, and shared memory costs once.
_SHARED = (
    "json",
    "numpy",
    "pydantic",
    "botocore.session",
    "botocore.httpsession",
    "psycopg",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.data_classes.sqs_event",
    "fastapi",
    "jinja2",
    "mangum",
    "httpx",
    "pandas",
    "alpaca.trading.client",
    "alpaca.data.historical",
)
# What most functions import of our own, and the clients whose models botocore takes a tenth of a second to read.
_LIBRARY = (
    "stratforge.aws",
    "stratforge.bus.messages",
    "stratforge.bus.queues",
    "stratforge.configuration",
    "stratforge.observability",
    "stratforge.strategy.batch",
    "stratforge.storage.postgres.database",
)
_SERVICES = ("apigatewaymanagementapi", "lambda", "secretsmanager", "sns", "sqs")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def main() -> None:
    """Serves the host that started it, until that ends."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent(os.getppid())
    hide_what_is_not_shipped()
    for name in _SHARED:
        # A package that this machine does not have is missed by the function that needs it, and said there.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _settle()
    _serve(control, _library_key, _library)


def _serve(
    control: socket.socket, key_of: Callable[[Head], str], generation: Callable[[Head, socket.socket], None]
) -> None:
    """Hands each order on to the child that is for it, which is forked when there is none."""
    children: dict[str, socket.socket] = {}
    while (message := receive_with_descriptor(control)) is not None:
        order, descriptor = message
        if descriptor is None:
            # All are forgotten: templates end when their last environment does.
            for channel in children.values():
                channel.close()
            children.clear()
            continue
        key = key_of(order)
        for _ in range(2):
            if key not in children:
                # What was handed over is for one descendant alone: another that kept it open would hide that descendant's end.
                inherited = [descriptor, *(each.fileno() for each in (control, *children.values()))]
                children[key] = _fork(order, inherited, generation)
            try:
                send_with_descriptor(children[key], order, descriptor)
                break
            except OSError:
                # It ended (its handler could not be imported, or somebody killed it): one more is made.
                children.pop(key).close()
        os.close(descriptor)
    for channel in children.values():
        channel.close()
    # Children die with their parent, and some may be in the middle of an invocation.
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _fork(order: Head, inherited: list[int], generation: Callable[[Head, socket.socket], None]) -> socket.socket:
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    if os.fork() == 0:
        try:
            _die_with_parent(parent)
            ours.close()
            for each in inherited:
                os.close(each)
            generation(order, theirs)
        except BaseException:  # noqa: BLE001 - nothing may return into the code of the parent
            traceback.print_exc(file=sys.stderr)
        finally:
            os._exit(0)
    theirs.close()
    return ours


def _library_key(order: Head) -> str:
    return os.pathsep.join(order["definition"]["layers"])


def _library(order: Head, channel: socket.socket) -> None:
    """The second generation. An import that hangs ends it, and is tried anew by the next request."""
    definition = order["definition"]
    # Neither this checkout nor the environment of who started us is there for functions.
    ours = set(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    sys.path[:] = [*definition["layers"], *(each for each in sys.path if each not in {"", *ours})]
    importlib.invalidate_caches()
    _end_in(order["import_seconds"])
    for name in _LIBRARY:
        # A function without our library (a benchmark's) has none of these.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _end_in(0)
    if "stratforge.aws" in sys.modules:
        for service in _SERVICES:
            sys.modules["stratforge.aws"].aws_client(service)
    _settle()
    _serve(channel, lambda order: str(order["definition"]["id"]), _template)


def _template(order: Head, channel: socket.socket) -> None:
    """The third generation. An import that hangs ends it, and is tried anew by the next request."""
    _end_in(order["import_seconds"])
    try:
        handler = _load(order["definition"])
    except BaseException as error:  # noqa: BLE001 - whatever the import raises is told to who waits for the environment
        traceback.print_exc(file=sys.stderr)
        _refuse(channel, f"{type(error).__name__}: {error}")
        return
    finally:
        _end_in(0)
    _settle()
    while (message := receive_with_descriptor(channel)) is not None:
        descriptor = message[1]
        assert descriptor is not None
        _fork_environment(channel, descriptor, handler)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _end_in(seconds: float) -> None:
    """Ends this process in so many seconds, whatever it does; with 0 not any more."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _refuse(channel: socket.socket, error: str) -> None:
    message = receive_with_descriptor(channel)
    if message is not None and message[1] is not None:
        with socket.socket(fileno=message[1]) as connection:
            connection.sendall(pack({"status": "failed", "error": error}))


def _fork_environment(channel: socket.socket, descriptor: int, handler: runtime.Handler) -> None:
    parent = os.getpid()
    if os.fork():
        os.close(descriptor)
        return
    try:
        _die_with_parent(parent)
        channel.close()
        # Handlers start processes too, and wait for them.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with socket.socket(fileno=descriptor) as connection:
            runtime.serve(connection, handler)
    except BaseException:  # noqa: BLE001 - nothing may return into the code of the parent
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stdout.flush()
        os._exit(0)


def _load(definition: Head) -> runtime.Handler:
    """The handler of a function, imported from its package and layers and from nothing of this checkout."""
    # A handler imports under the environment of its function, as on Lambda.
    os.environ.clear()
    os.environ.update(definition["environment"])
    os.chdir(definition["code"])
    sys.path.insert(0, definition["code"])
    importlib.invalidate_caches()
    module, _, name = definition["handler"].rpartition(".")
    handler: runtime.Handler = getattr(importlib.import_module(module), name)
    if threading.active_count() > 1:
        print(
            json.dumps({"level": "WARNING", "message": "threads run before the fork", "function": definition["name"]}),
            file=sys.stderr,
        )
    return handler


def _settle() -> None:
    """Before forking: children are reaped by themselves, and what exists is never looked at by the collector, so it stays shared."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()


def _die_with_parent(parent: int) -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


if __name__ == "__main__":
    main()
