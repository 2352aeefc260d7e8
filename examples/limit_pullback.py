"""A pullback at a limit, after Connors: above the 200-day average, a limit three percent below the close, good for a day; out above the 5-day average."""

TIMEFRAME = "1d"
TREND, EXIT, BELOW = 200, 5, 0.03


def indicators(bars):
    return {"trend": ta.sma(bars.close, length=TREND), "exit": ta.sma(bars.close, length=EXIT)}


def on_bar(bar, position, state):
    if position.quantity > 0 and bar.close > bar.exit:
        return sell()
    if position.quantity == 0 and bar.close > bar.trend:
        return buy(limit=bar.close * (1 - BELOW), expire_bars=1)
