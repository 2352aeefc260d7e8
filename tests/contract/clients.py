"""Makes TypeScript clients of the OpenAPI document and compiles a program against them: the second half of `make contract`. A warning fails it."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.contract.lint import HERE, OPENAPI
from tests.support.node import NODE, install

_MADE = HERE / "node_modules" / "clients"
_STRICT = ("--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler")


def _run(command: str, *arguments: str) -> int:
    tool = HERE / "node_modules" / ".bin" / command
    done = subprocess.run(
        [str(NODE), str(tool), *arguments],
        cwd=HERE, timeout=120, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    warned = re.search(r"warn|⚠|skipp", done.stdout, re.IGNORECASE)
    if done.returncode or warned:
        print(f"{command}:\n{done.stdout}")
    return 1 if done.returncode or warned else 0


def main() -> int:
    """Makes the clients and compiles; 0 when nothing has anything to say."""
    install(HERE)
    failed = _run("openapi-ts", "-i", str(OPENAPI), "-o", str(_MADE / "sdk"), "-c", "@hey-api/client-fetch")
    failed += _run("openapi-typescript", str(OPENAPI), "-o", str(_MADE / "types.d.ts"))
    failed += _run("tsc", *_STRICT, "use.ts")
    if not failed:
        print("TypeScript clients were made without a warning, and a program compiles against them.")
    return min(1, failed)


if __name__ == "__main__":
    sys.exit(main())
