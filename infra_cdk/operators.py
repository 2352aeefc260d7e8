"""`make operator EMAIL=…`: makes an account an operator (or takes it from it), by the function that may do that and nothing else."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra_cdk.target import parse


def ask(client: Any, stage: str, command: str, email: str, by: str) -> dict[str, Any]:
    """Invokes the stage's operators function with a command, and returns its answer.

    Raises:
        RuntimeError: with what it says, if it fails.
    """
    payload = {"command": command, "email": email, "by": by}
    reply = client.invoke(FunctionName=f"stratforge-{stage}-operators", Payload=json.dumps(payload).encode())
    answer: dict[str, Any] = json.loads(reply["Payload"].read())
    if reply.get("FunctionError"):
        raise RuntimeError(f"the function failed: {answer.get('errorMessage', answer)}")
    return answer


def main() -> int:
    """Asks, and prints who the operators are."""
    parser = argparse.ArgumentParser(prog="make operator", description=__doc__)
    parser.add_argument("command", choices=("grant", "revoke", "list"))
    parser.add_argument("--email", default="")
    options, target = parse(parser)
    if options.command != "list" and not options.email:
        parser.error("give the address of an account with EMAIL=")
    try:
        # The database notes who did it: what AWS says, not what somebody types.
        by = str(target.client("sts").get_caller_identity()["Arn"])
        answer = ask(target.client("lambda"), target.stage, options.command, options.email, by)
    except (BotoCoreError, ClientError, RuntimeError) as error:
        print(f"make operator: {error}", file=sys.stderr)
        return 1
    if not answer["done"]:
        print(f"make operator: there is no account of {options.email}; register it first", file=sys.stderr)
    print("operators:", ", ".join(answer["operators"]) or "none")
    return 0 if answer["done"] else 1


if __name__ == "__main__":
    sys.exit(main())
