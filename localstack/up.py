"""`make up`: the platform on this machine, with a demo account that trades, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import psycopg
from local_platform.failures import StartError, note_failure, words_of
from local_platform.platform import Options, Platform
from local_platform.synthesis import ROOT
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from stratforge.client import ApiError, Client

from infra_cdk.configuration import BarBus

_STEPS = 11
# Seconds between two looks at the ledger for the screen, and how much longer that is than a look takes.
_COUNT_SECONDS, _COUNT_SHARE = 2.0, 20.0
# What a platform may take that is made anew while it starts: its engine died, or the clock jumped back.
_ANEW_SECONDS = 60.0
DEMO_EMAIL = "demo@example.com"
DEMO_STRATEGIES = (
    (
        "Buy AAPL when the 5-bar average crosses above the 15-bar average, sell when it crosses below, 10% of equity",
        ("AAPL", "MSFT"),
    ),
    ("Buy GOOG when the RSI falls below 40 and sell above 60, 10% of equity", ("GOOG", "IBM")),
    ("Buy META when it breaks out of its 20-bar high, 10% of equity", ("META",)),
)


def begin_demo(platform: Platform) -> None:
    """Makes sure that the demo account exists, is an operator of its own machine, and has sessions running."""
    client = Client(platform.address)
    client.register(DEMO_EMAIL, platform.folder.passwords.demo_account)
    with psycopg.connect(platform.conninfo("owner"), connect_timeout=10) as connection:
        connection.execute("SELECT confirm_by_hand(%s, 'make up')", (DEMO_EMAIL,))
        connection.execute(
            "SELECT set_operator(email, true, 'make up') FROM users WHERE email = %s AND NOT is_operator", (DEMO_EMAIL,)
        )
    running = [each for each in client.call("GET", "/api/sessions")["items"] if each["status"] == "RUNNING"]
    if running:
        return

    def begin(prompt: str, symbols: tuple[str, ...]) -> None:
        strategy = client.generate(prompt)
        if "strategy_id" not in strategy:
            platform.tell(f"nothing was written from {prompt!r}: {strategy.get('questions') or strategy}")
            return
        for symbol in symbols:
            session = {"strategy_id": strategy["strategy_id"], "symbol": symbol, "sizing_value": "0.1"}
            client.call("POST", "/api/sessions", session)

    with ThreadPoolExecutor(len(DEMO_STRATEGIES)) as pool:
        list(pool.map(lambda each: begin(*each), DEMO_STRATEGIES))


def _begin_demo(platform: Platform) -> None:
    """Begins the demo, again while the platform is made anew meanwhile."""
    deadline = time.monotonic() + _ANEW_SECONDS
    while True:
        try:
            begin_demo(platform)
        except ApiError as error:
            if error.status != 503 or time.monotonic() > deadline:
                raise
            time.sleep(1.0)
        else:
            return


def backtest_demo(platform: Platform) -> None:
    """Backtests what the demo account runs over the time that it has run, where that was not done yet: seconds after everything is up."""
    client = Client(platform.address)
    client.log_in(DEMO_EMAIL, platform.folder.passwords.demo_account)
    tested = {each["strategy_id"] for each in client.items("/api/backtests")}
    for session in client.items("/api/sessions"):
        if session["strategy_id"] not in tested:
            tested.add(session["strategy_id"])
            config = {"sizing_value": float(session["sizing_value"]), "slippage_bps": 1}
            client.backtest(session["strategy_id"], symbol=session["symbol"], start=session["began_at"], config=config)


def _backtest_demo(platform: Platform) -> None:
    try:
        backtest_demo(platform)
    except (ApiError, OSError) as error:
        platform.tell(f"the demo account's strategies are not backtested ({error})")


class Status:
    """The screen: what runs, what was traded."""

    def __init__(self, platform: Platform, clock: Callable[[], float] = time.monotonic) -> None:
        self._platform = platform
        self._events: list[str] = []
        self._clock = clock
        self._counted: dict[str, Any] | psycopg.Error | None = None
        self._count_at = 0.0

    def event(self, text: str) -> None:
        """Adds a line to the events."""
        self._events = [*self._events[-4:], f"{time.strftime('%H:%M:%S')}  {text}"]

    def counts(self) -> dict[str, Any]:
        """Reads the ledger's counts: market time, bars evaluated, sessions, signals, orders, trades, and the demo
        account's equity."""
        with psycopg.connect(self._platform.conninfo("engine"), connect_timeout=3) as connection:
            row = connection.execute(
                """
                SELECT (SELECT max(time) FROM latest_prices), (SELECT coalesce(sum(bars_evaluated), 0) FROM sessions),
                       (SELECT count(*) FROM sessions WHERE status = 'RUNNING'), (SELECT count(*) FROM signals),
                       (SELECT count(*) FROM block_orders), (SELECT count(*) FROM trades),
                       (SELECT sum(virtual_balance + reserved_cash + coalesce((
                           SELECT sum(p.quantity * coalesce(l.price, p.avg_entry_price)) FROM positions p
                           LEFT JOIN latest_prices l ON l.symbol = p.symbol WHERE p.user_id = u.id), 0))
                        FROM users u WHERE email = %s)
                """,
                (DEMO_EMAIL,),
            ).fetchone()
            trades = connection.execute(
                "SELECT executed_at, side::text, quantity, symbol, price, realized_pnl FROM trades ORDER BY id DESC LIMIT 6"
            ).fetchall()
        assert row is not None
        names = ("market time", "bars evaluated", "sessions", "signals", "block orders", "trades", "equity")
        return {**dict(zip(names, row, strict=True)), "latest": trades}

    def latest(self) -> dict[str, Any]:
        """The counts as they were read last: reading them takes a twentieth of the time at most, however much there is to count.

        Raises:
            psycopg.Error: if the database did not answer.
        """
        if self._counted is None or self._clock() >= self._count_at:
            began = self._clock()
            try:
                self._counted = self.counts()
            except psycopg.Error as error:
                self._counted = error
            took = self._clock() - began
            self._count_at = self._clock() + max(_COUNT_SECONDS, _COUNT_SHARE * took)
        if isinstance(self._counted, psycopg.Error):
            raise self._counted
        return self._counted

    def screen(self) -> Group:
        """The screen as it is now."""
        platform = self._platform
        head = Table.grid(padding=(0, 2))
        head.add_row("Dashboard", f"[bold link={platform.address}]{platform.address}[/]")
        head.add_row("Log in as", f"{DEMO_EMAIL}  password {platform.folder.passwords.demo_account}")
        head.add_row("", f"an account that trades already, and the operator’s: {platform.address}/operations")
        if platform.simulated_alpaca:
            head.add_row(
                "Market",
                f"[yellow]simulated[/]: real daily bars of 2012, made-up minutes, {platform.options.speed:g} x speed",
            )
        parts: list[Any] = [Panel(head, title="StratForge", title_align="left")]
        try:
            counts = self.latest()
            figures = Table(box=None, expand=True)
            row = []
            for name, value in counts.items():
                if name != "latest":
                    figures.add_column(name, justify="right")
                    row.append(_shown(name, value))
            figures.add_row(*row)
            trades = Table(title="Latest trades", title_justify="left", box=None, expand=True)
            for column in ("time", "side", "quantity", "symbol", "price", "realized"):
                trades.add_column(column, justify="right")
            for at, side, quantity, symbol, price, realized in counts["latest"]:
                color = "green" if side == "buy" else "red"
                trades.add_row(
                    f"{at:%Y-%m-%d %H:%M}",
                    f"[{color}]{side}[/]",
                    f"{quantity:.4f}",
                    symbol,
                    f"{price:.2f}",
                    f"{realized:+.2f}",
                )
            parts += [figures, trades]
        except psycopg.Error as error:
            parts.append(escape(f"the database does not answer: {error}"))
        processes = "  ".join(
            f"[{'green' if each.pid else 'red'}]●[/] {each.name}{f' ({each.restarts} restarts)' if each.restarts else ''}"
            for each in platform.supervisor.processes
        )
        parts += [
            "",
            processes,
            *(f"[dim]{escape(line)}[/]" for line in self._events),
            "[dim]Ctrl-C stops everything; the state is kept.[/]",
        ]
        return Group(*parts)


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "none yet"
    if name == "equity":
        return f"{value:,.2f}"
    return f"{value:%Y-%m-%d %H:%M} UTC" if name == "market time" else f"{value:,}"


def _interrupt(number: int, _frame: object) -> None:
    """Stops whatever is being done, a start too; what is asked for twice is not hurried, so that nothing is left behind."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def run(options: Options, console: Console) -> int:
    """Comes up, shows the status, and goes down."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    platform: Platform | None = None
    try:
        began = time.monotonic()
        with Start(console) as start:
            platform = Platform(options, start.tell)
            seconds = {**platform.start(start.finished)}
            demo_began = time.monotonic()
            _begin_demo(platform)
            seconds["demo account"] = time.monotonic() - demo_began
            start.finished("demo account", seconds["demo account"], ())
        slowest = max(seconds, key=lambda name: seconds[name])
        console.print(
            f"ready in {time.monotonic() - began:.1f} s; the slowest step: {slowest}, {seconds[slowest]:.1f} s",
            highlight=False,
        )
        threading.Thread(target=_backtest_demo, args=(platform,), daemon=True).start()
        status = Status(platform)
        start.hand_over(status)
        _show(platform, status, console)
    except KeyboardInterrupt:
        pass
    except Exception as error:  # noqa: BLE001 - whatever it was, a line says it, and the log says all of it
        log = options.state.resolve() / "logs" / "up.log"
        note_failure(log)
        console.print(
            "[red]stratforge:[/]", escape(f"{words_of(error)} (look at {log.parent})"), highlight=False, soft_wrap=True
        )
        return 1
    finally:
        if platform is not None:
            console.print("stopping")
            platform.stop()
    return 0


class Start:
    """The screen while it comes up: a line for each step that is done, and for a person a bar with what is being done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._progress = Progress(
            TextColumn("{task.description:<40}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=_STEPS)

    def __enter__(self) -> Start:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def finished(self, name: str, seconds: float, going: Sequence[str]) -> None:
        """A step is done, and others are being done."""
        self._progress.update(self._task, description=", ".join(going) or "demo account", advance=1)
        self.tell(f"{name}: {seconds:.1f} s")

    def hand_over(self, status: Status) -> None:
        """From here on what is told is among the events of the status."""
        self._status = status

    def tell(self, text: str) -> None:
        """Something that a person should know."""
        if self._status is not None:
            self._status.event(text)
        if self._status is None or not self._console.is_terminal:
            self._console.print(text, highlight=False, soft_wrap=True, markup=False)


def _show(platform: Platform, status: Status, console: Console) -> None:
    if not console.is_terminal:
        console.print(
            f"ready at {platform.address} (log in as {DEMO_EMAIL}, password {platform.folder.passwords.demo_account}; the operator’s pages are at /operations)",
            highlight=False,
            soft_wrap=True,
        )
    live = Live(status.screen(), console=console, auto_refresh=False) if console.is_terminal else None
    if live is not None:
        live.start()
    try:
        while True:
            time.sleep(1.0)
            failed = platform.supervisor.failed
            if failed is not None:
                raise StartError(
                    f"{failed.name} keeps ending; its last words: {failed.last_words()} (log: {failed.log})"
                )
            if live is not None:
                live.update(status.screen(), refresh=True)
    finally:
        if live is not None:
            live.stop()


def main() -> int:
    """Brings up the local platform, as the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make up ARGS=", description=__doc__)
    parser.add_argument(
        "--port",
        type=int,
        default=int(os.environ["PORT"]) if os.environ.get("PORT") else None,
        help="port of the dashboard (the first free one from 8000)",
    )
    parser.add_argument("--speed", type=float, default=60.0, help="market seconds per real second (60)")
    parser.add_argument(
        "--fresh", action="store_true", help="begin anew: forget accounts, trades and the market's time"
    )
    parser.add_argument("--empty", action="store_true", help="begin without the demo account's months")
    parser.add_argument(
        "--bars",
        choices=get_args(BarBus),
        default="topics",
        help="what carries bars: a topic per symbol, or one stream",
    )
    parser.add_argument("--state", type=Path, default=ROOT / ".stratforge", help="folder that keeps the state")
    options = parser.parse_args()
    console = Console(stderr=True)
    if not 0 <= (options.port or 0) <= 65535 or not 0.01 <= options.speed <= 3600:
        console.print("[red]stratforge:[/] --port is 0 (any) to 65535 and --speed 0.01 to 3600")
        return 2
    return run(
        Options(
            options.state,
            options.port,
            options.speed,
            options.fresh,
            ROOT / ".stratforge" / "assemblies",
            history=not options.empty,
            bars=options.bars,
        ),
        console,
    )


if __name__ == "__main__":
    sys.exit(main())
