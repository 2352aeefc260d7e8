"""Well-known strategies once more, in pandas, numpy and plain loops, with nothing of the engine: each gives its trades and what became of the money.

A script is given a table of days (or of five minutes) with open, high, low, close and volume, and trades with all of its money, five basis points worse than
the market at the open and at stops, and at limits or better.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

WORSE = 0.0005
Rows = list[tuple[int, float, int, float]]


@dataclass
class Money:
    """Cash and shares, and the trades so far: bars and prices of entry and exit."""

    cash: float = 100_000.0
    shares: float = 0.0
    entered: tuple[int, float] = (-1, 0.0)
    trades: Rows = field(default_factory=list)

    def buy(self, bar: int, wanted: float, price: float) -> None:
        """Buys what is wanted, or what can be paid."""
        self.shares = min(wanted, self.cash / price)
        self.cash = max(self.cash - self.shares * price, 0.0)
        self.entered = bar, price

    def sell(self, bar: int, price: float) -> None:
        """Sells all."""
        self.cash += self.shares * price
        self.trades.append((*self.entered, bar, price))
        self.shares = 0.0


Script = Callable[[pd.DataFrame], Money]


def signals(enter: Callable[[pd.DataFrame], pd.Series], leave: Callable[[pd.DataFrame], pd.Series]) -> Script:
    """A strategy that decides at the close by two conditions, and trades at the next open."""

    def run(days: pd.DataFrame) -> Money:
        money, wanted, leaving = Money(), 0.0, False
        table = zip(days["open"], days["close"], enter(days), leave(days), strict=True)
        for bar, (open_, close, enters, leaves) in enumerate(table):
            if wanted:
                money.buy(bar, wanted, open_ * (1 + WORSE))
            elif leaving:
                money.sell(bar, open_ * (1 - WORSE))
            wanted = (money.cash / close) if enters and not money.shares else 0.0
            leaving = bool(leaves and money.shares)
        return money

    return run


def average(days: pd.DataFrame, length: int) -> pd.Series:
    """The simple average of closes."""
    return days["close"].rolling(length).mean()


def band(days: pd.DataFrame, width: float) -> pd.Series:
    """The average of twenty days, and `width` standard deviations of a population beside it."""
    return average(days, 20) + width * days["close"].rolling(20).std(ddof=0)


def top(days: pd.DataFrame, length: int) -> pd.Series:
    """The highest price of the days before."""
    return days["high"].rolling(length).max().shift(1)


def bottom(days: pd.DataFrame, length: int) -> pd.Series:
    """The lowest price of the days before."""
    return days["low"].rolling(length).min().shift(1)


def strength(days: pd.DataFrame, length: int, *, from_the_first: bool = False) -> pd.Series:
    """Wilder's relative strength index; with averages that weigh what there is `from_the_first` bar on, which matters until there are many."""
    change = days["close"].diff()
    up, down = (
        side.ewm(alpha=1 / length, adjust=from_the_first).mean()
        for side in (change.clip(lower=0), -change.clip(upper=0))
    )
    return 100 * up / (up + down)


def williams(days: pd.DataFrame) -> pd.Series:
    """Where the close lies in the range of fourteen days, from -100 to 0."""
    high, low = days["high"].rolling(14).max(), days["low"].rolling(14).min()
    return 100 * (days["close"] - low) / (high - low) - 100


def deviation(days: pd.DataFrame) -> pd.Series:
    """How many standard deviations the close lies from the average of thirty days."""
    return (days["close"] - average(days, 30)) / days["close"].rolling(30).std()


def calendar(days: pd.DataFrame) -> pd.DatetimeIndex:
    """The days themselves."""
    assert isinstance(days.index, pd.DatetimeIndex)
    return days.index


def fell_thrice(days: pd.DataFrame) -> pd.Series:
    """Three lower closes in a row above the long average."""
    lower = days["close"].diff() < 0
    return (
        lower
        & lower.shift(1, fill_value=False)
        & lower.shift(2, fill_value=False)
        & (days["close"] > average(days, 200))
    )


def month_turns(days: pd.DataFrame) -> pd.Series:
    """From the 27th to the 2nd."""
    return pd.Series((calendar(days).day >= 27) | (calendar(days).day < 3), days.index)


def winter(days: pd.DataFrame) -> pd.Series:
    """From November to April."""
    return pd.Series((calendar(days).month >= 11) | (calendar(days).month < 5), days.index)


def volatility_breakout(days: pd.DataFrame) -> Money:
    """A stop order for a day, and out at the open after the day of the purchase."""
    money, order, leaving = Money(), None, False
    for bar, (open_, high, low, close) in enumerate(days[["open", "high", "low", "close"]].itertuples(index=False)):
        if leaving:
            money.sell(bar, open_ * (1 - WORSE))
        elif order is not None:
            wanted, stop = order
            if high >= stop * (1 - 1e-12):
                money.buy(bar, wanted, max(open_, stop) * (1 + WORSE))
        leaving, order = money.shares > 0, None
        if not leaving:
            stop = close + 0.5 * (high - low)
            order = money.cash / stop, stop
    return money


def limit_pullback(days: pd.DataFrame) -> Money:
    """A limit for a day, three percent below the close."""
    money, order, leaving = Money(), None, False
    trend, exits = average(days, 200).to_numpy(), average(days, 5).to_numpy()
    for bar, (open_, low, close) in enumerate(days[["open", "low", "close"]].itertuples(index=False)):
        if leaving:
            money.sell(bar, open_ * (1 - WORSE))
        elif order is not None:
            wanted, limit = order
            if low <= limit * (1 + 1e-12):
                money.buy(bar, wanted, min(limit, min(open_, limit) * (1 + WORSE)))
        leaving, order = bool(money.shares > 0 and close > exits[bar]), None
        if not money.shares and close > trend[bar]:
            order = money.cash / (close * 0.97), close * 0.97
    return money


def channel_stop_orders(days: pd.DataFrame) -> Money:
    """One order rests at a time, moved every day: above while nothing is held, below while something is."""
    money, order = Money(), (0.0, np.nan)
    highest, lowest = days["high"].rolling(20).max().to_numpy(), days["low"].rolling(10).min().to_numpy()
    for bar, (open_, high, low) in enumerate(days[["open", "high", "low"]].itertuples(index=False)):
        wanted, stop = order
        if money.shares and low <= stop * (1 + 1e-12):
            money.sell(bar, min(open_, stop) * (1 - WORSE))
        elif not money.shares and wanted and high >= stop * (1 - 1e-12):
            money.buy(bar, wanted, max(open_, stop) * (1 + WORSE))
        if money.shares:
            order = 0.0, lowest[bar]
        else:
            order = (money.cash / highest[bar], highest[bar]) if highest[bar] == highest[bar] else (0.0, np.nan)
    return money


def opening_range(bars: pd.DataFrame) -> Money:
    """Five-minute bars of the regular hours, by the exchange's clock."""
    money, order, leaving, stop = Money(), 0.0, False, 0.0
    high = low = 0.0
    bought = False
    for bar, (at, row) in enumerate(bars.iterrows()):
        if order:
            money.buy(bar, order, row["open"] * (1 + WORSE))
        elif leaving:
            money.sell(bar, row["open"] * (1 - WORSE))
        if money.shares and row["low"] <= stop * (1 + 1e-12):
            money.sell(bar, min(row["open"], stop) * (1 - WORSE))
        order, leaving = 0.0, False
        assert isinstance(at, pd.Timestamp)
        minute = at.hour * 60 + at.minute
        if minute == 570:
            high, low, bought = row["high"], row["low"], False
        elif minute < 600:
            high, low = max(high, row["high"]), min(low, row["low"])
        elif money.shares:
            leaving = minute >= 950
        elif not bought and minute < 900 and row["close"] > high:
            order, stop, bought = money.cash / row["close"], low, True
    return money


def average_of_days(bars: pd.DataFrame, length: int) -> pd.Series:
    """The average close of so many days before the day of each bar; the days are the table's `days`."""
    days = bars.attrs["days"]
    averages, dates = days["close"].rolling(length).mean().to_numpy(), days.index.strftime("%Y-%m-%d").tolist()
    today = pd.DatetimeIndex(bars.index).strftime("%Y-%m-%d").tolist()
    return pd.Series([averages[sum(each < day for each in dates) - 1] for day in today], index=bars.index)


def to_close(bars: pd.DataFrame) -> pd.Series:
    """Minutes from the beginning of a bar to four in the afternoon."""
    at = pd.DatetimeIndex(bars.index)
    return pd.Series(960 - at.hour.to_numpy() * 60 - at.minute.to_numpy(), index=bars.index)


@dataclass
class Margin(Money):
    """Money that can be short too: whole shares, half of their value as equity, and a fee for each night on whole hundreds."""

    def short(self, bar: int, wanted: float, price: float) -> None:
        """Sells short what is wanted, or what the margin allows."""
        allowed = self.cash / max(price / 2, 5.0 if price >= 5 else max(price, 2.5))
        self.shares = -float(math.floor(min(wanted, allowed) + 1e-9))
        self.cash -= self.shares * price
        self.entered = bar, price

    def nights(self, count: int, price: float) -> None:
        """Pays for what is borrowed over some nights, at the last close."""
        if self.shares < 0:
            self.cash -= math.ceil(-self.shares / 100) * 100 * price * 0.0025 / 360 * count

    def called(self, price: float) -> bool:
        """Whether the equity at a close is less than is needed."""
        needed = max(0.3 * price, 5.0) if price >= 5 else max(price, 2.5)
        return self.shares < 0 and self.cash + self.shares * price < -self.shares * needed


def both_ways(
    enter: Callable[[pd.DataFrame], pd.Series] | None,
    leave: Callable[[pd.DataFrame], pd.Series] | None,
    short: Callable[[pd.DataFrame], pd.Series],
    cover: Callable[[pd.DataFrame], pd.Series],
) -> Script:
    """A strategy that goes long and short by conditions at the close, and trades at the next open; what its margin does not allow is covered there too."""

    def run(days: pd.DataFrame) -> Money:
        money = Margin()
        never = pd.Series(False, days.index)
        conditions = [never if each is None else each(days) for each in (enter, leave, short, cover)]
        order, called, before = ("", 0.0), False, 0.0
        table = zip(days["open"], days["close"], calendar(days).normalize().tz_localize(None), *conditions, strict=True)
        last = None
        for bar, (open_, close, day, enters, leaves, shorts, covers) in enumerate(table):
            money.nights(0 if last is None else (day - last).days, before)
            side, wanted = order
            if called or side == "cover":
                money.sell(bar, open_ * (1 + WORSE))
            elif side == "sell":
                money.sell(bar, open_ * (1 - WORSE))
            elif side == "buy":
                money.buy(bar, wanted, open_ * (1 + WORSE))
            elif side == "short":
                money.short(bar, math.floor(wanted), open_ * (1 - WORSE))
            order, called, before, last = ("", 0.0), money.called(close), close, day
            if not money.shares and (enters or shorts):
                order = ("buy" if enters else "short"), money.cash / close
            elif money.shares > 0 and leaves:
                order = "sell", 0.0
            elif money.shares < 0 and covers:
                order = "cover", 0.0
        return money

    return run


def channel_breakdown(days: pd.DataFrame) -> Money:
    """One order rests at a time: below while nothing is held, above while something is; and a stop above the entry."""
    money, order, called, before, last = Margin(), (0.0, np.nan), False, 0.0, None
    lowest, highest = days["low"].rolling(20).min().to_numpy(), days["high"].rolling(10).max().to_numpy()
    table = zip(
        calendar(days).normalize().tz_localize(None),
        days["open"],
        days["high"],
        days["low"],
        days["close"],
        strict=True,
    )
    for bar, (day, open_, high, low, close) in enumerate(table):
        money.nights(0 if last is None else (day - last).days, before)
        wanted, stop = order
        if called:
            money.sell(bar, open_ * (1 + WORSE))
        elif money.shares:
            nearest = np.fmin(stop, money.entered[1] * 1.08)
            if high >= nearest * (1 - 1e-12):
                money.sell(bar, max(open_, nearest) * (1 + WORSE))
        elif wanted and low <= stop * (1 + 1e-12):
            money.short(bar, wanted, min(open_, stop) * (1 - WORSE))
            level = money.entered[1] * 1.08
            # Sold within the day: a stop above the open was passed, if at all, by a close above it or a price above the open.
            if open_ <= stop and high >= level * (1 - 1e-12):
                money.sell(bar, max(open_, level) * (1 + WORSE))
            elif open_ > stop and high >= level * (1 - 1e-12) and (level > open_ or close >= level):
                money.sell(bar, max(level, money.entered[1]) * (1 + WORSE))
        called, before, last = money.called(close), close, day
        if money.shares:
            order = 0.0, highest[bar]
        else:
            order = (
                (float(math.floor(money.cash / lowest[bar])), lowest[bar])
                if lowest[bar] == lowest[bar]
                else (0.0, np.nan)
            )
    return money


# By the names of examples and of the gallery's strategies.
DAILY: dict[str, Script] = {
    "buy-and-hold": signals(lambda d: d["close"] > 0, lambda d: d["close"] < 0),
    "golden-cross": signals(lambda d: average(d, 50) > average(d, 200), lambda d: average(d, 50) < average(d, 200)),
    "ten-month-average": signals(lambda d: d["close"] > average(d, 210), lambda d: d["close"] < average(d, 210)),
    "twelve-month-momentum": signals(lambda d: d["close"].diff(252) > 0, lambda d: d["close"].diff(252) < 0),
    "turtle-long": signals(lambda d: d["close"] > top(d, 55), lambda d: d["close"] < bottom(d, 20)),
    "four-week-rule": signals(lambda d: d["close"] > top(d, 20), lambda d: d["close"] < bottom(d, 20)),
    "four-nine-eighteen": signals(
        lambda d: (average(d, 4) > average(d, 9)) & (average(d, 9) > average(d, 18)), lambda d: average(d, 4) < average(d, 9)
    ),
    "rsi-two": signals(
        lambda d: (d["close"] > average(d, 200)) & (strength(d, 2) < 10), lambda d: d["close"] > average(d, 5)
    ),
    "three-down-days": signals(fell_thrice, lambda d: d["close"] > average(d, 5)),
    "bollinger-reversion": signals(lambda d: d["close"] < band(d, -2), lambda d: d["close"] > band(d, 0)),
    "bollinger-breakout": signals(lambda d: d["close"] > band(d, 2), lambda d: d["close"] < band(d, 0)),
    "williams-r": signals(lambda d: williams(d) < -80, lambda d: williams(d) > -20),
    "z-score": signals(lambda d: deviation(d) < -2, lambda d: deviation(d) > 0),
    "turn-of-the-month": signals(month_turns, lambda d: ~month_turns(d)),
    "sell-in-may": signals(winter, lambda d: ~winter(d)),
    "volatility_breakout": volatility_breakout,
    "limit_pullback": limit_pullback,
    "channel_stop_orders": channel_stop_orders,
    "channel_breakdown": channel_breakdown,
    "stop_and_reverse": both_ways(
        lambda d: d["close"] > average(d, 50), lambda d: d["close"] < average(d, 50), lambda d: d["close"] < average(d, 50), lambda d: d["close"] > average(d, 50)
    ),
    "rsi_two_short": both_ways(
        None, None, lambda d: (d["close"] < average(d, 200)) & (strength(d, 2) > 90), lambda d: d["close"] < average(d, 5)
    ),
}  # fmt: skip
INTRADAY: dict[str, Script] = {
    "opening_range": opening_range,
    "dip_above_the_average": signals(
        lambda b: (strength(b, 14, from_the_first=True).iloc[14:].reindex(b.index) < 30) & (b["close"] > average_of_days(b, 200)) & (to_close(b) > 60),
        lambda b: (strength(b, 14, from_the_first=True) > 60) | (to_close(b) <= 10),
    ),
}  # fmt: skip
