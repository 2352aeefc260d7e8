"""Measures what every operation costs, fits the weights of `stratforge/strategy/cost_weights.json`, and says how far nominal and measured times are apart.

    make bench ARGS=cost                        # the comparison: operations, and whole random strategies on their own windows
    python -m tests.benchmarks.cost --fit       # writes the weights anew; with names after it (ta.vwap resampled) only theirs

Times are of the processor, the fastest of several; weights are rounded up to two digits.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.market.resampling import TIMEFRAMES
from stratforge.strategy import PositionView, StrategyError, compile_strategy, cost
from stratforge.strategy.evaluation import Runnable, run_last_bar
from stratforge.strategy.graph import NODES, Argument, Node, Values, on_own_bars, price_column
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import _random_history, window_length

from functions.sandbox.confinement import keep_memory
from tests.support.random_programs import program

Row = tuple[str, str, str, str, str]
WINDOWS = (64, 256, 1_024, 4_096)
LENGTHS = (2, 5, 14, 50, 200, 1_000)
# Longer ones are over the budget of a bar anyway.
LONGEST_NANOSECONDS = 60e6
# Of what an operation took at its slowest, at least so much is counted.
_FAR_BELOW = 0.75
_LONG_ENOUGH_NANOSECONDS = 2e6
_TABLE = Path(cost.__file__).with_name("cost_weights.json")
_CLOSE, _OPEN = NODES.node("column:close"), NODES.node("column:open")


@dataclass(frozen=True, slots=True)
class Measured:
    """Nanoseconds of one operation over so many bars."""

    node: Node
    bars: int
    nanoseconds: float


def fastest(run: Callable[[], object]) -> float:
    """Nanoseconds of processor time of the fastest of five runs, of more where they are short: the machine has other work."""
    spent: list[int] = []
    while len(spent) < 5 or sum(spent) < _LONG_ENOUGH_NANOSECONDS:
        began = time.process_time_ns()
        run()
        spent.append(time.process_time_ns() - began)
        if spent[-1] > LONGEST_NANOSECONDS:
            break
    return float(min(spent))


def operations() -> Iterator[Node]:
    """Every operation, with several lengths."""
    for name, each in REGISTRY.items():
        columns = ("open", "high", "low", "close", "volume")
        inputs = tuple(
            NODES.node(f"column:{column}") if column in columns else (_CLOSE, _OPEN)[place % 2]
            for place, column in enumerate(each.inputs)
        )
        lengths = [p.kind == "length" and p.name != "ddof" for p in each.parameters]
        for length in LENGTHS if any(lengths) else LENGTHS[:1]:
            values: list[list[Argument]] = [
                [max(length, int(parameter.minimum))] if is_length
                else list(parameter.choices) if parameter.kind == "choice" else [parameter.default]
                for parameter, is_length in zip(each.parameters, lengths, strict=True)
            ]  # fmt: skip
            for arguments in product(*values):
                yield NODES.node("indicator", inputs, (name, *arguments))
    for operation in ("add", "subtract", "multiply", "divide", "floor_divide", "modulo", "power", "minimum", "maximum"):
        yield NODES.node(operation, (_CLOSE, _OPEN))
    for operation in ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "and", "or", "xor"):
        yield NODES.node(operation, (_CLOSE, _OPEN), logical=True)
    yield NODES.node("where", (_CLOSE, _OPEN, _CLOSE))
    for operation in (
        "logarithm",
        "logarithm10",
        "exponential",
        "square_root",
        "absolute",
        "negative",
        "sign",
        "floor",
        "ceiling",
        "ffill",
    ):
        yield NODES.node(operation, (_CLOSE,))
    yield from (_CLOSE, NODES.node("column:volume"))
    for timeframe in TIMEFRAMES:
        yield NODES.node("resampled", (), (timeframe,), timeframe=timeframe)
        yield on_own_bars(price_column("close", timeframe))
    for operation in ("is_nan", "not_nan", "not"):
        yield NODES.node(operation, (_CLOSE,), logical=True)
    yield NODES.node("constant", (), (1.0,))
    yield NODES.node("round", (_CLOSE,), (2,))
    yield NODES.node("fillna", (_CLOSE,), (2.0,))
    for length in LENGTHS:
        for operation in ("mean", "sum", "min", "max", "median"):
            yield NODES.node(f"rolling_{operation}", (_CLOSE,), (length,))
        for operation in ("std", "var"):
            yield NODES.node(f"rolling_{operation}", (_CLOSE,), (length, 1))
        yield NODES.node("rolling_quantile", (_CLOSE,), (length, 0.3))
        for operation in ("shift", "diff", "pct_change"):
            yield NODES.node(operation, (_CLOSE,), (length,))
        for adjust in (False, True):
            yield NODES.node("ewm_mean", (_CLOSE,), (2.0 / (length + 1), adjust, 0))


def _with_gaps(window: BarColumns, length: int) -> BarColumns:
    """A window where as many bars have values as have none, in turns."""
    known = np.arange(len(window)) // length % 2 == 0
    columns = (np.where(known, getattr(window, name), np.nan) for name in PRICE_COLUMNS)
    return BarColumns(window.time, *columns)


def _thin(window: BarColumns, a_day: int) -> BarColumns:
    """A window of a symbol that trades a few times a day."""
    day, minute = np.divmod(np.arange(len(window), dtype=np.int64), a_day)
    return replace(window, time=86_400 * (19_675 + day) + 60 * (900 + minute))


def _looks_at_days(node: Node) -> bool:
    return node.operation == "resampled" or (
        node.operation == "indicator" and REGISTRY[str(node.arguments[0])].anchored
    )


def _known(node: Node, window: BarColumns) -> Values:
    """The values of a window in which the inputs of a node are known."""
    values = Values(window)
    for each in node.inputs:
        values.series(each)
    return values


def _compute(values: Values, node: Node, target: Node) -> None:
    """Computes a node whose inputs are known."""
    values._computed.pop(node, None)
    values._computed.pop(target, None)
    if node.operation == "resampled":
        values._resampled.clear()
    values.series(target)


def measurements(names: Container[str] | None = None) -> Iterator[Measured]:
    """What each operation (those of these names in the table of weights, or all) takes on windows that it fits into, until it takes too long."""
    keep_memory()  # As in the sandbox.
    slow: set[tuple[str, int]] = set()
    for node in operations():
        name = cost.weight_name(node)
        if names and name not in names:
            continue
        for bars in WINDOWS:
            length = cost.longest_argument(node)
            if length >= bars or any((name, shorter) in slow for shorter in range(length + 1)):
                continue
            target = NODES.node("field", (node,), (0,)) if node.operation in ("indicator", "resampled") else node
            window = _random_history(1, bars, 0.003, 50.0)
            try:
                Values(window).series(target)
            except (ArithmeticError, ValueError):
                continue
            # Whatever the data holds: also where a quotient is as long as it may be, where every other value is unknown, and where as many are as lets an
            # average begin anew; and where what looks at days has many of them.
            far = replace(window, open=window.close / 2.0**63)
            windows = [window, far, _with_gaps(window, 1), _with_gaps(window, max(length, 2))]
            if _looks_at_days(node):
                windows += [_thin(window, a_day) for a_day in (1, 3, 60)]
            spent = max(fastest(partial(_compute, _known(node, each), node, target)) for each in windows)
            if spent > LONGEST_NANOSECONDS:
                slow.add((name, length))
            yield Measured(node, bars, spent)


def fitted(some: list[Measured]) -> tuple[float, ...]:
    """The weights that come closest to some measurements of an operation in proportion, are below a tenth of them at most, and far below none."""
    rows = np.array([cost.features(each.node, each.bars) for each in some], dtype=float)
    times = np.array([each.nanoseconds for each in some])
    use = [place for place in range(rows.shape[1]) if rows[:, place].any()]
    while True:
        weights = np.zeros(rows.shape[1])
        weights[use] = np.linalg.lstsq(rows[:, use] / times[:, None], np.ones(len(times)), rcond=None)[0]
        if (weights >= 0).all():
            break
        use.remove(int(weights.argmin()))
    short = times / (rows @ weights)
    weights *= max(1.0, float(np.percentile(short, 90)), _FAR_BELOW * float(short.max()))
    return tuple(_two_digits(weight) for weight in weights)


def _two_digits(number: float) -> float:
    if number <= 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(number)) - 1)
    return float(f"{np.ceil(number / unit) * unit:.3g}")


def fit(names: Container[str]) -> None:
    """Writes the table of weights, those of all or of some operations anew."""
    by_name: dict[str, list[Measured]] = defaultdict(list)
    for each in measurements(names):
        by_name[cost.weight_name(each.node)].append(each)
    table = (json.loads(_TABLE.read_text()) if names else {}) | {name: fitted(some) for name, some in by_name.items()}
    weights = ",\n".join(f' "{name}": {json.dumps(each)}' for name, each in sorted(table.items()))
    _TABLE.write_text(f"{{\n{weights}\n}}\n")


def strategies() -> Iterator[float]:
    """Nominal by measured time of an evaluation of random strategies on their own windows."""
    for seed in range(400):
        try:
            strategy = compile_strategy(program(seed))
            nominal = strategy.cost.nanoseconds
        except StrategyError:
            continue
        window = _random_history(3, window_length(strategy.lookback), 0.003, 50.0)
        runnable = Runnable.of(strategy)

        def evaluate(runnable: Runnable = runnable, window: BarColumns = window) -> object:
            return run_last_bar(runnable, Values(window), PositionView(1.0, 50.0, 3.0), {})

        yield nominal / fastest(evaluate)


def run() -> list[Row]:
    """The rows of the table."""
    singles = [cost.node_nanoseconds(each.node, each.bars) / each.nanoseconds for each in measurements()]
    found = {"single operations": singles, "random strategies": list(strategies())}
    return [
        (
            f"nominal by measured time, {name}",
            f"{np.median(ratios):.2f} x",
            f"{len(ratios):,}: 1 % below {np.percentile(ratios, 1):.2f}, 99 % below {np.percentile(ratios, 99):.1f}",
            f"{min(ratios):.2f} to {max(ratios):.1f}",
            "1 to 4; none below 0.5",
        )
        for name, ratios in found.items()
    ]


if __name__ == "__main__":
    if "--fit" in sys.argv:
        fit(sys.argv[sys.argv.index("--fit") + 1 :])
    for row in run():
        print(*row, sep=" | ")
