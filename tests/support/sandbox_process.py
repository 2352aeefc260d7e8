"""The sandbox function in a process of its own: fresh, so that it holds nothing that a test has opened or loaded before."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

_LOOP = """
import json, sys
from functions.sandbox.handler import handler
for line in sys.stdin:
    try:
        answer = {"body": handler(json.loads(line), None)}
    except Exception as error:
        answer = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
"""


class SandboxProcess:
    """Takes events and gives answers as JSON, one a line, like the Lambda runtime; stands in for the client of Lambda."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOOP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        """Invokes the function, as boto3's client of Lambda does."""
        assert FunctionName
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(Payload.decode() + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "failed" in answer:
            failed = json.dumps({"errorMessage": answer["failed"]}).encode()
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(failed)}
        return {"Payload": io.BytesIO(json.dumps(answer["body"]).encode())}

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
