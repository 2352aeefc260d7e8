"""The bars that a portfolio session decides on, and sees again when it is replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from stratforge.market.columns import BarColumns, exchange_timezone
from stratforge.storage.market import daily_bars
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import rebalances, replays
from stratforge.storage.strategies.rebalances import Recorded
from stratforge.strategy.lookback import FARTHER, FARTHER_BARS, MAX_DAYS, OfOther
from stratforge.strategy.rotation.seen import Windows


@dataclass(frozen=True, slots=True)
class SeenBars:
    """The bars that a decision sees.

    Attributes:
        windows: The bars of each symbol.
        editions: The editions of their days; 0 for minutes.
        first_bars: Where those of a symbol begin of which more than a window is seen.
    """

    windows: Windows
    editions: list[int]
    first_bars: list[datetime | None]

    @property
    def last_bars(self) -> list[datetime | None]:
        """The beginning of the last bar of each symbol."""
        return [_time(each, -1) for each in self.windows.bars.values()]


def seen_before(
    connection: Connection,
    symbols: Sequence[str],
    moment: datetime,
    window: int,
    snapshot: str,
    *,
    daily: bool,
    looks_at: Sequence[tuple[str, OfOther]] = (),
) -> SeenBars:
    """The last bars of symbols before a period, as they are known now, which `snapshot` tells: a window of each, and more of those that are looked at with bars of others which lie farther back."""
    if daily:
        windows, editions = _days(connection, symbols, moment, window, None)
    else:
        last = rebalances.last_new_bars(connection, symbols, moment)
        bars = _minutes(connection, {each: last.get(each) for each in symbols}, window, snapshot)
        windows, editions = Windows(bars, int(moment.timestamp())), [0] * len(symbols)
    needed = dict(looks_at)
    lacking = windows.lacking(needed, window)
    if not lacking:
        return SeenBars(windows, editions, [None] * len(symbols))
    firsts = {symbol: datetime.fromtimestamp(first, UTC) for symbol, first in lacking.items()}
    before = max(needed[symbol].bars for symbol in lacking)
    if daily:
        known = dict(zip(symbols, editions, strict=True))
        farther = _days(connection, list(lacking), moment, MAX_DAYS, known)[0].bars
        farther = {symbol: _from(each, firsts[symbol], before) for symbol, each in farther.items()}
    else:
        spans = {symbol: (max(first, moment - FARTHER), last[symbol]) for symbol, first in firsts.items()}
        spans = {symbol: span for symbol, span in spans.items() if span[0] < span[1]}
        most = window + FARTHER_BARS // len(lacking)
        found = replays.windows_from(connection, spans, before, snapshot)
        farther = {symbol: each.tail(most) for symbol, each in found.items()}
    farther = {symbol: each for symbol, each in farther.items() if len(each) > len(windows.bars[symbol])}
    seen = Windows({**windows.bars, **farther}, windows.moment)
    return SeenBars(seen, editions, [_time(farther[each], 0) if each in farther else None for each in symbols])


def seen_again(
    connection: Connection, symbols: Sequence[str], decision: Recorded, window: int, *, daily: bool
) -> Windows:
    """The bars that a decision saw, as it saw them."""
    begun = dict(zip(symbols, decision.first_bars or [None] * len(symbols), strict=True))
    firsts = {symbol: first for symbol, first in begun.items() if first is not None}
    if daily:
        editions = dict(zip(symbols, decision.editions, strict=True))
        windows = _days(connection, symbols, decision.moment, window, editions)[0]
        farther = _days(connection, list(firsts), decision.moment, MAX_DAYS, editions)[0].bars if firsts else {}
        farther = {symbol: _from(each, firsts[symbol]) for symbol, each in farther.items()}
    else:
        last = dict(zip(symbols, decision.last_bars, strict=True))
        bars = _minutes(connection, last, window, decision.snapshot)
        windows = Windows(bars, int(decision.moment.timestamp()))
        spans = {symbol: (first, last[symbol] or first) for symbol, first in firsts.items()}
        farther = replays.windows_from(connection, spans, 0, decision.snapshot) if spans else {}
    return Windows({**windows.bars, **farther}, windows.moment)


def _time(bars: BarColumns, place: int) -> datetime | None:
    return datetime.fromtimestamp(int(bars.time[place]), UTC) if len(bars) else None


def _from(bars: BarColumns, first: datetime, before: int = 0) -> BarColumns:
    """The bars from a first on, and so many before it."""
    place = int(bars.time.searchsorted(int(first.timestamp())))
    return bars.slice(max(0, place - before), len(bars))


def _days(
    connection: Connection, symbols: Sequence[str], moment: datetime, window: int, editions: Mapping[str, int] | None
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
