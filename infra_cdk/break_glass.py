"""`make break-glass`: psql in the stage's database, as its owner, for an hour at most; Session Manager logs everything that is typed and shown.

Needs the AWS command line with its session manager plugin.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from infra_cdk.target import Target, parse

_AGENT_SECONDS = 60


def start(ecs: Any, outputs: dict[str, str], why: str) -> str:
    """Starts the task and waits until a session can be opened in it; returns its ARN.

    Raises:
        RuntimeError: if it cannot be started or entered, with the reason.
    """
    answer = ecs.run_task(
        cluster=outputs["BreakGlassCluster"],
        taskDefinition=outputs["BreakGlassTask"],
        launchType="FARGATE",
        enableExecuteCommand=True,
        # Who started it is in CloudTrail; why is here, in the signs that are allowed.
        startedBy=re.sub(r"[^A-Za-z0-9/_-]+", "-", why)[:128],
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": [outputs["BreakGlassSubnet"]],
                "securityGroups": [outputs["BreakGlassSecurityGroup"]],
                "assignPublicIp": "DISABLED",
            }
        },
    )
    if not answer["tasks"]:
        raise RuntimeError(f"the task was not started: {answer.get('failures')}")
    task = str(answer["tasks"][0]["taskArn"])
    ecs.get_waiter("tasks_running").wait(cluster=outputs["BreakGlassCluster"], tasks=[task])
    # A task runs before it can be entered.
    for _ in range(_AGENT_SECONDS):
        (found,) = ecs.describe_tasks(cluster=outputs["BreakGlassCluster"], tasks=[task])["tasks"]
        agents = [agent for each in found["containers"] for agent in each.get("managedAgents", [])]
        if any(each["lastStatus"] == "RUNNING" for each in agents):
            return task
        time.sleep(1)
    ecs.stop_task(cluster=outputs["BreakGlassCluster"], task=task, reason="no session could be opened")
    raise RuntimeError(f"no session could be opened within {_AGENT_SECONDS} seconds; the task was stopped")


def session(target: Target, outputs: dict[str, str], task: str) -> int:
    """Opens psql in the task and returns its exit code."""
    command = ["aws", "ecs", "execute-command", "--region", target.region, "--cluster", outputs["BreakGlassCluster"]]
    command += ["--task", task, "--container", "psql", "--interactive", "--command", "psql"]
    return subprocess.run(command, check=False).returncode


def main() -> int:
    """Starts, opens, and ends the task whatever happened."""
    parser = argparse.ArgumentParser(prog="make break-glass", description=__doc__)
    parser.add_argument("--why", required=True, help="the incident, for the record")
    options, target = parse(parser)
    for tool in ("aws", "session-manager-plugin"):
        if shutil.which(tool) is None:
            print(f"make break-glass: {tool} is not installed", file=sys.stderr)
            return 1
    try:
        outputs, ecs = target.outputs("access"), target.client("ecs")
        task = start(ecs, outputs, options.why)
        try:
            return session(target, outputs, task)
        finally:
            ecs.stop_task(cluster=outputs["BreakGlassCluster"], task=task, reason=options.why[:255])
    except (BotoCoreError, ClientError, WaiterError, RuntimeError) as error:
        print(f"make break-glass: {target.told(error)}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
