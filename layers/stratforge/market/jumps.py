"""Prices that jump farther than a market does by itself: an unannounced split, a wrong print, or news that somebody should look at."""

from __future__ import annotations

from decimal import Decimal

# What a price may move from one that is known to the next: the widest limit-up limit-down band of its price (10 % from 3 dollars up,
# doubled near the open and the close; 20 %, doubled, below), with some air. https://www.luldplan.com
_DEAR = Decimal(3)
_MOVES = {True: Decimal("0.22"), False: Decimal("0.5")}
# Ratios in which shares are split or merged, and how near to one a jump must come to look like it.
_NEW_FOR_OLD = (
    *((new, 1) for new in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 50, 100)),
    (3, 2),
    (5, 2),
)
_NEAR = Decimal("0.04")


def split_like(before: Decimal, after: Decimal) -> tuple[int, int] | None:
    """The split (new shares, old shares) that a move of the price looks like; None for none.

    >>> split_like(Decimal(100), Decimal("49.5")), split_like(Decimal("1.02"), Decimal(10))
    ((2, 1), (1, 10))
    """
    ratio = before / after
    for new, old in _NEW_FOR_OLD:
        for pair in ((new, old), (old, new)):
            if abs(ratio * pair[1] / pair[0] - 1) <= _NEAR:
                return pair
    return None


def unexplained_jump(before: Decimal, after: Decimal, *, within_bands: bool = False) -> str | None:
    """Says what is odd about the way from one price of a symbol to the next; None when nothing is.

    Args:
        before: The last price that was known.
        after: The new one.
        within_bands: True if the new one lies between the exchange's limit-up and limit-down prices of the moment: the market
            knows it. After a split it knows it too, so whole ratios stay odd.
    """
    move = after / before - 1
    widest = _MOVES[min(before, after) >= _DEAR]
    if -widest / (1 + widest) <= move <= widest:
        return None
    split = split_like(before, after)
    if within_bands and split is None:
        return None
    looks = f", as after a split of {split[0]} for {split[1]}" if split else ""
    return f"the price went from {before:f} to {after:f} ({move:+.0%}) at once{looks}, and nothing that would explain it is known"
