"""A migration that was released is never edited, renamed or taken away."""

from __future__ import annotations

from local_platform.synthesis import ROOT
from stratforge.storage.postgres.migrations import read_migrations

FOLDER = ROOT / "db" / "migrations"


def test_released_migrations_are_as_they_were_released() -> None:
    lines = (ROOT / "db" / "released.txt").read_text().split("\n")[:-1]
    released = [(name, checksum) for checksum, _, name in (line.partition("  ") for line in lines)]
    found = [(f"{each.name}.sql", each.checksum) for each in read_migrations(FOLDER)]
    changed = [name for (name, checksum), is_now in zip(released, found, strict=False) if (name, checksum) != is_now]
    assert changed == [], "add another migration instead"
    assert 105 <= len(released) <= len(found)
