"""No value knows the future: the values of a prefix are the prefix of the values, bit for bit, whatever the bars hold."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stratforge.market import BarColumns
from stratforge.market.resampling import TIMEFRAMES
from stratforge.strategy import compile_strategy, kernels
from stratforge.strategy.graph import OPERATIONS, Node, Values, reachable
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import _random_history
from stratforge.strategy.vocabulary import NUMPY_FUNCTIONS

from tests.support.expressions import column_expressions
from tests.support.tiers import examples

HOSTILE = (np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, -5e-324, 2.2e-308, -0.0, 0.0)
ENDS = (1, 2, 3, 5, 9, 17, 33, 64, 100, 151, 200, 257, 300, 399)
LENGTH = 400


def hostile_bars(seed: int, share: float) -> BarColumns:
    """Bars of which a share of the numbers is what no bar should hold, with a stretch in the middle that no bar comes back from."""
    generator = np.random.default_rng(seed)
    bars = _random_history(seed, LENGTH, 0.01, 30.0)
    columns = [bars.open.copy(), bars.high.copy(), bars.low.copy(), bars.close.copy(), bars.volume.copy()]
    for column in columns:
        places = np.flatnonzero(generator.random(LENGTH) < share)
        column[places] = generator.choice(HOSTILE, len(places))
        column[250:260] = generator.choice(HOSTILE)
    return BarColumns(bars.time, *columns)


def bits(column: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The bits of a column, with one NaN for all."""
    return np.where(np.isnan(column), np.nan, column).view(np.int64)


def assert_causal(nodes: list[Node], bars: BarColumns) -> None:
    """Every operation on the way to `nodes` gives the same bits on a prefix; none gives an infinite value."""
    single = [node for node in reachable(nodes) if node.operation not in ("indicator", "resampled")]
    whole = Values(bars)
    for end in ENDS:
        prefix = Values(bars.slice(0, end))
        for node in single:
            now = prefix.series(node)
            # Of a longer timeframe there are as many bars as were completed.
            later = whole.series(node)[: len(now)]
            assert len(now) == end or node.timeframe
            assert not np.isinf(now).any(), node
            wrong = np.flatnonzero(bits(now) != bits(later))
            assert not len(wrong), (node.operation, node.arguments, end, int(wrong[0]), now[wrong[0]], later[wrong[0]])


def nodes_of(*expressions: str) -> list[Node]:
    """The nodes of expressions of `indicators`."""
    returned = ", ".join(f"'x{index}': {each}" for index, each in enumerate(expressions))
    source = f"def indicators(bars):\n    return {{{returned}}}\ndef on_bar(bar, position, state):\n    return\n"
    return list(compile_strategy(source).columns.values())


def indicator_calls(name: str) -> list[str]:
    """Calls of an indicator with its defaults, with short and with long lengths, every output once, each moving average."""
    indicator = REGISTRY[name]
    inputs = [
        {
            "a": "bars.close",
            "b": "bars.open",
            "benchmark": "bars.open",
            "source": "bars.open",
            "condition": "(bars.close > bars.open)",
        }.get(each, f"bars.{each}")
        for each in indicator.inputs
    ]
    lengths = [each for each in indicator.parameters if each.kind == "length"]
    variants = [""]
    variants += ["".join(f", {each.name}={max(int(each.minimum), size)}" for each in lengths) for size in (1, 3, 70)]
    for each in indicator.parameters:
        variants += [f', {each.name}="{word}"' for word in each.choices]
    outputs = [f".{output}" for output in indicator.outputs] or [""]
    return [
        f"ta.{name}({', '.join(inputs)}{variant}){output}" for variant in dict.fromkeys(variants) for output in outputs
    ]


OF_SERIES = [
    *(f"bars.close {sign} bars.open" for sign in ("+", "-", "*", "/", "//", "%", "**")),
    *(f"np.where(bars.close {sign} bars.open, 1, bars.low)" for sign in ("<", "<=", ">", ">=", "==", "!=")),
    *(f"np.where((bars.close > 1) {sign} (bars.open > 1), bars.high, np.inf)" for sign in ("&", "|", "^")),
    "np.where(~(bars.close > bars.open), bars.high, -np.inf)",
    *(f"np.{name}(bars.close)" for name, each in NUMPY_FUNCTIONS.items() if each.arity == 1 and not each.logical),
    *(f"np.{name}(bars.close, bars.open)" for name, each in NUMPY_FUNCTIONS.items() if each.arity == 2),
    "np.where(np.isnan(bars.close), 1, 2)", "np.where(bars.close.notna(), 1, 2)", "-bars.close", "bars.close.shift(3)",
    "bars.close.diff(2)", "bars.close.pct_change(2)", "bars.close.round(2)", "bars.close.fillna(0)", "bars.close.ffill()",
    "bars.close.clip(1, 50)", "bars.close.abs()",
    *(f"bars.close.rolling({n}).{name}()" for n in (2, 7, 20, 64, 130) for name in ("mean", "sum", "min", "max", "median", "std", "var")),
    *(f"bars.close.rolling({n}).quantile(0.3)" for n in (2, 7, 64)),
    *(
        f"bars.close.ewm({weights}, adjust={adjust}, min_periods={minimum}).mean()"
        for weights, adjust, minimum in itertools.product(("span=2", "span=26", "com=0.1", "alpha=1"), (True, False), (0, 5))
    ),
    *(f"ta.ema(bars.resample('{timeframe}').close, 3) - bars.close" for timeframe in TIMEFRAMES),
    *(f"np.where(bars.resample('5min').{name} > bars.close, bars.volume, np.inf)" for name in ("open", "high", "low", "volume")),
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_indicators_are_causal_whatever_the_bars_hold(name: str) -> None:
    nodes = nodes_of(*indicator_calls(name)[:60])
    for seed, share in ((1, 0.01), (2, 0.2)):
        assert_causal(nodes, hostile_bars(seed, share))


def test_operations_on_series_are_causal_whatever_the_bars_hold() -> None:
    for some in (
        itertools.batched(OF_SERIES, 50)
        if hasattr(itertools, "batched")
        else [OF_SERIES[i : i + 50] for i in range(0, len(OF_SERIES), 50)]
    ):
        nodes = nodes_of(*some)
        for seed, share in ((3, 0.01), (4, 0.3)):
            assert_causal(nodes, hostile_bars(seed, share))


def test_every_operation_of_the_graph_is_among_those_tried() -> None:
    tried = {
        node.operation for i in range(0, len(OF_SERIES), 50) for node in reachable(nodes_of(*OF_SERIES[i : i + 50]))
    }
    assert set(OPERATIONS) - tried - {"indicator", "constant"} == set()
    assert "last_completed" in tried


@given(column_expressions(3), st.integers(0, 1_000_000), st.sampled_from([0.0, 0.01, 0.1]))
@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
def test_compositions_are_causal_whatever_the_bars_hold(expression: str, seed: int, share: float) -> None:
    assert_causal(nodes_of(expression), hostile_bars(seed, share))


def test_a_moving_average_does_not_sell_before_the_crash() -> None:
    (node,) = nodes_of("ta.ema(np.where(bars.close < 20, np.inf, 1), 2)")
    bars = _random_history(1, 100, 0.0001, 30.0)
    close = bars.close.copy()
    close[60] = 5.0
    values = Values(BarColumns(bars.time, bars.open, bars.high, bars.low, close, bars.volume)).series(node)
    assert (values[1:60] == 1.0).all()


@pytest.mark.parametrize(
    "name", ["sma", "ema", "rma", "wma", "hma", "dema", "tema", "t3", "linreg", "alma", "midpoint", "trima"]
)
@pytest.mark.parametrize("price", [100.37, 0.0001, 65_432.12, 3.0])
def test_the_average_of_a_price_that_stands_still_is_that_price(name: str, price: float) -> None:
    (node,) = nodes_of(f"ta.{name}(bars.close)")
    bars = _random_history(9, 900, 0.004, price)
    close = bars.close.copy()
    close[300:] = price
    values = Values(BarColumns(bars.time, bars.open, bars.high, bars.low, close, bars.volume)).series(node)
    assert (values[-10:] == price).all()


def test_a_gap_later_on_does_not_change_how_the_values_before_it_are_rounded() -> None:
    generator = np.random.default_rng(7)
    for alpha, length in ((0.1, 19), (1 / 14, 14), (0.02, 99)):
        for _ in range(20):
            x = 100.0 + np.cumsum(generator.normal(0.0, 0.1, 3_000))
            with_gap = x.copy()
            with_gap[2_500] = np.nan
            assert np.array_equal(
                kernels.smoothed(x, alpha, length)[:2_500],
                kernels.smoothed(with_gap, alpha, length)[:2_500],
                equal_nan=True,
            )


def test_the_exponential_average_of_a_price_that_stands_still_is_that_price() -> None:
    for price in (100.0, 0.0301, 63_999.99, 1.0737418, 137.438):
        for length in (2, 9, 26, 200, 1_000):
            average = kernels.smoothed(np.full(20_000, price), 2.0 / (length + 1.0), length)
            assert (average[length - 1 :] == price).all()
