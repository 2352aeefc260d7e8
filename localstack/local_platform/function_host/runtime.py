"""Inside an execution environment: one invocation after the other, until the host hangs up."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_platform.function_host.wire import Head, pack, receive

Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Context:
    """The context object that Lambda gives a handler beside the event."""

    function_name: str
    function_version: str
    memory_limit_in_mb: int
    invoked_function_arn: str
    aws_request_id: str
    log_group_name: str
    log_stream_name: str
    deadline: float
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the host ends this environment."""
        return max(0, int((self.deadline - time.time()) * 1000))


def serve(connection: socket.socket, handler: Handler) -> None:
    """Answers invocations; an error of the handler is an answer, and the environment goes on, as on Lambda."""
    connection.sendall(pack({"status": "ready", "pid": os.getpid()}))
    while (message := receive(connection)) is not None:
        head, event = message
        answer = _invoke(handler, head, event)
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(answer)


def _invoke(handler: Handler, head: Head, event: bytes) -> bytes:
    began, used = time.time(), time.process_time()
    trace = head.get("trace_id")
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        result = json.dumps(handler(json.loads(event), _context(head))).encode()
        status = "ok"
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is its answer
        traceback.print_exc(file=sys.stderr)
        result = json.dumps({"errorMessage": str(error), "errorType": type(error).__name__}).encode()
        status = "error"
    spent = {"began": began, "ended": time.time(), "cpu_seconds": time.process_time() - used}
    return pack({"status": status, **spent}, result)


def _context(head: Head) -> Context:
    name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    return Context(
        function_name=name,
        function_version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        memory_limit_in_mb=int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")),
        invoked_function_arn=head.get("arn", ""),
        aws_request_id=head.get("request_id", ""),
        log_group_name=f"/aws/lambda/{name}",
        log_stream_name=str(os.getpid()),
        deadline=float(head["deadline"]),
    )
