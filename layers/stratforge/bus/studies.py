"""Starting the state machine that works on the parts of a study."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from uuid import UUID

from stratforge.aws import aws_client


@lru_cache(maxsize=1)
def states_client() -> Any:
    """The client of Step Functions of this environment."""
    return aws_client("stepfunctions")


def start_study(state_machine_arn: str, job_id: UUID, parts: int) -> None:
    """Has the parts of a study worked on. The execution has the job's name, so however often it is started there is one."""
    request = json.dumps({"job_id": str(job_id), "parts": list(range(parts))})
    try:
        states_client().start_execution(stateMachineArn=state_machine_arn, name=str(job_id), input=request)
    except states_client().exceptions.ExecutionAlreadyExists:
        return
