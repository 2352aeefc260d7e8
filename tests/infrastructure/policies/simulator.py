"""The engine: iam-simulate, a library for Node that follows AWS's order of evaluation, in a process that is asked many things at a time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.node import NODE, install

_FOLDER = Path(__file__).parent
# Questions on a line: their answers are far less than a pipe holds.
_TOGETHER = 250


class Simulator:
    """A running engine."""

    def __init__(self) -> None:
        install(_FOLDER)
        self._answers: dict[str, dict[str, str]] = {}
        # Questions whose answers nobody has looked at yet: they are asked together, with the first that somebody looks at.
        self._waiting: dict[str, None] = {}
        # Policies by their texts, and those that the engine was not told of yet.
        self._policies: dict[str, str] = {}
        self._untold: dict[str, Any] = {}
        self._process = subprocess.Popen(
            [str(NODE), str(_FOLDER / "simulate.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def policy(self, text: str) -> str:
        """The name of a policy, as JSON, in questions: a role's is told and judged once, not with every question about the role."""
        name = self._policies.get(text)
        if name is None:
            name = self._policies[text] = str(len(self._policies))
            self._untold[name] = json.loads(text)
        return name

    def ask(self, simulation: dict[str, Any]) -> Callable[[], str]:
        """Gives what will say what comes out: `Allowed`, `ImplicitlyDenied` or `ExplicitlyDenied`; or raises a ValueError
        if the engine finds the question or a policy malformed, such as an action that does not exist.

        Args:
            simulation: As the engine takes it, but for policies, which are named as `policy` does.
        """
        # Proofs ask much of the same.
        question = json.dumps(simulation)
        if question not in self._answers:
            self._waiting[question] = None
        return lambda: self._said(question)

    def _said(self, question: str) -> str:
        if question not in self._answers:
            self._send()
        answer = self._answers[question]
        if "error" in answer:
            raise ValueError(f"{json.loads(question)['request']}: {answer['error']}")
        return str(answer["result"])

    def _send(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = list(self._waiting)
        for first in range(0, len(asked), _TOGETHER):
            some = asked[first : first + _TOGETHER]
            line = f'{{"policies": {json.dumps(self._untold)}, "simulations": [{",".join(some)}]}}\n'
            self._process.stdin.write(line)
            self._process.stdin.flush()
            self._untold.clear()
            self._answers.update(zip(some, json.loads(self._process.stdout.readline()), strict=True))
        self._waiting.clear()

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        if self._process.stdout is not None:
            self._process.stdout.close()
