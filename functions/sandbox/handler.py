"""Lambda entry: a window of bars and strategies in, signals and states out."""

from __future__ import annotations

import os
import sys
from typing import Any

# One thread: a child is one strategy at a time, and threads would not survive the fork.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from functions.sandbox.workers import Pool

_pool = Pool()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Evaluates `event["sessions"]`, whose programs are in `event["sources"]` or were sent before, on the last bar of `event["bars"]`.

    The answer is `Answers.encoded`, or `{"unknown": [hash, ...]}` when programs are to be sent first.
    """
    answer = _pool.evaluate(event["bars"], event["sources"], event["sessions"])
    counts = {name: len(answer.get(name, ())) for name in ("places", "errors", "unknown")}
    print(
        f'{{"level":"INFO","service":"sandbox","answers":{counts["places"]},"errors":{counts["errors"]},"unknown":{counts["unknown"]}}}',
        file=sys.stderr,
    )
    return answer
