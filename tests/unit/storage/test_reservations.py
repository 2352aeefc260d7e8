"""Cash and shares move in one file: no other statement of the product assigns a balance, a reservation or a position."""

from __future__ import annotations

import re
from pathlib import Path

import stratforge
from stratforge.storage.ledger import reservations

ROOT = Path(stratforge.__file__).parents[2]
_ASSIGNMENTS = re.compile(
    r"UPDATE\s+(?:users|positions)\b(.*?)(?:\bWHERE\b|\bFROM\b|\"\"\"|\"$)", re.DOTALL | re.MULTILINE
)
_MONEY = re.compile(r"(?<![.\w])(virtual_balance|reserved_cash|reserved_quantity|quantity|cost_basis|realized_pnl)\s*=")


def moves(text: str) -> bool:
    """Whether a file's SQL assigns cash, shares or what they cost, or makes a position."""
    assigned = any(_MONEY.search(found.group(1)) for found in _ASSIGNMENTS.finditer(text))
    return assigned or re.search(r"INSERT\s+INTO\s+positions\b", text) is not None


def test_only_reservations_move_cash_and_shares() -> None:
    files = [path for folder in ("layers/stratforge", "functions") for path in (ROOT / folder).rglob("*.py")]
    assert [path for path in files if moves(path.read_text())] == [Path(reservations.__file__)]


def test_the_search_sees_what_it_looks_for() -> None:
    assert moves('"UPDATE users SET virtual_balance = virtual_balance + 1 WHERE id = %s"')
    assert moves('"""\nUPDATE positions p SET\n  high_water = 1,\n  reserved_quantity = 0\nFROM x\n"""')
    assert moves('"INSERT INTO positions (user_id) VALUES (%s)"')
    assert not moves('"UPDATE positions SET high_water = 1 WHERE quantity = 2"')
    assert not moves('"UPDATE users SET password_hash = %s WHERE virtual_balance = 0"')
