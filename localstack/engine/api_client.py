"""A small client of the HTTP API, for bringing up the demo account and for the demo run."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any


class ApiError(RuntimeError):
    """The API answered with a problem."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail', problem)}")
        self.status = status
        self.problem = problem


class ApiClient:
    """Calls the API as one user."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._token = ""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request.

        Raises:
            ApiError: for any answer of 400 and up.
        """
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self._address + path, data, headers, method=method)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=40) as reply:  # noqa: S310 - loopback
                content = reply.read()
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                problem = json.loads(text)
            except ValueError:
                problem = {"detail": text.decode(errors="replace")[:300]}
            raise ApiError(error.code, problem) from None
        answer: dict[str, Any] = json.loads(content) if content else {}
        return answer

    def enter(self, email: str, password: str) -> None:
        """Registers, or logs in when the address is known."""
        credentials = {"email": email, "password": password}
        try:
            tokens = self.call("POST", "/api/auth/register", credentials)
        except ApiError as error:
            if error.status != 409:
                raise
            tokens = self.call("POST", "/api/auth/login", credentials)
        self._token = str(tokens["access_token"])

    def generate(self, prompt: str) -> dict[str, Any]:
        """Has a strategy written; gives the job's result."""
        job = self.call("POST", "/api/ai/generate?wait=25", {"prompt": prompt})
        return _result(job)

    def backtest(self, strategy_id: str, **options: Any) -> dict[str, Any]:
        """Backtests a strategy; gives the job's result."""
        return _result(self.call("POST", "/api/backtests?wait=25", {"strategy_id": strategy_id, **options}))

    def start_session(self, strategy_id: str, symbol: str) -> dict[str, Any]:
        """Starts a session."""
        return self.call(
            "POST", "/api/sessions", {"strategy_id": strategy_id, "symbol": symbol, "sizing_value": "0.05"}
        )


def _result(job: dict[str, Any]) -> dict[str, Any]:
    if job["status"] != "SUCCEEDED":
        raise ApiError(500, {"detail": f"the job is {job['status']}: {job.get('error')}"})
    result: dict[str, Any] = job["result"]
    return result
