"""`make screenshots`: pictures of the main pages for the README, from a running platform. Needs Chromium."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

_HERE = Path(__file__).resolve().parent
_PICTURES = _HERE / "pictures"


def take(address: str, password: str, executable: str) -> None:
    """Takes the pictures as the demo account."""
    _PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1200, "height": 860}).new_page()
        page.goto(f"{address}/login")
        page.fill("[name=email]", "demo@example.com")
        page.fill("[name=password]", password)
        page.click("form button")
        page.wait_for_url(f"{address}/")
        page.get_by_role("link", name="Not now").click()
        page.get_by_role("button", name="Month", exact=True).click()
        _picture(page, "home")
        page.emulate_media(color_scheme="dark")
        page.reload()
        page.get_by_role("button", name="Month", exact=True).click()
        _picture(page, "home-dark")
        page.emulate_media(color_scheme="light")
        page.reload()
        page.click("td.clip a >> nth=0")
        page.wait_for_url("**/sessions/*")
        _picture(page, "session")
        page.goto(f"{address}/strategies")
        page.get_by_role("link", name="Half-hour breakout", exact=True).click()
        page.wait_for_url("**/strategies/*-*")
        page.locator(".instant").wait_for(timeout=120_000)
        _picture(page, "strategy")
        page.goto(f"{address}/strategies")
        page.get_by_label("Latest backtest of Half-hour breakout").click()
        page.wait_for_url("**/backtests/*", timeout=60_000)
        _picture(page, "backtest")
        browser.close()


def _picture(page: Page, name: str) -> None:
    # As it is when nothing lags: with its connection, and no session behind the market.
    page.locator("#link[data-state=live]").wait_for(timeout=120_000)
    page.get_by_text("bars behind the market").first.wait_for(state="hidden", timeout=300_000)
    page.wait_for_timeout(3_000)
    path = _PICTURES / f"{name}.png"
    page.screenshot(path=path)
    print(f"localstack/pictures/{name}.png, {path.stat().st_size >> 10} KB")


def main() -> int:
    """Takes the dashboard's screenshots, as the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make screenshots ARGS=", description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--state", type=Path, default=_HERE.parent / ".stratforge")
    options = parser.parse_args()
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        print("make screenshots: no Chromium is installed", file=sys.stderr)
        return 2
    password = json.loads((options.state / "passwords.json").read_text())["demo_account"]
    take(options.address, password, executable)
    return 0


if __name__ == "__main__":
    sys.exit(main())
