"""What the pages' scripts make of values and answers, in Node: the words of the server, and no answer read as what it is not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import functions.api.dashboard
from functions.api.dashboard.rendering import ago, duration, price
from tests.support.node import NODE

_STATIC = Path(functions.api.dashboard.__file__).parent / "static"
PRICES = (
    0,
    0.5,
    0.25,
    0.999999,
    0.9999996,
    0.00099999,
    0.123456,
    0.001,
    0.00012346,
    0.0000123,
    1,
    1.5,
    999.999,
    1234.5,
    1_234_567.891,
)


def ran(module: str, script: str) -> Any:
    """What a script leaves in `result`, which has what a module of ours exports in `it`; the page around it is empty."""
    code = (
        "globalThis.document = {getElementById: () => null, querySelectorAll: () => [], addEventListener: () => null};"
        f"let result; const it = await import({json.dumps((_STATIC / module).as_uri())}); {script};"
        "console.log(JSON.stringify(result))"
    )
    done = subprocess.run(
        [str(NODE), "--no-warnings", "--input-type=module", "--eval", code],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_price_that_comes_live_is_written_as_the_page_had_it() -> None:
    assert ran("realtime.js", f"result = {json.dumps(PRICES)}.map(it.written)") == [price(each) for each in PRICES]
    assert (price(0.0000123), price(0.5), price(1234.5)) == ("0.0000123", "0.5", "1,234.50")


def test_lengths_of_time_are_sorted_by_how_long_they_are() -> None:
    lengths = [duration(each) for each in (0, 59, 60, 200, 3_600, 12_000, 86_399, 90_000, 2_000_000)]
    for texts in (lengths, ["just now", *(f"{each} ago" for each in lengths[2:])]):
        assert ago(None) == "–"
        found = ran("tables.js", f"result = {json.dumps(texts)}.map(it.worth)")
        assert found == sorted(found)
        assert all(isinstance(each, int) for each in found), texts


def test_amounts_are_sorted_as_numbers_and_words_as_words() -> None:
    texts = ["-$1,200.50", "+2.50 %", "3 bps", "AAPL", "2012-03-02 15:30"]
    assert ran("tables.js", f"result = {json.dumps(texts)}.map(it.worth)") == [-1200.5, 2.5, 3, "AAPL", texts[-1]]


ANSWERS = """
const waits = [], left = [%s];
globalThis.setTimeout = (go, delay) => { waits.push(delay); queueMicrotask(go); };
globalThis.fetch = async () => {
  const next = left.shift();
  if (!next) throw new TypeError("no network");
  return new Response(next[2], { status: next[0], headers: { "Content-Type": next[1], ...(next[3] ? { "Retry-After": next[3] } : {}) } });
};
"""
BUSY = '[503, "text/plain", "An error occurred", "7"]'
GOOD = '[200, "application/json", \'{"a": 1}\']'


@pytest.mark.parametrize(
    ("answers", "said", "waits"),
    [
        ([GOOD], {"a": 1}, []),
        ([BUSY, '[429, "application/problem+json", "{}"]', GOOD], {"a": 1}, [7_000, 2_000]),
        (['[503, "text/plain", "", "900"]', GOOD], {"a": 1}, [20_000]),
        ([BUSY] * 9, "503", [7_000] * 4),
        (['[500, "text/plain", "An error occurred"]', GOOD], {"a": 1}, [2_000]),
        (['[404, "application/problem+json", "{}"]', GOOD], "404", []),
        (['[200, "text/html", "a login page"]', GOOD], "200", []),
        ([], "0", []),
    ],
)
def test_what_is_read_is_read_again_while_the_platform_is_busy_and_no_longer(
    answers: list[str], said: object, waits: list[int]
) -> None:
    read = 'const found = await it.read("/x").catch((error) => error.message); result = [found, waits]'
    assert ran("requests.js", ANSWERS % ",".join(answers) + read) == [said, waits]


def test_a_gateways_own_words_on_the_socket_are_no_messages_and_the_prices_are_asked_for_again() -> None:
    """What a full function says there is text, which is no JSON."""
    script = """
    const asked = [], waits = [];
    globalThis.location = { href: "http://x/" };
    globalThis.addEventListener = () => null;
    globalThis.setInterval = () => null;
    globalThis.CustomEvent = class { constructor(name) { this.name = name; } };
    globalThis.document.body = { dispatchEvent: () => null };
    globalThis.WebSocket = class { static OPEN = 1; readyState = 1; constructor() { globalThis.socket = this; } send(text) { asked.push(JSON.parse(text).action); } };
    globalThis.document.cookie = "";
    globalThis.fetch = async () => new Response('{"ticket": "t", "url": "/w"}', { headers: { "Content-Type": "application/json" } });
    it.watch();
    await new Promise((done) => setTimeout(done));
    globalThis.setTimeout = (go, delay) => { waits.push(delay); go(); };
    socket.onopen?.call();
    for (const data of ["An error occurred", '{"message": "Internal server error"}', '{"type": "update"}', "busy"]) socket.onmessage({ data });
    result = [asked, waits];
    """
    assert ran("realtime.js", script) == [["watch"] * 4, [1_000, 2_000, 1_000]]
