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
    """Evaluates `event["strategies"]`, whose code is in `event["sources"]`, on the last bar of `event["bars"]`."""
    answers = _pool.evaluate(event["bars"], event["sources"], event["strategies"])
    errors = sum("error" in answer for answer in answers)
    skipped = sum("skipped" in answer for answer in answers)
    print(
        f'{{"level":"INFO","service":"sandbox","strategies":{len(answers)},"errors":{errors},"skipped":{skipped}}}',
        file=sys.stderr,
    )
    return {"answers": answers}
