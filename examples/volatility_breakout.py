"""Larry Williams' volatility breakout: a stop order half of yesterday's range above the close, good for one day; out at the next open after."""

TIMEFRAME = "1d"
PART = 0.5


def on_bar(bar, position, state):
    if position.quantity > 0:
        return sell()
    return buy(stop=bar.close + PART * (bar.high - bar.low), expire_bars=1)
