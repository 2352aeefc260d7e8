"""Random portfolio strategies decide live, bit for bit, as in the backtest.

Live: the sandbox's protocol and workers, trailing windows of each symbol before the moment, state that went through JSON. Backtest: the whole history of
every symbol. `make soak` asks for more programs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import numpy as np
import pytest
from stratforge.backtest import BacktestConfig, portfolio
from stratforge.market import Bar, BarColumns
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.market import daily_bars
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.rebalances import Asking, PortfolioSession
from stratforge.storage.strategies.sessions import SessionMode
from stratforge.strategy import StrategyError
from stratforge.strategy.lookback import window_length
from stratforge.strategy.rotation import PortfolioStrategy, compile_portfolio
from stratforge.strategy.rotation.seen import Seen, Windows, decide_on
from stratforge.strategy.rotation.strategy import Decision

from functions.evaluator.rebalance_client import decide_rebalances
from tests.support.random_rotations import markets, rotation
from tests.support.rotating import MONTHLY, SYMBOLS, Rotating, at
from tests.support.tiers import examples
from tests.support.world import World

PROGRAMS = int(os.environ.get("SOAK_PROGRAMS", examples(60)))
DAYS, MINUTES = 420, 1_000
LONGEST_WINDOW = 256
pytestmark = pytest.mark.usefixtures("sandboxed")


@dataclass
class Heard:
    """The decisions of a backtest, with what each was given."""

    moments: list[int] = field(default_factory=list)
    given: list[tuple[np.ndarray, float, float, dict[str, float]]] = field(default_factory=list)
    said: list[Decision] = field(default_factory=list)


def backtested(
    strategy: PortfolioStrategy, bars: Mapping[str, BarColumns], monkeypatch: pytest.MonkeyPatch, start: int = 0
) -> tuple[Heard, portfolio.Market]:
    """Runs a backtest from a bar on, and listens to its decisions."""
    heard = Heard()
    whole = portfolio.Market.of(strategy, bars)
    market = whole.between(start, len(whole.clock))

    def listened(
        strategy: PortfolioStrategy,
        seen: Seen,
        weights: np.ndarray,
        equity: float,
        cash: float,
        state: Mapping[str, float],
        index: int = 0,
    ) -> Decision:
        said = decide_on(strategy, seen, weights, equity, cash, state, index)
        heard.moments.append(int(market.clock.time[seen.due[index]]))
        heard.given.append((weights.copy(), equity, cash, dict(state)))
        heard.said.append(said)
        return said

    with monkeypatch.context() as patch:
        patch.setattr(portfolio, "decide_on", listened)
        portfolio.run_on_market(strategy, market, BacktestConfig(cash=1e5, fractional=True))
    return heard, market


def asking(strategy: PortfolioStrategy, given: tuple[np.ndarray, float, float, dict[str, float]]) -> Asking:
    """A live session in the same position."""
    weights, equity, cash, state = given
    kept = json.loads(json.dumps(state))
    user: UUID = uuid4()
    session = PortfolioSession(
        user, user, strategy.source, strategy.source_hash, strategy.parameters, strategy.lookback, kept, list(strategy.universe),
        list(strategy.symbols), strategy.schedule.stored, not strategy.schedule.minutes, Decimal(1), SessionMode.PAPER, datetime.now(UTC), None, 1,
    )  # fmt: skip
    return Asking(session, equity, cash, tuple(weights.tolist()))


def windows_at(strategy: PortfolioStrategy, bars: Mapping[str, BarColumns], moment: int) -> Windows:
    """The trailing windows before a moment, and what is looked at farther back."""
    length, needed = window_length(strategy.lookback), strategy.lookbacks.others
    there = {each: bars[each].slice(0, int(np.searchsorted(bars[each].time, moment))) for each in strategy.symbols}
    windows = Windows({symbol: each.tail(length) for symbol, each in there.items()}, moment)
    farther = {
        symbol: there[symbol].slice(max(0, int(np.searchsorted(there[symbol].time, first)) - needed[symbol].bars), len(there[symbol]))
        for symbol, first in windows.lacking(needed, length).items()
    }  # fmt: skip
    return Windows({**windows.bars, **farther}, moment)


@pytest.mark.parametrize("minutes", [False, True], ids=["days", "minutes"])
def test_live_decides_bit_for_bit_as_the_backtest(minutes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = changing = 0
    for seed in range(PROGRAMS):
        try:
            strategy = compile_portfolio(rotation(seed, minutes=minutes))
            if window_length(strategy.lookback) > LONGEST_WINDOW:
                continue
        except StrategyError:
            continue
        bars = markets(seed, MINUTES if minutes else DAYS, broken=False, minutes=minutes)
        heard, _ = backtested(strategy, bars, monkeypatch)
        step = max(1, len(heard.moments) // 25)
        for index in range(len(heard.moments) - 1, 0, -step):
            windows = windows_at(strategy, bars, heard.moments[index])
            (said,) = decide_rebalances(
                "sandbox", windows, len(strategy.universe), [asking(strategy, heard.given[index])]
            )
            assert said.error is None, (seed, said.error)
            expected = heard.said[index]
            weights = None if expected.weights is None else tuple(expected.weights.tolist())
            assert said.weights == weights, (seed, index, strategy.source)
            assert {key: float(value) for key, value in said.state.items()} == expected.state, (seed, index)
            compared += 1
            changing += weights is not None
    # A search that compares little, or nobody who wants anything, would find nothing.
    assert compared > 4 * PROGRAMS
    assert changing > compared // 2


def day_bar(bars: BarColumns, symbol: str, number: int) -> Bar:
    """A day as the vendor has it."""
    open_, high, low, close = (Decimal(str(getattr(bars, name)[number])) for name in ("open", "high", "low", "close"))
    return Bar(symbol, datetime.fromtimestamp(int(bars.time[number]), UTC), open_, high, low, close, Decimal(1))


def test_a_year_of_months_is_traded_as_in_the_backtest(
    database: Database, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = compile_portfolio(MONTHLY.replace("top(1)", "top(2)"))
    chance = np.random.default_rng(17)
    days = [date(2025, 11, 3) + timedelta(days=number) for number in range(420)]
    days = [each for each in days if each.weekday() < 5]
    closes = {each: np.round(100 * np.exp(np.cumsum(chance.normal(0, 0.015, len(days)))), 2) for each in SYMBOLS}
    opens = {symbol: np.round(each * np.exp(chance.normal(0, 0.004, len(days))), 2) for symbol, each in closes.items()}
    times = np.array([int(at(each, 0, 0).timestamp()) for each in days], dtype=np.int64)
    bars = {
        symbol: BarColumns(times, opens[symbol], *(np.maximum(opens[symbol], closes[symbol]),), np.minimum(opens[symbol], closes[symbol]), closes[symbol], np.ones(len(days)), daily=True)
        for symbol in SYMBOLS
    }  # fmt: skip
    firsts = [place for place in range(40, len(days)) if days[place].month != days[place - 1].month]
    heard, _ = backtested(strategy, bars, monkeypatch, start=firsts[0] - 1)
    world = World(migrated)
    rotating = Rotating(database, world)
    session = None
    for place in firsts:
        today = days[place]
        rotating.clock(at(today, 9, 31))
        with database.transaction() as connection:
            for symbol in SYMBOLS:
                past = [day_bar(bars[symbol], symbol, number) for number in range(place)]
                daily_bars.store_days(connection, symbol, past, today, 400)
        rotating.minute(at(today), {symbol: float(opens[symbol][place]) for symbol in SYMBOLS})
        session = session or rotating.start(strategy.source, capital="100000")
        rotating.decide(session.session_id)
        rotating.settle(session.session_id)
    assert session is not None
    live = list(reversed(rotating.decisions(session.session_id)))
    assert len(live) == len(firsts) == len(heard.said) >= 12
    for mine, said, (parts, equity, _, _) in zip(live, heard.said, heard.given, strict=True):
        assert mine.weights == (None if said.weights is None else said.weights.tolist())
        # The exchange of the tests asks for two cents between buying and selling.
        assert mine.equity == pytest.approx(equity, rel=2e-3)
        assert mine.parts == pytest.approx(parts.tolist(), abs=2e-3)
    with database.transaction() as connection:
        assert broken_invariants(connection) == {}
    world.close()
