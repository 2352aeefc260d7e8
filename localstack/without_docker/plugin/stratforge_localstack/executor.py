"""An execution environment as a process: the function's code and layers on its path, invocations as lines of JSON."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
from pathlib import Path
from typing import Any

from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from localstack import config

_WORKER = Path(__file__).with_name("worker.py")
# What of this process's environment a function may have.
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
_START_SECONDS = 30.0


class HostRuntimeExecutor(RuntimeExecutor):
    """One process, one invocation at a time. It runs under the interpreter that STRATFORGE_PYTHON names."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = Path(os.environ["STRATFORGE_LOGS"]) / f"{function_version.id.function_name}.log"

    def start(self, env_vars: dict[str, str]) -> None:
        """Starts the function's process with its environment and layers."""
        places = [self.function_version.config.code.get_unzipped_code_location()]
        places += [layer.code.get_unzipped_code_location() / "python" for layer in self.function_version.config.layers]
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= {name: str(value) for name, value in env_vars.items() if value is not None}
        environment |= {
            "PYTHONPATH": os.pathsep.join(str(place) for place in places),
            "PYTHONUNBUFFERED": "1",
            "AWS_ENDPOINT_URL": config.internal_service_url(),
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [os.environ["STRATFORGE_PYTHON"], "-W", "ignore", str(_WORKER)],
                env=environment,
                cwd=places[0],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        ready = self._answer(_START_SECONDS)
        if ready is None or "error" in ready:
            self.stop()
            raise LambdaRuntimeException(f"the function does not load: {(ready or {}).get('error', 'no answer')}")

    def _answer(self, seconds: float) -> dict[str, Any] | None:
        """The next line of the process; None when it does not come in time or the process ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                return None
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """One invocation; a process that does not answer within the function's timeout is ended."""
        assert self._process is not None
        assert self._process.stdin is not None
        request, timeout = payload["invoke-id"], self.function_version.config.timeout
        message = {
            "request": request,
            "event": payload["payload"],
            "function": self.function_version.id.function_name,
            "arn": payload.get("invoked-function-arn", ""),
            "memory": self.function_version.config.memory_size,
            "timeout": timeout,
        }
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._answer(float(timeout) + 0.5)
        except BrokenPipeError:
            answer = None
        if answer is None:
            self._process.kill()
            body = {"errorMessage": f"{request} Task timed out after {timeout}.00 seconds, or the process ended"}
            return InvocationResult(request, json.dumps(body).encode(), is_error=True, logs="")
        return InvocationResult(request, answer["payload"].encode(), is_error=bool(answer["failed"]), logs="")

    def stop(self) -> None:
        """Ends the function's process, by force after three seconds."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def get_address(self) -> str:
        """Returns the address of this machine, on which the function runs."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Returns the host at which the function finds LocalStack."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """It answers on its pipe, not at an address."""
        return ""

    def get_logs(self) -> str:
        """Returns nothing: logs are in files of their own."""
        return ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpacks the code and its layers."""
        function_version.config.code.prepare_for_execution()
        for layer in function_version.config.layers:
            layer.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Forgets the unpacked code of a version."""
        function_version.config.code.destroy_cached()
