"""The canonical bar and trade: nothing past the ingestor sees a payload of the data vendor."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a symbol.

    `time` is the aware UTC start of the bar; prices are in the quote currency, `volume` in shares or coins.
    """

    symbol: str
    time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    timeframe: str = field(default="1Min", kw_only=True)


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade print of a symbol; `time` is aware UTC."""

    symbol: str
    price: Decimal
    size: Decimal
    time: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and offer of a symbol; `time` is aware UTC."""

    symbol: str
    bid: Decimal
    ask: Decimal
    time: datetime
