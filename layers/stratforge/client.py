"""A client of the HTTP API that needs nothing but Python.

>>> client = Client("https://stratforge.example.com", key="sfk_…")      # doctest: +SKIP
>>> client.call("GET", "/api/portfolio")["equity"]                     # doctest: +SKIP
'100042.17'
"""

from __future__ import annotations

import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

_TIMEOUT = 40.0
_ATTEMPTS = 4
# What went wrong on the way, and may go right the next time.
_TRY_AGAIN = frozenset({429, 502, 503, 504})


# Seconds for which a request is waited for that an earlier attempt left to be answered, and the longest pause that is waited out.
_PATIENCE, _LONGEST_PAUSE = 75.0, 30.0


class ApiError(RuntimeError):
    """The API answered with a problem.

    Attributes:
        status: The HTTP status.
        problem: The problem document, with `type`, `detail` and more.
        retry_after: Seconds after which the API says it is worth asking again; 0 when it does not say.
    """

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float = 0.0) -> None:
        super().__init__(f"{status}: {problem.get('detail', problem)}")
        self.status = status
        self.problem = problem
        self.retry_after = retry_after

    @property
    def being_answered(self) -> bool:
        """True if an earlier attempt of the same request is still being answered."""
        return self.status == 409 and str(self.problem.get("type", "")).endswith(":in-progress")


class Client:
    """Calls the API as one user, with an API key or after `enter`.

    Every request that changes something carries an Idempotency-Key of its own, so that what is tried again after a failure on the way is not
    done twice.
    """

    def __init__(self, address: str, key: str = "") -> None:
        """
        Args:
            address: Where the API is, without a path.
            key: A personal API key; or log in with `log_in`.

        Raises:
            ValueError: if the address is not one of HTTP.
        """
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"{address!r} is not an address; give one such as https://stratforge.example.com")
        self._address = address.rstrip("/")
        self._token = key

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """One request; tried again, at most three times, when something on the way failed.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: Such as /api/portfolio.
            body: What is sent as JSON.
            query: Parameters of the address, truth as true and false; None leaves one out.

        Raises:
            ApiError: for any answer of 400 and up.
        """
        given = {
            name: json.dumps(value) if isinstance(value, bool) else value
            for name, value in query.items()
            if value is not None
        }
        url = self._address + path + (f"?{urllib.parse.urlencode(given)}" if given else "")
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if method != "GET" and self._token:
            headers["Idempotency-Key"] = str(uuid4())
        data = json.dumps(body).encode() if body is not None else None
        began, failures = time.monotonic(), 0
        while True:
            try:
                return _once(urllib.request.Request(url, data, headers, method=method))  # noqa: S310 - checked above
            except ApiError as error:
                if error.being_answered and time.monotonic() - began < _PATIENCE:
                    time.sleep(error.retry_after or 1.0)
                    continue
                failures += 1
                pause = error.retry_after
                if error.status not in _TRY_AGAIN or failures == _ATTEMPTS or pause > _LONGEST_PAUSE:
                    raise
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                failures += 1
                pause = 0.0
                if failures == _ATTEMPTS:
                    raise ApiError(503, {"detail": f"the API does not answer: {error}"}) from None
            time.sleep(pause + random.uniform(0.5, 1.0) * 2 ** (failures - 1) * 0.5)  # noqa: S311 - jitter

    def items(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All items of a list, page after page.

        Raises:
            ApiError: if a page leads to itself.
        """
        # Versions are numbered: what comes next is before a number.
        name, cursor = "before" if path.rstrip("/").endswith("/versions") else "cursor", None
        while True:
            page = self.call("GET", path, **{name: cursor}, **query)
            yield from page["items"]
            before, cursor = cursor, page.get("next")
            if cursor is None:
                return
            if cursor == before:
                raise ApiError(200, {"detail": f"the list {path} does not move on"})

    def log_in(self, email: str, password: str, code: str | None = None) -> None:
        """Logs in to an account that there is; an address that is mistyped is refused.

        Args:
            code: Six digits of the authenticator app, or a recovery code, where the account has a second factor; without it an `ApiError` says that
                one is needed.
        """
        given = {"email": email, "password": password} | ({"code": code} if code else {})
        tokens = self.call("POST", "/api/auth/login", given)
        self._token = str(tokens["access_token"])

    def register(self, email: str, password: str) -> None:
        """Makes an account and logs in; where the address has one already it only logs in.

        Raises:
            ApiError: where accounts open by mail, and this one's link was not followed yet.
        """
        try:
            tokens: dict[str, Any] | None = self.call(
                "POST", "/api/auth/register", {"email": email, "password": password}
            )
        except ApiError as error:
            if error.status != 409:
                raise
            tokens = None
        if tokens is None:
            self.log_in(email, password)
        else:
            self._token = str(tokens["access_token"])

    def wait(self, job: dict[str, Any], seconds: float = 120.0) -> dict[str, Any]:
        """The result of a job, when it has one.

        Raises:
            ApiError: if the job failed, was canceled, or is not done in time.
        """
        deadline = time.monotonic() + seconds
        while job["status"] in ("QUEUED", "RUNNING"):
            if time.monotonic() > deadline:
                raise ApiError(504, {"detail": f"the job {job['job_id']} is not done after {seconds:g} s"})
            time.sleep(0.3)
            job = self.call("GET", f"/api/jobs/{job['job_id']}")
        if job["status"] != "SUCCEEDED":
            error = job.get("error") or {}
            raise ApiError(
                500, {"detail": f"the job is {job['status']}: {error.get('message', error)}", "error": error}
            )
        result: dict[str, Any] = job["result"]
        return result

    def generate(self, prompt: str, symbol: str | None = None) -> dict[str, Any]:
        """Has a strategy written from a prompt, waits for the job, and gives its result."""
        body = {"prompt": prompt} | ({"symbol": symbol} if symbol else {})
        return self.wait(self.call("POST", "/api/ai/generate", body, wait=20))

    def research(self, question: str, *, portfolio: bool = False, follows: str | None = None) -> dict[str, Any]:
        """Asks the Analyst a question, which may follow an earlier one (its job), and waits for the answer."""
        body = {"question": question, "include_portfolio": portfolio, "follows": follows}
        return self.wait(self.call("POST", "/api/ai/research", body, wait=20))

    def backtest(self, strategy_id: str, **options: Any) -> dict[str, Any]:
        """Backtests a strategy and waits for the result."""
        return self.wait(self.call("POST", "/api/backtests", {"strategy_id": strategy_id, **options}, wait=20))

    def start_session(
        self, strategy_id: str, symbol: str, sizing_value: str = "0.05", **settings: Any
    ) -> dict[str, Any]:
        """Starts a trading session of a strategy."""
        body = {"strategy_id": strategy_id, "symbol": symbol, "sizing_value": sizing_value, **settings}
        return self.call("POST", "/api/sessions", body)


class _StaysHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the key would go along to wherever it leads."""

    def redirect_request(self, *_given: Any) -> None:
        """Follows nothing; the redirection is an error with its status."""
        return


_opener = urllib.request.build_opener(_StaysHere)


def _once(request: urllib.request.Request) -> dict[str, Any]:
    try:
        with _opener.open(request, timeout=_TIMEOUT) as reply:
            content = reply.read()
    except urllib.error.HTTPError as error:
        text = error.read()
        try:
            problem = json.loads(text)
        except ValueError:
            problem = {"detail": text.decode(errors="replace")[:300]}
        said = error.headers.get("Retry-After", "")
        raise ApiError(error.code, problem, float(said) if said.isdecimal() else 0.0) from None
    answer: dict[str, Any] = json.loads(content) if content else {}
    return answer
