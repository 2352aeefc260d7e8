"""The margin of short positions as SQL: the expressions of `portfolio/margin.py`, which a test holds equal to it."""

from __future__ import annotations

from stratforge.portfolio import margin

# Of a share at the price `at.price`, in dollars: what it needs while it is held, and when it is sold short.
MAINTENANCE_MARGIN = f"""
    (CASE WHEN at.price < {margin.LOW_PRICE} THEN greatest(at.price, {margin.LEAST_BELOW})
          ELSE greatest(at.price * {margin.MAINTENANCE_MARGIN}, {margin.LEAST_ABOVE}) END)
"""
INITIAL_MARGIN = f"greatest(at.price * {margin.INITIAL_MARGIN}, {MAINTENANCE_MARGIN})"
