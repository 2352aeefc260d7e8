"""What the broker says of assets and trading days, kept so that nobody asks it for every order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from stratforge.market import is_crypto
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.calendar import MarketCalendar, MarketDay
from stratforge.storage.postgres.database import Connection


def read_asset(connection: Connection, symbol: str) -> AssetRules | None:
    """The rules of an asset, if the broker was ever asked."""
    row = connection.execute(
        """
        SELECT tradable, fractionable, min_order_size, quantity_increment, price_increment FROM assets WHERE symbol = %s
        """,
        (symbol,),
    ).fetchone()
    if row is None:
        return None
    tradable, fractionable, minimum, quantity_increment, price_increment = row
    return AssetRules(symbol, tradable, fractionable, is_crypto(symbol), minimum, quantity_increment, price_increment)


def knows_assets(connection: Connection) -> bool:
    """Whether the broker's list was ever stored whole."""
    row = connection.execute("SELECT count(*) > 1 FROM assets").fetchone()
    return bool(row and row[0])


def store_assets(connection: Connection, assets: Iterable[tuple[AssetRules, str]]) -> None:
    """Stores assets with their names; what was known before is brought up to date."""
    rows = list(assets)
    connection.execute(
        """
        INSERT INTO assets (symbol, name, asset_class, tradable, fractionable, min_order_size, quantity_increment, price_increment)
        SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::boolean[], %s::boolean[], %s::numeric[], %s::numeric[],
                             %s::numeric[])
        ON CONFLICT (symbol) DO UPDATE SET
            name = excluded.name, asset_class = excluded.asset_class, tradable = excluded.tradable,
            fractionable = excluded.fractionable, min_order_size = excluded.min_order_size,
            quantity_increment = excluded.quantity_increment, price_increment = excluded.price_increment, refreshed_at = now()
        """,
        (
            [asset.symbol for asset, _ in rows],
            [name for _, name in rows],
            ["crypto" if asset.crypto else "us_equity" for asset, _ in rows],
            [asset.tradable for asset, _ in rows],
            [asset.fractionable for asset, _ in rows],
            [asset.min_order_size for asset, _ in rows],
            [asset.quantity_increment for asset, _ in rows],
            [asset.price_increment for asset, _ in rows],
        ),
    )


@dataclass(frozen=True, slots=True)
class StoredAsset:
    """An asset as it was last asked for."""

    symbol: str
    name: str
    asset_class: str
    tradable: bool
    fractionable: bool
    min_order_size: Decimal | None
    quantity_increment: Decimal | None
    price_increment: Decimal | None


def list_assets(
    connection: Connection, search: str | None, tradable: bool | None, limit: int, after: str | None
) -> list[StoredAsset]:
    """Assets by symbol, after `after` when given."""
    pattern = (
        None if search is None else "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    )
    rows = connection.execute(
        """
        SELECT symbol, name, asset_class, tradable, fractionable, min_order_size, quantity_increment, price_increment FROM assets
        WHERE (%(pattern)s::text IS NULL OR symbol ILIKE %(pattern)s OR name ILIKE %(pattern)s)
          AND (%(tradable)s::boolean IS NULL OR tradable = %(tradable)s) AND (%(after)s::text IS NULL OR symbol > %(after)s)
        ORDER BY symbol LIMIT %(limit)s
        """,
        {"pattern": pattern, "tradable": tradable, "after": after, "limit": limit},
    )
    return [StoredAsset(*row) for row in rows]


def assets_are_due(connection: Connection, hours: int) -> bool:
    """Whether the broker should be asked for all assets again."""
    row = connection.execute(
        """
        SELECT count(*) < 2 OR max(refreshed_at) < now() - make_interval(hours => %s) FROM assets
        """,
        (hours,),
    ).fetchone()
    return bool(row and row[0])


def read_calendar(connection: Connection, start: date) -> MarketCalendar:
    """The trading days that are known from `start` on."""
    rows = connection.execute(
        "SELECT opens_at, closes_at, day FROM market_days WHERE day >= %s ORDER BY day LIMIT 400", (start,)
    )
    return MarketCalendar(MarketDay(*row) for row in rows)


def store_calendar(connection: Connection, days: Iterable[MarketDay]) -> None:
    """Stores trading days."""
    rows = list(days)
    connection.execute(
        """
        INSERT INTO market_days (day, opens_at, closes_at) SELECT * FROM unnest(%s::date[], %s::timestamptz[], %s::timestamptz[])
        ON CONFLICT (day) DO UPDATE SET opens_at = excluded.opens_at, closes_at = excluded.closes_at
        """,
        ([each.day for each in rows], [each.opens_at for each in rows], [each.closes_at for each in rows]),
    )
