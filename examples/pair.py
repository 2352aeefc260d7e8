"""A pair, long only: all of the money is in the cheaper of two, and swapped when their ratio is far from its mean."""

UNIVERSE = ["IBM", "MSFT"]
SCHEDULE = "daily"
DAYS, FAR = 40, 1.2


def indicators(bars):
    ratio = bars.close / bars.of("MSFT").close
    return {"z": (ratio - ratio.rolling(DAYS).mean()) / ratio.rolling(DAYS).std()}


def rebalance(universe, portfolio, state):
    first = universe.of("IBM")
    if first.z < -FAR:
        return {"IBM": 1}
    if first.z > FAR:
        return {"MSFT": 1}
