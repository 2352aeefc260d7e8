"""Random programs give live, bar for bar, what they give in the backtest.

Live: the sandbox's protocol and workers, a trailing window of the strategy's length, state that goes through PostgreSQL's jsonb. Backtest: the
engine's own loop over the whole history, and its decisions. `make soak` asks for more programs.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest
from local_platform.postgres import Postgres
from psycopg.types.json import Jsonb
from stratforge.backtest import BacktestConfig
from stratforge.backtest.engine import run_loop
from stratforge.backtest.loop import loop_for
from stratforge.market import BarColumns
from stratforge.market.resampling import decided_bars, resample
from stratforge.market.sizes import SizingRule
from stratforge.storage.market import daily_bars
from stratforge.storage.strategies.evaluations import RunningSession
from stratforge.strategy import PositionView, Strategy, StrategyError, compile_strategy, evaluate_last_bar
from stratforge.strategy.exits import EXIT_KEYS
from stratforge.strategy.graph import Node, Values
from stratforge.strategy.lookback import MAX_DAYS, OfOther, day_window_length, own_window, window_length
from stratforge.strategy.order_terms import terms_in
from stratforge.strategy.source import OWN_BARS
from stratforge.strategy.vocabulary import CASH_KEY, EQUITY_KEY, POWER_KEY

from functions.evaluator.sandbox_client import evaluate_sessions
from tests.support.other_markets import beside, needed_window
from tests.support.random_programs import awkward_bars, program
from tests.support.short_oracle import Oracle
from tests.support.tiers import in_short

# Of fewer none may happen to cover.
PROGRAMS = int(os.environ.get("SOAK_PROGRAMS", in_short(30, 60)))
TOGETHER = 60
BARS = 60
LONGEST_WINDOW = 4_096
pytestmark = pytest.mark.usefixtures("sandboxed")
_EPOCH = date(1970, 1, 1).toordinal()
CONFIG = BacktestConfig(cash=1e6, sizing_rule=SizingRule.EQUITY_FRACTION, fractional=True)

Signal = tuple[str, float, str, float] | None
# The position, and the account by its keys of state.
Asked = tuple[tuple[float, float, float], dict[str, float]]
FLAT: Asked = (0.0, 0.0, 0.0), {}
SIDES = {1.0: "buy", 2.0: "sell", 3.0: "short", 4.0: "cover"}
# A signal and the state after it.
Said = tuple[Signal, dict[str, float]]


@dataclass
class Session:
    """One program, what it was asked and what it said live."""

    seed: int
    strategy: Strategy
    trader: Generator[Asked, Said, None]
    asked: Asked
    account: Oracle
    session_id: UUID = field(default_factory=uuid4)
    state: dict[str, Any] = field(default_factory=dict)
    dialog: list[tuple[Asked, Signal]] = field(default_factory=list)


def trading(bars: BarColumns, account: Oracle) -> Generator[Asked, Said, None]:
    """A trader who fills signals and exits as the backtest is documented; yields the position and the account, is sent what the strategy said."""
    held = 0
    for index in range(len(bars)):
        account.step(index)
        account.see(index)
        held = held + 1 if account.held else 0
        close = float(bars.close[index])
        aside = max(close / 2, max(close, 2.5) if close < 5 else max(0.3 * close, 5.0))
        power = max(account.cash + account.held * (close + aside), 0.0) if account.held < 0 else account.cash
        seen = {CASH_KEY: account.cash, EQUITY_KEY: account.cash + account.held * close, POWER_KEY: power}
        signal, state = yield (account.held, account.entry if account.held else 0.0, float(held)), seen
        account.exits = {name: state[key] for name, key in EXIT_KEYS.items() if key in state}
        if signal is None:
            continue
        side, confidence, kind, size = signal
        if kind == "default":
            opens = side in ("buy", "short")
            kind, size = ("fraction", CONFIG.sizing_value * confidence) if opens else ("", 0.0)
        terms = terms_in(state)
        left = math.inf if terms.expire_bars is None else terms.expire_bars
        if side in ("buy", "short") or account.held:
            account.order = account.ordered(index, side, kind, size, terms.limit, terms.stop, left, oco=terms.oco)
        else:
            account.order = None


def sessions_of(
    seeds: range, bars: BarColumns, start: int, declared: str = "", written: Callable[[int], str] = program
) -> Iterator[Session]:
    """The programs whose history is long enough, with what they declare first."""
    for seed in seeds:
        try:
            strategy = compile_strategy(declared + written(seed))
            if window_length(strategy.stored_lookback) > LONGEST_WINDOW:
                continue
        except StrategyError:
            continue  # It needs too long a history, or a constant of it is no price: it says so.
        mine = bars.slice(start, len(bars))
        account = Oracle(mine, CONFIG, CONFIG.cash)
        trader = trading(mine, account)
        yield Session(seed, strategy, trader, next(trader), account)


def through_postgres(connection: psycopg.Connection[Any], sessions: list[Session]) -> None:
    """Every state as the database gives it back."""
    rows = connection.execute(
        "SELECT state FROM unnest(%s::jsonb[]) WITH ORDINALITY AS t (state, place) ORDER BY place",
        ([Jsonb(session.state) for session in sessions],),
    ).fetchall()
    for session, (state,) in zip(sessions, rows, strict=True):
        session.state = state


def asked_of(session: Session) -> dict[str, float]:
    """What a session is told of its account: nothing where its program does not ask, as the database has it."""
    return session.asked[1] if "account." in session.strategy.source else {}


def ask(window: BarColumns, sessions: list[Session]) -> None:
    """One bar live: from sessions as the database has them to what the evaluator would note."""
    running = [
        RunningSession(
            each.session_id, each.session_id, each.strategy.source, each.strategy.source_hash, each.strategy.parameters, each.strategy.stored_lookback,
            each.state | asked_of(each), int(each.asked[0][2]) - 1, each.asked[0][0], each.asked[0][1], bar_minutes=each.strategy.bar_minutes,
        )
        for each in sessions
    ]  # fmt: skip
    for session, outcome in zip(sessions, evaluate_sessions("sandbox", window, running), strict=True):
        assert outcome.error is None, (session.seed, outcome)
        session.state = outcome.state
        signal: Signal = None
        if outcome.side is not None:
            side = {"buy": "cover", "sell": "short"}[outcome.side] if outcome.short else str(outcome.side)
            signal = (side, outcome.confidence, outcome.size_kind, outcome.size)
        session.dialog.append((session.asked, signal))
        try:
            session.asked = session.trader.send((signal, session.state))
        except StopIteration:
            session.asked = FLAT


class OnBar(Values):
    """Values over a whole history, seen from one of its bars."""

    def __init__(self, whole: Values, index: int) -> None:
        super().__init__(whole.bars)
        self.whole, self.index = whole, index

    def latest(self, column: Node | str, back: int) -> float:
        place = self.index + 1 - back
        values = self.whole.series(column) if isinstance(column, Node) else getattr(self.bars, column)
        return float(values[place])


def assert_the_decisions_are_the_same(session: Session, values: Values, start: int) -> None:
    """Every signal is that of the whole history's values, for the same position."""
    state: dict[str, float] = {}
    for index, (asked, said) in enumerate(session.dialog, start):
        evaluation = evaluate_last_bar(
            session.strategy, OnBar(values, index), PositionView(*asked[0]), state | asked[1]
        )
        state, signal = evaluation.state, evaluation.signal
        expected = (signal.side, signal.confidence, signal.size_kind, signal.size) if signal else None
        assert said == expected, (session.seed, index, program(session.seed))
    # jsonb gives large floats back as whole numbers; what is read of them is the float.
    assert {key: float(value) for key, value in session.state.items()} == state, session.seed


def assert_the_backtest_says_the_same(session: Session, values: Values, start: int) -> None:
    """The engine's fills over the whole history are those of the signals given live."""
    strategy = session.strategy
    got = run_loop(loop_for(strategy, CONFIG, "python"), strategy, values, CONFIG, start, len(values.bars))
    traded = got.side != 0
    expected = [(int(bar), SIDES[side]) for bar, side in zip(got.bar[traded], got.side[traded], strict=True)]
    fills = session.account.fills
    assert [(each.bar, each.side) for each in fills] == expected, (session.seed, program(session.seed))
    for name in ("quantity", "price"):
        mine = np.array([getattr(each, name) for each in fills])
        np.testing.assert_allclose(mine, getattr(got, name)[traded], rtol=1e-9, err_msg=f"{session.seed}")


@pytest.fixture(scope="module")
def connection(postgres: Postgres) -> Iterator[psycopg.Connection[Any]]:
    """A database that does nothing but keep jsonb."""
    with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as found:
        yield found


@pytest.mark.timeout(0)
@pytest.mark.parametrize("first", range(0, PROGRAMS, TOGETHER))
def test_live_gives_bar_for_bar_what_the_backtest_gives(first: int, connection: psycopg.Connection[Any]) -> None:
    """One market and the programs of `TOGETHER` seeds from `first` on."""
    seeds = range(first, min(first + TOGETHER, PROGRAMS))
    bars = awkward_bars(first, LONGEST_WINDOW + 2_000 + BARS)
    start = len(bars) - BARS
    sessions = list(sessions_of(seeds, bars, start))
    groups: dict[int, list[Session]] = {}
    for session in sessions:
        groups.setdefault(window_length(session.strategy.lookback), []).append(session)
    for index in range(start, len(bars)):
        for length, group in groups.items():
            ask(bars.slice(index + 1 - length, index + 1), group)
        through_postgres(connection, sessions)
    compare(sessions, Values(bars), start)
    # A search in which nobody trades would find nothing.
    assert len(sessions) > len(seeds) // 2


@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    "timeframe", ["15min", *(pytest.param(each, marks=pytest.mark.long) for each in ("5min", "1h"))]
)
@pytest.mark.parametrize("first", range(0, PROGRAMS, TOGETHER))
def test_on_longer_bars_it_gives_bar_for_bar_what_the_backtest_gives(
    first: int, timeframe: str, connection: psycopg.Connection[Any]
) -> None:
    """Live each bar of a minute comes with the window of minutes that is stored; the backtest has the longer bars, each decided on once and in order."""
    seeds = range(first, min(first + TOGETHER, PROGRAMS))
    minutes = awkward_bars(first, LONGEST_WINDOW + BARS * OWN_BARS[timeframe] * 2)
    longer = resample(minutes, timeframe).bars
    start = len(longer) - BARS
    sessions = list(sessions_of(seeds, longer, start, f'TIMEFRAME = "{timeframe}"\n'))
    groups: dict[tuple[int, int], list[Session]] = {}
    for session in sessions:
        stored = session.strategy.stored_lookback
        key = window_length(stored), own_window(stored, OWN_BARS[timeframe])
        groups.setdefault(key, []).append(session)
    at = start
    for index in range(LONGEST_WINDOW, len(minutes)):
        windows = {key: minutes.slice(index + 1 - key[0], index + 1) for key in groups}
        decided = {key: decided_bars(window, timeframe, key[1]) for key, window in windows.items()}
        for key, group in groups.items():
            window = decided[key]
            if window is None or window.time[-1] < longer.time[start]:
                continue
            assert len(window) == key[1]
            assert window.time[-1] == longer.time[at]
            ask(window, group)
        if any(each is not None and each.time[-1] >= longer.time[start] for each in decided.values()):
            assert all(each is not None for each in decided.values())
            through_postgres(connection, sessions)
            at += 1
    # The last may wait for a bar of a minute that is not here.
    assert at >= len(longer) - 1
    compare(sessions, Values(longer.slice(0, at)), start)
    assert len(sessions) > len(seeds) // 4


def looking_at(seed: int, own: str, others: str) -> str:
    """A program that looks at others in the place of its own bars: in all of its first column, or in a part of it."""
    before, start, rest = program(seed).partition("{'x': ")
    column, end, after = rest.partition(", 'y': ")
    return before + start + re.sub(own, others, column, count=seed % 2) + end + after


def looking_at_days(seed: int) -> str:
    """A program that looks at days in all of its first column, or in a part of it beside minutes."""
    return looking_at(seed, r"bars\.(?:resample\('\w+'\)\.)?", "bars.resample('1d').")


def with_days(bars: BarColumns) -> BarColumns:
    """The bars with every day of the calendar beside them, those of years before too; they say other prices than the minutes, as a vendor's do."""
    count, level = MAX_DAYS + int(bars.day[-1] - bars.day[0]) + 1, float(bars.close[0])
    calendar = [date.fromordinal(_EPOCH + int(day)) for day in range(int(bars.day[-1]) - count + 1, int(bars.day[-1]) + 1)]  # fmt: skip
    time = np.array([int(daily_bars.begins_at("AAPL", each).timestamp()) for each in calendar], dtype=np.int64)
    prices = awkward_bars(count, count)
    columns = [level / prices.close[0] * getattr(prices, name) for name in ("open", "high", "low", "close")]
    columns.append(prices.volume)
    return replace(bars, days=BarColumns(time, *columns, daily=True))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("first", range(0, PROGRAMS, TOGETHER))
def test_beside_days_it_gives_bar_for_bar_what_the_backtest_gives(
    first: int, connection: psycopg.Connection[Any]
) -> None:
    """Live a window has as many days as its strategy looks back on, up to the day before; the backtest has all of them. A day ends in between."""
    seeds = range(first, min(first + TOGETHER, PROGRAMS))
    bars = awkward_bars(first, LONGEST_WINDOW + 3_000)
    midnight = int(np.flatnonzero(np.diff(bars.day))[-1]) + 1
    bars = with_days(bars.slice(0, min(midnight + BARS // 2, len(bars))))
    start = len(bars) - BARS
    assert bars.day[start] < bars.day[-1]
    sessions = [each for each in sessions_of(seeds, bars, start, written=looking_at_days) if each.strategy.day_lookback]
    groups: dict[tuple[int, int], list[Session]] = {}
    for session in sessions:
        key = window_length(session.strategy.lookback), day_window_length(session.strategy.day_lookback)
        groups.setdefault(key, []).append(session)
    assert bars.days is not None
    for index in range(start, len(bars)):
        known = bars.days.slice(0, int(np.searchsorted(bars.days.day, bars.day[index])))
        for (length, days), group in groups.items():
            ask(replace(bars.slice(index + 1 - length, index + 1), days=known.tail(days)), group)
        through_postgres(connection, sessions)
    compare(sessions, Values(bars), start)
    assert len(sessions) > len(seeds) // 4


def looking_at_another(seed: int) -> str:
    """A program that looks at another symbol in all of its first column, or in a part of it beside its own."""
    return looking_at(seed, r"\bbars\.", "bars.of('SPY').")


@pytest.mark.timeout(0)
@pytest.mark.parametrize("first", range(0, PROGRAMS, TOGETHER))
def test_beside_another_symbol_it_gives_bar_for_bar_what_the_backtest_gives(
    first: int, connection: psycopg.Connection[Any]
) -> None:
    """Live a window has the bars of the other symbol that were over when its last bar began, and as many as its strategy looks back on; the backtest has all of them."""
    seeds = range(first, min(first + TOGETHER, PROGRAMS))
    bars = awkward_bars(first, LONGEST_WINDOW + 2_000 + BARS)
    bars = replace(bars, others={"SPY": beside(bars, first + 1, (0.9, 0.4)[first // TOGETHER % 2])})
    start = len(bars) - BARS
    sessions = [each for each in sessions_of(seeds, bars, start, written=looking_at_another) if each.strategy.lookbacks.others]  # fmt: skip
    groups: dict[tuple[int, OfOther], list[Session]] = {}
    for session in sessions:
        lookbacks = session.strategy.lookbacks
        groups.setdefault((window_length(lookbacks.bars), lookbacks.others["SPY"]), []).append(session)
    for index in range(start, len(bars)):
        for (length, needed), group in groups.items():
            ask(needed_window(bars.slice(index + 1 - length, index + 1), needed), group)
        through_postgres(connection, sessions)
    compare(sessions, Values(bars), start)
    assert len(sessions) > len(seeds) // 4


def compare(sessions: list[Session], values: Values, start: int) -> None:
    """Every session said what the backtest says."""
    failures = []
    for session in sessions:
        try:
            assert_the_decisions_are_the_same(session, values, start)
            assert_the_backtest_says_the_same(session, values, start)
        except AssertionError as error:
            failures.append(f"program({session.seed}): {error}")
    assert not failures, "\n\n".join(failures)
    # A search in which nobody trades would find nothing.
    assert sum(said is not None for session in sessions for _, said in session.dialog) > len(sessions)
    assert {each.side for session in sessions for each in session.account.fills} == set(SIDES.values())
