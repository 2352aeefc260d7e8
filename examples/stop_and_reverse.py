"""Long or short of an average: bought above the 50-day average, sold short below it, and flat for a day between the two."""

TIMEFRAME = "1d"
LENGTH = 50


def indicators(bars):
    return {"average": ta.sma(bars.close, length=LENGTH)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close > bar.average:
        return buy()
    if position.quantity == 0 and bar.close < bar.average:
        return short()
    if position.quantity > 0 and bar.close < bar.average:
        return sell()
    if position.quantity < 0 and bar.close > bar.average:
        return cover()
