"""However a demo ends badly, its last line says what fell short and where to look."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import demo
import pytest
from local_platform.audit import Audit
from local_platform.failures import StartError
from stratforge.client import ApiError

FINE = Audit(9, 9, 4, 4, 2, 2, 25, (), (), {}, {}, ())
End = Audit | BaseException | int
Run = Callable[..., tuple[int, str, str]]


class Platform:
    """One that comes up and goes down."""

    address = "http://127.0.0.1:1"
    options = SimpleNamespace(speed=60.0)
    folder = SimpleNamespace(passwords=SimpleNamespace(demo_account="a long enough password"))

    def __init__(self, *_arguments: object) -> None:
        self.start = self.stop = lambda *_: None
        self.supervisor = SimpleNamespace(failed=None)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """A demo on a platform, whose trading ends as given: its exit code, what is said on stdout, and the last line on stderr."""

    def run(end: End | None, platform: type[Platform] = Platform, state: Path = tmp_path) -> tuple[int, str, str]:
        def traded(*_: object) -> tuple[Audit, int]:
            if isinstance(end, BaseException):
                raise end
            return (FINE, end) if isinstance(end, int) else (end or FINE, 0)

        if end is not None:
            monkeypatch.setattr(demo, "run_demo", traded)
        monkeypatch.setattr(demo, "Platform", platform)
        monkeypatch.setattr(demo, "obstacles", lambda _platform: ["IBM is halted"])
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        monkeypatch.setattr(sys, "argv", ["demo", "--state", str(state)])
        code = demo.main()
        said = capsys.readouterr()
        return code, said.out, said.err.strip().splitlines()[-1]

    return run


def test_a_demo_that_falls_short_of_nothing_ends_with_zero(run: Run) -> None:
    code, out, _ = run(FINE)
    assert code == 0
    assert json.loads(out)["fell_short"] == []


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (
            replace(FINE, trades=7),
            "7 of 20 trades were settled within 90 s: 9 bars were published, 9 evaluated; they led to 4 signals, "
            "4 orders, 2 of them together at the exchange, and 2 fills",
        ),
        (3, "3 blocks and signals were still at work a minute after the sessions were stopped"),
        (replace(FINE, lost=("an order was lost",)), "an order was lost"),
        (replace(FINE, duplicated=("an order was doubled",)), "an order was doubled"),
        (replace(FINE, broken={"cash": ["row"]}), "the invariant 'cash' is broken"),
        (replace(FINE, drift={"IBM": (Decimal(1), Decimal(2))}), "IBM drifted: 1 in our books, 2 at the exchange"),
        (StartError("no room"), "demo: no room"),
        (ApiError(503, {"detail": "the platform is busy"}), "demo: 503: the platform is busy"),
        (KeyboardInterrupt(), "demo: it was stopped"),
        (ValueError("what nobody thought of"), "ValueError: what nobody thought of"),
        (ValueError(), "ValueError: no message"),
    ],
)
def test_whatever_falls_short_is_in_the_last_line_with_where_to_look(
    run: Run, tmp_path: Path, end: End, said: str
) -> None:
    code, _, last = run(end)
    assert code == 1
    assert last.startswith("demo: ")
    assert said in last
    # What stands in the way of trading is told too; who stops it does not ask.
    assert ("IBM is halted" in last) == (not isinstance(end, KeyboardInterrupt))
    assert f"look at {tmp_path / 'logs'}" in last
    assert (tmp_path / "logs" / "demo.log").exists() == isinstance(end, Exception)


def test_a_platform_that_does_not_come_up_says_why_and_is_asked_nothing(run: Run) -> None:
    class Broken(Platform):
        def __init__(self, *_arguments: object) -> None:
            super().__init__()
            self.start = self._start

        def _start(self, *_: object) -> None:
            raise StartError("postgres ended while starting")

    code, out, last = run(FINE, Broken)
    assert (code, out) == (1, "")
    assert last.startswith("demo: postgres ended while starting (look at ")


def test_obstacles_that_cannot_be_said_keep_nothing_from_going_down(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = []

    class Stops(Platform):
        def __init__(self, *_arguments: object) -> None:
            super().__init__()
            self.stop = lambda *_: stopped.append(True)
            # Asked after `run` has put its own in place.
            monkeypatch.setattr(demo, "obstacles", self._obstacles)

        def _obstacles(self, *_: object) -> list[str]:
            raise RuntimeError("no threads are left")

    code, _, last = run(3, Stops)
    assert (code, stopped) == (1, [True])
    assert "what stands in the way cannot be said: RuntimeError: no threads are left" in last


def test_one_that_does_not_go_down_whole_says_so(run: Run) -> None:
    class Stays(Platform):
        def __init__(self, *_arguments: object) -> None:
            super().__init__()
            self.stop = self._stop

        def _stop(self, *_: object) -> None:
            raise PermissionError("not permitted")

    code, out, last = run(FINE, Stays)
    assert code == 1
    assert json.loads(out)["trades"] == 25
    assert last.startswith("demo: it did not go down whole: PermissionError: not permitted (look at ")


def test_a_folder_that_cannot_be_written_hides_no_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, last = run(ValueError("what nobody thought of"), state=tmp_path / "file")
    assert code == 1
    assert last.startswith("demo: ValueError: what nobody thought of; ")


class Author:
    """A client whose author gives one answer, and whose sessions start."""

    answer: dict[str, Any]

    def __init__(self, *_arguments: object) -> None:
        self.register = lambda *_: None
        self.generate = lambda _prompt: self.answer
        self.backtest = lambda *_, **__: {"metrics": {"trades": 1, "bars": 2, "total_return": 0.0}}
        self.start_session = lambda *_: {"session_id": "one"}


def test_an_author_who_asks_back_ends_it_with_the_question(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "Client", type("Asking", (Author,), {"answer": {"questions": ["Which rule?"]}}))
    code, _, last = run(None)
    assert code == 1
    assert "nothing was written from" in last
    assert "Which rule?" in last


def test_a_part_that_keeps_ending_is_not_waited_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Platform):
        def __init__(self, *_arguments: object) -> None:
            super().__init__()
            self.supervisor.failed = SimpleNamespace(name="engine")

    written = {"strategy_id": "one", "name": "cross", "logic_explanation": "crosses"}
    monkeypatch.setattr(demo, "Client", type("Writing", (Author,), {"answer": written}))
    monkeypatch.setattr(demo, "count_trades", lambda _platform: 4)
    code, _, last = run(None, Failing)
    assert code == 1
    assert last.startswith("demo: engine keeps ending after 4 trades; ")
