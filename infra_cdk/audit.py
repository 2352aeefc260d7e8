"""`make audit`: has every balance, position and profit recomputed from what happened, and prints what the ledger says otherwise."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra_cdk.target import parse


def main() -> int:
    """Audits; 1 where the ledger differs from what happened."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("--anew", action="store_true", help="read the broker's whole statement, not what is new in it")
    options, target = parse(parser)
    request = {"since": datetime.now(UTC).isoformat(), "anew": options.anew}
    try:
        # As long as the function may take, which goes on where it stopped.
        client = target.client("lambda", Config(read_timeout=910, retries={"total_max_attempts": 1}))
        answer = target.invoke(client, "auditor", request)
        while answer["left"]:
            print(f"{answer['left']} symbols are left", file=sys.stderr)
            answer = target.invoke(client, "auditor", request | {"anew": False})
    except (BotoCoreError, ClientError, RuntimeError) as error:
        print(f"make audit: {target.told(error)}", file=sys.stderr)
        return 2
    for each in answer["differences"]:
        print(f"{each['what']}, {each['where']}: recorded {each['recorded']}, recomputed {each['recomputed']}")
    names = ("accounts", "positions", "trades", "adjustments", "activities")
    if answer["found"] > len(answer["differences"]):
        print(f"{answer['found'] - len(answer['differences'])} more differences")
    counted = ", ".join(f"{answer[name]} {name}" for name in names)
    print(f"{counted}: {'no difference' if answer['clean'] else 'DIFFERENCES'}")
    return 0 if answer["clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
