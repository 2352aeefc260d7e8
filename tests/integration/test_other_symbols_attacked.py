"""Markets with holes, in which a strategy looks at three others: live, in what is shown and in the backtest it sees the same."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from stratforge.application.bars_beside import with_beside
from stratforge.backtest.engine import loop_column, own_bars
from stratforge.market.resampling import decided_bars
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.strategy.graph import Values

from tests.integration.test_other_symbols_live import CODE, Pair, bar, replayed
from tests.support.ledger import OPEN

OTHERS = ("SPY", "QQQ", "DIA")
THREE = """
def indicators(bars):
    spy = bars.of("SPY")
    qqq = bars.of("QQQ")
    dia = bars.of("DIA").resample("15min")
    return {
        "a": ta.ema(spy.close, 9) - spy.open, "b": (qqq.close / spy.close).rolling(7).mean(), "c": ta.rsi(dia.close, 3), "d": (dia.high - bars.close).shift(3),
        "e": ta.crossover(bars.close, qqq.close * 1.0) + qqq.volume.diff(2), "f": ta.atr(qqq.high, qqq.low, qqq.close, 5) + bars.of("QQQ").resample("5min").close.shift(1),
    }

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    state["a"] = bar.a
    state["b"] = bar.b
    state["c"] = bar.c
    state["d"] = bar.d
    state["e"] = bar.e
    state["f"] = bar.f
    state["p"] = bar.previous.b
    if bar.a > 0:
        return buy(quantity=1 + bar.a)
"""


@pytest.mark.parametrize(("timeframe", "seed"), [("", 1), ("5min", 3), ("5min", 5)])
def test_markets_with_holes_are_seen_as_the_backtest_sees_them(
    database: Database, monkeypatch: pytest.MonkeyPatch, timeframe: str, seed: int
) -> None:
    random = Random(seed)
    code = f'TIMEFRAME = "{timeframe}"\n{THREE}' if timeframe else THREE
    there = {each: random.choice((0.5, 0.7, 1.0)) for each in ("AAPL", *OTHERS)}
    monkeypatch.setattr("tests.integration.test_other_symbols_live.HISTORY", 2_000)
    pair = Pair(database, monkeypatch, code, spy=3_000)
    with database.transaction() as connection:
        for symbol in OTHERS[1:]:
            past = [bar(minute, symbol, extra=5) for minute in range(-5_500, 0) if random.random() < there[symbol]]
            market_data.add_bars(connection, past, adjusted_at=OPEN)
    checked = 0
    for minute in range(60):
        for symbol in random.sample(OTHERS, 3):
            if random.random() < there[symbol]:
                pair.come(bar(minute, symbol, extra=random.randrange(4)))
        if random.random() < there["AAPL"]:
            before = pair.seen()[0]
            pair.come(bar(minute))
            count, state = pair.seen()
            if count > before:
                checked += 1
                with database.transaction() as connection:
                    own, *others = (
                        market_data.bars_between(connection, each, None, None, 9_000) for each in ("AAPL", *OTHERS)
                    )
                    shown = with_beside(connection, "AAPL", pair.strategy, own.tail(1_200))
                every = replace(own, others=dict(zip(OTHERS, others, strict=True)))
                for bars in (every, shown):
                    deciding = own_bars(pair.strategy, bars)
                    values, place = Values(deciding), -1
                    if timeframe:
                        decided = decided_bars(own, timeframe, 1)
                        assert decided is not None
                        place = deciding.time.tolist().index(decided.time[-1])
                    columns = {name: loop_column(pair.strategy, values, name) for name in pair.strategy.columns}
                    for name in "abcdef":
                        value = float(columns[name][place])
                        assert (np.isnan(value) and name not in state) or state[name] == value, (
                            minute,
                            name,
                            bars is shown,
                        )
    assert checked > 3
    replayed(pair, pair.seen()[0])


def test_what_is_shown_of_a_thin_symbol_knows_the_other_symbol_on_every_bar(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bars lie half an hour apart, the other's a minute: a preview sees on each of them what a session saw."""
    pair = Pair(database, monkeypatch, CODE)
    thin = range(0, 900, 30)
    for minute in thin:
        with database.transaction() as connection:
            market_data.add_bars(
                connection, [bar(each, "SPY") for each in range(minute - 30, minute)], adjusted_at=OPEN
            )
            market_data.add_bars(connection, [bar(minute)], adjusted_at=OPEN)
    with database.transaction() as connection:
        own = market_data.bars_between(connection, "AAPL", None, None, len(thin))
        shown = with_beside(connection, "AAPL", pair.strategy, own)
    values = Values(own_bars(pair.strategy, shown))
    for name in ("spy", "mean", "longer"):
        assert loop_column(pair.strategy, values, name).tolist() == pair.expected()[name][-len(thin) :].tolist()
