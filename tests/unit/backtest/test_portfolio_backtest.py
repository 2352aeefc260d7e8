"""Backtests of portfolio strategies: when is decided, what is traded at which price, and what the report says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from stratforge.backtest import BacktestConfig, BacktestError
from stratforge.backtest.portfolio import run_portfolio_backtest
from stratforge.backtest.portfolio_report import PortfolioReport
from stratforge.market import BarColumns
from stratforge.strategy.rotation import compile_portfolio

from tests.support.random_rotations import markets, rotation

NEW_YORK = ZoneInfo("America/New_York")


def days(prices: Mapping[str, Sequence[float]], first: str = "2024-03-04") -> dict[str, pd.DataFrame]:
    """Daily bars by symbol that open where they closed the day before; a price of 0 is a day without a bar."""
    found = {}
    for symbol, closes in prices.items():
        frame = pd.DataFrame({"close": closes}, index=pd.bdate_range(first, periods=len(closes)), dtype=float)
        frame = frame[frame["close"] > 0]
        frame["open"] = frame["close"].shift(1).fillna(frame["close"])
        found[symbol] = frame.assign(
            high=frame[["open", "close"]].max(axis=1), low=frame[["open", "close"]].min(axis=1), volume=1e6
        )
    return found


def holding(weights: str, universe: tuple[str, ...] = ("AA", "BB"), schedule: str = '"daily"') -> str:
    """A strategy that returns these weights."""
    return f"UNIVERSE = {list(universe)}\nSCHEDULE = {schedule}\ndef rebalance(universe, portfolio, state):\n    state['n'] += 1\n    return {weights}\n"


def run(source: str, bars: Mapping[str, pd.DataFrame | BarColumns], **config: object) -> PortfolioReport:
    """Backtests with 1,000 dollars."""
    return run_portfolio_backtest(compile_portfolio(source), bars, BacktestConfig(**{"cash": 1_000.0, **config}))  # type: ignore[arg-type]


def fills(report: PortfolioReport) -> list[tuple[int, str, float, float]]:
    """Bar, symbol, quantity (below 0 sold) and price of each fill."""
    made = report.fills
    return [
        (bar, report.strategy.universe[symbol], quantity if side == 1.0 else -quantity, price)
        for bar, symbol, side, quantity, price in zip(
            made.bar.tolist(),
            made.symbol.tolist(),
            made.side.tolist(),
            made.quantity.tolist(),
            made.price.tolist(),
            strict=True,
        )
    ]


def test_weights_become_quantities_at_the_close_and_are_filled_at_the_next_open() -> None:
    report = run(
        holding('{"AA": 0.5, "BB": 0.25} if state["n"] == 1 else None'), days({"AA": [10, 20, 20], "BB": [5, 5, 8]})
    )
    assert fills(report) == [(1, "AA", 50.0, 10.0), (1, "BB", 50.0, 5.0)]
    # 250 in cash, and what rose: 50 shares from 10 to 20, then 50 from 5 to 8.
    assert report.equity_values.tolist() == [1_000.0, 1_500.0, 1_650.0]
    assert report.weights.iloc[-1].tolist() == pytest.approx([1_000 / 1_650, 400 / 1_650])
    assert math.isnan(report.decisions.iloc[1]["AA"])


def test_sales_pay_for_purchases_and_nothing_is_on_credit() -> None:
    swap = '{"AA": 1} if state["n"] == 1 else {"BB": 1}'
    bars = days({"AA": [10, 10, 10, 10], "BB": [5, 5, 5, 5]})
    # The market opens higher than it closed: what was to be bought costs more than there is.
    bars["BB"].loc[bars["BB"].index[2], ["open", "high"]] = 8.0
    report = run(holding(swap), bars)
    assert fills(report)[:3] == [(1, "AA", 100.0, 10.0), (2, "AA", -100.0, 10.0), (2, "BB", 125.0, 8.0)]
    assert (report.fills.cash >= 0).all()


def test_purchases_are_cut_by_the_same_part() -> None:
    bars = days({"AA": [10, 10, 10], "BB": [10, 10, 10]})
    bars["AA"].loc[bars["AA"].index[1], ["open", "high"]] = 30.0
    report = run(
        holding('{"AA": 0.5, "BB": 0.5} if state["n"] == 1 else None'), bars, commission_bps=100, commission_per_order=5
    )
    # 50 shares each were wanted, at 30 and 10; with the commission of 1 % and 5 an order there is cash for 49 % of them.
    part = (1_000 - 10) / (50 * 40 * 1.01)
    (one, other) = fills(report)
    assert (one[1], other[1]) == ("AA", "BB")
    assert (one[2], other[2]) == pytest.approx((50 * part, 50 * part))
    assert report.fills.cash[-1] == pytest.approx(0, abs=1e-9)


def test_a_symbol_without_a_bar_is_traded_at_its_next_ones_open() -> None:
    once = '{"AA": 0.5, "BB": 0.5} if state["n"] == 1 else None'
    report = run(holding(once), days({"AA": [10, 10, 10, 10, 10], "BB": [5, 0, 0, 8, 9]}))
    # BB closed at 5 on the first day and opens at 5 on the fourth.
    assert fills(report) == [(1, "AA", 50.0, 10.0), (3, "BB", 100.0, 5.0)]


def test_a_later_decision_takes_the_place_of_orders_that_wait() -> None:
    change = '{"BB": 1} if state["n"] == 1 else cash() if state["n"] == 3 else None'
    report = run(holding(change), days({"AA": [10] * 6, "BB": [5, 0, 0, 0, 8, 9]}))
    assert fills(report) == []
    held_on = '{"BB": 1} if state["n"] == 1 else {"AA": 1} if state["n"] == 3 else None'
    report = run(holding(held_on), days({"AA": [10] * 6, "BB": [5, 5, 0, 0, 8, 9]}))
    # The sale of BB waits from the third to the fifth day; AA is bought with what cash there was: none.
    assert fills(report) == [(1, "BB", 200.0, 5.0), (4, "BB", -200.0, 5.0)]


def test_a_symbol_that_is_listed_later_is_not_bought_before_and_its_weight_is_cash() -> None:
    report = run(holding('{"AA": 0.5, "BB": 0.5}'), days({"AA": [10] * 6, "BB": [0, 0, 0, 5, 5, 5]}))
    assert fills(report) == [(1, "AA", 50.0, 10.0), (4, "BB", 100.0, 5.0)]


def test_a_symbol_whose_bars_end_is_held_at_its_last_price_and_the_report_says_so() -> None:
    report = run(
        holding('{"AA": 0.5, "BB": 0.5} if state["n"] < 3 else cash()'),
        days({"AA": [10] * 30, "BB": [5] * 3 + [0] * 27}),
    )
    assert [fill[:3] for fill in fills(report)] == [(1, "AA", 50.0), (1, "BB", 100.0), (3, "AA", -50.0)]
    assert report.equity_values[-1] == 1_000.0
    assert any("BB has no bars after 2024-03-06" in line for line in report.assumptions)


def test_what_has_no_bar_for_a_week_is_unknown_and_what_has_one_is_not() -> None:
    chosen = "weights.equal(universe.close > 0)"
    report = run(holding(chosen), days({"AA": [10] * 12, "BB": [5] + [0] * 11}))
    weights = report.decisions["BB"].tolist()
    # Five trading days later seven days have passed, and the next is the eighth.
    assert weights == [0.5] * 5 + [0.0] * 6


def test_a_change_of_less_than_a_dollar_is_not_traded_unless_it_ends_a_holding() -> None:
    drift = '{"AA": 0.5} if state["n"] < 3 else {"AA": 0.0005} if state["n"] == 3 else cash()'
    report = run(holding(drift), days({"AA": [10, 10, 10.01, 10.01, 10.01], "BB": [5] * 5}))
    assert [fill[0] for fill in fills(report)] == [1, 3, 4]
    assert report.held["AA"][-1] == 0.0


def test_the_first_decision_follows_the_first_bar_and_each_month_has_one() -> None:
    report = run(holding("cash()", schedule='"monthly"'), days({"AA": [10] * 70, "BB": [5] * 70}))
    said = pd.DatetimeIndex(report.decisions.index).tz_convert(NEW_YORK).strftime("%Y-%m-%d").tolist()
    assert said == ["2024-03-05", "2024-04-01", "2024-05-01", "2024-06-03"]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ('"weekly"', ["2024-12-24", "2024-12-30", "2025-01-06", "2025-01-13"]),
        ('"quarterly"', ["2024-12-24", "2025-01-01"]),
        ('"yearly"', ["2024-12-24", "2025-01-01"]),
    ],
)
def test_periods_are_those_of_the_calendar(schedule: str, expected: list[str]) -> None:
    report = run(holding("cash()", schedule=schedule), days({"AA": [10] * 18, "BB": [5] * 18}, "2024-12-23"))
    assert pd.DatetimeIndex(report.decisions.index).tz_convert(NEW_YORK).strftime("%Y-%m-%d").tolist() == expected


def minutes(count: int, first: datetime) -> BarColumns:
    """Bars of a minute that rise by a cent each, from a moment on, the fifth of each ten missing."""
    time = int(first.timestamp()) + 60 * np.array([minute for minute in range(count) if minute % 10 != 5])
    close = 10 + (time - time[0]) / 6_000
    return BarColumns(time, close, close, close, close, np.ones(len(time)))


def test_spans_of_minutes_are_counted_from_the_open() -> None:
    bars = {
        "AA": minutes(180, datetime(2024, 3, 11, 9, 25, tzinfo=NEW_YORK)),
        "BB": minutes(180, datetime(2024, 3, 11, 9, 27, tzinfo=NEW_YORK)),
    }
    report = run(holding("weights.equal(universe.close > 0)", schedule="45"), bars)
    said = pd.DatetimeIndex(report.decisions.index).tz_convert(NEW_YORK).strftime("%H:%M").tolist()
    assert said == ["09:26", "09:30", "10:15", "11:00", "11:45"]
    # BB had no bar before 9:26, and both have none at 9:30 and 10:00 but AA.
    assert report.decisions.iloc[0].tolist() == [1.0, 0.0]
    assert report.decisions.iloc[1].tolist() == [0.5, 0.5]
    opened = dict(zip(bars["AA"].time.tolist(), bars["AA"].open.tolist(), strict=True))
    for bar, symbol, _, price in fills(report):
        if symbol == "AA":
            assert price == opened[int(report.clock.time[bar])]


def test_a_daily_schedule_on_bars_of_a_minute_sees_the_day_before() -> None:
    first, second = (datetime(2024, 3, day, 15, 30, tzinfo=NEW_YORK) for day in (11, 12))
    time = np.concatenate([minutes(30, moment).time for moment in (first, second)])
    close = np.concatenate([minutes(30, moment).close for moment in (first, second)])
    bars = BarColumns(time, close, close, close, close, np.ones(len(time)))
    report = run(holding("{'AA': 1} if universe.of('AA').close > 10.02 else cash()", ("AA",)), {"AA": bars})
    assert report.decisions["AA"].tolist() == [0.0, 1.0]
    assert [fill[0] for fill in fills(report)] == [27]


def test_another_symbols_column_is_that_of_its_last_bar_and_computed_on_its_own() -> None:
    source = """
UNIVERSE = ["AA"]
SCHEDULE = "daily"
def indicators(bars):
    other = bars.of("BB").close
    return {"last": other, "change": other.diff(), "ratio": bars.close / other}
def rebalance(universe, portfolio, state):
    state["last"] = universe.of("AA").last
    state["change"] = universe.of("AA").change
    state["ratio"] = universe.of("AA").ratio
    return {"AA": state["ratio"] / 100}
"""
    bars = days({"AA": [10, 20, 30, 40, 50], "BB": [1, 0, 0, 4, 5]})
    report = run(source, bars)
    # AA over the last of BB: 10/1, 20/1, 30/1, 40/4, in hundredths.
    assert report.decisions["AA"].tolist() == [0.1, 0.2, 0.3, 0.1]


def test_the_report_adds_up_and_is_plain_json() -> None:
    for seed in range(5):
        strategy = compile_portfolio(rotation(seed))
        bars = markets(seed, 120, broken=False)
        report = run_portfolio_backtest(strategy, bars, BacktestConfig(cash=5_000, commission_bps=3, slippage_bps=2))
        cash = 5_000.0
        for side, quantity, price, fee in zip(
            report.fills.side, report.fills.quantity, report.fills.price, report.fills.commission, strict=True
        ):
            cash += (quantity * price if side == 2.0 else -quantity * price) - fee
        last = {symbol: bars[symbol].close[-1] for symbol in strategy.universe}
        worth = sum(report.held[symbol][-1] * last[symbol] for symbol in strategy.universe)
        assert report.equity_values[-1] == pytest.approx(cash + worth, rel=1e-9)
        assert report.metrics.final_equity == report.equity_values[-1]
        told = json.loads(json.dumps(report.as_dict(points=50), allow_nan=False))
        assert len(told["curve"]["time"]) == len(told["curve"]["equity"]) <= 50
        assert all(len(parts) == len(told["curve"]["time"]) for parts in told["weights"].values())
        assert len(told["decisions"]) == len(report.due)
        assert len(report.trades) == len(told["trades"]) == report.metrics.trades
        assert "Decisions" in str(report)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bars": {"AA": days({"AA": [1, 2]})["AA"]}}, "no bars of BB"),
        (
            {"bars": {symbol: each.iloc[::21] for symbol, each in days({"AA": [1] * 90, "BB": [1] * 90}).items()}},
            "more than a week apart",
        ),
        ({"config": {"stop_loss": 0.1}}, "stop_loss is not in backtests of portfolio strategies"),
        ({"config": {"participation": 0.1}}, "participation is not in"),
        ({"source": holding("cash()", schedule="30")}, "needs bars of a minute"),
        (
            {"bars": days({"AA": [1, 2]}) | {"BB": minutes(5, datetime(2024, 3, 11, tzinfo=NEW_YORK))}},
            "do not go together",
        ),
        (
            {"bars": days({"AA": [1, 2]}) | {"BB": days({"BB": [1, 2]})["BB"].assign(high=0.5)}},
            "BB: the high or low of row",
        ),
    ],
    ids=["missing", "months", "stop", "participation", "days for minutes", "days and minutes", "wrong bars"],
)
def test_what_cannot_be_run_is_refused_with_what_to_do(change: dict[str, object], message: str) -> None:
    given = {"source": holding("cash()"), "bars": days({"AA": [1, 2], "BB": [1, 2]}), "config": {}, **change}
    with pytest.raises(BacktestError, match=message):
        run(given["source"], given["bars"], **given["config"])  # type: ignore[arg-type]


IF_ANOTHER_ROSE = 'UNIVERSE = ["BB"]\nSCHEDULE = {}\ndef rebalance(universe, portfolio, state):\n    other = universe.of("AA")\n    return {{"BB": 1}} if other.close > other.open else cash()\n'


def walk(index: pd.DatetimeIndex) -> pd.DataFrame:
    """Bars of a price that goes nowhere in particular."""
    close = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.001, len(index))))
    frame = pd.DataFrame({"open": np.append(close[:1], close[:-1]), "close": close}, index=index)
    return frame.assign(high=frame.max(axis=1), low=frame.min(axis=1), volume=1e3)


def longer(bars: pd.DataFrame, length: str, **how: object) -> pd.DataFrame:
    """The same market in longer bars."""
    columns = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return bars.resample(length, **how).agg(columns).dropna()  # type: ignore[arg-type]


MINUTES = walk(pd.date_range("2026-01-05 14:30", periods=390, freq="1min", tz="UTC"))
DAYS = walk(pd.bdate_range("2026-01-05", periods=250))


@pytest.mark.parametrize(
    ("other", "own", "schedule"),
    [
        (longer(MINUTES, "5min"), MINUTES, "1"),
        (longer(MINUTES, "30min"), MINUTES, "1"),
        (longer(MINUTES, "5min", offset="2min"), longer(MINUTES, "5min"), "5"),
        (longer(MINUTES, "60min", offset="30min"), longer(MINUTES, "5min"), "5"),
        # So few that they could be of a minute.
        (longer(MINUTES, "30min").head(4), MINUTES, "1"),
        (longer(MINUTES, "5min").drop(MINUTES.index[15]), MINUTES, "1"),
        (DAYS.tz_localize("UTC"), DAYS.tz_localize("America/New_York"), '"daily"'),
        (DAYS.tz_localize("America/New_York"), DAYS.tz_localize("UTC"), '"daily"'),
        (DAYS.tz_localize("UTC"), DAYS.tz_localize("UTC").shift(freq="1h"), '"daily"'),
        (longer(DAYS, "W-MON", label="left", closed="left"), DAYS, '"daily"'),
        # A week that begins on a Tuesday.
        (longer(DAYS.drop(DAYS.index[[10, 30]]), "W-MON", label="left", closed="left"), DAYS, '"daily"'),
    ],
)
def test_a_bar_that_goes_on_while_another_begins_is_refused(
    other: pd.DataFrame, own: pd.DataFrame, schedule: str
) -> None:
    """Else what it will come to were known: a strategy that buys what will have risen would win always."""
    with pytest.raises(
        BacktestError, match=r"(AA|BB): its bar of 20.* is not over when that of (AA|BB) begins at 20.*one length"
    ):
        run(IF_ANOTHER_ROSE.format(schedule), {"AA": other, "BB": own})


@pytest.mark.parametrize(
    ("other", "own", "schedule"),
    [
        (MINUTES.sample(40, random_state=1).sort_index(), MINUTES.sample(100, random_state=2).sort_index(), "30"),
        (MINUTES.iloc[[5, 7, 90]], MINUTES.iloc[[7, 200, 259]], "30"),
        (longer(MINUTES, "5min").drop(MINUTES.index[[5, 45]]), longer(MINUTES, "5min").head(50), "30"),
        (DAYS.drop(DAYS.index[::3]), DAYS, '"daily"'),
        (DAYS.iloc[[4, 5, 9]], DAYS, '"daily"'),
        (DAYS.tz_localize("America/New_York"), DAYS.tz_localize("America/New_York").tail(100), '"daily"'),
    ],
)
def test_bars_may_be_missing(other: pd.DataFrame, own: pd.DataFrame, schedule: str) -> None:
    assert len(run(IF_ANOTHER_ROSE.format(schedule), {"AA": other, "BB": own}).due)


@pytest.mark.parametrize(
    ("price", "config"),
    [
        (50.0, {"cash": 1_000.0, "commission_per_order": 10.0}),
        (50.0, {"cash": 200.0, "commission_per_order": 10.0}),
        (0.5, {"cash": 1_000.0, "commission_per_share": 0.6}),
        (50.0, {"cash": 1_000.0, "commission_bps": 15_000.0}),
        (50.0, {"cash": 1_000.0, "commission_per_order": 10.0, "fractional": False}),
    ],
)
def test_commissions_take_what_there_is_and_nothing_is_sold_that_is_not_held(
    price: float, config: dict[str, float]
) -> None:
    universe = ("AA", "BB", "CC")
    report = run(
        holding('weights.equal(universe.close > 0) if state["n"] % 2 == 1 else cash()', universe),
        days({symbol: [price] * 60 for symbol in universe}),
        **config,
    )
    assert report.equity_values.min() >= 0
    assert report.fills.cash.min() >= 0
    assert report.fills.quantity.min() > 0
    assert report.fills.commission.min() >= 0


def test_one_bar_is_no_decision() -> None:
    report = run(holding("weights.equal(universe.close > 0)"), days({"AA": [10], "BB": [5]}))
    assert (len(report.due), report.equity_values.tolist()) == (0, [1_000.0])
    assert "none" in str(report)


def bars_at(time: np.ndarray, *, daily: bool = False) -> BarColumns:
    """Bars of one price, of columns that say how long they are."""
    price = np.full(len(time), 100.0)
    return BarColumns(time.astype(np.int64), *(price,) * 5, timezone=NEW_YORK, daily=daily)


@pytest.mark.parametrize("traded", [[1, 8], [2, 9, 16], [1, 22]])
def test_days_of_a_symbol_that_hardly_trades_are_days(traded: list[int]) -> None:
    moments = {day: datetime(2021, 3, day, tzinfo=NEW_YORK) for day in range(1, 31)}
    every = np.array([each.timestamp() for each in moments.values() if each.weekday() < 5])
    rare = np.array([moments[day].timestamp() for day in traded])
    bars = {"AA": bars_at(every, daily=True), "BB": bars_at(rare, daily=True)}
    assert len(run(holding("weights.equal(universe.close > 0)"), bars).due)


@pytest.mark.parametrize("traded", [[0, 2], [0, 2, 4], [0, 2, 4, 7, 9, 11, 14, 16, 18, 21, 23, 25]])
def test_minutes_of_a_symbol_that_hardly_trades_are_minutes(traded: list[int]) -> None:
    opened = datetime(2021, 3, 1, 9, 30, tzinfo=NEW_YORK).timestamp()
    bars = {"AA": bars_at(opened + 60 * np.arange(60)), "BB": bars_at(opened + 60 * np.array(traded))}
    assert len(run(holding("weights.equal(universe.close > 0)"), bars).due)


def test_columns_that_say_that_their_bars_are_longer_are_taken_at_their_word() -> None:
    opened = datetime(2021, 3, 1, 9, 30, tzinfo=NEW_YORK).timestamp()
    longer_ones = replace(bars_at(opened + 300 * np.arange(12)), minutes=5)
    with pytest.raises(BacktestError, match=r"BB: its bar of .* is not over when that of AA begins"):
        run(holding("weights.equal(universe.close > 0)"), {"AA": bars_at(opened + 60 * np.arange(60)), "BB": longer_ones})  # fmt: skip
