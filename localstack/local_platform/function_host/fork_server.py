"""`python -m local_platform.function_host.fork_server FD`: imports once, and forks the execution environments of all functions.

Three generations: this process imports what the functions share; a template for each function, forked from it, imports the function's
handler; environments are forked from the template. What is imported is shared memory, and none of the three runs a thread
when it forks. Everyone is killed with his parent, and an environment ends when the host closes its end of the connection.
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
from typing import NoReturn

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
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def main() -> None:
    """Serves the host that started it, until that ends."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent(os.getppid())
    for name in _SHARED:
        # A package that this machine does not have is missed by the function that needs it, and said there.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _settle()
    _serve(control)


def _serve(control: socket.socket) -> None:
    templates: dict[str, socket.socket] = {}
    while (message := receive_with_descriptor(control)) is not None:
        order, descriptor = message
        if descriptor is None:
            # Everything is forgotten: templates end when their last environment does.
            for channel in templates.values():
                channel.close()
            templates.clear()
            continue
        definition = order["definition"]
        for _ in range(2):
            channel = templates.get(definition["id"]) or _fork_template(definition, [control, *templates.values()])
            templates[definition["id"]] = channel
            try:
                send_with_descriptor(channel, order, descriptor)
                break
            except OSError:
                # It ended (its handler could not be imported, or somebody killed it): one more is made.
                templates.pop(definition["id"]).close()
        os.close(descriptor)


def _fork_template(definition: Head, inherited: list[socket.socket]) -> socket.socket:
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    if os.fork() == 0:
        _die_with_parent(parent)
        for each in (*inherited, ours):
            each.close()
        _template(definition, theirs)
    theirs.close()
    return ours


def _template(definition: Head, channel: socket.socket) -> NoReturn:
    code = 0
    try:
        try:
            handler = _load(definition)
        except BaseException as error:  # noqa: BLE001 - whatever the import raises is told to who waits for the environment
            traceback.print_exc(file=sys.stderr)
            _refuse(channel, f"{type(error).__name__}: {error}")
            os._exit(1)
        _settle()
        while (message := receive_with_descriptor(channel)) is not None:
            descriptor = message[1]
            assert descriptor is not None
            _fork_environment(channel, descriptor, handler)
        # Environments die with their template, and some may be in the middle of an invocation.
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
    except BaseException:  # noqa: BLE001 - nothing may return into the code of the parent
        traceback.print_exc(file=sys.stderr)
        code = 1
    finally:
        os._exit(code)


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
    ours = set(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    os.environ.clear()
    os.environ.update(definition["environment"])
    os.chdir(definition["code"])
    sys.path[:] = [definition["code"], *definition["layers"], *(each for each in sys.path if each not in {"", *ours})]
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
