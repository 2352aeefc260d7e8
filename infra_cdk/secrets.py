"""`make secrets STAGE=…`: the keys that people make at Alpaca and Gemini, entered once; and whether they were."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.configuration import PLACEHOLDER

from infra_cdk.target import parse

# Secret, field, what to ask for, and whether the platform can do without.
_FIELDS = (
    ("alpaca", "key_id", "Alpaca paper key id", False),
    ("alpaca", "secret_key", "Alpaca paper secret key", False),
    ("gemini", "api_key", "Gemini API key (empty: no assistant)", True),
)


def missing(read: Callable[[str], dict[str, Any]], stage: str) -> list[str]:
    """Lists the secrets that were not entered yet."""
    found = []
    if read(f"stratforge/{stage}/alpaca").get("key_id") in (None, "", PLACEHOLDER):
        found.append(f"stratforge/{stage}/alpaca: nothing trades until key_id and secret_key are entered")
    if not read(f"stratforge/{stage}/gemini").get("api_key"):
        found.append(
            f"stratforge/{stage}/gemini: without api_key the assistant says what is missing; everything else works"
        )
    return found


def entered(read: Callable[[str], dict[str, Any]], ask: Callable[[str], str], stage: str) -> dict[str, dict[str, Any]]:
    """The secrets with what was typed; what was left empty stays as it is."""
    values: dict[str, dict[str, Any]] = {}
    for name, field, prompt, _optional in _FIELDS:
        whole = f"stratforge/{stage}/{name}"
        secret = values.setdefault(whole, dict(read(whole)))
        typed = ask(f"{prompt}: ").strip()
        if typed:
            secret[field] = typed
    return values


def main() -> int:
    """Asks for the keys and stores them, or checks those that are stored."""
    parser = argparse.ArgumentParser(prog="make secrets", description=__doc__)
    parser.add_argument("what", choices=("enter", "check"))
    options, target = parse(parser)
    try:
        if options.what == "enter":
            client = target.client("secretsmanager")
            for name, value in entered(target.secret, getpass.getpass, options.stage).items():
                client.put_secret_value(SecretId=name, SecretString=json.dumps(value))
        for line in missing(target.secret, options.stage):
            print(line)
    except EOFError:
        print("make secrets: keys are typed; run it in a terminal", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"make secrets: {target.told(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
