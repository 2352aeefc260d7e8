"""Assets as the broker describes them, kept so that nobody asks it for every order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from stratforge.portfolio.assets import AssetRules
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value


def read_asset(connection: Connection, symbol: str) -> AssetRules | None:
    """The rules of an asset, if the broker was ever asked."""
    return fetch_one(
        connection,
        AssetRules,
        """
        SELECT symbol, tradable, sell_only, fractionable, shortable, easy_to_borrow, asset_class = 'crypto' AS crypto, min_order_size, quantity_increment,
               price_increment, coalesce((SELECT scale FROM broker_account), 1) AS scale
        FROM assets WHERE symbol = %s
        """,
        (symbol,),
    )


def knows_assets(connection: Connection) -> bool:
    """Returns whether the broker's list of assets was ever stored whole."""
    return bool(fetch_value(connection, "SELECT count(*) > 1 FROM assets"))


def may_exist(connection: Connection, symbol: str) -> bool:
    """Returns whether the broker may have the asset: it has it, or its list is not known yet."""
    return bool(that_may_exist(connection, [symbol]))


def that_may_exist(connection: Connection, symbols: Sequence[str]) -> list[str]:
    """Those of some assets that the broker may have."""
    rows = connection.execute("SELECT symbol FROM assets WHERE symbol = ANY(%s)", (list(symbols),))
    known = {row[0] for row in rows}
    found = [each for each in symbols if each in known]
    return found if len(found) == len(symbols) or knows_assets(connection) else list(symbols)


def store_assets(connection: Connection, assets: Iterable[tuple[AssetRules, str]]) -> None:
    """Stores assets with their names; what was known before is brought up to date."""
    rows = list(assets)
    connection.execute(
        """
        INSERT INTO assets (symbol, name, asset_class, tradable, fractionable, min_order_size, quantity_increment, price_increment,
                            shortable, easy_to_borrow)
        SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::boolean[], %s::boolean[], %s::numeric[], %s::numeric[],
                             %s::numeric[], %s::boolean[], %s::boolean[])
        ON CONFLICT (symbol) DO UPDATE SET
            name = excluded.name, asset_class = excluded.asset_class, tradable = excluded.tradable,
            sell_only = false, fractionable = excluded.fractionable, min_order_size = excluded.min_order_size,
            quantity_increment = excluded.quantity_increment, price_increment = excluded.price_increment,
            shortable = excluded.shortable, easy_to_borrow = excluded.easy_to_borrow, refreshed_at = now()
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
            [asset.shortable for asset, _ in rows],
            [asset.easy_to_borrow for asset, _ in rows],
        ),
    )


def restrict_asset(connection: Connection, symbol: str, *, sell_only: bool) -> None:
    """Notes that the broker does not trade an asset any more, or only buys it back, until its list is stored again."""
    connection.execute(
        "UPDATE assets SET tradable = tradable AND %(sell_only)s, sell_only = sell_only OR %(sell_only)s WHERE symbol = %(symbol)s",
        {"symbol": symbol, "sell_only": sell_only},
    )


def note_not_lent(connection: Connection, symbol: str) -> None:
    """Notes that the broker does not lend an asset at present, until its list is stored again."""
    connection.execute("UPDATE assets SET easy_to_borrow = false WHERE symbol = %s", (symbol,))


@dataclass(frozen=True, slots=True)
class StoredAsset:
    """An asset as it was last asked for."""

    symbol: str
    name: str
    asset_class: Literal["us_equity", "crypto"]
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
    return fetch_all(
        connection,
        StoredAsset,
        """
        SELECT symbol, name, asset_class, tradable, fractionable, min_order_size, quantity_increment, price_increment FROM assets
        WHERE (%(pattern)s::text IS NULL OR symbol ILIKE %(pattern)s OR name ILIKE %(pattern)s)
          AND (%(tradable)s::boolean IS NULL OR tradable = %(tradable)s) AND (%(after)s::text IS NULL OR symbol > %(after)s)
        ORDER BY symbol LIMIT %(limit)s
        """,
        {"pattern": pattern, "tradable": tradable, "after": after, "limit": limit},
    )


def assets_are_due(connection: Connection, hours: int) -> bool:
    """Returns whether the assets are older than the given hours, or were never stored whole."""
    due = "SELECT count(*) < 2 OR max(refreshed_at) < now() - make_interval(hours => %s) FROM assets"
    return bool(fetch_value(connection, due, (hours,)))
