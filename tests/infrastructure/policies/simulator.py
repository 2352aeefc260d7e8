"""The engine: iam-simulate, a library for Node that follows AWS's order of evaluation, in a process that is asked line by line."""

from __future__ import annotations

import hashlib
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
        self._answers: dict[bytes, dict[str, str]] = {}
        self._process = subprocess.Popen(
            [str(NODE), str(_FOLDER / "simulate.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, simulation: dict[str, Any]) -> str:
        """What comes out: `Allowed`, `ImplicitlyDenied` or `ExplicitlyDenied`.

        Raises:
            ValueError: if the engine finds the question or a policy malformed, such as an action that does not exist.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Proofs ask much of the same.
        question = json.dumps(simulation)
        asked = hashlib.blake2b(question.encode()).digest()
        answer = self._answers.get(asked)
        if answer is None:
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
            answer = self._answers[asked] = json.loads(self._process.stdout.readline())
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
