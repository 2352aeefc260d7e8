"""Naive risk parity: every symbol in proportion to the inverse of its volatility of three months, made anew every month."""

UNIVERSE = ["AAPL", "GOOG", "IBM", "MSFT"]
SCHEDULE = "monthly"


def indicators(bars):
    return {"volatility": bars.close.pct_change().rolling(63).std()}


def rebalance(universe, portfolio, state):
    return weights.inverse_volatility(universe.volatility)
