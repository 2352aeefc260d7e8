"""Running a strategy over history, bar by bar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stratforge.backtest.config import BacktestConfig, BacktestError
from stratforge.backtest.fills import Fills
from stratforge.backtest.loop import Loop, loop_for
from stratforge.backtest.matching import FILL_COLUMNS, NIGHTS, config_arguments
from stratforge.backtest.report import BacktestReport
from stratforge.market.columns import PRICE_COLUMNS, BarColumns, Integers, bar_seconds, exchange_timezone, local_seconds
from stratforge.market.resampling import DAY, TIMEFRAME_OF, latest_bars, resample
from stratforge.strategy import Strategy
from stratforge.strategy.graph import Values

Floats = npt.NDArray[np.float64]
_DAY = 86_400
# The least number above 0.
_LEAST_PRICE = 5e-324


def run_backtest(
    strategy: Strategy,
    bars: Any,
    config: BacktestConfig | None = None,
    *,
    symbol: str = "AAPL",
    since: int | None = None,
    others: Mapping[str, Any] | None = None,
) -> BacktestReport:
    """Runs a strategy over historical bars.

    With `since` it begins as a session does that is started then: with nothing held and an empty state, while indicators and `bar.previous` know the bars before.
    Figures, curves and trades are of the bars from then on.

    >>> from stratforge.strategy import compile_strategy
    >>> strategy = compile_strategy("def on_bar(bar, position, state):\\n    return buy() if position.quantity == 0 else sell()\\n")
    >>> price = np.array([100.0, 101.0, 102.0, 103.0])
    >>> bars = BarColumns(np.arange(4) * 60, price, price, price, price, np.ones(4))
    >>> run_backtest(strategy, bars, BacktestConfig(cash=1_000)).metrics.trades
    1

    Args:
        strategy: A compiled strategy.
        bars: A pandas DataFrame with columns open, high, low, close, volume (in any case) and a DatetimeIndex, ascending (in UTC
            when it has no time zone; days of the exchange when it has no times either); or `BarColumns`. Where the strategy says on which bars
            it decides they may be shorter, and it is run on the whole bars of its timeframe that they make.
        config: The assumptions.
        symbol: Tells the exchange, whose clock `bar.hour` and daily anchors follow.
        since: Where decisions begin, in seconds since the epoch: with the first bar that begins then or later. None begins with the first of all.
        others: The bars of the other symbols that the strategy looks at, as `bars` are given; those that `bars` have beside them already need not be.

    Raises:
        BacktestError: if the bars cannot be used, or none begins at `since` or later.
    """
    config = config or BacktestConfig()
    columns = own_bars(strategy, columns_given(bars, symbol, others))
    before = bars_before(columns, since)
    loop = loop_for(strategy, config, "python")
    values = Values(columns)
    fills = run_loop(loop, strategy, values, config, before)
    return BacktestReport.build(strategy, values, config, fills, before)


def bars_before(bars: BarColumns, since: int | None) -> int:
    """Counts the bars that begin before a time, in seconds since the epoch; none before None.

    Raises:
        BacktestError: if all do.
    """
    before = 0 if since is None else int(np.searchsorted(bars.time, since))
    if before == len(bars):
        raise BacktestError("there are no bars in this period, only before it; choose a longer one")
    return before


def columns_given(bars: Any, symbol: str, others: Mapping[str, Any] | None) -> BarColumns:
    """The columns of bars as `run_backtest` takes them, with those of other symbols beside them.

    Raises:
        BacktestError: if some of them cannot be used.
    """
    columns = bars if isinstance(bars, BarColumns) else columns_of_frame(bars, symbol)
    check_columns(columns)
    given = {
        name: each if isinstance(each, BarColumns) else columns_of_frame(each, name)
        for name, each in (others or {}).items()
    }
    for name, each in given.items():
        try:
            check_columns(each)
        except BacktestError as error:
            raise BacktestError(f"{name}: {error}") from None
    return replace(columns, others={**columns.others, **given}) if given else columns


def own_bars(strategy: Strategy, bars: BarColumns) -> BarColumns:
    """The bars that a strategy decides on: those of its timeframe, where it names one, and else the ones that are given.

    Days that it looks at beside them are made of the bars where nobody has them; as those of the exchange they are known from the next day on.

    Raises:
        BacktestError: if the bars are longer than those, or do not make any, or are of what the strategy cannot sell short; or if those of another symbol that it
            looks at are missing or do not fit.
    """
    if strategy.shorts and bars.timezone.key == "UTC":
        raise BacktestError(
            "crypto cannot be sold short, and this strategy goes short; choose a stock, or use sell() alone"
        )
    timeframe, length = strategy.timeframe, 60 * strategy.bar_minutes
    if strategy.other_symbols:
        bars = replace(bars, others=_others(strategy, bars, length if timeframe else bars.seconds))
    if strategy.reads_days and bars.days is None and bars.seconds < _DAY:
        bars = replace(bars, days=resample(bars, DAY).bars)
    if timeframe is None or bars.seconds == length:
        return bars
    if length % bars.seconds:
        raise BacktestError(
            f'bars of {_length(bars.seconds)} make none of TIMEFRAME = "{timeframe}"; give bars of that length or of a minute'
        )
    made = latest_bars(bars, timeframe, len(bars)) if bars.seconds < length else bars
    if not len(made):
        raise BacktestError(
            f'{len(bars):,} bars of {_length(bars.seconds)} make no whole one of TIMEFRAME = "{timeframe}"; give a longer period'
        )
    return made


def _others(strategy: Strategy, bars: BarColumns, length: int) -> dict[str, BarColumns]:
    """The bars of the other symbols that a strategy on bars of so many seconds looks at."""
    found = {}
    for symbol in strategy.other_symbols:
        try:
            other = bars.others[symbol]
        except KeyError:
            raise BacktestError(
                f"the strategy looks at {symbol}; give the bars of {symbol} too: --bars-of {symbol}=FILE"
            ) from None
        if other.timezone != bars.timezone:
            raise BacktestError(f"stocks and crypto are not looked at together, and {symbol} is of another exchange")
        if other.seconds > length and strategy.reads_bars_of(symbol):
            raise BacktestError(
                f"the bars of {symbol} are {_length(other.seconds)} long and those that look at them {_length(length)}; give shorter ones"
            )
        if other.seconds < length == _DAY:
            # A day is decided on when it is over.
            other = latest_bars(other, DAY, len(other))
        elif other.seconds < length and length // 60 not in TIMEFRAME_OF:
            raise BacktestError(f"give bars of {symbol} that are {_length(length)} long, as those that look at them")
        found[symbol] = other
    return found


def _length(seconds: int) -> str:
    return f"{seconds // _DAY} days" if seconds % _DAY == 0 else f"{seconds // 60} minutes"


def run_loop(
    loop: Loop, strategy: Strategy, values: Values, config: BacktestConfig, start: int = 0, stop: int | None = None
) -> Fills:
    """Runs a loop of the interpreter on bars `start` to `stop` and gives the fills, with bars counted from `start`."""
    stop = len(values.bars) if stop is None else stop
    arrays = {name: loop_column(strategy, values, name)[start:stop] for name in loop.columns}
    inputs = [array if name in loop.rare else array.tolist() for name, array in arrays.items()]
    parameters = loop_parameters(loop, strategy, values, start)
    rows: list[tuple[float, ...]] = []
    loop.function(stop - start, config.cash, *inputs, *parameters, *config_arguments(config), rows)
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(FILL_COLUMNS))
    return Fills(*(np.ascontiguousarray(table[:, index]) for index in range(len(FILL_COLUMNS))))


def loop_column(strategy: Strategy, values: Values, name: str) -> Floats:
    """The column a loop reads under `name`: an indicator, a price, a time field, or the nights before each bar."""
    if name == NIGHTS:
        return values.bars.nights
    node = strategy.columns.get(name)
    if node is not None:
        return values.series(node)
    column: Floats = getattr(values.bars, name)
    return column


def loop_parameters(loop: Loop, strategy: Strategy, values: Values, start: int) -> list[float]:
    """Returns the arguments of a loop from bar `start` on after its columns: the values of the bar before (unknown at
    the first), and the constants."""
    earlier = [float(loop_column(strategy, values, name)[start - 1]) if start else math.nan for name in loop.earlier]
    return earlier + [strategy.parameters[name] for name in loop.parameters]


def columns_of_frame(frame: Any, symbol: str, times: FrameTimes | None = None) -> BarColumns:
    """Columns of a pandas DataFrame; `times` are those of its index, where they are known already.

    Raises:
        BacktestError: naming the column or the row that cannot be used.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise BacktestError(f"bars are a {type(frame).__name__}; give a pandas DataFrame with a DatetimeIndex")
    by_name = {str(name).strip().lower(): name for name in frame.columns}
    missing = [name for name in PRICE_COLUMNS if name not in by_name]
    if missing:
        raise BacktestError(f"bars have no column {', '.join(missing)}; they need {', '.join(PRICE_COLUMNS)}")
    times = times or FrameTimes.of(frame.index, symbol)
    try:
        numbers = [np.ascontiguousarray(frame[by_name[name]].to_numpy(dtype=np.float64)) for name in PRICE_COLUMNS]
    except (TypeError, ValueError) as error:
        raise BacktestError(f"bars hold something that is not a number: {error}") from None
    return BarColumns(
        times.seconds,
        *numbers,
        timezone=exchange_timezone(symbol),
        daily=times.daily,
        minutes=max(1, times.bar_seconds // 60),
    )


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """The times of a pandas index in seconds since the epoch, whether they are days, and how long each bar is (see `bar_seconds`)."""

    seconds: Integers
    daily: bool
    bar_seconds: int

    @classmethod
    def of(cls, index: Any, symbol: str) -> FrameTimes:
        """Takes the times of an index.

        Raises:
            BacktestError: if it has none.
        """
        import pandas as pd

        if not isinstance(index, pd.DatetimeIndex):
            raise BacktestError("the index of bars is not a DatetimeIndex; convert it with pandas.to_datetime")
        if index.hasnans:
            raise BacktestError(f"row {int(np.flatnonzero(index.isna())[0])} of bars has no time; remove it")
        # Dates without a time are days of the exchange, whatever the time is in London when they begin.
        dates = index.tz is None and len(index) > 0 and index[0] == index[0].normalize()
        daily = dates and bool((index == index.normalize()).all())
        if daily:
            index = index.tz_localize(exchange_timezone(symbol)).tz_convert("UTC")
        else:
            index = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
        seconds = np.ascontiguousarray(index.as_unit("s").asi8)
        return cls(seconds, daily, bar_seconds(local_seconds(seconds, exchange_timezone(symbol)), daily=daily))


def check_columns(bars: BarColumns) -> None:
    """Refuses bars that no market could have made.

    Raises:
        BacktestError: naming the first row that is wrong.
    """
    if len(bars) == 0:
        raise BacktestError("there are no bars; give at least one")
    later = bars.time[1:] > bars.time[:-1]
    if not later.all():
        row = int(later.argmin()) + 1
        raise BacktestError(f"row {row} of bars is not later than the one before; sort them and drop doubles")
    for name in PRICE_COLUMNS:
        column, least = getattr(bars, name), 0.0 if name == "volume" else _LEAST_PRICE
        # False of NaN too.
        if not (column.min() >= least and column.max() < np.inf):
            row = int(((column >= least) & (column < np.inf)).argmin())
            raise BacktestError(f"{name} of row {row} is {column[row]}; drop the row or mend it")
    low, high = np.minimum(bars.open, bars.close), np.maximum(bars.open, bars.close)
    encloses = (bars.low <= low) & (bars.high >= high)
    if not encloses.all():
        tolerance = 1e-9 * bars.close
        encloses = (bars.low <= low + tolerance) & (bars.high >= high - tolerance)
    if not encloses.all():
        row = int(encloses.argmin())
        raise BacktestError(
            f"the high or low of row {row} does not enclose its open and close; drop the row or mend it"
        )
