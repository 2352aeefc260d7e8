"""A monthly rotation as at Composer: the two strongest of half a year in equal parts, all cash while the index is below its average."""

UNIVERSE = ["AAPL", "GOOG", "IBM", "MSFT"]
SCHEDULE = "monthly"
TOP, DAYS, AVERAGE = 2, 126, 200


def indicators(bars):
    return {"momentum": bars.close.pct_change(DAYS), "average": ta.sma(bars.close, length=AVERAGE)}


def rebalance(universe, portfolio, state):
    index = universe.of("IBM")
    return weights.equal(universe.momentum.top(TOP)) if index.close > index.average else cash()
