"""The gallery: well-known strategies with what they would have made, the losers too."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any

from stratforge.backtest import BacktestConfig
from stratforge.market.sizes import SizingRule

_HERE = Path(__file__).parent
SOURCES, FIGURES = _HERE / "gallery.toml", _HERE / "gallery_figures.json"
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
# All of the equity in every trade, so that the figures compare with holding; slippage as of a liquid stock.
CONFIG = BacktestConfig(sizing_rule=SizingRule.EQUITY_FRACTION, sizing_value=1.0, slippage_bps=5.0)


@dataclass(frozen=True, slots=True)
class GalleryResult:
    """The backtest of a strategy on one stock's daily bars.

    Attributes:
        annual_return: CAGR, as a fraction.
        holding: CAGR of holding the stock from the first bar to the last.
    """

    symbol: str
    annual_return: float
    holding: float
    sharpe: float | None
    max_drawdown: float
    trades: int
    exposure: float


@dataclass(frozen=True, slots=True)
class GalleryStrategy:
    """A well-known strategy in our language.

    Attributes:
        origin: Who published it, and when.
        equity: A dollar in each of the stocks over the years, on average, in about forty points.
    """

    key: str
    name: str
    origin: str
    idea: str
    code: str
    results: tuple[GalleryResult, ...]
    equity: tuple[float, ...]

    @property
    def sharpe(self) -> float:
        """The Sharpe ratio on average of the stocks."""
        return fmean(each.sharpe or 0.0 for each in self.results)

    @property
    def beat_holding(self) -> int:
        """Counts the stocks on which it made more than holding them."""
        return sum(each.annual_return > each.holding for each in self.results)

    @property
    def lost(self) -> int:
        """Counts the stocks on which it lost money."""
        return sum(each.annual_return < 0 for each in self.results)


@dataclass(frozen=True, slots=True)
class Gallery:
    """The strategies, those with the highest Sharpe ratio first, and the days of their bars."""

    first_day: str
    last_day: str
    strategies: tuple[GalleryStrategy, ...]

    @property
    def lost_somewhere(self) -> int:
        """Counts those that lost money on at least one of the stocks."""
        return sum(each.lost > 0 for each in self.strategies)

    @property
    def beat_holding_mostly(self) -> int:
        """Counts those that made more than holding on more than half of the stocks."""
        return sum(2 * each.beat_holding > len(SYMBOLS) for each in self.strategies)


def read_sources() -> list[dict[str, str]]:
    """The strategies as they are written, without figures; on the bars of their figures, which are days."""
    found: list[dict[str, str]] = tomllib.loads(SOURCES.read_text(encoding="utf-8"))["strategy"]
    return [{**each, "code": f'TIMEFRAME = "1d"\n\n{each["code"].strip()}\n'} for each in found]


@lru_cache(maxsize=1)
def gallery() -> Gallery:
    """The gallery of well-known strategies, read once from the files beside this one."""
    figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    made = figures["strategies"]
    strategies = [
        GalleryStrategy(
            **each,
            results=tuple(GalleryResult(**result) for result in made[each["key"]]["results"]),
            equity=tuple(made[each["key"]]["equity"]),
        )
        for each in read_sources()
    ]
    ordered = sorted(strategies, key=lambda each: -each.sharpe)
    return Gallery(figures["first_day"], figures["last_day"], tuple(ordered))
