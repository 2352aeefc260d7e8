"""`make operator EMAIL=…`: makes an account an operator (or takes it from it), by the function that may do that and nothing else."""

from __future__ import annotations

import argparse
import sys

from botocore.exceptions import BotoCoreError, ClientError

from infra_cdk.target import parse


def main() -> int:
    """Asks, and prints who the operators are."""
    parser = argparse.ArgumentParser(prog="make operator", description=__doc__)
    parser.add_argument("command", choices=("grant", "revoke", "confirm", "list"))
    parser.add_argument("--email", default="")
    options, target = parse(parser)
    if options.command != "list" and not options.email:
        parser.error("give the address of an account with EMAIL=")
    try:
        # The database notes who did it: what AWS says, not what somebody types.
        by = str(target.client("sts").get_caller_identity()["Arn"])
        request = {"command": options.command, "email": options.email, "by": by}
        answer = target.invoke(target.client("lambda"), "operators", request)
    except (BotoCoreError, ClientError, RuntimeError) as error:
        print(f"make operator: {target.told(error)}", file=sys.stderr)
        return 1
    if not answer["done"]:
        hint = (
            "" if options.command != "grant" else " whose address is confirmed (by its mail, or with COMMAND=confirm)"
        )
        print(f"make operator: there is no account of {options.email}{hint}; register it first", file=sys.stderr)
    print("operators:", ", ".join(answer["operators"]) or "none")
    return 0 if answer["done"] else 1


if __name__ == "__main__":
    sys.exit(main())
