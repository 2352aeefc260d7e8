"""Bars from CSV and Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stratforge.backtest.config import BacktestError
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.market.symbols import encode_symbol, is_symbol

if TYPE_CHECKING:
    import pandas as pd

_PARQUET = (".parquet", ".pq")
_TIME_NAMES = ("time", "timestamp", "datetime", "date", "t")


def read_bars(path: Path) -> pd.DataFrame:
    """The bars of a file: columns open, high, low, close, volume and a DatetimeIndex, ascending, in UTC or, where the file has
    dates alone, of days without a time zone.

    Columns are found whatever their case; the time is a column called time, timestamp, datetime or date, or the first.

    Raises:
        BacktestError: naming the file, the row (counted as in the file) and the reason.
    """
    return _bars(_table(path), path)


def read_bars_of(path: Path, symbols: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The bars of several symbols, each as `read_bars` gives them: of a folder that has a file for each (`AAPL.csv`, `BTC-USD.csv`), or of one
    file with a column called symbol.

    Raises:
        BacktestError: naming the file and the symbol that is not there, or as `read_bars` does.
    """
    if path.is_dir():
        return {symbol: read_bars(_file_of(path, symbol)) for symbol in symbols}
    table = _table(path)
    if "symbol" not in table.columns:
        raise BacktestError(f"{path} has no column symbol; give one, or a folder with a file for each symbol")
    # Rows keep their numbers, by which errors name them.
    places = table.groupby(table["symbol"].astype(str).str.strip().str.upper()).indices
    missing = [symbol for symbol in symbols if symbol not in places]
    if missing:
        raise BacktestError(f"{path} has no bars of {', '.join(missing)}")
    return {symbol: _bars(table.iloc[places[symbol]].copy(), path) for symbol in symbols}


def read_others(texts: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The bars of other symbols that a strategy looks at, each given as `SPY=spy.csv`.

    Raises:
        BacktestError: if one is not given so, or as `read_bars` does.
    """
    found = {}
    for text in texts:
        symbol, _, path = text.partition("=")
        if not is_symbol(symbol) or not path:
            raise BacktestError(f"--bars-of {text} is not SYMBOL=FILE, such as SPY=spy.csv")
        found[symbol] = read_bars(Path(path))
    return found


def _file_of(folder: Path, symbol: str) -> Path:
    names = dict.fromkeys((symbol.replace("/", "-"), encode_symbol(symbol)))
    for name in names:
        for suffix in (".csv", *_PARQUET):
            if (folder / f"{name}{suffix}").is_file():
                return folder / f"{name}{suffix}"
    raise BacktestError(f"{folder} has no file {next(iter(names))}.csv with the bars of {symbol}")


def _table(path: Path) -> pd.DataFrame:
    """The rows of a file, with the names of columns in lower case."""
    import pandas as pd

    try:
        if path.suffix.lower() in _PARQUET:
            frame = pd.read_parquet(path).reset_index()
        else:
            frame = pd.read_csv(path)
    except FileNotFoundError:
        raise BacktestError(f"there is no file {path}") from None
    except Exception as error:
        raise BacktestError(f"{path} cannot be read: {error}") from error
    if frame.empty:
        raise BacktestError(f"{path} has no rows")
    frame.columns = [str(name).strip().lower() for name in frame.columns]
    return frame


def _bars(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    import pandas as pd

    missing = [name for name in PRICE_COLUMNS if name not in frame.columns]
    if missing:
        raise BacktestError(f"{path} has no column {', '.join(missing)}; it has {', '.join(frame.columns)}")
    name = next((each for each in _TIME_NAMES if each in frame.columns), frame.columns[0])
    # Rows as a person counts them: the header is row 1 of a CSV file.
    first = 1 if path.suffix.lower() in _PARQUET else 2
    times = pd.to_datetime(
        frame[name], utc=True, errors="coerce", format="ISO8601" if frame[name].dtype == object else None
    )
    wrong = times.isna().to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        raise BacktestError(f"{path}, row {frame.index[row] + first}: {frame[name].iloc[row]!r} is not a time")
    if _are_dates(frame[name]):
        times = times.dt.tz_localize(None)
    for column in PRICE_COLUMNS:
        numbers = pd.to_numeric(frame[column], errors="coerce")
        wrong = numbers.isna().to_numpy()
        if wrong.any():
            row = int(wrong.argmax())
            value = frame[column].iloc[row]
            shown = repr(value) if isinstance(value, str) else "empty"
            raise BacktestError(f"{path}, row {frame.index[row] + first}: {column} is {shown}, not a number")
        frame[column] = numbers
    bars = frame[list(PRICE_COLUMNS)].set_index(pd.DatetimeIndex(times, name="time")).astype("float64")
    doubled = bars.index.duplicated()
    if doubled.any():
        row = int(frame.index[int(doubled.argmax())])
        raise BacktestError(f"{path}, row {row + first}: this time came before; drop doubles")
    return bars.sort_index()


def _are_dates(column: pd.Series[Any]) -> bool:
    """Returns whether the times of a file are days: dates that were written without a time, or stored without a time zone at midnight."""
    import pandas as pd

    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return False
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return bool((column == column.dt.normalize()).all())
    return bool(column.astype(str).str.fullmatch(r"\s*\d{4}-\d{2}-\d{2}\s*").all())
