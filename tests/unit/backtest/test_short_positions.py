"""Short positions in the backtest: against an oracle written from the rules alone, and rule by rule."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.backtest import BacktestConfig, BacktestError, run_backtest
from stratforge.backtest.matching import Target
from stratforge.backtest.report import BacktestReport
from stratforge.backtest.sweep import Sweeper
from stratforge.market import BarColumns
from stratforge.market.columns import Floats, Integers, exchange_timezone
from stratforge.market.sizes import SizingRule
from stratforge.strategy import PositionView, compile_strategy, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.vocabulary import CASH_KEY, EQUITY_KEY, POWER_KEY

from tests.support.short_oracle import Decision, Program, run, source_of
from tests.support.tiers import examples

SIDES = {1.0: "buy", 2.0: "sell", 3.0: "short", 4.0: "cover"}
REASONS = ("signal", "stop loss", "take profit", "trailing stop", "margin call")
HOURS = 6 * 3600


def _columns(time: Integers, prices: Floats, volume: Floats) -> BarColumns:
    open_, high, low, close = (np.ascontiguousarray(prices[:, column]) for column in range(4))
    return BarColumns(time, open_, high, low, close, volume)


def _bars(generator: random.Random, length: int) -> BarColumns:
    """Bars with gaps, runs and days, around a price where the margin's rules for low prices matter too."""
    price = generator.choice((3.0, 6.0, 20.0, 100.0))
    wild = generator.choice((0.005, 0.02, 0.08))
    rows = []
    for _ in range(length):
        open_ = price * (1 + generator.gauss(0, wild / 2))
        close = open_ * (1 + generator.gauss(0, wild))
        high = max(open_, close) * (1 + abs(generator.gauss(0, wild / 2)))
        low = min(open_, close) * (1 - min(abs(generator.gauss(0, wild / 2)), 0.5))
        rows.append([max(each, 0.05) for each in (open_, high, low, close)])
        price = max(close, 0.5)
    table = np.array(rows)
    volume = np.array([float(generator.randrange(0, 400)) for _ in range(length)])
    times = 1_700_000_000 + HOURS * np.cumsum(np.array([generator.choice((1, 1, 1, 9)) for _ in range(length)]))
    return _columns(times, table, volume)


def _decision(generator: random.Random) -> Decision:
    side = generator.choice(("buy", "sell", "short", "short", "cover", "adjust"))
    exits = {}
    for name in (
        "stop_loss",
        "take_profit",
        "trailing_stop",
        "stop_loss_price",
        "take_profit_price",
        "trailing_stop_distance",
    ):
        if generator.random() < (0.5 if side == "adjust" else 0.15):
            far = 1 + generator.choice((-1, 1)) * generator.uniform(0.005, 0.1)
            exits[name] = far if name.endswith("_price") else generator.choice((0.01, 0.03, 0.08))
    for one, other in (
        ("stop_loss", "stop_loss_price"),
        ("take_profit", "take_profit_price"),
        ("trailing_stop", "trailing_stop_distance"),
    ):
        if one in exits:
            exits.pop(other, None)
    if side == "adjust":
        return Decision(side, exits=exits or {"stop_loss": 0.02})
    kind = generator.choice(
        ("", "fraction", "quantity", "notional") if side in ("buy", "short") else ("", "fraction", "quantity")
    )
    size = {"": 0.0, "fraction": generator.choice((0.3, 1.0)), "quantity": generator.choice((7.0, 250.5)), "notional": generator.choice((900.0, 30_000.0))}[kind]  # fmt: skip
    limit = stop = expire = None
    if generator.random() < 0.35:
        limit = 1 + generator.uniform(-0.03, 0.03)
    if generator.random() < 0.3:
        stop = 1 + generator.uniform(-0.03, 0.03)
    if (limit or stop) and generator.random() < 0.5:
        expire = generator.randrange(1, 5)
    oco = limit is not None and stop is not None and generator.random() < 0.5
    return Decision(side, kind, size, limit, stop, expire, exits, oco)


def _program(generator: random.Random, length: int) -> Program:
    return {bar: _decision(generator) for bar in range(length) if generator.random() < 0.4}


def _config(generator: random.Random) -> BacktestConfig:
    def maybe(*values: float) -> float | None:
        return generator.choice(values) if generator.random() < 0.3 else None

    rule, value = generator.choice(
        ((SizingRule.EQUITY_FRACTION, 1.0), (SizingRule.FIXED_CASH, 15_000.0), (SizingRule.FIXED_QUANTITY, 120.5))
    )
    return BacktestConfig(
        cash=generator.choice((2_500.0, 20_000.0)),
        commission_bps=maybe(3.0) or 0.0,
        commission_per_share=maybe(0.01) or 0.0,
        commission_per_order=maybe(1.0) or 0.0,
        slippage_bps=maybe(5.0, 50.0) or 0.0,
        spread_bps=maybe(4.0) or 0.0,
        participation=maybe(0.1, 1.0),
        fractional=generator.random() < 0.7,
        sizing_rule=rule,
        sizing_value=value,
        stop_loss=maybe(0.02, 0.05),
        take_profit=maybe(0.03, 0.1),
        trailing_stop=maybe(0.03, 0.06),
        short_margin=generator.choice((0.5, 0.5, 1.0)),
        borrow_fee=generator.choice((0.0, 0.0025, 0.5)),
    )


def _case(seed: int) -> tuple[Program, BarColumns, BacktestConfig]:
    generator = random.Random(seed)
    length = generator.randrange(5, 60)
    return _program(generator, length), _bars(generator, length), _config(generator)


def _same(report: BacktestReport, program: Program, bars: BarColumns, config: BacktestConfig) -> None:
    wanted, fills = run(program, bars, config), report.fills
    traded = fills.side != 0.0
    mine = list(zip(fills.bar[traded], fills.side[traded], fills.reason[traded], strict=True))
    assert [(int(bar), SIDES[side], REASONS[int(why)]) for bar, side, why in mine] == [
        (each.bar, each.side, each.why) for each in wanted.fills
    ]
    np.testing.assert_allclose(fills.quantity[traded], [each.quantity for each in wanted.fills], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(fills.price[traded], [each.price for each in wanted.fills], rtol=1e-9)
    np.testing.assert_allclose(report.equity_values, wanted.equity, rtol=1e-7, atol=1e-5)
    assert fills.commission[~traded].sum() == pytest.approx(wanted.borrowed)
    assert fills.commission[traded].sum() == pytest.approx(wanted.fees)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=examples(400), deadline=None)
def test_random_programs_trade_as_the_oracle_of_the_rules(seed: int) -> None:
    program, bars, config = _case(seed)
    report = run_backtest(compile_strategy(source_of(program)), bars, config)
    _same(report, program, bars, config)


BOTH_WAYS = """
def indicators(bars):
    return {"average": ta.sma(bars.close, length=5)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close > bar.average:
        return buy(stop_loss=0.05)
    if position.quantity == 0 and bar.close < bar.average:
        return short(notional=25_000, limit=bar.close * 1.001, stop_loss=0.05, expire_bars=3)
    if position.quantity > 0 and bar.close < bar.average:
        return sell(stop=bar.close * 0.99)
    if position.quantity < 0 and position.max_favorable < position.entry_price and bar.close > bar.average:
        return cover(fraction=0.5)
"""


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(
            {
                "slippage_bps": 5.0,
                "commission_bps": 3.0,
                "participation": 0.5,
                "take_profit": 0.1,
                "trailing_stop": 0.06,
            },
            id="costs and stops",
        ),
        pytest.param({"cash": 20_000.0}, id="plain", marks=pytest.mark.long),
    ],
)
def test_machine_code_fills_as_the_interpreter_bit_for_bit(config: dict[str, Any]) -> None:
    bars = _bars(random.Random(4), 600)
    strategy, given = compile_strategy(BOTH_WAYS), BacktestConfig(**config)
    swept, report = Sweeper(strategy, bars, given), run_backtest(strategy, bars, given)
    result = swept.run({})
    fills = [np.array(getattr(report.fills, name)) for name in report.fills.__slots__]
    assert {SIDES.get(side) for side in report.fills.side.tolist()} == {None, *SIDES.values()}
    for mine, theirs in zip(swept._fills, fills, strict=True):
        assert mine[: len(theirs)].tobytes() == theirs.tobytes()
    assert result.final_equity == report.metrics.final_equity
    plain = Sweeper(strategy, bars, given, target="python").run({})
    for name in ("max_drawdown", "exposure", "trades", "win_rate"):
        assert getattr(result, name) == pytest.approx(getattr(plain, name), nan_ok=True), name
    assert result.sharpe == pytest.approx(plain.sharpe, nan_ok=True)
    assert result.profit_factor == pytest.approx(plain.profit_factor, nan_ok=True)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=examples(60), deadline=None)
def test_a_strategy_that_could_go_short_and_does_not_trades_as_one_that_cannot(seed: int) -> None:
    program, bars, config = _case(seed)
    long_only = {bar: each for bar, each in program.items() if each.side in ("buy", "sell", "adjust")}
    source = source_of(long_only)
    could = run_backtest(compile_strategy(source), bars, config).fills
    cannot = run_backtest(compile_strategy(source.replace("return short()", "return")), bars, config).fills
    for name in could.__slots__:
        assert getattr(could, name).tobytes() == getattr(cannot, name).tobytes()


FIELDS = """
def indicators(bars):
    return {"average": ta.sma(bars.close, length=5)}

def on_bar(bar, position, state):
    worn = position.bars_held >= 7 or position.unrealized_return < -0.03 or account.equity > 1.3 * account.cash or account.buying_power < 0.3 * account.equity
    far = abs(position.max_favorable - position.max_adverse) > 0.12 * bar.close or position.max_adverse > 1.04 * position.entry_price
    if position.quantity == 0 and bar.close < bar.average:
        return short(fraction=0.4)
    if position.quantity < 0 and account.buying_power > 0.5 * account.equity:
        return short(notional=0.3 * account.buying_power)
    if position.quantity == 0 and bar.close > bar.average:
        return buy(notional=0.4 * account.buying_power)
    if position.quantity < 0 and (worn or far or account.cash > 29_000):
        return cover()
    if position.quantity > 0 and (worn or far):
        return sell()
"""


def _may_spend(cash: float, held: float, close: float) -> float:
    """What may be spent: while short what is left when it is bought back, and half its value, or what the price asks for where that is more, is set aside."""
    if held >= 0:
        return cash
    aside = max(close / 2, max(close, 2.5) if close < 5 else max(0.3 * close, 5.0))
    return max(cash + held * close + held * aside, 0.0)


HOLDS_BACK = """
LEFT = 1.0

def on_bar(bar, position, state):
    if position.quantity == 0:
        return short(quantity=100)
    if account.buying_power <= LEFT:
        return cover()
"""


@pytest.mark.parametrize("price", [100.0, 12.0, 3.0, 1.0])
@pytest.mark.parametrize("target", ["python", "numba"])
def test_what_a_short_position_holds_back_is_no_buying_power(target: Target, price: float) -> None:
    """It sees what the account's owner is shown: he may spend 20,000 less half of 10 shares' value, or more where they are cheap."""
    left = 20_000 - max(price * 50, 100 * (max(price, 2.5) if price < 5 else max(0.3 * price, 5)))
    # One program for all prices: to make machine code of one takes seconds.
    strategy, bars = compile_strategy(HOLDS_BACK), _flat(*[price] * 4)
    config = BacktestConfig(cash=20_000.0)
    covers = run_backtest(strategy.with_parameters(LEFT=left + 1e-6), bars, config)
    assert covers.fills.side.tolist() == [3.0, 4.0, 3.0]
    sweeper = Sweeper(strategy, bars, config, target=target)
    assert [sweeper.run({"LEFT": left + more}).trades for more in (1e-6, -1e-6)] == [1, 0]


@pytest.mark.parametrize("inlined", [True, False], ids=["inlined", "called"])
def test_the_loop_sees_of_position_and_account_what_an_evaluation_sees(inlined: bool) -> None:
    """Whoever evaluates bar after bar with the position and the account of the report decides what the loop decided."""
    # A loop of its own keeps on_bar out of the loop's text.
    source = FIELDS if inlined else FIELDS.replace("    worn =", "    for i in range(1):\n        pass\n    worn =")
    strategy, decided = compile_strategy(source), 0
    markets = [_bars(random.Random(seed), 150) for seed in range(12)]
    # Where the margin takes a part of what is wanted, the loop does not what was decided.
    for bars in (each for each in markets if each.close.min() > 12):
        report = run_backtest(strategy, bars, BacktestConfig(cash=20_000.0))
        fills = report.fills
        assert 4.0 not in fills.reason
        state: dict[str, float] = {}
        bars_held, entry = 0, 0.0
        for bar in range(len(bars) - 1):
            before = [place for place in range(len(fills.bar)) if fills.bar[place] <= bar]
            cash = float(fills.cash[before[-1]]) if before else 20_000.0
            opened = [place for place in before if fills.side[place] in (1.0, 3.0)]
            held = float(report.held[bar])
            bars_held, entry = (bars_held + 1, float(fills.price[opened[-1]])) if held else (0, 0.0)
            close = float(bars.close[bar])
            state |= {CASH_KEY: cash, EQUITY_KEY: cash + held * close, POWER_KEY: _may_spend(cash, held, close)}
            position = PositionView(held, entry, float(bars_held))
            found = evaluate_last_bar(strategy, Values(bars.slice(0, bar + 1)), position, state)
            state = found.state
            after = [
                SIDES[float(side)] for at, side in zip(fills.bar, fills.side, strict=True) if at == bar + 1 and side
            ]
            assert after == ([] if found.signal is None else [found.signal.side])
            decided += len(after)
    assert decided > 100


# The rules, one by one ----------------------------------------------------------------------------------------------

FRIDAY = 1_700_236_800  # 2023-11-17, 11:00 in New York.


def _flat(*rows: float | tuple[float, float, float, float], times: list[int] | None = None) -> BarColumns:
    """Bars a minute apart: one price for all of a bar, or open, high, low and close."""
    table = np.array([row if isinstance(row, tuple) else (row,) * 4 for row in rows], dtype=np.float64)
    time = np.array(times) if times else FRIDAY + 60 * np.arange(len(rows))
    return _columns(time, table, np.full(len(rows), 1e6))


def _ran(program: Program, bars: BarColumns, **config: Any) -> BacktestReport:
    return run_backtest(compile_strategy(source_of(program)), bars, BacktestConfig(**{"cash": 10_000.0, **config}))


def _fills(report: BacktestReport) -> list[tuple[int, str, float, float, str]]:
    fills = report.fills
    columns = (fills.bar, fills.side, fills.quantity, fills.price, fills.reason)
    return [
        (int(bar), SIDES[side], quantity, price, REASONS[int(why)])
        for bar, side, quantity, price, why in zip(*columns, strict=True)
        if side
    ]


def _exit(report: BacktestReport) -> tuple[int, float, str]:
    """The bar, price and reason of the second fill, which covers ten shares."""
    bar, side, quantity, price, why = _fills(report)[1]
    assert (side, quantity) == ("cover", 10)
    return bar, round(float(price), 9), why


def test_a_short_position_earns_what_the_price_falls() -> None:
    report = _ran({0: Decision("short", "quantity", 50), 2: Decision("cover")}, _flat(100, 100, 95, 90))
    assert _fills(report) == [(1, "short", 50, 100, "signal"), (3, "cover", 50, 90, "signal")]
    assert report.equity_values.tolist() == [10_000, 10_000, 10_250, 10_500]
    assert report.held.tolist() == [0, -50, -50, 0]
    assert report.metrics.short_trades == report.metrics.trades == 1
    assert report.metrics.exposure == report.metrics.short_exposure == 0.5
    trade = report.as_dict()["trades"][0]
    assert (trade["side"], trade["quantity"], trade["pnl"], trade["return"]) == ("short", 50, 500, 0.1)
    assert report.trades["side"].tolist() == ["short"]
    assert "1 (1 short)" in str(report)


def test_nothing_turns_a_position_round_and_what_rests_goes_on() -> None:
    resting = Decision("cover", limit=0.95)
    program = {0: Decision("short", "quantity", 10), 1: resting, 2: Decision("buy", "quantity", 5), 3: Decision("sell")}
    report = _ran(program, _flat(100, 100, 100, 100, 100, 94))
    assert _fills(report) == [(1, "short", 10, 100, "signal"), (5, "cover", 10, 94, "signal")]
    program = {
        0: Decision("buy", "quantity", 10),
        1: Decision("sell", limit=1.05),
        2: Decision("short"),
        3: Decision("cover"),
    }
    report = _ran(program, _flat(100, 100, 100, 100, 100, 106))
    assert _fills(report) == [(1, "buy", 10, 100, "signal"), (5, "sell", 10, 106, "signal")]


def test_a_sale_opens_no_short_position_and_ends_an_order_while_nothing_is_held() -> None:
    program = {0: Decision("sell", "quantity", 10), 1: Decision("short", limit=1.1), 2: Decision("sell")}
    assert _fills(_ran(program, _flat(100, 100, 100, 100, 120))) == []
    program = {0: Decision("buy", limit=0.9), 1: Decision("cover")}
    assert _fills(_ran(program, _flat(100, 100, 100, 80))) == []


@pytest.mark.parametrize(
    ("price", "most"),
    [(100.0, 200), (30.0, 666), (9.0, 2_000), (4.0, 2_500), (2.0, 4_000)],
    ids=["half of the value", "in whole shares", "five dollars a share", "all of the value", "two and a half dollars"],
)
def test_a_short_sale_is_cut_to_what_the_margin_allows(price: float, most: int) -> None:
    report = _ran({0: Decision("short", "quantity", 1e6)}, _flat(price, price, price))
    assert _fills(report) == [(1, "short", most, price, "signal")]


def test_what_is_added_counts_with_what_is_short_already() -> None:
    program = {0: Decision("short", "quantity", 150), 1: Decision("short", "quantity", 150)}
    # 10,750 of equity at 95 allow 226 shares.
    assert [each[2] for each in _fills(_ran(program, _flat(100, 100, 95)))] == [150, 76]


def test_commission_is_paid_out_of_the_margin() -> None:
    report = _ran({0: Decision("short", "quantity", 1e6)}, _flat(100, 100), commission_per_share=1.0)
    # 51 dollars a share of 10,000.
    assert _fills(report) == [(1, "short", 196, 100, "signal")]


def test_with_little_equity_nothing_is_sold_short() -> None:
    program = {0: Decision("short", "quantity", 1)}
    assert _fills(_ran(program, _flat(100, 100), cash=1_999.0)) == []
    assert len(_fills(_ran(program, _flat(100, 100), cash=2_000.0))) == 1


def test_less_margin_than_is_needed_covers_all_at_the_next_open() -> None:
    # 30,000 - 200 p is less than 0.3 * 200 p from 115.39 on.
    held = _ran({0: Decision("short", "quantity", 200)}, _flat(100, 100, 115.3, 115.3))
    assert len(_fills(held)) == 1
    program = {0: Decision("short", "quantity", 200), 2: Decision("short", "quantity", 10)}
    called = _ran(program, _flat(100, 100, 115.5, (117, 130, 100, 100), 100), slippage_bps=0.0)
    assert _fills(called) == [(1, "short", 200, 100, "signal"), (3, "cover", 200, 117, "margin call")]
    assert called.as_dict()["trades"][0]["exit_reason"] == "margin call"


def test_each_night_costs_a_fee_on_round_lots() -> None:
    monday = FRIDAY + 3 * 86_400
    bars = _flat(100, 100, 110, 100, times=[FRIDAY, FRIDAY + 60, FRIDAY + 120, monday])
    report = _ran(
        {0: Decision("short", "quantity", 50), 1: Decision("adjust", exits={"stop_loss": 0.5})}, bars, borrow_fee=0.36
    )
    fee = 100 * 110 * 0.36 / 360 * 3
    assert report.equity_values.tolist() == pytest.approx([10_000, 10_000, 9_500, 10_000 - fee])
    assert report.metrics.costs == pytest.approx(fee)
    covered = _ran({0: Decision("short", "quantity", 50), 2: Decision("cover")}, bars, borrow_fee=0.36)
    assert covered.round_trips.pnl.tolist() == pytest.approx([-fee])
    assert _ran({0: Decision("short", "quantity", 50)}, bars, borrow_fee=0.0).metrics.costs == 0


def test_a_loss_has_no_floor_and_nothing_is_traded_after_it() -> None:
    program = {
        0: Decision("short", "quantity", 200),
        4: Decision("buy", "quantity", 1),
        5: Decision("short", "quantity", 1),
    }
    report = _ran(program, _flat(100, 100, 100, 400, 400, 400, 400))
    # 200 shares bought back 300 dollars dearer, with 10,000 to lose.
    assert _fills(report) == [(1, "short", 200, 100, "signal"), (4, "cover", 200, 400, "margin call")]
    figures = report.metrics
    assert figures.final_equity == -50_000
    assert figures.total_return == -6
    assert (figures.max_drawdown, figures.annual_return) == (1, -1)
    assert report.as_dict()["analysis"]["days"][0]["return"] == -1
    swept = Sweeper(report.strategy, report.bars, report.config, target="python").run({})
    assert (swept.final_equity, swept.max_drawdown) == (-50_000, 1)


@pytest.mark.parametrize(
    ("bar", "price", "why"),
    [
        ((100, 103, 96, 97), 102, "stop loss"),
        ((104, 105, 96, 97), 104, "stop loss"),
        ((96, 104, 95, 100), 96, "take profit"),
        ((100, 101, 96, 97), 97, "take profit"),
    ],
    ids=["both touched: the stop", "a gap against it", "a gap for it", "the target alone"],
)
def test_stops_lie_above_and_targets_below(bar: tuple[float, float, float, float], price: float, why: str) -> None:
    program = {0: Decision("short", "quantity", 10, exits={"stop_loss": 0.02, "take_profit": 0.03})}
    report = _ran(program, _flat(100, 100, bar))
    assert _exit(report) == (2, price, why)
    configured = _ran({0: Decision("short", "quantity", 10)}, _flat(100, 100, bar), stop_loss=0.02, take_profit=0.03)
    assert _exit(configured) == (2, price, why)


def test_a_trailing_stop_follows_the_lowest_price() -> None:
    program = {0: Decision("short", "quantity", 10, exits={"trailing_stop": 0.1})}
    report = _ran(program, _flat(100, 100, (100, 100, 80, 82), (82, 90, 82, 89)))
    assert _exit(report) == (3, 88, "trailing stop")


def test_costs_make_a_short_sale_cheaper_and_a_cover_dearer() -> None:
    report = _ran(
        {0: Decision("short", "quantity", 10), 1: Decision("cover")}, _flat(100, 100, 100), slippage_bps=100.0
    )
    assert [each[3] for each in _fills(report)] == [99, 101]
    assert report.metrics.costs == pytest.approx(20)


def test_what_goes_against_a_short_trade_is_up() -> None:
    bars = _flat(100, (100, 104, 97, 100), (100, 102, 90, 95), 95)
    rows = _ran({0: Decision("short", "quantity", 10), 2: Decision("cover")}, bars).as_dict()["analysis"]["excursions"]
    assert rows == [[-0.04, 0.1, 0.05]]


def test_parts_of_shares_are_neither_sold_short_nor_covered() -> None:
    program = {0: Decision("short", "fraction", 0.333), 1: Decision("cover", "fraction", 0.5)}
    assert [each[2] for each in _fills(_ran(program, _flat(100, 100, 100)))] == [33, 16]


def test_crypto_is_not_sold_short() -> None:
    bars = _flat(100, 100)
    crypto = BarColumns(bars.time, *(bars.close,) * 4, bars.volume, timezone=exchange_timezone("BTC/USD"))
    strategy = compile_strategy(source_of({}))
    for target in (lambda: run_backtest(strategy, crypto), lambda: Sweeper(strategy, crypto, target="python")):
        with pytest.raises(BacktestError, match="crypto cannot be sold short"):
            target()


@pytest.mark.parametrize("given", [{"short_margin": 0.0}, {"borrow_fee": -0.1}, {"maintenance_margin": 11.0}])
def test_margins_and_fees_that_mean_nothing_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(BacktestError, match=next(iter(given))):
        BacktestConfig(**given)


def test_the_assumptions_speak_of_short_positions_where_there_can_be_any() -> None:
    assert any("Long only" in each for each in BacktestConfig().assumptions())
    said = " ".join(BacktestConfig(borrow_fee=0.01).assumptions(shorts=True))
    assert "Long only" not in said
    for words in ("50% of their value", "margin call", "1.00% a year", "dividends", "below zero"):
        assert words in said
