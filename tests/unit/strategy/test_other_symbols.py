"""`bars.of("SPY")` in strategies of one symbol: what each bar sees of another symbol, in both backends, from windows, on time and in the cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from stratforge.backtest import BacktestError, run_backtest
from stratforge.backtest.engine import own_bars
from stratforge.backtest.sweep import Sweeper
from stratforge.market import BarColumns
from stratforge.market.other_symbols import STALE, seen_beside
from stratforge.market.resampling import TIMEFRAMES, resample
from stratforge.strategy import Strategy, StrategyError, compile_strategy
from stratforge.strategy.batch import decode_columns, encode_columns
from stratforge.strategy.graph import Values
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import MAX_TOGETHER, OfOther, _random_history, window_length
from stratforge.strategy.rotation import compile_portfolio

from tests.support.batches import decided_as_by_the_engine
from tests.support.other_markets import beside, needed_window
from tests.support.random_programs import awkward_bars
from tests.unit.strategy import test_days_of_minutes as of_days
from tests.unit.strategy.test_causality import bits, indicator_calls
from tests.unit.strategy.test_timeframes import READS

# `o` is another symbol, `h` its bars of a longer timeframe.
EXPRESSIONS = (
    "o.close", "o.volume", "ta.ema(o.close, 3)", "ta.rsi(o.close, 9)", "ta.atr(o.high, o.low, o.close, 5)", "o.close.shift(7)", "o.close.rolling(20).max()",
    "bars.close / o.close", "(bars.close / o.close).rolling(12).mean()", "(bars.close - o.close).shift(5)", "ta.sma(bars.close, 4) - ta.sma(o.close, 9)",
    "np.where((o.close > o.open) & (bars.close > o.close), o.high, bars.low)", "np.where(o.close > ta.sma(o.close, 15), 1, 0)", "o.close.ffill()",
    "h.close", "ta.sma(h.close, 3)", "(bars.close - h.close).rolling(4).min()", "ta.ema(h.close, 2) - o.close", "ta.willr(h.high, o.low, h.close, 3)",
)  # fmt: skip


def strategy(expression: str, timeframe: str = "15min", declared: str = "") -> Strategy:
    """A strategy that reads an expression of another symbol."""
    names = f"    o = bars.of('SPY')\n    h = o.resample('{timeframe}')\n"
    return compile_strategy(f"{declared}def indicators(bars):\n{names}    return {{'x': {expression} + 0}}\n{READS}")


def market(seed: int, length: int = 3_000, share: float = 0.7) -> BarColumns:
    """A market with another beside it."""
    own = awkward_bars(seed, length)
    return replace(own, others={"SPY": beside(own, seed + 100, share)})


def seen_one_by_one(bars: BarColumns, other: BarColumns, timeframe: str) -> list[float]:
    """What each bar sees, looked for among all of them."""
    begins, days = other.time.tolist(), resample(other, "1d").bars
    length = timeframe or next((name for name, each in TIMEFRAMES.items() if each * 60 == bars.seconds), "")
    found = []
    for place, time in enumerate(bars.time.tolist()):
        over = sum(begin + 60 <= time for begin in begins)
        if timeframe == "1d":
            known = [each for each in range(len(days)) if days.day[each] < bars.day[place]]
            at, prices = (known[-1] if known else -1), days
        else:
            past = other.slice(0, over)
            made = resample(past, length) if length else None
            prices = made.bars if made is not None else past
            at = int(made.latest[-1]) if made is not None and len(past) else len(past) - 1
        known_then = at >= 0 and time - int(prices.time[at]) <= STALE
        found.append(float(prices.close[at]) if known_then else np.nan)
    return found


@pytest.mark.parametrize("timeframe", ["", "5min", "1h", "1d"])
@pytest.mark.parametrize(("seed", "share"), [(1, 0.9), (2, 0.2), (3, 0.01)])
def test_a_bar_sees_the_last_one_that_was_over_when_it_began(timeframe: str, seed: int, share: float) -> None:
    bars = market(seed, 300, share)
    made = seen_beside(bars, "SPY", timeframe)
    seen = np.where(made.latest >= 0, np.concatenate((made.bars.close, [np.nan]))[made.latest], np.nan)
    np.testing.assert_array_equal(seen, seen_one_by_one(bars, bars.others["SPY"], timeframe))


@pytest.mark.parametrize("timeframe", ["", "15min", "1h"])
def test_longer_bars_see_what_was_over_when_they_began(timeframe: str) -> None:
    minutes = market(4, 2_000)
    own = resample(minutes, "5min").bars
    made = seen_beside(own, "SPY", timeframe)
    seen = np.where(made.latest >= 0, np.concatenate((made.bars.close, [np.nan]))[made.latest], np.nan)
    np.testing.assert_array_equal(seen, seen_one_by_one(own, minutes.others["SPY"], timeframe))


def test_a_day_sees_the_other_symbols_same_day() -> None:
    own, other = of_days.days(50), of_days.days(60, seed=9)
    holes = np.flatnonzero(np.arange(60) % 11 != 3)
    bars = replace(own, others={"SPY": other.take(holes)})
    made = compile_strategy('TIMEFRAME = "1d"\n' + strategy("o.close", "1d").source)
    assert made.lookbacks.others == {"SPY": OfOther(bars=1, back=1)}
    seen = Values(own_bars(made, bars)).series(made.columns["x"])
    for place, day in enumerate(own.day.tolist()):
        known = other.close[holes][other.day[holes] <= day]
        assert seen[place] == pytest.approx(known[-1], rel=1e-11)
    # What has minutes alone is made into days, and those that are not over are none.
    minutes = of_days.minutes_of(other, 20)
    on_days = own_bars(made, replace(own, others={"SPY": minutes}))
    assert on_days.others["SPY"].daily
    assert len(on_days.others["SPY"]) == 19


def test_after_a_week_without_a_bar_nothing_is_known_of_it() -> None:
    own = _random_history(3, 20_000, 0.001, 40.0)
    other = _random_history(4, 50, 0.001, 40.0)
    other = replace(other, time=own.time[:50])
    seen = Values(replace(own, others={"SPY": other})).series(strategy("o.close").columns["x"])
    last = int(other.time[-1])
    known = ~np.isnan(seen)
    assert known[own.time == last + STALE].all()
    assert not known[own.time > last + STALE].any()


@pytest.mark.parametrize(("timeframe", "share"), [("15min", 0.7), ("5min", 0.05), ("1h", 0.9)])
def test_windows_give_the_very_values_whatever_both_markets_do(timeframe: str, share: float) -> None:
    """The least of its own bars and of the other symbol's that it says it needs."""
    whole = market(60, 4_000, share)
    for text in EXPRESSIONS:
        made = strategy(text, timeframe)
        node, needed = made.columns["x"], made.lookbacks.others["SPY"]
        full = Values(whole).series(node)
        for end in range(len(whole), made.lookback + 1_500, -max((len(whole) - made.lookback) // 12, 1)):
            window = needed_window(whole.slice(end - made.lookback, end), needed)
            alone = Values(window).series(node)
            assert np.array_equal(full[end - 2 : end], alone[-2:], equal_nan=True), (text, end)


@pytest.mark.parametrize("own", ["5min", "1h"])
def test_windows_of_longer_bars_give_the_very_values(own: str) -> None:
    minutes = market(61, 9_000, 0.6)
    longer = resample(minutes, own)
    for text in ("o.close", "ta.sma(o.close, 3)", "ta.sma(h.close, 2) - bars.close", "(bars.close / o.close).rolling(5).mean()"):  # fmt: skip
        made = strategy(text, "4h", f'TIMEFRAME = "{own}"\n')
        node, needed = made.columns["x"], made.lookbacks.others["SPY"]
        full = Values(longer.bars).series(node)
        for end in range(len(minutes), 7_000, -331):
            window = needed_window(minutes.slice(end - made.stored_lookback, end), needed, TIMEFRAMES[own])
            bars = resample(window, own)
            place = int(longer.latest[end - 1])
            assert bars.bars.time[-1] == longer.bars.time[place]
            alone = Values(bars.bars).series(node)
            assert np.array_equal(full[place - 1 : place + 1], alone[-2:], equal_nan=True), (text, end)


def known_with(bars: BarColumns, end: int) -> BarColumns:
    """The first bars, with what was known of the other symbol when the last of them began, and no more."""
    other = bars.others["SPY"]
    over = int(np.searchsorted(other.time, bars.time[end - 1] - 60, side="right"))
    return replace(bars.slice(0, end), others={"SPY": other.slice(0, over)})


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_indicator_of_another_symbol_knows_nothing_that_was_not_over(name: str) -> None:
    whole = market(7, 400, 0.6)
    for call in indicator_calls(name)[:2]:
        for of in ("bars.of('SPY')", "bars.of('SPY').resample('5min')"):
            source = f"def indicators(bars):\n    own = bars.close\n    other = {of}\n    return {{'x': {call.replace('bars.', 'other.')} + 0 * own}}\ndef on_bar(bar, position, state):\n    return\n"
            (node,) = compile_strategy(source).columns.values()
            full = Values(whole).series(node)
            for end in range(len(whole), 1, -37):
                then = Values(known_with(whole, end)).series(node)
                assert np.array_equal(bits(then), bits(full[:end])), (call, of, end)


RATIO = """
LENGTH = 30
def indicators(bars):
    ratio = bars.close / bars.of("SPY").close
    return {"ratio": ratio, "mean": ratio.rolling(LENGTH).mean(), "up": bars.of("SPY").close > ta.sma(bars.of("SPY").close, LENGTH)}
def on_bar(bar, position, state):
    if position.quantity == 0 and bar.up and bar.ratio < bar.mean:
        return buy()
    if position.quantity > 0 and bar.ratio > bar.mean:
        return sell()
"""


def test_interpreter_and_machine_code_decide_alike() -> None:
    pytest.importorskip("numba")
    made, bars, spy = (
        compile_strategy(RATIO),
        _random_history(12, 3_000, 0.001, 40.0),
        _random_history(13, 3_000, 0.001, 90.0),
    )
    spy = replace(spy, time=bars.time).take(np.flatnonzero(np.arange(3_000) % 7 != 3))
    bars = replace(bars, others={"SPY": spy})
    machine, interpreter = Sweeper(made, bars), Sweeper(made, bars, target="python")
    for length in (5.0, 120.0):
        one, other = machine.run({"LENGTH": length}), interpreter.run({"LENGTH": length})
        assert one.trades == other.trades == run_backtest(made.with_parameters(LENGTH=length), bars).metrics.trades > 10
        assert one.final_equity == pytest.approx(other.final_equity, rel=1e-12)


def test_it_is_what_a_script_with_pandas_finds() -> None:
    """Written without anything of the engine: the other's closes are moved to when they were known and joined as of each bar."""
    pandas = pytest.importorskip("pandas")
    bars = market(13, 3_000)
    other = bars.others["SPY"]
    known = pandas.DataFrame({"known": other.time + 60, "began": other.time, "close": other.close})
    known["mean"] = known["close"].rolling(30).mean()
    own = pandas.DataFrame({"time": bars.time, "close": bars.close})
    joined = pandas.merge_asof(own, known, left_on="time", right_on="known", suffixes=("", "_other"))
    joined.loc[joined["time"] - joined["began"] > STALE, ["close_other", "mean"]] = np.nan
    ratio = joined["close"] / joined["close_other"]
    made = compile_strategy(RATIO)
    values = Values(bars)
    np.testing.assert_allclose(values.series(made.columns["ratio"]), ratio, rtol=1e-11)
    np.testing.assert_allclose(values.series(made.columns["mean"]), ratio.rolling(30).mean(), rtol=1e-9)
    with np.errstate(invalid="ignore"):
        up = (joined["close_other"] > joined["mean"] * (1 + 1e-11)).astype(float)
    assert (values.series(made.columns["up"]) == up).mean() > 0.99


def test_the_sandbox_decides_on_the_bars_that_it_is_sent() -> None:
    bars = market(14, 700)
    bars = replace(bars, others={"SPY": replace(bars.others["SPY"], days=of_days.days(30))})
    sent = decode_columns(encode_columns(bars))
    assert np.array_equal(sent.others["SPY"].close, bars.others["SPY"].close)
    assert sent.others["SPY"].days is not None
    assert sent.others["SPY"].days.daily
    decided_as_by_the_engine(bars, [RATIO.replace("LENGTH = 30", f"LENGTH = {length}") for length in (2, 7, 40, 200)])


def test_of_a_symbol_of_which_days_alone_are_read_no_minutes_need_to_travel() -> None:
    none = BarColumns(np.empty(0, dtype=np.int64), *(np.empty(0),) * 5, days=of_days.days(30))
    got = decode_columns(encode_columns(replace(_random_history(1, 5, 0.01, 9.0), others={"SPY": none}))).others["SPY"]
    assert (len(got), got.days is not None) == (0, True)
    with pytest.raises(ValueError, match="empty"):
        decode_columns(encode_columns(none))


@pytest.mark.parametrize(
    ("expression", "own", "needed"),
    [
        ("o.close", 2, OfOther(1, 0, 1)),
        ("ta.sma(o.close, 20)", 2, OfOther(20, 0, 1)),
        ("(bars.close / o.close).rolling(10).mean()", 11, OfOther(1, 0, 10)),
        ("ta.sma(o.close, 20).shift(5) - o.close", 2, OfOther(25, 0, 1)),
        ("ta.sma(bars.close, 50) - o.close", 51, OfOther(1, 0, 1)),
        ("ta.sma(h.close, 3)", 2, OfOther(60, 0, 1)),
    ],
)
def test_what_is_needed_of_each_symbol_is_counted_by_itself(expression: str, own: int, needed: OfOther) -> None:
    made = strategy(expression)
    assert made.lookback == own
    assert made.lookbacks.others == {"SPY": needed}


def test_days_of_another_symbol_are_counted_in_days() -> None:
    made = strategy("ta.sma(h.close, 200)", "1d")
    assert made.lookbacks.others == {"SPY": OfOther(0, 201, 1)}
    assert made.day_lookback == 0
    own = of_days.minutes_of(of_days.days(300), 5)
    other = of_days.minutes_of(of_days.days(300, seed=8), 5)
    seen = Values(replace(own, others={"SPY": other})).series(made.columns["x"])
    assert other.days is not None
    for place in (0, len(own) // 2, len(own) - 1):
        before = other.days.close[other.days.day < own.day[place]]
        assert seen[place] == pytest.approx(before[-200:].mean(), rel=1e-11)


def test_what_it_costs_is_counted_by_the_bars_of_both() -> None:
    few, many = (strategy(f"ta.sma(o.close, {length})").cost for length in (20, 1_500))
    assert few.cells < many.cells
    assert few.nanoseconds < many.nanoseconds < 20_000_000
    # Its own window is the shortest there is.
    assert many.cells >= window_length(1_501)
    assert strategy("o.close").backtest_nanoseconds(10_000) > strategy("bars.close").backtest_nanoseconds(10_000)


def test_more_bars_than_there_may_be_together_are_refused() -> None:
    long = "ta.sma(o.close, 2000)" + ".shift(2000)" * 8
    body = "".join(f"    o = bars.of('{each}')\n    v{each} = {long}\n" for each in ("SPY", "QQQ", "IWM"))
    source = f"def indicators(bars):\n{body}    return {{'x': vSPY + vQQQ + vIWM}}\n{READS}"
    with pytest.raises(StrategyError, match=f"{MAX_TOGETHER:,} are allowed"):
        _ = compile_strategy(source).lookback
    with pytest.raises(StrategyError, match=r'bars of bars.of\("SPY"\); 512 are allowed'):
        _ = strategy("ta.sma(o.close, 600)", "4h", 'TIMEFRAME = "1h"\n').lookback


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("bars.of('spy').close", "bars.of takes a symbol", "in capitals"),
        ("bars.of(NAME).close", "bars.of takes a symbol", "written out"),
        ("bars.of('SPY', 'QQQ').close", "bars.of takes a symbol", "written out"),
        ("bars.of('PORTFOLIO').close", "bars.of takes a symbol", "written out"),
        ("bars.of('SPY')", "'x' is not a series", "Return series"),
        ("bars.of('SPY').of('QQQ').close", "these bars are not the symbol's own", "Write bars.of"),
        ("bars.resample('1h').of('SPY').close", "these bars are not the symbol's own", "resample"),
        ("bars.of('SPY').resample('1h').resample('1d').close", "resampled already", "for each timeframe"),
        ("bars.of('A').close + bars.of('B').close + bars.of('C').close + bars.of('D').close", "more than 3 other symbols", "3 at most"),
        ("bars.of('SPY').close + bars.of('BTC/USD').close", "stocks and crypto", "crypto from crypto"),
        ("bars['SPY']", "bars['SPY'] is not in the language", 'bars.of("SPY").close'),
        ("bars.of('SPY')['close']", "bars.of(\"SPY\")['close'] is not in the language", 'Write bars.of("SPY").close'),
        ("bars.of('SPY').vwap", "bars has no vwap", "open, high, low, close"),
    ],
)  # fmt: skip
def test_what_is_not_in_the_language_is_said_with_what_to_write(expression: str, message: str, hint: str) -> None:
    with pytest.raises(StrategyError) as refused:
        compile_strategy(f"NAME = 1\ndef indicators(bars):\n    return {{'x': {expression}}}\n{READS}")
    (finding,) = refused.value.findings
    assert message in finding.message
    assert hint in finding.suggestion


def test_in_on_bar_it_is_said_where_another_symbol_is_read() -> None:
    with pytest.raises(
        StrategyError, match=r'Return \{"spy": bars.of\("SPY"\).close\} from indicators, and read bar.spy'
    ):
        compile_strategy("def on_bar(bar, position, state):\n    if bars.of('SPY').close > 1:\n        return buy()\n")


def test_functions_of_its_own_take_the_bars_of_any_symbol() -> None:
    source = 'def trend(b, n=20):\n    return b.close > ta.sma(b.close, n)\ndef indicators(bars):\n    return {"x": trend(bars.of("SPY")) & trend(bars)}\n'
    assert compile_strategy(source + READS).lookbacks.others == {"SPY": OfOther(20, 0, 1)}


def test_shorter_bars_than_those_that_decide_are_refused_of_another_symbol_too() -> None:
    with pytest.raises(StrategyError, match=r'bars.resample\("15min"\) is of bars that are shorter'):
        strategy("h.close", "15min", 'TIMEFRAME = "1h"\n')


def test_portfolios_look_at_others_as_before() -> None:
    source = 'UNIVERSE = ["AAPL"]\nSCHEDULE = "daily"\ndef indicators(bars):\n    return {"x": bars.of("SPY")CALL.close}\ndef rebalance(universe, portfolio, state):\n    return {"AAPL": 0.5} if universe.of("AAPL").x > 1 else cash()\n'
    assert compile_portfolio(source.replace("CALL", "")).other_symbols == ("SPY",)
    with pytest.raises(StrategyError, match="longer bars of another symbol are not in the language of portfolios"):
        compile_portfolio(source.replace("CALL", '.resample("1d")'))


def _crypto(bars: BarColumns) -> BarColumns:
    return replace(bars, timezone=of_days.UTC_ZONE)


def _of_length(minutes: int) -> Callable[[BarColumns], BarColumns]:
    def made(bars: BarColumns) -> BarColumns:
        return replace(bars, time=bars.time[0] + 60 * minutes * np.arange(len(bars)), minutes=minutes)

    return made


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (None, "give the bars of SPY too: --bars-of SPY=FILE"),
        (_crypto, "stocks and crypto are not looked at together"),
        (_of_length(30), "the bars of SPY are 30 minutes long and those that look at them 1 minutes"),
        (lambda bars: bars.slice(0, 0), "SPY: there are no bars"),
    ],
)
def test_bars_that_do_not_fit_are_refused(other: Callable[[BarColumns], BarColumns] | None, why: str) -> None:
    bars = _random_history(1, 300, 0.01, 9.0)
    others = None if other is None else {"SPY": other(_random_history(2, 300, 0.01, 9.0))}
    with pytest.raises(BacktestError, match=why):
        run_backtest(strategy("o.close"), bars, others=others)
    if other is not None and why.startswith("the bars"):
        # Of days alone it does not matter how long they are.
        run_backtest(strategy("h.close", "1d"), bars, others=others)


def test_a_sweep_of_another_symbols_other_bars_is_another_sweep() -> None:
    bars = market(1, 400)
    other = replace(bars, others={"SPY": beside(bars, 9)})
    one, same, another = (
        Sweeper(strategy("o.close"), each, target="python").identity() for each in (bars, replace(bars), other)
    )
    assert one == same != another
