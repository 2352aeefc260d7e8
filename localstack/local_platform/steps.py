"""Steps of a start that run side by side, each as soon as those it needs are done."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do when the steps named in `after` are done."""

    name: str
    action: Callable[[], None]
    after: tuple[str, ...] = ()


def run_steps(steps: Sequence[Step], finished: Callable[[str, float], None]) -> Mapping[str, float]:
    """Runs steps in threads of their own and gives the seconds each took.

    Args:
        finished: Told of each step's name and seconds as it ends.

    Raises:
        Exception: what the first step that failed raised; the others are left alone, and those that need it never begin.
    """
    ended: queue.Queue[tuple[Step, float, BaseException | None]] = queue.Queue()

    def run(step: Step) -> None:
        began = time.monotonic()
        error: BaseException | None = None
        try:
            step.action()
        except BaseException as raised:  # noqa: BLE001 - raised again in the thread that waits
            error = raised
        ended.put((step, time.monotonic() - began, error))

    seconds: dict[str, float] = {}
    waiting = list(steps)
    while len(seconds) < len(steps):
        for step in [each for each in waiting if all(need in seconds for need in each.after)]:
            waiting.remove(step)
            # What is in the middle of a step must not keep the program from ending.
            threading.Thread(target=run, args=(step,), name=step.name, daemon=True).start()
        step, took, error = ended.get()
        if error is not None:
            raise error
        seconds[step.name] = took
        finished(step.name, took)
    return seconds
