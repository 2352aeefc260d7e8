"""`make bootstrap` also makes the roles with which services act in an account. A service makes its own when it is first used, and fails that first time: it asks for
the role before the role is there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra_cdk.target import parse

_SERVICES = ("ecs.amazonaws.com", "rds.amazonaws.com")


def missing(iam: Any) -> Iterator[str]:
    """Yields the services whose roles the account does not have.

    Args:
        iam: A client of IAM.
    """
    for service in _SERVICES:
        if not iam.list_roles(PathPrefix=f"/aws-service-role/{service}/")["Roles"]:
            yield service


def main() -> int:
    """Makes the service-linked roles that an account is still missing."""
    _, target = parse(argparse.ArgumentParser(prog="make bootstrap", description=__doc__))
    iam = target.client("iam")
    try:
        for service in missing(iam):
            iam.create_service_linked_role(AWSServiceName=service)
            print(f"made the role of {service}")
    except (BotoCoreError, ClientError) as error:
        print(f"make bootstrap: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
