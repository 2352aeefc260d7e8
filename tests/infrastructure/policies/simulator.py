"""The engine: iam-simulate, a library for Node that follows AWS's order of evaluation, in a process that is asked line by line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.node import NODE, install

_FOLDER = Path(__file__).parent


class Simulator:
    """A running engine."""

    def __init__(self) -> None:
        install(_FOLDER)
        self._answers: dict[str, dict[str, str]] = {}
        # Policies that it was told of, by their texts, and those of the question that is being asked.
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

    def ask(self, simulation: dict[str, Any]) -> str:
        """What comes out: `Allowed`, `ImplicitlyDenied` or `ExplicitlyDenied`.

        Args:
            simulation: As the engine takes it, but for policies, which are named as `policy` does.

        Raises:
            ValueError: if the engine finds the question or a policy malformed, such as an action that does not exist.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Proofs ask much of the same.
        question = json.dumps(simulation)
        answer = self._answers.get(question)
        if answer is None:
            self._process.stdin.write(f'{{"policies": {json.dumps(self._untold)}, "simulation": {question}}}\n')
            self._process.stdin.flush()
            self._untold.clear()
            answer = self._answers[question] = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise ValueError(f"{simulation['request']}: {answer['error']}")
        return str(answer["result"])

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        if self._process.stdout is not None:
            self._process.stdout.close()
