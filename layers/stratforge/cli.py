"""The command `stratforge`: check, backtest, sweep and replay strategies, print references, and talk to a running platform."""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from getpass import getpass
from pathlib import Path
from uuid import UUID

from stratforge import __version__
from stratforge.backtest.bars_file import read_bars, read_others
from stratforge.backtest.config import BacktestConfig, BacktestError
from stratforge.backtest.margin import BORROW_FEE, INITIAL_MARGIN
from stratforge.market import InvalidSymbol, parse_symbol
from stratforge.market.columns import exchange_timezone
from stratforge.strategy import Strategy, StrategyError
from stratforge.strategy.explanation import explain
from stratforge.strategy.rotation import PortfolioStrategy, compile_any

_DEAREST = 10


def _read_strategy(path: Path) -> Strategy | PortfolioStrategy:
    try:
        source = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BacktestError(f"{path} cannot be read: {error}") from error
    return compile_any(source)


def _assignments(texts: Sequence[str]) -> dict[str, float]:
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise BacktestError(f"--set {text} is not NAME=NUMBER")
    return values


def _ranges(texts: Sequence[str]) -> dict[str, list[float]]:
    """`FAST=5:50:5` (both ends included) or `FAST=5,10,20`."""
    ranges: dict[str, list[float]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            if ":" in value:
                first, last, *step = (float(part) for part in value.split(":"))
                width = step[0] if step else 1.0
                count = math.floor((last - first) / width + 1e-9) + 1
                ranges[name.strip()] = [first + index * width for index in range(count)]
            else:
                ranges[name.strip()] = [float(part) for part in value.split(",")]
        except (ValueError, ZeroDivisionError):
            raise BacktestError(f"--range {text} is not NAME=FIRST:LAST:STEP or NAME=A,B,C") from None
        if not ranges[name.strip()]:
            raise BacktestError(f"--range {text} holds no value")
    return ranges


def _begins(options: argparse.Namespace, symbol: str) -> int | None:
    """The beginning of a day of a symbol's exchange, in seconds since the epoch; None where no day is given."""
    if options.since is None:
        return None
    return int(datetime.combine(options.since, time(), exchange_timezone(symbol)).timestamp())


def _config(options: argparse.Namespace) -> BacktestConfig:
    return BacktestConfig(
        cash=options.cash,
        commission_bps=options.commission_bps,
        commission_per_share=options.commission_per_share,
        slippage_bps=options.slippage_bps,
        spread_bps=options.spread_bps,
        participation=options.participation,
        fractional=not options.whole_shares,
        stop_loss=options.stop_loss,
        take_profit=options.take_profit,
        trailing_stop=options.trailing_stop,
        short_margin=options.short_margin,
        borrow_fee=options.borrow_fee,
    )


def check(options: argparse.Namespace) -> int:
    """`stratforge check`: findings, or what the strategy is made of."""
    try:
        strategy = _read_strategy(options.file)
        _ = strategy.lookback, strategy.cost
    except StrategyError as error:
        if options.json:
            print(json.dumps({"ok": False, "findings": [finding.as_dict() for finding in error.findings]}))
        for finding in error.findings if not options.json else ():
            print(f"{options.file}:{finding}")
        return 1
    if options.json:
        print(json.dumps({"ok": True, "findings": [], **_facts(strategy)}))
    else:
        _print_facts(options, strategy)
    return 0


def _facts(strategy: Strategy | PortfolioStrategy) -> dict[str, object]:
    of_portfolio: dict[str, object] = {}
    if isinstance(strategy, PortfolioStrategy):
        of_portfolio = {"universe": strategy.universe, "schedule": str(strategy.schedule)}
    return {
        "parameters": strategy.parameters,
        "indicators": list(strategy.indicators),
        "lookback": strategy.lookback,
        "day_lookback": strategy.day_lookback,
        "looked_at": strategy.other_symbols,
        "timeframe": strategy.timeframe,
        "shorts": isinstance(strategy, Strategy) and strategy.shorts,
        "cost": {**asdict(strategy.cost), "milliseconds": strategy.cost.milliseconds},
        "rules": [{**asdict(each), "text": each.text} for each in explain(strategy)],
        **of_portfolio,
    }


def _print_facts(options: argparse.Namespace, strategy: Strategy | PortfolioStrategy) -> None:
    cost, several = strategy.cost, isinstance(strategy, PortfolioStrategy)
    if isinstance(strategy, PortfolioStrategy):
        print(f"{options.file} is a portfolio strategy\n  universe    {', '.join(strategy.universe)}")
        print(f"  schedule    {strategy.schedule}")
    else:
        shorts = " that goes short: sessions do so where the account has short selling enabled"
        print(f"{options.file} is a strategy{shorts if strategy.shorts else ''}")
    values = ", ".join(f"{name} = {value:g}" for name, value in strategy.parameters.items())
    days = f" and {strategy.day_lookback:,} days" if strategy.day_lookback else ""
    print(f"  indicators  {', '.join(strategy.indicators) or 'none'}")
    print(f"  parameters  {values or 'none'}")
    print(f"  looks at    {', '.join(strategy.other_symbols) or 'no other symbol'}")
    print(f"  lookback    {strategy.lookback:,} bars{f' of {strategy.timeframe}' if strategy.timeframe else ''}{days}")
    print(f"  cost        {cost.milliseconds:.2g} ms a {'decision' if several else 'bar'}")
    if options.cost and not several:
        print(f"              {cost}")
    for text, milliseconds in strategy.dearest[:_DEAREST] if options.cost else ():
        print(f"              {milliseconds:8.3f} ms  {text}")
    for each in explain(strategy) if options.rules else ():
        print(f"  line {each.line:<5}  {each.text}")


def backtest(options: argparse.Namespace) -> int:
    """`stratforge backtest`: the report, as text, JSON or a picture."""
    from stratforge.backtest.bars_file import read_bars_of
    from stratforge.backtest.engine import run_backtest
    from stratforge.backtest.plot import save_plot
    from stratforge.backtest.portfolio import run_portfolio_backtest

    strategy = _read_strategy(options.file).with_parameters(**_assignments(options.set))
    if isinstance(strategy, PortfolioStrategy):
        if options.plot is not None:
            raise BacktestError(
                "--plot draws strategies of one symbol; --json has the curves and weights of a portfolio"
            )
        several = read_bars_of(options.bars, strategy.symbols)
        since = _begins(options, strategy.symbols[0])
        rotated = run_portfolio_backtest(strategy, several, _config(options), since=since)
        print(json.dumps(rotated.as_dict()) if options.json else rotated)
        return 0
    since = _begins(options, options.symbol)
    bars, others = read_bars(options.bars), read_others(options.bars_of)
    report = run_backtest(strategy, bars, _config(options), symbol=options.symbol, since=since, others=others)
    if options.plot is not None:
        save_plot(report, options.plot, f"{options.file.stem} on {options.symbol}")
    print(json.dumps(report.as_dict()) if options.json else report)
    return 0


def sweep(options: argparse.Namespace) -> int:
    """`stratforge sweep`: many parameter values, the best of them, and how much of it is luck."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Table

    from stratforge.backtest.bars_file import read_bars_of
    from stratforge.backtest.overfitting import deflated_sharpe_ratio
    from stratforge.backtest.portfolio_sweep import PortfolioSweeper
    from stratforge.backtest.sweep import (
        Sweepable,
        Sweeper,
        grid,
        random_points,
        ranked_results,
        run_sweep,
        walk_forward,
    )

    strategy = _read_strategy(options.file)
    ranges = _ranges(options.range)
    strategy.with_parameters(**{name: values[0] for name, values in ranges.items()})
    points = random_points(ranges, options.random, options.seed) if options.random else grid(ranges)
    sweeper: Sweepable
    if isinstance(strategy, PortfolioStrategy):
        several, since = read_bars_of(options.bars, strategy.symbols), _begins(options, strategy.symbols[0])
        sweeper = PortfolioSweeper(strategy, several, _config(options), since)
    else:
        since = _begins(options, options.symbol)
        bars, others = read_bars(options.bars), read_others(options.bars_of)
        sweeper = Sweeper(strategy, bars, _config(options), symbol=options.symbol, since=since, others=others)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("sweeping", total=len(points))
        results = run_sweep(
            sweeper, points, processes=options.processes, results=options.results,
            progress=lambda done: bar.update(task, completed=done),
        )  # fmt: skip
    ranked = ranked_results(results, options.metric)
    best = ranked[0]
    per_day = [each.sharpe / math.sqrt(sweeper.days_per_year) for each in results]
    probability = deflated_sharpe_ratio(sweeper.daily_returns(best.parameters), per_day)
    folds = walk_forward(sweeper, points, folds=options.folds, metric=options.metric) if options.folds else []
    if options.json:
        print(
            json.dumps(
                {
                    "points": len(results),
                    "best": best.as_dict(),
                    "deflated_sharpe_ratio": probability if math.isfinite(probability) else None,
                    "walk_forward": [
                        {
                            "parameters": fold.best.parameters,
                            "seen": fold.best.as_dict(),
                            "unseen": fold.unseen.as_dict(),
                        }
                        for fold in folds
                    ],
                    "results": [each.as_dict() for each in results],
                }
            )
        )
        return 0
    out = Console()
    table = Table(*ranges, "return", "Sharpe", "max drawdown", "trades", title=f"The best of {len(results):,} points")
    for each in ranked[: options.top]:
        values = [f"{each.parameters[name]:g}" for name in ranges]
        table.add_row(
            *values, f"{each.total_return:+.2%}", f"{each.sharpe:.2f}", f"{each.max_drawdown:.2%}", f"{each.trades:,}"
        )
    out.print(table)
    out.print(
        f"Deflated Sharpe ratio of the best: {probability:.1%} (the probability that it is more than the luck of {len(results):,} tries)"
    )
    if folds:
        steps = Table(*ranges, "return where chosen", "return on unseen bars", title="Walk-forward")
        for fold in folds:
            values = [f"{fold.best.parameters[name]:g}" for name in ranges]
            steps.add_row(*values, f"{fold.best.total_return:+.2%}", f"{fold.unseen.total_return:+.2%}")
        out.print(steps)
    return 0


def replay(options: argparse.Namespace) -> int:
    """`stratforge replay`: a live session's recorded bars again; 0 when the signals are the same, 3 when they differ."""
    from stratforge.application.replays import compare_session
    from stratforge.storage.postgres.database import Database

    if options.database and re.search(r"password|://[^@/]*:[^@/]*@", options.database, re.IGNORECASE):
        raise BacktestError(
            "everybody on the machine sees a password on the command line: give the database with STRATFORGE_DATABASE"
        )
    place = options.database or os.environ.get("STRATFORGE_DATABASE")
    if not place:
        raise BacktestError("say where the database is with --database or the variable STRATFORGE_DATABASE")
    database = Database(lambda: place, application="replay")
    compared = compare_session(database, options.session)
    if compared is None:
        raise BacktestError(f"there is no session {options.session} that saw a bar")
    database.close()
    for each in compared.differences:
        print(
            f"{datetime.fromtimestamp(each.time, UTC):%Y-%m-%d %H:%M} UTC: live {each.live}, replayed {each.replayed}"
        )
    print(
        f"{compared.bars:,} bars of {compared.symbol} replayed, {compared.signals:,} signals, "
        f"{len(compared.differences):,} differences"
    )
    return 0 if compared.complete and not compared.differences else 3


def _key(options: argparse.Namespace) -> str:
    """The API key of a file, of the environment or of whoever sits there: a command line is seen by everybody on the machine."""
    if options.key_file is not None:
        return str(options.key_file.read_text().strip())
    if options.ask:
        return getpass("API key: ").strip()
    return os.environ.get("STRATFORGE_API_KEY", "")


def api(options: argparse.Namespace) -> int:
    """`stratforge api`: one request to the API, as `STRATFORGE_ADDRESS` and `STRATFORGE_API_KEY` say."""
    from stratforge.client import ApiError, Client
    from stratforge.tables import print_answer

    path = options.path if options.path.startswith("/") else f"/v1/{options.path}"
    try:
        given = sys.stdin.read() if options.body == "-" else options.body
        body = json.loads(given) if given else None
        answer = Client(options.address, _key(options)).call(options.method.upper(), path, body)
        if options.json or not sys.stdout.isatty():
            print(json.dumps(answer, indent=2))
        else:
            print_answer(answer)
    except (ApiError, ValueError, http.client.InvalidURL) as error:
        print(f"stratforge: {error}", file=sys.stderr)
        return 2
    return 0


def mcp(options: argparse.Namespace) -> int:
    """`stratforge mcp`: tools for language models over standard input and output."""
    from stratforge.mcp_server import serve_stdio, toolsets_named

    try:
        toolsets = toolsets_named(options.toolsets)
    except ValueError as error:
        print(f"stratforge: {error}", file=sys.stderr)
        return 2
    serve_stdio(options.address, _key(options), toolsets, read_only=options.read_only)
    return 0


def reasons(_options: argparse.Namespace) -> int:
    """`stratforge reasons`: why orders are refused, as a page."""
    from stratforge.portfolio.reasons import reference_markdown

    print(reference_markdown(), end="")
    return 0


def broker_words(_options: argparse.Namespace) -> int:
    """`stratforge broker`: what the broker's statuses and refusals mean, as a page."""
    from stratforge.broker.refusals import broker_markdown

    print(broker_markdown(), end="")
    return 0


def reference(options: argparse.Namespace) -> int:
    """`stratforge reference`: the language, as the model gets it or as a page for people."""
    from stratforge.strategy.language_reference import prompt_section, reference_page
    from stratforge.strategy.rotation.language_reference import rotation_page

    if options.portfolio:
        print(rotation_page(), end="")
        return 0
    print(reference_page() if options.markdown else prompt_section(), end="")
    return 0


def _assumption_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bars",
        type=Path,
        required=True,
        metavar="CSV|PARQUET|FOLDER",
        help="open, high, low, close, volume and time; of a portfolio strategy with a column symbol, or a folder with a file for each",
    )
    parser.add_argument("--bars-of", action="append", default=[], metavar="SYMBOL=FILE", help="of another symbol")
    parser.add_argument("--symbol", type=parse_symbol, default="AAPL", help="tells the exchange's clock (AAPL)")
    parser.add_argument(
        "--since", type=date.fromisoformat, metavar="DAY", help="decides from then on; indicators know the bars before"
    )
    parser.add_argument("--cash", type=float, default=100_000.0)
    parser.add_argument("--commission-bps", type=float, default=0.0)
    parser.add_argument("--commission-per-share", type=float, default=0.0)
    parser.add_argument("--slippage-bps", type=float, default=0.0)
    parser.add_argument("--spread-bps", type=float, default=0.0)
    parser.add_argument("--participation", type=float, help="largest part of a bar's volume to fill")
    parser.add_argument("--whole-shares", action="store_true")
    parser.add_argument("--stop-loss", type=float, help="fraction below the entry, such as 0.02")
    parser.add_argument("--take-profit", type=float, help="fraction above the entry")
    parser.add_argument("--trailing-stop", type=float, help="fraction below the highest price since the entry")
    parser.add_argument(
        "--short-margin",
        type=float,
        default=INITIAL_MARGIN,
        help=f"equity that a short position needs, as a fraction of its value ({INITIAL_MARGIN})",
    )
    parser.add_argument(
        "--borrow-fee",
        type=float,
        default=BORROW_FEE,
        help=f"a year's fee of what is sold short, as a fraction ({BORROW_FEE})",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stratforge", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("check", help="findings, lookback, indicators; exit 1 on refusal")
    command.add_argument("file", type=Path, help="- reads standard input")
    command.add_argument("--json", action="store_true")
    command.add_argument(
        "--cost", action="store_true", help="what a bar costs, of what is allowed, and what it goes to"
    )
    command.add_argument("--rules", action="store_true", help="what it does, rule by rule in words")
    command.set_defaults(run=check)
    command = commands.add_parser("backtest", help="runs a strategy over bars")
    command.add_argument("file", type=Path)
    _assumption_options(command)
    command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="sets a constant")
    command.add_argument("--plot", type=Path, metavar="OUT.html|png")
    command.set_defaults(run=backtest)
    command = commands.add_parser("sweep", help="runs a strategy over many parameter values")
    command.add_argument("file", type=Path)
    _assumption_options(command)
    command.add_argument("--range", action="append", required=True, metavar="NAME=FIRST:LAST:STEP|A,B,C")
    command.add_argument("--random", type=int, default=0, metavar="N", help="N points at random instead of all")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument(
        "--metric", default="sharpe", choices=("sharpe", "total_return", "annual_return", "profit_factor")
    )
    command.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    command.add_argument("--results", type=Path, help="keeps results, and goes on from them")
    command.add_argument("--folds", type=int, default=0, help="steps of a walk-forward")
    command.add_argument("--top", type=int, default=10)
    command.set_defaults(run=sweep)
    command = commands.add_parser(
        "replay", help="a live session's recorded bars again: prints the differences in signals"
    )
    command.add_argument("session", type=UUID)
    command.add_argument("--database", metavar="CONNINFO", help="without a password, or in STRATFORGE_DATABASE")
    command.set_defaults(run=replay)
    command = commands.add_parser("reference", help="prints the language")
    command.add_argument("--markdown", action="store_true", help="as a page")
    command.add_argument("--portfolio", action="store_true", help="that of portfolio strategies, as a page")
    command.set_defaults(run=reference)
    commands.add_parser("reasons", help="prints why orders are refused or ended").set_defaults(run=reasons)
    help_ = "prints what the broker's statuses and refusals mean"
    commands.add_parser("broker", help=help_).set_defaults(run=broker_words)
    command = commands.add_parser("api", allow_abbrev=False, help="one request to a running platform")
    command.add_argument("method", choices=("get", "post", "put", "patch", "delete"), type=str.lower)
    command.add_argument("path", help="such as /v1/portfolio, or portfolio for short")
    command.add_argument("body", nargs="?", help="JSON; - reads it from standard input")
    command.add_argument("--json", action="store_true", help="JSON as the API has it, also on a terminal")
    _address_options(command)
    command.set_defaults(run=api)
    command = commands.add_parser(
        "mcp", allow_abbrev=False, help="tools for language models, over standard input and output"
    )
    _address_options(command)
    command.add_argument("--toolsets", default="", metavar="A,B", help="these tools alone, such as market,backtests")
    command.add_argument("--read-only", action="store_true", help="no tool that changes anything")
    command.set_defaults(run=mcp)
    command = commands.add_parser("completion", help="prints what completes this command in a shell")
    command.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    command.set_defaults(run=completion)
    return parser


def completion(options: argparse.Namespace) -> int:
    """`stratforge completion`: a script with which a shell completes commands and options."""
    import shtab

    print(shtab.complete(_parser(), options.shell))
    return 0


def _address_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--address", default=os.environ.get("STRATFORGE_ADDRESS", "http://127.0.0.1:8000"))
    key = command.add_mutually_exclusive_group()
    key.add_argument("--key-file", type=Path, help="holds a personal API key; otherwise STRATFORGE_API_KEY does")
    key.add_argument("--ask", action="store_true", help="asks for the key")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; 0 when it worked, 1 when a strategy was refused, 2 when the input cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except StrategyError as error:
        for finding in error.findings:
            print(f"{options.file}:{finding}", file=sys.stderr)
        return 1
    except (BacktestError, InvalidSymbol, OSError) as error:
        print(f"stratforge: {error}", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
