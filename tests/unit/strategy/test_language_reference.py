"""Every sentence of the reference is true: each has its test here, or names the one elsewhere that proves it."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import astuple
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from stratforge.market import BarColumns
from stratforge.strategy import (
    Code,
    PositionView,
    StrategyError,
    compile_strategy,
    evaluate_last_bar,
    language_reference,
)
from stratforge.strategy.cost import MAX_CELLS, MAX_GRAPH_NODES, MAX_OPERATIONS
from stratforge.strategy.evaluation import kept_state
from stratforge.strategy.exits import EXIT_KEYS, EXITS
from stratforge.strategy.graph import NODES, Values
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import MAX_LOOKBACK, MAX_TOGETHER, _random_history
from stratforge.strategy.source import (
    MAX_BRANCHES,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_LITERAL,
    MAX_NAME,
    MAX_NODES,
    MAX_PARAMETERS,
)
from stratforge.strategy.vocabulary import (
    MAX_INDICATORS,
    MAX_LOOP,
    MAX_NESTED_LOOPS,
    MAX_OTHERS,
    MAX_STATE_KEYS,
    NUMPY_FUNCTIONS,
    POSITION_FIELDS,
    ROLLING_METHODS,
    SERIES_METHODS,
)

PAGE = Path(language_reference.__file__).with_name("REFERENCE.md").read_text()
READS = "def on_bar(bar, position, state):\n    if bar.x > 0:\n        return buy()\n"
HOLD = "def on_bar(bar, position, state):\n    return\n"
TESTS = Path(__file__).parents[2]
# By how a sentence begins: the module and the test that prove it.
ELSEWHERE = {
    "`short` opens a short position": "unit/backtest/test_short_positions.py test_stops_lie_above_and_targets_below",
    "`position.quantity` is negative": "unit/strategy/test_short_decisions.py test_fields_of_a_short_position_have_its_sign",
    "So a part is sold at a nearer target": "unit/backtest/test_resting_orders.py test_half_at_a_target_the_other_half_further_on_and_one_stop_for_both",
    "No decision turns a position round": "unit/strategy/test_short_decisions.py test_buying_and_selling_while_short_are_no_decision",
    "Margin, the fee of borrowing": "unit/backtest/test_short_positions.py test_random_programs_trade_as_the_oracle_of_the_rules",
    "A session of a strategy with `short`": "integration/application/test_sessions.py test_a_strategy_that_goes_short_has_no_session_and_what_runs_goes_on",
    "On the first bar, of a session as of a backtest": "unit/backtest/test_warm_start.py test_it_trades_as_the_live_evaluation_does_from_then_on",
    "Generated from the vocabulary": "unit/strategy/test_language.py test_the_reference_page_is_the_one_generated_from_the_vocabulary",
    "Every operation is causal": "unit/strategy/test_causality.py test_indicators_are_causal_whatever_the_bars_hold",
    "[Portfolio strategies]": "unit/strategy/rotation/test_rotation_language.py test_weights_are_what_the_language_says",
    "How far back a value looks": "unit/strategy/test_lookback.py test_a_window_of_the_lookback_and_not_a_bar_more_gives_the_very_values_whatever_the_market_does",
    "Results are rounded": "unit/strategy/test_causality.py test_the_average_of_a_price_that_stands_still_is_that_price",
    "Numbers are Python's floats": "unit/strategy/test_python_semantics.py test_unknown_values_are_what_the_reference_says",
    "That of `//` and `%`": "unit/strategy/test_operation_cost.py test_remainders_take_bounded_time_whatever_is_divided",
    "What is over a limit": "unit/strategy/test_gate.py test_what_is_too_much_is_refused_at_once",
    "Live, the sessions of a bar": "unit/strategy/test_batch.py test_whoever_had_least_is_next_however_many_sessions_somebody_else_has",
    "A session that fails together": "integration/test_sandbox_workers.py test_whoever_fails_in_company_is_tried_alone_before_it_counts",
    "After three failed bars": "integration/test_evaluations.py test_three_failures_in_a_row_stop_a_session_and_say_why",
    "Functions of your own": "unit/strategy/test_inlining.py test_a_function_means_what_python_says",
    "Such a function sees": "unit/strategy/test_inlining.py test_what_a_function_cannot_do_is_refused_where_it_stands",
    "`bars.resample": "unit/market/test_resampling.py test_the_last_completed_bar_is_that_of_a_slow_reading",
    "A series of it has": "unit/strategy/test_timeframes.py test_series_of_one_timeframe_are_computed_on_its_bars",
    "Such a bar is completed": "unit/market/test_resampling.py test_a_bar_whose_last_minute_has_none_is_completed_by_the_next_bar",
    "Bars of a stock are counted": "unit/market/test_resampling.py test_hours_are_counted_from_the_open_and_none_reaches_beyond_the_close",
    "A day is the exchange's calendar day": "unit/market/test_resampling.py test_the_last_completed_bar_is_that_of_a_slow_reading",
    "Lengths count bars of the timeframe": "unit/strategy/test_timeframes.py test_hours_that_need_too_many_minutes_are_refused",
    '`bars.resample("1d")` has': "unit/strategy/test_days_of_minutes.py test_a_bar_sees_the_days_before_its_own_and_never_its_own",
    "Their history is counted by itself": "unit/strategy/test_days_of_minutes.py test_days_are_counted_apart_from_the_bars",
    "Backtests and sweeps read": "integration/application/test_jobs.py test_a_backtest_on_minutes_knows_the_days_before_its_period",
    "A session waits until it has them": "integration/test_days_beside_minutes.py test_days_that_read_otherwise_later_are_seen_as_they_were",
    "Where there are bars of a minute alone": "unit/strategy/test_days_of_minutes.py test_without_days_they_are_made_of_the_minutes",
    '`bars.of("SPY")` has': "unit/strategy/test_other_symbols.py test_a_bar_sees_the_last_one_that_was_over_when_it_began",
    "Of the other symbol that is the last": "integration/test_other_symbols_live.py test_whichever_of_both_comes_first_in_a_minute_it_sees_the_same",
    'On `TIMEFRAME = "1d"`, where': "unit/strategy/test_other_symbols.py test_a_day_sees_the_other_symbols_same_day",
    "Its bars are as long": "unit/strategy/test_other_symbols.py test_longer_bars_see_what_was_over_when_they_began",
    "Series of one symbol are": "unit/strategy/test_other_symbols.py test_it_is_what_a_script_with_pandas_finds",
    "What began more than seven days": "unit/strategy/test_other_symbols.py test_after_a_week_without_a_bar_nothing_is_known_of_it",
    "Stocks look at stocks": "unit/strategy/test_other_symbols.py test_bars_that_do_not_fit_are_refused",
    "The history of each symbol": "unit/strategy/test_other_symbols.py test_what_is_needed_of_each_symbol_is_counted_by_itself",
    "A session has the other symbol": "integration/test_other_symbols_live.py test_until_the_other_symbols_history_is_there_it_waits_and_says_so",
    "Bars of it that come late": "integration/test_other_symbols_live.py test_what_is_not_there_in_time_is_not_waited_for_and_is_recorded",
    "Splits of the other": "integration/test_other_symbols_live.py test_a_split_of_the_other_symbol_leaves_windows_on_one_scale",
    "While its price has jumped": "integration/test_other_symbols_live.py test_while_the_other_symbols_price_has_jumped_it_waits_for_an_operator",
    "A purchase or a sale may name terms": "integration/test_resting_signals.py test_a_limit_rests_until_its_price_comes",
    "Exits stand beside it": "unit/backtest/test_resting_orders.py test_a_bracket_around_a_limit",
    "How orders meet bars": "unit/backtest/test_engine.py test_the_loop_agrees_with_a_second_backtester",
    "`buy`, `sell` and `adjust` may set exits": "unit/backtest/test_known_strategies.py test_a_strategy_trades_as_its_published_rules",
    "A bar that opens beyond": "unit/backtest/test_engine.py test_the_loop_agrees_with_a_second_backtester",
    "What is set on a bar": "integration/test_ledger.py test_an_exit_that_was_set_on_a_bar_does_not_count_on_that_bar",
    "Live the price is": "integration/test_ledger.py test_an_exit_that_a_strategy_set_sells_at_a_price_between_bars",
    "On bars of days it runs": "unit/backtest/test_daily_bars.py test_what_begins_anew_every_day_runs_through_days",
    "The account is that of": "integration/test_replay.py test_what_a_session_saw_of_its_account_is_recorded_and_replayed",
    "What a session saw of it": "integration/test_replay.py test_what_a_session_saw_of_its_account_is_recorded_and_replayed",
    "`TIMEFRAME = ": "unit/backtest/test_own_timeframe.py test_without_it_a_strategy_runs_on_the_bars_that_it_is_given",
    "It belongs to the version": "unit/backtest/test_own_timeframe.py test_it_runs_on_the_whole_bars_that_shorter_ones_make",
    "A session decides when such a bar": "integration/test_longer_bars.py test_every_bar_is_decided_on_in_time_whatever_minutes_are_missing",
    "Its indicators may look back over": "unit/backtest/test_own_timeframe.py test_its_history_is_counted_and_bounded",
    "On `1d` a session decides": "integration/test_longer_bars.py test_on_days_it_decides_once_a_day_with_the_first_minute_of_the_regular_hours",
    "By pandas-ta's names": "unit/strategy/test_indicators.py test_the_values_are_those_of_pandas_ta",
}  # fmt: skip
PROVED: list[str] = []
Test = TypeVar("Test", bound=Callable[..., object])


def sentences(page: str = PAGE) -> list[str]:
    """The sentences of a page's prose, without code, tables and headings."""
    blocks = re.sub(r"```.*?```", "", page, flags=re.DOTALL).split("\n\n")
    prose = [" ".join(block.split()) for block in blocks if block.strip() and block.strip()[0] not in "#|"]
    return [each for block in prose for each in re.split(r"(?<=[.])\s+(?=[A-Z`[])", block)]


def says(*beginnings: str) -> Callable[[Test], Test]:
    """Marks a test as the proof of the sentences that begin so."""
    PROVED.extend(beginnings)
    return lambda test: test


def refused(source: str) -> list[Code]:
    """The codes of a refusal, whose findings all say where and what to write instead."""
    with pytest.raises(StrategyError) as error:
        _ = compile_strategy(source).cost
    assert all(each.line >= 1 and each.column >= 1 and each.suggestion for each in error.value.findings)
    return [each.code for each in error.value.findings]


def column(expression: str, bars: BarColumns, lines: str = "") -> np.ndarray:
    """The values of a series of `indicators`."""
    body = "".join(f"    {line}\n" for line in lines.split("\n") if line)
    strategy = compile_strategy(f"def indicators(bars):\n{body}    return {{'x': {expression}}}\n{HOLD}")
    return Values(bars).series(strategy.columns["x"])


def series(close: np.ndarray, volume: np.ndarray | None = None, start: int = 1_700_000_040) -> BarColumns:
    """Bars a minute apart whose prices are all the close."""
    time = start + 60 * np.arange(len(close), dtype=np.int64)
    return BarColumns(time, close, close, close, close, np.ones(len(close)) if volume is None else volume)


def kept(body: str, state: dict[str, float] | None = None, position: PositionView | None = None) -> dict[str, float]:
    """The state after one bar of an `on_bar` with this body, on a rising price."""
    text = "".join(f"    {line}\n" for line in body.split("\n"))
    strategy = compile_strategy(f"N = 3\ndef on_bar(bar, position, state):\n{text}")
    return evaluate_last_bar(
        strategy, Values(series(np.arange(1.0, 9.0))), position or PositionView(), state or {}
    ).state


def value(expression: str, state: dict[str, float] | None = None, position: PositionView | None = None) -> float:
    """The value of an expression of `on_bar`."""
    return kept(f"state['x'] = {expression}", state, position).get("x", math.nan)


HISTORY = _random_history(3, 300, 0.01, 50.0)
CLOSE = pd.Series(HISTORY.close)


def test_every_sentence_is_proved_here_or_elsewhere() -> None:
    known = [*PROVED, *ELSEWHERE]
    said = sentences()
    assert [each for each in said if not any(each.startswith(beginning) for beginning in known)] == []
    assert [each for each in known if not any(sentence.startswith(each) for sentence in said)] == []
    for path, test in map(str.split, ELSEWHERE.values()):
        assert f"def {test}(" in (TESTS / path).read_text()


@says("A strategy is a module of constants", "What is not listed here")
@pytest.mark.parametrize(
    "line",
    ["import os", "N = 'text'", "N = [1]", "class A: pass", "def other(): pass", "x = N + y", "print(1)", "@a\ndef b(): pass"],
)  # fmt: skip
def test_a_module_is_constants_and_two_functions(line: str) -> None:
    assert compile_strategy(f"N = 5\n{HOLD}").parameters == {"N": 5.0}
    assert refused(f"{line}\n{HOLD}")


@says("What is not listed here")
@pytest.mark.parametrize(
    "expression",
    ["np.sin(bars.close)", "ta.ha(bars.close)", "ta.nothing(bars.close)", "bars.vwap", "bars.close.corr(bars.open)", "bars.close.mean()",
     "bars.close @ 2", "bars.close << 1", "bars.close.shift(-1)", "bars.close[0]", "bars.close.rolling(5).apply(1)",
     "bars.close.rolling(5, min_periods=2).mean()", "bars.close.ewm(span=5).std()", "bars.close & bars.open", "bars.close.shift(periods=1, x=2)"],
)  # fmt: skip
def test_what_is_not_listed_is_refused_in_indicators(expression: str) -> None:
    assert refused(f"def indicators(bars):\n    return {{'x': {expression}}}\n{HOLD}")


@says("What is not listed here")
@pytest.mark.parametrize(
    "line",
    ["while True:\n        pass", "x: float = 1", "x = y = 1", "x = [1]", "x = 'a'", "x = {}", "x = lambda: 1", "import os", "del state['x']",
     "x = 1 << 2", "x = 1 & 2", "x = ~1", "x = pow(2, 3)", "x = ta.ema(1)", "x = bar.day", "x = position.symbol", "x = bar.time.second",
     "with bar: pass", "try:\n        pass\n    finally:\n        pass", "raise bar", "assert bar", "x = (y := 1)", "for i in (1, 2):\n        pass",
     "for i in range(bar.close):\n        pass", "return cover()", "return 5", "x = None", "match bar:\n        case 1: pass", "global x"],
)  # fmt: skip
def test_what_is_not_listed_is_refused_in_on_bar(line: str) -> None:
    assert refused(f"def on_bar(bar, position, state):\n    {line}\n")


@says("There is one unknown value.", "Comparisons with it are false")
def test_unknown_is_one_value_that_compares_as_false() -> None:
    for unknown in ("np.nan", "1 / 0", "np.inf - np.inf", "state.get('k')", "np.log(0)"):
        for other in ("1", "np.nan", "bar.close"):
            assert [value(f"{unknown} {sign} {other}") for sign in ("<", "<=", ">", ">=", "==")] == [0.0] * 5
            assert value(f"{unknown} != {other}") == 1.0
        assert value(f"1 if {unknown} else 2") == 2.0
        assert value(f"{unknown} or 5") == 5.0
        assert value(f"{unknown} is None") == 1.0
    assert value("bar.close is None") == 0.0


@says("A key of state that has no value")
def test_a_key_without_value_reads_as_unknown_or_zero() -> None:
    assert value("state.get('k') is None") == 1.0
    assert value("state['k'] == 0") == 1.0
    assert value("state['k']", {"k": 3.0}) == value("state.get('k')", {"k": 3.0}) == 3.0


@says("Whole columns:", "Ends with", "Assignments of series")
@pytest.mark.parametrize(
    ("expression", "same"),
    [
        *((f"bars.{name}", lambda name=name: getattr(HISTORY, name)) for name in ("open", "high", "low", "close", "volume")),
        ("bars.close + 2 - bars.open * 3", lambda: HISTORY.close + 2 - HISTORY.open * 3),
        ("bars.close / bars.open // 0.3 % 2", lambda: HISTORY.close / HISTORY.open // 0.3 % 2),
        ("bars.close ** 0.5", lambda: HISTORY.close**0.5),
        ("(bars.close > 50) & ~(bars.close >= 52) | (bars.open < 40)", lambda: (HISTORY.close > 50) & ~(HISTORY.close >= 52) | (HISTORY.open < 40)),
        ("(bars.close > 50) ^ (bars.open <= 50)", lambda: (HISTORY.close > 50) ^ (HISTORY.open <= 50)),
        ("(bars.close == bars.high) | (bars.close != bars.low)", lambda: (HISTORY.close == HISTORY.high) | (HISTORY.close != HISTORY.low)),
        ("np.pi * np.e * bars.close", lambda: math.pi * math.e * HISTORY.close),
    ],
)  # fmt: skip
def test_columns_compute_as_numpy_does(expression: str, same: Callable[[], np.ndarray]) -> None:
    np.testing.assert_allclose(column(expression, HISTORY), np.asarray(same(), dtype=float), rtol=1e-11)
    assert refused(f"def indicators(bars):\n    x = {expression}\n{HOLD}")


@says("Assignments of series")
def test_assignments_of_series() -> None:
    np.testing.assert_allclose(column("x", HISTORY, "x = bars.close\nx += 1"), HISTORY.close + 1, rtol=1e-11)
    assert (column("y", HISTORY, "x = y = bars.close") == HISTORY.close).all()
    parts = column("b", HISTORY, "a, b, c = ta.macd(bars.close)")
    assert np.array_equal(parts, column("ta.macd(bars.close).histogram", HISTORY), equal_nan=True)


@says("What is not finite")
@pytest.mark.parametrize(
    "expression",
    ["bars.close / 0", "np.log(bars.close * 0)", "(bars.close * 1e15) ** 30", "bars.close + np.inf", "np.exp(bars.close * 1e9)", "np.sqrt(-bars.close)"],
)  # fmt: skip
def test_what_is_not_finite_is_unknown_at_the_end_of_the_operation(expression: str) -> None:
    assert np.isnan(column(expression, HISTORY)).all()
    assert (column(f"({expression}).isna()", HISTORY) == 1.0).all()


@says("A window with an unknown value inside is unknown.")
@pytest.mark.parametrize("method", ROLLING_METHODS)
def test_a_window_with_an_unknown_value_is_unknown(method: str) -> None:
    call = f"{method}({'0.5' if method == 'quantile' else ''})"
    gap = "np.where(bars.close == bars.volume, np.nan, bars.close)"
    close = np.arange(1.0, 41.0)
    volume = np.where(close == 20.0, 20.0, 0.0)
    found = np.flatnonzero(np.isnan(column(f"x.rolling(7).{call}", series(close, volume), f"x = {gap}")))
    assert found.tolist() == [*range(6), *range(19, 26)]


@says("Exponential averages pass over")
def test_exponential_averages_pass_over_unknown_values_and_begin_anew() -> None:
    def averaged(gap: int) -> np.ndarray:
        close = np.array([*np.linspace(10.0, 20.0, 30), *[-1.0] * gap, *np.linspace(90.0, 99.0, 30)])
        return column("ta.ema(x, length=5)", series(close), "x = np.where(bars.close < 0, np.nan, bars.close)")

    over, anew = averaged(4), averaged(5)
    assert np.isnan(over[30:34]).sum() in (0, 4)
    # The average goes on from below where the gap was short; after a longer one it is seeded by the new values alone.
    assert over[34] < 60.0
    assert np.isnan(anew[35:39]).all()
    assert anew[39] == pytest.approx(np.linspace(90.0, 99.0, 30)[:5].mean())


@says("Exponential averages pass over")
@pytest.mark.parametrize("adjust", [True, False])
@pytest.mark.parametrize("kind", ["span=9", "com=4", "halflife=3", "alpha=0.3"])
@pytest.mark.parametrize("minimum", [0, 12])
def test_ewm_weighs_as_pandas_does(adjust: bool, kind: str, minimum: int) -> None:
    name, number = kind.split("=")
    weights: dict[str, Any] = {name: float(number), "adjust": adjust, "min_periods": minimum}
    known = CLOSE.where(CLOSE.index % 11 != 0)
    close = "np.where(bars.volume == 0, np.nan, bars.close)"
    bars = BarColumns(
        HISTORY.time, HISTORY.open, HISTORY.high, HISTORY.low, HISTORY.close, known.notna().to_numpy().astype(float)
    )
    mine = column(f"x.ewm({kind}, adjust={adjust}, min_periods={minimum}).mean()", bars, f"x = {close}")
    theirs = known.ewm(**weights).mean()
    np.testing.assert_allclose(mine, theirs, rtol=1e-11)


@says("Averages with endless weights")
def test_endless_weights_end_where_they_weigh_less_than_a_rounding() -> None:
    for length in (5, 20, 100):
        bars_that_count = math.ceil(46 * math.log(2) / -math.log(1 - 2 / (length + 1)))
        strategy = compile_strategy(
            f"def indicators(bars):\n    return {{'x': ta.ema(bars.close, length={length})}}\n{READS}"
        )
        assert bars_that_count <= strategy.lookback <= 2 * bars_that_count + 4 * length
    kama = compile_strategy(
        f"def indicators(bars):\n    return {{'x': ta.kama(bars.close, length=10, fast=2, slow=30)}}\n{READS}"
    )
    faster = compile_strategy(
        f"def indicators(bars):\n    return {{'x': ta.kama(bars.close, length=10, fast=2, slow=15)}}\n{READS}"
    )
    assert kama.lookback > 1.5 * faster.lookback
    for length in (10, 20):
        mcgd = compile_strategy(
            f"def indicators(bars):\n    return {{'x': ta.mcgd(bars.close, length={length})}}\n{READS}"
        )
        assert mcgd.lookback == pytest.approx(24 * length, abs=2)


METHODS: dict[str, tuple[str, Callable[[pd.Series], pd.Series]]] = {
    "shift": ("shift(3)", lambda x: x.shift(3)),
    "diff": ("diff(2)", lambda x: x.diff(2)),
    "pct_change": ("pct_change(4)", lambda x: x.pct_change(4)),
    "rolling": ("rolling(5, min_periods=5).mean()", lambda x: x.rolling(5).mean()),
    "ewm": ("ewm(span=7).mean()", lambda x: x.ewm(span=7).mean()),
    "clip": ("clip(49, upper=51)", lambda x: x.clip(49, 51)),
    "abs": ("diff().abs()", lambda x: x.diff().abs()),
    "round": ("round(1)", lambda x: x.round(1)),
    "fillna": ("shift(5).fillna(7)", lambda x: x.shift(5).fillna(7)),
    "ffill": ("diff(9).ffill()", lambda x: x.diff(9).ffill()),
    "isna": ("shift(5).isna()", lambda x: x.shift(5).isna()),
    "notna": ("shift(5).notna()", lambda x: x.shift(5).notna()),
    ".mean": ("rolling(6).mean()", lambda x: x.rolling(6).mean()),
    ".sum": ("rolling(6).sum()", lambda x: x.rolling(6).sum()),
    ".min": ("rolling(6).min()", lambda x: x.rolling(6).min()),
    ".max": ("rolling(6).max()", lambda x: x.rolling(6).max()),
    ".median": ("rolling(6).median()", lambda x: x.rolling(6).median()),
    ".std": ("rolling(6).std()", lambda x: x.rolling(6).std()),
    ".var": ("rolling(6).var()", lambda x: x.rolling(6).var()),
    ".quantile": ("rolling(6).quantile(0.3)", lambda x: x.rolling(6).quantile(0.3)),
}


def test_every_method_of_the_table_is_tried() -> None:
    assert set(METHODS) == {*SERIES_METHODS, *(f".{name}" for name in ROLLING_METHODS)}


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_series_are_those_of_pandas(name: str) -> None:
    call, same = METHODS[name]
    np.testing.assert_allclose(column(f"bars.close.{call}", HISTORY), same(CLOSE).astype(float), rtol=1e-9)


def test_ffill_ends_with_the_day() -> None:
    noon = int(datetime(2026, 3, 3, 23, 50, tzinfo=ZoneInfo("America/New_York")).timestamp())
    filled = column("np.where(bars.close < 3, bars.close, np.nan).ffill()", series(np.arange(20.0), start=noon))
    assert filled[:10].tolist() == [0.0, 1.0, *[2.0] * 8]
    assert np.isnan(filled[10:]).all()


@says("What begins anew every day")
@pytest.mark.parametrize("name", [each.name for each in REGISTRY.values() if each.anchored])
def test_what_begins_anew_every_day_knows_nothing_of_the_day_before(name: str) -> None:
    indicator = REGISTRY[name]
    start = int(datetime(2026, 3, 3, 9, 30, tzinfo=ZoneInfo("America/New_York")).timestamp())
    time = np.concatenate([start + 60 * np.arange(450), start + 86_400 + 60 * np.arange(150)]).astype(np.int64)
    usual, other = _random_history(3, 600, 0.01, 50.0), _random_history(4, 600, 0.01, 70.0)

    def day_of(before: BarColumns, alike: int) -> list[np.ndarray]:
        """The values of a day after another one, of which so many bars at the end are always the same."""
        columns = [
            np.concatenate((getattr(before, each)[: 450 - alike], getattr(usual, each)[450 - alike :]))
            for each in ("open", "high", "low", "close", "volume")
        ]
        defaults = [parameter.default for parameter in indicator.parameters]
        inputs = tuple(NODES.node(f"column:{each}") for each in indicator.inputs)
        node = NODES.node("indicator", inputs, (name, *defaults))
        values = Values(BarColumns(time, *columns))
        return [
            values.series(NODES.node("field", (node,), (place,)))[450:]
            for place in range(max(len(indicator.outputs), 1))
        ]

    alike = {"obv": 1, "pvt": 1, "hilo": 21, "supertrend": 440}.get(name, 0)
    for mine, theirs in zip(day_of(usual, 0), day_of(other, alike), strict=True):
        assert np.isfinite(mine).any()
        assert np.array_equal(mine, theirs, equal_nan=True)


@says("Numbers: `bar.close`")
def test_fields_of_a_bar() -> None:
    # A Wednesday.
    start = int(datetime(2026, 3, 4, 9, 31, tzinfo=ZoneInfo("America/New_York")).timestamp())
    strategy = compile_strategy(
        "def indicators(bars):\n    return {'x': bars.close * 2}\ndef on_bar(bar, position, state):\n"
        "    state['n'] = state['n'] + 1\n    state['x'] = bar.x\n    state['p'] = bar.previous.x\n    state['c'] = bar.previous.close\n"
        "    state['o'] = bar.open + bar.high + bar.low + bar.close\n    state['v'] = bar.volume\n"
        "    state['d'] = bar.time.day * 1e6 + bar.time.month * 1e4 + bar.time.year\n    state['t'] = bar.time.minutes_to_close\n"
        "    state['h'] = bar.time.hour\n    state['m'] = bar.time.minute\n    state['w'] = bar.time.weekday\n    state['b'] = bar.hour\n"
    )
    state: dict[str, float] = {}
    for end in (2, 3):
        bars = series(np.array([5.0, 7.0, 9.0]), start=start).slice(0, end)
        state = evaluate_last_bar(strategy, Values(bars), PositionView(), state).state
    assert state == {
        "n": 2,
        "x": 18,
        "p": 14,
        "c": 7,
        "o": 36,
        "v": 1,
        "h": 9,
        "m": 33,
        "w": 2,
        "b": 9,
        "d": 4032026,
        "t": 387,
    }


def test_fields_of_a_position() -> None:
    held, flat = PositionView(4.0, 2.0, 3.0), PositionView()
    expected = {
        "quantity": 4.0,
        "average_entry_price": 2.0,
        "entry_price": 2.0,
        "unrealized_return": 8.0 / 2.0 - 1.0,
        "bars_held": 3.0,
    }
    # On the only bar that was seen, whose price is 8; `test_extremes.py` has more of them.
    expected |= {"max_favorable": 8.0, "max_adverse": 8.0}
    assert {name: value(f"position.{name}", position=held) for name in POSITION_FIELDS} == expected
    assert {name: value(f"position.{name}", position=flat) for name in POSITION_FIELDS} == dict.fromkeys(expected, 0.0)


@says("Assignments (`x = 1`")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x = 2\nx += 3\nstate['x'] = x", 5.0),
        ("a, b = 1, 2\na, b = b, a\nstate['x'] = a * 10 + b", 21.0),
        ("if bar.close > 99:\n    x = 1\nelif 5 < bar.close < 9:\n    x = 2\nelse:\n    x = 3\nstate['x'] = x", 2.0),
        ("state['x'] = 1 if bar.close > 99 else 2", 2.0),
        ("x = 0\nfor i in range(9):\n    if i == 2:\n        continue\n    if i > 4:\n        break\n    x += i\nstate['x'] = x", 8.0),
        ("x = 0\nfor i in range(1, 9, N):\n    x += i\nstate['x'] = x", 12.0),
        ("pass\nstate['x'] = not (bar.close > 1 and 0 or 3)", 0.0),
        ("state['x'] = abs(-2) + min(3, 4, 5) + max(1, 2) + round(2.345, 1) + int(2.9) + float(1) + bool(7)", 13.3),
        ("state['x'] = 2 ** 3 // 3 % 2 + 7 / 2 - 1", 2.5),
        ("state['y'] = 1\nstate['x'] = 'y' in state", 1.0),
        ("state['x'] = np.where(bar.close > 1, np.pi, np.e)", math.pi),
    ],
)  # fmt: skip
def test_statements_of_on_bar(body: str, expected: float) -> None:
    assert kept(body)["x"] == pytest.approx(expected)


@says("Returns `buy(")
def test_what_on_bar_returns() -> None:
    def said(text: str) -> tuple[object, ...] | None:
        strategy = compile_strategy(f"def on_bar(bar, position, state):\n    return {text}\n")
        found = evaluate_last_bar(strategy, Values(HISTORY), PositionView(), {}).signal
        return None if found is None else (found.side, found.confidence, found.size_kind, found.size)

    assert said("buy()") == ("buy", 1.0, "default", 0.0)
    assert said("buy(confidence=0.5, fraction=0.25)") == ("buy", 0.5, "fraction", 0.25)
    assert said("buy(quantity=3)") == ("buy", 1.0, "quantity", 3.0)
    assert said("buy(notional=500)") == ("buy", 1.0, "notional", 500.0)
    assert said("sell(confidence=0.5, quantity=3)") == ("sell", 0.5, "quantity", 3.0)
    assert said("sell(fraction=0.5)") == ("sell", 1.0, "fraction", 0.5)
    assert said("") is None
    for wrong in (
        "sell(notional=5)",
        "buy(fraction=1, quantity=2)",
        "buy(0.5)",
        "buy(stop_price=1)",
        "buy(expire_bars=3)",
        "buy(or_stop=3)",
        "sell(limit=3, stop=2, or_stop=2)",
    ):
        assert refused(f"def on_bar(bar, position, state):\n    return {wrong}\n")


@says(
    "They stand until a later decision",
    "`adjust(...)` changes exits alone",
    "A number that is unknown or out of its range",
    "An exit as a price",
    "A `buy` while nothing is held",
)
def test_exits_stand_until_they_are_changed() -> None:
    strategy = compile_strategy(
        "def on_bar(bar, position, state):\n    if state['a'] == 1:\n        return buy(stop_loss=0.1, take_profit=0.5)\n"
        "    if state['a'] == 2:\n        return adjust(stop_loss=state.get('x'), trailing_stop=state.get('x'))\n"
        "    if state['a'] == 3:\n        return sell(fraction=0.5, stop_loss_price=state['x'])\n    if state['a'] == 4:\n        return buy()\n"
    )

    def after(state: dict[str, float], held: bool, **asked: float) -> dict[str, float]:
        position = PositionView(1.0, 5.0, 1.0) if held else PositionView()
        return evaluate_last_bar(strategy, Values(HISTORY), position, {**state, **asked}).state

    def exits(state: dict[str, float]) -> dict[str, float]:
        return {name: state[key] for name, key in EXIT_KEYS.items() if key in state}

    bought = after({}, False, a=1)
    assert exits(bought) == {"stop_loss": 0.1, "take_profit": 0.5}
    assert exits(after(bought, True, a=0)) == exits(bought)
    moved = after(bought, True, a=2, x=0.2)
    assert exits(moved) == {"stop_loss": 0.2, "take_profit": 0.5, "trailing_stop": 0.2}
    for x in (1.0, -3.0, math.nan):
        assert exits(after(moved, True, a=2, x=x)) == exits(moved)
    assert exits(after(moved, True, a=2, x=0.0)) == {**exits(moved), "stop_loss": 0.0}
    assert exits(after(moved, False, a=2, x=0.3)) == exits(moved)
    priced = after(moved, True, a=3, x=4.0)
    assert exits(priced) == {"stop_loss_price": 4.0, "take_profit": 0.5, "trailing_stop": 0.2}
    assert exits(after(priced, True, a=2, x=0.3)) == {"stop_loss": 0.3, "take_profit": 0.5, "trailing_stop": 0.3}
    assert exits(after(priced, True, a=4)) == exits(priced)
    assert exits(after(priced, False, a=4)) == {}
    for wrong in (
        "adjust()",
        "adjust(0.1)",
        "adjust(stop=1)",
        "adjust(fraction=1)",
        "buy(stop_loss=0.1, stop_loss_price=2)",
    ):
        assert refused(f"def on_bar(bar, position, state):\n    return {wrong}\n")
    assert refused("def on_bar(bar, position, state):\n    adjust(stop_loss=0.1)\n") == [Code.NOT_IN_LANGUAGE]


@says("With a term that is unknown", "A strategy has one such order")
def test_what_terms_come_to() -> None:
    strategy = compile_strategy(
        "def on_bar(bar, position, state):\n    if state['a'] == 1:\n        return buy(limit=state.get('x'), expire_bars=state.get('n'))\n"
        "    if state['a'] == 2:\n        return sell(stop=state.get('x'), limit=state.get('x'))\n    if state['a'] == 3:\n        return buy()\n"
        "    if state['a'] == 4:\n        return sell(limit=state.get('x'), or_stop=state.get('x') / 2)\n"
    )

    def terms(before: dict[str, float], **asked: float) -> tuple[object, ...] | None:
        found = evaluate_last_bar(strategy, Values(HISTORY), PositionView(), {**before, **asked})
        return None if found.signal is None else (found.signal.side, *astuple(found.signal.terms))

    assert terms({}, a=1, x=9.5, n=3.9) == ("buy", 9.5, None, 3, False)
    assert terms({}, a=2, x=8.0) == ("sell", 8.0, 8.0, None, False)
    assert terms({}, a=4, x=8.0) == ("sell", 8.0, 4.0, None, True)
    for wrong in ({"x": -1.0}, {"x": math.nan}, {"x": 1e13}, {"n": 0.9}, {"n": 10_001.0}, {"n": math.nan}):
        assert terms({}, **{"a": 1.0, "x": 9.5, "n": 3.0, **wrong}) is None
    # What a decision does not name does not come from the one before.
    rested = evaluate_last_bar(strategy, Values(HISTORY), PositionView(), {"a": 1.0, "x": 9.5, "n": 3.0}).state
    assert terms(rested, a=3) == ("buy", None, None, None, False)
    assert terms({}, a=4, x=math.nan) is None


@pytest.mark.parametrize("name", list(EXITS))
@pytest.mark.parametrize("number", ["-0.02", "-98", "2", "1", "0", "True", "1 + 0.5", "N", "-N / 2"])
def test_a_number_that_sets_no_exit_is_refused_where_it_is_known(name: str, number: str) -> None:
    source = f"N = 2\ndef on_bar(bar, position, state):\n    return buy({name}={number})\n"
    value, price = float(eval(number, {"N": 2})), name.endswith(("price", "distance"))
    sets = value > 0 if price or name == "trailing_stop" else value >= 0
    if sets and (value < 1 or price or name == "take_profit"):
        assert compile_strategy(source)
        return
    with pytest.raises(StrategyError, match=f"{name} cannot be"):
        compile_strategy(source)


def test_a_constant_that_sets_no_exit_is_refused_when_it_is_changed() -> None:
    strategy = compile_strategy("N = 0.02\ndef on_bar(bar, position, state):\n    return buy(stop_loss=N)\n")
    with pytest.raises(StrategyError, match="is 2 percent"):
        strategy.with_parameters(N=2)


@says("A number may be written as arithmetic")
def test_numbers_as_arithmetic() -> None:
    strategy = compile_strategy(
        "A, B = 5 * 60, -(2 ** 3) // 3\ndef indicators(bars):\n    return {'x': bars.close.shift(A // 100 * 2)}\n"
        "def on_bar(bar, position, state):\n    for i in range(A // 100 - 1, 2 * 3):\n        state['n'] += 1\n    state['x'] = bar.x\n"
    )
    assert strategy.parameters == {"A": 300.0, "B": -3.0}
    assert evaluate_last_bar(strategy, Values(series(np.arange(1.0, 9.0))), PositionView(), {}).state == {
        "n": 4,
        "x": 2,
    }
    assert all(refused(f"A = {wrong}\n{HOLD}") for wrong in ("10 ** 16", "1 / 0", "5 @ 3"))
    assert refused("def on_bar(bar, position, state):\n    for i in range(30 * 60):\n        pass\n") == [
        Code.UNBOUNDED
    ]


@says("A key of state whose value is unknown")
@pytest.mark.parametrize("gone", ["np.nan", "np.inf", "-np.inf", "1.1 * 10.0 ** 300", "-1.1 * 10.0 ** 300"])
def test_what_is_not_kept(gone: str) -> None:
    assert kept(f"state['x'] = {gone}", {"x": 1.0}) == {}
    assert kept("state['x'] = 10.0 ** 300 * 0.99") == {"x": pytest.approx(0.99e300)}
    assert kept_state(["x", "y"], [-1e300, -math.nextafter(1e300, math.inf)]) == {"x": -1e300}


@says("A strategy has a cost", "`stratforge check --cost FILE` shows it.")
def test_the_cost_is_counted_and_shown(tmp_path: Path) -> None:
    first, second = (compile_strategy(language_reference.EXAMPLE).cost for _ in range(2))
    assert first == second
    path = tmp_path / "s.py"
    path.write_text(language_reference.EXAMPLE)
    done = subprocess.run([sys.executable, "-m", "stratforge.cli", "check", "--cost", str(path)], capture_output=True, text=True)  # fmt: skip
    assert str(first) in done.stdout


def loops(*turns: int) -> str:
    """Loops inside of each other."""
    lines = [f"{'    ' * (level + 1)}for i{level} in range({count}):\n" for level, count in enumerate(turns)]
    return "def on_bar(bar, position, state):\n" + "".join(lines) + "    " * (len(turns) + 1) + "pass\n"


def keys(count: int) -> str:
    """A strategy with so many keys of state."""
    return "def on_bar(bar, position, state):\n" + "".join(f"    state['k{each}'] = 1\n" for each in range(count))


def operations(turns: int, lines: int) -> str:
    """A loop of so many turns and lines."""
    return f"def on_bar(bar, position, state):\n x = 1\n for i in range({turns}):\n" + "  x=x+1\n" * lines


def _operations_of(lines: int) -> int:
    return compile_strategy(operations(1_000, lines)).cost.operations


MOST_LINES = 1 + (MAX_OPERATIONS - _operations_of(1)) // (_operations_of(2) - _operations_of(1))


def chain(count: int, first: str = "") -> str:
    """A series of so many operations."""
    return (
        f"def indicators(bars):\n    x = bars.close{first}\n"
        + "    x = x + 1\n" * count
        + f"    return {{'x': x}}\n{READS}"
    )


def shifted(*periods: int) -> str:
    """A series that looks back by all of these together."""
    return f"def indicators(bars):\n    return {{'x': bars.close{''.join(f'.shift({each})' for each in periods)}}}\n{READS}"


# What is allowed, and the next that is not, by the rows of the table of limits.
LIMITS = {
    "characters": (f"#{'x' * (MAX_CHARACTERS - len(HOLD) - 2)}\n{HOLD}", f"#{'x' * (MAX_CHARACTERS - len(HOLD) - 1)}\n{HOLD}"),
    "levels": (HOLD.replace("return", f"x = {'-' * (MAX_DEPTH - 15)}1"), HOLD.replace("return", f"x = {'-' * (MAX_DEPTH + 1)}1")),
    "constants": ("".join(f"K{n} = 1\n" for n in range(MAX_PARAMETERS)) + HOLD, "".join(f"K{n} = 1\n" for n in range(MAX_PARAMETERS + 1)) + HOLD),
    "indicators": tuple(f"def indicators(bars):\n    return {{{', '.join(f'{chr(34)}x{n}{chr(34)}: bars.close' for n in range(count))}}}\n{HOLD}" for count in (MAX_INDICATORS, MAX_INDICATORS + 1)),
    "state": (keys(MAX_STATE_KEYS), keys(MAX_STATE_KEYS + 1)),
    "name": (f"{'n' * MAX_NAME} = 1\n{HOLD}", f"{'n' * (MAX_NAME + 1)} = 1\n{HOLD}"),
    "branches": tuple("def on_bar(bar, position, state):\n    if bar.close > 1:\n        return buy()\n" + "    elif bar.close > 2:\n        return sell()\n" * count for count in (MAX_BRANCHES - 1, MAX_BRANCHES)),
    "turns": (loops(MAX_LOOP), loops(MAX_LOOP + 1)),
    "loops": (loops(*[1] * MAX_NESTED_LOOPS), loops(*[1] * (MAX_NESTED_LOOPS + 1))),
    "number": (f"N = {MAX_LITERAL:.0f}\n{HOLD}", f"N = {MAX_LITERAL + 1:.0f}\n{HOLD}"),
    "words": (operations(1, 1_000), operations(1, 3_000)),
    "operations": (operations(1_000, MOST_LINES), operations(1_000, MOST_LINES + 1)),
    "operations on series": (chain(MAX_GRAPH_NODES - 10), chain(MAX_GRAPH_NODES + 1)),
    "length": (shifted(2_000), shifted(2_001)),
    "values": (chain(MAX_CELLS // 20_000 - 30, ".shift(2000)" * 8), chain(MAX_CELLS // 16_384 + 10, ".shift(2000)" * 8)),
    "other symbols": tuple(f"def indicators(bars):\n    return {{'x': {' + '.join(f'bars.of({chr(34)}S{n}{chr(34)}).close' for n in range(count))}}}\n{READS}" for count in (MAX_OTHERS, MAX_OTHERS + 1)),
    "history": (shifted(*[2_000] * 15, 1_990), shifted(*[2_000] * 16, 5)),
}  # fmt: skip


@says("What is over a limit")
@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_where_the_table_says(name: str) -> None:
    allowed, beyond = LIMITS[name]
    assert compile_strategy(allowed).cost
    assert refused(beyond)


def test_the_figures_of_the_table_are_those_that_are_enforced() -> None:
    rows = PAGE.split("| what | at most |")[1].split("Live, the")[0]
    for figure in (MAX_CHARACTERS, MAX_NODES, MAX_DEPTH, MAX_PARAMETERS, MAX_INDICATORS, MAX_STATE_KEYS, MAX_NAME, MAX_BRANCHES, MAX_LOOP,
                   MAX_NESTED_LOOPS, MAX_OPERATIONS, MAX_GRAPH_NODES, MAX_LOOKBACK, MAX_CELLS, MAX_OTHERS, MAX_TOGETHER):  # fmt: skip
        assert re.search(rf"\b{figure:,}\b", rows)


FUNCTIONS: dict[str, tuple[str, Callable[[float], float]]] = {
    "abs": ("np.abs({x})", abs),
    "ceil": ("np.ceil({x})", math.ceil),
    "exp": ("np.exp({x})", math.exp),
    "floor": ("np.floor({x})", math.floor),
    "isnan": ("np.isnan({x})", math.isnan),
    "log": ("np.log({x})", lambda x: math.log(x) if x > 0 else math.nan),
    "log10": ("np.log10({x})", lambda x: math.log10(x) if x > 0 else math.nan),
    "maximum": ("np.maximum({x}, 2)", lambda x: max(x, 2)),
    "minimum": ("np.minimum({x}, 2)", lambda x: min(x, 2)),
    "sign": ("np.sign({x})", lambda x: (x > 0) - (x < 0)),
    "sqrt": ("np.sqrt({x})", lambda x: math.sqrt(x) if x >= 0 else math.nan),
    "where": ("np.where({x} > 1, 5, 6)", lambda x: 5 if x > 1 else 6),
}


@pytest.mark.parametrize("name", NUMPY_FUNCTIONS)
def test_functions_of_numpy_say_the_same_in_both_places(name: str) -> None:
    text, same = FUNCTIONS[name]
    for x in (-2.5, 0.0, 0.3, 4.0):
        expected = pytest.approx(float(same(x)), rel=1e-11, nan_ok=True)
        assert value(text.format(x=x)) == expected
        assert column(text.format(x="bars.close"), series(np.full(5, x)))[-1] == expected


@says("Fields follow the arrow")
@pytest.mark.parametrize("name", [each.name for each in REGISTRY.values() if each.outputs])
def test_fields_of_indicators_are_those_of_the_page(name: str) -> None:
    (row,) = [line for line in PAGE.split("\n") if line.startswith(f"| `ta.{name}(")]
    fields = re.findall(r"\.(\w+)", row.split("->")[1].split("`")[0])
    call = f"ta.{name}({', '.join(f'bars.{each}' for each in REGISTRY[name].inputs)})"
    for each in fields:
        assert len(column(f"{call}.{each}", HISTORY)) == len(HISTORY)
    assert refused(f"def indicators(bars):\n    return {{'x': {call}}}\n{READS}")
