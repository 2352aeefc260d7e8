"""Sixty and forty, made anew every quarter."""

UNIVERSE = ["IBM", "MSFT"]
SCHEDULE = "quarterly"


def rebalance(universe, portfolio, state):
    return {"IBM": 0.6, "MSFT": 0.4}
