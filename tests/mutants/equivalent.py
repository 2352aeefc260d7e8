"""Mutants that are no mutants: the code does the same, whatever it is given. Module, a part of the mutant's name, and why."""

from __future__ import annotations

EQUIVALENT: tuple[tuple[str, str], ...] = (
    # Equal sides are decided on before.
    ("netting", "bought > sold  [GtE]"),
    # A purchase's share of the crossing never exceeds what is left of it; the bound only guards the allocation.
    ("settlement", "253: ZERO  [1]"),
    # A sign is one or minus one.
    ("netting", "(orders[i].limit or price) * (1 if side == Side.BUY else -1)  [Div]"),
    ("corrections", ".copy_sign(quantity) * bought  [Div]"),
    ("corrections", ".copy_sign(value) * bought  [Div]"),
)
