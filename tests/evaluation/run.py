"""`make eval`: the evaluation set against a model; a table, and one JSON object with the figures.

With GEMINI_API_KEY set, Gemini is asked (GEMINI_MODEL names the model); without it the offline author of the simulator, over the same protocol.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.progress import track
from rich.table import Table
from stratforge.ai.drafting import NotPassed, write_strategy
from stratforge.ai.failures import ModelRefused, ModelUnavailable, NotADraft
from stratforge.ai.prompts import first_request
from stratforge.ai.quant import GeminiQuant, Turn
from stratforge.configuration import GeminiSecret

from tests.evaluation.cases import CASES, Case
from tests.evaluation.judge import difference

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request went."""

    case: Case
    # Whether what came passed the gates (a question passes), and after how many repairs.
    passed: bool
    repairs: int
    wrong: str | None
    tokens: int
    seconds: float
    code: str


def evaluate(quant: GeminiQuant, case: Case) -> Outcome:
    """One request through the product's own pipeline."""
    start = time.perf_counter()
    try:
        passed = write_strategy(
            quant.draft, [Turn("user", first_request(case.request))], lambda _progress: None, lambda _symbol: []
        )
    except NotPassed as error:
        return Outcome(
            case, False, 3, error.findings[0], error.tokens, time.perf_counter() - start, error.draft.python_code
        )
    except (ModelRefused, NotADraft, ModelUnavailable) as error:
        # A refusal to answer is right where no code is.
        wrong = None if case.wants_question and isinstance(error, ModelRefused) else str(error)
        return Outcome(case, wrong is None, 0, wrong, 0, time.perf_counter() - start, "")
    seconds = time.perf_counter() - start
    if passed.strategy is None:
        wrong = None if case.wants_question else f"it asks: {passed.draft.questions[0]}"
    elif case.wants_question:
        wrong = "it writes code where a question was due"
    else:
        wrong = difference(case, passed.strategy, passed.draft.symbol)
    return Outcome(case, True, len(passed.repairs), wrong, passed.tokens, seconds, passed.draft.python_code)


@contextmanager
def _model() -> Iterator[GeminiQuant]:
    key = os.environ.get("GEMINI_API_KEY")
    if key:
        secret = GeminiSecret(api_key=SecretStr(key))
        yield GeminiQuant(secret.model_copy(update={"quant_model": os.environ.get("GEMINI_MODEL", secret.quant_model)}))
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators.gemini", "--port", str(port)],
        env={**os.environ, "PYTHONPATH": f"{_ROOT}/layers:{_ROOT}/localstack:{_ROOT}"},
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address)
        secret = GeminiSecret(api_key=SecretStr("simulated-gemini-key"), base_url=address, quant_model="offline-author")
        yield GeminiQuant(secret)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(f"{address}/simulator/heard", timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _table(outcomes: list[Outcome], model: str) -> Table:
    table = Table(title=f"{model}: {len(outcomes)} requests")
    for column in (
        "group",
        "requests",
        "valid at first try",
        "valid after repairs",
        "behaviour right",
        "tokens",
        "seconds",
    ):
        table.add_column(column, justify="left" if column == "group" else "right")
    groups = list(dict.fromkeys(each.case.group for each in outcomes))
    for group in [*groups, "all"]:
        rows = [each for each in outcomes if group in ("all", each.case.group)]
        table.add_row(
            group,
            str(len(rows)),
            str(sum(each.passed and not each.repairs for each in rows)),
            str(sum(each.passed for each in rows)),
            str(sum(each.wrong is None for each in rows)),
            f"{sum(each.tokens for each in rows):,}",
            f"{sum(each.seconds for each in rows):.1f}",
            end_section=group == groups[-1],
        )
    return table


def main() -> None:
    """Asks everything, and prints how it went."""
    parser = argparse.ArgumentParser(prog="make eval", description=__doc__)
    parser.add_argument("--only", default="", help="requests that contain this text, or are of this group")
    parser.add_argument("--show", action="store_true", help="print the code of wrong answers too")
    options = parser.parse_args()
    chosen = [each for each in CASES if options.only in (each.group, "") or options.only in each.request]
    console = Console(stderr=True, width=max(110, Console(stderr=True).width))
    with _model() as quant:
        outcomes = [evaluate(quant, each) for each in track(chosen, "asking", console=console, transient=True)]
        model = quant.model
    console.print(_table(outcomes, model))
    for each in outcomes:
        if each.wrong is not None:
            console.print(
                f"[yellow]{each.case.group}[/]: {each.case.request}\n    {each.wrong}", markup=True, highlight=False
            )
            if options.show:
                console.print(each.code, markup=False)
    figures = {
        "model": model,
        "requests": len(outcomes),
        "valid_first": sum(each.passed and not each.repairs for each in outcomes),
        "valid": sum(each.passed for each in outcomes),
        "right": sum(each.wrong is None for each in outcomes),
        "tokens": sum(each.tokens for each in outcomes),
        "seconds": round(sum(each.seconds for each in outcomes), 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
