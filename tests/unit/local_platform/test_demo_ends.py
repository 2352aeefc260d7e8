"""However a demo ends badly, its last line says what fell short and where to look."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import demo
import pytest
from local_platform.audit import Audit
from local_platform.failures import StartError

FINE = Audit(9, 9, 4, 4, 2, 2, 25, (), (), {}, {}, ())
Run = Callable[[Audit | BaseException], tuple[int, str, str]]


class Platform:
    """One that comes up and goes down."""

    address = "http://127.0.0.1:1"

    def __init__(self, *_arguments: object) -> None:
        self.start = self.stop = lambda *_: None


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """A demo whose trading ends as given: its exit code, what is said on stdout, and the last line on stderr."""

    def run(end: Audit | BaseException) -> tuple[int, str, str]:
        def traded(*_: object) -> Audit:
            if isinstance(end, BaseException):
                raise end
            return end

        monkeypatch.setattr(demo, "run_demo", traded)
        monkeypatch.setattr(demo, "Platform", Platform)
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        monkeypatch.setattr(sys, "argv", ["demo", "--state", str(tmp_path)])
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
        (replace(FINE, trades=7), "7 of 20 trades were settled within 90 s"),
        (replace(FINE, lost=("an order was lost",)), "an order was lost"),
        (replace(FINE, duplicated=("an order was doubled",)), "an order was doubled"),
        (replace(FINE, broken={"cash": ["row"]}), "the invariant 'cash' is broken"),
        (replace(FINE, drift={"IBM": (Decimal(1), Decimal(2))}), "IBM drifted: 1 in our books, 2 at the exchange"),
        (StartError("no room"), "no room"),
        (KeyboardInterrupt(), "it was stopped"),
        (ValueError("what nobody thought of"), "ValueError: what nobody thought of"),
        (ValueError(), "ValueError: no message"),
    ],
)
def test_whatever_falls_short_is_in_the_last_line_with_where_to_look(
    run: Run, tmp_path: Path, end: Audit | BaseException, said: str
) -> None:
    code, _, last = run(end)
    assert code == 1
    assert last.startswith("demo: ")
    assert said in last
    assert f"look at {tmp_path / 'logs'}" in last
    assert (tmp_path / "logs" / "demo.log").exists() == isinstance(end, ValueError)
