"""A preview of code that is being written: cheap whatever the code is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pytest
from stratforge.application import preview as previews
from stratforge.application.access import Caller
from stratforge.application.jobs.requests import Assumptions
from stratforge.application.quotas import Quota
from stratforge.backtest import run_backtest
from stratforge.market import Bar, BarColumns
from stratforge.storage.market import daily_bars, days_asked, market_data
from stratforge.storage.market.clock import market_clock
from stratforge.storage.postgres.database import Database
from stratforge.storage.users.accounts import register_user
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import _random_history
from stratforge.strategy.rotation import compile_portfolio

SETUP = Assumptions(slippage_bps=1)
CHEAP = "def on_bar(bar, position, state):\n    if position.quantity == 0:\n        return buy()\n    return sell()\n"


def looping(lines: int, turns: int) -> str:
    """Code that is allowed and dear."""
    body = "".join(f"        x = x * 1.0000001 + {line}.5\n" for line in range(lines))
    return (
        f"def on_bar(bar, position, state):\n    x = bar.close\n    for i in range({turns}):\n{body}"
        "    if x > 0 and position.quantity == 0:\n        return buy()\n"
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """As many bars as were asked for, each time."""
    found: list[int] = []

    def bars_between(_connection: object, _symbol: str, _start: object, _end: object, limit: int) -> object:
        found.append(limit)
        return _random_history(1, limit, 0.001, 100.0)

    monkeypatch.setattr(market_data, "bars_between", bars_between)
    return found


def test_dear_code_is_previewed_on_fewer_bars(database: Database, ada: Caller, asked: list[int]) -> None:
    for code in (CHEAP, looping(1, 1_000), looping(10, 1_000), looping(30, 1_000)):
        strategy = compile_strategy(code)
        shown = previews.preview(database, ada, strategy, "AAPL", SETUP)
        assert isinstance(shown, previews.Preview)
        assert strategy.backtest_nanoseconds(shown.bars) <= 300_000_000
    assert asked == sorted(asked, reverse=True)
    assert (asked[0], asked[-1]) == (1_950 + 64, 60 + 64), "and those before, that indicators know"


def test_whoever_previews_too_often_is_shown_no_figures_for_a_while(
    database: Database, ada: Caller, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "PREVIEWS", Quota("previews", 4, 3600))
    strategy = compile_strategy(CHEAP)
    seen = [previews.preview(database, ada, strategy, "AAPL", SETUP) is not None for _ in range(4)]
    assert seen == [True, True, False, False]
    assert len(asked) == 2, "nor are bars read"


@pytest.mark.parametrize(
    ("timeframe", "unit", "fewest"),
    [("5min", "bars of 5 minutes", 1_900), ("1h", "hours", 200), ("4h", "bars of 4 hours", 60)],
)
def test_longer_bars_are_made_of_as_many_minutes_as_they_take(
    database: Database, ada: Caller, asked: list[int], timeframe: str, unit: str, fewest: int
) -> None:
    shown = previews.preview(database, ada, compile_strategy(f'TIMEFRAME = "{timeframe}"\n{CHEAP}'), "AAPL", SETUP)
    assert isinstance(shown, previews.Preview)
    assert (shown.unit, shown.what) == (unit, "AAPL")
    assert fewest <= shown.bars <= 1_950
    assert asked[0] <= 16_000, "no more is read than one may type for"


AVERAGE = """
def indicators(bars):
    return {"average": ta.sma(bars.close, length=100)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.average > 0:
        return buy()
"""


def test_its_first_bar_is_decided_on_with_what_came_before(database: Database, ada: Caller, asked: list[int]) -> None:
    shown = previews.preview(database, ada, compile_strategy(AVERAGE), "AAPL", SETUP)
    assert isinstance(shown, previews.Preview)
    bars = _random_history(1, asked[0], 0.001, 100.0)
    since = int(bars.time[-shown.bars])
    report = run_backtest(compile_strategy(AVERAGE), bars, SETUP.config(), since=since)
    assert report.fills.bar[0] == 1
    assert shown.total_return == report.metrics.total_return
    assert shown.begin == datetime.fromtimestamp(since, UTC)


def test_the_setup_of_the_page_is_what_is_tried(database: Database, ada: Caller, asked: list[int]) -> None:
    strategy = compile_strategy(AVERAGE)
    tried = []
    for setup in (SETUP, Assumptions(slippage_bps=1, sizing_value=1), Assumptions(slippage_bps=1, stop_loss=0.002)):
        shown = previews.preview(database, ada, strategy, "AAPL", setup)
        assert isinstance(shown, previews.Preview)
        tried.append((shown.total_return, shown.trades))
    assert tried[1][0] == pytest.approx(10 * tried[0][0], rel=0.01)
    assert tried[2][1] > tried[0][1] == 0, "its stop sold"
    assert asked


ROTATION = """
UNIVERSE = ["AAPL", "MSFT"]
SCHEDULE = "weekly"
def indicators(bars):
    return {"momentum": bars.close.pct_change(20)}
def rebalance(universe, portfolio, state):
    return weights.equal(universe.momentum.top(1))
"""


@pytest.fixture
def days(database: Database) -> list[date]:
    """The days of two symbols that were read."""
    found = [date(2023, 1, 2) + timedelta(days=number) for number in range(420)]
    found = [each for each in found if each.weekday() < 5]
    for seed, symbol in enumerate(("AAPL", "MSFT")):
        columns = _random_history(seed, len(found), 0.01, 100.0)
        prices = zip(columns.open, columns.high, columns.low, columns.close, columns.volume, strict=True)
        bars = [
            Bar(symbol, daily_bars.begins_at(symbol, day), *(Decimal(str(round(each, 6))) for each in row))
            for day, row in zip(found, prices, strict=True)
        ]
        with database.transaction() as connection:
            daily_bars.store_days(connection, symbol, bars, found[-1] + timedelta(days=1), 420)
    return found


def test_a_strategy_on_days_and_a_portfolio_are_tried_on_the_days_that_were_read(
    database: Database, ada: Caller, days: list[date]
) -> None:
    daily = previews.preview(database, ada, compile_strategy(f'TIMEFRAME = "1d"\n{CHEAP}'), "AAPL", SETUP)
    assert isinstance(daily, previews.Preview)
    assert (daily.unit, daily.bars) == ("days", len(days) - 64)
    rotation = compile_portfolio(ROTATION)
    shown = previews.preview(database, ada, rotation, "", SETUP)
    assert isinstance(shown, previews.Preview)
    assert (shown.unit, shown.bars, shown.what) == ("days", len(days) - 64, "its 2 symbols")
    assert shown.trades > 5
    assert shown.equity[0] == pytest.approx(10_000, rel=0.1), "it begins with its capital"
    assert previews.preview(database, ada, rotation, "", Assumptions(stop_loss=0.1)) is None, "it has no stops"


def wanted(database: Database) -> dict[str, int]:
    """The days that the ingestor reads next."""
    with database.transaction() as connection:
        wishes = days_asked.next_wishes(connection, market_clock(connection).now)
    return {symbol: days for _, each in wishes for symbol, days in each.items()}


def test_days_that_nobody_has_read_are_asked_for_and_shown_when_they_are_there(database: Database, ada: Caller) -> None:
    rotation = compile_portfolio(ROTATION)
    assert previews.preview(database, ada, rotation, "", SETUP) == previews.DaysAwaited(2)
    assert wanted(database) == {"AAPL": 64 + 260, "MSFT": 64 + 260}
    today = [date(2025, 1, 6) + timedelta(days=number) for number in range(360)]
    read = {
        symbol: [
            Bar(symbol, daily_bars.begins_at(symbol, day), *(Decimal(100 + day.day),) * 4, Decimal(1000))
            for day in today
            if day.weekday() < 5
        ]
        for symbol in wanted(database)
    }
    with database.transaction() as connection:
        through = daily_bars.exchange_day("AAPL", market_clock(connection).now)
        for symbol, bars in read.items():
            daily_bars.store_days(connection, symbol, bars, through, 324)
    shown = previews.preview(database, ada, rotation, "", SETUP)
    assert isinstance(shown, previews.Preview)
    assert (shown.unit, shown.what) == ("days", "its 2 symbols")


def read(database: Database) -> set[str]:
    """Has the days read that are read next; of which symbols."""
    found = wanted(database)
    with database.transaction() as connection:
        now = market_clock(connection).now
        for symbol, days in found.items():
            daily_bars.store_days(connection, symbol, [], daily_bars.exchange_day(symbol, now), days)
    return set(found)


def test_each_user_has_one_wish_and_whoever_has_waited_longest_comes_first(database: Database, ada: Caller) -> None:
    previews.preview(database, ada, compile_portfolio(ROTATION), "", SETUP)
    daily = compile_strategy(f'TIMEFRAME = "1d"\n{CHEAP}')
    assert previews.preview(database, ada, daily, "IBM", SETUP) == previews.DaysAwaited(1)
    assert set(wanted(database)) == {"IBM"}
    others = []
    for number in range(10):
        with database.transaction() as connection:
            user = register_user(connection, f"user{number}@example.com", "hash", Decimal(1))
        assert user is not None
        others.append(Caller(user))
        previews.preview(database, others[-1], daily, f"A{chr(65 + number)}", SETUP)
    # Whoever looks again keeps his place, and whoever wants something else waits anew.
    previews.preview(database, ada, daily, "IBM", SETUP)
    previews.preview(database, others[0], daily, "AZ", SETUP)
    assert [read(database) for _ in range(4)] == [{"IBM", "AB", "AC", "AD"}, {"AE", "AF", "AG", "AH"}, {"AI", "AJ", "AZ"}, set()]  # fmt: skip


def test_a_wish_is_good_for_minutes(database: Database, ada: Caller) -> None:
    previews.preview(database, ada, compile_strategy(f'TIMEFRAME = "1d"\n{CHEAP}'), "IBM", SETUP)
    with database.transaction() as connection:
        connection.execute("UPDATE days_asked SET asked_at = asked_at - interval '11 minutes'")
    assert wanted(database) == {}
    previews.preview(database, ada, compile_strategy(f'TIMEFRAME = "1d"\n{CHEAP}'), "IBM", SETUP)
    assert set(wanted(database)) == {"IBM"}


def test_what_the_broker_does_not_know_is_not_waited_for(database: Database, ada: Caller) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO assets (symbol, name, asset_class, tradable, fractionable) VALUES ('AAPL', '', 'us_equity', true, true), ('SPY', '', 'us_equity', true, true)")  # fmt: skip
    daily = compile_strategy(f'TIMEFRAME = "1d"\n{CHEAP}')
    assert previews.preview(database, ada, daily, "NOBODY", SETUP) is None
    assert previews.preview(database, ada, compile_portfolio(ROTATION), "", SETUP) is None
    assert set(wanted(database)) == {"AAPL"}


BESIDE = """
def indicators(bars):
    return {"mean": ta.sma(bars.resample("1d").close, length=20)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.mean > 0:
        return buy()
"""


def test_days_that_nobody_has_read_for_long_stand_beside_no_later_minutes(
    database: Database, ada: Caller, days: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last day that was read is of months before: the average of the days before today is not known."""
    begin = datetime.combine(days[-1] + timedelta(days=90), time(15), UTC)

    def bars_between(_connection: object, _symbol: str, _start: object, _end: object, limit: int) -> BarColumns:
        bars = _random_history(1, min(limit, 300), 0.001, 100.0)
        return replace(bars, time=int(begin.timestamp()) + 60 * np.arange(len(bars)))

    monkeypatch.setattr(market_data, "bars_between", bars_between)
    assert previews.preview(database, ada, compile_strategy(BESIDE), "AAPL", SETUP) is None
    begin = datetime.combine(days[-1] + timedelta(days=1), time(15), UTC)
    shown = previews.preview(database, ada, compile_strategy(BESIDE), "AAPL", SETUP)
    assert isinstance(shown, previews.Preview)
    assert shown.holding != 0


LOOKS = """
def indicators(bars):
    return {"spy": bars.of("SPY").close, "mean": ta.sma(bars.of("SPY").close, length=20)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.spy > bar.mean:
        return buy()
    if position.quantity > 0 and bar.spy < bar.mean:
        return sell()
"""


def test_what_looks_at_another_symbol_is_tried_on_what_is_recorded_of_it(
    database: Database, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = {"AAPL": 300, "SPY": 0}

    def bars_between(_connection: object, symbol: str, _start: object, end: datetime | None, limit: int) -> BarColumns:
        bars = _random_history(len(symbol), recorded[symbol], 0.001, 100.0)
        bars = replace(bars, time=1_767_623_400 + 60 * np.arange(len(bars)))
        return bars.slice(0, len(bars) if end is None else int(np.searchsorted(bars.time, end.timestamp()))).tail(limit)

    monkeypatch.setattr(market_data, "bars_between", bars_between)
    assert previews.preview(database, ada, compile_strategy(LOOKS), "AAPL", SETUP) is None
    recorded["SPY"] = 300
    shown = previews.preview(database, ada, compile_strategy(LOOKS), "AAPL", SETUP)
    assert isinstance(shown, previews.Preview)
    assert shown.trades > 5
    assert previews.preview(database, ada, compile_strategy(LOOKS), "SPY", SETUP) is None, "it would look at itself"
