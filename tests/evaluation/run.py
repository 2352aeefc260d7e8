"""`make eval`: all sets of requests against a model, or two models side by side; a table, and one JSON object with the figures.

With GEMINI_API_KEY set, Gemini is asked (GEMINI_MODEL names the model, GEMINI_PRICES dollars for a million tokens of question, known question and answer, for
a second model after a semicolon: `0.3,0.03,2.5;1.25,0.13,10`);
without it the offline author of the simulator, over the same protocol. `--against MODEL` asks a second model the same, `--against-prompt FILE` the same or the second model with another system instruction.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.progress import track
from rich.table import Table
from stratforge.ai.deadline import Deadline
from stratforge.ai.drafting import NotPassed, Passed, write_strategy
from stratforge.ai.failures import ModelRefused, ModelUnavailable, NotADraft
from stratforge.ai.prompts import answer_request, first_request, refinement_request
from stratforge.ai.quant import Drafted, GeminiQuant, Turn
from stratforge.ai.usage import Usage
from stratforge.application.jobs.asking import patiently
from stratforge.configuration import GeminiSecret
from stratforge.strategy.rotation import PortfolioStrategy

from tests.evaluation import (
    attacked_cases,
    everyday_cases,
    filtered_cases,
    forum_cases,
    held_out_cases,
    held_out_refinements,
    plain_cases,
    refinement_cases,
    tricky_cases,
    unwritable_cases,
)
from tests.evaluation.cases import CASES, Case
from tests.evaluation.judge import difference

_ROOT = Path(__file__).parents[2]
# As a job has.
_TURN_SECONDS = 240.0


SETS = {
    "habits": (*plain_cases.CASES, *filtered_cases.CASES, *tricky_cases.CASES, *unwritable_cases.CASES),
    "everyday": everyday_cases.CASES,
    "changes": refinement_cases.CASES,
    "attacked": attacked_cases.CASES,
    "forum": forum_cases.CASES,
    "groups": CASES,
    "held-out": (*held_out_cases.CASES, *held_out_refinements.CASES),
}


class Kind(StrEnum):
    """How one conversation ended."""

    RIGHT = "right"
    CLARIFIED = "clarified"
    REFUSED = "refused"
    STOPPED = "stopped by a gate"
    WRONG = "silently wrong"
    AWAY = "no answer"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one conversation went, over all its turns."""

    case: Case
    kind: Kind
    why: str
    repairs: int
    usage: Usage
    seconds: float
    code: str


def evaluate(secret: GeminiSecret, case: Case, prompt: str = "") -> Outcome:
    """One conversation through the product's own pipeline, turn by turn, with a deadline of its own as a job has; with another system instruction, if one is given."""
    start, used, repairs = time.perf_counter(), Usage(), 0
    turns = list[Turn]()
    passed: Passed | None = None

    def paid(_model: str, more: Usage) -> None:
        """Also what was cut off, and what was no draft, is paid."""
        nonlocal used
        used = Usage(used.prompt + more.prompt, used.cached + more.cached, used.answer + more.answer)

    def ask(quant: GeminiQuant, deadline: Deadline, system: str, said: list[Turn]) -> Drafted:
        return patiently(lambda: quant.draft(prompt or system, said), deadline)

    def ended(kind: Kind, why: str = "", code: str = "") -> Outcome:
        return Outcome(case, kind, why, repairs, used, time.perf_counter() - start, code)

    for words in case.turns:
        if passed is None:
            turns.append(Turn("user", first_request(words)))
        else:
            follow = refinement_request if passed.strategy else answer_request
            turns += [Turn("model", passed.draft.model_dump_json()), Turn("user", follow(words))]
        deadline = Deadline.in_seconds(_TURN_SECONDS)
        try:
            passed = write_strategy(
                partial(ask, GeminiQuant(secret, deadline, paid), deadline),
                turns,
                lambda _said: None,
                lambda _symbol: [],
                lambda _wanted: {},
            )
        except NotPassed as error:
            return ended(Kind.STOPPED, error.findings[0], error.draft.python_code)
        except ModelRefused as error:
            return ended(Kind.REFUSED if case.wants_question else Kind.AWAY, str(error))
        except (NotADraft, ModelUnavailable) as error:
            return ended(Kind.AWAY, str(error))
        repairs += len(passed.repairs)
    assert passed is not None
    if passed.strategy is None:
        return ended(Kind.REFUSED if case.wants_question else Kind.CLARIFIED, " ".join(passed.draft.questions[:1]))
    if case.wants_question:
        wrong: str | None = "code where a question was due"
    elif isinstance(passed.strategy, PortfolioStrategy):
        wrong = "a portfolio where a strategy of one symbol was asked for"
    else:
        wrong = difference(case, passed.strategy, passed.draft.symbol)
    return ended(Kind.WRONG if wrong else Kind.RIGHT, wrong or "", passed.draft.python_code)


def interval(count: int, total: int) -> tuple[float, float]:
    """The 95 % confidence interval of a part, by Wilson's formula."""
    if not total:
        return 0.0, 1.0
    part, z = count / total, 1.96
    center = (part + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(part * (1 - part) / total + z * z / (4 * total * total))
    return max(0.0, center - width), min(1.0, center + width)


def better(first: Sequence[Outcome], second: Sequence[Outcome]) -> float:
    """The probability that two models as good as each other differ so much, by McNemar's exact test on the same conversations."""
    good = {Kind.RIGHT, Kind.REFUSED}
    only_first = sum(a.kind in good and b.kind not in good for a, b in zip(first, second, strict=True))
    only_second = sum(b.kind in good and a.kind not in good for a, b in zip(first, second, strict=True))
    differing = only_first + only_second
    few = min(only_first, only_second)
    return min(1.0, 2.0 * sum(math.comb(differing, each) for each in range(few + 1)) / 2.0**differing)


def dollars(outcomes: Sequence[Outcome], side: int = 0) -> float | None:
    """What the answers of the first or the second model cost, by its prices in GEMINI_PRICES; None without them."""
    of_sides = os.environ.get("GEMINI_PRICES", "").split(";")
    prices = [float(each) for each in of_sides[min(side, len(of_sides) - 1)].split(",") if each]
    if len(prices) != 3:
        return None
    question, known, answer = prices
    used = [each.usage for each in outcomes]
    return sum(((u.prompt - u.cached) * question + u.cached * known + u.answer * answer) / 1e6 for u in used)


@contextmanager
def _model(name: str | None = None) -> Iterator[GeminiSecret]:
    key = os.environ.get("GEMINI_API_KEY")
    if key:
        secret = GeminiSecret(api_key=SecretStr(key))
        chosen = name or os.environ.get("GEMINI_MODEL", secret.quant_model)
        yield secret.model_copy(update={"quant_model": chosen})
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
        yield secret
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


def _table(answered: Mapping[str, Sequence[Outcome]]) -> Table:
    table = Table(title="what becomes of the requests, with 95 % intervals")
    for column in ("set", "model", "requests", *(each.value for each in Kind), "repairs", "tokens", "dollars"):
        table.add_column(column, justify="left" if column in ("set", "model") else "right")
    for name in [*SETS, "all"]:
        cases = {each.turns for each in SETS[name]} if name in SETS else None
        for side, (model, outcomes) in enumerate(answered.items()):
            rows = [each for each in outcomes if cases is None or each.case.turns in cases]
            if not rows:
                continue
            cells = []
            for kind in Kind:
                count = sum(each.kind is kind for each in rows)
                low, high = interval(count, len(rows))
                cells.append(f"{count} ({low:.0%} to {high:.0%})")
            cost = dollars(rows, side)
            tokens = sum(each.usage.total for each in rows)
            repairs = sum(each.repairs for each in rows)
            table.add_row(
                name, model, str(len(rows)), *cells, str(repairs), f"{tokens:,}", "-" if cost is None else f"{cost:.2f}"
            )
    return table


def main() -> None:
    """Asks everything, and prints how it went."""
    parser = argparse.ArgumentParser(prog="make eval", description=__doc__)
    parser.add_argument("--only", default="", help="requests that contain this text, or are of this set or group")
    parser.add_argument(
        "--show", action="store_true", help="print what went wrong, with its code (never of the held-out set)"
    )
    parser.add_argument("--against", default="", help="another model to ask the same")
    parser.add_argument(
        "--against-prompt", type=Path, help="a file with another system instruction, with which the same is asked"
    )
    options = parser.parse_args()
    chosen = [
        case
        for name, cases in SETS.items()
        for case in cases
        if options.only in ("", name, case.group) or options.only in case.request
    ]
    console = Console(stderr=True, width=max(160, Console(stderr=True).width))
    answered: dict[str, list[Outcome]] = {}
    prompt = options.against_prompt.read_text(encoding="utf-8") if options.against_prompt else ""
    sides = [(None, ""), *([(options.against or None, prompt)] if options.against or prompt else [])]
    for name, instruction in sides:
        with _model(name) as secret:
            label = secret.quant_model if not instruction else f"{secret.quant_model}, {options.against_prompt.name}"
            label = f"{label} again" if label in answered else label
            answered[label] = [
                evaluate(secret, each, instruction) for each in track(chosen, label, console=console, transient=True)
            ]
    console.print(_table(answered))
    if len(answered) == 2:
        console.print(
            f"as good as each other, they would differ so with a probability of {better(*answered.values()):.3f}"
        )
    for each in (each for outcomes in answered.values() for each in outcomes):
        if options.show and each.kind not in (Kind.RIGHT, Kind.REFUSED) and not each.case.held_out:
            console.print(f"{each.kind}: {' / '.join(each.case.turns)}\n    {each.why}\n{each.code}", markup=False)
    for side, (model, outcomes) in enumerate(answered.items()):
        figures = {kind.value: sum(each.kind is kind for each in outcomes) for kind in Kind}
        tokens, seconds = sum(each.usage.total for each in outcomes), sum(each.seconds for each in outcomes)
        print(json.dumps({"model": model, "requests": len(outcomes), **figures, "tokens": tokens, "seconds": round(seconds, 1), "dollars": dollars(outcomes, side)}))  # fmt: skip


if __name__ == "__main__":
    main()
