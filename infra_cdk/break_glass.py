"""`make break-glass`: psql in the stage's database, as its owner, for an hour at most. Session Manager logs what is typed and shown when the session ends, and
the command looks whether it did.

Needs the AWS command line with its session manager plugin.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from infra_cdk.target import Target, parse

_AGENT_SECONDS = 60
_TRANSCRIPT_SECONDS = 90
# Streams of sessions are named after them; the container's own output has others.
_SESSIONS = "ecs-execute-command-"
# What the agent writes in the place of a transcript that it could not make.
_NO_TRANSCRIPT = "unable to generate log data"


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
    """Opens psql in the task and returns its exit code. What interrupts a query there interrupts nothing here."""
    command = ["aws", "ecs", "execute-command", "--region", target.region, "--cluster", outputs["BreakGlassCluster"]]
    command += ["--task", task, "--container", "psql", "--interactive", "--command", "psql"]
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def streams(logs: Any, group: str) -> set[str]:
    """Returns the names of the transcripts in a log group."""
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, logStreamNamePrefix=_SESSIONS)
    return {str(each["logStreamName"]) for page in pages for each in page["logStreams"]}


def transcript(logs: Any, group: str, before: set[str]) -> str | None:
    """Waits for the transcript of a session that has ended and returns the name of its stream; None when none came in time.

    Args:
        before: Those that were there before the session.
    """
    for _ in range(_TRANSCRIPT_SECONDS):
        for name in sorted(streams(logs, group) - before):
            events = logs.get_log_events(logGroupName=group, logStreamName=name, limit=10)["events"]
            if events and not any(_NO_TRANSCRIPT in str(each["message"]) for each in events):
                return name
        time.sleep(1)
    return None


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
        outputs, ecs, logs = target.outputs("access"), target.client("ecs"), target.client("logs")
        group = outputs["BreakGlassLog"]
        before = streams(logs, group)
        task = start(ecs, outputs, options.why)
        try:
            code = session(target, outputs, task)
            # Whoever ends the task ends the agent, which writes the transcript only now.
            written = transcript(logs, group, before)
            if written is None:
                print(
                    f"make break-glass: NO TRANSCRIPT of the session arrived in {group} within {_TRANSCRIPT_SECONDS} seconds; "
                    "note by hand what was done, and find out why",
                    file=sys.stderr,
                )
                return code or 1
            print(f"the transcript is in {group}, stream {written}")
            return code
        finally:
            ecs.stop_task(cluster=outputs["BreakGlassCluster"], task=task, reason=options.why[:255])
    except (BotoCoreError, ClientError, WaiterError, RuntimeError) as error:
        print(f"make break-glass: {target.told(error)}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
