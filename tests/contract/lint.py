"""Lints the API's documents with spectral and redocly: `make contract`. A warning fails it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from functions.api.app import create_app
from functions.api.contract.streams import asyncapi
from tests.support.node import NODE, install

HERE = Path(__file__).parent
OPENAPI = HERE.parents[1] / "functions" / "api" / "openapi.json"


def _run(*command: str) -> int:
    tool = HERE / "node_modules" / ".bin" / command[0]
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    return subprocess.run([str(NODE), str(tool), *command[1:]], cwd=HERE, env=environment, timeout=120).returncode


def main() -> int:
    """Runs both; 0 when neither has anything to say."""
    install(HERE)
    realtime = HERE / "node_modules" / "asyncapi.json"
    realtime.write_text(json.dumps(asyncapi("wss://stratforge.example.com/realtime", create_app().version)))
    spectral = ("spectral", "lint", "--ruleset", "spectral.yaml", "--fail-severity", "hint")
    failed = _run(*spectral, str(OPENAPI)) + _run(*spectral, str(realtime))
    return min(1, failed + _run("redocly", "lint", "--config", "redocly.yaml", "--max-problems", "20", str(OPENAPI)))


if __name__ == "__main__":
    sys.exit(main())
