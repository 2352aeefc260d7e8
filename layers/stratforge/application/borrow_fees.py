"""Charges short positions for the nights over which they borrow. Doing it again charges nothing twice."""

from __future__ import annotations

from decimal import Decimal

from stratforge.portfolio.margin import night_fee
from stratforge.storage.ledger import borrowing
from stratforge.storage.postgres.database import Database


def charge_borrow_fees(database: Database) -> dict[str, Decimal]:
    """Charges every night that began since it was done last, symbol by symbol; returns the dollars by symbol."""
    charged: dict[str, Decimal] = {}
    with database.transaction() as connection:
        symbols = sorted({each.symbol for each in borrowing.uncharged_nights(connection)})
    for symbol in symbols:
        with database.transaction() as connection:
            borrowing.lock_borrowers(connection, symbol)
            fees = [
                (each, night_fee(each.quantity, each.price) * each.nights)
                for each in borrowing.uncharged_nights(connection, symbol)
            ]
            borrowing.charge(connection, fees)
        charged[symbol] = sum((fee for _, fee in fees), Decimal(0))
    return charged
