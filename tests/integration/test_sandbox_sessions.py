"""Sessions of every kind through the sandbox's real protocol: JSON in, a worker process that can open nothing, JSON out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS, exchange_timezone
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy import compile_strategy
from stratforge.strategy.evaluation import PositionView, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import window_length
from stratforge.strategy.vocabulary import ROLLING_METHODS

from functions.evaluator import sandbox_client
from functions.evaluator.sandbox_client import evaluate_sessions
from tests.support.sandbox_process import SandboxProcess

# Tells everything that a session can see, in its state.
TELLS = """
STEP = 1
def indicators(bars):
    macd = ta.macd(bars.close, fast=5, slow=9, signal=4)
    return {"ema": ta.ema(bars.close, length=7), "histogram": macd.histogram, "held": bars.close.ffill(),
            "vwap": ta.vwap(bars.high, bars.low, bars.close, bars.volume)}
def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + STEP
    state["weekday"], state["hour"], state["minute"] = bar.weekday, bar.hour, bar.minute
    state["seen"] = bar.ema + bar.histogram + bar.held + bar.vwap + bar.previous.close + bar.volume
    state["position"] = position.unrealized_return + position.bars_held
    if bar.weekday >= 5:
        return buy(fraction=0.25, confidence=0.75)
    if position.quantity > 0:
        return sell()
"""
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """A sandbox whose process is fresh."""
    found = SandboxProcess()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _invoked(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_client, "sandbox_client", lambda: sandbox)


def bars(symbol: str, last: datetime, length: int = 512) -> BarColumns:
    """Minute bars of a random walk up to `last`."""
    generator = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.001, length)))
    open_ = np.concatenate(([100.0], close[:-1]))
    time = int(last.timestamp()) - 60 * np.arange(length, dtype=np.int64)[::-1]
    high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    volume = generator.uniform(1, 9, length)
    return BarColumns(time, open_, high, low, close, volume, timezone=exchange_timezone(symbol))


def session(source: str = TELLS, parameters: dict[str, float] | None = None) -> RunningSession:
    """A session of a strategy that was just started."""
    strategy = compile_strategy(source)
    chosen = strategy.parameters if parameters is None else parameters
    return RunningSession(
        uuid4(), uuid4(), source, strategy.source_hash, chosen, strategy.lookback, {}, 0, 0.0, 0.0
    )  # fmt: skip


def in_process(each: RunningSession, window: BarColumns) -> tuple[object, dict[str, float]]:
    """What the strategy says without any sandbox."""
    strategy = compile_strategy(each.python_code).with_parameters(**each.parameters)
    position = PositionView(each.quantity, each.average_entry_price, float(each.bars_held_now))
    found = evaluate_last_bar(strategy, Values(window), position, each.state)
    return (found.signal and (found.signal.side, found.signal.confidence, found.signal.size_kind, found.signal.size)), found.state  # fmt: skip


def said(outcome: Outcome) -> tuple[object, dict[str, float]]:
    """The signal and the state of an outcome."""
    assert outcome.error is None, outcome.error
    signal = (outcome.side, outcome.confidence, outcome.size_kind, outcome.size) if outcome.side else None
    return signal, outcome.state


MOMENTS = {
    "crypto on a weekday": ("BTC/USD", datetime(2026, 3, 4, 17, 30, tzinfo=UTC)),
    "crypto at midnight": ("BTC/USD", datetime(2026, 3, 5, 0, 0, tzinfo=UTC)),
    "crypto on Saturday": ("BTC/USD", datetime(2026, 3, 7, 3, 1, tzinfo=UTC)),
    "crypto on Sunday night": ("ETH/USD", datetime(2026, 3, 8, 23, 59, tzinfo=UTC)),
    "crypto on New Year": ("ETH/BTC", datetime(2026, 1, 1, 0, 0, tzinfo=UTC)),
    "a stock at the opening": ("AAPL", datetime(2026, 3, 4, 9, 30, tzinfo=NEW_YORK)),
    "a stock at the close": ("BRK.B", datetime(2026, 3, 4, 15, 59, tzinfo=NEW_YORK)),
    "a stock before the opening": ("AAPL", datetime(2026, 3, 4, 4, 0, tzinfo=NEW_YORK)),
    "a stock after daylight saving began": ("AAPL", datetime(2026, 3, 9, 9, 45, tzinfo=NEW_YORK)),
}


@pytest.mark.parametrize(("symbol", "last"), MOMENTS.values(), ids=MOMENTS)
def test_every_kind_of_session_says_in_the_sandbox_what_it_says_without(symbol: str, last: datetime) -> None:
    fresh = session()
    kinds = [
        fresh,
        replace(fresh, quantity=0.123456789, average_entry_price=99.5, bars_held=17),
        replace(fresh, state={"n": 41.0, "seen": 1e18}),
        replace(fresh, parameters={"STEP": 2.5}),
        session("def on_bar(bar, position, state):\n    return sell(confidence=0.5)\n"),
    ]
    window = bars(symbol, last, window_length(compile_strategy(TELLS).lookback))
    outcomes = evaluate_sessions("sandbox", window, kinds)
    for each, outcome in zip(kinds, outcomes, strict=True):
        assert outcome.session is each
        assert said(outcome) == in_process(each, window)
    local = last.astimezone(exchange_timezone(symbol))
    told = outcomes[0].state
    assert (told["weekday"], told["hour"], told["minute"]) == (local.weekday(), local.hour, local.minute)


def test_a_crypto_session_runs_through_a_weekend_without_a_gap() -> None:
    """From Friday's last minutes to Monday's first: state is carried, every bar is answered, and weekends are told from weekdays."""
    each = session()
    length = window_length(compile_strategy(TELLS).lookback)
    sides = []
    for hour in range(56):
        last = datetime(2026, 3, 6, 20, 0, tzinfo=UTC) + timedelta(hours=hour)
        (outcome,) = evaluate_sessions("sandbox", bars("BTC/USD", last, length), [each])
        assert outcome.error is None
        each = replace(each, state=outcome.state)
        sides.append(outcome.side)
    assert sides == [None] * 4 + ["buy"] * 48 + [None] * 4
    assert each.state["n"] == 56


def _call(name: str) -> str:
    # Series of any kind are named otherwise.
    columns = [
        each if each in PRICE_COLUMNS else ("close", "open")[index % 2]
        for index, each in enumerate(REGISTRY[name].inputs)
    ]
    return f"ta.{name}({', '.join(f'bars.{column}' for column in columns)})"


OPERATIONS = [
    *(f"bars.close.rolling(5).{name}({'0.5' if name == 'quantile' else ''})" for name in ROLLING_METHODS),
    *(f"bars.close.{call}" for call in ("ewm(span=5).mean()", "shift(2)", "diff(2)", "pct_change(3)", "clip(99, 101)")),
    *(f"bars.close.{call}" for call in ("round(2)", "fillna(0)", "ffill()", "isna()", "notna()", "abs()")),
    *(f"np.{name}(bars.close)" for name in ("sqrt", "log", "log10", "sign", "floor", "ceil", "isnan")),
    "np.where(bars.close > bars.open, bars.high // 3, bars.low % 7)",
    "np.exp(bars.close / bars.open)",
    "np.maximum(bars.close, bars.open ** 2) / np.minimum(bars.high, 100)",
]


@pytest.mark.parametrize("symbol", ["AAPL", "BTC/USD"])
def test_every_word_of_the_language_works_where_nothing_can_be_opened(symbol: str) -> None:
    """What is imported or read on first use would fail in a worker."""
    expressions = [_call(name) for name in REGISTRY] + OPERATIONS
    sessions = []
    for expression in expressions:
        outputs = REGISTRY[expression[3:].split("(")[0]].outputs if expression.startswith("ta.") else ()
        column = f"{expression}.{outputs[0]}" if len(outputs) > 1 else expression
        code = (
            f"def indicators(bars):\n    return {{'x': {column}}}\n"
            "def on_bar(bar, position, state):\n    state['x'] = bar.x\n    return buy(quantity=bar.close)\n"
        )
        sessions.append(session(code))
    window = bars(symbol, datetime(2026, 3, 7, 15, 0, tzinfo=UTC), 2048)
    outcomes = evaluate_sessions("sandbox", window, sessions)
    wrong = {
        text: outcome.error
        for text, outcome, each in zip(expressions, outcomes, sessions, strict=True)
        if outcome.error or said(outcome) != in_process(each, window)
    }
    assert wrong == {}
