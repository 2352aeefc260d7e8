"""The words in which what happens to a position is written: for a long one as they are, for a short one mirrored."""

from __future__ import annotations

from dataclasses import dataclass

# Sides of fills: bought, sold, sold short, covered; 0 is the fee of the nights before a bar, with no quantity.
FEE, BOUGHT, SOLD, SHORTED, COVERED = 0.0, 1.0, 2.0, 3.0, 4.0
# Of a level that was computed from a price: 10.70 less a tenth of it is touched at 9.63.
ABOVE, BELOW = f"{1 + 1e-12!r}", f"{1 - 1e-12!r}"


@dataclass(frozen=True, slots=True)
class Way:
    """The words of one of the two.

    Attributes:
        low, high: The prices of a bar that are against the position, and for it.
        under, over, below, above: Comparisons: at or on the way against it, at or for it, and both without "at".
        near, far: Factors by which a level is reached from within its rounding, against it and for it.
        least, most: Whichever price of several is further against it, or for it.
        opens, closes: Sides of fills.
        worth, cheap: Signs of what is for it and against it.
        never: A price that nothing against it comes to, and one that nothing for it does.
    """

    low: str = "b_low"
    high: str = "b_high"
    under: str = "<="
    over: str = ">="
    below: str = "<"
    above: str = ">"
    near: str = ABOVE
    far: str = BELOW
    least: str = "min"
    most: str = "max"
    opens: str = repr(BOUGHT)
    closes: str = repr(SOLD)
    worth: str = "+"
    cheap: str = "-"
    never: tuple[str, str] = ("0.0", "1e400")


LONG = Way()
SHORT = Way(
    "b_high", "b_low", ">=", "<=", ">", "<", BELOW, ABOVE, "max", "min", repr(SHORTED), repr(COVERED), "-", "+", ("1e400", "0.0")
)  # fmt: skip
