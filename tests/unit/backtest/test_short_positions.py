"""Short positions in the backtest: against an oracle written from the rules alone, and rule by rule."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratforge.backtest import BacktestConfig, BacktestError, run_backtest
from stratforge.backtest.report import BacktestReport
from stratforge.backtest.sweep import Sweeper
from stratforge.market import BarColumns
from stratforge.market.columns import exchange_timezone
from stratforge.market.sizes import SizingRule
from stratforge.strategy import compile_strategy
from tests.support.short_oracle import Decision, Program, run, source_of

SIDES = {1.0: "buy", 2.0: "sell", 3.0: "short", 4.0: "cover"}
REASONS = ("signal", "stop loss", "take profit", "trailing stop", "margin call")
HOURS = 6 * 3600


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
    open_, high, low, close = (np.array(column) for column in zip(*rows, strict=True))
    volume = np.array([float(generator.randrange(0, 400)) for _ in range(length)])
    times = 1_700_000_000 + HOURS * np.cumsum(np.array([generator.choice((1, 1, 1, 9)) for _ in range(length)]))
    return BarColumns(times, open_, high, low, close, volume)


def _decision(generator: random.Random) -> Decision:
    side = generator.choice(("buy", "sell", "short", "short", "cover", "adjust"))
    exits = {}
    for name in ("stop_loss", "take_profit", "trailing_stop", "stop_loss_price", "take_profit_price"):
        if generator.random() < (0.5 if side == "adjust" else 0.15):
            far = 1 + generator.choice((-1, 1)) * generator.uniform(0.005, 0.1)
            exits[name] = far if name.endswith("_price") else generator.choice((0.01, 0.03, 0.08))
    for one in ("stop_loss", "take_profit"):
        if one in exits:
            exits.pop(f"{one}_price", None)
    if side == "adjust":
        return Decision(side, exits=exits or {"stop_loss": 0.02})
    kind = generator.choice(("", "fraction", "quantity", "notional") if side in ("buy", "short") else ("", "fraction", "quantity"))
    size = {"": 0.0, "fraction": generator.choice((0.3, 1.0)), "quantity": generator.choice((7.0, 250.5)), "notional": generator.choice((900.0, 30_000.0))}[kind]  # fmt: skip
    limit = stop = expire = None
    if generator.random() < 0.35:
        limit = 1 + generator.uniform(-0.03, 0.03)
    if generator.random() < 0.3:
        stop = 1 + generator.uniform(-0.03, 0.03)
    if (limit or stop) and generator.random() < 0.5:
        expire = generator.randrange(1, 5)
    return Decision(side, kind, size, limit, stop, expire, exits)


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
@settings(max_examples=400, deadline=None)
def test_random_programs_trade_as_the_oracle_of_the_rules(seed: int) -> None:
    program, bars, config = _case(seed)
    report = run_backtest(compile_strategy(source_of(program)), bars, config)
    _same(report, program, bars, config)
