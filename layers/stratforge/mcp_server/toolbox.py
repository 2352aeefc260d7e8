"""The making of tools: toolsets, what a tool does to the world, arguments that many take, and asking the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote
from uuid import UUID

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from stratforge.client import ApiError, Client
from stratforge.mcp_server.answers import Answer, Job

# Seconds for which a call waits for work that takes a while: the gateway waits no longer than 29.
_WAIT = 20
Given = TypeVar("Given", bound=Answer)
Tool = TypeVar("Tool", bound=Callable[..., Any])


class Toolset(StrEnum):
    """Tools that belong together, so that a client can be given no more than it is for."""

    MARKET = "market"
    STRATEGIES = "strategies"
    BACKTESTS = "backtests"
    PORTFOLIO = "portfolio"
    TRADING = "trading"
    SHARING = "sharing"


def toolsets_named(names: str) -> frozenset[Toolset]:
    """The toolsets of a list with commas; all of them for an empty one.

    Raises:
        ValueError: if there is none of a name; it says which there are.
    """
    wanted = [name for name in (each.strip().lower() for each in names.split(",")) if name]
    if unknown := sorted({*wanted} - {*Toolset}):
        raise ValueError(f"there is no toolset {', '.join(unknown)[:80]}; there are {', '.join(Toolset)}")
    return frozenset(map(Toolset, wanted)) or frozenset(Toolset)


Symbol = Annotated[str, Field(max_length=20, description="A stock such as AAPL, or a pair such as BTC/USD")]
OptionalSymbol = Annotated[
    str | None, Field(max_length=20, description="A stock such as AAPL, or a pair such as BTC/USD")
]
Code = Annotated[str, Field(max_length=32_000, description="In the strategy language; see strategy_language")]
StrategyId = Annotated[UUID, Field(description="The id of a strategy; see list_strategies")]
SessionId = Annotated[UUID, Field(description="The id of a session; see list_sessions")]
OptionalSessionId = Annotated[UUID | None, Field(description="Only what this session did; see list_sessions")]
BacktestId = Annotated[UUID, Field(description="The id of a backtest; see list_backtests")]
OrderId = Annotated[UUID, Field(description="The id of an order; see list_orders")]
JobId = Annotated[UUID, Field(description="The id of a job, as a tool gave it")]
OrderSide = Annotated[Literal["buy", "sell"], Field(description="buy or sell")]
Limit = Annotated[int, Field(ge=1, le=200, description="At most so many")]
Cursor = Annotated[str | None, Field(max_length=64, description="`next` of the answer before, for what comes after it")]
Part = Annotated[
    float | None, Field(gt=0, lt=1, allow_inf_nan=False, description="A fraction of the price, such as 0.02")
]
EquityFraction = Annotated[
    float, Field(gt=0, le=1, allow_inf_nan=False, description="Of the equity in a position, such as 0.1")
]


class Toolbox:
    """Adds tools to a server and asks the API for them."""

    def __init__(
        self, server: MCPServer[Any], client_of: Callable[[Context[Any]], Client], *, read_only: bool = False
    ) -> None:
        self._server = server
        self._client_of = client_of
        self._read_only = read_only

    def reads(self, title: str) -> Callable[[Tool], Tool]:
        """A tool that looks and changes nothing."""
        return self._tool(title, ToolAnnotations(read_only_hint=True, open_world_hint=False))

    def makes(self, title: str, *, again: bool = False) -> Callable[[Tool], Tool]:
        """A tool that makes or changes something of the user's, and ends nothing.

        Args:
            again: Asking again with the same arguments changes nothing more.
        """
        return self._tool(
            title,
            ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=again, open_world_hint=False),
        )

    def ends(self, title: str) -> Callable[[Tool], Tool]:
        """A tool that ends, sells or takes back something; asking again changes nothing more."""
        return self._tool(
            title,
            ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False),
        )

    def asks_a_model(self, title: str) -> Callable[[Tool], Tool]:
        """A tool that has a model work, which looks around in the world."""
        return self._tool(
            title,
            ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True),
        )

    def _tool(self, title: str, annotations: ToolAnnotations) -> Callable[[Tool], Tool]:
        if self._read_only and not annotations.read_only_hint:
            return lambda function: function
        return self._server.tool(title=title, annotations=annotations, structured_output=True)

    def ask(
        self,
        answer: type[Given],
        context: Context[Any],
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        **query: Any,
    ) -> Given:
        """Asks the API with the key of who asks.

        Args:
            answer: The form of the answer; what it does not name is left out.
            body: What is sent; None leaves a field out.
            prepare: Makes of the API's answer what the form is filled with.
            query: Parameters of the address; None leaves one out.

        Raises:
            ToolError: if the API refuses. It says everything, so that the model can mend what it asked for.
        """
        given = None if body is None else {name: value for name, value in body.items() if value is not None}
        try:
            told = self._client_of(context).call(method, path, given, **query)
        except ApiError as error:
            problem = error.problem
            said = {"error": problem.get("detail", str(error)), "status": error.status}
            said |= {name: problem[name] for name in ("findings", "errors", "scope") if name in problem}
            raise ToolError(json.dumps(said)) from None
        return answer.model_validate(told if prepare is None else prepare(told))

    def job(self, context: Context[Any], path: str, body: dict[str, Any]) -> Job:
        """Begins work that takes a while, and gives its job: with the result where it has one by the end of the call.

        Raises:
            ToolError: if the API refuses, or the work failed.
        """
        return done(self.ask(Job, context, "POST", path, body, wait=_WAIT))


def install_jobs(box: Toolbox) -> None:
    """Adds the tools for jobs, which belong to every toolset that makes some."""

    @box.reads("Job")
    def get_job(
        job_id: JobId,
        context: Context[Any],
    ) -> Job:
        """A job as it stands, with its result or what went wrong."""
        return box.ask(Job, context, "GET", f"/v1/jobs/{job_id}")

    @box.ends("Cancel a job")
    def cancel_job(job_id: JobId, context: Context[Any]) -> Job:
        """Cancels a job; one that has finished stays as it is."""
        return box.ask(Job, context, "DELETE", f"/v1/jobs/{job_id}")


def done(job: Job) -> Job:
    """The job, unless it has failed.

    Raises:
        ToolError: with what went wrong.
    """
    if job.status == "FAILED":
        raise ToolError(json.dumps(job.error))
    return job


def in_path(value: str) -> str:
    """A value as one part of an address, whatever is in it."""
    return quote(value.replace("/", "-"), safe="")


def rfc3339(moment: datetime | None) -> str | None:
    """A moment as the API takes it; None for none."""
    return None if moment is None else moment.isoformat()


def amount(value: float | None) -> str | None:
    """A number as the API takes amounts: as many digits as were given, without an exponent.

    >>> amount(2.50), amount(1e-9), amount(40.0), amount(None)
    ('2.5', '0.000000001', '40', None)
    """
    if value is None:
        return None
    text = f"{Decimal(repr(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
