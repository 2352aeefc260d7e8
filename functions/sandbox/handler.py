"""Lambda entry: a window of bars and strategies in, signals and states out."""

from __future__ import annotations

import os
import sys
from typing import Any

# One thread: a child is one strategy at a time, and threads would not survive the fork.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from functions.sandbox.confinement import hide_memory, keep_memory
from functions.sandbox.workers import Pool

hide_memory()
keep_memory()
_pool = Pool()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Evaluates `event["sessions"]`, whose programs are in `event["sources"]` or were sent before, on the last bar of `event["bars"]`;
    those of portfolio strategies where these are the windows of several symbols. It takes no more than `event["seconds"]`.

    The answer is `Answers.encoded`, or `{"unknown": [hash, ...]}` when programs are to be sent first.
    """
    answer = _pool.evaluate(event["bars"], event["sources"], event["sessions"], event.get("seconds"))
    errors, unknown = len(answer.get("errors", ())), len(answer.get("unknown", ()))
    # Eight bytes each, in base64.
    answers = len(answer.get("places", "")) * 3 // 32
    print(
        f'{{"level":"INFO","service":"sandbox","answers":{answers},"errors":{errors},"unknown":{unknown}}}',
        file=sys.stderr,
    )
    return answer
