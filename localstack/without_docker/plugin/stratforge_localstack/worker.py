"""Inside a function's process: loads the handler, then answers one line for each line."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from dataclasses import dataclass


@dataclass
class Context:
    """The context object that Lambda gives a handler of its invocation."""

    aws_request_id: str
    function_name: str
    invoked_function_arn: str
    memory_limit_in_mb: int
    deadline: float
    function_version: str = "$LATEST"
    log_group_name: str = ""
    log_stream_name: str = ""

    def get_remaining_time_in_millis(self) -> int:
        """Returns the milliseconds until the invocation is ended."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


def main() -> None:
    """Answers invocations from stdin until the pipe is closed."""
    out = os.fdopen(os.dup(1), "w")
    # What a handler prints is its log.
    os.dup2(2, 1)

    def say(message: dict[str, object]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    sys.path[:] = [place for place in sys.path if not place.endswith("stratforge_localstack")]
    try:
        module, _, name = os.environ["_HANDLER"].rpartition(".")
        handler = getattr(importlib.import_module(module), name)
    except BaseException as error:  # noqa: BLE001 - told to LocalStack
        traceback.print_exc()
        say({"error": f"{type(error).__name__}: {error}"})
        return
    say({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        context = Context(
            asked["request"], asked["function"], asked["arn"], asked["memory"], time.monotonic() + asked["timeout"]
        )
        try:
            answer = handler(json.loads(asked["event"] or "null"), context)
            say({"payload": json.dumps(answer), "failed": False})
        except Exception as error:  # noqa: BLE001 - told to who called
            traceback.print_exc()
            body = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
            say({"payload": json.dumps(body), "failed": True})


if __name__ == "__main__":
    main()
