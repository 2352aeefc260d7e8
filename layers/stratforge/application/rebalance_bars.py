"""The bars that a portfolio session decides on, and sees again when it is replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from stratforge.market.columns import BarColumns, exchange_timezone
from stratforge.storage.market import daily_bars
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import rebalances, replays
from stratforge.storage.strategies.rebalances import Recorded
from stratforge.strategy.rotation.seen import Windows


def seen_before(
    connection: Connection, symbols: Sequence[str], moment: datetime, window: int, snapshot: str, *, daily: bool
) -> tuple[Windows, list[int]]:
    """The last bars of symbols before a period, as they are known now, which `snapshot` tells, and the editions of their days (0 for minutes)."""
    if daily:
        return _days(connection, symbols, moment, window, None)
    last = rebalances.last_new_bars(connection, symbols, moment)
    bars = _minutes(connection, {each: last.get(each) for each in symbols}, window, snapshot)
    return Windows(bars, int(moment.timestamp())), [0] * len(symbols)


def seen_again(
    connection: Connection, symbols: Sequence[str], decision: Recorded, window: int, *, daily: bool
) -> Windows:
    """The bars that a decision saw, as it saw them."""
    if daily:
        editions = dict(zip(symbols, decision.editions, strict=True))
        return _days(connection, symbols, decision.moment, window, editions)[0]
    last = dict(zip(symbols, decision.last_bars, strict=True))
    bars = _minutes(connection, last, window, decision.snapshot)
    return Windows(bars, int(decision.moment.timestamp()))


def last_bars(windows: Windows) -> list[datetime | None]:
    """The beginning of the last bar of each symbol."""
    return [datetime.fromtimestamp(int(each.time[-1]), UTC) if len(each) else None for each in windows.bars.values()]


def _days(
    connection: Connection, symbols: Sequence[str], moment: datetime, window: int, editions: dict[str, int] | None
) -> tuple[Windows, list[int]]:
    before = {each: daily_bars.exchange_day(each, moment) for each in symbols}
    found = daily_bars.days_before(connection, before, window, editions)
    bars = {each: found[each].bars for each in symbols}
    return Windows(bars, int(moment.timestamp())), [found[each].edition for each in symbols]


def _minutes(
    connection: Connection, last: Mapping[str, datetime | None], window: int, snapshot: str | None
) -> dict[str, BarColumns]:
    """The bars of symbols up to one of each, on the scale that the ledger had at the decision and with what was corrected by then."""
    some = {symbol: at for symbol, at in last.items() if at is not None}
    found = replays.windows_in(connection, some, window, snapshot)
    return {each: found[each] if each in found else BarColumns.from_rows([], exchange_timezone(each)) for each in last}
