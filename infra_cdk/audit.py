"""`make audit`: has every balance, position and profit recomputed from what happened, and prints what the ledger says otherwise."""

from __future__ import annotations

import argparse
import sys

from botocore.exceptions import BotoCoreError, ClientError

from infra_cdk.target import parse


def main() -> int:
    """Audits; 1 where the ledger differs from what happened."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    _options, target = parse(parser)
    try:
        answer = target.invoke(target.client("lambda"), "reconciler", {"task": "audit"})
    except (BotoCoreError, ClientError, RuntimeError) as error:
        print(f"make audit: {target.told(error)}", file=sys.stderr)
        return 2
    for each in answer["differences"]:
        print(f"{each['what']}, {each['where']}: recorded {each['recorded']}, recomputed {each['recomputed']}")
    names = ("accounts", "positions", "trades", "adjustments", "activities")
    counted = ", ".join(f"{answer[name]} {name}" for name in names)
    print(f"{counted}: {'no difference' if answer['clean'] else 'DIFFERENCES'}")
    return 0 if answer["clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
