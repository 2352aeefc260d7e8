"""Traders that trade often, on all symbols, and what must be true of the books afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from demo import OPPOSITE, PROMPT, SYMBOLS, settle
from local_platform.audit import Audit, audit, count_trades, mark
from local_platform.platform import Platform
from stratforge.client import Client

# Seconds are what a quiet machine takes at most; a busy one is given so many times as long before a test fails of waiting.
_BUSY = 4.0
_STARVED_SECONDS = 12.0
_Found = TypeVar("_Found")


def wait_for(condition: Callable[[], _Found | None], seconds: float, what: str | Callable[[], str]) -> _Found:
    """Waits for a condition to give something, and gives it; what is waited for may be told when it did not come, with what there is instead."""
    began = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - began
        assert waited < _BUSY * seconds, (
            f"{what if isinstance(what, str) else what()} did not happen within {_BUSY * seconds:g} s"
        )
        # The longer it takes, the less often it is looked at: looking takes a tenth of a core from what is waited for.
        time.sleep(min(1.0, 0.05 + waited / 20))
    return found


# So fast the market goes while somebody waits for its bars and nobody for a trade.
_HURRIED = 600.0


def wait_for_bars(platform: Platform, client: Client, symbol: str, count: int) -> None:
    """Waits for so many bars of a symbol that a session runs on, on a market in a hurry."""
    platform.simulator("market", {"speed": _HURRIED})
    try:
        wait_for(
            lambda: len(client.call("GET", f"/api/market/{symbol}/bars?limit={count}")["items"]) >= count,
            120,
            f"{count} bars of {symbol}",
        )
    finally:
        # Other tests stand on the same market, whatever becomes of this one.
        platform.simulator("market", {"speed": platform.options.speed})


# Its signals carry the exact values of its indicators, position and state, so that a replay that sees anything else says so.
TELLTALE = """
def indicators(bars):
    macd = ta.macd(bars.close, fast=5, slow=9, signal=4)
    return {"ema": ta.ema(bars.close, length=7), "histogram": macd.histogram, "vwap": ta.vwap(bars.high, bars.low, bars.close, bars.volume),
            "flow": ta.cmf(bars.high, bars.low, bars.close, bars.volume, length=5)}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    told = abs(bar.ema + bar.histogram + bar.vwap + bar.flow + bar.previous.close + position.unrealized_return + position.bars_held)
    if state["n"] % 2 == 1:
        return buy(quantity=told / 100000)
    return sell(fraction=told / 100000)
"""


class Traders:
    """Two users whose strategies trade often and often against each other, on all symbols."""

    def __init__(self, platform: Platform, name: str) -> None:
        self._platform = platform
        self._began = mark(platform)
        self._sessions: list[tuple[Client, str]] = []
        teller = Client(platform.address)
        teller.register(f"{name}-teller@example.com", "a long enough password")
        code = {"name": "telltale", "symbol": "AAPL", "python_code": TELLTALE}
        telling = teller.call("POST", "/api/strategies", code)["strategy_id"]
        self._sessions += [(teller, teller.start_session(telling, symbol)["session_id"]) for symbol in SYMBOLS]
        for suffix, prompt in (("a", PROMPT), ("b", OPPOSITE)):
            client = Client(platform.address)
            client.register(f"{name}-{suffix}@example.com", "a long enough password")
            strategy = client.generate(prompt)
            for symbol in SYMBOLS:
                session = client.start_session(strategy["strategy_id"], symbol)
                self._sessions.append((client, session["session_id"]))

    def trade(self, trades: int, seconds: float = 120.0) -> None:
        """Waits for so many more trades. Nothing is ordered on bars that come late, and where a machine is too busy for this
        market they all do: as long as nobody trades, the market goes slower and slower."""
        wanted = count_trades(self._platform) + trades
        seen, speed, since = -1, self._platform.options.speed, time.monotonic()

        def traded() -> bool:
            nonlocal seen, speed, since
            found = count_trades(self._platform)
            if found > seen:
                seen, since = found, time.monotonic()
            elif time.monotonic() - since > _STARVED_SECONDS and speed > 1.0:
                speed, since = speed / 2, time.monotonic()
                self._platform.simulator("market", {"speed": speed})
            return found >= wanted

        wait_for(traded, seconds, f"{trades} more trades")

    def halt(self) -> None:
        """Stops the sessions."""
        for client, session_id in self._sessions:
            client.call("POST", f"/api/sessions/{session_id}/stop")

    def stop(self) -> Audit:
        """Stops the sessions, lets everything settle, and audits what happened since they began."""
        self.halt()
        settle(self._platform, 300.0)
        return audit(self._platform, self._began)


def assert_clean(found: Audit) -> None:
    """Nothing lost, nothing doubled, every invariant holds."""
    assert found.broken == {}
    assert found.drift == {}
    assert (found.lost, found.duplicated) == ((), ())
