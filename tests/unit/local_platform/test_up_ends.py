"""However a run of the platform ends, a person is told in a line, and looking at it costs the platform little."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import up
from botocore.exceptions import ReadTimeoutError
from local_platform.failures import StartError
from local_platform.platform import Options
from rich.console import Console
from stratforge.client import ApiError

Run = Callable[[BaseException | None], tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A run whose platform raises when it starts, if anything: its exit code, and what was said."""

    def run(error: BaseException | None) -> tuple[int, str]:
        def start(*_: object) -> dict[str, float]:
            if error is not None:
                raise error
            return {}

        stopped: list[bool] = []
        platform = SimpleNamespace(start=start, stop=lambda: stopped.append(True))
        monkeypatch.setattr(up, "Platform", lambda *_: platform)
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        said = io.StringIO()
        code = up.run(Options(tmp_path), Console(file=said))
        assert stopped == [True]
        return code, said.getvalue()

    return run


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StartError("no room [at all]"), "no room [at all]"),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), "ReadTimeoutError: Read timeout on endpoint URL"),
        (psycopg.OperationalError("the server closed the connection"), "OperationalError: the server closed"),
        (ConnectionResetError("reset"), "ConnectionResetError: reset"),
    ],
)
def test_whatever_keeps_it_from_coming_up_is_a_line_and_the_log_has_all_of_it(
    run: Run, tmp_path: Path, error: BaseException, words: str
) -> None:
    code, said = run(error)
    assert code == 1
    assert words in said
    assert "Traceback" not in said
    assert "Traceback" in (tmp_path / "logs" / "up.log").read_text()


def test_who_stops_it_is_told_of_no_error(run: Run, tmp_path: Path) -> None:
    assert run(KeyboardInterrupt())[0] == 0
    assert not (tmp_path / "logs" / "up.log").exists()


def test_a_platform_that_is_made_anew_while_the_demo_account_begins_is_waited_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that jumped back during the start, an engine that died at its end: the answer is 503 until all of it stands again."""
    asked: list[int] = []

    def begin_demo(_platform: object) -> None:
        asked.append(1)
        if len(asked) < 4:
            raise ApiError(503, {"detail": "The platform is starting; ask again in a moment."})
        raise ApiError(400, {"detail": "as asked"})

    monkeypatch.setattr(up, "begin_demo", begin_demo)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    assert "as asked" in run(None)[1]
    assert len(asked) == 4


def test_a_platform_that_never_answers_is_not_waited_for_for_ever(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin_demo(_platform: object) -> None:
        raise ApiError(503, {"detail": "The platform is starting; ask again in a moment."})

    now = [1000.0]
    monkeypatch.setattr(up, "begin_demo", begin_demo)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    code, said = run(None)
    assert (code, "The platform is starting" in said) == (1, True)


def test_an_author_who_asks_back_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    class Asks:
        def __init__(self, *_: object) -> None:
            pass

        def register(self, *_: object) -> None:
            pass

        def generate(self, _prompt: str) -> dict[str, Any]:
            return {"questions": ["Which average?"]}

        def call(self, *_: object) -> dict[str, Any]:
            return {"items": []}

    class Database:
        def __enter__(self) -> Database:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def execute(self, *_: object) -> None:
            pass

    monkeypatch.setattr(up, "Client", Asks)
    monkeypatch.setattr(psycopg, "connect", lambda *_, **__: Database())
    passwords = SimpleNamespace(demo_account="a long enough password")
    up.begin_demo(
        SimpleNamespace(  # type: ignore[arg-type]
            address="http://127.0.0.1:1",
            folder=SimpleNamespace(passwords=passwords),
            conninfo=lambda _role: "",
            tell=told.append,
        )
    )
    assert len(told) == len(up.DEMO_STRATEGIES)
    assert all("Which average?" in line for line in told)


def test_counting_for_the_screen_takes_a_twentieth_of_the_time_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now, took, reads = [1000.0], 3.0, []

    def counts(_status: up.Status) -> dict[str, Any]:
        reads.append(now[0])
        now[0] += took
        if len(reads) == 2:
            raise psycopg.OperationalError("the database is away")
        return {"trades": len(reads)}

    monkeypatch.setattr(up.Status, "counts", counts)
    status = up.Status(SimpleNamespace(), lambda: now[0])  # type: ignore[arg-type]
    seen = []
    for _second in range(600):
        try:
            seen.append(status.latest()["trades"])
        except psycopg.Error:
            seen.append(0)
        now[0] += 1.0
    assert len(reads) == 10
    assert set(seen) == {1, 0, *range(3, 11)}, "between two looks the last one is shown, one that failed too"
