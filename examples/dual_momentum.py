"""Dual momentum, after Antonacci: the strongest of a year, and cash where even that fell."""

UNIVERSE = ["AAPL", "GOOG", "IBM", "MSFT"]
SCHEDULE = "monthly"
YEAR = 252


def indicators(bars):
    return {"year": bars.close.pct_change(YEAR)}


def rebalance(universe, portfolio, state):
    return weights.equal(universe.year.top(1, where=universe.year > 0))
