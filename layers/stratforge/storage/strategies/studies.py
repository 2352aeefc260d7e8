"""Repository of studies: what is planned, the bars that all parts share, and what each part found."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from psycopg.types.json import Jsonb

from stratforge.backtest.study import Part, Plan
from stratforge.backtest.sweep import PointResult
from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_exactly, fetch_one, fetch_value


@dataclass(frozen=True, slots=True)
class Done:
    """The sums of the parts of a study that are done: points, and seconds of one core."""

    parts: int
    points: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Material:
    """The version that all parts of a study run, and the bars that they run it on.

    Attributes:
        version: The version of the strategy.
        bars: The bars of its symbol, or of each of its symbols.
        since: Where it begins to decide, in seconds since the epoch; None with the first bar.
    """

    version: int
    bars: dict[str, BarColumns]
    since: int | None = None


def add_study(connection: Connection, job_id: UUID, user_id: UUID, plan: Plan, material: Material) -> None:
    """Stores a plan and its material; one that is there stays as it is."""
    connection.execute(
        """
        INSERT INTO studies (job_id, user_id, version, points, part, seconds, bars) VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (job_id, user_id, material.version, plan.points, plan.part, plan.seconds, _packed(material)),
    )


def read_plan(connection: Connection, job_id: UUID) -> Plan | None:
    """The plan of a job's study; None where it has none."""
    return fetch_one(connection, Plan, "SELECT points, part, seconds FROM studies WHERE job_id = %s", (job_id,))


@dataclass(frozen=True, slots=True)
class _Row:
    version: int
    bars: bytes


def read_material(connection: Connection, job_id: UUID) -> Material:
    """The version and the bars of a study."""
    row = fetch_exactly(connection, _Row, "SELECT version, bars FROM studies WHERE job_id = %s", (job_id,))
    return _unpacked(row)


def others_at_work(connection: Connection, job_id: UUID, user_id: UUID) -> int:
    """Counts the user's other studies that are not finished. Of two that begin together only one sees none: the user's row is held."""
    connection.execute("SELECT FROM users WHERE id = %s FOR UPDATE", (user_id,))
    return int(
        fetch_value(
            connection,
            "SELECT count(*) FROM studies s JOIN jobs j ON j.id = s.job_id WHERE s.user_id = %s AND j.finished_at IS NULL AND j.id <> %s",
            (user_id, job_id),
        )
    )


def add_part(connection: Connection, job_id: UUID, user_id: UUID, number: int, part: Part) -> None:
    """Stores what a part found; found again it is the same, and the first stays."""
    connection.execute(
        """
        INSERT INTO study_parts (job_id, user_id, part, points, seconds, results, best) VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (
            job_id,
            user_id,
            number,
            len(part.results),
            part.seconds,
            Jsonb([each.as_dict() for each in part.results]),
            Jsonb([each.as_dict() for each in part.best]),
        ),
    )


def is_done(connection: Connection, job_id: UUID, number: int) -> bool:
    """Returns whether a part is done."""
    return bool(
        fetch_value(
            connection, "SELECT EXISTS (SELECT FROM study_parts WHERE job_id = %s AND part = %s)", (job_id, number)
        )
    )


def done_so_far(connection: Connection, job_id: UUID) -> Done:
    """The sums of the parts that are done."""
    return fetch_exactly(
        connection,
        Done,
        "SELECT count(*) AS parts, coalesce(sum(points), 0) AS points, coalesce(sum(seconds), 0) AS seconds FROM study_parts WHERE job_id = %s",
        (job_id,),
    )


def parts(connection: Connection, job_id: UUID) -> Iterator[Part]:
    """The parts that are done, in the order of the points."""
    rows = connection.execute(
        "SELECT results, best, seconds FROM study_parts WHERE job_id = %s ORDER BY part", (job_id,)
    )
    for results, best, seconds in rows:
        yield Part([_result(each) for each in results], [_result(each) for each in best], seconds)


def _result(kept: dict[str, Any]) -> PointResult:
    """A result as it was: what JSON has no number for is not defined."""
    missing = {name: math.nan for name, value in kept.items() if value is None and name != "error"}
    return PointResult(**(kept | missing))


_NOT_SINCE = -1


def _packed(material: Material) -> bytes:
    target = io.BytesIO()
    arrays: dict[str, Any] = {
        "symbols": np.array(list(material.bars)),
        "since": np.array(_NOT_SINCE if material.since is None else material.since),
    }
    for place, bars in enumerate(material.bars.values()):
        arrays |= _arrays(bars, f"{place}.")
    np.savez_compressed(target, **arrays)
    return target.getvalue()


def _unpacked(row: _Row) -> Material:
    with np.load(io.BytesIO(row.bars), allow_pickle=False) as found:
        if "symbols" not in found:
            # Stored before studies had several symbols.
            return Material(row.version, {"": _bars(found, "")})
        since = int(found["since"])
        bars = {str(symbol): _bars(found, f"{place}.") for place, symbol in enumerate(found["symbols"])}
        return Material(row.version, bars, None if since == _NOT_SINCE else since)


def _arrays(bars: BarColumns, prefix: str) -> dict[str, Any]:
    arrays: dict[str, Any] = {prefix + name: getattr(bars, name) for name in ("time", *PRICE_COLUMNS)}
    arrays[f"{prefix}timezone"] = np.array(bars.timezone.key)
    arrays[f"{prefix}length"] = np.array((bars.minutes, bars.daily))
    if bars.days is not None:
        arrays |= _arrays(bars.days, f"{prefix}days.")
    if bars.others:
        arrays[f"{prefix}others"] = np.array(list(bars.others))
    for place, each in enumerate(bars.others.values()):
        arrays |= _arrays(each, f"{prefix}other{place}.")
    return arrays


def _bars(found: Any, prefix: str) -> BarColumns:
    columns = (found[prefix + name] for name in ("time", *PRICE_COLUMNS))
    minutes, daily = map(int, found[f"{prefix}length"])
    timezone = ZoneInfo(str(found[f"{prefix}timezone"]))
    days = _bars(found, f"{prefix}days.") if f"{prefix}days.time" in found else None
    symbols = found.get(f"{prefix}others", ())
    others = {str(symbol): _bars(found, f"{prefix}other{place}.") for place, symbol in enumerate(symbols)}
    return BarColumns(*columns, timezone=timezone, minutes=minutes, daily=bool(daily), days=days, others=others)
