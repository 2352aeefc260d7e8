"""A user's own limits."""

from __future__ import annotations

from uuid import UUID

from stratforge.portfolio.protections import RiskLimits
from stratforge.storage.postgres.database import Connection

_COLUMNS = (
    "max_position, max_exposure, max_daily_loss, max_drawdown, max_orders_per_minute, cooldown_minutes, price_band"
)


def read_limits(connection: Connection, user_id: UUID) -> RiskLimits:
    """The limits; all off when none were ever set."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM risk_limits WHERE user_id = %s",  # noqa: S608 - column names of this module
        (user_id,),
    ).fetchone()
    return RiskLimits(*row) if row else RiskLimits()


def set_limits(connection: Connection, user_id: UUID, limits: RiskLimits) -> None:
    """Replaces all limits."""
    connection.execute(
        f"""
        INSERT INTO risk_limits (user_id, {_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (user_id) DO UPDATE SET
            max_position = excluded.max_position, max_exposure = excluded.max_exposure, max_daily_loss = excluded.max_daily_loss,
            max_drawdown = excluded.max_drawdown, max_orders_per_minute = excluded.max_orders_per_minute,
            cooldown_minutes = excluded.cooldown_minutes, price_band = excluded.price_band, updated_at = now()
        """,  # noqa: S608 - column names of this module
        (
            user_id,
            limits.max_position,
            limits.max_exposure,
            limits.max_daily_loss,
            limits.max_drawdown,
            limits.max_orders_per_minute,
            limits.cooldown_minutes,
            limits.price_band,
        ),
    )
