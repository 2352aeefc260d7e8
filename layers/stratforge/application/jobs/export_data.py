"""Making a file of what somebody has here, row by row, and keeping it where a link leads to it."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, BinaryIO
from uuid import UUID

from stratforge.application.jobs.requests import Exported, ExportFormat, ExportRequest
from stratforge.application.jobs.results import FinishedExport
from stratforge.application.jobs.work import Canceled, Failed, Work
from stratforge.parquet_stream import Column, ParquetWriter
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import FailureCode, JobKind, JobStatus
from stratforge.storage.users import bulk, export

# What fits into the place where a function writes files.
MOST_BYTES = 400_000_000
_MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
    ExportFormat.JSON: "application/json",
}
# Keeps a file: its key, its content and its media type.
Keep = Callable[[str, BinaryIO, str], None]
# Deletes files by their keys.
Drop = Callable[[Sequence[str]], None]
# Files are kept for a day, and gone after two.
_KEPT = timedelta(days=3)


def key_of(user_id: UUID, job_id: UUID, form: ExportFormat) -> str:
    """The place of a file among all files."""
    return f"exports/{user_id}/{job_id}.{form}"


def files_of(connection: Connection, user_id: UUID) -> list[str]:
    """The keys of all files of a user that may still be kept."""
    asked = jobs.list_recent_jobs(connection, user_id, JobKind.EXPORT, _KEPT)
    return [key_of(user_id, each.job_id, ExportRequest.model_validate(each.request).form) for each in asked]


def export_data(work: Work, keep: Keep, drop: Drop, most_bytes: int = MOST_BYTES) -> None:
    """Makes the file that a job asks for. Done anew it makes the same again, in the same place.

    Raises:
        Failed: if it would be too large.
        Canceled: if nobody wants it any more; then no file is left.
    """
    asked = ExportRequest.model_validate(work.job.request)
    work.tell("reading")
    # It is deleted when it is closed, however that happens.
    with tempfile.TemporaryFile() as file:
        with work.database.transaction() as connection:
            rows = _write(connection, work.job.user_id, asked, _Bounded(file, most_bytes))
        size = file.tell()
        file.seek(0)
        work.tell("storing")
        key = key_of(work.job.user_id, work.job.job_id, asked.form)
        keep(key, file, _MEDIA_TYPES[asked.form])
    try:
        work.succeed(lambda _connection: FinishedExport(rows=rows, bytes=size, name=asked.file_name))
    except Canceled:
        with work.database.transaction() as connection:
            now = jobs.get_job(connection, work.job.job_id)
        # It may be another's by now, who makes the same file in the same place, or has made it.
        if now is None or now.status not in (JobStatus.RUNNING, JobStatus.SUCCEEDED):
            drop([key])
        raise


class _Bounded(io.RawIOBase):
    """A file that takes so many bytes and no more."""

    def __init__(self, file: Any, most: int) -> None:
        self._file = file
        self._left = most

    def writable(self) -> bool:
        """Bytes can be written."""
        return True

    def write(self, content: Any) -> int:
        """Writes bytes.

        Raises:
            Failed: if they are too many.
        """
        self._left -= len(content)
        if self._left < 0:
            message = "The file would be larger than 400 MB. Ask for a shorter period."
            raise Failed(FailureCode.EXPORT_TOO_LARGE, message)
        return int(self._file.write(content))


def _write(connection: Connection, user_id: UUID, asked: ExportRequest, file: Any) -> int:
    match asked.what:
        case Exported.ACCOUNT:
            return _account(connection, user_id, file)
        case Exported.BARS:
            assert asked.symbol is not None
            columns, rows = bulk.BARS, bulk.bars(connection, asked.symbol, asked.start, asked.end)
        case Exported.TRADES:
            columns, rows = bulk.TRADES, bulk.trades(connection, user_id, asked.symbol, asked.start, asked.end)
        case Exported.ORDERS:
            columns, rows = bulk.ORDERS, bulk.orders(connection, user_id, asked.symbol, asked.start, asked.end)
    return (_parquet if asked.form is ExportFormat.PARQUET else _csv)(columns, rows, file)


def _parquet(columns: list[Column], groups: Iterator[list[Any]], file: Any) -> int:
    writer, count = ParquetWriter(file, columns), 0
    for rows in groups:
        writer.write(rows)
        count += len(rows)
    writer.close()
    return count


def _csv(columns: list[Column], groups: Iterator[list[Any]], file: Any) -> int:
    text, count = io.TextIOWrapper(file, "utf-8", newline="", write_through=True), 0
    table = csv.writer(text)
    table.writerow([each.name for each in columns])
    for rows in groups:
        table.writerows([[_cell(each) for each in row] for row in rows])
        count += len(rows)
    text.detach()
    return count


def _cell(value: Any) -> Any:
    """A value as text; one that a spreadsheet would take for a formula is marked as none."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, str):
        return "'" + value if value.lstrip().startswith(("=", "+", "-", "@")) else value
    return value if value is None else str(value)


def _account(connection: Connection, user_id: UUID, file: Any) -> int:
    """Everything that is stored about a user, by table, the newest first; complete, however much it is."""
    count = 0
    for place, (name, query) in enumerate(export.TABLES.items()):
        file.write(f'{"{" if not place else ","}\n"{name}": ['.encode())
        for number, row in enumerate(bulk.json_rows(connection, query, user_id)):
            file.write(f"{',' if number else ''}\n{row}".encode())
            count += 1
        file.write(b"]")
    file.write(b"\n}\n")
    return count
