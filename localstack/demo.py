"""`make demo`: everything comes up, trades for a while, is checked, and goes down. One JSON object ends the output."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from local_platform.audit import Audit, audit, count_trades, open_work
from local_platform.failures import StartError, note_failure, words_of
from local_platform.obstacles import obstacles, reached
from local_platform.platform import Options, Platform
from local_platform.synthesis import ROOT
from stratforge.client import Client

PROMPT = "Buy AAPL when the 2-bar average crosses above the 5-bar average and sell when it crosses below"
SYMBOLS = ("AAPL", "GOOG", "IBM", "META", "MSFT")
# A second trader on the other side, so that orders meet inside.
OPPOSITE = "Buy AAPL when the RSI falls below 55 and sell when the RSI is above 56"


def tell(text: str) -> None:
    """Writes a line of progress to stderr; stdout is for the result alone."""
    print(f"[{time.monotonic() - _BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


_BEGAN = time.monotonic()


def run_demo(platform: Platform, wanted_trades: int, seconds: float) -> tuple[Audit, int]:
    """Registers, generates, backtests, trades and stops; gives the audit, and how much was still at work when it was made.

    Raises:
        StartError: if the author asks back instead of writing, or a part of the platform keeps ending.
        ApiError: if the API refuses.
    """
    clients = []
    sessions = []
    for name, prompt in (("demo", PROMPT), ("other", OPPOSITE)):
        client = Client(platform.address)
        client.register(f"{name}@example.com", platform.folder.passwords.demo_account)
        strategy = client.generate(prompt)
        if "strategy_id" not in strategy:
            raise StartError(f"nothing was written from {prompt!r}: {strategy.get('questions') or strategy}")
        tell(f"{strategy['name']}: {strategy['logic_explanation']}")
        metrics = client.backtest(strategy["strategy_id"], config={"slippage_bps": 1})["metrics"]
        tell(f"backtest: {metrics['trades']} trades in {metrics['bars']:,} bars, return {metrics['total_return']:+.2%}")
        sessions += [(client, client.start_session(strategy["strategy_id"], symbol)) for symbol in SYMBOLS]
        clients.append(client)
    tell(f"{len(sessions)} sessions run on {len(SYMBOLS)} symbols at {platform.options.speed:g} times the real speed")
    deadline = time.monotonic() + seconds
    shown = -1
    while (trades := count_trades(platform)) < wanted_trades and time.monotonic() < deadline:
        if trades // 5 != shown // 5:
            tell(f"{trades} trades settled")
            shown = trades
        if (failed := platform.supervisor.failed) is not None:
            raise StartError(f"{failed.name} keeps ending after {trades} trades")
        time.sleep(0.25)
    for client, session in sessions:
        client.call("POST", f"/api/sessions/{session['session_id']}/stop")
    left = settle(platform)
    tell(f"{count_trades(platform)} trades settled; sessions stopped")
    portfolio = clients[0].call("GET", "/api/portfolio")
    tell(
        f"equity of the demo account: {float(portfolio['equity']):,.2f} from {float(portfolio['initial_balance']):,.2f}"
    )
    return audit(platform), left


def settle(platform: Platform, seconds: float = 60.0) -> int:
    """Waits until nothing is at work; gives how many blocks and signals still are when that takes longer."""
    deadline = time.monotonic() + seconds
    while (left := open_work(platform)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def shortfalls(found: Audit, left: int, wanted_trades: int, seconds: float) -> list[str]:
    """Lists the shortfalls of a demo run, one sentence each; empty if all is well."""
    short = []
    if found.trades < wanted_trades:
        short.append(f"{found.trades} of {wanted_trades} trades were settled within {seconds:g} s: {reached(found)}")
    if left:
        short.append(f"{left} blocks and signals were still at work a minute after the sessions were stopped")
    short += [*found.lost, *found.duplicated]
    short += [f"the invariant {name!r} is broken: {rows}" for name, rows in found.broken.items()]
    short += [
        f"{symbol} drifted: {ours} in our books, {theirs} at the exchange"
        for symbol, (ours, theirs) in found.drift.items()
    ]
    return short


def summary(found: Audit, wall: float, short: list[str]) -> dict[str, Any]:
    """The JSON object of a run."""
    return {
        "bars_published": found.bars_published,
        "bars_evaluated": found.bars_evaluated,
        "signals": found.signals,
        "orders": found.orders,
        "block_orders": found.block_orders,
        "fills": found.fills,
        "trades": found.trades,
        "lost": len(found.lost),
        "duplicated": len(found.duplicated),
        "invariants_ok": found.invariants_ok,
        "bar_to_order_ms": {"p50": found.latency(0.5), "p99": found.latency(0.99)},
        "wall_s": round(wall, 1),
        "fell_short": short,
    }


def _interrupt(_number: int, _frame: object) -> None:
    _hear_nothing()
    raise KeyboardInterrupt


def _hear_nothing() -> None:
    """From here on nobody interrupts: what is up goes down whole, and the last line is written."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)


def run(options: argparse.Namespace, logs: Path) -> list[str]:
    """Comes up, trades, is audited and goes down again; gives what fell short, one sentence each."""
    began = time.monotonic()
    platform, up = None, False
    short: list[str] = []
    try:
        try:
            platform = Platform(
                Options(options.state, speed=options.speed, fresh=True, assemblies=ROOT / ".stratforge" / "assemblies"),
                tell,
            )
            platform.start(lambda name, seconds, _going: tell(f"{name}: {seconds:.1f} s"))
            up = True
            tell(f"up at {platform.address}")
            found, left = run_demo(platform, options.trades, options.seconds)
            short = shortfalls(found, left, options.trades, options.seconds)
            print(json.dumps(summary(found, time.monotonic() - began, short)), flush=True)
        finally:
            _hear_nothing()
    except KeyboardInterrupt:
        short = ["it was stopped"]
    except Exception as error:  # noqa: BLE001 - whatever it was, the last line says it, and the log says all of it
        note_failure(logs / "demo.log")
        short = [words_of(error)]
    if platform is not None:
        if up and short and short != ["it was stopped"]:
            try:
                short += obstacles(platform)
            except Exception as error:  # noqa: BLE001 - as above, and it goes down whatever else is wrong
                note_failure(logs / "demo.log")
                short.append(f"what stands in the way cannot be said: {words_of(error)}")
        try:
            platform.stop()
        except Exception as error:  # noqa: BLE001 - as above
            note_failure(logs / "demo.log")
            short.append(f"it did not go down whole: {words_of(error)}")
    return short


def main() -> int:
    """Runs the demo; 0 when nothing fell short. However it ends badly, the last line on stderr says why and where to look."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--trades", type=int, default=20, help="trades to wait for")
    parser.add_argument("--seconds", type=float, default=90.0, help="the longest to wait for them")
    parser.add_argument("--speed", type=float, default=60.0, help="market seconds per real second")
    parser.add_argument("--state", type=Path, default=ROOT / ".stratforge" / "demo")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    logs = options.state.resolve() / "logs"
    short = run(options, logs)
    if short:
        print(f"demo: {'; '.join(short)} (look at {logs})", file=sys.stderr, flush=True)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
