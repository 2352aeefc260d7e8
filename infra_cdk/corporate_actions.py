"""`make corporate-actions`: lists the corporate actions that the ledger has not followed, approves or dismisses one, or enters one that the broker does
not announce."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra_cdk.target import parse


def main() -> int:
    """Asks, and prints what waits; 1 where what was asked for was not done."""
    parser = argparse.ArgumentParser(prog="make corporate-actions", description=__doc__)
    parser.add_argument("command", choices=("list", "approve", "dismiss", "enter"))
    parser.add_argument("--id", default="")
    parser.add_argument("--why", default="")
    parser.add_argument("--terms", default="", metavar="name=value …")
    options, target = parse(parser)
    request: dict[str, Any] = {"command": "actions" if options.command == "list" else options.command}
    if options.command != "list":
        if not options.id or not options.why:
            parser.error(f"to {options.command} a corporate action give ID= and WHY=")
        given = {"action_id": options.id, "reason": options.why}
        request |= {"action": given | _terms(parser, options.terms)} if options.command == "enter" else given
    try:
        # The database notes who did it: what AWS says, not what somebody types.
        request["by"] = str(target.client("sts").get_caller_identity()["Arn"])
        answer = target.invoke(target.client("lambda"), "operators", request)
    except (BotoCoreError, ClientError, RuntimeError) as error:
        print(f"make corporate-actions: {target.told(error)}", file=sys.stderr)
        return 1
    if not answer["done"]:
        what = "there is one already" if options.command == "enter" else "there is none that waits"
        print(f"make corporate-actions: {what} of the id {options.id}; nothing was changed", file=sys.stderr)
    for each in answer["actions"]:
        obstacle = f" ({each['obstacle']})" if each["obstacle"] else ""
        print(f"{each['on']} {each['action_id']}  {each['words']}: {each['state']}{obstacle}")
    if not answer["actions"]:
        print("no corporate action waits")
    return 0 if answer["done"] else 1


def _terms(parser: argparse.ArgumentParser, text: str) -> dict[str, str]:
    """What `TERMS="symbol=AAPL kind=split …"` says, by name; the function that is asked looks at it more closely."""
    terms = {}
    for each in text.split():
        name, equals, value = each.partition("=")
        if not equals or not value:
            parser.error(f"TERMS: {each!r} is not name=value")
        terms[name] = value
    missing = [name for name in ("symbol", "kind", "effective_on") if name not in terms]
    if missing:
        parser.error(
            f'TERMS: give {", ".join(missing)} too, such as TERMS="symbol=AAPL kind=split effective_on=2026-03-02 ratio=2"'
        )
    return terms


if __name__ == "__main__":
    sys.exit(main())
