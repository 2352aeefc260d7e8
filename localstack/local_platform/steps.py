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


Finished = Callable[[str, float, Sequence[str]], None]


def tell_nobody(_name: str, _seconds: float, _going: Sequence[str]) -> None:
    """Nobody wants to know of a step that is finished."""


def run_steps(steps: Sequence[Step], finished: Finished) -> Mapping[str, float]:
    """Runs steps in threads of their own and gives the seconds each took.

    Args:
        finished: Told of each step's name and seconds as it ends, and of the steps that are being done now.

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
    waiting, going = list(steps), list[str]()

    def begin() -> None:
        for step in [each for each in waiting if all(need in seconds for need in each.after)]:
            waiting.remove(step)
            going.append(step.name)
            # What is in the middle of a step must not keep the program from ending.
            threading.Thread(target=run, args=(step,), name=step.name, daemon=True).start()

    begin()
    while going:
        step, took, error = ended.get()
        if error is not None:
            raise error
        seconds[step.name] = took
        going.remove(step.name)
        begin()
        finished(step.name, took, tuple(going))
    return seconds
