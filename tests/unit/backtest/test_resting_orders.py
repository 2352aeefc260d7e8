"""The rules of `backtest/MATCHING.md`, one by one: what rests, when it fills and at which price."""

from __future__ import annotations

import numpy as np
import pytest
from stratforge.backtest import BacktestConfig, BacktestReport, run_backtest
from stratforge.backtest.sweep import Sweeper
from stratforge.market import BarColumns
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import _random_history

from tests.unit.backtest.test_engine import STRATEGIES, bars_of, flat

Row = tuple[float, float, float, float]


def run(decisions: dict[int, str], rows: list[Row], **config: object) -> BacktestReport:
    """A report of a strategy that decides so on these bars, the first being 1, on bars of (open, high, low, close)."""
    lines = "".join(f"    if state['n'] == {bar}:\n        return {text}\n" for bar, text in decisions.items())
    source = f"def on_bar(bar, position, state):\n    state['n'] += 1\n{lines}"
    return run_backtest(compile_strategy(source), bars_of(*rows), BacktestConfig(**config))  # type: ignore[arg-type]


def fills(report: BacktestReport) -> list[tuple[int, str, float]]:
    """The bar, the side and the price of each fill."""
    found = report.fills
    return [
        (int(bar) + 1, "buy" if side == 1.0 else "sell", price)
        for bar, side, price in zip(found.bar, found.side, found.price, strict=True)
    ]


@pytest.mark.parametrize(
    ("row", "price"),
    [
        ((100, 101, 98, 100), 99.0),  # Within the bar at the limit.
        ((100, 101, 99, 100), None),  # Touched is not filled,
        ((100, 101, 99, 99), 99.0),  # but where the bar ends there,
        ((100, 101, 98.99, 100), 99.0),  # or went beyond.
        ((99, 101, 99, 100), 99.0),  # And at the open at once.
        ((97, 101, 96, 100), 97.0),  # A gap fills at the open.
        ((100, 101, 99.01, 100), None),
    ],
)
def test_a_limit_buys_at_its_price_or_better(row: Row, price: float | None) -> None:
    report = run({1: "buy(quantity=10, limit=99)"}, [flat(100), row])
    assert fills(report) == ([] if price is None else [(2, "buy", price)])


@pytest.mark.parametrize(
    ("row", "price"),
    [
        ((100, 101.01, 98, 100), 101.0),
        ((100, 101, 98, 101), 101.0),
        ((100, 101, 98, 100), None),
        ((101, 101, 98, 100), 101.0),
        ((102, 103, 101.5, 102), 102.0),
        ((100, 100.9, 98, 100), None),
    ],
)
def test_a_limit_sells_at_its_price_or_better(row: Row, price: float | None) -> None:
    report = run({1: "buy(quantity=10)", 2: "sell(limit=101)"}, [flat(100), flat(100), row])
    assert fills(report)[1:] == ([] if price is None else [(3, "sell", price)])


@pytest.mark.parametrize(
    ("row", "price"),
    [((100, 101, 99, 100), 101.0), ((103, 104, 102, 103), 103.0), ((100, 100.9, 99, 100), None)],
)
def test_a_stop_buys_at_its_price_or_worse(row: Row, price: float | None) -> None:
    report = run({1: "buy(quantity=10, stop=101)"}, [flat(100), row])
    assert fills(report) == ([] if price is None else [(2, "buy", price)])


@pytest.mark.parametrize(
    ("row", "price"),
    [((100, 101, 98, 100), 99.0), ((97, 98, 96, 97), 97.0), ((100, 101, 99.1, 100), None)],
)
def test_a_stop_sells_at_its_price_or_worse(row: Row, price: float | None) -> None:
    report = run({1: "buy(quantity=10)", 2: "sell(stop=99)"}, [flat(100), flat(100), row])
    assert fills(report)[1:] == ([] if price is None else [(3, "sell", price)])


@pytest.mark.parametrize(
    ("limit", "rows", "filled"),
    [
        (102, [(100, 103, 99, 100)], [(2, "buy", 101.0)]),
        (
            102,
            [(103, 104, 102.5, 103), (103, 103, 101, 101)],
            [(3, "buy", 102.0)],
        ),  # Opened beyond both: a limit from then on.
        (102, [(103, 104, 101, 103)], [(2, "buy", 102.0)]),
        (
            100.5,
            [(100, 103, 99, 100), flat(100.2)],
            [(3, "buy", 100.2)],
        ),  # Reached above its limit: a limit from the next bar on.
    ],
)
def test_a_stop_with_a_limit_is_a_limit_from_the_stop_on(limit: float, rows: list[Row], filled: list[object]) -> None:
    assert fills(run({1: f"buy(quantity=10, stop=101, limit={limit})"}, [flat(100), *rows])) == filled


@pytest.mark.parametrize(
    ("row", "price"),
    [
        ((100, 101.01, 99.5, 100), 101.0),  # The limit,
        ((100, 101, 99.5, 100), None),  # which touched is not filled,
        ((100, 100.5, 99, 100), 99.0),  # the stop, which touched is,
        ((100, 102, 98, 101), 99.0),  # and of both the stop.
        ((103, 104, 98, 100), 103.0),  # What the bar opens beyond comes first of all.
        ((97, 104, 96, 103), 97.0),
        ((100, 100.9, 99.1, 100), None),
    ],
)
def test_of_a_limit_and_a_stop_one_cancels_the_other(row: Row, price: float | None) -> None:
    report = run({1: "buy(quantity=10)", 2: "sell(fraction=0.5, limit=101, or_stop=99)"}, [flat(100), flat(100), row])
    assert fills(report)[1:] == ([] if price is None else [(3, "sell", price)])
    assert report.fills.held[-1] == (10 if price is None else 5)
    # The mirror image, in which low and high change their places.
    mirrored = [flat(100), (200 - row[0], 200 - row[2], 200 - row[1], 200 - row[3])]
    purchase = run({1: "buy(quantity=10, limit=99, or_stop=101)"}, mirrored)
    assert fills(purchase) == ([] if price is None else [(2, "buy", 200 - price)])


def test_half_at_a_target_the_other_half_further_on_and_one_stop_for_both() -> None:
    source = """
def on_bar(bar, position, state):
    if position.quantity == 0:
        state["halved"] = 0
        return buy(quantity=10, stop_loss=0.02, take_profit=0.04) if state["n"] == 0 else None
    state["n"] = 1
    if state["halved"] == 0:
        state["halved"] = 1
        return sell(fraction=0.5, limit=position.entry_price * 1.02)
"""
    strategy = compile_strategy(source)
    rows = [flat(100), flat(100), flat(101), (101, 103, 101, 102.5)]
    further = run_backtest(strategy, bars_of(*rows, (103, 105, 102, 104)), BacktestConfig()).fills
    assert list(zip(further.price, further.quantity, strict=True))[1:] == [(102.0, 5.0), (104.0, 5.0)]
    back = run_backtest(strategy, bars_of(*rows, (102, 102, 97, 97)), BacktestConfig()).fills
    assert list(zip(back.price, back.quantity, strict=True))[1:] == [(102.0, 5.0), (98.0, 5.0)]
    at_once = run_backtest(strategy, bars_of(*rows[:3], (101, 101, 97, 97)), BacktestConfig()).fills
    assert list(zip(at_once.price, at_once.quantity, strict=True))[1:] == [(98.0, 10.0)]


def test_costs_never_carry_a_fill_beyond_its_limit() -> None:
    rows = [flat(100), (99, 99, 99, 99), (101.05, 101.05, 101, 101)]
    report = run({1: "buy(quantity=10, limit=99)", 2: "sell(limit=101)"}, rows, slippage_bps=10)
    assert fills(report) == [(2, "buy", 99.0), (3, "sell", 101.0)]
    stopped = run({1: "buy(quantity=10, stop=101)"}, [flat(100), (100, 102, 100, 101)], slippage_bps=10)
    assert fills(stopped) == [(2, "buy", 101 * (1.0 + 0.001))]


def test_what_expires_fills_on_its_bars_and_on_none_after() -> None:
    rows = [flat(100), flat(100), flat(100), flat(99)]
    assert fills(run({1: "buy(quantity=10, limit=99, expire_bars=2)"}, rows)) == []
    assert fills(run({1: "buy(quantity=10, limit=99, expire_bars=3)"}, rows)) == [(4, "buy", 99.0)]
    assert fills(run({1: "buy(quantity=10, limit=99)"}, [*rows[:3] * 30, rows[3]])) == [(91, "buy", 99.0)]


def test_a_later_decision_takes_the_place_of_what_rests() -> None:
    rows = [flat(100), flat(100), (100, 100, 98, 98)]
    assert fills(run({1: "buy(quantity=10, limit=99)", 2: "buy(quantity=10, limit=98.5)"}, rows)) == [(3, "buy", 98.5)]
    assert fills(run({1: "buy(quantity=10, limit=99)", 2: "sell()"}, rows)) == []
    # One that means nothing takes no place.
    assert fills(run({1: "buy(quantity=10, limit=99)", 2: "buy(limit=np.nan)"}, rows)) == [(3, "buy", 99.0)]


def test_a_bracket_around_a_limit() -> None:
    order = {1: "buy(quantity=10, limit=99, stop_loss_price=97, take_profit_price=103)"}
    falls, rises = (98, 98, 96, 97), (101, 104, 101, 104)
    assert fills(run(order, [flat(100), flat(99), falls])) == [(2, "buy", 99.0), (3, "sell", 97.0)]
    assert fills(run(order, [flat(100), flat(99), rises, falls])) == [(2, "buy", 99.0), (3, "sell", 103.0)]


def test_the_bar_of_the_purchase_stops_out_and_takes_no_profit() -> None:
    order = {1: "buy(quantity=10, limit=99, stop_loss_price=97, take_profit_price=101)"}
    assert fills(run(order, [flat(100), (100, 102, 96, 100)])) == [(2, "buy", 99.0), (2, "sell", 97.0)]
    assert fills(run(order, [flat(100), (100, 102, 98, 102), flat(102)])) == [(2, "buy", 99.0), (3, "sell", 102.0)]


def test_a_stop_that_lies_on_the_way_to_the_purchase_sells_where_the_bar_closes_below_it() -> None:
    order = {1: "buy(quantity=10, stop=103, stop_loss_price=102)"}
    assert fills(run(order, [flat(100), (100, 104, 99, 103)])) == [(2, "buy", 103.0)]
    assert fills(run(order, [flat(100), (100, 104, 99, 101)])) == [(2, "buy", 103.0), (2, "sell", 102.0)]


def test_a_stop_above_the_purchase_gives_no_profit_out_of_nothing() -> None:
    assert fills(run({1: "buy(quantity=10, limit=99, stop_loss_price=99.5)"}, [flat(100), (100, 100, 98, 98)])) == [
        (2, "buy", 99.0),
        (2, "sell", 99.0),
    ]


def test_the_stop_of_the_position_comes_before_the_limit_of_a_sale() -> None:
    rows = [flat(100), flat(100), (100, 106, 94, 100)]
    report = run({1: "buy(quantity=10, stop_loss=0.05)", 2: "sell(fraction=0.5, limit=105)"}, rows)
    assert fills(report)[1:] == [(3, "sell", 95.0)]
    assert report.fills.held[-1] == 0.0


def test_what_lies_nearer_to_the_open_comes_first() -> None:
    rows = [flat(100), flat(100), (100, 110, 94, 100)]
    report = run({1: "buy(quantity=10, stop_loss=0.05)", 2: "sell(fraction=0.5, stop=97)"}, rows)
    assert fills(report)[1:] == [(3, "sell", 97.0), (3, "sell", 95.0)]
    report = run({1: "buy(quantity=10, take_profit=0.05)", 2: "sell(fraction=0.5, limit=103)"}, rows)
    assert fills(report)[1:] == [(3, "sell", 103.0), (3, "sell", 105.0)]


def test_an_exit_ends_what_rests() -> None:
    rows = [flat(100), flat(100), (100, 100, 94, 94), flat(90), flat(89)]
    report = run({1: "buy(quantity=10, stop_loss=0.05)", 2: "buy(quantity=10, limit=90)"}, rows)
    assert fills(report)[1:] == [(3, "sell", 95.0)]


def test_what_is_left_of_a_limit_rests_on_and_of_a_stop_is_bought_at_the_open() -> None:
    bars = bars_of(flat(100), (100, 102, 98, 100), (101, 101, 100, 100), (100, 100, 98, 99))
    bars.volume[:] = 6
    for terms, expected in (
        ("limit=99", [(1.0, 99.0, 3.0), (3.0, 99.0, 3.0)]),
        ("stop=102", [(1.0, 102.0, 3.0), (2.0, 101.0, 3.0), (3.0, 100.0, 2.0)]),
        # Whose stop has come waits for no limit any more.
        ("limit=97, or_stop=102", [(1.0, 102.0, 3.0), (2.0, 101.0, 3.0), (3.0, 100.0, 2.0)]),
        ("limit=99, or_stop=103", [(1.0, 99.0, 3.0), (3.0, 99.0, 3.0)]),
    ):
        source = f"def on_bar(bar, position, state):\n    state['n'] += 1\n    if state['n'] == 1:\n        return buy(quantity=8, {terms})\n"
        found = run_backtest(compile_strategy(source), bars, BacktestConfig(participation=0.5)).fills
        assert list(zip(found.bar, found.price, found.quantity, strict=True)) == expected


def test_a_share_of_equity_is_reckoned_at_the_limit() -> None:
    report = run({1: "buy(fraction=0.5, limit=80)"}, [flat(100), flat(80)], cash=1_000)
    assert report.fills.quantity.tolist() == [6.25]


@pytest.mark.parametrize("name", ["limits", pytest.param("stops", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "config",
    [
        BacktestConfig(slippage_bps=1, stop_loss=0.01, take_profit=0.008),
        pytest.param(
            BacktestConfig(trailing_stop=0.006, participation=0.01, fractional=False, commission_per_order=0.5),
            marks=pytest.mark.long,
        ),
    ],
)
def test_machine_code_trades_as_the_interpreter(name: str, config: BacktestConfig) -> None:
    strategy, bars = compile_strategy(STRATEGIES[name]), _random_history(3, 3_000, 0.003, 55.0)
    machine = Sweeper(strategy, bars, config).run({})
    single = run_backtest(strategy, bars, config).metrics
    assert machine.final_equity == pytest.approx(single.final_equity, rel=1e-12)
    assert machine.trades == single.trades > 50


def test_more_of_the_future_changes_no_fill_of_the_past() -> None:
    bars: BarColumns = _random_history(9, 400, 0.003, 55.0)
    for name in ("limits", "stops"):
        strategy = compile_strategy(STRATEGIES[name])
        whole, part = (run_backtest(strategy, each, BacktestConfig()).fills for each in (bars, bars.slice(0, 300)))
        count = len(part.bar)
        assert count > 20
        for column in ("bar", "side", "quantity", "price"):
            np.testing.assert_array_equal(getattr(part, column), getattr(whole, column)[:count])
