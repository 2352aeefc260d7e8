"""Steps of a start."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from local_platform.steps import Step, run_steps, tell_nobody


def test_steps_that_need_nothing_run_side_by_side() -> None:
    # Each waits for the other: one after the other they would never end.
    meeting = threading.Barrier(2, timeout=20)

    def meet() -> None:
        meeting.wait()

    seconds = run_steps([Step("a", meet), Step("b", meet)], tell_nobody)
    assert set(seconds) == {"a", "b"}


def test_a_step_begins_when_all_it_needs_are_done() -> None:
    done: list[str] = []

    def note(name: str) -> Step:
        after = {"last": ("middle", "other"), "middle": ("first",)}.get(name, ())
        return Step(name, lambda: done.append(name), after)

    run_steps([note("last"), note("middle"), note("other"), note("first")], tell_nobody)
    assert done.index("first") < done.index("middle") < done.index("last")
    assert done[-1] == "last"


def test_what_a_step_raises_is_raised_and_what_needs_it_never_begins() -> None:
    begun: list[str] = []

    def fail() -> None:
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"):
        run_steps([Step("a", fail), Step("b", lambda: begun.append("b"), ("a",))], tell_nobody)
    assert begun == []


def test_each_step_is_told_with_its_seconds_and_what_is_done_meanwhile() -> None:
    told: dict[str, float] = {}
    meanwhile: list[Sequence[str]] = []
    first_is_told = threading.Event()

    def finished(name: str, seconds: float, going: Sequence[str]) -> None:
        told[name] = seconds
        meanwhile.append(going)
        first_is_told.set()

    steps = [Step("a", lambda: None), Step("long", lambda: _wait(first_is_told)), Step("b", lambda: None, ("long",))]
    assert run_steps(steps, finished) == told
    assert meanwhile == [("long",), ("b",), ()]


def _wait(for_what: threading.Event) -> None:
    assert for_what.wait(60)
