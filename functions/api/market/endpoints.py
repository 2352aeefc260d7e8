"""`/api/market`, `/api/assets` and `/api/watchlist`: bars, prices, what can be traded and what the caller watches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict
from stratforge.application import watchlist as watching
from stratforge.application.errors import existing
from stratforge.market import InvalidSymbol, decode_symbol, parse_symbol
from stratforge.market.symbols import SYMBOL_PATTERN
from stratforge.storage.market import assets as stored_assets
from stratforge.storage.market import market_data
from stratforge.storage.market.assets import StoredAsset
from stratforge.storage.market.watchlist import MOST_WATCHED, DayPrice

from functions.api.context import Asking, Reader, UserConnection, database, settings
from functions.api.formats import Number
from functions.api.views import Listed, items_of, list_of, view_of

router = APIRouter(prefix="/api", tags=["market"])


def _path_symbol(text: str) -> str:
    """A symbol in a path: `BTC_sUSD` stands for BTC/USD, as in the names of topics; `BTC-USD` is taken too."""
    try:
        return decode_symbol(text) if "_" in text else parse_symbol(text.replace("-", "/"))
    except (InvalidSymbol, KeyError):
        raise ValueError("is not a symbol; write AAPL, BRK.B or BTC-USD") from None


PathSymbol = Annotated[
    str,
    Path(
        max_length=20,
        examples=["AAPL"],
        description="A stock such as AAPL or BRK.B, or a pair such as BTC-USD",
        json_schema_extra={"pattern": SYMBOL_PATTERN.replace("/", "-")},
    ),
    AfterValidator(_path_symbol),
]
Moment = Annotated[AwareDatetime | None, Query()]


class BarView(BaseModel):
    """A bar; `time` is its start."""

    time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


class BarList(BaseModel):
    """1-minute bars, oldest first. `simulated`: the market is a replay, and what happens within a day is made up."""

    symbol: str
    simulated: bool
    items: list[BarView]


class PriceView(BaseModel):
    """The latest price, and whether the symbol is halted here."""

    model_config = ConfigDict(from_attributes=True)

    symbol: str
    price: Number
    time: datetime
    halted: bool
    simulated: bool


AssetList = list_of(view_of(StoredAsset, "AssetView"), "AssetList", "Assets by symbol; `next` continues the list.")

Watchlist = items_of(
    view_of(DayPrice, "WatchedSymbol", properties=("change",)),
    "Watchlist",
    f"The symbols that the caller watches, {MOST_WATCHED} at most.",
)


@router.get("/market/{symbol}/bars")
def list_bars(
    symbol: PathSymbol,
    _user: Reader,
    connection: UserConnection,
    start: Moment = None,
    end: Moment = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 390,
) -> BarList:
    """Recorded bars: the latest `limit` of the period, by default of the last days that were recorded."""
    columns = market_data.bars_between(connection, symbol, start, end, limit)
    items = [
        BarView(
            time=datetime.fromtimestamp(int(columns.time[index]), UTC),
            open=float(columns.open[index]),
            high=float(columns.high[index]),
            low=float(columns.low[index]),
            close=float(columns.close[index]),
            volume=float(columns.volume[index]),
        )
        for index in range(len(columns))
    ]
    return BarList(symbol=symbol, simulated=settings().simulated_market, items=items)


@router.get("/market/{symbol}/price")
def get_price(symbol: PathSymbol, _user: Reader, connection: UserConnection) -> PriceView:
    """Returns the latest price of a symbol; 404 if none is known."""
    found = existing(market_data.latest_price(connection, symbol), "price: nobody streams the symbol")
    return PriceView(
        symbol=symbol, price=found.price, time=found.time, halted=found.halted, simulated=settings().simulated_market
    )


@router.get("/assets", response_model=AssetList)
def list_assets(
    _user: Reader,
    connection: UserConnection,
    search: Annotated[
        str | None,
        Query(min_length=1, max_length=40, pattern=r"^[^\x00]*$", description="Part of the symbol or the name"),
    ] = None,
    tradable: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[
        str | None,
        Query(max_length=20, pattern=r"^[A-Z0-9./]+$", description="`next` of the page before", examples=["AAPL"]),
    ] = None,
) -> Listed[StoredAsset]:
    """Lists the broker's assets, as last refreshed (once a day)."""
    found = stored_assets.list_assets(connection, search, tradable, limit, cursor)
    return Listed(found, found[-1].symbol if len(found) == limit else None)


@router.get("/watchlist", response_model=Watchlist)
def get_watchlist(asking: Asking) -> Listed[DayPrice]:
    """The symbols that the caller watches, in the order in which they were added, with their prices."""
    return Listed(watching.read_watchlist(database(), asking))


@router.put("/watchlist/{symbol}", status_code=204)
def watch_symbol(symbol: PathSymbol, asking: Asking) -> None:
    """Watches a symbol; watching it again changes nothing."""
    watching.watch_symbol(database(), asking, symbol)


@router.delete("/watchlist/{symbol}", status_code=204)
def unwatch_symbol(symbol: PathSymbol, asking: Asking) -> None:
    """Watches a symbol no more, if it was watched."""
    watching.unwatch_symbol(database(), asking, symbol)
