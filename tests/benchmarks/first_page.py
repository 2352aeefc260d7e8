"""What the first page takes, ours with an account's sessions beside FreqUI's published bundle as it opens: bytes, first contentful paint, and the answer to the first click.

Both are opened by one Chromium that is slowed down as Lighthouse does it: a processor four times slower, 1.6 Mbit/s, 150 ms. FreqUI's is the archive of its latest release, which
`freqtrade install-ui` fetches as well, or the folder that FREQUI names: one into which that archive was unpacked, or a build of its sources.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import statistics
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from local_platform.ports import Ports, listening
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from rich.table import Table
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.browser.conftest import EXECUTABLE

_RELEASES = "https://api.github.com/repos/freqtrade/frequi/releases"
_ROUNDS = 3
_SLOW = {"offline": False, "latency": 150, "downloadThroughput": 1_638_400 / 8, "uploadThroughput": 675_000 / 8}
_SLOWER_CPU = 4
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
# What a click takes from the finger to the next picture.
_CLICKED = """
() => new Promise((seen) => {
  new PerformanceObserver((list) => {
    const found = list.getEntries().filter((each) => each.name === "click");
    if (found.length) seen(Math.max(...found.map((each) => each.duration)));
  }).observe({ type: "event", durationThreshold: 16 });
  setTimeout(() => seen(16), 4000);
})
"""


@dataclass(frozen=True, slots=True)
class FirstPage:
    """What a page took: bytes over the wire, and milliseconds."""

    name: str
    bytes: int
    painted_ms: float
    clicked_ms: float


def first_pages(address: str, email: str, password: str) -> Table:
    """Opens both, and says in the table why there is nothing of FreqUI where it is not to be had."""
    table = Table("The first page, slowed down", "Bytes", "First contentful paint", "First click")
    if EXECUTABLE is None:
        table.add_row("no Chromium is installed")
        return table
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=["--no-sandbox"])
        found = [_opened(browser, "StratForge, a home of sessions", address, _login(browser, address, email, password))]
        try:
            with _frequi() as (name, other):
                found.append(_opened(browser, f"FreqUI {name}, without a bot", other, None))
        except (OSError, LookupError, ValueError) as error:
            table.caption = f"FreqUI is not to be had here ({error}): FREQUI=FOLDER names an unpacked release"
        browser.close()
    for each in found:
        table.add_row(each.name, f"{each.bytes:,}", f"{each.painted_ms:,.0f} ms", f"{each.clicked_ms:,.0f} ms")
    return table


def _login(browser: Browser, address: str, email: str, password: str) -> list[Any]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/login")
    page.fill("[name=email]", email)
    page.fill("[name=password]", password)
    page.click("form button")
    page.wait_for_url(f"{address}/")
    cookies = context.cookies()
    context.close()
    return cookies


def _opened(browser: Browser, name: str, address: str, cookies: list[Any] | None) -> FirstPage:
    rounds = []
    for _ in range(_ROUNDS):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        if cookies:
            context.add_cookies(cookies)
            context.add_init_script("localStorage.setItem('renewed', Date.now())")
        rounds.append(_once(context, address))
        context.close()
    return FirstPage(name, *(statistics.median(each) for each in zip(*rounds, strict=True)))


def _once(context: BrowserContext, address: str) -> tuple[float, float, float]:
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    sizes: list[float] = []
    devtools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", _SLOW)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER_CPU})
    page.goto(address, wait_until="load", timeout=120_000)
    button = page.locator("button:visible").first
    button.wait_for(timeout=120_000)
    painted = float(page.evaluate(_PAINTED))
    page.wait_for_load_state("networkidle", timeout=120_000)
    loaded = sum(sizes)
    page.evaluate(f"void (window.clicked = ({_CLICKED})())")
    button.click(timeout=60_000)
    return loaded, painted, float(page.evaluate("window.clicked"))


@contextlib.contextmanager
def _frequi() -> Iterator[tuple[str, str]]:
    """FreqUI served from this machine, compressed: its version and address."""
    if folder := os.environ.get("FREQUI"):
        name = f"of {folder}"
        paths = [path for path in Path(folder).rglob("*") if path.is_file()]
        files = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    else:
        name, files = _released()
    if "index.html" not in files:
        raise LookupError("there is no index.html in it")
    port = Ports().any()
    server = uvicorn.Server(uvicorn.Config(_site(files), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not listening(port):
        thread.join(0.05)
    try:
        yield name, f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()


def _released() -> tuple[str, dict[str, bytes]]:
    with urllib.request.urlopen(_RELEASES, timeout=30) as answer:
        release = next(each for each in json.load(answer) if not each["prerelease"])
    with urllib.request.urlopen(release["assets"][0]["browser_download_url"], timeout=60) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    return release["tag_name"], {each.filename: archive.read(each) for each in archive.infolist() if not each.is_dir()}


def _site(files: dict[str, bytes]) -> Starlette:
    types = {
        "html": "text/html",
        "js": "text/javascript",
        "css": "text/css",
        "svg": "image/svg+xml",
        "woff2": "font/woff2",
    }

    def answer(request: Request) -> Response:
        name = request.path_params["name"]
        name = name if name in files else "index.html"
        return Response(files[name], media_type=types.get(name.rsplit(".", 1)[-1], "application/octet-stream"))

    return Starlette(routes=[Route("/{name:path}", answer)], middleware=[Middleware(GZipMiddleware, compresslevel=9)])
