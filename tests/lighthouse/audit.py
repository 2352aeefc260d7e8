"""`make lighthouse`: what Lighthouse says of five pages of a running platform, as the demo account sees them on a slow phone. Needs Chromium.

It measures time, so it belongs on a machine that does nothing else; the tests of the browser hold what does not depend on that.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local_platform.ports import Ports
from playwright.sync_api import sync_playwright

from tests.support.node import NODE, install

HERE = Path(__file__).parent
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
WANTED = 0.95
PAGES = (
    ("/", ""),
    ("/strategies", ""),
    ("/strategies", ".strategy h2 a"),
    ("/strategies", ".strategy .sparkline"),
    ("/sessions", "td a[href^='/sessions/']"),
)


def audited(address: str, port: int) -> tuple[dict[str, float], list[str]]:
    """The scores of a page in a browser that is logged in, and the audits that it does not pass."""
    done = subprocess.run(
        [
            str(NODE),
            str(HERE / "node_modules/lighthouse/cli/index.js"),
            address,
            f"--port={port}",
            "--quiet",
            "--disable-storage-reset",
            f"--only-categories={','.join(CATEGORIES)}",
            "--output=json",
        ],
        env={**os.environ, "LIGHTHOUSE_NO_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found = json.loads(done.stdout)
    scores = {name: float(found["categories"][name]["score"]) for name in CATEGORIES}
    weighed = {each["id"] for name in CATEGORIES for each in found["categories"][name]["auditRefs"] if each["weight"]}
    failed = [
        f"{name} {each['score']:.2f} {each.get('displayValue', '')}".strip()
        for name, each in found["audits"].items()
        if name in weighed and each["score"] is not None and each["score"] < 0.9
    ]
    return scores, failed


def main() -> int:
    """Audits the pages; 0 when each has 95 in all categories."""
    parser = argparse.ArgumentParser(prog="make lighthouse ARGS=", description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--state", type=Path, default=HERE.parents[1] / ".stratforge")
    options = parser.parse_args()
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        print("make lighthouse: no Chromium is installed", file=sys.stderr)
        return 2
    password = json.loads((options.state / "passwords.json").read_text())["demo_account"]
    install(HERE)
    port = Ports().any()
    short = False
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=executable, args=["--no-sandbox", f"--remote-debugging-port={port}"]
        )
        page = browser.new_page()
        page.goto(f"{options.address}/login")
        page.fill("[name=email]", "demo@example.com")
        page.fill("[name=password]", password)
        page.click("form button")
        page.wait_for_url(f"{options.address}/")
        for where, link in PAGES:
            page.goto(f"{options.address}{where}")
            path = page.locator(link).first.get_attribute("href") if link else where
            scores, failed = audited(f"{options.address}{path}", port)
            print("  ".join(f"{name} {score * 100:3.0f}" for name, score in scores.items()), path, flush=True)
            if min(scores.values()) < WANTED:
                short = True
                print("    " + "\n    ".join(failed), flush=True)
        browser.close()
    return int(short)


if __name__ == "__main__":
    sys.exit(main())
